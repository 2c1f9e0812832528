"""Whether one model is better than another, and whether it serves all groups of patients alike.

- ``delong`` and ``delong_test``: variance of one AUROC, and of the difference of two on the same
  rows, without resampling. Rows must be independent: one per patient.
- ``compare_findings`` and ``compare_regressions``: the difference of any figure by the paired
  bootstrap. Patients may have several rows.
- ``mcnemar``: two classifiers at their operating points.
- ``subgroup_figures``: figures by subgroup, and the largest gap between two of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from mmcore.evaluate.metrics import HEADLINE, finding_statistic, known
from mmcore.evaluate.regression import HEADLINE as REGRESSION_HEADLINE
from mmcore.evaluate.regression import regression_statistic
from mmcore.evaluate.resample import (
    Figure,
    FloatArray,
    Groups,
    Resampled,
    Statistic,
    resample,
)

Mask = npt.NDArray[np.bool_]
NORMAL_95 = float(stats.norm.ppf(0.975))
LEAST_PER_CLASS = 10  # present and absent rows that a subgroup needs to enter the largest gap


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of the second model minus that of the first, with 95 % interval.

    p_value: two-sided, of no difference; NaN where the difference has no spread to judge it by.
    """

    first: float
    second: float
    value: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, slots=True)
class McNemar:
    """How two classifiers differ on the same rows.

    first_alone, second_alone: rows that only this one called rightly. p_value: exact, two-sided.
    """

    first_alone: int
    second_alone: int
    p_value: float


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Figures of the rows of one subgroup. n and n_positive count rows with a known label."""

    name: str
    n: int
    n_positive: int
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Gap:
    """The largest difference of one figure between two subgroups.

    value: figure of ``higher`` minus that of ``lower``, with the bootstrap interval of this pair's
    difference. The pair was chosen because it is far apart, so the interval errs away from 0.
    """

    higher: str
    lower: str
    value: Figure


@dataclass(frozen=True, slots=True)
class SubgroupReport:
    """Figures by subgroup, and for every figure the largest gap.

    Subgroups with fewer than ``LEAST_PER_CLASS`` present or absent rows are listed but do not enter
    a gap; a figure is not in ``gaps`` when fewer than two subgroups remain.
    """

    subgroups: tuple[Subgroup, ...]
    gaps: Mapping[str, Gap]


def delong(labels: FloatArray, scores: FloatArray) -> Figure:
    """Return the AUROC with its 95 % interval from DeLong's variance, cut at 0 and 1.

    The interval is NaN where the variance is 0 (every pair in order): the data say nothing about
    how far from 1 the AUROC may lie. Source: DeLong et al. 1988, computed as in Sun and Xu 2014.
    """
    labels, scores = known(labels, scores)
    aucs, covariance = delong_covariance(labels, scores[None])
    value, half = float(aucs[0]), NORMAL_95 * float(np.sqrt(covariance[0, 0]))
    if not half > 0.0:
        return Figure(value, float("nan"), float("nan"))
    return Figure(value, max(value - half, 0.0), min(value + half, 1.0))


def delong_test(labels: FloatArray, first: FloatArray, second: FloatArray) -> Difference:
    """Return the difference of two correlated AUROCs on the same rows, with DeLong's test."""
    rows = ~np.isnan(labels)
    both = np.stack([known(labels, first)[1], known(labels, second)[1]])
    aucs, covariance = delong_covariance(labels[rows], both)
    value = float(aucs[1] - aucs[0])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2.0 * covariance[0, 1])
    if not variance > 1e-15:
        nan = float("nan")
        return Difference(float(aucs[0]), float(aucs[1]), value, nan, nan, nan)
    error = float(np.sqrt(variance))
    return Difference(
        float(aucs[0]), float(aucs[1]), value,
        value - NORMAL_95 * error, value + NORMAL_95 * error,
        float(2.0 * stats.norm.sf(abs(value) / error)),
    )  # fmt: skip


