"""Many rows that share few inputs are decided as if each were laid out."""

from typing import get_args

import pytest
import torch
from torch import Tensor

from mmcore.model.config import FusionKind, ModelConfig
from mmcore.model.network import FusionNetwork
from mmcore.records import Modality
from tests.unit.train.small import Small, examinations, model, network

COALITIONS = torch.tensor([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)])


def encoded(
    net: FusionNetwork, count: int
) -> tuple[dict[Modality, Tensor], dict[Modality, Tensor]]:
    """Return encodings of some patients, and of nothing."""
    batch = examinations(Small()).batch(torch.arange(count))
    with torch.no_grad():
        own = {m: net.encode(m, net.embed(m, batch.inputs[m])) for m in net.modalities}
        none = {m: net.encode(m, net.embed(m, net.baseline(m)[None])) for m in net.modalities}
    return own, none


def laid_out(
    net: FusionNetwork,
    variants: dict[Modality, Tensor],
    choice: Tensor,
    none: dict[Modality, Tensor],
) -> Tensor:
    return net.decide({m: variants[m][choice[:, i]] for i, m in enumerate(net.modalities)}, none)


@pytest.mark.parametrize("kind", get_args(FusionKind))
def test_all_coalitions_are_decided_as_if_each_were_laid_out(kind: FusionKind) -> None:
    net = network(Small(fusion=kind)).eval()
    own, none = encoded(net, 1)
    variants = {m: torch.cat([none[m], own[m]]) for m in net.modalities}
    torch.testing.assert_close(
        net.decide_each(variants, COALITIONS, none), laid_out(net, variants, COALITIONS, none),
        rtol=1e-5, atol=1e-5,
    )  # fmt: skip


def test_rows_in_any_order_and_in_uneven_numbers_get_their_own_answers() -> None:
    net = network(Small()).eval()
    own, none = encoded(net, 3)
    even = COALITIONS[torch.randperm(8, generator=torch.Generator().manual_seed(0))]
    uneven = torch.tensor([[2, 0, 1], [0, 0, 1], [1, 2, 1], [1, 2, 2], [0, 1, 0]])
    for choice in (even, uneven):
        torch.testing.assert_close(
            net.decide_each(own, choice, none), laid_out(net, own, choice, none),
            rtol=1e-5, atol=1e-5,
        )  # fmt: skip


def test_the_slope_is_that_of_the_rows_laid_out() -> None:
    net = network(Small()).eval()
    own, none = encoded(net, 2)
    slopes = []
    for decide in (net.decide_each, lambda *a: laid_out(net, *a)):
        image = own[Modality.IMAGE].detach().clone().requires_grad_()
        choice = torch.tensor([[0, 0, 1], [1, 0, 0], [0, 1, 1], [1, 1, 0]])
        decide({**own, Modality.IMAGE: image}, choice, none)[:, 0].sum().backward()
        assert image.grad is not None
        slopes.append(image.grad)
    torch.testing.assert_close(slopes[0], slopes[1], rtol=1e-4, atol=1e-6)


def test_one_target_can_be_asked_alone_and_what_may_not_speak_of_it_does_not() -> None:
    values = model(Small()).to_mapping()
    values["targets"][0]["inputs"] = ["image"]
    net = FusionNetwork(ModelConfig.from_mapping(values)).eval()
    own, none = encoded(net, 1)
    variants = {m: torch.cat([none[m], own[m]]) for m in net.modalities}
    alone = net.decide_each(variants, COALITIONS, none, column=0)[:, 0]
    torch.testing.assert_close(alone, laid_out(net, variants, COALITIONS, none)[:, 0])
    by_image = COALITIONS[:, net.modalities.index(Modality.IMAGE)]
    assert len(alone[by_image == 1].unique()) == 1
