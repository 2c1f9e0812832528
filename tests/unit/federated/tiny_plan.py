"""A plan on thirty simulated patients, small enough that a round takes a moment."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mmcore.train.cohort import Cohort
from tests.tiny import tiny_cohort

SEED = 71
NAMES = ("consolidation", "effusion", "pneumothorax", "nodule", "edema", "cardiomegaly")
CODES = ["8310-5", "59408-5", "6690-2", "1988-5"]
SITES: dict[str, dict[str, Any]] = {
    "north": {"train": 6, "held_out": 4, "absent": {"variants": 1.0}},
    "south": {"train": 5, "held_out": 4, "odds": {"effusion": 3.0}, "noise": {"image": 0.1}},
    "west": {"train": 4, "held_out": 5},
}


def plan_values(**federation: Any) -> dict[str, Any]:
    """Return a plan as YAML would give it, with some keys of its federation changed."""
    return {
        "name": "tiny-sites",
        "version": "1",
        "display": "Tiny",
        "data": {"kind": "phantom", "seed": SEED, "train": 30, "validation": 30},
        "model": {
            "targets": [{"name": name, "display": name.title()} for name in NAMES],
            "image": {"name": "cnn", "size": 64, "in_chans": 1, "mean": 0.5, "std": 0.25,
                      "arguments": {"channels": [4, 8]}},
            "note": {"max_tokens": 32, "name": "gru",
                     "arguments": {"vocab_size": 256, "embedding": 8, "hidden": 8}},
            "observations": {"codes": CODES, "scales": {}, "hidden": 8},
            "variants": {"loci": ["simv0001", "simv0002", "simv0003"], "hidden": 8},
            "fusion": {"embed_dim": 8, "depth": 1, "num_heads": 2, "kind": "late"},
        },
        "training": {
            "epochs": 2, "batch_size": 4, "learning_rate": 0.01, "weight_decay": 0.01,
            "warmup_steps": 1, "ema_decay": 0.9, "modality_dropout": 0.2, "gradient_clip": 1.0,
            "seed": 3,
        },
        "card": {key: f"Of a test: {key}." for key in (
            "intended_use", "not_for", "training_data", "licence")} | {"limits": ["Tiny."]},
        "federation": {
            "rounds": 2, "least": 3, "seed": SEED, "pool": 30, "sites": SITES, **federation
        },
    }  # fmt: skip


def write_values(folder: Path, **federation: Any) -> Path:
    """Write the plan alone."""
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(plan_values(**federation)), "utf-8")
    return path


def write_plan(folder: Path, **federation: Any) -> Path:
    """Write the plan, and its patients where a run in ``folder`` looks for them."""
    path = write_values(folder, **federation)
    for seed in (SEED, SEED + 1):
        _write_shards(tiny_cohort(), folder / "cohorts", seed)
    return path


def _write_shards(cohort: Cohort, folder: Path, seed: int) -> None:
    arrays: dict[str, Any] = {f.name: getattr(cohort, f.name) for f in fields(Cohort)}
    arrays["notes"] = np.array([json.dumps(note) for note in cohort.notes])
    for kind, kept in (("size-64", arrays), ("extras", {}), ("course", {})):
        where = folder / f"seed-{seed}-{kind}"
        where.mkdir(parents=True, exist_ok=True)
        np.savez(where / "0000000-0000030.npz", **kept)
