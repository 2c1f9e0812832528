"""A teacher says of every coalition of a patient's modalities what the causal model says of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mmcore.errors import ConfigError
from mmcore.records import Modality
from mmcore.simulate import FINDINGS, sample_patient
from mmcore.simulate.evidence import causal_log_odds, prior_log_odds
from mmcore.train.config import DataConfig
from mmcore.train.dataset import Batch, augment
from mmcore.train.learner import Learner
from mmcore.train.losses import LossConfig, taught_loss
from mmcore.train.sources import permuted
from mmcore.train.teacher import build_evidence, teacher_terms
from tests.tiny import tiny_run
from tests.unit.train import small

PATIENTS, SEED = 6, 71
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def ratios(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    folder = tmp_path_factory.mktemp("evidence")
    return build_evidence(folder, seed=SEED, patients=PATIENTS, workers=0)


def taught(terms: torch.Tensor, shown: list[list[bool]]) -> torch.Tensor:
    """Return (N, 1 + C, K) of patients who have everything, and of the given subsets of it."""
    count, modalities = len(terms), terms.shape[1] - 1
    presence = torch.ones(count, modalities, dtype=torch.bool)
    subsets = torch.tensor(shown)[None].expand(count, -1, -1)
    labels = torch.full((count, terms.shape[2]), torch.nan)
    batch = Batch({}, presence, labels, None, torch.arange(count), subsets, terms)
    lessons = batch.taught()
    assert lessons is not None
    return lessons


def test_of_no_modality_it_says_the_prior_and_of_one_the_prior_and_its_ratio(
    ratios: np.ndarray,
) -> None:
    config = tiny_run().model
    terms = teacher_terms(config, ratios)
    shown = [[False] * 5, *np.eye(5, dtype=bool).tolist()]
    lessons = taught(terms, shown)
    for index in range(PATIENTS):
        patient = sample_patient(SEED, index, rows=64)
        for column, finding in enumerate(FINDINGS):
            everything = causal_log_odds(patient, finding, config.modalities)
            assert lessons[index, 0, column].item() == pytest.approx(everything, abs=1e-4)
            nothing = lessons[index, 1, column].item()
            assert nothing == pytest.approx(prior_log_odds(finding), abs=1e-5)
            for row, modality in enumerate(config.modalities, start=2):
                alone = causal_log_odds(patient, finding, [modality])
                assert lessons[index, row, column].item() == pytest.approx(alone, abs=1e-4)


def test_it_reads_the_course_of_labs_only_where_the_model_does(ratios: np.ndarray) -> None:
    config = tiny_run().model
    assert config.observations is not None
    latest = config.with_input(
        Modality.OBSERVATIONS, replace(config.observations, history=1)
    )  # fmt: skip
    labs = 1 + config.modalities.index(Modality.OBSERVATIONS)
    terms = teacher_terms(latest, ratios)
    for index in range(PATIENTS):
        patient = sample_patient(SEED, index, rows=64)
        known = [Modality.OBSERVATIONS]
        for column, finding in enumerate(FINDINGS):
            said = causal_log_odds(patient, finding, known, reads_course=False)
            own = terms[index, [0, labs], column].sum().item()
            assert own == pytest.approx(said, abs=1e-4)


def test_of_severity_it_says_nothing(ratios: np.ndarray) -> None:
    terms = teacher_terms(tiny_run().model, ratios)
    assert terms[:, :, 6].isnan().all()
    assert not terms[:, :, :6].isnan().any()


def test_a_modality_that_may_not_speak_of_a_target_is_taught_to_add_nothing(
    ratios: np.ndarray,
) -> None:
    config = tiny_run().model
    deaf = replace(config.targets[0], inputs=(Modality.IMAGE, Modality.NOTE))
    terms = teacher_terms(replace(config, targets=(deaf, *config.targets[1:])), ratios)
    assert (terms[:, 3:, 0] == 0.0).all()
    assert (terms[:, 1:3, 0] != 0.0).all()
    assert (terms[:, 1:, 1] != 0.0).all()


def test_shards_are_read_again_and_not_made_again(tmp_path: Path) -> None:
    first = build_evidence(tmp_path, seed=SEED, patients=2, workers=0)
    (shard,) = (tmp_path / f"seed-{SEED}-evidence").iterdir()
    before = shard.stat().st_mtime_ns
    assert np.array_equal(build_evidence(tmp_path, seed=SEED, patients=2, workers=0), first)
    assert shard.stat().st_mtime_ns == before


def with_evidence(amount: float) -> Batch:
    """Return a batch of patients of whom a teacher says ``amount`` for every modality."""
    examinations = small.examinations(small.Small())
    evidence = torch.full((len(examinations), 4, 2), amount)
    evidence[:, 0] = -1.0
    evidence[:, :, 1] = torch.nan  # severity
    return replace(examinations, evidence=evidence).batch(torch.arange(8))


@pytest.mark.parametrize("kind", ["probability", "log_odds"])
def test_the_loss_is_least_at_the_log_odds_of_the_teacher(kind: str) -> None:
    wanted = torch.tensor([[-3.0, 0.4, torch.nan], [2.5, -0.2, 1.0]])
    logits = torch.zeros(2, 3, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=200, line_search_fn="strong_wolfe")

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        loss = taught_loss(logits, wanted, kind)  # type: ignore[arg-type] # both kinds
        loss.backward()
        return loss

    optimizer.step(step)
    known = ~wanted.isnan()
    torch.testing.assert_close(logits.detach()[known], wanted[known], atol=0.01, rtol=0.0)
    assert logits[0, 2].item() == 0.0


def test_a_learner_is_drawn_to_the_teacher_and_not_to_the_label() -> None:
    """All labels say that the finding is there; the teacher says that it is not."""
    learner = Learner(small.network(small.Small()), LossConfig())
    batch = with_evidence(-0.5)
    batch.labels[:, 0] = 1.0
    batch = augment(
        batch, learner.network, modality_dropout=0.0, coalitions=3,
        generator=torch.Generator().manual_seed(4),
    )  # fmt: skip
    optimizer = torch.optim.Adam(learner.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        learner(batch, CPU)[0].backward()
        optimizer.step()
    learner.eval()
    lessons = batch.taught()
    assert lessons is not None
    with torch.no_grad():
        outputs = learner.network(batch.inputs, batch.presence, batch.coalitions)
    assert outputs.partial is not None
    answers = torch.cat([outputs.logits[:, None], outputs.partial], dim=1)[..., 0]
    torch.testing.assert_close(answers, lessons[..., 0], atol=0.25, rtol=0.0)


def test_the_loss_is_shared_between_teacher_and_labels() -> None:
    batch = with_evidence(0.5)
    built = small.network(small.Small()).eval()
    taught_alone = Learner(built, LossConfig(taught=1.0)).eval()(batch, CPU)[1]["findings"]
    labels_alone = Learner(built, LossConfig()).eval()(replace(batch, evidence=None), CPU)[1]
    both = Learner(built, LossConfig(taught=0.25)).eval()(batch, CPU)[1]["findings"]
    assert taught_alone != pytest.approx(labels_alone["findings"])
    assert both == pytest.approx(0.25 * taught_alone + 0.75 * labels_alone["findings"], rel=1e-5)


def test_without_a_teacher_nothing_is_taught() -> None:
    examinations = small.examinations(small.Small())
    assert examinations.evidence is None
    assert examinations.batch(torch.arange(4)).taught() is None
    assert examinations.subset([1, 0]).evidence is None


def test_what_a_teacher_says_stays_with_its_patient() -> None:
    examinations = small.examinations(small.Small())
    own = torch.arange(len(examinations)).float()
    evidence = own[:, None, None].expand(-1, 4, 2).clone()
    labels = own[:, None].expand(-1, 2).clone()
    taught_ones = replace(examinations, evidence=evidence, labels=labels)
    for rows in (taught_ones.subset([5, 2]), permuted(taught_ones, seed=3)):
        assert rows.evidence is not None
        assert torch.equal(rows.evidence[:, 0], rows.labels)


def test_a_teacher_of_real_patients_is_refused() -> None:
    with pytest.raises(ConfigError, match="simulated"):
        DataConfig(kind="thorax", seed=1, teacher="causal")
    with pytest.raises(ConfigError, match="teacher"):
        DataConfig(kind="phantom", seed=1, train=1, validation=1, teacher="oracle")  # type: ignore[arg-type]


@pytest.mark.parametrize("changed", [{"taught": 0.0}, {"taught": 1.5}, {"teacher": "guess"}])
def test_an_unusable_setting_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="loss"):
        LossConfig(**changed)  # type: ignore[arg-type]
