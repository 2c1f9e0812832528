"""The laws of every fusion, and the arithmetic of each."""

import math
from itertools import permutations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmcore.errors import ConfigError
from mmcore.explain.shapley import coalition_presence, interaction_index, shapley_values
from mmcore.model.config import FusionConfig, FusionKind, PoolingKind, read_section
from mmcore.model.fusion import (
    FUSIONS,
    BilinearFusion,
    CrossAttentionFusion,
    Fusion,
    GatedFusion,
    LateFusion,
    WeightedSumFusion,
    build_fusion,
)
from mmcore.records import Modality

IMAGE, NOTE, OBSERVATIONS = Modality.IMAGE, Modality.NOTE, Modality.OBSERVATIONS
MODALITIES = (IMAGE, NOTE, OBSERVATIONS)
LENGTHS = {IMAGE: 9, NOTE: 7, OBSERVATIONS: 4}
TARGETS, DIM, ROWS = 5, 8, 3

every_kind = pytest.mark.parametrize("kind", sorted(FUSIONS))
every_pooling = pytest.mark.parametrize("pooling", ["attention", "mean"])


def make(
    kind: FusionKind,
    pooling: PoolingKind = "attention",
    *,
    modalities: tuple[Modality, ...] = MODALITIES,
) -> Fusion:
    torch.manual_seed(3)
    config = FusionConfig(embed_dim=DIM, depth=2, num_heads=2, kind=kind, pooling=pooling)
    fusion = build_fusion(config, modalities, TARGETS).double().eval()
    with torch.no_grad():  # biases and learned weights start at zero: move them off it
        for parameter in fusion.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return fusion


def make_tokens(seed: int = 0) -> dict[Modality, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        m: torch.randn(ROWS, length, DIM, generator=generator, dtype=torch.float64)
        for m, length in LENGTHS.items()
    }


def projected(fusion: Fusion, tokens: dict[Modality, Tensor]) -> dict[Modality, Tensor]:
    return {m: fusion.project(m, tokens[m]) for m in fusion.modalities}


def head() -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(TARGETS, DIM, generator=generator, dtype=torch.float64)


def coalition_logits(fusion: Fusion) -> np.ndarray:
    """Return (2^M, K): the first patient's inputs in each coalition, the second's elsewhere."""
    own = projected(fusion, {m: x[:1] for m, x in make_tokens().items()})
    baseline = projected(fusion, {m: x[1:2] for m, x in make_tokens().items()})
    presence = torch.from_numpy(coalition_presence(len(MODALITIES)))
    mixed = {
        m: torch.where(presence[:, column, None, None], own[m], baseline[m])
        for column, m in enumerate(MODALITIES)
    }
    return torch.einsum("bkd,kd->bk", fusion(mixed), head()).detach().numpy()


def test_every_kind_of_the_configuration_can_be_built() -> None:
    assert set(FUSIONS) == set(FusionKind.__args__)


@every_pooling
@every_kind
def test_a_fusion_gives_one_vector_per_target(kind: FusionKind, pooling: PoolingKind) -> None:
    fusion = make(kind, pooling)
    assert fusion(projected(fusion, make_tokens())).shape == (ROWS, TARGETS, DIM)


@every_pooling
@every_kind
def test_the_order_of_the_modalities_changes_no_bit(kind: FusionKind, pooling: PoolingKind) -> None:
    fusion = make(kind, pooling)
    prepared = projected(fusion, make_tokens())
    first = fusion(prepared)
    for order in permutations(MODALITIES):
        assert torch.equal(fusion({m: prepared[m] for m in order}), first)


