"""Figures worked out by hand on arrays of a few cells."""

import math

import numpy as np
import pytest

from mmcore.bench import metrics

MAP = np.array([[0.0, 4.0, 1.0], [0.0, 3.0, -2.0]])
TRUTH = np.array([[0, 1, 0], [0, 1, 0]], bool)


def test_the_peak_points_or_it_does_not() -> None:
    assert metrics.points_inside(MAP, TRUTH) == 1.0
    assert metrics.points_inside(MAP, ~TRUTH) == 0.0
    assert math.isnan(metrics.points_inside(-np.abs(MAP), TRUTH))
    assert math.isnan(metrics.points_inside(MAP, np.zeros_like(TRUTH)))


def test_mass_counts_what_speaks_for_the_finding_alone() -> None:
    assert metrics.mass_inside(MAP, TRUTH) == pytest.approx(7 / 8)
    half = np.where(TRUTH, 0.5, 0.0)
    assert metrics.mass_inside(MAP, half) == pytest.approx(3.5 / 8)
    assert math.isnan(metrics.mass_inside(-MAP.clip(0), TRUTH))


def test_the_best_cut_is_found_and_never_splits_equal_cells() -> None:
    assert metrics.best_overlap(MAP, TRUTH) == 1.0, "cut between 3 and 1"
    flat = np.array([1.0, 1.0, 1.0, 0.0])
    assert metrics.best_overlap(flat, [True, False, False, False]) == pytest.approx(1 / 3)
    # Cuts at 3, 2, 1 give 0/3, 1/3, 2/3 of union {1, 1, 2} cells of truth {b, c}.
    assert metrics.best_overlap([3.0, 2.0, 1.0], [False, True, True]) == pytest.approx(2 / 3)
    assert metrics.best_overlap([1.0, -1.0], [False, True]) == 0.0, "no cut below 0"


def test_rank_correlation_is_spearmans_with_middle_ranks_for_ties() -> None:
    assert metrics.rank_correlation([1, 2, 3], [10, 20, 900]) == pytest.approx(1.0)
    assert metrics.rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5 over sqrt(4.5 * 5).
    assert metrics.rank_correlation([1, 5, 5, 9], [1, 2, 3, 4]) == pytest.approx(
        4.5 / math.sqrt(4.5 * 5)
    )
    assert math.isnan(metrics.rank_correlation([1, 2], [1, 2]))
    assert math.isnan(metrics.rank_correlation([1, 1, 1], [1, 2, 3]))
    with pytest.raises(ValueError, match="3 values against 2"):
        metrics.rank_correlation([1, 2, 3], [1, 2])


def test_the_area_under_a_curve_is_that_of_trapezoids() -> None:
    assert metrics.curve_area([1.0, 0.0]) == 0.5
    assert metrics.curve_area([1.0, 1.0, 0.0]) == pytest.approx(0.75)
    assert math.isnan(metrics.curve_area([1.0]))


def test_relative_change_is_the_length_of_the_difference_over_that_of_the_map() -> None:
    assert metrics.relative_change([3.0, 4.0], [3.0, 4.0]) == 0.0
    assert metrics.relative_change([3.0, 4.0], [0.0, 0.0]) == 1.0
    assert metrics.relative_change([3.0, 4.0], [3.0, 5.0]) == pytest.approx(0.2)
    assert math.isnan(metrics.relative_change([0.0], [1.0]))
    with pytest.raises(ValueError, match="a map of"):
        metrics.relative_change([1.0], [1.0, 2.0])


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="against a truth"):
        metrics.points_inside(MAP, TRUTH[:1])
