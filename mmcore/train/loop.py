"""The optimisation: one readable loop with averaged weights, checkpoints and exact resume.

Every step draws its randomness from (seed, step) alone, so a run that was stopped and resumed takes
exactly the steps that it would have taken.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mmcore.train.config import TrainingConfig
from mmcore.train.dataset import TrainingSet, augment
from mmcore.train.imbalance import order_of_epoch
from mmcore.train.learner import Learner

CHECKPOINT_EVERY = 50
CHUNK = 64

Log = Callable[[int, dict[str, float]], None]


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
    log: Log | None = None,
) -> float:
    """Train the learner's network in place and leave its averaged weights in it.

    ``folder`` holds ``checkpoint.pt``; if it is there, training goes on from it. With patience, the
    averaged weights of the epoch with the least ``validation`` loss are left. Returns the seconds
    that training took, those before a resume included.
    """
    started = time.perf_counter()
    network = learner.network
    learner.to(device).train()
    optimizer = torch.optim.AdamW(parameter_groups(learner, config), betas=(0.9, 0.98))
    state = _State({k: v.detach().clone() for k, v in network.state_dict().items()})
    steps_per_epoch = math.ceil(len(examinations) / (config.batch_size * config.accumulate))
    steps = config.epochs * steps_per_epoch
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        state = _resume(checkpoint, learner, optimizer, device)
    earlier, first = state.seconds, state.step
    with tqdm(total=steps, initial=first, desc="training", unit="step", mininterval=5) as bar:
        for step, rows in _schedule(examinations, config, first=first, steps=steps):
            if state.is_done:
                break
            factor = _factor(step, steps, config.warmup_steps)
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * group["rate"] * factor
            losses = _step(learner, examinations, rows, optimizer, config, step=step, device=device)
            # Early on the average would be of weights that know nothing: let it follow faster.
            decay = min(config.ema_decay, (1 + step) / (10 + step))
            for key, value in network.state_dict().items():
                if value.is_floating_point():
                    state.average[key].lerp_(value, 1.0 - decay)
            state.step = step + 1
            bar.update()
            if log is not None:
                log(step, losses)
            if step % 25 == 0:
                bar.set_postfix_str(" ".join(f"{k} {v:.3f}" for k, v in losses.items()))
            if validation is not None and config.patience and state.step % steps_per_epoch == 0:
                losses = _judge_epoch(learner, state, validation, config, device)
                if log is not None:
                    log(step, {f"validation/{task}": loss for task, loss in losses.items()})
            if state.step % CHECKPOINT_EVERY == 0 or state.step == steps or state.is_done:
                state.seconds = earlier + time.perf_counter() - started
                _save(checkpoint, learner, optimizer, state)
    network.load_state_dict(state.best_average or state.average)
    network.eval()
    return state.seconds


def parameter_groups(learner: Learner, config: TrainingConfig) -> list[dict[str, Any]]:
    """Return optimiser groups: matrices decay, the rest does not; ``rates`` by longest prefix.

    Parameters below a prefix of ``config.freeze`` stop learning.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for path, parameter in learner.named_parameters():
        name = path.removeprefix("network.")
        if name.startswith(config.freeze) and config.freeze:
            parameter.requires_grad = False
        if not parameter.requires_grad:
            continue
        prefix = max((p for p in config.rates if name.startswith(p)), key=len, default=None)
        rate = 1.0 if prefix is None else config.rates[prefix]
        decay = config.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [
        {"params": parameters, "rate": rate, "weight_decay": decay, "lr": config.learning_rate}
        for (rate, decay), parameters in groups.items()
    ]


def validation_losses(
    learner: Learner, validation: TrainingSet, device: torch.device
) -> tuple[float, dict[str, float]]:
    """Return the mean total and the mean loss of every task on patients not learned from."""
    was_training = learner.training
    learner.eval()
    whole, sums = 0.0, dict.fromkeys(learner.tasks, 0.0)
    with torch.inference_mode():
        for rows in torch.split(torch.arange(len(validation)), CHUNK):
            total, losses = learner(validation.batch(rows), device)
            share = len(rows) / len(validation)
            whole += float(total) * share
            for task, loss in losses.items():
                sums[task] += loss * share
    learner.train(was_training)
    return whole, sums


def _judge_epoch(
    learner: Learner,
    state: _State,
    validation: TrainingSet,
    config: TrainingConfig,
    device: torch.device,
) -> dict[str, float]:
    """Keep the averaged weights if they are the best so far; end the run if none were for long."""
    learning = {k: v.clone() for k, v in learner.network.state_dict().items()}
    learner.network.load_state_dict(state.average)
    total, losses = validation_losses(learner, validation, device)
    learner.network.load_state_dict(learning)
    state.epochs_since_best += 1
    if total < state.best:
        state.best, state.epochs_since_best = total, 0
        state.best_average = {k: v.clone() for k, v in state.average.items()}
    state.is_done = state.epochs_since_best >= config.patience
    return {"total": total, **losses}


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


def _factor(step: int, steps: int, warmup: int) -> float:
    """Return linear warm-up then cosine decay to 1 %."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * progress))


def _step(
    learner: Learner,
    examinations: TrainingSet,
    rows: Tensor,
    optimizer: torch.optim.Optimizer,
    config: TrainingConfig,
    *,
    step: int,
    device: torch.device,
) -> dict[str, float]:
    """Take one step on ``rows``, in as many parts as gradients are accumulated over."""
    seed = config.seed * 1_000_003 + step
    torch.manual_seed(seed)  # dropout
    generator = torch.Generator().manual_seed(seed)
    optimizer.zero_grad(set_to_none=True)
    sums = dict.fromkeys(learner.tasks, 0.0)
    for part in torch.split(rows, config.batch_size):
        batch = augment(
            examinations.batch(part), learner.network,
            modality_dropout=config.modality_dropout, generator=generator,
        )  # fmt: skip
        use_amp = config.amp
        with torch.autocast(device.type, torch.bfloat16, enabled=use_amp):
            total, losses = learner(batch, device)
        share = len(part) / len(rows)
        (total * share).backward()
        for task, loss in losses.items():
            sums[task] += loss * share
    nn.utils.clip_grad_norm_(learner.parameters(), config.gradient_clip)
    optimizer.step()
    return sums
