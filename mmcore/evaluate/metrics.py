"""Figures of binary findings, each with a bootstrap interval over patients.

Every function takes labels (1 present, 0 absent, NaN unknown) and probabilities of N rows. Unknown
labels are dropped, never counted as absent. A figure is NaN where it is not defined (one class
only), which the tables print as "n/a". scikit-learn computes the scalar figures it knows; the
interval needs a thousand of each, so the same figures exist for many weightings of the rows at once
(``RankedSample``), and the tests hold the two together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from sklearn import metrics

from mmcore.evaluate.regression import correlation as correlation
from mmcore.evaluate.regression import mae as mae
from mmcore.evaluate.regression import regression_figures as regression_figures
from mmcore.evaluate.resample import Figure as Figure
from mmcore.evaluate.resample import FloatArray, Groups, ratio, resample

ECE_BINS = 10
CLIP = 1e-6  # probabilities nearer to 0 or 1 have no usable logit
HEADLINE = ("auroc", "auprc", "f1", "sensitivity", "specificity", "brier", "ece")
EVERY = (
    "auroc", "auprc",
    "accuracy", "balanced_accuracy", "precision", "sensitivity", "specificity", "f1",
    "sensitivity_at_specificity_90", "sensitivity_at_specificity_95",
    "specificity_at_sensitivity_90", "specificity_at_sensitivity_95",
    "brier", "log_loss", "ece", "ece_adaptive", "calibration_slope", "calibration_intercept",
)  # fmt: skip
AT_POINT = ("accuracy", "balanced_accuracy", "precision", "sensitivity", "specificity", "f1")
"""The figures that depend on the operating point."""

NEWTON_STEPS = 30


@dataclass(frozen=True, slots=True, eq=False)
class RankedSample:
    """N rows with known labels, under W weightings, ranked by score.

    labels, scores: (N,). weights: (W, N). hits, alarms: (W, T + 1) weight of the present and of the
    absent rows that are called at each of T distinct scores in falling order, after a first column
    of 0, where nobody is called. Equal scores are called together.
    """

    labels: FloatArray
    scores: FloatArray
    weights: FloatArray
    hits: FloatArray
    alarms: FloatArray

    @property
    def present(self) -> FloatArray:
        """(W,) weight of all present rows."""
        return self.hits[:, -1]

    @property
    def absent(self) -> FloatArray:
        """(W,) weight of all absent rows."""
        return self.alarms[:, -1]

    def mean(self, values: FloatArray) -> FloatArray:
        """Return the (W,) weighted means of (N,) values."""
        return ratio(self.weights @ values, self.weights.sum(1))


Metric = Callable[[RankedSample], FloatArray]


def rank(labels: FloatArray, scores: FloatArray, weights: FloatArray) -> RankedSample:
    """Return the ranked sample of rows whose labels are all known."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.flatnonzero(np.append(ranked[:-1] > ranked[1:], True))[: len(ranked)]
    moved, present = weights[:, order], labels[order] > 0.5

    def cumulated(of_class: npt.NDArray[np.bool_]) -> FloatArray:
        sums = np.cumsum(moved * of_class, axis=1)[:, ends]
        return np.concatenate([np.zeros((len(weights), 1)), sums], axis=1)

    return RankedSample(labels, scores, weights, cumulated(present), cumulated(~present))


def auroc(labels: FloatArray, scores: FloatArray) -> float:
    """Return the area under the ROC curve."""
    labels, scores = known(labels, scores)
    return float(metrics.roc_auc_score(labels, scores)) if _both(labels) else float("nan")


def auprc(labels: FloatArray, scores: FloatArray) -> float:
    """Return the average precision, the area under the precision-recall curve."""
    labels, scores = known(labels, scores)
    return float(metrics.average_precision_score(labels, scores)) if _both(labels) else float("nan")


def brier(labels: FloatArray, scores: FloatArray) -> float:
    """Return the mean squared error of the probabilities. Source: Brier 1950."""
    return _of_rows(labels, scores, "brier")


def ece(labels: FloatArray, scores: FloatArray) -> float:
    """Return the expected calibration error over ten bins of equal width.

    Source: Naeini et al. 2015. It is biased upwards in small samples, its resamples more so: an
    interval may lie above the value.
    """
    return _of_rows(labels, scores, "ece")


def at_point(name: str, point: float) -> Callable[[FloatArray, FloatArray], float]:
    """Return a figure at operating point ``point`` (F1, sensitivity, ...) as a function."""

    def figure(labels: FloatArray, scores: FloatArray) -> float:
        return _of_rows(labels, scores, name, point)

    return figure


