"""The bootstrap over patients, of any figure, fast enough to be the default.

A resample of patients is a weight per row: how often the row's patient was drawn. A figure that
takes weights is computed for a block of resamples at once, and the figure of the sample itself is
the one with all weights 1. So value, interval, macro average, difference of two models and gap
between subgroups all come from one implementation and from the same draws.

Source: Efron and Tibshirani 1993, chapters 6, 8 (clusters) and 13 (percentile interval).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Groups = npt.NDArray[np.generic]
Statistic = Callable[[FloatArray], Mapping[str, FloatArray]]
"""From (W, N) weights of N rows to (W,) values of every named figure."""

RESAMPLES = 1000
BLOCK = 2_000_000  # weights held at once: 16 MB
LEAST_DEFINED = 0.5  # share of resamples that must define a figure before it gets an interval


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with its 95 % bootstrap interval over patients; NaN where not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """A figure of the sample, and of every resample of its patients, NaN where not defined."""

    value: float
    draws: FloatArray

    def figure(self) -> Figure:
        """Return the value with its percentile interval.

        The interval is NaN when half of the resamples or more do not define the figure.
        """
        return Figure(self.value, *percentile_interval(self.draws))


def resample(
    statistic: Statistic,
    *,
    rows: int,
    groups: Groups | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Resampled]:
    """Return every figure of ``statistic`` on the sample and on resamples of its patients.

    groups: (rows,) the patient of each row; without it every row is a patient of its own.
    """
    whole = {name: float(value[0]) for name, value in statistic(np.ones((1, rows))).items()}
    draws: dict[str, list[FloatArray]] = {name: [] for name in whole}
    for weights in patient_weights(rows=rows, groups=groups, seed=seed, resamples=resamples):
        for name, values in statistic(weights).items():
            draws[name].append(values)
    return {name: Resampled(value, np.concatenate(draws[name])) for name, value in whole.items()}


def patient_weights(
    *, rows: int, groups: Groups | None, seed: int, resamples: int = RESAMPLES
) -> Iterator[FloatArray]:
    """Yield blocks (W, rows) of weights: how often each row's patient was drawn."""
    if rows < 1:
        raise ValueError("there is no row to resample")
    if groups is None:
        patients, of_row = rows, np.arange(rows)
    else:
        if len(groups) != rows:
            raise ValueError(f"{len(groups)} patient ids for {rows} rows")
        names, of_row = np.unique(groups, return_inverse=True)
        patients = len(names)
    rng = np.random.default_rng(seed)
    block = max(1, BLOCK // rows)
    for start in range(0, resamples, block):
        count = min(block, resamples - start)
        drawn = rng.integers(0, patients, (count, patients)) + np.arange(count)[:, None] * patients
        times = np.bincount(drawn.ravel(), minlength=count * patients).reshape(count, patients)
        yield times[:, of_row].astype(np.float64)


def percentile_interval(draws: FloatArray) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile of the draws that are defined, NaN if few are."""
    defined = draws[np.isfinite(draws)]
    if not len(defined) > LEAST_DEFINED * len(draws):
        return float("nan"), float("nan")
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """Return ``top / bottom``, NaN where ``bottom`` is 0."""
    result: FloatArray = np.divide(
        top, bottom, out=np.full(np.broadcast(top, bottom).shape, np.nan), where=bottom != 0
    )
    return result
