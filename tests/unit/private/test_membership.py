"""The attack finds what is planted, and finds nothing where there is nothing."""

import numpy as np
import pytest
import torch

from mmcore.model.network import FusionNetwork
from mmcore.private.membership import attack, judge_attack
from mmcore.train.dataset import TrainingSet
from tests.unit.train.small import Small, examinations, network


def planted(lift: float, *, models: int = 8, patients: int = 60) -> tuple[np.ndarray, ...]:
    """Return logits of models surer by ``lift`` of whom they know, labels, and who is known."""
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, (patients, 2)).astype(float)
    known = np.zeros((models, patients), dtype=bool)
    for first in range(0, models, 2):
        known[first, rng.permutation(patients)[: patients // 2]] = True
        known[first + 1] = ~known[first]
    hard = rng.normal(0.0, 3.0, truth.shape)  # some patients are hard for every model
    right = hard + lift * known[:, :, None] + rng.normal(0.0, 1.0, (models, *truth.shape))
    return np.where(truth > 0.5, right, -right), truth, known


def test_who_was_learned_by_heart_is_told_and_hard_patients_do_not_hide_it() -> None:
    found = judge_attack(*planted(2.0))
    assert found.ratio.low > 0.85
    assert found.ratio.value > found.loss.value + 0.1  # the loss alone takes hard for unknown


def test_of_models_that_keep_nothing_nothing_is_told() -> None:
    for models in (4, 8):  # few models must not tell by how many of them are left
        found = judge_attack(*planted(0.0, models=models, patients=300))
        assert found.ratio.low < 0.5 < found.ratio.high
        assert abs(found.loss.value - 0.5) < 0.06


def test_what_nobody_knows_tells_nothing() -> None:
    said, truth, known = planted(2.0)
    truth[:, 1] = np.nan
    half = judge_attack(said, truth, known)
    alone = judge_attack(said[:, :, :1], truth[:, :1], known)
    assert half.ratio == alone.ratio
    assert half.loss == alone.loss


def test_every_patient_is_known_to_half_of_the_models() -> None:
    rows = examinations(Small())
    seen: list[TrainingSet] = []

    def train(part: TrainingSet, number: int) -> FusionNetwork:
        assert number == len(seen)
        seen.append(part)
        return network(Small())

    rows = TrainingSet(
        rows.config, rows.inputs, rows.presence, torch.nan_to_num(rows.labels), None, None,
        rows.patients, {},
    )  # fmt: skip
    found = attack(rows, train, models=4)
    names = [set(part.patients) for part in seen]
    assert [len(own) for own in names] == [12] * 4
    assert names[0] | names[1] == names[2] | names[3] == set(rows.patients)
    assert (found.models, found.patients) == (4, 24)
    with pytest.raises(ValueError, match="even number"):
        attack(rows, train, models=5)
