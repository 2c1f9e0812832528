"""Subsets of a patient's modalities, learned from the encodings of all of them."""

from dataclasses import replace

import pytest
import torch

from mmcore.errors import ConfigError
from mmcore.train.coalitions import draw_coalitions
from mmcore.train.dataset import augment
from mmcore.train.learner import Learner
from mmcore.train.losses import LossConfig
from tests.unit.train import small

EVERYTHING = small.Small(segments=True)


def drawn(presence: torch.Tensor, count: int) -> torch.Tensor:
    return draw_coalitions(presence, count, torch.Generator().manual_seed(1))


def test_a_subset_never_holds_what_the_patient_lacks_nor_all_that_is_there() -> None:
    presence = torch.rand(200, 5, generator=torch.Generator().manual_seed(2)) < 0.7
    subsets = drawn(presence, 4)
    there = presence.sum(1)[:, None].expand(-1, 4)
    assert not (subsets & ~presence[:, None]).any()
    assert (subsets.sum(2) < there.clamp(min=1)).all()


def test_every_size_is_as_likely_as_shapley_weighs_it() -> None:
    sizes = drawn(torch.ones(4000, 5, dtype=torch.bool), 2).sum(2).flatten()
    shares = torch.bincount(sizes, minlength=5) / len(sizes)
    assert shares.tolist() == pytest.approx([0.2] * 5, abs=0.02)


def test_every_modality_is_in_a_subset_of_a_size_as_often_as_the_others() -> None:
    subsets = drawn(torch.ones(4000, 4, dtype=torch.bool), 2).flatten(0, 1)
    pairs = subsets[subsets.sum(1) == 2].float()
    assert pairs.mean(0).tolist() == pytest.approx([0.5] * 4, abs=0.03)


def test_the_answer_for_a_subset_is_that_of_a_patient_who_has_only_it() -> None:
    network = small.network(EVERYTHING).eval()
    examinations = small.examinations(EVERYTHING)
    batch = examinations.batch(torch.arange(6))
    subsets = drawn(batch.presence, 3)
    with torch.no_grad():
        partial = network(batch.inputs, batch.presence, subsets).partial
        for number in range(3):
            alone = network(batch.inputs, subsets[:, number]).logits
            torch.testing.assert_close(partial[:, number], alone)


def test_a_batch_with_subsets_keeps_all_of_its_modalities() -> None:
    network, examinations = small.network(EVERYTHING), small.examinations(EVERYTHING)
    batch = examinations.batch(torch.arange(8))
    changed = augment(
        batch, network, modality_dropout=0.0, coalitions=2,
        generator=torch.Generator().manual_seed(1),
    )  # fmt: skip
    assert torch.equal(changed.presence, batch.presence)
    assert changed.coalitions is not None
    assert changed.coalitions.shape == (8, 2, batch.presence.shape[1])


def test_the_loss_is_the_mean_over_all_modalities_and_every_subset() -> None:
    learner = Learner(small.network(small.Small()), LossConfig()).eval()
    whole = small.examinations(small.Small()).batch(torch.arange(8))
    known = ~whole.labels.isnan().any(1)
    whole = small.examinations(small.Small()).batch(torch.arange(8)[known])
    subsets = drawn(whole.presence, 1)
    device = torch.device("cpu")
    both, _ = learner(replace(whole, coalitions=subsets), device)
    full, _ = learner(whole, device)
    only, _ = learner(replace(whole, presence=subsets[:, 0]), device)
    assert both.item() == pytest.approx((full + only).item() / 2, rel=1e-5)


def test_a_number_of_subsets_below_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="coalitions"):
        replace(small.TRAINING, coalitions=-1)
