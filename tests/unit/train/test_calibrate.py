"""Calibration finds the line that made the data; operating points sit where they should."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from mmcore.errors import ConfigError
from mmcore.model.calibration import Calibration, CalibrationKind
from mmcore.model.config import ModelConfig
from mmcore.model.conformal import FindingSets
from mmcore.train.calibrate import (
    calibrate_targets,
    choose_kind,
    fit_curve,
    fit_linear,
    fit_platt,
    patient_folds,
    youden_point,
)
from mmcore.train.config import read_run

PRESET = Path(__file__).parents[3] / "mmcore" / "model" / "presets" / "phantom.yaml"


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


def cohort(count: int = 80) -> tuple[ModelConfig, np.ndarray, np.ndarray]:
    config = read_run(PRESET).model
    coalitions, targets = 2 ** len(config.modalities), len(config.targets)
    rng = np.random.default_rng(1)
    raw = rng.normal(size=(count, coalitions, targets))
    is_finding = np.array([t.kind == "finding" for t in config.targets])
    labels = np.where(
        is_finding,
        rng.random((count, targets)) < expit(raw[:, -1]),
        10 * rng.random((count, targets)),
    )
    return config, raw, labels.astype(float)


def test_every_target_gets_a_calibration_that_can_be_filed_and_read() -> None:
    config, raw, labels = cohort()
    fitted = calibrate_targets(raw, labels, config, groups=np.repeat(np.arange(40), 2))
    modalities = [m.value for m in config.modalities]
    for target in config.targets:
        plain = json.loads(json.dumps(fitted[target.name].to_mapping(), allow_nan=False))
        back = Calibration.from_mapping(
            plain, where=target.name, modalities=modalities, is_finding=target.kind == "finding"
        )
        assert back.to_mapping() == fitted[target.name].to_mapping()
        assert len(back.conformal) == 2 ** len(modalities)
        assert back.bootstrap.shape == (100, 3)


def test_unknown_labels_are_dropped() -> None:
    config, raw, labels = cohort()
    more = np.concatenate([raw, 100 * raw])
    unknown = np.concatenate([labels, np.full_like(labels, np.nan)])
    known, padded = (calibrate_targets(*a, config) for a in ((raw, labels), (more, unknown)))
    for name, calibration in known.items():
        assert (
            padded[name].apply(raw[:, -1, 0]).tolist() == calibration.apply(raw[:, -1, 0]).tolist()
        )
        assert padded[name].conformal == calibration.conformal


def test_effects_are_in_calibrated_units_and_a_silent_modality_has_none() -> None:
    config, raw, labels = cohort()
    names = [m.value for m in config.modalities]
    bits = (np.arange(2 ** len(names))[:, None] >> np.arange(len(names))) & 1
    own = np.random.default_rng(0).normal(size=(80, len(names)))
    own[:, 0] = 0.0
    raw = np.repeat((own @ bits.T)[:, :, None], len(config.targets), axis=2)
    fitted = calibrate_targets(raw, labels, config)["severity"]
    expected = fitted.rise * np.abs(own).mean(0)
    assert [fitted.effects[n] for n in names] == pytest.approx(expected, abs=1e-9)


def test_a_finding_that_no_validation_patient_has_is_refused_by_name() -> None:
    config, raw, labels = cohort()
    column = [t.name for t in config.targets].index("nodule")
    labels[:, column] = 0.0
    with pytest.raises(ConfigError, match="nodule"):
        calibrate_targets(raw, labels, config)


def drawn(
    seed: int, count: int, parameters: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 2.5, count)
    rise, fall, intercept = parameters
    z = rise * raw + (fall - rise) * np.logaddexp(0, raw) + intercept
    return raw, (rng.random(count) < expit(z)).astype(float)


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [("temperature", (0.5, 0.5, 0.0)), ("platt", (0.5, 0.5, 1.0)), ("beta", (2.0, 0.3, 0.5))],
)
def test_the_curve_that_drew_the_labels_is_recovered_and_its_kind_chosen(
    kind: CalibrationKind, parameters: tuple[float, float, float]
) -> None:
    raw, labels = drawn(0, 20_000, parameters)
    assert fit_curve(kind, raw, labels) == pytest.approx(parameters, abs=0.15)
    assert choose_kind(raw, labels) == kind


def test_the_simpler_kind_is_chosen_where_it_is_as_good() -> None:
    chosen = [choose_kind(*drawn(seed, 500, (0.7, 0.7, 0.0))) for seed in range(20)]
    assert chosen.count("temperature") >= 14


def test_few_positives_get_few_parameters() -> None:
    raw = np.linspace(-3, 3, 400)
    few, very_few = np.zeros(400), np.zeros(400)
    few[-30:] = 1
    very_few[-5:] = 1
    assert choose_kind(raw, few) in ("temperature", "platt")
    assert choose_kind(raw, very_few) == "temperature"


def test_a_weight_is_a_row_repeated() -> None:
    raw, labels = drawn(3, 200, (0.8, 1.3, -0.5))
    times = np.random.default_rng(0).integers(0, 3, 200)
    again = np.repeat(raw, times), np.repeat(labels, times)
    weights = times.astype(float)
    assert fit_curve("beta", raw, labels, weights) == pytest.approx(
        fit_curve("beta", *again), abs=1e-4
    )
    assert fit_linear(raw, labels, weights) == pytest.approx(fit_linear(*again))
    assert fit_linear(raw, labels) == pytest.approx(np.polyfit(raw, labels, 1))


def test_rows_of_one_patient_share_a_fold_and_the_rare_are_spread() -> None:
    groups = np.repeat(np.arange(50), 3)
    labels = np.repeat((np.arange(50) < 10).astype(float), 3)
    folds = patient_folds(labels, groups, seed=0)
    assert (folds.reshape(50, 3) == folds.reshape(50, 3)[:, :1]).all()
    assert np.bincount(folds[labels > 0.5]).tolist() == [6] * 5


def test_the_interval_narrows_with_validation_patients() -> None:
    config, _, _ = cohort()

    def width(count: int) -> float:
        _, raw, labels = cohort(count)
        low, high = calibrate_targets(raw, labels, config)["nodule"].probability_interval(0.0)
        return high - low

    assert width(1200) < width(80) / 2


def test_a_temperature_is_not_certain_that_its_intercept_is_zero() -> None:
    config, raw, labels = cohort()
    fitted = calibrate_targets(raw, labels, config)
    cooled = [c for c in fitted.values() if c.kind == "temperature"]
    assert cooled
    for calibration in cooled:
        low, high = calibration.probability_interval(0.0)
        assert high - low > 0.05


def test_conformal_sets_hold_their_promise_for_whichever_modalities_are_there() -> None:
    config, raw, labels = cohort(1600)
    raw[:, 3] = 3.0 * raw[:, 3] - 4.0  # fewer inputs, another distribution of outputs
    fitted = calibrate_targets(raw[:800], labels[:800], config)
    for column, target in enumerate(config.targets):
        calibration = fitted[target.name]
        for coalition in (3, raw.shape[1] - 1):
            outputs, truth = raw[800:, coalition, column], labels[800:, column]
            band = calibration.conformal[coalition]
            if isinstance(band, FindingSets):
                present, absent = band.holds(outputs)
                covered = np.where(truth > 0.5, present, absent)
            else:
                ends = [
                    calibration.value_interval(float(v), coalition=coalition)
                    for v in calibration.apply(outputs)
                ]
                covered = np.array(
                    [low <= t <= high for t, (low, high) in zip(truth, ends, strict=True)]
                )
            assert covered.mean() > 0.86, (target.name, coalition)