@every_pooling
@every_kind
def test_gradients_reach_every_branch_and_every_weight(
    kind: FusionKind, pooling: PoolingKind
) -> None:
    fusion = make(kind, pooling)
    tokens = {m: x.requires_grad_() for m, x in make_tokens().items()}
    torch.einsum("bkd,kd->", fusion(projected(fusion, tokens)), head()).backward()
    for m, x in tokens.items():
        assert x.grad is not None, m
        assert bool((x.grad != 0).any(dim=2).all()), f"a token of {m} is not read"
    silent = [n for n, p in fusion.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@every_pooling
@every_kind
def test_the_other_patients_of_a_batch_do_not_matter(
    kind: FusionKind, pooling: PoolingKind
) -> None:
    fusion, tokens = make(kind, pooling), make_tokens()
    together = fusion(projected(fusion, tokens))
    for row in range(ROWS):
        alone = fusion(projected(fusion, {m: x[row : row + 1] for m, x in tokens.items()}))
        assert torch.allclose(alone[0], together[row], atol=1e-12)


@every_kind
def test_what_is_prepared_of_one_modality_joins_with_any_other(kind: FusionKind) -> None:
    fusion, tokens, other = make(kind), make_tokens(0), make_tokens(1)
    swapped = {**projected(fusion, tokens), NOTE: fusion.project(NOTE, other[NOTE])}
    whole = projected(fusion, {**tokens, NOTE: other[NOTE]})
    assert torch.equal(fusion(swapped), fusion(whole))


@every_kind
def test_a_fusion_of_one_modality_works(kind: FusionKind) -> None:
    fusion = make(kind, modalities=(NOTE,))
    assert bool(fusion(projected(fusion, make_tokens())).isfinite().all())


@every_kind
def test_the_weights_do_not_depend_on_how_the_model_lists_its_modalities(kind: FusionKind) -> None:
    fusion, turned = make(kind), make(kind, modalities=MODALITIES[::-1])
    turned.load_state_dict(fusion.state_dict(), strict=True)
    one = fusion(projected(fusion, make_tokens()))
    assert torch.allclose(turned(projected(turned, make_tokens())), one, atol=1e-12)


@every_kind
def test_a_missing_modality_is_refused_because_absence_is_a_baseline_input(
    kind: FusionKind,
) -> None:
    fusion = make(kind)
    prepared = projected(fusion, make_tokens())
    del prepared[NOTE]
    with pytest.raises(ValueError, match="it got image, observations"):
        fusion(prepared)


@every_pooling
@every_kind
def test_a_fusion_is_so_smooth_that_quadrature_is_exact(
    kind: FusionKind, pooling: PoolingKind
) -> None:
    fusion, start, end = make(kind, pooling), make_tokens(1), make_tokens(2)

    def logit(t: Tensor) -> Tensor:
        prepared = {m: fusion.project(m, start[m] + t * (end[m] - start[m])) for m in MODALITIES}
        return torch.einsum("bkd,kd->", fusion(prepared), head())

    points, weights = np.polynomial.legendre.leggauss(160)
    integral = 0.0
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        t = torch.tensor(point, requires_grad=True)
        integral += weight * float(torch.autograd.grad(logit(t), t)[0])
    with torch.no_grad():
        change = float(logit(torch.tensor(1.0)) - logit(torch.tensor(0.0)))
    assert integral == pytest.approx(change, abs=1e-9)


# --- what each kind means ---


def test_late_fusion_is_exactly_additive() -> None:
    for pooling in ("attention", "mean"):
        values = coalition_logits(make("late", pooling))
        assert np.abs(interaction_index(values)).max() < 1e-12
        assert np.abs(shapley_values(values)).min() > 1e-6  # and yet every modality counts
        assert values[-1] - values[0] == pytest.approx(
            (values[1] + values[2] + values[4]) - 3 * values[0], abs=1e-12
        )


@pytest.mark.parametrize("kind", sorted(set(FUSIONS) - {"late"}))
def test_every_other_fusion_lets_modalities_interact(kind: FusionKind) -> None:
    assert np.abs(interaction_index(coalition_logits(make(kind)))).max() > 1e-4


def without_perceptron(fusion: Fusion) -> Fusion:
    fusion.perceptron = nn.Identity()
    return fusion


def test_a_late_decision_is_the_mean_of_the_decisions() -> None:
    fusion = make("late", modalities=(IMAGE, NOTE))
    assert isinstance(fusion, LateFusion)
    one = {IMAGE: torch.full((1, TARGETS, DIM), 4.0), NOTE: torch.full((1, TARGETS, DIM), -1.0)}
    assert torch.equal(fusion(one), torch.full((1, TARGETS, DIM), 1.5))


def test_a_weighted_sum_uses_the_softmax_of_what_was_learned() -> None:
    fusion = without_perceptron(make("weighted_sum", modalities=(NOTE, IMAGE)))
    assert isinstance(fusion, WeightedSumFusion)
    with torch.no_grad():
        fusion.importance.zero_()
        fusion.importance[1, 0] = math.log(3.0)  # image is first by name: 3/4 against 1/4
    vectors = {IMAGE: torch.full((1, 1, DIM), 8.0).double(), NOTE: torch.zeros(1, 1, DIM).double()}
    result = fusion(vectors)[0, :, 0]
    assert result.tolist() == pytest.approx([4.0, 6.0, 4.0, 4.0, 4.0])
    weights = fusion.weights(vectors)
    assert weights[IMAGE][0].tolist() == pytest.approx([0.5, 0.75, 0.5, 0.5, 0.5])


def test_a_closed_gate_shuts_its_modality_out() -> None:
    fusion = make("gated", modalities=(IMAGE, NOTE))
    assert isinstance(fusion, GatedFusion)
    with torch.no_grad():
        fusion.to_gates.weight.zero_()
        fusion.to_gates.bias[:DIM] = -1e9  # image
        fusion.to_gates.bias[DIM:] = 1e9
    prepared = projected(fusion, make_tokens(0))
    other = {**prepared, IMAGE: projected(fusion, make_tokens(1))[IMAGE]}
    assert torch.equal(fusion(other), fusion(prepared))
    assert torch.equal(fusion.weights(prepared)[IMAGE], torch.zeros(ROWS, TARGETS).double())
    assert torch.equal(fusion.weights(prepared)[NOTE], torch.ones(ROWS, TARGETS).double())


def test_a_bilinear_fusion_sums_products_of_factors() -> None:
    fusion = without_perceptron(make("bilinear", modalities=(IMAGE, NOTE)))
    assert isinstance(fusion, BilinearFusion)
    with torch.no_grad():
        fusion.rank_weights.copy_(torch.tensor([1.0, 10.0, 0.0, 0.0]))
        fusion.bias.fill_(0.5)
    image, note = torch.ones(1, 4, DIM).double(), torch.ones(1, 4, DIM).double()
    image[0, 0], image[0, 1], note[0, 0], note[0, 1] = 2.0, 3.0, 5.0, 7.0
    result = fusion({IMAGE: image, NOTE: note})
    assert result[0, 0].tolist() == pytest.approx([1 * 2 * 5 + 10 * 3 * 7 + 0.5] * DIM)


def test_a_bilinear_fusion_is_the_outer_product_in_low_rank() -> None:
    fusion = without_perceptron(make("bilinear", modalities=(IMAGE, NOTE)))
    assert isinstance(fusion, BilinearFusion)
    tokens, one = make_tokens(), torch.ones(ROWS, 1, dtype=torch.float64)
    appended, parts = {}, {}
    for m in (IMAGE, NOTE):
        appended[m] = torch.cat([fusion.pools[m.value](tokens[m])[:, 0], one], dim=1)
        factor = fusion.factors[m.value]
        assert isinstance(factor, nn.Linear)
        stacked = torch.cat([factor.weight, factor.bias[:, None]], dim=1)
        parts[m] = stacked.reshape(4, DIM, DIM + 1)
    full = torch.einsum("r,rdi,rdj->ijd", fusion.rank_weights, parts[IMAGE], parts[NOTE])
    expected = torch.einsum("bi,bj,ijd->bd", appended[IMAGE], appended[NOTE], full) + fusion.bias
    assert torch.allclose(fusion(projected(fusion, tokens))[:, 0], expected, atol=1e-12)


def test_joint_embeddings_have_length_one() -> None:
    fusion = make("aligned")
    for vectors in projected(fusion, make_tokens()).values():
        assert vectors.norm(dim=2).flatten().tolist() == pytest.approx([1.0] * ROWS)


@pytest.mark.parametrize("kind", ["attention", "weighted_sum", "mean", "late", "aligned"])
def test_weights_that_share_sum_to_one(kind: FusionKind) -> None:
    fusion = make(kind)
    weights = fusion.weights(projected(fusion, make_tokens()))
    assert set(weights) == set(MODALITIES)
    total = torch.stack(list(weights.values()))
    assert total.shape == (3, ROWS, TARGETS)
    assert torch.allclose(total.sum(dim=0), torch.ones(ROWS, TARGETS).double())
    assert bool((total > 0).all())


def test_gates_lie_between_closed_and_open() -> None:
    fusion = make("gated")
    for gates in fusion.weights(projected(fusion, make_tokens())).values():
        assert gates.shape == (ROWS, TARGETS)
        assert bool(((gates > 0) & (gates < 1)).all())


@pytest.mark.parametrize("kind", ["concat", "bilinear"])
def test_a_fusion_without_weights_says_so(kind: FusionKind) -> None:
    fusion = make(kind)
    assert fusion.weights(projected(fusion, make_tokens())) == {}


def test_attention_is_counted_where_the_network_looks() -> None:
    fusion = make("attention")
    assert isinstance(fusion, CrossAttentionFusion)
    with torch.no_grad():  # keys of every token alike: attention is the share of tokens
        fusion.to_keys_values.weight.zero_()
    weights = fusion.weights(projected(fusion, make_tokens()))
    assert weights[IMAGE].flatten().tolist() == pytest.approx([9 / 20] * ROWS * TARGETS)
    assert weights[NOTE].flatten().tolist() == pytest.approx([7 / 20] * ROWS * TARGETS)


# --- configuration ---


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"kind": "magic"}, "known: attention, concat"),
        ({"pooling": "max"}, "'max' is unknown"),
        ({"num_heads": 3}, "must divide"),
        ({"rank": 0}, "must exceed 0"),
        ({"depth": 0}, "0 is too few"),
        ({"dropout": float("nan")}, r"must lie in \[0, 1\)"),
        ({"ranks": 2}, "unknown; known"),
    ],
)
def test_a_configuration_that_can_not_be_built_is_refused(
    values: dict[str, object], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        read_section(FusionConfig, {"embed_dim": 8, **values}, where="fusion")


def test_vectors_may_be_joined_without_a_perceptron() -> None:
    assert FusionConfig(embed_dim=8, depth=0, kind="mean").depth == 0
