"""DP-SGD (Abadi et al. 2016): every patient's gradient is cut to one length, and noise is added.

A step takes each patient by chance alone, so that now and then it takes none. The gradient of each
is that of the patient's own examinations, run by themselves: exact for every network whose answer
for one patient does not depend on others, recurrent encoders and absent modalities included. Opacus
cuts, adds noise and counts; its own per-sample hooks know none of our fusions.

Chances and noise are drawn from the system's entropy. A seed in a run file or a card would let
anybody take the noise away, so a private run is never repeated number for number.
"""

import math
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mmcore.errors import NonFiniteResultError
from mmcore.private.config import PrivacyConfig
from mmcore.private.ledger import Ledger, Spent
from mmcore.train.config import TrainingConfig
from mmcore.train.dataset import TrainingSet, augment
from mmcore.train.learner import Learner
from mmcore.train.loop import optimiser_groups, rate_factor, validation_losses
from mmcore.train.tracking import Tracker

if TYPE_CHECKING:
    from opacus.optimizers import DPOptimizer

CHECKPOINT_EVERY = 20
CHUNK = 8  # patients whose gradients are held at once
FILE = "private.pt"


@dataclass(slots=True)
class _State:
    """What a resumed run needs beside learner, optimiser and ledger."""

    average: dict[str, Tensor]
    step: int = 0
    seconds: float = 0.0


def learn_privately(
    learner: Learner,
    examinations: TrainingSet,
    training: TrainingConfig,
    privacy: PrivacyConfig,
    *,
    validation: TrainingSet | None = None,
    folder: Path,
    device: torch.device,
) -> tuple[Spent, float]:
    """Train the learner's network in place; leave its averaged weights, return cost and seconds.

    What was spent is also printed.

    ``training.batch_size`` times ``accumulate`` is how many patients a step takes on average.
    ``folder`` holds the checkpoint, with the count of the same moment: a run that was stopped goes
    on from both. The log holds losses on ``validation`` only, for those of training patients would
    tell of them.
    """
    started = time.perf_counter()
    rows = _rows_of_patients(examinations)
    batch = training.batch_size * training.accumulate
    per_epoch = math.ceil(len(rows) / batch)
    steps = training.epochs * per_epoch
    ledger = Ledger(privacy, patients=len(rows), batch_size=batch, steps=steps)
    learner.to(device).train()
    network = learner.network
    optimizer = _private(learner, training, ledger, batch)
    state = _State({k: v.detach().clone() for k, v in network.state_dict().items()})
    checkpoint = folder / FILE
    if checkpoint.exists():
        state = _resume(checkpoint, learner, optimizer, ledger, device)
    earlier, first = state.seconds, state.step
    draw = torch.Generator().manual_seed(secrets.randbits(63))
    with (
        Tracker(folder, first=first) as tracker,
        tqdm(
            total=steps, initial=first, desc="private training", unit="step", mininterval=5
        ) as bar,
    ):
        for step in range(first, steps):
            factor = rate_factor(step, steps, training.warmup_steps)
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
            taken = (torch.rand(len(rows), generator=draw) < ledger.rate).nonzero()[:, 0].tolist()
            _step(
                learner, optimizer, examinations, [rows[patient] for patient in taken], training,
                step=step, device=device,
            )  # fmt: skip
            ledger.count()
            decay = min(training.ema_decay, (1 + step) / (10 + step))
            for key, value in network.state_dict().items():
                if value.is_floating_point():
                    state.average[key].lerp_(value, 1.0 - decay)
            state.step = step + 1
            bar.update()
            values = {"learning_rate": training.learning_rate * factor}
            if state.step % per_epoch == 0:
                values["epsilon"] = ledger.spent().epsilon
                if validation is not None:
                    total, losses = validation_losses(learner, validation, device)
                    named = {"total": total, **losses}
                    values |= {f"validation/{task}": loss for task, loss in named.items()}
            tracker.write(step, values)
            if state.step % CHECKPOINT_EVERY == 0 or state.step == steps:
                state.seconds = earlier + time.perf_counter() - started
                _save(checkpoint, learner, optimizer, ledger, state)
    network.load_state_dict(state.average)
    network.eval()
    spent = ledger.spent()
    tqdm.write(f"spent: {spent.words}")
    return spent, state.seconds


