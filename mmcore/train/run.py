"""The ``train`` command: one run file in, one pack out, resumable at every stage."""

from dataclasses import replace
from pathlib import Path

import torch

from mmcore.errors import ConfigError
from mmcore.model.allocator import keep_freed_memory
from mmcore.model.network import FusionNetwork
from mmcore.private.learning import learn_privately
from mmcore.private.run import refuse_unprotected, with_promise
from mmcore.records import Modality
from mmcore.train.adapt import add_lora, freeze, merge_lora
from mmcore.train.config import RelabelConfig, RunConfig, StartConfig, TrainingConfig, read_run
from mmcore.train.distributed import ALONE, Workers, joined
from mmcore.train.imbalance import pos_weights
from mmcore.train.learner import Learner
from mmcore.train.loop import train
from mmcore.train.losses import TASKS
from mmcore.train.package import package
from mmcore.train.pretrain import read_pretrained
from mmcore.train.relabel import relabel
from mmcore.train.sources import Source, open_source
from mmcore.train.start import TEXT_FILE, Started, start_from
from mmcore.train.tracking import log_event
from mmcore.train.work_folder import held

WARM_UP_BEFORE = 20  # steps of warm-up at most, where alignment goes before the tasks


def train_pack(
    config_path: Path, *, out: Path, work: Path, data: Path | None, measure: int
) -> None:
    """Train the model of a run file and write its pack to ``out``.

    ``work`` keeps simulated shards and checkpoints; run again with the same folder, a stopped run
    goes on. ``data``: folder of real patients where the run needs one. ``measure``: number of fresh
    simulated patients for the figures of a simulated card; a real one is measured on its validation
    patients. Under ``torchrun`` all processes train and the first one does the rest.

    Raises ``WorkFolderBusyError`` while another run works in ``work``.
    """
    with held(work):
        _train_pack(config_path, out=out, work=work, data=data, measure=measure)


def _train_pack(
    config_path: Path, *, out: Path, work: Path, data: Path | None, measure: int
) -> None:
    from mmcore.evaluate.measure import measure_simulated, measure_validation

    keep_freed_memory()
    run = read_run(config_path)
    folder = work / run.name
    with joined() as workers:
        with workers.in_turn():
            folder.mkdir(parents=True, exist_ok=True)
            source = open_source(run, work=work, data=data)
        if run.privacy is not None:
            run, network, seconds = fit_privately(run, source, folder=folder, workers=workers)
        else:
            network, seconds = fit(run, source, folder=folder, workers=workers)
    if not workers.is_first:
        return
    package(network, with_history(run, folder), source, out=out, hours=seconds / 3600.0)
    if source.is_simulated:
        measure_simulated(out, seed=run.data.seed + 2, patients=measure)
    elif data is not None:
        measure_validation(out, data)


def fit(
    run: RunConfig, source: Source, *, folder: Path, workers: Workers = ALONE
) -> tuple[FusionNetwork, float]:
    """Build and train the network of a run; return it with the seconds that it took.

    What was adapted in few numbers is merged: the network has plain weights.
    """
    device = workers.device()
    if run.relabel.folds:
        source = _relabelled(run, source, folder=folder / "relabel", workers=workers)
    with workers.in_turn():
        network, started = _start(run, source, folder=folder, device=device)
    if workers.is_first and run.start != StartConfig():
        losses = started.text.losses if started.text is not None else ()
        log_event(
            folder, "start",
            taken=started.taken, left_out=started.left_out, text_losses=losses,
        )  # fmt: skip
    adapt(network, run.training)
    network.token_dropout = {Modality(m): p for m, p in run.training.token_dropout.items()}
    before = _align(network, run, source, folder=folder / "aligned", workers=workers)
    cap = run.loss.pos_weight_cap
    weights = pos_weights(source.train.labels, cap=cap) if cap > 1.0 else None
    learner = Learner(network, run.loss, run.alignment, pos_weight=weights, workers=workers)
    seconds = train(
        learner, source.train, run.training,
        validation=source.validation, folder=folder, device=device,
    )  # fmt: skip
    merge_lora(network)
    return network, before + seconds