def finding_figures(
    labels: FloatArray,
    scores: FloatArray,
    *,
    operating_point: float,
    groups: Groups | None = None,
    names: Sequence[str] = HEADLINE,
    seed: int = 0,
) -> dict[str, Figure]:
    """Return the named figures of one finding (``EVERY`` lists them).

    operating_point: probability at and above which the finding is called present. groups: (N,) the
    patient of each row; patients are resampled, not rows.
    """
    return {
        name: drawn.figure()
        for name, drawn in resample(
            finding_statistic(labels, scores, operating_point=operating_point, names=names),
            rows=len(labels),
            groups=groups,
            seed=seed,
        ).items()
    }


def finding_statistic(
    labels: FloatArray, scores: FloatArray, *, operating_point: float, names: Sequence[str]
) -> Callable[[FloatArray], dict[str, FloatArray]]:
    """Return the named figures as a function of (W, N) weights, for ``resample``."""
    rows = _known_rows(labels, scores)
    chosen = {name: binary_metrics(operating_point)[name] for name in names}
    truth, given = labels[rows], scores[rows]

    def statistic(weights: FloatArray) -> dict[str, FloatArray]:
        sample = rank(truth, given, weights[:, rows])
        return {name: metric(sample) for name, metric in chosen.items()}

    return statistic


def binary_metrics(operating_point: float) -> Mapping[str, Metric]:
    """Return every figure of a binary finding by name, at this operating point where it has one."""

    def at(top: Callable[..., FloatArray], bottom: Callable[..., FloatArray]) -> Metric:
        def figure(sample: RankedSample) -> FloatArray:
            called = sample.scores >= operating_point
            hit = sample.weights @ (called & (sample.labels > 0.5))
            alarm = sample.weights @ (called & (sample.labels <= 0.5))
            counts = hit, alarm, sample.present - hit, sample.absent - alarm
            return ratio(top(*counts), bottom(*counts))

        return figure

    sensitivity = at(lambda hit, _a, _m, _c: hit, lambda hit, _a, miss, _c: hit + miss)
    specificity = at(lambda _h, _a, _m, clear: clear, lambda _h, alarm, _m, clear: clear + alarm)
    return {
        "auroc": _auroc,
        "auprc": _auprc,
        "accuracy": at(lambda hit, _a, _m, clear: hit + clear, lambda *counts: sum(counts)),
        "balanced_accuracy": lambda s: (sensitivity(s) + specificity(s)) / 2.0,
        "precision": at(lambda hit, *_: hit, lambda hit, alarm, *_: hit + alarm),
        "sensitivity": sensitivity,
        "specificity": specificity,
        "f1": at(lambda hit, *_: 2 * hit, lambda hit, alarm, miss, _: 2 * hit + alarm + miss),
        "sensitivity_at_specificity_90": lambda s: sensitivity_at(s, 0.90),
        "sensitivity_at_specificity_95": lambda s: sensitivity_at(s, 0.95),
        "specificity_at_sensitivity_90": lambda s: specificity_at(s, 0.90),
        "specificity_at_sensitivity_95": lambda s: specificity_at(s, 0.95),
        "brier": lambda s: s.mean((s.scores - s.labels) ** 2),
        "log_loss": _log_loss,
        "ece": lambda s: _ece(s, np.arange(1, ECE_BINS) / ECE_BINS),
        "ece_adaptive": lambda s: _ece(s, equal_count_edges(s.scores, ECE_BINS)),
        "calibration_slope": _calibration_slope,
        "calibration_intercept": _calibration_intercept,
    }


def sensitivity_at(sample: RankedSample, specificity: float) -> FloatArray:
    """Return the largest sensitivity of any cut whose specificity is at least this."""
    reached = ratio(sample.alarms, sample.absent[:, None]) <= 1.0 - specificity + 1e-12
    best = np.where(reached, ratio(sample.hits, sample.present[:, None]), 0.0).max(1)
    return np.where(sample.absent > 0, best, np.nan)


def specificity_at(sample: RankedSample, sensitivity: float) -> FloatArray:
    """Return the largest specificity of any cut whose sensitivity is at least this."""
    reached = ratio(sample.hits, sample.present[:, None]) >= sensitivity - 1e-12
    best = np.where(reached, 1.0 - ratio(sample.alarms, sample.absent[:, None]), 0.0).max(1)
    return np.where(sample.present > 0, best, np.nan)


