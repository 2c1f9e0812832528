"""The network together with everything that exists only while it learns."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmcore.model.network import FusionNetwork
from mmcore.train.alignment import AlignmentConfig, build_alignment
from mmcore.train.balance import build_balancer
from mmcore.train.dataset import Batch
from mmcore.train.losses import LossConfig
from mmcore.train.tasks import TaskLosses


class Learner(nn.Module):
    """One forward pass from a batch to the number that is minimised.

    Its parameters are those of the network, of the balancer of its tasks and of the alignment of
    modalities; all of them are optimised and kept in the checkpoint, and only the network's are shipped.
    """

    def __init__(
        self,
        network: FusionNetwork,
        config: LossConfig,
        alignment: AlignmentConfig | None = None,
        *,
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        model = network.config
        self.losses = TaskLosses(
            model.targets, config,
            pos_weight=pos_weight, is_segmenting=model.segmentation is not None,
        )  # fmt: skip
        self.alignment = build_alignment(
            alignment or AlignmentConfig(), network.modalities, model.fusion.embed_dim
        )
        self.tasks = (*self.losses.tasks, *(("alignment",) if self.alignment else ()))
        self.balancer = build_balancer(config, self.tasks)

    def forward(self, batch: Batch, device: torch.device) -> tuple[Tensor, dict[str, float]]:
        """Return the total with its gradient, and every task's loss for the log."""
        inputs = {m: x.to(device, non_blocking=True) for m, x in batch.inputs.items()}
        presence = batch.presence.to(device)
        outputs = self.network(inputs, presence)
        masks = batch.regions
        if masks is not None and outputs.regions is not None:
            # Outlines are kept at one resolution for every image size; unknown ones stay NaN.
            masks = functional.interpolate(masks, size=outputs.regions.shape[-2:], mode="area")
        losses = self.losses(outputs.logits, batch.labels, outputs.regions, masks)
        if self.alignment is not None:
            losses["alignment"] = self.alignment(outputs.tokens, presence)
        total = self.balancer(losses, list(outputs.tokens.values()))
        return total, {task: float(loss.detach()) for task, loss in losses.items()}
