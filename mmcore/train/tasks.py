"""Which columns of the network's outputs belong to which task, and what each task costs."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmcore.model.config import SegmentationConfig, TargetConfig
from mmcore.train.losses import (
    LossConfig,
    finding_loss,
    group_cross_entropy,
    regression_error,
    segmentation_loss,
    taught_loss,
)


class TaskLosses:
    """The losses of one model's tasks by name, for ``LossBalancer`` to join.

    "findings": findings on their own. "classes": the groups of findings that exclude each
    other. "regressions". "segmentation", where the model outlines regions. A task that the
    model does not have is not there.
    """

    def __init__(
        self,
        targets: Sequence[TargetConfig],
        config: LossConfig,
        *,
        pos_weight: Tensor | None = None,
        segmentation: SegmentationConfig | None = None,
    ) -> None:
        """Take ``pos_weight`` (K,) for all columns; only those of findings on their own count."""
        self.config = config
        self.is_segmenting = segmentation is not None
        self.region_worth: Tensor | None = None
        if segmentation is not None:
            self.region_worth = torch.tensor(
                [segmentation.weights.get(region, 1.0) for region in segmentation.regions]
            )
        self.findings = [k for k, t in enumerate(targets) if t.kind == "finding" and not t.group]
        self.regressions = [k for k, t in enumerate(targets) if t.kind == "regression"]
        groups = dict.fromkeys(t.group for t in targets if t.group)
        self.groups = [[k for k, t in enumerate(targets) if t.group == g] for g in groups]
        self.worth = torch.tensor([t.weight for t in targets])
        self.pos_weight = None if pos_weight is None else pos_weight[self.findings].float()

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks that this model has, in a fixed order."""
        has = {
            "findings": self.findings,
            "classes": self.groups,
            "regressions": self.regressions,
            "segmentation": self.is_segmenting,
        }
        return tuple(name for name, there in has.items() if there)

    def __call__(
        self,
        logits: Tensor,
        labels: Tensor,
        regions: Tensor | None,
        masks: Tensor | None,
        taught: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return one loss per task, in float32.

        ``logits`` and ``labels`` are (B, K); labels of regressions in units of their scale, NaN
        where unknown. ``regions`` and ``masks`` are (B, R, h, w), masks NaN where unknown; an image
        that was left out of training shows no region, so its masks are to be NaN. ``taught``:
        (B, K) log-odds of a teacher of findings on their own, NaN where it says nothing.
        """
        logits, labels = logits.float(), labels.to(logits.device, torch.float32)
        losses: dict[str, Tensor] = {}
        if self.findings:
            pos_weight = None if self.pos_weight is None else self.pos_weight.to(logits.device)
            weights = self.worth[self.findings].to(logits.device)
            losses["findings"] = finding_loss(
                logits[:, self.findings], labels[:, self.findings], self.config,
                pos_weight=pos_weight, weights=weights,
            )  # fmt: skip
            if taught is not None:
                said = taught.to(logits.device, torch.float32)[:, self.findings]
                share, kind = self.config.taught, self.config.teacher
                lesson = taught_loss(logits[:, self.findings], said, kind, weights=weights)
                losses["findings"] = (1.0 - share) * losses["findings"] + share * lesson
        if self.groups:
            truth = [self._shared(labels[:, columns]) for columns in self.groups]
            scores = [logits[:, columns] for columns in self.groups]
            losses["classes"] = group_cross_entropy(torch.cat(scores, 1), torch.cat(truth, 1))
        if self.regressions:
            losses["regressions"] = regression_error(
                logits[:, self.regressions], labels[:, self.regressions],
                kind=self.config.regression, delta=self.config.huber_delta,
                weights=self.worth[self.regressions].to(logits.device),
            )  # fmt: skip
        if self.region_worth is not None:
            if regions is None or masks is None:
                raise ValueError("a model that outlines regions is trained with regions and masks")
            losses["segmentation"] = segmentation_loss(
                regions.float(), masks.to(regions.device, torch.float32),
                weights=self.region_worth.to(regions.device), dice=self.config.dice,
            )  # fmt: skip
        return losses

    def _shared(self, labels: Tensor) -> Tensor:
        """Return (B, C) labels of one group, a part of each known one shared among all classes."""
        amount, truth = self.config.label_smoothing, labels.nan_to_num(nan=0.0)
        shared = truth * (1.0 - amount) + amount / labels.shape[1]
        return torch.where(truth.sum(dim=1, keepdim=True) > 0, shared, torch.nan)
