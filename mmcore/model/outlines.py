"""From the segmentation head's small maps to outlines over the stored image."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from mmcore.modalities.channel import Box
from mmcore.model.network import FusionNetwork


def draw_outlines(
    network: FusionNetwork, embedded: Tensor, box: Box, *, shape: tuple[int, int]
) -> list[npt.NDArray[np.float32]]:
    """Return one (rows, columns) probability map over the stored image per region.

    embedded: (1, C, H, W) image as the encoder reads it. box: the part of the stored image that it
    covers, as in ``PreparedImage``. shape: rows and columns of the stored image.
    """
    if network.segmentation is None:
        return []
    with torch.inference_mode():
        tokens, maps = network.image_with_maps(embedded)
        logits = network.segmentation(tokens, maps).float()
        side = round(box[2]), round(box[3])
        full = functional.interpolate(logits, size=side, mode="bilinear", align_corners=False)[0]
    top, left = max(round(-box[0]), 0), max(round(-box[1]), 0)
    shown = full[:, top : top + shape[0], left : left + shape[1]].sigmoid()
    return [region.cpu().numpy() for region in shown]
