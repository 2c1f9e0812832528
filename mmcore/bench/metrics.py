"""Figures of one explanation against what is true, as pure functions of arrays.

Every function gives NaN where its figure is not defined, never a number that looks like a result.
Maps are signed, (rows, columns), positive where they speak for the finding.
"""

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
NAN = float("nan")


def points_inside(signed: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Return 1 if the strongest cell for the finding lies in ``truth``, else 0; no tolerance.

    NaN without truth, or where nothing speaks for the finding. Of equal peaks the first counts.
    Source: the pointing game, Zhang et al. 2018, with a tolerance of 0.
    """
    values, inside = _pair(signed, truth)
    if not inside.any() or not values.max() > 0.0:
        return NAN
    return float(inside.flat[int(values.argmax())])


def mass_inside(signed: npt.ArrayLike, share: npt.ArrayLike) -> float:
    """Return which part of the positive evidence lies in the truth, in [0, 1].

    share: by cell, which part of it is truth, in [0, 1].
    Source: relevance mass accuracy, Arras, Osman and Samek 2022.
    """
    values, inside = np.asarray(signed, float), np.asarray(share, float)
    positive = np.maximum(values, 0.0)
    if not positive.sum() > 0.0 or not inside.any():
        return NAN
    return float((positive * inside).sum() / positive.sum())


def best_overlap(signed: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Return the largest intersection over union of the truth and the map cut at any height > 0.

    The best cut is chosen knowing the truth, so this is an upper bound on what a fixed one gives.
    """
    values, inside = _pair(signed, truth)
    values, inside = values.ravel(), inside.ravel()
    if not inside.any() or not values.max() > 0.0:
        return NAN
    order = np.argsort(-values, kind="stable")
    ranked = values[order]
    hits = np.cumsum(inside[order])
    union = np.arange(1, len(order) + 1) + inside.sum() - hits
    # A cut takes all cells of one height or none of them.
    is_cut = np.append(ranked[1:] < ranked[:-1], True) & (ranked > 0.0)
    return float((hits / union)[is_cut].max())


def rank_correlation(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Return Spearman's rank correlation; NaN with fewer than three pairs or a constant side."""
    x, y = np.asarray(a, float).ravel(), np.asarray(b, float).ravel()
    if x.shape != y.shape:
        raise ValueError(f"{len(x)} values against {len(y)}")
    if len(x) < 3 or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return NAN
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def curve_area(levels: npt.ArrayLike) -> float:
    """Return the area under values at even steps of the fraction from 0 to 1 (trapezoids)."""
    values = np.asarray(levels, float)
    if len(values) < 2:
        return NAN
    return float(np.trapezoid(values, dx=1.0 / (len(values) - 1)))


def relative_change(before: npt.ArrayLike, after: npt.ArrayLike) -> float:
    """Return the length of the change of a map over the length of the map.

    Source: max-sensitivity, Yeh et al. 2019, of one draw; the largest of several draws is theirs.
    """
    first, second = np.asarray(before, float), np.asarray(after, float)
    if first.shape != second.shape:
        raise ValueError(f"a map of {first.shape} against one of {second.shape}")
    length = float(np.linalg.norm(first))
    return float(np.linalg.norm(second - first)) / length if length > 0.0 else NAN


def _pair(signed: npt.ArrayLike, truth: npt.ArrayLike) -> tuple[FloatArray, BoolArray]:
    values, inside = np.asarray(signed, float), np.asarray(truth, bool)
    if values.shape != inside.shape:
        raise ValueError(f"a map of {values.shape} against a truth of {inside.shape}")
    return values, inside
