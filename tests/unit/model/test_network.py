"""The network's laws: absent is baseline, rows do not mix, every branch learns."""

from dataclasses import replace

import pytest
import torch

from mmcore.errors import ConfigError
from mmcore.model.config import ModelConfig
from mmcore.model.network import FusionNetwork
from mmcore.records import Modality
from tests.tiny import tiny_run, tiny_tensors


def network_and_batch(count: int = 4) -> tuple[FusionNetwork, dict[Modality, torch.Tensor]]:
    model, tensors = tiny_tensors()
    torch.manual_seed(1)
    network = FusionNetwork(model).eval()
    network.baseline_image = tensors.mean_image()
    return network, tensors.batch(torch.arange(count)).inputs


@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_missing_modality_is_its_baseline_input(column: int) -> None:
    network, inputs = network_and_batch()
    modality = network.modalities[column]
    presence = torch.ones(4, 3, dtype=torch.bool)
    presence[:, column] = False
    missing, _ = network(inputs, presence)
    baseline = network.baseline(modality)[None].expand_as(inputs[modality])
    stated, _ = network({**inputs, modality: baseline}, torch.ones(4, 3, dtype=torch.bool))
    assert torch.allclose(missing, stated, atol=1e-5)


def test_the_other_patients_of_a_batch_do_not_matter() -> None:
    network, inputs = network_and_batch()
    presence = torch.tensor([[True, True, True], [False, True, True], [True, False, True],
                             [True, True, False]])  # fmt: skip
    together, _ = network(inputs, presence)
    for row in range(4):
        alone, _ = network(
            {m: x[row : row + 1] for m, x in inputs.items()}, presence[row : row + 1]
        )
        assert torch.allclose(alone[0], together[row], atol=1e-5)


def test_encoding_once_and_deciding_is_the_forward_pass() -> None:
    network, inputs = network_and_batch()
    whole, _ = network(inputs, torch.ones(4, 3, dtype=torch.bool))
    encoded = {m: network.encode(m, network.embed(m, inputs[m])) for m in network.modalities}
    assert torch.allclose(network.decide(encoded), whole, atol=1e-5)


def test_gradients_reach_every_branch() -> None:
    network, inputs = network_and_batch()
    with torch.no_grad():  # residual branches start at exactly zero: move them off it
        for parameter in network.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    logits, location = network(inputs, torch.ones(4, 3, dtype=torch.bool))
    (logits.sum() + location.sum()).backward()
    silent = [
        name
        for name, p in network.named_parameters()
        if p.grad is None or not bool((p.grad != 0).any())
    ]
    assert silent == []


def test_a_model_of_two_modalities_is_the_same_network_with_one_branch_less() -> None:
    model = replace(tiny_run().model, note=None)
    network = FusionNetwork(model).eval()
    assert network.modalities == (Modality.IMAGE, Modality.OBSERVATIONS)
    inputs = {
        Modality.IMAGE: torch.randn(2, 1, 64, 64),
        Modality.OBSERVATIONS: torch.rand(2, 18, 2),
    }
    logits, _ = network(inputs, torch.ones(2, 2, dtype=torch.bool))
    assert logits.shape == (2, 7)


def test_a_configuration_survives_its_file() -> None:
    model = tiny_run().model
    assert ModelConfig.from_mapping(model.to_mapping()) == model


def test_an_unknown_key_is_refused_by_name() -> None:
    values = tiny_run().model.to_mapping()
    values["fusion"]["num_head"] = 2
    with pytest.raises(ConfigError, match="num_head"):
        ModelConfig.from_mapping(values)
