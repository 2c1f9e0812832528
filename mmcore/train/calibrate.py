"""Calibration and operating points, fitted on validation patients the network never saw."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from mmcore.explain.shapley import shapley_values
from mmcore.model.config import ModelConfig, TargetConfig

FloatArray = npt.NDArray[np.float64]
REFITS = 100
LEAST_SLOPE = 1e-3
LIMITS = ((-3.0, 3.0), (-20.0, 20.0))  # of log slope and intercept, where data would let them run


def fit_platt(raw: FloatArray, labels: FloatArray) -> tuple[float, float]:
    """Return (slope, intercept) that minimise the cross-entropy of slope * raw + intercept.

    Source: Platt 1999. The slope is kept above 0: calibration never turns a finding round.
    """

    def loss(x: FloatArray) -> tuple[float, FloatArray]:
        slope = np.exp(x[0])
        z = slope * raw + x[1]
        gap = expit(z) - labels
        value = float(np.mean(np.logaddexp(0.0, z) - labels * z))
        return value, np.array([np.mean(gap * raw) * slope, np.mean(gap)])

    slope, intercept = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=LIMITS).x
    return float(np.exp(slope)), float(intercept)


def fit_linear(raw: FloatArray, values: FloatArray) -> tuple[float, float]:
    """Return (slope, intercept) of the least-squares line from raw outputs to true values.

    The slope is kept above 0, as for a finding.
    """
    slope = max(float(np.polyfit(raw, values, 1)[0]), LEAST_SLOPE)
    return slope, float(values.mean() - slope * raw.mean())


def youden_point(probabilities: FloatArray, labels: FloatArray) -> float:
    """Return the probability at which sensitivity + specificity is largest. Youden 1950."""
    order = np.argsort(-probabilities, kind="stable")
    present = labels[order] > 0.5
    sensitivity = np.cumsum(present) / max(1, present.sum())
    alarms = np.cumsum(~present) / max(1, (~present).sum())
    ranked = probabilities[order]
    can_cut = np.append(ranked[:-1] > ranked[1:], True)  # equal ones stay together
    best = int(np.argmax(np.where(can_cut, sensitivity - alarms, -np.inf)))
    here = ranked[best]
    below = ranked[min(best + 1, len(order) - 1)]
    return float(np.clip((here + below) / 2.0, 1e-3, 1.0 - 1e-3))


def calibrate(
    raw: FloatArray, labels: FloatArray, config: ModelConfig, *, seed: int = 0
) -> dict[str, Any]:
    """Return the content of ``calibration.json``.

    ``raw`` is (N, 2^M, K), the network's output for every coalition; ``labels`` is (N, K).
    """
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(labels), (REFITS, len(labels)))
    content: dict[str, Any] = {}
    for column, target in enumerate(config.targets):
        full, truth = raw[:, -1, column], labels[:, column]
        slope, intercept = _fit(target, full, truth)
        effects = np.abs(shapley_values(raw[:, :, column].T * slope)).mean(1)
        value = slope * full + intercept
        is_finding = target.kind == "finding"
        content[target.name] = {
            "slope": slope,
            "intercept": intercept,
            "bootstrap": [list(_fit(target, full[rows], truth[rows])) for rows in draws],
            "operating_point": youden_point(expit(value), truth) if is_finding else None,
            "residual": 0.0 if is_finding else float(np.percentile(np.abs(value - truth), 90)),
            "effects": {
                m.value: float(effect) for m, effect in zip(config.modalities, effects, strict=True)
            },
        }
    return content


def _fit(target: TargetConfig, raw: FloatArray, truth: FloatArray) -> tuple[float, float]:
    return fit_platt(raw, truth) if target.kind == "finding" else fit_linear(raw, truth)