def delong_covariance(labels: FloatArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (S,) AUROCs and their (S, S) covariance, for (N,) labels and (S, N) scores.

    By midranks in O(N log N). Both are NaN with fewer than two rows of a class.
    """
    present = labels > 0.5
    m, n = int(present.sum()), int((~present).sum())
    if m < 2 or n < 2:
        return np.full(len(scores), np.nan), np.full((len(scores),) * 2, np.nan)
    positive, negative = scores[:, present], scores[:, ~present]
    among_all = stats.rankdata(np.concatenate([positive, negative], axis=1), axis=1)
    v10 = (among_all[:, :m] - stats.rankdata(positive, axis=1)) / n
    v01 = 1.0 - (among_all[:, m:] - stats.rankdata(negative, axis=1)) / m
    covariance = np.atleast_2d(np.cov(v10)) / m + np.atleast_2d(np.cov(v01)) / n
    return v10.mean(1), covariance


def compare_findings(
    labels: FloatArray,
    first: FloatArray,
    second: FloatArray,
    *,
    operating_points: tuple[float, float],
    groups: Groups | None = None,
    names: Sequence[str] = HEADLINE,
    seed: int = 0,
) -> dict[str, Difference]:
    """Return every named figure's difference between two models on the same rows of a finding."""
    statistics = [
        finding_statistic(labels, scores, operating_point=point, names=names)
        for scores, point in zip((first, second), operating_points, strict=True)
    ]
    return compare_statistics(
        statistics[0], statistics[1], rows=len(labels), groups=groups, seed=seed
    )


def compare_regressions(
    labels: FloatArray,
    first: FloatArray,
    second: FloatArray,
    *,
    groups: Groups | None = None,
    names: Sequence[str] = REGRESSION_HEADLINE,
    seed: int = 0,
) -> dict[str, Difference]:
    """Return every named figure's difference between two models on the same rows."""
    statistics = [regression_statistic(labels, values, names=names) for values in (first, second)]
    return compare_statistics(
        statistics[0], statistics[1], rows=len(labels), groups=groups, seed=seed
    )


def mcnemar(labels: FloatArray, first: Mask, second: Mask) -> McNemar:
    """Compare two classifiers' calls on independent rows. Source: McNemar 1947, exact binomial."""
    rows = ~np.isnan(labels)
    truth = labels[rows] > 0.5
    right_first, right_second = first[rows] == truth, second[rows] == truth
    alone = int((right_first & ~right_second).sum())
    other = int((~right_first & right_second).sum())
    p_value = stats.binomtest(alone, alone + other).pvalue if alone + other else 1.0
    return McNemar(alone, other, float(p_value))


def subgroup_figures(
    labels: FloatArray,
    scores: FloatArray,
    masks: Mapping[str, Mask],
    *,
    operating_point: float,
    groups: Groups | None = None,
    names: Sequence[str] = HEADLINE,
    seed: int = 0,
) -> SubgroupReport:
    """Return the figures of every subgroup of rows and the largest gaps between subgroups.

    masks: by subgroup (sex, age band, view, ...) its (N,) rows; subgroups may overlap.
    """
    statistics = {
        group: finding_statistic(
            np.where(mask, labels, np.nan), scores, operating_point=operating_point, names=names
        )
        for group, mask in masks.items()
    }

    def statistic(weights: FloatArray) -> dict[str, FloatArray]:
        return {
            f"{group}/{name}": value
            for group, of_group in statistics.items()
            for name, value in of_group(weights).items()
        }

    drawn = resample(statistic, rows=len(labels), groups=groups, seed=seed)
    subgroups = tuple(
        Subgroup(
            name=group,
            n=int((mask & ~np.isnan(labels)).sum()),
            n_positive=int((mask & (labels > 0.5)).sum()),
            figures={name: drawn[f"{group}/{name}"].figure() for name in names},
        )
        for group, mask in masks.items()
    )
    large = [s.name for s in subgroups if _is_large(s)]
    gaps = {}
    for name in names:
        values = {g: drawn[f"{g}/{name}"] for g in large}
        defined = sorted(
            (g for g in large if np.isfinite(values[g].value)), key=lambda g: values[g].value
        )
        if len(defined) > 1:
            lower, higher = defined[0], defined[-1]
            gaps[name] = Gap(higher, lower, _minus(values[higher], values[lower]).figure())
    return SubgroupReport(subgroups, gaps)


def _is_large(subgroup: Subgroup) -> bool:
    return min(subgroup.n_positive, subgroup.n - subgroup.n_positive) >= LEAST_PER_CLASS


def compare_statistics(
    first: Statistic,
    second: Statistic,
    *,
    rows: int,
    groups: Groups | None = None,
    seed: int = 0,
) -> dict[str, Difference]:
    """Return the difference of every figure of two models by the same resamples of patients."""
    drawn_first = resample(first, rows=rows, groups=groups, seed=seed)
    drawn_second = resample(second, rows=rows, groups=groups, seed=seed)  # the same draws
    result = {}
    for name, one in drawn_first.items():
        gap = _minus(drawn_second[name], one)
        figure = gap.figure()
        result[name] = Difference(
            one.value, drawn_second[name].value, gap.value, figure.low, figure.high,
            _two_sided(gap.draws) if np.isfinite(figure.low) else float("nan"),
        )  # fmt: skip
    return result


def _minus(a: Resampled, b: Resampled) -> Resampled:
    return Resampled(a.value - b.value, a.draws - b.draws)


def _two_sided(draws: FloatArray) -> float:
    """Return the p value that inverts the percentile interval. Source: Efron and Tibshirani 1993.

    It is never 0: a thousand resamples can not say more than 2 in 1,001.
    """
    defined = draws[np.isfinite(draws)]
    below, above = int((defined <= 0).sum()), int((defined >= 0).sum())
    return min(1.0, 2.0 * (1 + min(below, above)) / (len(defined) + 1))
