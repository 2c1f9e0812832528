"""Points of curves by hand and by law."""

import numpy as np
import pytest
from scipy.stats import binomtest

from mmcore.evaluate import curves
from mmcore.evaluate.metrics import ece


def sample(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    scores = np.round(rng.random(count), 2)
    return (rng.random(count) < scores).astype(float), scores


@pytest.mark.parametrize(("hits", "total"), [(0, 10), (10, 10), (3, 10), (45, 60)])
def test_wilson_is_scipys(hits: int, total: int) -> None:
    expected = binomtest(hits, total).proportion_ci(method="wilson")
    assert curves.wilson(hits, total) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_share_of_nobody_has_no_interval() -> None:
    assert np.isnan(curves.wilson(0, 0)).all()


def test_reliability_bins_by_hand() -> None:
    labels, scores = np.array([0.0, 1, 1, 1, np.nan]), np.array([0.05, 0.07, 0.95, 0.99, 0.5])
    low, high = curves.reliability(labels, scores)
    assert (low.low, low.high, low.count) == (0.0, 0.1, 2)
    assert (low.mean_score, low.observed.value) == pytest.approx((0.06, 0.5))
    assert (high.observed.value, high.observed.high) == (1.0, 1.0)


@pytest.mark.parametrize("equal_count", [False, True])
def test_every_row_is_in_one_bin(equal_count: bool) -> None:
    bins = curves.reliability(*sample(), equal_count=equal_count)
    assert sum(b.count for b in bins) == 300
    assert all(b.low <= b.mean_score <= b.high for b in bins)


def test_the_gaps_of_the_diagram_are_the_calibration_error() -> None:
    labels, scores = sample()
    gaps = [
        b.count / 300 * abs(b.mean_score - b.observed.value)
        for b in curves.reliability(labels, scores)
    ]
    assert sum(gaps) == pytest.approx(ece(labels, scores))


def test_the_area_under_the_drawn_curve_is_the_auroc_beside_it() -> None:
    curve = curves.roc_curve(*sample())
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(curve.area.value, abs=0.005)
    assert (np.diff(curve.y) >= 0).all()
    assert curve.y[-1] == 1.0
    assert (curve.low <= curve.y + 1e-9).all()
    assert (curve.y <= curve.high + 1e-9).all()


def test_the_roc_curve_by_hand() -> None:
    # Calls in order: present, absent, present and absent together.
    curve = curves.roc_curve(np.array([1.0, 0, 1, 0]), np.array([0.9, 0.8, 0.4, 0.4]))
    assert curve.y[[0, 25, 50, 75, 100]] == pytest.approx([0.5, 0.5, 0.5, 0.75, 1.0])


def test_a_perfect_ranking_fills_the_square() -> None:
    labels = np.array([0.0, 0, 0, 1, 1])
    scores = np.array([0.1, 0.2, 0.3, 0.8, 0.9])
    roc = curves.roc_curve(labels, scores)
    assert (roc.y == 1.0).all()
    pr = curves.precision_recall_curve(labels, scores)
    assert (pr.y == 1.0).all()
    assert pr.chance == 0.4
    assert (roc.area.value, pr.area.value) == (1.0, 1.0)


def test_precision_at_a_recall_by_hand() -> None:
    # Calls in order: present, absent, present. Recall 1/2 at precision 1, 1 at precision 2/3.
    curve = curves.precision_recall_curve(np.array([1.0, 0, 1]), np.array([0.9, 0.5, 0.3]))
    assert curve.y[:51] == pytest.approx(1.0)
    assert curve.y[51:] == pytest.approx(2 / 3)


def test_one_class_alone_has_no_curve() -> None:
    assert np.isnan(curves.roc_curve(np.zeros(5), np.arange(5) / 5).y).all()
    assert np.isnan(curves.precision_recall_curve(np.zeros(5), np.arange(5) / 5).y).all()


def test_limits_of_agreement_by_hand() -> None:
    points = curves.agreement(np.array([1.0, 2, 3, np.nan]), np.array([2.0, 2, 5, 9]))
    assert points.differences.tolist() == [1, 0, 2]
    assert points.means.tolist() == [1.5, 2, 4]
    assert (points.bias, points.lower, points.upper) == pytest.approx((1, 1 - 1.96, 1 + 1.96))
