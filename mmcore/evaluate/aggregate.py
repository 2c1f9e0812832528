"""Figures over several findings, and over the classes of one exclusive group.

Macro is the mean over findings, each counting alike; micro pools all (patient, finding) pairs, so
that common findings count more. Both come from the same resamples of patients as the figures of the
single findings, which keeps the correlation between findings of one patient in the interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmcore.evaluate.metrics import AT_POINT, HEADLINE, finding_statistic
from mmcore.evaluate.resample import (
    Figure,
    FloatArray,
    Groups,
    Resampled,
    Statistic,
    ratio,
    resample,
)


@dataclass(frozen=True, slots=True)
class MultiLabelFigures:
    """Figures of K findings. per_finding: by finding and figure. macro, micro: by figure.

    macro is over the findings for which the figure is defined in the sample; ``averaged`` says how
    many they were.
    """

    per_finding: Mapping[str, Mapping[str, Figure]]
    macro: Mapping[str, Figure]
    micro: Mapping[str, Figure]
    averaged: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class MultiClassFigures:
    """Figures of one group of C exclusive classes.

    confusion: (C, C) rows, true class by called class. figures: accuracy (top-1),
        balanced_accuracy, macro_f1, weighted_f1, macro_auroc (one against the rest).
    per_class: sensitivity, precision, f1 and auroc of every class.
    """

    classes: tuple[str, ...]
    confusion: npt.NDArray[np.int64]
    figures: Mapping[str, Figure]
    per_class: Mapping[str, Mapping[str, Figure]]


def multilabel_figures(
    labels: FloatArray,
    scores: FloatArray,
    *,
    operating_points: Mapping[str, float],
    groups: Groups | None = None,
    names: Sequence[str] = HEADLINE,
    seed: int = 0,
) -> MultiLabelFigures:
    """Return the figures of every finding with their macro and micro averages.

    labels: (N, K) 1, 0 or NaN for unknown. scores: (N, K) probabilities. operating_points: of each
    finding by name, in the order of the columns. In the micro average, figures at an operating
    point use every finding's own point; ranks and probabilities are pooled as they are.
    """
    findings = list(operating_points)
    if labels.shape != scores.shape or labels.shape[1:] != (len(findings),):
        raise ValueError(f"{len(findings)} findings, labels {labels.shape}, scores {scores.shape}")
    single = {
        finding: finding_statistic(
            labels[:, k], scores[:, k], operating_point=operating_points[finding], names=names
        )
        for k, finding in enumerate(findings)
    }
    pooled = _pooled(labels, scores, np.array(list(operating_points.values())), names)

    def statistic(weights: FloatArray) -> dict[str, FloatArray]:
        values = {
            f"{finding}/{name}": value
            for finding, of_finding in single.items()
            for name, value in of_finding(weights).items()
        }
        return values | {f"/{name}": value for name, value in pooled(weights).items()}

    drawn = resample(statistic, rows=len(labels), groups=groups, seed=seed)
    per_finding = {f: {n: drawn[f"{f}/{n}"].figure() for n in names} for f in findings}
    macro, averaged = {}, {}
    for name in names:
        defined = [d for f in findings if np.isfinite((d := drawn[f"{f}/{name}"]).value)]
        macro[name] = _mean(defined)
        averaged[name] = len(defined)
    return MultiLabelFigures(
        per_finding, macro, {n: drawn[f"/{n}"].figure() for n in names}, averaged
    )


def multiclass_figures(
    labels: FloatArray,
    probabilities: FloatArray,
    *,
    classes: Sequence[str],
    groups: Groups | None = None,
    seed: int = 0,
) -> MultiClassFigures:
    """Return the figures of an exclusive (softmax) group of C classes.

    labels: (N,) index of the true class, NaN for unknown. probabilities: (N, C).
    F1 is averaged over the classes that are there or called, as scikit-learn does.
    """
    count = len(classes)
    if probabilities.shape != (len(labels), count):
        raise ValueError(f"probabilities are {probabilities.shape}, not {(len(labels), count)}")
    rows = ~np.isnan(labels)
    truth, given = labels[rows].astype(np.int64), probabilities[rows]
    if len(truth) and not (truth.min() >= 0 and truth.max() < count):
        raise ValueError(f"a label is not one of the {count} classes")
    if not np.isfinite(given).all():
        raise ValueError("a probability is not a finite number")
    cells = np.eye(count * count)[truth * count + given.argmax(1)]
    against_rest = {
        name: finding_statistic(
            np.where(rows, labels == k, np.nan), probabilities[:, k], operating_point=0.5,
            names=("auroc",),
        )
        for k, name in enumerate(classes)
    }  # fmt: skip

    def statistic(weights: FloatArray) -> dict[str, FloatArray]:
        confusion = (weights[:, rows] @ cells).reshape(-1, count, count)
        hits = np.einsum("wcc->wc", confusion)
        there, called, total = confusion.sum(2), confusion.sum(1), confusion.sum((1, 2))
        sensitivity, precision = ratio(hits, there), ratio(hits, called)
        f1 = ratio(2 * hits, there + called)
        aurocs = np.stack([f(weights)["auroc"] for f in against_rest.values()], axis=1)
        values = {
            "accuracy": ratio(hits.sum(1), total),
            "balanced_accuracy": _mean_defined(sensitivity),
            "macro_f1": _mean_defined(f1),
            "weighted_f1": ratio((np.nan_to_num(f1) * there).sum(1), total),
            "macro_auroc": _mean_defined(aurocs),
        }
        for name, column in (
            ("sensitivity", sensitivity), ("precision", precision), ("f1", f1), ("auroc", aurocs)
        ):  # fmt: skip
            values |= {f"{k}/{name}": column[:, k] for k in range(count)}
        return values

    drawn = resample(statistic, rows=len(labels), groups=groups, seed=seed)
    per_class = {
        c: {
            name.partition("/")[2]: d.figure()
            for name, d in drawn.items()
            if name.startswith(f"{k}/")
        }
        for k, c in enumerate(classes)
    }
    return MultiClassFigures(
        classes=tuple(classes),
        confusion=cells.sum(0).reshape(count, count).astype(np.int64),
        figures={name: d.figure() for name, d in drawn.items() if "/" not in name},
        per_class=per_class,
    )


def _pooled(
    labels: FloatArray, scores: FloatArray, points: FloatArray, names: Sequence[str]
) -> Statistic:
    """Return the micro figures, of all (row, finding) pairs as rows of one sample."""
    called = np.where(scores >= points, 1.0, 0.0)
    at_point = [name for name in names if name in AT_POINT]
    ranked = [name for name in names if name not in AT_POINT]
    of_called = finding_statistic(
        labels.ravel(), called.ravel(), operating_point=0.5, names=at_point
    )
    of_scores = finding_statistic(labels.ravel(), scores.ravel(), operating_point=0.5, names=ranked)

    def statistic(weights: FloatArray) -> dict[str, FloatArray]:
        pairs = np.repeat(weights, labels.shape[1], axis=1)
        both = {**of_called(pairs), **of_scores(pairs)}
        return {name: both[name] for name in names}

    return statistic


def _mean(figures: Sequence[Resampled]) -> Figure:
    """Return the mean of figures; a resample that leaves one undefined is left out."""
    if not figures:
        return Figure(float("nan"), float("nan"), float("nan"))
    value = float(np.mean([figure.value for figure in figures]))
    return Resampled(value, np.mean([figure.draws for figure in figures], axis=0)).figure()


def _mean_defined(values: FloatArray) -> FloatArray:
    """Return (W,) means of (W, C) over the classes that are defined."""
    defined = np.isfinite(values)
    return ratio(np.where(defined, values, 0.0).sum(1), defined.sum(1).astype(np.float64))
