"""Figures of binary findings and regressions, each with a patient-level bootstrap interval.

scikit-learn computes what it knows; every function takes labels and predictions of N patients and
returns NaN where the figure is not defined (one class only), which the tables print as "n/a".
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn import metrics

FloatArray = npt.NDArray[np.float64]
BOOTSTRAPS = 500
ECE_BINS = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with its 95 % bootstrap interval over patients."""

    value: float
    low: float
    high: float


def auroc(labels: FloatArray, scores: FloatArray) -> float:
    """Return the area under the ROC curve."""
    return float(metrics.roc_auc_score(labels, scores)) if _both(labels) else float("nan")


def auprc(labels: FloatArray, scores: FloatArray) -> float:
    """Return the average precision, the area under the precision-recall curve."""
    return float(metrics.average_precision_score(labels, scores)) if _both(labels) else float("nan")


def brier(labels: FloatArray, scores: FloatArray) -> float:
    """Return the mean squared error of the probabilities. Source: Brier 1950."""
    return float(np.mean((scores - labels) ** 2))


def ece(labels: FloatArray, scores: FloatArray) -> float:
    """Return the expected calibration error over ten bins of equal width.

    Source: Naeini et al. 2015.
    """
    bins = np.minimum((scores * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = [
        abs(float(scores[bins == b].mean() - labels[bins == b].mean())) * float((bins == b).mean())
        for b in range(ECE_BINS)
        if (bins == b).any()
    ]
    return float(sum(gaps))


def at_point(name: str, point: float) -> Callable[[FloatArray, FloatArray], float]:
    """Return F1, sensitivity or specificity as a function, at operating point ``point``."""

    def figure(labels: FloatArray, scores: FloatArray) -> float:
        called, present = scores >= point, labels > 0.5
        hit, alarm = float((called & present).sum()), float((called & ~present).sum())
        miss, clear = float((~called & present).sum()), float((~called & ~present).sum())
        top, bottom = {
            "f1": (2 * hit, 2 * hit + alarm + miss),
            "sensitivity": (hit, hit + miss),
            "specificity": (clear, clear + alarm),
        }[name]
        return top / bottom if bottom else float("nan")

    return figure


def mae(labels: FloatArray, values: FloatArray) -> float:
    """Return the mean absolute error."""
    return float(np.abs(values - labels).mean())


def correlation(labels: FloatArray, values: FloatArray) -> float:
    """Return Pearson's correlation."""
    if np.std(labels) == 0 or np.std(values) == 0:
        return float("nan")
    return float(np.corrcoef(labels, values)[0, 1])


def finding_figures(
    labels: FloatArray, scores: FloatArray, *, operating_point: float, seed: int = 0
) -> dict[str, Figure]:
    """Return every figure of one finding. ``scores`` are probabilities."""
    return _bootstrap(
        {
            "auroc": auroc,
            "auprc": auprc,
            "f1": at_point("f1", operating_point),
            "sensitivity": at_point("sensitivity", operating_point),
            "specificity": at_point("specificity", operating_point),
            "brier": brier,
            "ece": ece,
        },
        labels, scores, seed=seed,
    )  # fmt: skip


def regression_figures(
    labels: FloatArray, values: FloatArray, *, seed: int = 0
) -> dict[str, Figure]:
    """Return every figure of one regression."""
    return _bootstrap({"mae": mae, "correlation": correlation}, labels, values, seed=seed)


def _bootstrap(
    functions: Mapping[str, Callable[[FloatArray, FloatArray], float]],
    labels: FloatArray,
    scores: FloatArray,
    *,
    seed: int,
) -> dict[str, Figure]:
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(labels), (BOOTSTRAPS, len(labels)))
    figures = {}
    for name, function in functions.items():
        values = np.array([function(labels[rows], scores[rows]) for rows in draws])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # all-NaN: the interval is NaN too
            low, high = np.nanpercentile(values, [2.5, 97.5])
        figures[name] = Figure(function(labels, scores), float(low), float(high))
    return figures


def _both(labels: FloatArray) -> bool:
    return bool(labels.min() < labels.max())
