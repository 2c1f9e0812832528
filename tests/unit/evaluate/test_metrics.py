"""Figures worked by hand on a handful of patients."""

import math

import numpy as np
import pytest

from mmcore.evaluate import metrics

LABELS = np.array([0.0, 0.0, 1.0, 1.0])
SCORES = np.array([0.1, 0.6, 0.4, 0.9])  # three of the four pairs are in order


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    assert metrics.auroc(LABELS, SCORES) == 0.75


def test_average_precision_by_hand() -> None:
    assert metrics.auprc(LABELS, SCORES) == pytest.approx(0.5 * 1.0 + 0.5 * 2 / 3)


def test_brier_by_hand() -> None:
    assert metrics.brier(LABELS, SCORES) == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4)


def test_calibration_error_is_the_weighted_gap_of_the_bins() -> None:
    scores = np.array([0.05, 0.05, 0.95, 0.95])
    labels = np.array([0.0, 1.0, 1.0, 1.0])  # gaps 0.45 and 0.05, half the patients each
    assert metrics.ece(labels, scores) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("name", "value"), [("f1", 0.5), ("sensitivity", 0.5), ("specificity", 0.5)]
)
def test_figures_at_an_operating_point_by_hand(name: str, value: float) -> None:
    assert metrics.at_point(name, 0.5)(LABELS, SCORES) == value


def test_a_finding_that_nobody_has_gets_no_auroc_rather_than_a_number() -> None:
    figures = metrics.finding_figures(np.zeros(5), np.linspace(0, 1, 5), operating_point=0.5)
    assert math.isnan(figures["auroc"].value)


def test_intervals_hold_their_value_and_narrow_with_patients() -> None:
    rng = np.random.default_rng(0)

    def figure(count: int) -> metrics.Figure:
        labels = (rng.random(count) < 0.5).astype(float)
        scores = np.clip(labels * 0.3 + rng.random(count) * 0.7, 0, 1)
        return metrics.finding_figures(labels, scores, operating_point=0.5)["auroc"]

    few, many = figure(60), figure(2000)
    assert few.low <= few.value <= few.high
    assert many.high - many.low < few.high - few.low


def test_a_perfect_regression_has_no_error_and_full_correlation() -> None:
    values = np.array([1.0, 2.0, 5.0])
    figures = metrics.regression_figures(values, values)
    assert (figures["mae"].value, figures["correlation"].value) == (0.0, pytest.approx(1.0))
