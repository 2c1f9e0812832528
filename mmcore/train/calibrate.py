"""Calibration, fitted on validation patients the network never saw.

The kind of a finding's calibration (temperature, Platt, beta; ``mmcore.model.calibration``) is
chosen by cross-validated log loss over patients: the simplest whose loss is within one standard
error of the best. Unknown labels (NaN) are dropped. Its conformal sets are fitted beside it.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from mmcore.errors import ConfigError
from mmcore.evaluate.resample import Groups, patient_weights
from mmcore.explain.shapley import shapley_values
from mmcore.model.calibration import Calibration, CalibrationKind
from mmcore.model.config import ModelConfig, TargetConfig
from mmcore.model.conformal import ValueBand, fit_finding_sets, fit_value_band
from mmcore.train.operating import choose_thresholds, operating_points

FloatArray = npt.NDArray[np.float64]
Parameters = tuple[float, float, float]
REFITS = 100
FOLDS = 5
LEAST_SLOPE = 1e-3
LIMITS = {"slope": (-3.0, 3.0), "intercept": (-20.0, 20.0)}  # of log slopes and of the intercept
KINDS: tuple[CalibrationKind, ...] = ("temperature", "platt", "beta")  # simplest first
FEW = 50  # patients of the rarer class below which three parameters are not fitted
VERY_FEW = 10  # ... and below which only one is


def calibrate_targets(
    raw: FloatArray,
    labels: FloatArray,
    config: ModelConfig,
    *,
    groups: Groups | None = None,
    seed: int = 0,
) -> dict[str, Calibration]:
    """Return the calibration of every target.

    raw: (N, 2^M, K), the network's output for every coalition. labels: (N, K), NaN is unknown.
    groups: (N,) the patient of each row. Raises ``ConfigError`` for a target that can not be
    calibrated because no row has it, or none lacks it.
    """
    modalities = [m.value for m in config.modalities]
    result = {}
    for column, target in enumerate(config.targets):
        rows = ~np.isnan(labels[:, column])
        truth, outputs = labels[rows, column], raw[rows][:, :, column]
        patients = None if groups is None else groups[rows]
        _check_labels(target, truth)
        fit = _calibrate_finding if target.kind == "finding" else _calibrate_regression
        plain = fit(outputs, truth, patients, seed)
        effects = np.abs(shapley_values(plain.apply(raw[:, :, column]).T)).mean(1)
        named = dict(zip(modalities, map(float, effects), strict=True))
        result[target.name] = replace(plain, effects=named)
    return result


def choose_kind(
    raw: FloatArray, labels: FloatArray, *, groups: Groups | None = None, seed: int = 0
) -> CalibrationKind:
    """Return the simplest kind whose cross-validated log loss is near enough to the best.

    Near enough: the mean excess over the best is at most its own standard error over patients.
    Below ``FEW`` rows of the rarer class beta is not tried, below ``VERY_FEW`` Platt is not.
    """
    rarer = int(min((labels > 0.5).sum(), (labels <= 0.5).sum()))
    kinds = KINDS[: 3 if rarer >= FEW else 2 if rarer >= VERY_FEW else 1]
    if len(kinds) == 1:
        return kinds[0]
    folds = patient_folds(labels, groups, seed=seed)
    _, patient = np.unique(
        np.arange(len(labels)) if groups is None else groups, return_inverse=True
    )
    losses: dict[CalibrationKind, FloatArray] = {}
    for kind in kinds:
        loss = np.empty(len(labels))
        for fold in range(FOLDS):
            inside = folds == fold
            parameters = fit_curve(kind, raw[~inside], labels[~inside])
            z = _features(raw[inside]) @ parameters
            loss[inside] = np.logaddexp(0.0, z) - labels[inside] * z
        losses[kind] = np.bincount(patient, weights=loss).astype(np.float64)
    best = min(losses.values(), key=lambda loss: float(loss.sum()))
    for kind, of_patients in losses.items():
        excess = of_patients - best
        if excess.mean() <= excess.std(ddof=1) / np.sqrt(len(excess)):
            return kind
    return kinds[-1]


def patient_folds(labels: FloatArray, groups: Groups | None, *, seed: int) -> npt.NDArray[np.int64]:
    """Return the (N,) fold of each row: a patient's rows stay together, the present are spread."""
    _, patient = np.unique(
        np.arange(len(labels)) if groups is None else groups, return_inverse=True
    )
    has_it = np.bincount(patient, weights=labels > 0.5) > 0
    order = np.random.default_rng(seed).permutation(len(has_it))
    order = order[np.argsort(~has_it[order], kind="stable")]
    fold_of_patient = np.empty(len(has_it), dtype=np.int64)
    fold_of_patient[order] = np.arange(len(has_it)) % FOLDS
    folds: npt.NDArray[np.int64] = fold_of_patient[patient]
    return folds


