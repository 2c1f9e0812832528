"""Distillation: a smaller network learns what a pack answers, not what the labels say.

The pack answers the same augmented batch as the student, for all modalities and for every random
coalition of them (docs/decisions/0018), so the student learns the ledger's table and not only the
score ("function matching", Beyer et al. 2022, after Hinton et al. 2015). Findings are learned in
log-odds, as from any teacher (mmcore/train/losses.py); regressions and outlines are the teacher's
where a batch has a label of none. The result is an ordinary pack with a calibration of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from mmcore.errors import ConfigError
from mmcore.model.allocator import keep_freed_memory
from mmcore.model.network import FusionNetwork
from mmcore.model.pack import Pack, load_pack
from mmcore.train.config import CARD_WORDS, RunConfig, run_from
from mmcore.train.dataset import Batch
from mmcore.train.learner import Learner
from mmcore.train.loop import train
from mmcore.train.package import package
from mmcore.train.run import build_network
from mmcore.train.sources import Source, open_source


@dataclass(frozen=True, slots=True, eq=False)
class AnsweredBatch(Batch):
    """A batch with what the teacher says of it. answers: (B, 1 + C, K) log-odds."""

    answers: Tensor | None = None

    def taught(self) -> Tensor | None:
        """Return the teacher's answers, with everything and for each coalition."""
        return self.answers


class Student(Learner):
    """A learner whose batches are answered by another network first."""

    def __init__(self, network: FusionNetwork, teacher: FusionNetwork, run: RunConfig) -> None:
        super().__init__(network, run.loss, run.alignment)
        self._teacher = (teacher.eval().requires_grad_(requires_grad=False),)  # not a submodule

    def forward(self, batch: Batch, device: torch.device) -> tuple[Tensor, dict[str, float]]:
        """Return the total with its gradient, and every task's loss for the log."""
        return super().forward(self._answered(batch, device), device)

    @torch.no_grad()
    def _answered(self, batch: Batch, device: torch.device) -> AnsweredBatch:
        teacher = self._teacher[0].to(device)
        subsets = None if batch.coalitions is None else batch.coalitions.to(device)
        said = teacher(
            {m: x.to(device) for m, x in batch.inputs.items()}, batch.presence.to(device), subsets
        )
        logits = said.logits.cpu()
        answers = logits[:, None]
        if said.partial is not None:
            answers = torch.cat([answers, said.partial.cpu()], dim=1)
        is_value = torch.tensor([t.kind == "regression" for t in self.network.config.targets])
        labels = torch.where(is_value & batch.labels.isnan(), logits, batch.labels)
        regions = batch.regions
        if regions is not None and said.regions is not None:
            outlined = torch.nn.functional.interpolate(
                said.regions.sigmoid().cpu(), size=regions.shape[-2:], mode="area"
            )
            regions = torch.where(regions.isnan(), outlined, regions)
        return AnsweredBatch(
            batch.inputs, batch.presence, labels, regions, batch.patients,
            coalitions=batch.coalitions, answers=answers,
        )  # fmt: skip


def distil(
    teacher: Path,
    config_path: Path,
    *,
    out: Path,
    work: Path,
    data: Path | None = None,
    start: Path | None = None,
    patients: int = 0,
) -> None:
    """Train a student of the pack ``teacher`` as a student file says; write its pack to ``out``.

    start: a pack, such as a pruned one, whose architecture and weights the student begins with; by
    default it has the teacher's architecture, as far as the file says nothing else, and weights by
    chance. patients: how many of the training examinations it learns from, the first ones; 0 for
    all. ``work`` and ``data`` as of ``train_pack``: run again with the same folder, a stopped run
    goes on. Raises ``ConfigError`` if the student would not read what the teacher reads.
    """
    keep_freed_memory()
    pack = load_pack(teacher)
    begun = pack if start is None else load_pack(start)
    run = read_student(config_path, begun)
    folder = work / run.name
    folder.mkdir(parents=True, exist_ok=True)
    source = open_source(run, work=work, data=data)
    check_alike(source, pack)
    if patients:
        some = range(min(patients, len(source.train)))
        source = replace(source, train=source.train.subset(some))
    network = build_network(run, source, folder=folder)
    if start is not None:
        network.load_state_dict(begun.network.state_dict())
    student = Student(network, pack.network, run)
    seconds = train(
        student, source.train, run.training, folder=folder, device=student.workers.device()
    )
    package(network, run, source, out=out, hours=seconds / 3600.0)


def read_student(path: Path, pack: Pack) -> RunConfig:
    """Read a student file: a run file that says of model and card only what differs from ``pack``.

    Raises ``ConfigError`` naming the key at fault.
    """
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(key=path.name, problem=str(error)) from error
    if not isinstance(values, Mapping):
        raise ConfigError(key=path.name, problem="must be a mapping")
    card = {key: pack.card[key] for key in CARD_WORDS}
    return run_from(
        {
            **values,
            "model": _merged(pack.config.to_mapping(), values.get("model") or {}),
            "card": {**card, **(values.get("card") or {})},
        }
    )


def _merged(whole: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``whole`` with ``changes``, mapping by mapping.

    Where a section names another kind of encoder, the arguments of the old one are not its own.
    """
    result = dict(whole)
    if changes.get("name", result.get("name")) != result.get("name"):
        result.pop("arguments", None)
    for key, value in changes.items():
        below = result.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            value = _merged(below, value)
        result[key] = value
    return result


def check_alike(source: Source, pack: Pack) -> None:
    """Refuse a student that would read other numbers of a patient than its teacher.

    Raises ``ConfigError``.
    """
    student, teacher = source.model, pack.config
    if [t.name for t in student.targets] != [t.name for t in teacher.targets]:
        raise ConfigError(key="model.targets", problem="are not those of the teacher")
    if student.modalities != teacher.modalities:
        raise ConfigError(key="model", problem="does not read the same inputs as the teacher")
    words = [None if t is None else t.to_str() for t in (source.tokenizer, pack.tokenizer)]
    if words[0] != words[1] or student.observations != teacher.observations:
        problem = "gives other tokens or scales than the teacher's: take the teacher's own patients"
        raise ConfigError(key="data", problem=problem)
    mine = FusionNetwork(student)
    for m in student.modalities:
        if (shape := mine.baseline(m).shape) != pack.network.baseline(m).shape:
            problem = f"reads inputs of {tuple(shape)}, the teacher others"
            raise ConfigError(key=f"model.{m.value}", problem=problem)
