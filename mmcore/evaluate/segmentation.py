"""Overlap of drawn masks with true ones.

An image without the lesion on which nothing was drawn has no overlap to speak of: its figures are
NaN and do not enter the mean, which would otherwise praise a model for healthy patients. Drawing
something where nothing is, or the reverse, is an overlap of 0.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mmcore.evaluate.resample import Figure, FloatArray, Groups, ratio, resample

Mask = npt.NDArray[np.bool_]


def dice(truth: Mask, drawn: Mask) -> float:
    """Return 2 |A and B| / (|A| + |B|). Source: Dice 1945."""
    both, total = _counts(truth, drawn)
    return 2.0 * both / total if total else float("nan")


def iou(truth: Mask, drawn: Mask) -> float:
    """Return |A and B| / |A or B|. Source: Jaccard 1912."""
    both, total = _counts(truth, drawn)
    return both / (total - both) if total else float("nan")


def segmentation_figures(
    truths: Sequence[Mask],
    drawn: Sequence[Mask],
    *,
    groups: Groups | None = None,
    seed: int = 0,
) -> dict[str, Figure]:
    """Return the mean "dice" and "iou" of N images, with intervals over patients."""
    pairs = list(zip(truths, drawn, strict=True))
    return {
        "dice": mean_figure(np.array([dice(*p) for p in pairs]), groups=groups, seed=seed),
        "iou": mean_figure(np.array([iou(*p) for p in pairs]), groups=groups, seed=seed),
    }


def mean_figure(values: FloatArray, *, groups: Groups | None = None, seed: int = 0) -> Figure:
    """Return the mean of (N,) values, those that are NaN left out, with its interval."""
    defined = np.isfinite(values)

    def statistic(weights: FloatArray) -> dict[str, FloatArray]:
        of_defined = weights[:, defined]
        return {"mean": ratio(of_defined @ values[defined], of_defined.sum(1))}

    return resample(statistic, rows=len(values), groups=groups, seed=seed)["mean"].figure()


def _counts(truth: Mask, drawn: Mask) -> tuple[int, int]:
    if truth.shape != drawn.shape:
        raise ValueError(f"masks of {truth.shape} and {drawn.shape} can not be compared")
    a, b = truth.astype(bool), drawn.astype(bool)
    return int((a & b).sum()), int(a.sum()) + int(b.sum())
