"""What a site does in one round: it learns from its own patients, starting from what all know."""

import math
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mmcore.model.network import FusionNetwork
from mmcore.train.config import TrainingConfig
from mmcore.train.dataset import Batch, TrainingSet
from mmcore.train.imbalance import order_of_epoch
from mmcore.train.learner import Learner
from mmcore.train.loop import optimiser_groups, rate_factor, take_step

SETTLING = 5  # steps at the start of a round in which Adam's moments are of few gradients


@dataclass(frozen=True, slots=True)
class Turn:
    """One round of a site.

    number: from 0, of ``rounds``. epochs: over the site's patients in it. proximal: how strongly
    what is learned is held to where the round began; 0 is not at all.
    """

    number: int
    rounds: int
    epochs: int
    proximal: float


class SiteLearner(Learner):
    """A learner that may be held near to the weights with which its round began.

    The loss then has one more term, ``proximal`` / 2 times the squared distance of all that learns
    from where it was. Source: Li et al. 2020 (FedProx).
    """

    proximal = 0.0
    _anchor: Mapping[str, Tensor] = {}

    def hold(self, proximal: float) -> None:
        """Hold the learner near to where it is now; 0 lets it go."""
        self.proximal = proximal
        self._anchor = {
            name: value.detach().clone()
            for name, value in self.named_parameters()
            if proximal and value.requires_grad
        }

    def distance(self) -> Tensor:
        """Return the squared distance from where the learner is held."""
        apart = [
            (value - self._anchor[name]).square().sum()
            for name, value in self.named_parameters()
            if name in self._anchor
        ]
        return torch.stack(apart).sum()

    def forward(self, batch: Batch, device: torch.device) -> tuple[Tensor, dict[str, float]]:
        """Return the total with its gradient, and every task's loss for the log."""
        total, losses = super().forward(batch, device)
        if self._anchor and self.training:
            total = total + 0.5 * self.proximal * self.distance()
        return total, losses


def learn(
    learner: SiteLearner,
    examinations: TrainingSet,
    training: TrainingConfig,
    turn: Turn,
    *,
    site: str,
    device: torch.device,
) -> dict[str, float]:
    """Do one round in place; return the mean over its steps of every number of the log.

    Steps are those of mmcore/train/loop.py, with the rate of all rounds together: it warms up once,
    falls over the rounds, and starts every round softly. Nothing is kept for the next round, so
    that a site may miss one or be started anew.
    """
    training = replace(training, seed=training.seed + zlib.crc32(site.encode()) % 100_000)
    size = training.batch_size * training.accumulate
    per_epoch = math.ceil(len(examinations) / size)
    steps = turn.epochs * per_epoch
    first, sums = turn.number * steps, dict[str, float]()
    learner.to(device).train()
    with _rest_unused(learner.network, examinations):
        learner.hold(turn.proximal)
        optimizer = torch.optim.AdamW(optimiser_groups(learner, training), betas=(0.9, 0.98))
        for step in range(first, first + steps):
            epoch, position = divmod(step, per_epoch)
            order = order_of_epoch(
                examinations.labels, seed=training.seed, epoch=epoch, mode=training.sampler,
                strata=examinations.strata(training.strata),
            )  # fmt: skip
            factor = rate_factor(step, turn.rounds * steps, training.warmup_steps)
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor * min(1.0, (1 + step - first) / SETTLING)
            rows = order[position * size : (position + 1) * size]
            values = take_step(
                learner, examinations, rows, optimizer, training, step=step, device=device
            )
            for name, value in values.items():
                sums[name] = sums.get(name, 0.0) + value / steps
        learner.hold(0.0)
    learner.eval()
    return sums


@contextmanager
def _rest_unused(network: FusionNetwork, examinations: TrainingSet) -> Iterator[None]:
    """Keep encoders as they are of modalities that none of the patients has.

    They would otherwise learn from their baseline input alone, and unlearn what others taught them.
    """
    rest = [
        value
        for column, m in enumerate(network.modalities)
        if not bool(examinations.presence[:, column].any())
        for value in network.encoder(m).parameters()
        if value.requires_grad
    ]
    for value in rest:
        value.requires_grad = False
    yield
    for value in rest:
        value.requires_grad = True
