"""Packs with random weights for any inputs: their numbers mean nothing, their laws hold."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from mmcore.datasets.labelled import LabelledCase
from mmcore.model.config import FusionConfig, ModelConfig, TargetConfig
from mmcore.records import Modality
from mmcore.train.dataset import from_cases
from mmcore.train.package import coalition_outputs, package
from mmcore.train.run import build_network
from mmcore.train.sources import Source
from mmcore.train.tokenizer import train_tokenizer
from tests.tiny import tiny_run

TARGETS = (TargetConfig("nodule", "Nodule"), TargetConfig("effusion", "Effusion"))


def untrained_pack(
    folder: Path, inputs: dict[Modality, object], cases: Sequence[LabelledCase]
) -> Path:
    """Write a pack that reads ``inputs``, its references taken from ``cases``.

    Its head is made loud and centred, and what it says by chance is taken for true, so that
    contributions are of the size that real ones are.
    """
    texts = tuple(note.text for labelled in cases for note in labelled.case.notes)
    tokenizer = train_tokenizer(texts, vocab_size=300)
    model = ModelConfig(TARGETS, FusionConfig(embed_dim=16, depth=1, num_heads=2), inputs)
    examinations = from_cases(cases, model, tokenizer)
    source = Source(model, tokenizer, examinations, examinations, texts, is_simulated=True)
    run = replace(tiny_run(), model=model)
    network = build_network(run, source, folder=folder).eval()
    with torch.no_grad():
        network.head_weight.mul_(3.0)
        said = torch.from_numpy(coalition_outputs(network, examinations)[:, -1]).float()
        network.head_bias.sub_(said.median(0).values)
    sure = replace(examinations, labels=(said > said.median(0).values).float())
    source = replace(source, train=sure, validation=sure)
    package(network, run, source, out=folder / "pack", hours=0.0)
    return folder / "pack"
