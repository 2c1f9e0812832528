"""The optimisation: one readable loop with averaged weights, checkpoints and exact resume.

Every step draws its randomness from (seed, step) alone, so a run that was stopped and resumed takes
exactly the steps that it would have taken.
"""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mmcore.errors import NonFiniteResultError
from mmcore.train.adapt import parameter_groups
from mmcore.train.config import TrainingConfig
from mmcore.train.dataset import TrainingSet, augment
from mmcore.train.imbalance import order_of_epoch
from mmcore.train.learner import Learner
from mmcore.train.tracking import Tracker

CHECKPOINT_EVERY = 50
CHUNK = 64


@dataclass(slots=True)
class _State:
    """Everything that a resumed run needs beside the network itself."""

    average: dict[str, Tensor]
    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    epochs_since_best: int = 0
    best_average: dict[str, Tensor] = field(default_factory=dict)
    is_done: bool = False


def train(
    learner: Learner,
    examinations: TrainingSet,
    config: TrainingConfig,
    *,
    validation: TrainingSet | None = None,
    folder: Path,
    device: torch.device,
) -> float:
    """Train the learner's network in place and leave its averaged weights in it.

    ``folder`` holds ``checkpoint.pt``; if it is there, training goes on from it. It also gets the
    log (mmcore/train/tracking.py), with the losses on ``validation`` after every epoch. With
    patience, the averaged weights of the epoch where they were least are left. Returns the seconds
    that training took, those before a resume included.
    """
    started = time.perf_counter()
    network, workers = learner.network, learner.workers
    learner.to(device).train()
    optimizer = torch.optim.AdamW(optimiser_groups(learner, config), betas=(0.9, 0.98))
    state = _State({k: v.detach().clone() for k, v in network.state_dict().items()})
    steps_per_epoch = math.ceil(len(examinations) / (config.batch_size * config.accumulate))
    steps = config.epochs * steps_per_epoch
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        state = _resume(checkpoint, learner, optimizer, device)
    earlier, first = state.seconds, state.step
    model = workers.wrap(learner)
    with ExitStack() as stack:
        bar = stack.enter_context(
            tqdm(total=steps, initial=first, desc="training", unit="step", mininterval=5,
                 disable=not workers.is_first)
        )  # fmt: skip
        tracker: Tracker | None = None
        if workers.is_first:
            tracker = Tracker(folder, first=first, tensorboard=config.tensorboard)
            stack.enter_context(tracker)
        for step, rows in _schedule(examinations, config, first=first, steps=steps):
            if state.is_done:
                break
            factor = rate_factor(step, steps, config.warmup_steps)
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
            values = take_step(
                model, examinations, rows, optimizer, config, step=step, device=device
            )
            # Early on the average would be of weights that know nothing: let it follow faster.
            decay = min(config.ema_decay, (1 + step) / (10 + step))
            for key, value in network.state_dict().items():
                if value.is_floating_point():
                    state.average[key].lerp_(value, 1.0 - decay)
            state.step = step + 1
            values["learning_rate"] = config.learning_rate * factor
            bar.update()
            if step % 25 == 0:
                bar.set_postfix_str(" ".join(f"{k} {v:.3f}" for k, v in values.items()))
            if state.step % steps_per_epoch == 0:
                values |= {f"factor/{k}": v for k, v in learner.balancer.weights().items()}
                if validation is not None:
                    values |= _judge_epoch(learner, state, validation, config, device)
            if tracker is not None:
                tracker.write(step, values)
            if not workers.is_first:
                continue
            if state.step % CHECKPOINT_EVERY == 0 or state.step == steps or state.is_done:
                state.seconds = earlier + time.perf_counter() - started
                _save(checkpoint, learner, optimizer, state)
    network.load_state_dict(state.best_average or state.average)
    network.eval()
    return state.seconds


def optimiser_groups(learner: Learner, config: TrainingConfig) -> list[dict[str, Any]]:
    """Return groups of everything that learns; ``config.rates`` are of the network alone."""
    beside = nn.ModuleList(m for m in (learner.balancer, learner.alignment) if m is not None)
    rate, decay = config.learning_rate, config.weight_decay
    return [
        *parameter_groups(
            learner.network, learning_rate=rate, weight_decay=decay, rates=config.rates
        ),
        *parameter_groups(beside, learning_rate=rate, weight_decay=decay),
    ]


def validation_losses(
    learner: Learner, validation: TrainingSet, device: torch.device
) -> tuple[float, dict[str, float]]:
    """Return the total under fixed factors and the mean loss of every task on other patients."""
    was_training = learner.training
    learner.eval()
    sums = dict.fromkeys(learner.tasks, 0.0)
    with torch.inference_mode():
        for rows in torch.split(torch.arange(len(validation)), CHUNK):
            _, losses = learner(validation.batch(rows), device)
            share = len(rows) / len(validation)
            for task, loss in losses.items():
                sums[task] += loss * share
    learner.train(was_training)
    return learner.weigh(sums), sums