def fit_curve(
    kind: CalibrationKind,
    raw: FloatArray,
    labels: FloatArray,
    weights: FloatArray | None = None,
) -> Parameters:
    """Return (rise, fall, intercept) of this kind that minimise the (weighted) cross-entropy."""
    features = _features(raw)
    share = np.full(len(raw), 1.0 / len(raw)) if weights is None else weights / weights.sum()
    # Each column of ``ties`` is one free log slope, and says which of rise and fall it sets.
    ties = np.array([[1.0, 0.0], [0.0, 1.0]]) if kind == "beta" else np.array([[1.0], [1.0]])
    slopes = ties.shape[1]
    free = slopes + (kind != "temperature")

    def parameters(x: FloatArray) -> FloatArray:
        return np.append(ties @ np.exp(x[:slopes]), x[slopes] if free > slopes else 0.0)

    def loss(x: FloatArray) -> tuple[float, FloatArray]:
        z = features @ parameters(x)
        value = float(share @ (np.logaddexp(0.0, z) - labels * z))
        gradient = (share * (expit(z) - labels)) @ features
        return value, np.append(ties.T @ gradient[:2] * np.exp(x[:slopes]), gradient[2])[:free]

    bounds = [LIMITS["slope"]] * slopes + [LIMITS["intercept"]] * (free - slopes)
    found = minimize(loss, np.zeros(free), jac=True, method="L-BFGS-B", bounds=bounds).x
    rise, fall, intercept = (float(x) for x in parameters(found))
    return rise, fall, intercept


def fit_platt(raw: FloatArray, labels: FloatArray) -> tuple[float, float]:
    """Return (slope, intercept) that minimise the cross-entropy of slope * raw + intercept.

    Source: Platt 1999. The slope is kept above 0: calibration never turns a finding round.
    """
    slope, _, intercept = fit_curve("platt", raw, labels)
    return slope, intercept


def fit_linear(
    raw: FloatArray, values: FloatArray, weights: FloatArray | None = None
) -> tuple[float, float]:
    """Return (slope, intercept) of the least-squares line from raw outputs to true values.

    The slope is kept above 0, as for a finding.
    """
    w = np.ones(len(raw)) if weights is None else weights
    at, level = np.average(raw, weights=w), np.average(values, weights=w)
    spread = float(w @ (raw - at) ** 2)
    slope = float(w @ ((raw - at) * (values - level))) / spread if spread > 0 else 0.0
    slope = max(slope, LEAST_SLOPE)
    return slope, float(level - slope * at)


def youden_point(probabilities: FloatArray, labels: FloatArray) -> float:
    """Return the probability at which sensitivity + specificity is largest. Youden 1950."""
    return choose_thresholds(probabilities, labels)["youden"]


def _check_labels(target: TargetConfig, truth: FloatArray) -> None:
    if target.kind == "finding" and not 0 < (truth > 0.5).sum() < len(truth):
        problem = "validation needs patients with and patients without it"
        raise ConfigError(key=f"targets.{target.name}", problem=problem)
    if len(truth) < 2:
        raise ConfigError(key=f"targets.{target.name}", problem="validation has no values")


