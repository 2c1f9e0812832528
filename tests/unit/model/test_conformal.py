"""Conformal sets and bands: quantiles by hand, and the promised coverage on simulated patients."""

import numpy as np
import pytest

from mmcore.errors import ConfigError
from mmcore.model.conformal import (
    FindingSets,
    PredictionSet,
    ValueBand,
    conformal_quantile,
    fit_finding_sets,
    fit_value_band,
)


@pytest.mark.parametrize(("count", "place"), [(9, 9), (10, 10), (19, 18), (99, 90)])
def test_the_quantile_is_the_one_the_theorem_asks_for(count: int, place: int) -> None:
    assert conformal_quantile(np.arange(1.0, count + 1), 0.1) == place  # ceil(0.9 (n + 1))


def test_too_few_patients_promise_nothing_and_exclude_nothing() -> None:
    assert conformal_quantile(np.arange(8.0), 0.1) is None
    sets = fit_finding_sets(np.arange(12.0), np.array([0.0] * 4 + [1.0] * 8))
    assert (sets.least_present, sets.most_absent) == (None, None)
    assert sets.predict(-100.0) is PredictionSet.BOTH


def test_sets_by_hand() -> None:
    overlapping = FindingSets(0.1, least_present=-1.0, most_absent=1.0, n_present=20, n_absent=20)
    assert [overlapping.predict(x) for x in (-2.0, 0.0, 2.0)] == ["absent", "both", "present"]
    apart = FindingSets(0.1, least_present=1.0, most_absent=-1.0, n_present=20, n_absent=20)
    assert [apart.predict(x) for x in (-2.0, 0.0, 2.0)] == ["absent", "neither", "present"]


def test_unknown_labels_and_rising_transforms_change_nothing() -> None:
    rng = np.random.default_rng(0)
    raw, labels = rng.normal(size=200), (rng.random(200) < 0.4).astype(float)
    sets = fit_finding_sets(raw, labels)
    more = fit_finding_sets(np.append(raw, 99.0), np.append(labels, np.nan))
    assert more == sets
    moved = fit_finding_sets(3 * raw + 1, labels)
    assert [moved.predict(3 * x + 1) for x in raw] == [sets.predict(x) for x in raw]


def test_an_output_that_is_no_number_gets_no_set() -> None:
    with pytest.raises(ValueError, match="not a finite"):
        FindingSets(0.1, 0.0, 0.0, 20, 20).predict(float("nan"))


def test_a_bound_from_nobody_is_refused() -> None:
    with pytest.raises(ConfigError, match="0 patients"):
        FindingSets(0.1, 0.5, 0.5, 0, 20)
    with pytest.raises(ConfigError, match="below 0"):
        ValueBand(0.1, -1.0, 20)


@pytest.mark.parametrize("alpha", [0.1, 0.2])
def test_each_class_is_covered_as_promised_however_rare(alpha: float) -> None:
    rng = np.random.default_rng(1)
    covered = {0: [], 1: []}
    for _ in range(100):
        labels = (rng.random(1500) < 0.08).astype(float)
        raw = rng.normal(size=1500) + 1.5 * labels
        sets = fit_finding_sets(raw[:700], labels[:700], alpha=alpha)
        present, absent = sets.holds(raw[700:])
        truth = labels[700:] > 0.5
        covered[1].append(present[truth].mean())
        covered[0].append(absent[~truth].mean())
    for coverage in covered.values():
        assert np.mean(coverage) == pytest.approx(1 - alpha, abs=0.02)


def test_bands_cover_as_promised_and_widen_where_it_is_difficult() -> None:
    rng = np.random.default_rng(2)
    plain, normalised, hard = [], [], []
    for _ in range(100):
        difficulty = rng.uniform(0.2, 2.0, 600)
        residuals = rng.standard_t(4, 600) * difficulty
        even = fit_value_band(residuals[:300])
        scaled = fit_value_band(residuals[:300], difficulty=difficulty[:300])
        for band, found in ((even, plain), (scaled, normalised)):
            for residual, spread in zip(residuals[300:], difficulty[300:], strict=True):
                given = spread if band is scaled else 1.0
                low, high = band.interval(0.0, difficulty=given)
                found.append(low <= residual <= high)
                if band is scaled and spread > 1.5:
                    hard.append(low <= residual <= high)
    assert np.mean(plain) == pytest.approx(0.9, abs=0.02)
    assert np.mean(normalised) == pytest.approx(0.9, abs=0.02)
    assert np.mean(hard) == pytest.approx(0.9, abs=0.02)  # where an even band would cover less


def test_a_band_from_too_few_is_unbounded_rather_than_narrow() -> None:
    assert fit_value_band(np.arange(5.0)).interval(1.0) == (-np.inf, np.inf)


def test_a_difficulty_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        fit_value_band(np.ones(20), difficulty=np.zeros(20))
