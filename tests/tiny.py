"""A tiny pack with random weights, made once per test run by the same code that makes real ones."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from unittest.mock import patch

from mmcore.engine import Engine
from mmcore.records import Modality
from mmcore.train.cohort import Cohort, build_cohort
from mmcore.train.config import RunConfig, read_run
from mmcore.train.package import package
from mmcore.train.run import build_network
from mmcore.train.sources import Source, prepare_cohorts

PRESET = Path(__file__).parents[1] / "mmcore" / "model" / "presets" / "phantom.yaml"
SEED = 71


def tiny_run() -> RunConfig:
    """Return the shipped preset, shrunk until it runs in a moment."""
    run = read_run(PRESET)
    model = run.model
    assert model.image is not None
    assert model.note is not None
    assert model.segmentation is not None
    image = replace(
        model.image,
        size=64,
        arguments={**model.image.arguments, "channels": [8, 8, 16, 16], "stem_width": 16},
    )
    bert = {**model.note.arguments, "hidden_size": 16, "num_attention_heads": 2,
            "intermediate_size": 16, "num_hidden_layers": 1}  # fmt: skip
    recording = replace(model.inputs[Modality.RECORDING], channels=(4, 4))
    return replace(
        run,
        model=replace(
            model.with_input(Modality.IMAGE, image)
            .with_input(Modality.NOTE, replace(model.note, arguments=bert))
            .with_input(Modality.RECORDING, recording),
            fusion=replace(model.fusion, embed_dim=16, depth=1, num_heads=2),
            segmentation=replace(model.segmentation, width=8),
        ),
        data=replace(run.data, train=30, validation=30),
    )


@cache
def tiny_cohort() -> Cohort:
    """Return thirty simulated patients."""
    folder = Path(tempfile.mkdtemp(prefix="tiny-cohort-"))
    return build_cohort(folder, seed=SEED, patients=30, size=64, workers=0)


@cache
def tiny_source() -> Source:
    """Return the tiny cohort prepared for the tiny model, as training and validation at once."""
    return prepare_cohorts(tiny_run().model, tiny_cohort(), tiny_cohort())


@cache
def tiny_pack() -> Path:
    """Return the folder of a sound pack. Copy it before breaking it."""
    out = Path(tempfile.mkdtemp(prefix="tiny-pack-"))
    network = build_network(tiny_run(), tiny_source(), folder=out)
    package(network, tiny_run(), tiny_source(), out=out / "tiny", hours=0.0)
    return out / "tiny"


@contextmanager
def untried() -> Iterator[None]:
    """Let parts be shown that add up, though they are of a network that learned nothing."""
    with (
        patch("mmcore.explain.ledger.try_parts", return_value=()),
        patch("mmcore.explain.ledger.LEAST", 0.0),
    ):
        yield


@cache
def tiny_engine() -> Engine:
    """Return an engine on the tiny pack; its numbers mean nothing, its laws hold."""
    return Engine.load(tiny_pack())
