"""Markers burned into a film: letters and lead tokens, found by their sharp, compact contrast."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import (
    binary_dilation,
    binary_erosion,
    find_objects,
    grey_opening,
    label,
)

from mmcore.records import FloatArray

LEVELS = tuple(float(level) for level in np.arange(0.15, 0.96, 0.05))
"""Grey levels, as fractions of the image's range, at which islands are looked for."""
LONGEST = 0.18  # of the image's rows: the longer side of a marker
SHORTEST = 4  # model pixels of that side; less can not be read as a letter
NARROWEST = 2  # ... and of the shorter side
FEWEST = 5  # pixels of strokes
GAP = 2  # pixels within which the edge of a marker must have fallen off
RING = 2  # pixels around the gap that must all be plainly of another grey
STROKE_LEVELS = tuple(float(level) for level in np.arange(0.12, 0.9, 0.06))
"""How far strokes stand out from what lies under them, as fractions of the image's range."""
WIDEST = 5  # pixels: what is wider is no stroke
CONTRAST = 0.16  # of the image's range, between strokes and ring
STROKE_CONTRAST = 0.20  # ... once everything wider than strokes is taken away
CHEST_CONTRAST = 0.22  # ... over heart and diaphragm, whose own edges are sharp
SOLID_CONTRAST = 0.30  # ... where the island is too thick for strokes, such as a round bone
BRIGHTEST = 95  # percentile of the ring that stands for it
STROKE = 2  # an island that outlasts so many erosions is thicker than strokes are
MARGIN = 4  # pixels around an outlined lung that may be lung too
MOST_LUNG = 0.3  # of an island's pixels may lie in a lung
STROKES_IN_LUNG = 0.7  # ... of strokes, which tissue is unlike; a letter may reach into an outline

SQUARE = np.ones((3, 3), bool)

Mask = npt.NDArray[np.bool_]


def find_markers(image: FloatArray, *, lungs: Mask, chest: Mask) -> Mask:
    """Return where markers are burned into ``image``, as filled rectangles.

    image: (H, W), in any unit. lungs: (H, W); what lies in them is tissue. chest: (H, W), the lungs
    and what lies between them; there only strokes are markers, a disk may be a calcified nodule.

    Islands of every grey level, light and dark, are looked at one by one. A marker is small, and a
    few pixels beyond its edge all around nothing is nearly as light (or as dark): strokes end
    sharply, while bone and vessels go on or fade. Strokes are also looked for after everything
    wider than they are was taken away, so that the slope of what lies under a letter does not hide
    it; there strokes that nearly touch are one island, as the letters of a word. How often it is
    right is in docs/method.md.
    """
    found = np.zeros(image.shape, bool)
    low, high = float(image.min()), float(image.max())
    if not high > low:
        return found
    unit = (image - low) / (high - low)
    wide = binary_dilation(lungs, iterations=MARGIN)
    for grey in (unit, 1.0 - unit):
        for level in LEVELS:
            for island in _islands(grey >= level, joins=False):
                if _is_marker(grey, island, wide, chest, thin=CONTRAST, most_lung=MOST_LUNG):
                    found[island.place] = True
        strokes = grey - grey_opening(grey, (WIDEST, WIDEST))
        for level in STROKE_LEVELS:
            for island in _islands(strokes >= level, joins=True):
                if _is_marker(
                    strokes, island, lungs, chest, thin=STROKE_CONTRAST, most_lung=STROKES_IN_LUNG
                ):
                    found[island.place] = True
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Island:
    """place: the rectangle that it fills. window: the same with what is compared around it.

    mask: over the window, what belongs to it.
    """

    place: tuple[slice, ...]
    window: tuple[slice, ...]
    mask: Mask


def _islands(above: Mask, *, joins: bool) -> Iterator[_Island]:
    """Yield every island that is as small as a marker.

    joins: whether islands that lie one pixel or two apart are one.
    """
    numbers, count = label(binary_dilation(above, SQUARE) if joins else above)
    if joins:
        numbers = np.where(above, numbers, 0)
    areas = np.bincount(numbers.ravel(), minlength=count + 1)
    for number, place in enumerate(find_objects(numbers), start=1):
        if areas[number] >= FEWEST and _is_small(place, above.shape[0]):
            window = _widen(place, above.shape)
            yield _Island(place, window, numbers[window] == number)


def _is_marker(
    grey: npt.NDArray[Any],
    island: _Island,
    lungs: Mask,
    chest: Mask,
    *,
    thin: float,
    most_lung: float,
) -> bool:
    if lungs[island.window][island.mask].mean() > most_lung:
        return False
    is_solid = bool(binary_erosion(island.mask, iterations=STROKE).any())
    is_within = bool(chest[island.window][island.mask].mean() > MOST_LUNG)
    if is_solid and is_within:
        return False
    contrast = max(thin, CHEST_CONTRAST) if is_within else thin
    least = SOLID_CONTRAST if is_solid else contrast
    return _contrast(grey[island.window], island.mask) >= least


def _is_small(place: tuple[slice, ...], rows: int) -> bool:
    shorter, longer = sorted(part.stop - part.start for part in place)
    return bool(shorter >= NARROWEST and SHORTEST <= longer <= LONGEST * rows)


def _widen(place: tuple[slice, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    reach = GAP + RING + 1
    return tuple(
        slice(max(part.start - reach, 0), min(part.stop + reach, size))
        for part, size in zip(place, shape, strict=True)
    )


def _contrast(grey: npt.NDArray[Any], island: Mask) -> float:
    """Return how far the strokes lie above the strongest greys of the ring; 0 without a ring."""
    near = binary_dilation(island, iterations=GAP)
    ring = binary_dilation(near, iterations=RING) & ~near
    return (
        float(np.median(grey[island]) - np.percentile(grey[ring], BRIGHTEST)) if ring.any() else 0.0
    )
