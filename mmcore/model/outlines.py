"""From the segmentation head's small maps to outlines over the stored image."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from mmcore.modalities.channel import Box
from mmcore.model.network import FusionNetwork


def draw_outlines(
    network: FusionNetwork, embedded: Tensor, box: Box
) -> list[npt.NDArray[np.float32]]:
    """Return one (rows, columns) probability map over the stored image per region.

    embedded: (1, C, H, W) image as the encoder reads it. box: the part of the stored image that it
    covers, as in ``PreparedImage``.
    """
    if network.segmentation is None:
        return []
    with torch.inference_mode():
        tokens, maps = network.image_with_maps(embedded)
        logits = network.segmentation(tokens, maps).float()
        side = round(box[2]), round(box[3])
        full = functional.interpolate(logits, size=side, mode="bilinear", align_corners=False)[0]
    # The square lies around the centre of the image, so its margins tell the image's own size.
    top, left = max(round(-box[0]), 0), max(round(-box[1]), 0)
    rows, columns = round(box[2] + 2.0 * box[0]), round(box[3] + 2.0 * box[1])
    shown = full[:, top : top + rows, left : left + columns].sigmoid()
    return [region.cpu().numpy() for region in shown]
