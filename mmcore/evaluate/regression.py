"""Figures of a regression, each with a bootstrap interval over patients.

True values may be NaN (unknown); those rows are dropped. A figure is NaN where it is not defined.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from mmcore.evaluate.resample import Figure, FloatArray, Groups, ratio, resample

HEADLINE = ("mae", "correlation")
EVERY = ("mae", "rmse", "bias", "correlation", "spearman", "r2")


@dataclass(frozen=True, slots=True, eq=False)
class WeighedPairs:
    """N true and predicted values under W weightings: (N,), (N,) and (W, N)."""

    truth: FloatArray
    given: FloatArray
    weights: FloatArray

    def mean(self, values: FloatArray) -> FloatArray:
        """Return (W,) weighted means of (N,) values."""
        return ratio(self.weights @ values, self.weights.sum(1))


def mae(labels: FloatArray, values: FloatArray) -> float:
    """Return the mean absolute error."""
    return float(regression_statistic(labels, values, names=("mae",))(_once(labels))["mae"][0])


def correlation(labels: FloatArray, values: FloatArray) -> float:
    """Return Pearson's correlation."""
    known = ~np.isnan(labels)
    if known.sum() < 2 or np.ptp(labels[known]) == 0 or np.ptp(values[known]) == 0:
        return float("nan")
    return float(stats.pearsonr(labels[known], values[known]).statistic)


def regression_figures(
    labels: FloatArray,
    values: FloatArray,
    *,
    groups: Groups | None = None,
    names: Sequence[str] = HEADLINE,
    seed: int = 0,
) -> dict[str, Figure]:
    """Return the named figures of one regression (``EVERY`` lists them).

    mae, rmse, bias (mean of predicted minus true): in the target's unit. correlation: Pearson's.
    spearman: of ranks. r2: share of the variance explained, below 0 if the mean would do better.
    """
    drawn = resample(
        regression_statistic(labels, values, names=names),
        rows=len(labels),
        groups=groups,
        seed=seed,
    )
    return {name: figure.figure() for name, figure in drawn.items()}


def regression_statistic(
    labels: FloatArray, values: FloatArray, *, names: Sequence[str]
) -> Callable[[FloatArray], dict[str, FloatArray]]:
    """Return the named figures as a function of (W, N) weights, for ``resample``."""
    known = ~np.isnan(labels)
    truth, given = labels[known], values[known]
    if not np.isfinite(given).all():
        raise ValueError("a predicted value is not a finite number")
    chosen = {name: METRICS[name] for name in names}

    def statistic(weights: FloatArray) -> dict[str, FloatArray]:
        pairs = WeighedPairs(truth, given, weights[:, known])
        return {name: metric(pairs) for name, metric in chosen.items()}

    return statistic


def _r2(pairs: WeighedPairs) -> FloatArray:
    centred = pairs.truth - pairs.truth.mean()  # a shift that keeps the next line exact
    spread = pairs.mean(centred**2) - pairs.mean(centred) ** 2
    return 1.0 - ratio(pairs.mean((pairs.given - pairs.truth) ** 2), _floor(spread))


def _pearson(pairs: WeighedPairs) -> FloatArray:
    shape = pairs.weights.shape
    return _weighted_correlation(
        np.broadcast_to(pairs.truth, shape), np.broadcast_to(pairs.given, shape), pairs.weights
    )


def _spearman(pairs: WeighedPairs) -> FloatArray:
    return _weighted_correlation(
        _midranks(pairs.truth, pairs.weights), _midranks(pairs.given, pairs.weights), pairs.weights
    )


def _midranks(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return (W, N) ranks, up to a constant, in samples where row i occurs ``weights[:, i]`` times.

    Equal values share the middle of their ranks.
    """
    if not len(values):
        return weights
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(values, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(values[order]) > 0, True))
    upto = np.cumsum(weights[:, order], axis=1)[:, ends]
    before = np.concatenate([np.zeros((len(weights), 1)), upto[:, :-1]], axis=1)
    ranks: FloatArray = ((upto + before) / 2.0)[:, group]
    return ranks


def _weighted_correlation(x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    total = weights.sum(1)
    x = x - ratio((weights * x).sum(1), total)[:, None]
    y = y - ratio((weights * y).sum(1), total)[:, None]
    together = np.einsum("wn,wn,wn->w", weights, x, y)
    own_x = np.einsum("wn,wn,wn->w", weights, x, x)
    own_y = np.einsum("wn,wn,wn->w", weights, y, y)
    return ratio(together, np.sqrt(_floor(own_x) * _floor(own_y)))


def _once(labels: FloatArray) -> FloatArray:
    return np.ones((1, len(labels)))


def _floor(spread: FloatArray) -> FloatArray:
    """Return spreads with those that rounding alone keeps above 0 set to 0."""
    return np.where(spread > 1e-12, spread, 0.0)


METRICS: Mapping[str, Callable[[WeighedPairs], FloatArray]] = {
    "mae": lambda p: p.mean(np.abs(p.given - p.truth)),
    "rmse": lambda p: np.sqrt(p.mean((p.given - p.truth) ** 2)),
    "bias": lambda p: p.mean(p.given - p.truth),
    "correlation": _pearson,
    "spearman": _spearman,
    "r2": _r2,
}
