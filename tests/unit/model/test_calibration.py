"""One formula for every kind of calibration, the same in NumPy and torch, and read strictly."""

import copy
import json
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit, logit

from mmcore.errors import ConfigError
from mmcore.model.calibration import Calibration, CalibrationKind, Estimate, OperatingPoint
from mmcore.model.conformal import FindingSets, PredictionSet, ValueBand

RAW = np.array([-800.0, -50, -20.5, -3, -0.1, 0, 0.1, 3, 20.5, 50, 800])


def calibration(
    kind: CalibrationKind = "beta", parameters: tuple[float, float, float] = (0.7, 1.6, -0.4)
) -> Calibration:
    point = OperatingPoint(0.3, (0.2, 0.4), Estimate(0.9, 0.8, 0.95), Estimate(0.7, 0.6, 0.8))
    return Calibration(
        kind=kind,
        rise=parameters[0],
        fall=parameters[1],
        intercept=parameters[2],
        bootstrap=np.array([parameters, parameters]),
        operating_points={} if kind == "linear" else {"youden": point},
        residual=2.0 if kind == "linear" else 0.0,
        effects={"image": 0.5, "note": 0.25},
        conformal=(ValueBand(0.1, 1.5, 30),) * 4
        if kind == "linear"
        else (FindingSets(0.1, -1.0, 0.5, 20, 30),) * 4,
    )


def read(values: object, *, is_finding: bool = True) -> Calibration:
    return Calibration.from_mapping(
        values, where="nodule", modalities=("image", "note"), is_finding=is_finding
    )


def test_the_formula_is_beta_calibration_of_the_probability() -> None:
    raw = np.linspace(-8, 8, 33)
    p = expit(raw)
    expected = 0.7 * np.log(p) - 1.6 * np.log1p(-p) - 0.4  # Kull et al. 2017, equation 5
    assert calibration().apply(raw) == pytest.approx(expected, abs=1e-9)


def test_equal_slopes_are_platt_scaling_exactly() -> None:
    platt = calibration("platt", (0.7, 0.7, -0.4))
    assert (platt.apply(RAW) == 0.7 * RAW - 0.4).all()


def test_a_temperature_of_one_changes_nothing() -> None:
    assert (calibration("temperature", (1.0, 1.0, 0.0)).apply(RAW) == RAW).all()


@pytest.mark.parametrize("parameters", [(0.7, 1.6, -0.4), (20.0, 0.05, 3.0), (1e-3, 9.0, 0.0)])
def test_torch_and_numpy_agree_everywhere(parameters: tuple[float, float, float]) -> None:
    found = calibration(parameters=parameters).apply_tensor(torch.from_numpy(RAW)).numpy()
    expected = calibration(parameters=parameters).apply(RAW)
    assert np.isfinite(expected).all()
    assert found == pytest.approx(expected, abs=1e-9, rel=1e-12)


def test_the_gradient_is_the_slope_and_smooth_at_zero() -> None:
    raw = torch.from_numpy(RAW).requires_grad_(requires_grad=True)
    calibration().apply_tensor(raw).sum().backward()
    expected = 0.7 * expit(-RAW) + 1.6 * expit(RAW)
    assert raw.grad is not None
    assert raw.grad.numpy() == pytest.approx(expected, abs=1e-9)
    assert expected[5] == pytest.approx((0.7 + 1.6) / 2)


def test_the_order_of_patients_never_changes() -> None:
    raw = np.linspace(-40, 40, 4001)
    for parameters in ((0.02, 20.0, 5.0), (20.0, 0.02, -5.0)):
        assert (np.diff(calibration(parameters=parameters).apply(raw)) > 0).all()


def test_refits_are_the_formula_under_every_row() -> None:
    assert calibration().refits(1.25).tolist() == [calibration().apply(np.array([1.25]))[0]] * 2


def test_the_interval_is_that_of_the_refits() -> None:
    wide = calibration("platt", (1.0, 1.0, 0.0))
    object.__setattr__(wide, "bootstrap", np.array([[1.0, 1.0, x] for x in np.linspace(-1, 1, 21)]))
    assert wide.probability_interval(0.5) == pytest.approx((expit(-0.4), expit(1.4)))
    assert calibration(parameters=(1.0, 1.0, 0.0)).probability_interval(-900.0) == (0.0, 0.0)
    object.__setattr__(wide, "bootstrap", np.array([[1.0, 1.0, 2.0]]))
    assert wide.probability_interval(0.5) == pytest.approx((expit(0.5), expit(2.5)))