def _calibrate_finding(
    raw: FloatArray, labels: FloatArray, groups: Groups | None, seed: int
) -> Calibration:
    full = raw[:, -1]
    kind = choose_kind(full, labels, groups=groups, seed=seed)
    # Refits of a temperature would all agree on 50 %, as if the data had fixed the intercept at 0.
    refitted: CalibrationKind = "platt" if kind == "temperature" else kind
    rise, fall, intercept = fit_curve(kind, full, labels)
    once = _one_row_per_patient(len(labels), groups, seed)
    return Calibration(
        kind, rise, fall, intercept,
        bootstrap=_refits(refitted, full, labels, groups, seed),
        operating_points=operating_points(
            expit(_features(full) @ np.array([rise, fall, intercept])), labels,
            groups=groups, seed=seed,
        ),
        residual=0.0,
        effects={},
        conformal=tuple(
            fit_finding_sets(raw[once, c], labels[once]) for c in range(raw.shape[1])
        ),
    )  # fmt: skip


def _calibrate_regression(
    raw: FloatArray, values: FloatArray, groups: Groups | None, seed: int
) -> Calibration:
    full = raw[:, -1]
    slope, intercept = fit_linear(full, values)
    bands = _cross_conformal(raw, values, groups, seed)
    residual = bands[-1].half_width
    if residual is None:  # too few patients for 90 %: the largest error there was
        residual = float(np.abs(slope * full + intercept - values).max())
    return Calibration(
        "linear", slope, slope, intercept,
        bootstrap=_refits("linear", full, values, groups, seed),
        operating_points={},
        residual=residual,
        effects={},
        conformal=bands,
    )  # fmt: skip


def _cross_conformal(
    raw: FloatArray, values: FloatArray, groups: Groups | None, seed: int
) -> tuple[ValueBand, ...]:
    """Return a band for every coalition, from errors of lines that did not see the patient.

    Source: Vovk 2015. Its guarantee for a line of two parameters is that of a held-out half up to a
    small term, without giving up half of the patients.
    """
    folds = patient_folds(values, groups, seed=seed)
    errors = np.full(raw.shape, np.nan)
    for fold in np.unique(folds):
        inside = folds == fold
        slope, intercept = fit_linear(raw[~inside, -1], values[~inside])
        errors[inside] = slope * raw[inside] + intercept - values[inside, None]
    once = _one_row_per_patient(len(values), groups, seed)
    return tuple(fit_value_band(errors[once, c]) for c in range(raw.shape[1]))


def _refits(
    kind: CalibrationKind, raw: FloatArray, labels: FloatArray, groups: Groups | None, seed: int
) -> FloatArray:
    """Return (REFITS, 3) parameters on resamples of patients; a finding's hold both classes."""
    found: list[Parameters] = []
    draws = patient_weights(rows=len(raw), groups=groups, seed=seed, resamples=20 * REFITS)
    for weights in (row for block in draws for row in block):
        drawn = weights > 0
        x, y, w = raw[drawn], labels[drawn], weights[drawn]
        if kind == "linear":
            slope, intercept = fit_linear(x, y, w)
            found.append((slope, slope, intercept))
        elif (y > 0.5).any() and (y <= 0.5).any():
            found.append(fit_curve(kind, x, y, w))
        if len(found) == REFITS:
            break
    return np.array(found)


def _one_row_per_patient(rows: int, groups: Groups | None, seed: int) -> npt.NDArray[np.int64]:
    """Return one random row of each patient: rows of one patient are not exchangeable."""
    order = np.random.default_rng(seed).permutation(rows)
    if groups is None:
        return order
    _, first = np.unique(groups[order], return_index=True)
    return order[first]


def _features(raw: FloatArray) -> FloatArray:
    """Return (N, 3): what rise, fall and intercept are multiplied by."""
    bend = np.logaddexp(0.0, raw)
    return np.stack([raw - bend, bend, np.ones_like(raw)], axis=1)
