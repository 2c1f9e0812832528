"""Figures of one modality's parts against the truth; every figure NaN where it is not defined.

- pointing: peak of the map inside the truth (image: lesion; sound: seconds and hertz)
- mass: part of the positive evidence that lies in the truth
- in_lungs: part of the positive evidence that lies in the lungs, where they are outlined
- overlap: best intersection over union of map and truth
- top: strongest named item for the finding is one that truly speaks for it
- order: rank correlation of the parts with what each value or genotype truly says
- completeness: |sum of parts - contribution| over |contribution|
- withheld: parts that failed their test of this case
"""

from collections.abc import Callable, Iterable
from math import isfinite

import numpy as np
import numpy.typing as npt

from mmcore.bench import metrics
from mmcore.bench.metrics import NAN
from mmcore.bench.truth import Box, Truth, cells_of, mask_on_grid
from mmcore.modalities import Prepared
from mmcore.modalities.observations import PreparedObservations
from mmcore.modalities.recording import CELL_BANDS, CELL_SECONDS, PreparedRecording
from mmcore.model.prepared import PreparedCase
from mmcore.records import Modality, PartItem, Parts

FloatArray = npt.NDArray[np.float64]
LEAST_CONTRIBUTION = 0.05  # logits, for a miss relative to the contribution
Figures = dict[str, float]


def figures_of(
    parts: Parts, truth: Truth, prepared: PreparedCase, *, contribution: float
) -> Figures:
    """Return every figure of ``parts`` that has a meaning for its modality.

    contribution: of the modality, in logits.
    """
    figures = {"withheld": float(not parts.passed)}
    miss = abs(parts.completeness_error)
    is_large = abs(contribution) >= LEAST_CONTRIBUTION
    figures["completeness"] = miss / abs(contribution) if is_large else NAN
    if parts.passed:
        figures |= _localisation(parts, truth, prepared)
    return {name: value for name, value in figures.items() if isfinite(value)}


def image_figures(overlay: FloatArray, box: Box, truth: Truth) -> Figures:
    """Return the figures of a map that lies over ``box`` of the stored image."""
    figures: Figures = {}
    shape = (overlay.shape[0], overlay.shape[1])
    if truth.mask is not None:
        figures = map_figures(overlay, mask_on_grid(truth.mask, box, shape))
        row, column = peak(overlay, box)  # exact to the stored pixel, not to the cell
        inside = 0 <= row < truth.mask.shape[0] and 0 <= column < truth.mask.shape[1]
        if isfinite(figures["pointing"]):
            figures["pointing"] = float(inside and truth.mask[row, column])
    if truth.lungs is not None:
        figures["in_lungs"] = metrics.mass_inside(overlay, mask_on_grid(truth.lungs, box, shape))
    return figures


def map_figures(signed: FloatArray, share: FloatArray) -> Figures:
    """Return pointing, mass and overlap of a map, given by cell which part of it is truth."""
    cells = cells_of(share)
    return {
        "pointing": metrics.points_inside(signed, cells),
        "mass": metrics.mass_inside(signed, share),
        "overlap": metrics.best_overlap(signed, cells),
    }


def peak(overlay: npt.NDArray[np.floating], box: Box) -> tuple[int, int]:
    """Return the stored pixel (row, column) under the overlay's strongest evidence for."""
    row, column = np.unravel_index(int(overlay.argmax()), overlay.shape)
    return (
        int(box[0] + (row + 0.5) * box[2] / overlay.shape[0]),
        int(box[1] + (column + 0.5) * box[3] / overlay.shape[1]),
    )


def sound_cells(own: PreparedRecording, sounds: Iterable[Box]) -> FloatArray:
    """Return (bands, frames): 1 where a band's range and a frame's middle meet a true sound."""
    bands, frames = own.values.shape
    low, high = np.array(own.edges_hz[:bands]), np.array(own.edges_hz[2 : bands + 2])
    seconds = own.box[1] + (np.arange(frames) + 0.5) * (own.box[3] - own.box[1]) / frames
    result = np.zeros((bands, frames))
    for start, end, bottom, top in sounds:
        in_band = (low < top) & (high > bottom)
        in_time = (seconds >= start) & (seconds <= end)
        result[np.ix_(in_band, in_time)] = 1.0
    return result


