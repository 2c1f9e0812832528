"""Decision-level fusion: every modality decides alone, and the decisions are averaged."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mmcore.model.config import FusionConfig
from mmcore.model.fusion.base import Fusion
from mmcore.model.fusion.pooling import Perceptron, build_pool
from mmcore.records import Modality


class LateFusion(Fusion):
    """The mean of one decision per modality and target.

    A tower per modality, with a query per target, ends in vectors that the head maps linearly to
    logits. Averaging vectors before a linear head is averaging logits after it, so the logit is
    exactly a sum over modalities: no interaction, whatever was learned. Only a group of findings
    that exclude each other goes on through a softmax, and its log-odds are no sum any more.
    """

    def __init__(
        self, config: FusionConfig, modalities: tuple[Modality, ...], num_targets: int
    ) -> None:
        super().__init__(config, modalities, num_targets)
        self.towers = nn.ModuleDict(
            {
                m.value: nn.Sequential(build_pool(config, num_targets), Perceptron(config))
                for m in modalities
            }
        )

    def project(self, modality: Modality, tokens: Tensor) -> Tensor:
        """Return (B, K, D): the decisions of one modality, before the linear head."""
        decided: Tensor = self.towers[modality.value](tokens)
        return decided.expand(-1, self.num_targets, -1)

    def forward(self, projected: Mapping[Modality, Tensor]) -> Tensor:
        """Return (B, K, D), the mean; nothing may follow it but the linear head."""
        return torch.stack(self.in_order(projected)).mean(dim=0)

    def weights(self, projected: Mapping[Modality, Tensor]) -> dict[Modality, Tensor]:
        """Return 1 / M for every modality: each has one vote."""
        share = 1.0 / len(self.modalities)
        return {m: x.new_full(x.shape[:2], share) for m, x in projected.items()}
