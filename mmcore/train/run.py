"""The ``train`` command: one run file in, one pack out, resumable at every stage."""

from dataclasses import replace
from pathlib import Path

import torch

from mmcore.model.allocator import keep_freed_memory
from mmcore.model.network import FusionNetwork
from mmcore.records import Modality
from mmcore.train.config import RunConfig, read_run
from mmcore.train.imbalance import pos_weights
from mmcore.train.learner import Learner
from mmcore.train.loop import train
from mmcore.train.losses import TASKS
from mmcore.train.package import package
from mmcore.train.sources import Source, open_source
from mmcore.train.start import start_from


def train_pack(
    config_path: Path, *, out: Path, work: Path, data: Path | None, measure: int
) -> None:
    """Train the model of a run file and write its pack to ``out``.

    ``work`` keeps simulated shards and checkpoints; run again with the same folder, a stopped run
    goes on. ``data``: folder of real patients where the run needs one. ``measure``: number of fresh
    simulated patients for the figures of a simulated card; a real one is measured on its validation
    patients.
    """
    from mmcore.evaluate.measure import measure_simulated, measure_validation

    keep_freed_memory()
    run = read_run(config_path)
    source = open_source(run, work=work, data=data)
    folder = work / run.name
    folder.mkdir(parents=True, exist_ok=True)
    network, seconds = fit(run, source, folder=folder)
    package(network, run, source, out=out, hours=seconds / 3600.0)
    if source.is_simulated:
        measure_simulated(out, seed=run.data.seed + 2, patients=measure)
    elif data is not None:
        measure_validation(out, data)


def fit(run: RunConfig, source: Source, *, folder: Path) -> tuple[FusionNetwork, float]:
    """Build and train the network of a run; return it with the seconds that it took."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = build_network(run, source, folder=folder)
    before = _align(network, run, source, folder=folder / "aligned", device=device)
    cap = run.loss.pos_weight_cap
    weights = pos_weights(source.train.labels, cap=cap) if cap > 1.0 else None
    learner = Learner(network, run.loss, run.alignment, pos_weight=weights)
    seconds = train(
        learner, source.train, run.training,
        validation=source.validation, folder=folder, device=device,
    )  # fmt: skip
    return network, before + seconds


def _align(
    network: FusionNetwork, run: RunConfig, source: Source, *, folder: Path, device: torch.device
) -> float:
    """Align the encoders of a run before it learns its tasks; return the seconds that took.

    Nothing but the modalities of a patient is learned from: every task has the factor 0.
    """
    if not run.alignment.epochs_before:
        return 0.0
    folder.mkdir(parents=True, exist_ok=True)
    nothing = dict.fromkeys(TASKS, 0.0)
    loss = replace(run.loss, balance="fixed", weights={**nothing, "alignment": 1.0})
    training = replace(run.training, epochs=run.alignment.epochs_before, patience=0)
    learner = Learner(network, loss, run.alignment)
    seconds = train(learner, source.train, training, folder=folder, device=device)
    network.train()
    return seconds


def build_network(run: RunConfig, source: Source, *, folder: Path) -> FusionNetwork:
    """Return the network of a run as training starts with it."""
    torch.manual_seed(run.training.seed)
    network = FusionNetwork(source.model)
    if Modality.IMAGE in network.modalities:
        network.baseline_image = source.train.mean_image()
    start_from(
        network, run.start, texts=source.texts, tokenizer=source.tokenizer,
        seed=run.training.seed, folder=folder,
    )  # fmt: skip
    return network
