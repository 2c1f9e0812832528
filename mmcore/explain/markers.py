"""Markers burned into a film: letters and lead tokens, found by their sharp, compact contrast."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, binary_erosion, find_objects, label

from mmcore.records import FloatArray

LEVELS = tuple(float(level) for level in np.arange(0.15, 0.96, 0.05))
"""Grey levels, as fractions of the image's range, at which islands are looked for."""
LONGEST = 0.18  # of the image's rows: the longer side of a marker
SHORTEST = 4  # model pixels of that side; less can not be read as a letter
NARROWEST = 2  # ... and of the shorter side
FEWEST = 5  # pixels of strokes
GAP = 2  # pixels within which the edge of a marker must have fallen off
RING = 2  # pixels around the gap that must all be plainly of another grey
CONTRAST = 0.16  # of the image's range, between strokes and ring
CHEST_CONTRAST = 0.22  # ... over heart and diaphragm, whose own edges are sharp
SOLID_CONTRAST = 0.30  # ... where the island is too thick for strokes, such as a round bone
BRIGHTEST = 95  # percentile of the ring that stands for it
STROKE = 2  # an island that outlasts so many erosions is thicker than strokes are
MOST_LUNG = 0.3  # of an island's pixels may lie in a lung

Mask = npt.NDArray[np.bool_]


def find_markers(image: FloatArray, *, lungs: Mask, chest: Mask) -> Mask:
    """Return where markers are burned into ``image``, as filled rectangles.

    image: (H, W), in any unit. lungs: (H, W); what lies in them is tissue. chest: (H, W), the lungs
    and what lies between them; there only strokes are markers, a disk may be a calcified nodule.

    Islands of every grey level, light and dark, are looked at one by one. A marker is small, and a
    few pixels beyond its edge all around nothing is nearly as light (or as dark): strokes end
    sharply, while bone and vessels go on or fade. How often it is right is in docs/method.md.
    """
    found = np.zeros(image.shape, bool)
    low, high = float(image.min()), float(image.max())
    if not high > low:
        return found
    unit = (image - low) / (high - low)
    for grey in (unit, 1.0 - unit):
        for level in LEVELS:
            islands, count = label(grey >= level)
            if not count:
                continue
            areas = np.bincount(islands.ravel())
            for number, place in enumerate(find_objects(islands), start=1):
                if areas[number] >= FEWEST and _is_small(place, image.shape[0]):
                    window = _widen(place, image.shape)
                    island = islands[window] == number
                    if lungs[window][island].mean() > MOST_LUNG:
                        continue
                    is_solid = bool(binary_erosion(island, iterations=STROKE).any())
                    is_within = bool(chest[window][island].mean() > MOST_LUNG)
                    if is_solid and is_within:
                        continue
                    thin = CHEST_CONTRAST if is_within else CONTRAST
                    least = SOLID_CONTRAST if is_solid else thin
                    if _contrast(grey[window], island) >= least:
                        found[place] = True
    return found


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
