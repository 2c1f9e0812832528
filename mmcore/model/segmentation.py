"""The segmentation head: outlines on the image from its tokens and its finer feature maps."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmcore.modalities.image import ImageEncoder
from mmcore.model.config import SegmentationConfig


class SegmentationHead(nn.Module):
    """Region logits at a quarter of the image's resolution.

    The tokens give the coarse answer: a linear map of each token is the logit of its place. That
    keeps the tokens, which the fusion reads, spatially honest. Finer maps then sharpen it, added
    from coarse to fine as in a feature pyramid (Lin et al. 2017).
    """

    def __init__(self, config: SegmentationConfig, encoder: ImageEncoder, embed_dim: int) -> None:
        super().__init__()
        assert encoder.grid is not None  # image encoders always have one
        self.grid = encoder.grid
        self._as_seen = encoder.as_seen
        self.names = config.regions
        self.regions = len(config.regions)
        self.coarse = nn.Linear(embed_dim, self.regions)
        size = encoder.baseline_input().shape[-1]
        self.size = (size // 4, size // 4)
        width = config.width
        # Maps finer than the answer, such as the stem's, have nothing to add to it.
        self.lateral = nn.ModuleList(
            nn.Conv2d(channels, width, 1) for channels, rows in encoder.maps if rows <= self.size[0]
        )
        self.refine = nn.Sequential(
            nn.GroupNorm(4, width), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(4, width), nn.SiLU(), nn.Conv2d(width, self.regions, 3, padding=1),
        )  # fmt: skip

    def blank(self, count: int, like: Tensor) -> Tensor:
        """Return (count, R, h, w) zeros for images that are absent."""
        return like.new_zeros((count, self.regions, *self.size))

    def forward(self, tokens: Tensor, maps: list[Tensor]) -> Tensor:
        """Return (B, R, h, w) logits from tokens (B, T, D) and maps (B, C_i, h_i, w_i)."""
        coarse = self.coarse(self._as_seen(tokens)).transpose(1, 2).unflatten(2, self.grid)
        summed: Tensor | None = None
        for lateral, features in zip(reversed(self.lateral), reversed(maps), strict=False):
            level = lateral(features)
            if summed is not None:
                level = level + _resize(summed, level.shape[-2:])
            summed = level
        assert summed is not None  # a backbone has at least one map
        return _resize(coarse, self.size) + _resize(self.refine(summed), self.size)


def _resize(maps: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    return functional.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)