def _localisation(parts: Parts, truth: Truth, prepared: PreparedCase) -> Figures:
    own = prepared.inputs.get(parts.modality)
    if parts.modality is Modality.IMAGE and parts.overlay is not None and parts.overlay_box:
        return image_figures(parts.overlay.astype(float), parts.overlay_box, truth)
    if parts.modality is Modality.NOTE and truth.spans:
        return _named(parts, lambda item: _overlaps(item, truth.spans))
    if parts.modality is Modality.OBSERVATIONS and truth.shifted:
        return _labs(parts, truth, own)
    if parts.modality is Modality.VARIANTS and truth.variants:
        telling = {name for name, weight in truth.variants.items() if weight > 0.0}
        figures = _named(parts, lambda item: str(item.where[0]) in telling)
        return figures | _order(parts, lambda item: truth.variants.get(str(item.where[0])))
    if isinstance(own, PreparedRecording) and truth.sounds and parts.overlay is not None:
        figures = map_figures(parts.overlay.astype(float), sound_cells(own, truth.sounds))
        top = _named(parts, lambda item: _is_heard(item, own, truth.sounds))
        return figures | {"top": top.get("top", NAN)}
    return {}


def _named(parts: Parts, is_true: Callable[[PartItem], bool]) -> Figures:
    """Return mass and top of named items; NaN if none of them is true."""
    items = [item for item in parts.items if item.where]
    hits = np.array([is_true(item) for item in items], bool)
    signed = np.array([item.signed for item in items], float)
    if not hits.any():
        return {}
    return {
        "top": metrics.points_inside(signed, hits),
        "mass": metrics.mass_inside(signed, hits.astype(float)),
    }


def _order(parts: Parts, says: Callable[[PartItem], float | None]) -> Figures:
    """Return the rank correlation of the signed parts with what each truly says."""
    pairs = [(item.signed, says(item)) for item in parts.items if item.where]
    known = [(signed, weight) for signed, weight in pairs if weight is not None]
    return {"order": metrics.rank_correlation(*zip(*known, strict=True)) if known else NAN}


def _labs(parts: Parts, truth: Truth, own: Prepared | None) -> Figures:
    """Return the figures of labs, where the latest value and its course are items of their own."""
    used = own.used if isinstance(own, PreparedObservations) else ()
    latest = {o.loinc: o.time.isoformat() if o.time else "" for o, *_ in used if o is not None}

    def is_course(item: PartItem) -> bool:
        return str(item.where[1]) != latest.get(str(item.where[0]))

    def is_true(item: PartItem) -> bool:
        return item.where[0] in (truth.changed if is_course(item) else truth.shifted)

    def says(item: PartItem) -> float | None:
        return (truth.course if is_course(item) else truth.evidence).get(str(item.where[0]))

    return _named(parts, is_true) | _order(parts, says)


def _overlaps(item: PartItem, spans: Iterable[tuple[int, int]]) -> bool:
    start, end = (float(x) for x in item.where)
    return any(first < end and start < last for first, last in spans)


def _is_heard(item: PartItem, own: PreparedRecording, sounds: Iterable[Box]) -> bool:
    """Say whether a named cell of half a second and eight bands meets a true sound."""
    second, hertz = (float(x) for x in item.where)
    edges = own.edges_hz
    middle = int(np.argmin(np.abs(np.array(edges) - hertz))) - 1
    low = edges[max(0, middle - CELL_BANDS // 2)]
    high = edges[min(len(edges) - 1, middle + CELL_BANDS // 2 + 1)]
    reach = CELL_SECONDS / 2
    return any(
        start - reach <= second <= end + reach and bottom < high and low < top
        for start, end, bottom, top in sounds
    )