def test_sets_and_bands_are_those_of_the_modalities_that_the_patient_has() -> None:
    several = calibration()
    tight = FindingSets(0.1, 2.0, 3.0, 20, 30)
    object.__setattr__(several, "conformal", (*several.conformal[:3], tight))
    assert several.prediction_set(1.0, coalition=0) is PredictionSet.PRESENT
    assert several.prediction_set(1.0, coalition=3) is PredictionSet.ABSENT
    line = calibration("linear", (9.5, 9.5, 0.1))
    assert line.value_interval(5.0, coalition=3) == (3.5, 6.5)
    assert line.prediction_set(1.0, coalition=3) is None
    object.__setattr__(line, "conformal", ())
    assert line.value_interval(5.0, coalition=3) == (3.0, 7.0)


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("beta", (0.7, 1.6, -0.4)),
        ("platt", (0.7, 0.7, -0.4)),
        ("temperature", (0.7, 0.7, 0.0)),
        ("linear", (9.5, 9.5, 0.1)),
    ],
)
def test_what_is_written_is_what_is_read(
    kind: CalibrationKind, parameters: tuple[float, float, float]
) -> None:
    written = calibration(kind, parameters)
    plain = json.loads(json.dumps(written.to_mapping(), allow_nan=False))
    back = read(plain, is_finding=kind != "linear")
    assert back.to_mapping() == written.to_mapping()
    assert back.conformal == written.conformal
    assert back.operating_points == written.operating_points


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("kind",), "isotonic"),
        (("kind",), "platt"),  # with rise unlike fall
        (("kind",), "linear"),
        (("rise",), 0.0),
        (("fall",), -1.0),
        (("intercept",), float("nan")),
        (("intercept",), "0.1"),
        (("rise",), True),
        (("bootstrap",), []),
        (("bootstrap", 0), [1.0, 2.0]),
        (("bootstrap", 1, 0), -0.5),
        (("bootstrap", 1, 2), float("inf")),
        (("residual",), -1.0),
        (("effects", "image"), float("nan")),
        (("effects",), {"image": 0.5}),
        (("operating_points",), {}),
        (("operating_points", "youden", "threshold"), 1.0),
        (("operating_points", "youden", "threshold"), None),
        (("operating_points", "youden", "threshold_interval"), [0.4, 0.2]),
        (("operating_points", "youden", "sensitivity"), [0.9, float("nan"), 1.0]),
        (("conformal",), [{}]),
        (("conformal", 0, "alpha"), 1.0),
        (("conformal", 0, "n_present"), 0),
        (("conformal", 0, "most_absent"), float("inf")),
        (("surplus",), 1),
    ],
)
def test_an_impossible_calibration_is_refused(path: tuple[str | int, ...], value: object) -> None:
    values: Any = copy.deepcopy(calibration().to_mapping())
    place = values
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ConfigError, match="nodule"):
        read(values)


def test_a_calibration_of_the_other_kind_of_target_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not fit"):
        read(calibration().to_mapping(), is_finding=False)


def test_a_pack_from_before_there_were_kinds_is_read_as_what_it_was() -> None:
    former = {
        "slope": 0.8, "intercept": -0.2, "bootstrap": [[0.7, -0.1], [0.9, -0.3]],
        "operating_point": 0.27, "residual": 0.0, "effects": {"image": 1.0, "note": 2.0},
    }  # fmt: skip
    found = read(former)
    assert (found.kind, found.operating_point) == ("platt", 0.27)
    assert found.apply(np.array([2.0]))[0] == pytest.approx(1.4)
    assert found.refits(2.0) == pytest.approx([1.3, 1.5])
    line = read({**former, "operating_point": None, "residual": 1.8}, is_finding=False)
    assert (line.kind, line.residual, line.operating_point) == ("linear", 1.8, None)
    with pytest.raises(ConfigError, match="operating_point"):
        read({**former, "operating_point": None})


def test_temperature_is_beta_with_one_free_number() -> None:
    p = np.array([0.2, 0.5, 0.9])
    cooled = expit(calibration("temperature", (2.0, 2.0, 0.0)).apply(logit(p)))
    assert cooled == pytest.approx(p**2 / (p**2 + (1 - p) ** 2))
