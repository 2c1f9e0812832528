"""Pruning: what is taken out is what nobody misses, and the rest is the same network."""

from dataclasses import replace

import pytest
import torch

from mmcore.compress.prune import importance, inner_channels, prune_inner, zero_smallest
from mmcore.errors import ConfigError
from mmcore.model.network import FusionNetwork
from mmcore.model.pack import load_pack
from mmcore.model.prepared import network_input
from mmcore.records import Modality
from tests.tiny import tiny_pack


def network_and_patients() -> tuple[FusionNetwork, dict]:
    pack = load_pack(tiny_pack())
    patients = {m: network_input(pack.reference.patients[m.value]) for m in pack.config.modalities}
    return pack.network, patients


def answers(network: FusionNetwork, inputs: dict) -> torch.Tensor:
    present = torch.ones(len(inputs[Modality.IMAGE]), len(network.modalities), dtype=torch.bool)
    with torch.no_grad():
        return network(inputs, present).logits


def test_channels_that_say_nothing_go_first_and_nothing_is_lost_with_them() -> None:
    network, patients = network_and_patients()
    for inner in inner_channels(network):  # half of every group is not listened to
        weight = network.get_submodule(inner.reads).weight
        grouped = weight.unflatten(1, (inner.groups, -1))
        grouped[:, :, : grouped.shape[2] // 2] = 0.0
    for inner in inner_channels(network):
        if not inner.norm:
            continue
        # A norm mixes the channels of a group: make the silent ones copies of those that speak.
        makes = network.get_submodule(inner.makes).weight
        halves = makes.unflatten(0, (inner.groups, 2, -1))
        halves[:, 0] = halves[:, 1]
    before = answers(network, patients)
    config, smaller = prune_inner(network, patients, keep_one_in=2)
    assert config.note is not None
    assert config.note.arguments["intermediate_size"] == 8
    assert config.image is not None
    assert config.image.arguments["block_reduce_first"] == 2
    assert torch.allclose(answers(smaller, patients), before, atol=1e-4)


def test_a_pruned_network_has_fewer_numbers_and_the_same_shape_outside() -> None:
    network, patients = network_and_patients()
    _, smaller = prune_inner(network, patients, keep_one_in=2)

    def count(of: FusionNetwork) -> int:
        return sum(p.numel() for p in of.parameters())

    assert count(smaller) < count(network)
    for modality in network.modalities:
        own, other = (n.tokenise(modality, n.embed(modality, patients[modality]))
                      for n in (network, smaller))  # fmt: skip
        assert own.shape == other.shape


def test_what_an_input_does_not_reach_matters_nothing() -> None:
    network, patients = network_and_patients()
    network.fusion.to_keys_values.weight[:] = 0.0  # the fusion is deaf
    assert all(
        float(scores.abs().max()) == 0.0 for scores in importance(network, patients).values()
    )


@pytest.mark.parametrize(("keep_one_in", "problem"), [(1, "at least 2"), (5, "can not be kept")])
def test_an_uneven_part_is_refused(keep_one_in: int, problem: str) -> None:
    network, patients = network_and_patients()
    with pytest.raises(ConfigError, match=problem):
        prune_inner(network, patients, keep_one_in=keep_one_in)


def test_a_network_without_inner_channels_is_refused() -> None:
    network, patients = network_and_patients()
    only = Modality.VARIANTS
    config = replace(network.config, inputs={only: network.config.inputs[only]}, segmentation=None)
    with pytest.raises(ConfigError, match="neither"):
        prune_inner(FusionNetwork(config), patients, keep_one_in=2)


def test_zeroed_weights_are_the_smallest_and_as_many_as_asked_for() -> None:
    weight = torch.arange(1.0, 2001.0).reshape(2, 1000) * torch.tensor([[1.0], [-1.0]])
    tensors = {"w": weight, "bias": torch.ones(4), "baseline_image": torch.ones(2, 1000)}
    thinned = zero_smallest(tensors, 0.25)
    assert (thinned["w"] == 0).sum() == 500
    assert float(thinned["w"].abs()[thinned["w"] != 0].min()) == 501.0
    assert thinned["bias"] is tensors["bias"]
    assert thinned["baseline_image"] is tensors["baseline_image"]
    with pytest.raises(ConfigError, match="between 0 and 1"):
        zero_smallest(tensors, 1.0)
