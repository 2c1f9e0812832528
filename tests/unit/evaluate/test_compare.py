"""Comparisons of models and of subgroups: definitions, laws, and data with a known answer."""

import numpy as np
import pytest
from scipy.special import expit

from mmcore.evaluate import compare
from mmcore.evaluate.metrics import auroc


def two_models(
    seed: int, count: int = 80, *, better: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.4).astype(float)
    shared = rng.normal(size=count)
    first = np.round(expit(labels + shared + 0.5 * rng.normal(size=count)), 1)  # with ties
    second = expit((1 + better) * labels + shared + 0.5 * rng.normal(size=count))
    return labels, first, second


def literal_covariance(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """DeLong's definition: the placement values by comparing every pair, O(m n)."""
    positive, negative = scores[:, labels > 0.5], scores[:, labels <= 0.5]
    in_order = positive[:, :, None] > negative[:, None, :]
    kernel = in_order + 0.5 * (positive[:, :, None] == negative[:, None, :])
    m, n = positive.shape[1], negative.shape[1]
    return np.cov(kernel.mean(2)) / m + np.cov(kernel.mean(1)) / n


@pytest.mark.parametrize("seed", range(5))
def test_midranks_give_the_variance_of_the_definition(seed: int) -> None:
    labels, first, second = two_models(seed)
    scores = np.stack([first, second])
    aucs, covariance = compare.delong_covariance(labels, scores)
    assert aucs == pytest.approx([auroc(labels, first), auroc(labels, second)], abs=1e-12)
    assert covariance == pytest.approx(literal_covariance(labels, scores), abs=1e-14)


def test_delong_by_hand() -> None:
    # Present 0.4 and 0.9, absent 0.1 and 0.6. Placements of the present: 1/2 and 1, of the absent
    # 1 and 1/2, each with variance 1/8; so the AUROC of 3/4 has variance 1/16 + 1/16.
    labels, scores = np.array([0.0, 0, 1, 1]), np.array([[0.1, 0.6, 0.4, 0.9]])
    aucs, covariance = compare.delong_covariance(labels, scores)
    assert aucs[0] == 0.75
    assert covariance[0, 0] == pytest.approx(1 / 8)


def test_the_interval_of_a_perfect_ranking_is_not_a_point() -> None:
    figure = compare.delong(np.array([0.0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9]))
    assert figure.value == 1.0
    assert np.isnan(figure.low)


def test_delong_and_the_bootstrap_agree_on_independent_rows() -> None:
    labels, first, second = two_models(1, 600, better=0.5)
    quick = compare.delong_test(labels, first, second)
    drawn = compare.compare_findings(
        labels, first, second, operating_points=(0.5, 0.5), names=("auroc",)
    )["auroc"]
    assert drawn.value == pytest.approx(quick.value)
    assert drawn.low == pytest.approx(quick.low, abs=0.006)
    assert drawn.high == pytest.approx(quick.high, abs=0.006)


def test_swapping_the_models_swaps_the_sign() -> None:
    labels, first, second = two_models(2, better=1.0)
    there, back = (
        compare.delong_test(labels, *pair) for pair in ((first, second), (second, first))
    )
    assert (there.value, there.low) == pytest.approx((-back.value, -back.high))
    assert there.p_value == pytest.approx(back.p_value)


def test_delong_rejects_equal_models_about_as_often_as_it_says() -> None:
    values = [compare.delong_test(*two_models_alike(seed)).p_value for seed in range(400)]
    assert 0.02 <= np.mean(np.array(values) < 0.05) <= 0.08


def two_models_alike(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (np.arange(120) < 50).astype(float)
    shared = labels + rng.normal(size=120)
    return labels, shared + rng.normal(size=120), shared + rng.normal(size=120)


def test_a_model_does_not_differ_from_itself() -> None:
    labels, first, _ = two_models(3)
    drawn = compare.compare_findings(labels, first, first, operating_points=(0.5, 0.5))
    assert all((d.value, d.low, d.high, d.p_value) == (0, 0, 0, 1) for d in drawn.values())
    assert np.isnan(compare.delong_test(labels, first, first).p_value)


def test_a_better_model_is_found_better_and_a_p_value_is_never_zero() -> None:
    labels, first, second = two_models(4, 400, better=3.0)
    gap = compare.compare_findings(labels, first, second, operating_points=(0.5, 0.5))["auroc"]
    assert gap.low > 0
    assert gap.p_value == pytest.approx(2 / 1001)


def test_regressions_are_compared_on_the_same_patients() -> None:
    truth = np.arange(60.0)
    gap = compare.compare_regressions(truth, truth + 2, truth - 1)["mae"]
    assert (gap.first, gap.second, gap.value, gap.low, gap.high) == pytest.approx(
        (2, 1, -1, -1, -1)
    )


def test_mcnemar_counts_only_rows_on_which_the_two_disagree() -> None:
    labels = np.array([1.0] * 6 + [0.0] * 4 + [np.nan])
    first = np.array([1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1], dtype=bool)  # all right
    second = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], dtype=bool)  # misses all six
    result = compare.mcnemar(labels, first, second)
    assert (result.first_alone, result.second_alone) == (6, 0)
    assert result.p_value == pytest.approx(2 / 2**6)
    assert compare.mcnemar(labels, first, first).p_value == 1.0


def test_a_subgroup_that_is_served_worse_is_named() -> None:
    rng = np.random.default_rng(0)
    count = 900
    labels = (rng.random(count) < 0.4).astype(float)
    women = rng.random(count) < 0.5
    scores = expit(rng.normal(size=count) + labels * np.where(women, 0.3, 3.0))
    rare = np.arange(count) < 12
    report = compare.subgroup_figures(
        labels, scores, {"women": women, "men": ~women, "rare": rare}, operating_point=0.5
    )
    gap = report.gaps["auroc"]
    assert (gap.higher, gap.lower) == ("men", "women")
    assert gap.value.low > 0.2
    first = report.subgroups[0]
    assert (first.n, first.n_positive) == (women.sum(), (labels[women] == 1).sum())
    assert first.figures["auroc"].value == pytest.approx(auroc(labels[women], scores[women]))


def test_a_handful_of_patients_makes_no_gap() -> None:
    labels, first, _ = two_models(5)
    few = np.arange(80) < 8
    report = compare.subgroup_figures(
        labels, first, {"few": few, "rest": ~few}, operating_point=0.5
    )
    assert report.gaps == {}
    assert [s.name for s in report.subgroups] == ["few", "rest"]
