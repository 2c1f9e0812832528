"""A run on labs, genes and small images, all drawn at random: small enough to make in a test."""

from dataclasses import dataclass, replace

import torch

from mmcore.model.config import ModelConfig
from mmcore.model.network import FusionNetwork
from mmcore.records import Modality
from mmcore.train.config import TrainingConfig
from mmcore.train.dataset import TrainingSet

CODES = ["8310-5", "59408-5", "6690-2"]

TRAINING = TrainingConfig(
    epochs=1, batch_size=8, learning_rate=0.01, weight_decay=0.01, warmup_steps=1, ema_decay=0.9,
    modality_dropout=0.3, gradient_clip=1.0, seed=3,
)  # fmt: skip


@dataclass(frozen=True)
class Small:
    """What a test may ask to be different."""

    fusion: str = "attention"
    rows: int = 24
    patients: int = 24
    segments: bool = False


def model(small: Small) -> ModelConfig:
    values = {
        "targets": [
            {"name": "oedema", "display": "Oedema"},
            {"name": "severity", "display": "Severity", "kind": "regression", "high": 10.0},
        ],
        "image": {"name": "cnn", "size": 32, "in_chans": 1, "mean": 0.5, "std": 0.25,
                  "arguments": {"channels": [4, 8]}},
        "observations": {
            "codes": CODES, "scales": {c: ["linear", 0.0, 1.0] for c in CODES}, "hidden": 8
        },
        "variants": {"loci": ["rs1", "rs2"], "hidden": 8},
        "fusion": {"embed_dim": 8, "depth": 1, "num_heads": 2, "kind": small.fusion},
    }  # fmt: skip
    if small.segments:
        values["segmentation"] = {"regions": ["lungs"], "width": 8}
    return ModelConfig.from_mapping(values)


def network(small: Small) -> FusionNetwork:
    torch.manual_seed(11)
    return FusionNetwork(model(small))


def examinations(small: Small) -> TrainingSet:
    """Return rows of which some lack a modality, a label or an outline."""
    draw = torch.Generator().manual_seed(5)
    config, count = model(small), small.rows
    presence = torch.rand(count, 3, generator=draw) < 0.8
    labs = torch.randn(count, len(CODES), 1, 3, generator=draw)
    labs[..., 1] = 1.0
    labs[..., 2] = 0.0
    labels = torch.rand(count, 2, generator=draw)
    labels[:, 0] = (labs[:, 0, 0, 0] > 0).float()
    labels[torch.rand(count, 2, generator=draw) < 0.3] = torch.nan
    outlines = torch.rand(count, 1, 56, 56, generator=draw).mul(255).to(torch.uint8)
    return TrainingSet(
        config=config,
        inputs={
            Modality.IMAGE: torch.randint(256, (count, 32, 32), generator=draw, dtype=torch.uint8),
            Modality.OBSERVATIONS: labs,
            Modality.VARIANTS: torch.rand(count, 2, 2, generator=draw).round(),
        },
        presence=presence,
        labels=labels,
        regions=outlines if small.segments else None,
        known=torch.ones(count, 1, dtype=torch.bool) if small.segments else None,
        patients=tuple(f"p{row % small.patients}" for row in range(count)),
        subgroups={},
    )


def training(**changes: object) -> TrainingConfig:
    return replace(TRAINING, **changes)  # type: ignore[arg-type]
