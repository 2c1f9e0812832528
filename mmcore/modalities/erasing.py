"""Places of an image erased softly, and maps of it that no finding has drawn."""

from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn import functional

SCATTER = 2.5  # standard deviation in cells, as of the overlay's own blur

FloatArray64 = npt.NDArray[np.float64]


def erase_cells(own: Tensor, baseline: Tensor, masks: Tensor) -> Tensor:
    """Return (n, C, H, W) images in which the cells of each (h, w) mask show the baseline.

    ``own``, ``baseline``: (1, C, H, W). ``masks``: (n, h, w) in [0, 1]; of a series of slices
    (n, C, h, w), a mask for each. Masks are widened softly to pixels, so that no edge is made.
    """
    if masks.ndim == 3:
        masks = masks[:, None]
    soft = functional.interpolate(masks, size=own.shape[-2:], mode="bilinear", align_corners=False)
    return own + soft * (baseline - own)


def scatter_cells(noise: FloatArray64) -> FloatArray64:
    """Return (..., h, w) noise as smooth as an overlay."""
    deviations = (*(0.0,) * (noise.ndim - 2), SCATTER, SCATTER)
    return cast(FloatArray64, gaussian_filter(noise, deviations, mode="reflect"))


def edges_and_centre(own: Tensor, cells: tuple[int, int]) -> tuple[FloatArray64, FloatArray64]:
    """Return (h, w) how sharp the image is in each cell, and how near the cell is to the centre."""
    image = own[0].mean(0).double()
    down, across = torch.gradient(image)
    steep = (down**2 + across**2).sqrt()[None, None]
    sharp = functional.adaptive_avg_pool2d(steep, cells)[0, 0]
    rows, columns = (torch.linspace(-1.0, 1.0, n, dtype=torch.float64) for n in cells)
    near = -(rows[:, None] ** 2 + columns[None] ** 2)
    return scatter_cells(sharp.numpy(force=True)), near.numpy()
