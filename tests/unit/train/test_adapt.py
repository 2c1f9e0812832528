"""What is frozen stays, what is adapted starts and ends unnoticed, and everything has its rate."""

import copy

import pytest
import torch
from torch import Tensor, nn

from mmcore.errors import ConfigError
from mmcore.train.adapt import (
    LowRank,
    add_lora,
    freeze,
    merge_lora,
    parameter_groups,
)


class Small(nn.Module):
    """A convolution, an attention and a linear map, as encoders have them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.stem(x).flatten(2).transpose(1, 2)
        result: Tensor = self.head(self.layer(tokens).mean(1))
        return result


PATTERNS = ["stem", "layer.linear*", "layer.self_attn.in_proj_weight", "layer.self_attn.out_proj"]
ADAPTED = ["layer.linear1.weight", "layer.linear2.weight", "layer.self_attn.in_proj_weight",
           "layer.self_attn.out_proj.weight", "stem.weight"]  # fmt: skip


def make() -> tuple[Small, Tensor]:
    torch.manual_seed(0)
    return Small(), torch.randn(2, 1, 4, 4)


def train(network: nn.Module, inputs: Tensor, steps: int = 5) -> None:
    chosen = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(chosen, lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        network(inputs).square().sum().backward()
        optimizer.step()


# --- low-rank adaptation ---


@pytest.mark.parametrize("is_training", [True, False])
def test_before_training_the_outputs_are_unchanged(is_training: bool) -> None:
    network, inputs = make()
    network.train(is_training)
    before = network(inputs)
    assert add_lora(network, PATTERNS, rank=2, alpha=4.0) == ADAPTED
    assert torch.equal(network(inputs), before)


@pytest.mark.parametrize("is_training", [True, False])
def test_merging_changes_no_output_and_leaves_no_trace(is_training: bool) -> None:
    network, inputs = make()
    names = list(network.state_dict())
    original = copy.deepcopy(network.state_dict())
    add_lora(network, PATTERNS, rank=2, alpha=4.0)
    train(network, inputs)
    network.train(is_training)
    adapted, stem = network(inputs), network.stem.weight.detach().clone()
    assert sorted(merge_lora(network)) == ADAPTED
    assert torch.equal(network.stem.weight.detach(), stem)
    # Weights are the same to the bit; torch may choose another kernel for them.
    assert torch.allclose(network(inputs), adapted, atol=1e-6)
    assert sorted(network.state_dict()) == sorted(names)
    plain, _ = make()
    plain.load_state_dict(network.state_dict(), strict=True)
    assert torch.allclose(plain.train(is_training)(inputs), adapted, atol=1e-6)
    assert not torch.equal(network.state_dict()["stem.weight"], original["stem.weight"])


def test_the_difference_has_the_rank_that_was_asked_for() -> None:
    network, inputs = make()
    before = network.head.weight.detach().clone()
    add_lora(network, ["head"], rank=2, alpha=4.0)
    train(network, inputs)
    merge_lora(network)
    assert int(torch.linalg.matrix_rank(network.head.weight.detach() - before, atol=1e-5)) == 2


def test_only_the_thin_matrices_are_trained() -> None:
    network, _ = make()
    freeze(network, ["*"])
    add_lora(network, ["head"], rank=2, alpha=4.0)
    trained = {n: p.numel() for n, p in network.named_parameters() if p.requires_grad}
    prefix = "head.parametrizations.weight.0"
    assert trained == {f"{prefix}.down": 2 * 8, f"{prefix}.up": 3 * 2}


def test_low_rank_by_hand() -> None:
    # 4 / 2 times the product of [1, 2]^T and [3, 0, 1], first of two ranks.
    change = LowRank(torch.zeros(2, 3), rank=2, alpha=4.0)
    with torch.no_grad():
        change.up[:, 0] = torch.tensor([1.0, 2.0])
        change.down[0] = torch.tensor([3.0, 0.0, 1.0])
    assert change(torch.ones(2, 3)).tolist() == [[7.0, 1.0, 3.0], [13.0, 1.0, 5.0]]


def test_an_adapted_network_resumes_from_its_checkpoint() -> None:
    network, inputs = make()
    add_lora(network, PATTERNS, rank=2, alpha=4.0)
    train(network, inputs)
    again, _ = make()
    add_lora(again, PATTERNS, rank=2, alpha=4.0)
    again.load_state_dict(network.state_dict(), strict=True)
    assert torch.equal(again(inputs), network(inputs))


def test_nothing_is_adapted_twice() -> None:
    network, _ = make()
    add_lora(network, ["head"], rank=2, alpha=4.0)
    with pytest.raises(ConfigError, match="adapted already"):
        add_lora(network, ["head"], rank=2, alpha=4.0)


def test_merging_a_plain_network_does_nothing() -> None:
    assert merge_lora(make()[0]) == []


# --- freezing ---


def test_what_is_frozen_is_not_moved() -> None:
    network, inputs = make()
    frozen = freeze(network, ["stem.*", "layer.self_attn.*"])
    before = copy.deepcopy(network.state_dict())
    train(network, inputs)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]) == (name in frozen)
    assert "stem.bias" in frozen
    assert "layer.linear1.weight" not in frozen


def test_a_pattern_that_fits_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="'stern\\*' fits nothing"):
        freeze(make()[0], ["stern*"])
    with pytest.raises(ConfigError, match="'lay' fits nothing"):
        add_lora(make()[0], ["lay"], rank=2, alpha=4.0)


def test_a_pattern_may_be_the_start_of_a_name() -> None:
    network, _ = make()
    assert freeze(network, ["stem", "layer.self_attn.out_proj"]) == [
        "stem.weight", "stem.bias", "layer.self_attn.out_proj.weight",
        "layer.self_attn.out_proj.bias",
    ]  # fmt: skip
    assert add_lora(network, ["layer"], rank=2, alpha=4.0) == [n for n in ADAPTED if "layer" in n]


def test_adapting_a_frozen_encoder_trains_its_thin_matrices() -> None:
    network, inputs = make()
    freeze(network, ["layer"])
    add_lora(network, ["layer.linear1"], rank=2, alpha=4.0)
    network(inputs).sum().backward()
    trained = [n for n, p in network.named_parameters() if p.requires_grad and "layer" in n]
    assert trained == [f"layer.linear1.parametrizations.weight.0.{x}" for x in ("down", "up")]


# --- rates ---


def test_every_trained_parameter_is_in_one_group() -> None:
    network, _ = make()
    frozen = freeze(network, ["stem.*"])
    groups = parameter_groups(network, learning_rate=1e-3, weight_decay=0.1, rates={"layer": 0.1})
    listed = [id(p) for group in groups for p in group["params"]]
    wanted = [id(p) for n, p in network.named_parameters() if n not in frozen]
    assert sorted(listed) == sorted(wanted)


def test_the_longest_prefix_sets_the_rate_and_only_matrices_decay() -> None:
    network, _ = make()
    groups = parameter_groups(
        network, learning_rate=1.0, weight_decay=0.1, rates={"layer": 0.1, "layer.linear1": 0.5}
    )
    found = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}
    by_name = {name: found[id(p)] for name, p in network.named_parameters()}
    assert by_name["head.weight"] == (1.0, 0.1)
    assert by_name["head.bias"] == (1.0, 0.0)
    assert by_name["layer.linear1.weight"] == (0.5, 0.1)
    assert by_name["layer.linear2.weight"] == (0.1, 0.1)
    assert by_name["layer.norm1.weight"] == (0.1, 0.0)
    assert all(group["initial_lr"] == group["lr"] for group in groups)


def test_groups_suit_an_optimiser_and_its_checkpoint() -> None:
    network, inputs = make()
    groups = parameter_groups(network, learning_rate=1e-3, weight_decay=0.1, rates={"head": 3.0})
    optimizer = torch.optim.AdamW(groups)
    network(inputs).sum().backward()
    optimizer.step()
    again = torch.optim.AdamW(
        parameter_groups(network, learning_rate=1e-3, weight_decay=0.1, rates={"head": 3.0})
    )
    again.load_state_dict(optimizer.state_dict())
    assert [g["initial_lr"] for g in again.param_groups] == [g["initial_lr"] for g in groups]


def test_a_prefix_is_a_whole_name_and_must_exist() -> None:
    with pytest.raises(ConfigError, match="no parameter is below it"):
        parameter_groups(make()[0], learning_rate=1.0, weight_decay=0.0, rates={"lay": 0.5})
