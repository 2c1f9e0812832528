"""A tiny pack with random weights, made once per test run by the same code that makes real ones."""

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch

from mmcore.engine import Engine
from mmcore.model.config import ModelConfig
from mmcore.model.network import FusionNetwork
from mmcore.train.cohort import Cohort, build_cohort
from mmcore.train.config import RunConfig, read_run
from mmcore.train.dataset import CohortTensors, measure_scales
from mmcore.train.package import package, with_scales
from mmcore.train.tokenizer import train_tokenizer

PRESET = Path(__file__).parents[1] / "mmcore" / "model" / "presets" / "phantom.yaml"
SEED = 71


def tiny_run() -> RunConfig:
    """Return the shipped preset, shrunk until it runs in a moment."""
    run = read_run(PRESET)
    model = run.model
    assert model.image is not None
    assert model.note is not None
    image = replace(model.image, size=64)
    image.arguments.update(channels=[8, 8, 16, 16], stem_width=16)
    bert = {**model.note.bert, "hidden_size": 16, "num_attention_heads": 2,
            "intermediate_size": 16, "num_hidden_layers": 1}  # fmt: skip
    return replace(
        run,
        model=replace(
            model,
            image=image,
            note=replace(model.note, bert=bert),
            fusion=replace(model.fusion, embed_dim=16, depth=1, num_heads=2),
        ),
        cohort=replace(run.cohort, train=30, validation=30),
    )


@cache
def tiny_cohort() -> Cohort:
    """Return thirty simulated patients."""
    folder = Path(tempfile.mkdtemp(prefix="tiny-cohort-"))
    return build_cohort(folder, seed=SEED, patients=30, size=64, workers=0)


@cache
def tiny_tensors() -> tuple[ModelConfig, CohortTensors]:
    """Return the tiny cohort prepared for the tiny model, and that model's configuration."""
    run, cohort = tiny_run(), tiny_cohort()
    assert run.model.observations is not None
    model = with_scales(run.model, measure_scales(cohort, run.model.observations.codes))
    return model, CohortTensors(cohort, model, train_tokenizer(cohort.notes, vocab_size=2048))


@cache
def tiny_pack() -> Path:
    """Return the folder of a sound pack. Copy it before breaking it."""
    model, tensors = tiny_tensors()
    torch.manual_seed(0)
    network = FusionNetwork(model)
    network.baseline_image = tensors.mean_image()
    out = Path(tempfile.mkdtemp(prefix="tiny-pack-")) / "tiny"
    tokenizer = train_tokenizer(tiny_cohort().notes, vocab_size=2048)
    package(
        network, tiny_run(), model, tokenizer, train=tensors, validation=tensors, out=out, hours=0.0
    )
    return out


@cache
def tiny_engine() -> Engine:
    """Return an engine on the tiny pack; its numbers mean nothing, its laws hold."""
    return Engine.load(tiny_pack())
