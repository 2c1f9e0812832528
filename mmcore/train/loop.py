"""The optimisation: one readable loop with averaged weights, checkpoints and exact resume.

Every step draws its randomness from (seed, step) alone, so a run that was stopped and resumed takes
exactly the steps that it would have taken.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from mmcore.model.network import FusionNetwork
from mmcore.records import Modality
from mmcore.train.config import TrainingConfig
from mmcore.train.dataset import Batch, CohortTensors, augment

CHECKPOINT_EVERY = 50


@dataclass(slots=True)
class Losses:
    """The parts of one step's loss, for the log."""

    findings: float
    severity: float
    location: float


def train(
    network: FusionNetwork,
    tensors: CohortTensors,
    config: TrainingConfig,
    *,
    run: Path,
    device: torch.device,
) -> float:
    """Train ``network`` in place and leave its averaged weights in it.

    ``run`` holds ``checkpoint.pt``; if it is there, training goes on from it. Returns the seconds
    that training took, those before a resume included.
    """
    started, earlier = time.perf_counter(), 0.0
    network.to(device).train()
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": config.weight_decay},
         {"params": others, "weight_decay": 0.0}],
        lr=config.learning_rate, betas=(0.9, 0.98),
    )  # fmt: skip
    average = {k: v.detach().clone() for k, v in network.state_dict().items()}
    steps = config.epochs * math.ceil(len(tensors) / config.batch_size)
    checkpoint = run / "checkpoint.pt"
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        average, first, earlier = state["average"], state["step"], state["seconds"]
    with tqdm(total=steps, initial=first, desc="training", unit="step", mininterval=5) as bar:
        for step, rows in _schedule(len(tensors), config, first=first, steps=steps):
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * _factor(step, steps, config.warmup_steps)
            losses = _step(network, tensors, rows, optimizer, config, step=step, device=device)
            # Early on the average would be of weights that know nothing: let it follow faster.
            decay = min(config.ema_decay, (1 + step) / (10 + step))
            for key, value in network.state_dict().items():
                if value.is_floating_point():
                    average[key].lerp_(value, 1.0 - decay)
            bar.update()
            if step % 25 == 0:
                bar.set_postfix_str(
                    f"bce {losses.findings:.3f} sev {losses.severity:.3f} loc {losses.location:.3f}"
                )
            if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == steps:
                partial = checkpoint.with_suffix(".partial")
                torch.save(
                    {"network": network.state_dict(), "optimizer": optimizer.state_dict(),
                     "average": average, "step": step + 1,
                     "seconds": earlier + time.perf_counter() - started},
                    partial,
                )  # fmt: skip
                partial.rename(checkpoint)
    network.load_state_dict(average)
    network.eval()
    return earlier + (time.perf_counter() - started if first < steps else 0.0)


def _schedule(
    patients: int, config: TrainingConfig, *, first: int, steps: int
) -> Iterator[tuple[int, Tensor]]:
    per_epoch = math.ceil(patients / config.batch_size)
    for step in range(first, steps):
        epoch, position = divmod(step, per_epoch)
        order = torch.randperm(
            patients, generator=torch.Generator().manual_seed(config.seed * 1_000 + epoch)
        )
        yield step, order[position * config.batch_size : (position + 1) * config.batch_size]


def _factor(step: int, steps: int, warmup: int) -> float:
    """Return linear warm-up then cosine decay to 1 %."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * progress))


def _step(
    network: FusionNetwork,
    tensors: CohortTensors,
    rows: Tensor,
    optimizer: torch.optim.Optimizer,
    config: TrainingConfig,
    *,
    step: int,
    device: torch.device,
) -> Losses:
    seed = config.seed * 1_000_003 + step
    torch.manual_seed(seed)  # dropout
    batch = augment(
        tensors.batch(rows),
        modality_dropout=config.modality_dropout,
        generator=torch.Generator().manual_seed(seed),
    )
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        inputs = {m: x.to(device, non_blocking=True) for m, x in batch.inputs.items()}
        logits, location = network(inputs, batch.presence.to(device))
    findings, severity, located = _losses(network, logits.float(), location, batch)
    loss = findings + config.severity_weight * severity + config.location_weight * located
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call] # torch's stub
    torch.nn.utils.clip_grad_norm_(network.parameters(), config.gradient_clip)
    optimizer.step()
    return Losses(findings.item(), severity.item(), located.item())


def _losses(
    network: FusionNetwork, logits: Tensor, location: Tensor | None, batch: Batch
) -> tuple[Tensor, Tensor, Tensor]:
    """Return cross-entropy of the findings, squared error of the severity, lesion loss."""
    is_finding = torch.tensor([t.kind == "finding" for t in network.config.targets])
    findings = functional.binary_cross_entropy_with_logits(
        logits[:, is_finding], batch.findings.to(logits.device)
    )
    severity = functional.mse_loss(
        logits[:, ~is_finding], batch.severity.to(logits.device)[:, None]
    )
    if location is None:
        return findings, severity, logits.new_zeros(())
    side = round(location.shape[1] ** 0.5)
    covered = functional.adaptive_avg_pool2d(batch.location.to(logits.device), side)
    # An image that dropped out shows no lesion: nothing is to be learned from it there.
    seen = batch.presence[:, list(network.modalities).index(Modality.IMAGE)].to(logits.device)
    per_token = functional.binary_cross_entropy_with_logits(
        location.float().transpose(1, 2), covered.flatten(2), reduction="none"
    )
    located = (per_token.mean((1, 2)) * seen).sum() / seen.sum().clamp(min=1)
    return findings, severity, located
