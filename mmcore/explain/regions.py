"""From image attributions to an overlay and to a few named regions that sum to it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, label, maximum_filter

from mmcore.explain.anatomy import Anatomy, mark_of
from mmcore.language import say
from mmcore.orientation import Side
from mmcore.records import PartItem

OVERLAY_CELL = 4  # model pixels per overlay cell
PIXEL_SMOOTHING = 1.5  # standard deviation of the blur of pixel attributions, in cells
TOKEN_SMOOTHING = 2.5  # ... and of token attributions, which are constant over a token's cells
TOKEN_WEIGHT = 0.8  # of the token attributions in the overlay; the rest are pixel attributions
MIN_PEAK = 0.15  # cells below this fraction of the strongest one belong to no region
PEAK_DISTANCE = 4  # cells; nearer peaks of one sign are one region
MAX_REGIONS = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Region:
    """row, column: of the peak. cells: (n, 2), all that belong to it."""

    row: int
    column: int
    signed: float
    cells: npt.NDArray[np.intp]


def blend_overlay(
    pixels: npt.NDArray[np.float64], tokens: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the (H / 4, W / 4) overlay of (H, W) pixel and (h, w) token attributions.

    Both sum to the image's contribution, so their weighted mean does. Pixels say where exactly, but
    credit the edge that gives a shape away as much as the shape; tokens say which part of the image
    the fusion listened to, sixteen pixels at a time. Weight and blur were chosen on simulated
    findings whose lesions are known (docs/decisions/0013).
    """
    rows, columns = (n // OVERLAY_CELL for n in pixels.shape)
    cells = pixels.reshape(rows, OVERLAY_CELL, columns, OVERLAY_CELL).sum((1, 3))
    down, across = rows // tokens.shape[0], columns // tokens.shape[1]
    spread = tokens.repeat(down, axis=0).repeat(across, axis=1) / (down * across)
    fine, coarse = _blur(cells, PIXEL_SMOOTHING), _blur(spread, TOKEN_SMOOTHING)
    result: npt.NDArray[np.float64] = fine + TOKEN_WEIGHT * (coarse - fine)
    return result


def _blur(cells: npt.NDArray[np.float64], deviation: float) -> npt.NDArray[np.float64]:
    """Blur and keep the total: reflection at the borders neither loses nor makes any of it."""
    result: npt.NDArray[np.float64] = gaussian_filter(
        cells, deviation, mode="reflect", truncate=4.0
    )
    return result


def name_regions(
    overlay: npt.NDArray[np.float64],
    *,
    box: tuple[float, float, float, float],
    sides: tuple[Side, Side] | None,
    anatomy: Anatomy | None = None,
) -> tuple[PartItem, ...]:
    """Return the strongest regions for and against, largest first, with the rest as one item.

    Every cell belongs to one region of its own sign or to the rest, so the items sum to the
    overlay. ``where`` is the peak in stored pixels, outside the image where padding holds it.
    ``sides``: which side of the patient lies at the left and at the right edge of the image, as the
    file says; without it sides of the image are named, never guessed from the view. anatomy: gives
    regions the names of its places, and marks those outside the lungs; without it thirds of the
    image are named.
    """
    scale_row, scale_column = box[2] / overlay.shape[0], box[3] / overlay.shape[1]
    # The square lies around the centre of the image, so its margins tell the image's own size.
    rows, columns = box[2] + 2.0 * box[0], box[3] + 2.0 * box[1]
    items = []
    for region in _regions(overlay):
        row = box[0] + (region.row + 0.5) * scale_row
        column = box[1] + (region.column + 0.5) * scale_column
        if anatomy is None:
            place, mark = _place(row / rows, column / columns, sides=sides), ""
        else:
            at = region.cells
            weights = overlay[at[:, 0], at[:, 1]]
            peak = (region.row, region.column)
            place = anatomy.place_of(at, weights, peak=peak)
            mark = mark_of(place)
        where = (float(round(row)), float(round(column)))
        items.append(PartItem(place, where, region.signed, mark))
    items.sort(key=lambda item: -abs(item.signed))
    rest = float(overlay.sum()) - sum(item.signed for item in items)
    return (*items, PartItem(say("rest of the image"), (), rest))


def _regions(overlay: npt.NDArray[np.float64]) -> list[_Region]:
    """Cut the cells that matter into regions around the strongest peaks, for and against apart.

    Cells of at least ``MIN_PEAK`` of the strongest one belong, within their connected patch, to the
    nearest peak; a peak is the highest cell within ``PEAK_DISTANCE`` of itself.
    """
    found = []
    floor = MIN_PEAK * np.abs(overlay).max()
    for sign in (1.0, -1.0):
        values = overlay * sign
        patches, _ = label(values > floor)
        highest = maximum_filter(values, size=2 * PEAK_DISTANCE + 1, mode="nearest")
        peaks = np.argwhere((values == highest) & (patches > 0))
        if not len(peaks):
            continue
        peaks = peaks[np.argsort(-values[tuple(peaks.T)])][: MAX_REGIONS // 2]
        cells = np.argwhere(patches > 0)
        distance = np.hypot(*(cells[:, None, :] - peaks[None]).transpose(2, 0, 1))
        elsewhere = patches[tuple(cells.T)][:, None] != patches[tuple(peaks.T)][None]
        distance[elsewhere] = np.inf
        owner = np.where(np.isfinite(distance.min(1)), distance.argmin(1), -1)
        for number, (row, column) in enumerate(peaks):
            own = cells[owner == number]
            total = float(overlay[tuple(own.T)].sum())
            found.append(_Region(int(row), int(column), total, own))
    return found


def _place(down: float, across: float, *, sides: tuple[Side, Side] | None) -> str:
    """Name a place on the image by thirds: without an outline anatomy is not guessed."""
    if not (0.0 <= down <= 1.0 and 0.0 <= across <= 1.0):
        return say("margin beside the image")
    third = min(int(down * 3), 2)
    if 0.45 <= across <= 0.55:
        return _THIRDS["middle"][third]
    if sides is not None:
        return _THIRDS[sides[0] if across < 0.5 else sides[1]][third]
    return _THIRDS["image left" if across < 0.5 else "image right"][third]


_THIRDS = {
    "middle": (
        say("upper third, near the midline"),
        say("middle third, near the midline"),
        say("lower third, near the midline"),
    ),
    "R": (
        say("upper third, patient's right"),
        say("middle third, patient's right"),
        say("lower third, patient's right"),
    ),
    "L": (
        say("upper third, patient's left"),
        say("middle third, patient's left"),
        say("lower third, patient's left"),
    ),
    "image left": (
        say("upper third, left of the image"),
        say("middle third, left of the image"),
        say("lower third, left of the image"),
    ),
    "image right": (
        say("upper third, right of the image"),
        say("middle third, right of the image"),
        say("lower third, right of the image"),
    ),
}