def equal_count_edges(scores: FloatArray, bins: int) -> FloatArray:
    """Return the inner edges of bins that hold about equally many scores; equal ones stay together.

    Source: Nguyen and O'Connor 2015. Resamples are put into the bins of the whole sample.
    """
    if not len(scores):
        return np.empty(0)
    edges: FloatArray = np.unique(np.quantile(scores, np.arange(1, bins) / bins, method="higher"))
    return edges


def known(labels: FloatArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the rows with a known label. Raises ``ValueError`` for a score that is not finite."""
    rows = _known_rows(labels, scores)
    return labels[rows], scores[rows]


def _auroc(sample: RankedSample) -> FloatArray:
    heights = sample.hits[:, 1:] + sample.hits[:, :-1]
    area = np.einsum("wt,wt->w", np.diff(sample.alarms, axis=1), heights) / 2.0
    return ratio(area, sample.present * sample.absent)


def _auprc(sample: RankedSample) -> FloatArray:
    called = sample.hits[:, 1:] + sample.alarms[:, 1:]
    precision = np.divide(sample.hits[:, 1:], called, out=np.zeros_like(called), where=called > 0)
    area = np.einsum("wt,wt->w", np.diff(sample.hits, axis=1), precision)
    return np.where(sample.absent > 0, ratio(area, sample.present), np.nan)


def _log_loss(sample: RankedSample) -> FloatArray:
    given = np.clip(sample.scores, CLIP, 1.0 - CLIP)
    return sample.mean(-np.where(sample.labels > 0.5, np.log(given), np.log1p(-given)))


def _ece(sample: RankedSample, inner_edges: FloatArray) -> FloatArray:
    bins = np.searchsorted(inner_edges, sample.scores, side="right")
    gaps = sample.weights * (sample.scores - sample.labels)
    member = (bins[:, None] == np.arange(len(inner_edges) + 1)).astype(np.float64)
    return ratio(np.abs(gaps @ member).sum(1), sample.weights.sum(1))


def _calibration_slope(sample: RankedSample) -> FloatArray:
    """Slope of the logistic regression of the label on the logit; 1 is right, below 1 is too bold.

    Source: Cox 1958; Van Calster et al. 2019. NaN where the classes are separable.
    """
    return _logistic(sample, slope=None)[0]


def _calibration_intercept(sample: RankedSample) -> FloatArray:
    """Calibration in the large: intercept with the slope held at 1; above 0 is called too seldom.

    Source: Van Calster et al. 2019.
    """
    return _logistic(sample, slope=1.0)[1]


def _logistic(sample: RankedSample, *, slope: float | None) -> tuple[FloatArray, FloatArray]:
    """Return (W,) slopes and intercepts by Newton's method, NaN where it does not settle."""
    x = logit(np.clip(sample.scores, CLIP, 1.0 - CLIP))
    w, truth = sample.weights, sample.labels
    a = np.full(len(w), 0.0 if slope is None else slope)
    b = np.zeros(len(w))
    settled = np.zeros(len(w), dtype=bool)
    for _ in range(NEWTON_STEPS):
        p = expit(a[:, None] * x + b[:, None])
        gap, bend = w * (truth - p), w * p * (1.0 - p)
        g0, h00 = gap.sum(1), bend.sum(1)
        if slope is None:
            g1, h01, h11 = gap @ x, bend @ x, bend @ (x * x)
            det = h00 * h11 - h01 * h01
            step_a = ratio(h00 * g1 - h01 * g0, det)
            step_b = ratio(h11 * g0 - h01 * g1, det)
        else:
            step_a, step_b = np.zeros(len(w)), ratio(g0, h00)
        largest = np.maximum(np.abs(step_a), np.abs(step_b))
        shrink = 1.0 / np.maximum(1.0, largest / 2.0)  # a whole step may overshoot far from the top
        a, b = a + shrink * step_a, b + shrink * step_b
        settled = largest < 1e-8
        if np.all(settled | np.isnan(largest)):
            break
    defined = settled & (sample.present > 0) & (sample.absent > 0)
    return np.where(defined, a, np.nan), np.where(defined, b, np.nan)


def _of_rows(labels: FloatArray, scores: FloatArray, name: str, point: float = 0.5) -> float:
    statistic = finding_statistic(labels, scores, operating_point=point, names=(name,))
    return float(statistic(np.ones((1, len(labels))))[name][0])


def _known_rows(labels: FloatArray, scores: FloatArray) -> npt.NDArray[np.bool_]:
    rows: npt.NDArray[np.bool_] = ~np.isnan(labels)
    if not np.isfinite(scores[rows]).all():
        raise ValueError("a score is not a finite number")
    return rows


def _both(labels: FloatArray) -> bool:
    return len(labels) > 0 and bool(labels.min() < labels.max())
