"""The network's laws: absent is baseline, rows do not mix, every branch learns."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmcore.errors import ConfigError
from mmcore.model.config import ModelConfig
from mmcore.model.network import FusionNetwork, log_odds
from mmcore.records import Modality
from mmcore.train.run import build_network
from tests.tiny import tiny_run, tiny_source

ALL = torch.ones(4, len(Modality), dtype=torch.bool)


def network_and_batch(count: int = 4) -> tuple[FusionNetwork, dict[Modality, torch.Tensor]]:
    network = build_network(tiny_run(), tiny_source(), folder=Path()).eval()
    return network, tiny_source().train.batch(torch.arange(count)).inputs


@pytest.mark.parametrize("column", range(len(Modality)))
def test_a_missing_modality_is_its_baseline_input(column: int) -> None:
    network, inputs = network_and_batch()
    modality = network.modalities[column]
    presence = ALL.clone()
    presence[:, column] = False
    missing = network(inputs, presence).logits
    baseline = network.baseline(modality)[None].expand_as(inputs[modality])
    stated = network({**inputs, modality: baseline}, ALL).logits
    assert torch.allclose(missing, stated, atol=1e-5)


def test_the_other_patients_of_a_batch_do_not_matter() -> None:
    network, inputs = network_and_batch()
    presence = torch.rand(ALL.shape, generator=torch.Generator().manual_seed(0)) < 0.6
    together = network(inputs, presence)
    assert together.regions is not None
    for row in range(4):
        alone = network({m: x[row : row + 1] for m, x in inputs.items()}, presence[row : row + 1])
        assert torch.allclose(alone.logits[0], together.logits[row], atol=1e-5)
        assert alone.regions is not None
        assert torch.allclose(alone.regions[0], together.regions[row], atol=1e-5)


def test_encoding_once_and_deciding_is_the_forward_pass() -> None:
    network, inputs = network_and_batch()
    whole = network(inputs, ALL).logits
    encoded = {m: network.encode(m, network.embed(m, inputs[m])) for m in network.modalities}
    baseline = {
        m: network.encode(m, network.embed(m, network.baseline(m)[None]))
        for m in network.modalities
    }
    assert torch.allclose(network.decide(encoded, baseline), whole, atol=1e-5)


def test_a_modality_that_may_not_speak_of_a_target_can_not_move_it() -> None:
    model = tiny_run().model
    first, *rest = model.targets
    model = replace(model, targets=(replace(first, inputs=("image",)), *rest))
    network = FusionNetwork(model).eval()
    inputs = tiny_source().train.batch(torch.arange(4)).inputs
    whole = network(inputs, ALL).logits
    only_image = ALL.clone()
    only_image[:, 1:] = False
    partial = network(inputs, only_image).logits
    assert torch.allclose(whole[:, 0], partial[:, 0], atol=1e-5)
    assert not torch.allclose(whole[:, 1], partial[:, 1], atol=1e-3)


def test_findings_of_one_group_exclude_each_other() -> None:
    model = tiny_run().model
    targets = tuple(
        replace(t, group="diagnosis") if i < 3 else t for i, t in enumerate(model.targets)
    )
    network = FusionNetwork(replace(model, targets=targets)).eval()
    logits = network(tiny_source().train.batch(torch.arange(4)).inputs, ALL).logits
    assert logits[:, :3].sigmoid().sum(1).tolist() == pytest.approx([1.0] * 4, abs=1e-5)


def test_log_odds_of_two_classes_are_the_difference_of_their_scores() -> None:
    assert log_odds(torch.tensor([[2.0, 0.5]])).tolist() == [[1.5, -1.5]]


def test_gradients_reach_every_branch() -> None:
    network, inputs = network_and_batch()
    with torch.no_grad():  # residual branches start at exactly zero: move them off it
        for parameter in network.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    outputs = network(inputs, ALL)
    assert outputs.regions is not None
    (outputs.logits.sum() + outputs.regions.sum()).backward()
    silent = [
        name
        for name, p in network.named_parameters()
        if p.grad is None or not bool((p.grad != 0).any())
    ]
    assert silent == []


def test_a_model_of_two_modalities_is_the_same_network_with_branches_less() -> None:
    model = tiny_run().model
    kept = (Modality.IMAGE, Modality.OBSERVATIONS)
    network = FusionNetwork(replace(model, inputs={m: model.inputs[m] for m in kept})).eval()
    assert network.modalities == kept
    inputs = tiny_source().train.batch(torch.arange(2)).inputs
    outputs = network({m: inputs[m] for m in kept}, torch.ones(2, 2, dtype=torch.bool))
    assert outputs.logits.shape == (2, 7)


def test_a_configuration_survives_its_file() -> None:
    model = tiny_run().model
    assert ModelConfig.from_mapping(model.to_mapping()) == model


def test_an_unknown_key_is_refused_by_name() -> None:
    values = tiny_run().model.to_mapping()
    values["fusion"]["num_head"] = 2
    with pytest.raises(ConfigError, match="num_head"):
        ModelConfig.from_mapping(values)
