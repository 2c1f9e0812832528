"""Soft labels come from models that never saw the patient, and only where a label is known."""

from dataclasses import replace
from pathlib import Path

import torch

from mmcore.model.network import FusionNetwork
from mmcore.train.config import RelabelConfig
from mmcore.train.relabel import fold_of, mix, relabel
from mmcore.train.run import build_network
from mmcore.train.sources import Source
from tests.tiny import tiny_run, tiny_source

CONFIG = RelabelConfig(folds=2, epochs=1, share=0.25)


def test_labels_move_by_the_share_towards_the_answer() -> None:
    model = tiny_run().model
    labels, answers = torch.ones(1, 7), torch.full((1, 7), 0.2)
    mixed = mix(model, labels, answers, share=0.25)
    assert torch.allclose(mixed[0, :6], torch.full((6,), 0.8))  # 0.75 * 1 + 0.25 * 0.2
    assert mixed[0, 6] == 1.0  # severity, a regression, is never touched


def test_what_is_unknown_stays_unknown() -> None:
    model = tiny_run().model
    labels = torch.full((1, 7), torch.nan)
    assert mix(model, labels, torch.full((1, 7), 0.9), share=0.5).isnan().all()


def test_findings_that_exclude_each_other_keep_their_labels() -> None:
    model = tiny_run().model
    grouped = replace(model, targets=tuple(replace(t, group="g") if i < 2 else t
                                           for i, t in enumerate(model.targets)))  # fmt: skip
    mixed = mix(grouped, torch.ones(1, 7), torch.zeros(1, 7), share=0.5)
    assert mixed[0, :3].tolist() == [1.0, 1.0, 0.5]


def test_nobody_is_judged_by_a_model_that_saw_them_and_a_resumed_run_does_not_ask_again(
    tmp_path: Path,
) -> None:
    seen: list[set[str]] = []

    def train_on(part: Source, folder: Path) -> FusionNetwork:
        seen.append(set(part.train.patients))
        return build_network(tiny_run(), part, folder=folder)

    source = tiny_source()
    done = relabel(source, CONFIG, train_on, folder=tmp_path)
    everyone = set(source.train.patients)
    kept_out = [{p for p in everyone if fold_of(p, 2) == part} for part in (0, 1)]
    assert seen == [everyone - kept_out[0], everyone - kept_out[1]]
    moved = (done.train.labels - source.train.labels)[:, :6].abs()
    assert (moved > 0).all()
    assert (moved <= 0.25).all()
    again = relabel(source, CONFIG, train_on, folder=tmp_path)
    assert len(seen) == 2
    assert torch.equal(again.train.labels, done.train.labels)


def test_examinations_of_one_patient_are_never_parted() -> None:
    assert {fold_of("nih-1", 3) for _ in range(5)} == {fold_of("nih-1", 3)}
    parts = [fold_of(f"nih-{i}", 3) for i in range(300)]
    assert all(80 < parts.count(part) < 120 for part in range(3))
