"""Modalities of one patient are pulled together; those that are absent have no part in it."""

import math

import pytest
import torch
from torch import Tensor

from mmcore.errors import ConfigError
from mmcore.model.config import read_section
from mmcore.records import Modality
from mmcore.train.alignment import (
    Alignment,
    AlignmentConfig,
    AlignmentKind,
    ContrastiveAlignment,
    build_alignment,
)

IMAGE, NOTE, OBSERVATIONS = Modality.IMAGE, Modality.NOTE, Modality.OBSERVATIONS
MODALITIES = (IMAGE, NOTE, OBSERVATIONS)
ROWS, DIM = 6, 16

every_kind = pytest.mark.parametrize("kind", ["contrastive", "joint"])


def number(cost: Tensor) -> float:
    return float(cost.detach())


def make(kind: AlignmentKind, *, dim: int = 0, **values: float | bool) -> Alignment:
    torch.manual_seed(0)
    config = AlignmentConfig(kind=kind, dim=dim, **values)
    alignment = build_alignment(config, MODALITIES, DIM)
    assert alignment is not None
    return alignment


def everyone() -> Tensor:
    return torch.ones(ROWS, 3, dtype=torch.bool)


def alike(seed: int = 1) -> dict[Modality, Tensor]:
    points = torch.randn(ROWS, DIM, generator=torch.Generator().manual_seed(seed))
    return {m: points.clone() for m in MODALITIES}


def different() -> dict[Modality, Tensor]:
    return {m: alike(seed)[m] for seed, m in enumerate(MODALITIES)}


@every_kind
def test_partners_that_agree_cost_less_than_partners_that_were_swapped(
    kind: AlignmentKind,
) -> None:
    alignment, agreed = make(kind), alike()
    swapped = {**agreed, NOTE: agreed[NOTE].roll(1, dims=0)}
    assert number(alignment(agreed, everyone())) < number(alignment(swapped, everyone())) - 0.1


@every_kind
def test_what_is_absent_has_no_influence(kind: AlignmentKind) -> None:
    alignment, vectors, presence = make(kind, dim=8), different(), everyone()
    presence[0, 1] = presence[3, 1] = presence[3, 2] = False
    moved = {m: x.clone() for m, x in vectors.items()}
    moved[NOTE][0] += 5.0
    moved[NOTE][3] += 5.0
    moved[OBSERVATIONS][3] -= 7.0
    moved[IMAGE][3] += 9.0  # this patient has an image and nothing to compare it with
    assert torch.equal(alignment(vectors, presence), alignment(moved, presence))
    without = [0, 1, 2, 4, 5]
    fewer = alignment({m: x[without] for m, x in vectors.items()}, presence[without])
    assert torch.allclose(alignment(vectors, presence), fewer)


