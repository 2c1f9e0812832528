"""The network together with everything that exists only while it learns."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmcore.errors import ConfigError
from mmcore.model.network import FusionNetwork, Outputs
from mmcore.records import Modality
from mmcore.train.alignment import AlignmentConfig, build_alignment
from mmcore.train.attribution import AttributionLoss
from mmcore.train.balance import build_balancer
from mmcore.train.dataset import Batch
from mmcore.train.distributed import ALONE, Workers
from mmcore.train.losses import LossConfig
from mmcore.train.tasks import TaskLosses


class Learner(nn.Module):
    """One forward pass from a batch to the number that is minimised.

    Its parameters are those of the network, of the balancer of its tasks and of the alignment of
    modalities; all of them are optimised and kept in the checkpoint, and only the network's are
    shipped. ``workers`` share the rows of a batch among them.
    """

    def __init__(
        self,
        network: FusionNetwork,
        config: LossConfig,
        alignment: AlignmentConfig | None = None,
        *,
        pos_weight: Tensor | None = None,
        workers: Workers = ALONE,
    ) -> None:
        super().__init__()
        if workers.size > 1 and config.balance == "gradnorm":
            problem = "gradnorm needs all rows in one process; use uncertainty or fixed"
            raise ConfigError(key="loss.balance", problem=problem)
        self.network = network
        self.workers = workers
        model = network.config
        self.losses = TaskLosses(
            model.targets, config,
            pos_weight=pos_weight, segmentation=model.segmentation,
        )  # fmt: skip
        alignment = alignment or AlignmentConfig()
        self.alignment = build_alignment(alignment, network.modalities, model.fusion.embed_dim)
        # Without heads of its own, alignment is of the very vectors that this fusion joins.
        self._aligns_joint = alignment.dim == 0 and model.fusion.kind == "aligned"
        self.attribution = (
            AttributionLoss(model, config.attribution) if config.attribution else None
        )
        beside = {"attribution": self.attribution, "alignment": self.alignment}
        self.tasks = (*self.losses.tasks, *(task for task, loss in beside.items() if loss))
        self.balancer = build_balancer(config, self.tasks)

    def forward(self, batch: Batch, device: torch.device) -> tuple[Tensor, dict[str, float]]:
        """Return the total with its gradient, and every task's loss for the log."""
        own, count = self.workers.own, len(batch.labels)
        inputs = {m: own(x).to(device, non_blocking=True) for m, x in batch.inputs.items()}
        subsets = None if batch.coalitions is None else own(batch.coalitions).to(device)
        outputs = self.network(inputs, own(batch.presence).to(device), subsets)
        logits, labels = self.workers.gather(outputs.logits, count), batch.labels
        taught = batch.taught()
        if outputs.partial is not None:
            partial = self.workers.gather(outputs.partial, count)
            logits = torch.cat([logits[:, None], partial], dim=1).flatten(0, 1)
            labels = labels.repeat_interleave(1 + partial.shape[1], dim=0)
        regions, masks = outputs.regions, batch.regions
        if regions is not None and masks is not None:
            regions = self.workers.gather(regions, count)
            masks = self._masks(batch, regions)
        lessons = None if taught is None else taught.flatten(0, 1)
        losses = self.losses(logits, labels, regions, masks, lessons)
        if self.attribution is not None and masks is not None:
            losses["attribution"] = self._misplaced(self.attribution, batch, outputs, masks)
        if self.alignment is not None:
            vectors = {
                m: self.workers.gather(x.mean(dim=1), count)
                for m, x in self._to_align(outputs).items()
            }
            losses["alignment"] = self.alignment(vectors, batch.presence, batch.patients)
        total = self.balancer(losses, list(outputs.tokens.values()))
        return total, {task: float(loss.detach()) for task, loss in losses.items()}

    def _misplaced(
        self, attribution: AttributionLoss, batch: Batch, outputs: Outputs, masks: Tensor
    ) -> Tensor:
        """Return the mean cost of evidence outside its outlines; 0 unless it is learned from."""
        if not self.training:
            return outputs.logits.new_zeros(())
        own, device = self.workers.own, outputs.logits.device
        costs = attribution(
            self.network, outputs.tokens, own(batch.labels).to(device), own(masks).to(device)
        )
        costs = self.workers.gather(costs, len(batch.labels))
        known = ~costs.isnan()
        return torch.where(known, costs, 0.0).sum() / known.sum().clamp(min=1)

    def weigh(self, losses: dict[str, float]) -> float:
        """Return the sum of losses under the fixed factors alone.

        Learned factors drift, and a total under them falls or rises without the network getting
        better or worse: epochs are compared by this.
        """
        factors: list[float] = self.balancer.factors.tolist()
        return sum(f * losses[task] for task, f in zip(self.tasks, factors, strict=True))

    def _to_align(self, outputs: Outputs) -> dict[Modality, Tensor]:
        if not self._aligns_joint:
            return outputs.tokens
        return {m: self.network.project(m, tokens) for m, tokens in outputs.tokens.items()}

    def _masks(self, batch: Batch, regions: Tensor) -> Tensor:
        """Return outlines at the size of ``regions``, NaN where nothing is known of one.

        An image that is absent or dropped out shows nothing: there is nothing to be learned there.
        """
        assert batch.regions is not None  # the caller asked
        shown = batch.presence[:, self.network.modalities.index(Modality.IMAGE)]
        known = batch.regions.masked_fill(~shown[:, None, None, None], torch.nan)
        # Outlines are kept at one resolution for every image size; unknown ones stay NaN.
        return functional.interpolate(known, size=regions.shape[-2:], mode="area")
