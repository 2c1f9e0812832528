"""The points of curves: reliability, ROC, precision-recall, agreement. Numbers, no drawing."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from mmcore.evaluate.metrics import (
    ECE_BINS,
    RankedSample,
    binary_metrics,
    equal_count_edges,
    known,
    rank,
)
from mmcore.evaluate.resample import (
    Figure,
    FloatArray,
    Groups,
    percentile_interval,
    ratio,
    resample,
)

GRID = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Rows whose probability lies in [low, high): what was said and what was so.

    mean_score: mean probability. observed: share that is present, with its 95 % Wilson interval,
    which takes rows as independent.
    """

    low: float
    high: float
    count: int
    mean_score: float
    observed: Figure


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A curve y(x) on a grid, with a 95 % bootstrap band over patients, and its area.

    ROC: sensitivity over 1 - specificity, area = AUROC. Precision-recall: precision over recall,
    area = average precision. chance: prevalence, the height of a useless precision-recall curve.
    """

    x: FloatArray
    y: FloatArray
    low: FloatArray
    high: FloatArray
    area: Figure
    chance: float


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Predicted minus true value over their mean, with limits of agreement.

    means, differences: (N,). bias: mean difference. lower, upper: bias minus and plus 1.96 standard
    deviations. Source: Bland and Altman 1986.
    """

    means: FloatArray
    differences: FloatArray
    bias: float
    lower: float
    upper: float


def wilson(successes: int, total: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the score interval of a proportion, NaN of nobody. Source: Wilson 1927."""
    if not total > 0:
        return float("nan"), float("nan")
    z = float(stats.norm.ppf(0.5 + confidence / 2.0))
    share = successes / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * np.sqrt(share * (1 - share) / total + z * z / (4 * total**2))
    # At 0 and at all successes the interval ends exactly there; rounding would miss it.
    low = 0.0 if successes == 0 else float(middle - half)
    return low, 1.0 if successes == total else float(middle + half)


def reliability(
    labels: FloatArray, scores: FloatArray, *, bins: int = ECE_BINS, equal_count: bool = False
) -> tuple[ReliabilityBin, ...]:
    """Return the bins of a reliability diagram that hold anybody, from low to high probability."""
    labels, scores = known(labels, scores)
    inner = equal_count_edges(scores, bins) if equal_count else np.arange(1, bins) / bins
    edges = np.concatenate([[0.0], inner, [1.0]])
    member = np.searchsorted(inner, scores, side="right")
    result = []
    for b in range(len(edges) - 1):
        rows = member == b
        if count := int(rows.sum()):
            present = int((labels[rows] > 0.5).sum())
            observed = Figure(present / count, *wilson(present, count))
            result.append(
                ReliabilityBin(
                    float(edges[b]),
                    float(edges[b + 1]),
                    count,
                    float(scores[rows].mean()),
                    observed,
                )
            )
    return tuple(result)


def roc_curve(
    labels: FloatArray, scores: FloatArray, *, groups: Groups | None = None, seed: int = 0
) -> Curve:
    """Return sensitivity over 1 - specificity. Undefined (NaN) with one class only."""
    return _curve(labels, scores, _roc_heights, "auroc", groups=groups, seed=seed)


def precision_recall_curve(
    labels: FloatArray, scores: FloatArray, *, groups: Groups | None = None, seed: int = 0
) -> Curve:
    """Return precision over recall: at each recall that of the first cut that reaches it."""
    return _curve(labels, scores, _precision_heights, "auprc", groups=groups, seed=seed)


def agreement(labels: FloatArray, values: FloatArray) -> Agreement:
    """Return the Bland-Altman points of true and predicted values."""
    rows = ~np.isnan(labels)
    truth, given = labels[rows], values[rows]
    if not len(truth):
        raise ValueError("no row has a known value")
    differences = given - truth
    bias = float(differences.mean())
    half = 1.96 * float(differences.std(ddof=1)) if len(differences) > 1 else float("nan")
    return Agreement((given + truth) / 2.0, differences, bias, bias - half, bias + half)


def _curve(
    labels: FloatArray,
    scores: FloatArray,
    heights: Callable[[RankedSample], FloatArray],
    area: str,
    *,
    groups: Groups | None,
    seed: int,
) -> Curve:
    rows = ~np.isnan(labels)
    truth, given = known(labels, scores)

    def statistic(weights: FloatArray) -> dict[str, FloatArray]:
        sample = rank(truth, given, weights[:, rows])
        columns = heights(sample)
        named = {str(i): columns[:, i] for i in range(len(GRID))}
        return named | {"area": binary_metrics(0.5)[area](sample)}

    drawn = resample(statistic, rows=len(labels), groups=groups, seed=seed)
    points = [drawn[str(i)] for i in range(len(GRID))]
    bands = np.array([percentile_interval(point.draws) for point in points])
    return Curve(
        x=GRID.copy(),
        y=np.array([point.value for point in points]),
        low=bands[:, 0],
        high=bands[:, 1],
        area=drawn["area"].figure(),
        chance=float((truth > 0.5).mean()) if len(truth) else float("nan"),
    )


def _roc_heights(sample: RankedSample) -> FloatArray:
    """Return (W, grid) sensitivities, on the straight lines between the cuts."""
    across = ratio(sample.alarms, sample.absent[:, None])
    up = ratio(sample.hits, sample.present[:, None])
    return np.stack([_upper_interp(GRID, x, y) for x, y in zip(across, up, strict=True)])


def _upper_interp(grid: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Interpolate a rising staircase, on a vertical step at its top."""
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return np.full(len(grid), np.nan)
    top = np.append(x[1:] > x[:-1], True)  # last cut of each vertical step
    result: FloatArray = np.interp(grid, x[top], y[top])
    return result


def _precision_heights(sample: RankedSample) -> FloatArray:
    """Return (W, grid) precisions; at recall 0 that of the first cut with a hit."""
    recall = ratio(sample.hits[:, 1:], sample.present[:, None])
    precision = ratio(sample.hits[:, 1:], sample.hits[:, 1:] + sample.alarms[:, 1:])
    wanted = np.maximum(GRID, 1e-9) - 1e-12
    result = np.full((len(recall), len(GRID)), np.nan)
    for row in np.flatnonzero(sample.present > 0):
        result[row] = precision[row, np.searchsorted(recall[row], wanted)]
    return result