def patient_gradients(
    learner: Learner,
    examinations: TrainingSet,
    patients: Sequence[Tensor],
    training: TrainingConfig,
    *,
    generator: torch.Generator,
    device: torch.device,
) -> list[Tensor]:
    """Return (B, ...) gradients of the loss, one row per patient, for all that learns, in order.

    ``patients``: the rows of each one's examinations. Raises ``NonFiniteResultError`` before
    anything that is not finite can move a weight.
    """
    learned = [p for p in learner.parameters() if p.requires_grad]
    found: list[list[Tensor]] = [[] for _ in learned]
    for rows in patients:
        own = augment(
            examinations.batch(rows), learner.network,
            modality_dropout=training.modality_dropout, coalitions=training.coalitions,
            generator=generator,
        )  # fmt: skip
        total, _ = learner(own, device)
        gradients = cast(
            tuple[Tensor | None, ...], torch.autograd.grad(total, learned, allow_unused=True)
        )
        for place, (value, gradient) in enumerate(zip(learned, gradients, strict=True)):
            found[place].append(torch.zeros_like(value) if gradient is None else gradient)
    stacked = [
        torch.stack(own) if own else value.new_zeros((0, *value.shape))
        for own, value in zip(found, learned, strict=True)
    ]
    if not all(bool(g.isfinite().all()) for g in stacked):
        raise NonFiniteResultError(what="the gradient of a patient")
    return stacked


def _step(
    learner: Learner,
    optimizer: "DPOptimizer",
    examinations: TrainingSet,
    patients: Sequence[Tensor],
    training: TrainingConfig,
    *,
    step: int,
    device: torch.device,
) -> None:
    """Take one step on the patients drawn, who may be none; noise is added all the same."""
    seed = training.seed * 1_000_003 + step
    torch.manual_seed(seed)  # dropout; the noise has a source of its own
    generator = torch.Generator().manual_seed(seed)
    learned = [p for p in learner.parameters() if p.requires_grad]
    chunks = [patients[i : i + CHUNK] for i in range(0, len(patients), CHUNK)] or [[]]
    for number, chunk in enumerate(chunks):
        gradients = patient_gradients(
            learner, examinations, chunk, training, generator=generator, device=device
        )
        for value, gradient in zip(learned, gradients, strict=True):
            value.grad_sample = gradient  # type: ignore[attr-defined] # where Opacus looks
        optimizer.signal_skip_step(do_skip=number < len(chunks) - 1)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def _private(
    learner: Learner, training: TrainingConfig, ledger: Ledger, batch: int
) -> "DPOptimizer":
    from opacus.optimizers import DPOptimizer

    inner = torch.optim.AdamW(optimiser_groups(learner, training), betas=(0.9, 0.98))
    return DPOptimizer(
        inner,
        noise_multiplier=ledger.noise,
        max_grad_norm=ledger.config.clip,
        expected_batch_size=batch,
        generator=torch.Generator().manual_seed(secrets.randbits(63)),
    )


def _rows_of_patients(examinations: TrainingSet) -> list[Tensor]:
    """Return the rows of every patient: a patient is protected whole, however often examined."""
    rows: dict[str, list[int]] = {}
    for row, patient in enumerate(examinations.patients):
        rows.setdefault(patient, []).append(row)
    return [torch.tensor(own) for own in rows.values()]


def _save(
    checkpoint: Path, learner: nn.Module, optimizer: "DPOptimizer", ledger: Ledger, state: _State
) -> None:
    """Write weights and count as one file, so that neither is ever older than the other."""
    partial = checkpoint.with_suffix(".partial")
    kept: dict[str, Any] = {
        "learner": learner.state_dict(),
        "optimizer": optimizer.original_optimizer.state_dict(),
        "ledger": ledger.state(),
        "average": state.average,
        "step": state.step,
        "seconds": state.seconds,
    }
    torch.save(kept, partial)
    partial.rename(checkpoint)


def _resume(
    checkpoint: Path,
    learner: nn.Module,
    optimizer: "DPOptimizer",
    ledger: Ledger,
    device: torch.device,
) -> _State:
    stored = torch.load(checkpoint, map_location=device, weights_only=True)
    ledger.restore(stored["ledger"])
    learner.load_state_dict(stored["learner"])
    optimizer.original_optimizer.load_state_dict(stored["optimizer"])
    return _State(stored["average"], stored["step"], stored["seconds"])