def fit_privately(
    run: RunConfig, source: Source, *, folder: Path, workers: Workers = ALONE
) -> tuple[RunConfig, FusionNetwork, float]:
    """Build and train the network of a run with ``privacy``.

    Returns the run whose card says what was spent, the network, and the seconds that it took.
    Raises ``ConfigError`` for anything that would tell of training patients beside the noisy steps.
    """
    if run.privacy is None:
        raise ValueError("the run names no privacy")
    if workers.size > 1:
        raise ConfigError(key="privacy", problem="is for one process; leave torchrun out")
    device = workers.device()
    network, _ = _start(run, source, folder=folder, device=device)
    adapt(network, run.training)
    network.token_dropout = {Modality(m): p for m, p in run.training.token_dropout.items()}
    refuse_unprotected(run, network)
    spent, seconds = learn_privately(
        Learner(network, run.loss, run.alignment), source.train, run.training, run.privacy,
        validation=source.validation, folder=folder, device=device,
    )  # fmt: skip
    merge_lora(network)
    return with_promise(run, spent), network, seconds


def _relabelled(run: RunConfig, source: Source, *, folder: Path, workers: Workers) -> Source:
    """Return the source with the labels that models of other patients support; see relabel.py."""
    alone = replace(
        run,
        relabel=RelabelConfig(),
        start=replace(run.start, text_epochs=0),
        training=replace(run.training, epochs=run.relabel.epochs),
    )

    def train_on(part: Source, work: Path) -> FusionNetwork:
        return fit(alone, part, folder=work, workers=workers)[0]

    return relabel(source, run.relabel, train_on, folder=folder)


def adapt(network: FusionNetwork, training: TrainingConfig) -> None:
    """Freeze what the run keeps and add what it learns instead, after weights were loaded."""
    freeze(network, training.freeze)
    add_lora(network, training.lora, rank=training.lora_rank, alpha=training.lora_alpha)


def _align(
    network: FusionNetwork, run: RunConfig, source: Source, *, folder: Path, workers: Workers
) -> float:
    """Align the encoders of a run before it learns its tasks; return the seconds that took.

    Nothing but the modalities of a patient is learned from: every task has the factor 0.
    """
    if not run.alignment.epochs_before:
        return 0.0
    folder.mkdir(parents=True, exist_ok=True)
    nothing = dict.fromkeys(TASKS, 0.0)
    loss = replace(run.loss, balance="fixed", weights={**nothing, "alignment": 1.0})
    training = replace(
        run.training,
        epochs=run.alignment.epochs_before,
        batch_size=run.alignment.batch_before,
        learning_rate=run.training.learning_rate * run.alignment.rate_before,
        warmup_steps=min(run.training.warmup_steps, WARM_UP_BEFORE),
        modality_dropout=0.0,  # a patient without a partner teaches nothing here
        accumulate=1,
        patience=0,
    )
    learner = Learner(network, loss, run.alignment, workers=workers)
    seconds = train(learner, source.train, training, folder=folder, device=workers.device())
    network.train()
    return seconds


def build_network(run: RunConfig, source: Source, *, folder: Path) -> FusionNetwork:
    """Return the network of a run as training starts with it.

    ``folder`` keeps what pre-training on texts gave.
    """
    return _start(run, source, folder=folder, device=torch.device("cpu"))[0]


def _start(
    run: RunConfig, source: Source, *, folder: Path, device: torch.device
) -> tuple[FusionNetwork, Started]:
    torch.manual_seed(run.training.seed)
    network = FusionNetwork(source.model)
    if Modality.IMAGE in network.modalities:
        known = source.train if run.privacy is None else source.validation
        network.baseline_image = known.mean_image()
    network.to(device)
    return network, start_from(network, run, source, folder=folder)


def with_history(run: RunConfig, folder: Path) -> RunConfig:
    """Return the run whose card also says how the note encoder learned from texts."""
    text = read_pretrained(folder / TEXT_FILE) if run.start.text_epochs else None
    if text is None:
        return run
    sentence = (
        f"Before any label, the note encoder read {text.texts} texts for {len(text.losses) - 1} "
        f"epochs: its loss on a masked token of texts that it had not read fell from "
        f"{text.before:.2f} to {text.after:.2f} nats."
    )
    words = f"{str(run.card['training_data']).rstrip()} {sentence}"
    return replace(run, card={**run.card, "training_data": words})
