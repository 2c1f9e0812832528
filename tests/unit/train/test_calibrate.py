"""Calibration finds the line that made the data; operating points sit where they should."""

import numpy as np
import pytest
from scipy.special import expit

from mmcore.train.calibrate import calibrate, fit_linear, fit_platt, youden_point
from tests.tiny import tiny_run


def test_platt_scaling_recovers_the_line_that_drew_the_labels() -> None:
    rng = np.random.default_rng(0)
    raw = rng.normal(0, 2, 20_000)
    labels = (rng.random(20_000) < expit(0.5 * raw - 1.0)).astype(float)
    slope, intercept = fit_platt(raw, labels)
    assert slope == pytest.approx(0.5, abs=0.03)
    assert intercept == pytest.approx(-1.0, abs=0.06)


def test_calibration_never_turns_a_finding_round() -> None:
    raw = np.linspace(-3, 3, 200)
    slope, _ = fit_platt(raw, (raw < 0).astype(float))
    assert slope > 0
    assert fit_linear(raw, -raw)[0] > 0


def test_separable_data_end_in_finite_numbers() -> None:
    raw = np.linspace(-50, 50, 100)
    assert np.isfinite(fit_platt(raw, (raw > 0).astype(float))).all()


def test_the_operating_point_lies_between_the_two_groups() -> None:
    probabilities = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9])
    labels = np.array([0, 0, 0, 1, 1, 1.0])
    assert youden_point(probabilities, labels) == pytest.approx(0.5)


def test_equal_probabilities_are_never_cut_apart() -> None:
    # A cut inside the four at 0.6 would promise 1 - 0; whoever calls one of them calls all four.
    probabilities = np.array([0.9, 0.6, 0.6, 0.6, 0.6, 0.1])
    labels = np.array([1, 1, 0, 0, 0, 0.0])
    assert youden_point(probabilities, labels) == pytest.approx(0.75)


def test_every_target_gets_what_a_pack_needs() -> None:
    config = tiny_run().model
    rng = np.random.default_rng(1)
    raw = rng.normal(size=(80, 8, 7))
    labels = np.column_stack([(rng.random((80, 6)) < 0.4).astype(float), rng.random(80) * 10])
    content = calibrate(raw, labels, config)
    assert set(content) == {t.name for t in config.targets}
    assert content["severity"]["operating_point"] is None
    assert content["severity"]["residual"] > 0
    assert 0 < content["nodule"]["operating_point"] < 1
    assert len(content["nodule"]["bootstrap"]) == 100
    assert set(content["nodule"]["effects"]) == {"image", "note", "observations"}