def _judge_epoch(
    learner: Learner,
    state: _State,
    validation: TrainingSet,
    config: TrainingConfig,
    device: torch.device,
) -> dict[str, float]:
    """Return how the averaged weights do on ``validation``.

    With patience, keep them if they are the best so far, and end the run if none were for long.
    """
    learning = {k: v.clone() for k, v in learner.network.state_dict().items()}
    learner.network.load_state_dict(state.average)
    total, losses = validation_losses(learner, validation, device)
    total = learner.workers.agree(total)
    learner.network.load_state_dict(learning)
    if config.patience:
        state.epochs_since_best += 1
        if total < state.best:
            state.best, state.epochs_since_best = total, 0
            state.best_average = {k: v.clone() for k, v in state.average.items()}
        state.is_done = state.epochs_since_best >= config.patience
    return {f"validation/{task}": loss for task, loss in {"total": total, **losses}.items()}


def _resume(
    checkpoint: Path, learner: Learner, optimizer: torch.optim.Optimizer, device: torch.device
) -> _State:
    stored = torch.load(checkpoint, map_location=device, weights_only=True)
    learner.load_state_dict(stored.pop("learner"))
    optimizer.load_state_dict(stored.pop("optimizer"))
    return _State(**stored)


def _save(
    checkpoint: Path, learner: Learner, optimizer: torch.optim.Optimizer, state: _State
) -> None:
    partial = checkpoint.with_suffix(".partial")
    kept = {name: getattr(state, name) for name in _State.__slots__}
    torch.save(
        {"learner": learner.state_dict(), "optimizer": optimizer.state_dict(), **kept}, partial
    )
    partial.rename(checkpoint)


def _schedule(
    examinations: TrainingSet, config: TrainingConfig, *, first: int, steps: int
) -> Iterator[tuple[int, Tensor]]:
    size = config.batch_size * config.accumulate
    per_epoch = math.ceil(len(examinations) / size)
    strata = examinations.strata(config.strata)
    order, of_epoch = torch.empty(0, dtype=torch.long), -1
    for step in range(first, steps):
        epoch, position = divmod(step, per_epoch)
        if epoch != of_epoch:
            order, of_epoch = (
                order_of_epoch(
                    examinations.labels, seed=config.seed, epoch=epoch, mode=config.sampler,
                    strata=strata,
                ),
                epoch,
            )  # fmt: skip
        yield step, order[position * size : (position + 1) * size]


def rate_factor(step: int, steps: int, warmup: int) -> float:
    """Return linear warm-up then cosine decay to 1 %."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * progress))


def take_step(
    model: nn.Module,
    examinations: TrainingSet,
    rows: Tensor,
    optimizer: torch.optim.Optimizer,
    config: TrainingConfig,
    *,
    step: int,
    device: torch.device,
) -> dict[str, float]:
    """Take one step on ``rows``, in as many parts as gradients are accumulated over.

    ``model`` is the learner, or the learner as its workers wrapped it. Returns what is logged of
    the step. Raises ``NonFiniteResultError`` before anything that is not finite moves a weight.
    """
    learner = model if isinstance(model, Learner) else cast(Learner, model.module)
    seed = config.seed * 1_000_003 + step
    torch.manual_seed(seed + learner.workers.rank * 7_368_787)  # dropout
    generator = torch.Generator().manual_seed(seed)
    optimizer.zero_grad(set_to_none=True)
    sums = dict.fromkeys(learner.tasks, 0.0)
    parts = torch.split(rows, config.batch_size)
    for number, part in enumerate(parts):
        batch = augment(
            examinations.batch(part), learner.network,
            modality_dropout=config.modality_dropout, coalitions=config.coalitions,
            generator=generator,
        )  # fmt: skip
        use_amp = config.amp and device.type == "cuda"
        is_last = number == len(parts) - 1
        with learner.workers.sharing(model, is_last=is_last):
            with torch.autocast(device.type, torch.bfloat16, enabled=use_amp):
                total, losses = model(batch, device)
            share = len(part) / len(rows)
            (total * share).backward()
        for task, loss in losses.items():
            sums[task] += loss * share
    # The balancer's few numbers are no part of the network: large ones there must not slow it.
    norm = float(nn.utils.clip_grad_norm_(learner.network.parameters(), config.gradient_clip))
    if not math.isfinite(norm + sum(sums.values())):
        raise NonFiniteResultError(what=f"the loss of step {step} or its gradient")
    optimizer.step()
    return {**{f"loss/{task}": loss for task, loss in sums.items()}, "gradient_norm": norm}
