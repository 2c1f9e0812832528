"""Fusion: from the tokens of all modalities to one vector per target.

A fusion has two steps so that coalitions are cheap. ``project`` prepares one modality's tokens and
does not look at any other modality; the engine runs it once per modality. ``forward`` joins what
was prepared; the engine runs it for all 2^M coalitions in one batch. An absent modality is its
baseline input (docs/decisions/0002), so every fusion always gets all modalities of its model.
"""

from mmcore.model.config import FusionConfig
from mmcore.model.fusion.attention import CrossAttentionFusion
from mmcore.model.fusion.base import Fusion
from mmcore.model.fusion.late import LateFusion
from mmcore.model.fusion.vectors import (
    AlignedFusion,
    BilinearFusion,
    ConcatFusion,
    GatedFusion,
    MeanFusion,
    WeightedSumFusion,
)
from mmcore.records import Modality

__all__ = [
    "FUSIONS",
    "AlignedFusion",
    "BilinearFusion",
    "ConcatFusion",
    "CrossAttentionFusion",
    "Fusion",
    "GatedFusion",
    "LateFusion",
    "MeanFusion",
    "WeightedSumFusion",
    "build_fusion",
]

FUSIONS: dict[str, type[Fusion]] = {
    "attention": CrossAttentionFusion,
    "concat": ConcatFusion,
    "weighted_sum": WeightedSumFusion,
    "mean": MeanFusion,
    "late": LateFusion,
    "gated": GatedFusion,
    "bilinear": BilinearFusion,
    "aligned": AlignedFusion,
}
"""Every kind that ``FusionConfig.kind`` may name."""


def build_fusion(
    config: FusionConfig, modalities: tuple[Modality, ...], num_targets: int
) -> Fusion:
    """Return the fusion that ``config.kind`` names, for the modalities of one model."""
    return FUSIONS[config.kind](config, modalities, num_targets)
