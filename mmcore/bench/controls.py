"""Maps of an image that know nothing of the model: what a figure has to beat.

All are (56, 56) float64, non-negative, over the model's square of the image.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter, sobel

from mmcore.bench.truth import Box, Truth, mask_on_grid
from mmcore.modalities.image import PreparedImage
from mmcore.records import Parts

FloatArray = npt.NDArray[np.float64]
SIZE = (56, 56)
BLOB = 5.0  # cells, standard deviation of a blob: a third of the width of a lung
LUNG = 0.5  # probability from which a cell is lung
FIXED = ((27.0, 16.0), (27.0, 39.0))  # lung centres of an upright film, where none are outlined


def centres(image: PreparedImage) -> FloatArray:
    """Return a blob at the centre of each lung, as the model outlines them, else at fixed places.

    The left half of the outline is one lung, the right half the other.
    """
    places = []
    lungs = image.lungs
    for half, fixed in zip((slice(0, 28), slice(28, 56)), FIXED, strict=True):
        inside = np.zeros(SIZE, bool)
        if lungs is not None and lungs.shape == SIZE:
            inside[:, half] = lungs[:, half] >= LUNG
        places.append(np.argwhere(inside).mean(0) if inside.any() else np.array(fixed))
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    blobs = [
        np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2.0 * BLOB**2))
        for row, column in places
    ]
    result: FloatArray = np.sum(blobs, axis=0)
    return result


def edges(image: PreparedImage) -> FloatArray:
    """Return the strength of edges (Sobel), smoothed as an overlay is (Adebayo et al. 2018)."""
    grey = image.values.mean(0).astype(float)
    strength = np.hypot(sobel(grey, 0), sobel(grey, 1)).astype(np.float32)
    cells = Image.fromarray(strength).resize(SIZE[::-1], Image.Resampling.BOX)
    result: FloatArray = gaussian_filter(np.asarray(cells, np.float64), 1.5)
    return result


def usual_place(truths: Iterable[tuple[Truth, Box]]) -> FloatArray:
    """Return where the truth of other patients lies on average, each with its square."""
    maps = [mask_on_grid(truth.mask, box, SIZE) for truth, box in truths if truth.mask is not None]
    return np.mean(maps, axis=0) if maps else np.zeros(SIZE)


def shuffled(parts: Parts, rng: np.random.Generator) -> Parts:
    """Return ``parts`` with the same values in random places: what has no idea where."""
    signed = rng.permutation([item.signed for item in parts.items])
    items = [replace(i, signed=float(s)) for i, s in zip(parts.items, signed, strict=True)]
    overlay = parts.overlay
    if overlay is not None:
        overlay = rng.permutation(overlay.ravel()).reshape(overlay.shape)
    return replace(parts, items=tuple(items), overlay=overlay)