@every_kind
def test_gradients_reach_both_towers_and_only_who_is_there(kind: AlignmentKind) -> None:
    alignment, presence = make(kind, dim=8), everyone()
    presence[2, 0] = False
    vectors = {m: x.requires_grad_() for m, x in different().items()}
    alignment(vectors, presence).backward()
    for m, x in vectors.items():
        assert x.grad is not None, m
        assert bool((x.grad != 0).any(dim=1)[presence[:, MODALITIES.index(m)]].all())
    assert vectors[IMAGE].grad is not None
    assert not vectors[IMAGE].grad[2].any()
    silent = [n for n, p in alignment.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@every_kind
@pytest.mark.parametrize("presence", [[False] * 3, [True, False, False]])
def test_without_a_pair_to_compare_it_costs_exactly_nothing(
    kind: AlignmentKind, presence: list[bool]
) -> None:
    alignment = make(kind)
    vectors = {m: x.requires_grad_() for m, x in different().items()}
    cost = alignment(vectors, torch.tensor([presence] * ROWS))
    cost.backward()
    assert number(cost.detach()) == 0.0
    assert all(x.grad is not None and not x.grad.any() for x in vectors.values())


@every_kind
def test_one_patient_alone_has_nobody_to_differ_from(kind: AlignmentKind) -> None:
    presence = torch.zeros(ROWS, 3, dtype=torch.bool)
    presence[4] = True
    assert number(make(kind)(different(), presence)) == 0.0


@every_kind
def test_the_order_of_the_patients_does_not_matter(kind: AlignmentKind) -> None:
    alignment, vectors, turned = make(kind, dim=8), different(), torch.randperm(ROWS)
    presence = torch.rand(ROWS, 3) > 0.2
    again = alignment({m: x[turned] for m, x in vectors.items()}, presence[turned])
    assert torch.allclose(alignment(vectors, presence), again, atol=1e-6)


@every_kind
def test_tokens_count_by_their_mean(kind: AlignmentKind) -> None:
    alignment, vectors = make(kind), different()
    spread = torch.tensor([1.0, -1.0, 0.0])[None, :, None]
    tokens = {m: x[:, None] + spread for m, x in vectors.items()}
    assert torch.allclose(alignment(tokens, everyone()), alignment(vectors, everyone()), atol=1e-5)


# --- contrastive ---


def two(angle: float) -> dict[Modality, Tensor]:
    """Return two patients whose images stand at right angles, and notes turned by ``angle``."""
    turn = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return {IMAGE: torch.eye(2), NOTE: turn}


def pair_of(**values: float | bool) -> Alignment:
    config = AlignmentConfig(kind="contrastive", dim=0, **values)
    return ContrastiveAlignment(config, (IMAGE, NOTE), 2)


def test_infonce_by_hand() -> None:
    # Cosines 1 and 0 at temperature 0.5: -log(e^2 / (e^2 + 1)) in all four rows and columns.
    cost = pair_of(temperature=0.5)(two(0.0), torch.ones(2, 2, dtype=torch.bool))
    assert number(cost) == pytest.approx(math.log(1 + math.exp(-2)))


def test_points_that_say_nothing_cost_the_logarithm_of_the_crowd() -> None:
    same = {m: torch.ones(ROWS, DIM) for m in MODALITIES}
    assert number(make("contrastive")(same, everyone())) == pytest.approx(math.log(ROWS))


def test_two_examinations_of_one_patient_are_no_strangers() -> None:
    there = torch.ones(2, 2, dtype=torch.bool)
    cost = pair_of(temperature=0.5)(two(0.3), there, torch.tensor([7, 7]))
    assert number(cost) == 0.0
    assert number(pair_of(temperature=0.5)(two(0.3), there, torch.tensor([7, 8]))) > 0.1


def test_the_temperature_is_learned_or_fixed() -> None:
    assert [p.requires_grad for p in pair_of(learn_temperature=False).parameters()] == [False]
    assert [p.requires_grad for p in pair_of().parameters()] == [True]


# --- joint ---


def test_joint_distance_by_hand() -> None:
    # Notes turned by 60 degrees: each lies 1 from its image.
    config = AlignmentConfig(kind="joint", dim=0, spread=0.0)
    alignment = build_alignment(config, (IMAGE, NOTE), 2)
    assert alignment is not None
    cost = alignment(two(math.pi / 3), torch.ones(2, 2, dtype=torch.bool))
    assert number(cost) == pytest.approx(1.0)


def test_falling_together_costs_what_distance_saves() -> None:
    one_point = {m: torch.ones(ROWS, DIM) for m in MODALITIES}
    assert number(make("joint", spread=0.0)(one_point, everyone())) == pytest.approx(0.0, abs=1e-9)
    assert number(make("joint")(one_point, everyone())) > 0.99
    assert number(make("joint")(alike(), everyone())) < 0.5


# --- configuration ---


def test_none_is_no_alignment() -> None:
    assert build_alignment(AlignmentConfig(), MODALITIES, DIM) is None


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"kind": "clip"}, "known: none, contrastive, joint"),
        ({"temperature": 0.0}, "below"),
        ({"temperature": math.nan}, "below"),
        ({"dim": -1}, "negative"),
        ({"heads": 2}, "unknown"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(
    values: dict[str, object], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        read_section(AlignmentConfig, values, where="alignment")
