"""The ``train`` command: one run file in, one pack out, resumable at every stage."""

from pathlib import Path

import torch

from mmcore.errors import ConfigError
from mmcore.evaluate.measure import measure_card
from mmcore.model.allocator import keep_freed_memory
from mmcore.model.config import ModelConfig
from mmcore.model.network import FusionNetwork
from mmcore.simulate import FINDINGS
from mmcore.train.cohort import build_cohort
from mmcore.train.config import read_run
from mmcore.train.dataset import CohortTensors, measure_scales
from mmcore.train.loop import train
from mmcore.train.package import package, with_scales
from mmcore.train.tokenizer import train_tokenizer


def train_pack(config_path: Path, *, out: Path, work: Path, measure: int) -> None:
    """Train the model of a run file and write its pack to ``out``.

    ``work`` keeps simulated shards and checkpoints; run again with the same folder, a stopped run
    goes on. ``measure``: number of fresh simulated patients for the card's figures.
    """
    keep_freed_memory()
    run = read_run(config_path)
    if run.model.image is None or run.model.observations is None or run.model.note is None:
        raise ValueError("phantom cohorts train models of image, note and observations")
    check_targets(run.model)
    size = run.model.image.size
    folder = work / run.name
    train_cohort, validation_cohort = (
        build_cohort(work / "cohorts", seed=seed, patients=patients, size=size)
        for seed, patients in (
            (run.cohort.seed, run.cohort.train),
            (run.cohort.seed + 1, run.cohort.validation),
        )
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = train_tokenizer(
        train_cohort.notes, vocab_size=int(run.model.note.bert["vocab_size"])
    )
    scales = measure_scales(train_cohort, run.model.observations.codes)
    model = with_scales(run.model, scales)
    tensors = CohortTensors(train_cohort, model, tokenizer)
    validation = CohortTensors(validation_cohort, model, tokenizer)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(run.training.seed)
    network = FusionNetwork(model)
    network.baseline_image = tensors.mean_image()
    seconds = train(network, tensors, run.training, run=folder, device=device)
    package(
        network,
        run,
        model,
        tokenizer,
        train=tensors,
        validation=validation,
        out=out,
        hours=seconds / 3600.0,
    )
    measure_card(out, seed=run.cohort.seed + 2, patients=measure)


def check_targets(model: ModelConfig) -> None:
    """Refuse targets that are not the labels of a simulated cohort, in their order.

    Labels have no names: in another order one finding would be trained as another.
    """
    found = [(t.name, t.kind) for t in model.targets]
    expected = [*((str(name), "finding") for name in FINDINGS), ("severity", "regression")]
    if found != expected:
        names = ", ".join(name for name, _ in expected)
        raise ConfigError(key="model.targets", problem=f"must be, in this order: {names}")
