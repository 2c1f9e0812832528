"""What is learned from is what is known, whose it is, and what the fusion really joins."""

import pytest
import torch
from torch import Tensor

from mmcore.errors import ConfigError
from mmcore.records import Modality
from mmcore.train.alignment import Alignment, AlignmentConfig
from mmcore.train.distributed import Workers
from mmcore.train.learner import Learner
from mmcore.train.losses import LossConfig
from tests.unit.train.small import Small, examinations, network

CPU = torch.device("cpu")
CONTRAST = AlignmentConfig(kind="contrastive", dim=4)


class Witness(Alignment):
    """Remembers what it is asked to align."""

    def forward(
        self, vectors: dict[Modality, Tensor], presence: Tensor, patients: Tensor | None = None
    ) -> Tensor:
        self.seen = vectors, presence, patients
        return torch.zeros(())


def witnessed(small: Small, *, dim: int) -> tuple[Learner, Witness]:
    built = network(small).eval()
    learner = Learner(built, LossConfig(), AlignmentConfig(kind="contrastive", dim=dim))
    witness = Witness(AlignmentConfig(), built.modalities, 8)
    learner.alignment = witness
    return learner.eval(), witness


def test_alignment_is_told_whose_examination_each_row_is() -> None:
    small = Small(rows=6, patients=4)
    batch = examinations(small).batch(torch.tensor([1, 5, 2, 0, 4, 1]))  # 5 is p1, 4 is p0
    assert batch.patients.tolist() == [0, 0, 1, 2, 2, 0]
    learner, witness = witnessed(small, dim=4)
    learner(batch, CPU)
    assert witness.seen[2] is batch.patients


def test_two_examinations_of_a_patient_are_no_strangers_to_each_other() -> None:
    """With one patient alone there is no stranger left, so there is nothing to tell apart."""
    small = Small(rows=6, patients=1)
    learner = Learner(network(small), LossConfig(), CONTRAST)
    batch = examinations(small).batch(torch.arange(6))
    assert learner(batch, CPU)[1]["alignment"] == pytest.approx(0.0, abs=1e-6)


def test_the_aligned_fusion_aligns_what_it_joins() -> None:
    small = Small(fusion="aligned")
    batch = examinations(small).batch(torch.arange(8))
    learner, witness = witnessed(small, dim=0)
    learner(batch, CPU)
    with torch.no_grad():
        tokens = learner.network(batch.inputs, batch.presence).tokens
        for modality, vectors in witness.seen[0].items():
            joined = learner.network.project(modality, tokens[modality])
            assert torch.allclose(vectors, joined[:, 0], atol=1e-6)
            assert torch.allclose(vectors.norm(dim=1), torch.ones(8), atol=1e-4)


def test_another_fusion_aligns_the_mean_of_the_tokens() -> None:
    small = Small(fusion="mean")
    batch = examinations(small).batch(torch.arange(8))
    learner, witness = witnessed(small, dim=4)
    learner(batch, CPU)
    tokens = learner.network(batch.inputs, batch.presence).tokens
    for modality, vectors in witness.seen[0].items():
        assert torch.allclose(vectors, tokens[modality].mean(dim=1), atol=1e-6)


def test_an_image_that_is_not_there_teaches_no_outline() -> None:
    small = Small(segments=True)
    learner = Learner(network(small), LossConfig()).eval()
    batch = examinations(small).batch(torch.arange(8))
    absent = ~batch.presence[:, 0]
    assert absent.any()
    assert batch.regions is not None
    before = learner(batch, CPU)[1]["segmentation"]
    batch.regions[absent] = 1.0 - batch.regions[absent]  # may be anything
    assert learner(batch, CPU)[1]["segmentation"] == before
    batch.regions[~absent] = 1.0 - batch.regions[~absent]
    assert learner(batch, CPU)[1]["segmentation"] != before


def test_epochs_are_compared_by_fixed_factors_whatever_was_learned() -> None:
    config = LossConfig(balance="uncertainty", weights={"regressions": 3.0})
    learner = Learner(network(Small()), config)
    losses = {"findings": 0.5, "regressions": 0.2}
    before = learner.weigh(losses)
    assert before == pytest.approx(0.5 + 3.0 * 0.2)
    with torch.no_grad():
        learner.balancer.log_variance.fill_(-3.0)  # type: ignore[operator] # a parameter
    assert learner.weigh(losses) == before


def test_gradnorm_on_several_processes_is_refused() -> None:
    with pytest.raises(ConfigError, match="gradnorm needs all rows"):
        Learner(network(Small()), LossConfig(balance="gradnorm"), workers=Workers(0, 2))
