"""The causal log-odds must be those of the simulator: they are checked against its own draws."""

from functools import cache

import numpy as np
import pytest

from mmcore.records import Modality
from mmcore.simulate import FINDINGS, Finding, PhantomPatient, evidence, sample_patient
from mmcore.simulate.causal import sample_disease

ALL = tuple(Modality)[:5]


@cache
def patients() -> list[PhantomPatient]:
    return [sample_patient(31, index, rows=64) for index in range(160)]


@pytest.mark.parametrize("finding", FINDINGS)
def test_the_prior_is_the_prevalence(finding: Finding) -> None:
    rng = np.random.default_rng(5)
    drawn = np.mean([sample_disease(rng).states[finding].present for _ in range(6000)])
    assert 1 / (1 + np.exp(-evidence.prior_log_odds(finding))) == pytest.approx(drawn, abs=0.02)


def test_the_sources_add_up_to_the_log_odds_of_all() -> None:
    patient = patients()[0]
    for finding in FINDINGS:
        single = [evidence.log_likelihood_ratio(patient, finding, m) for m in ALL]
        both = evidence.causal_log_odds(patient, finding, ALL)
        assert both == pytest.approx(evidence.prior_log_odds(finding) + sum(single))
        assert evidence.causal_log_odds(patient, finding, ()) == evidence.prior_log_odds(finding)


@pytest.mark.parametrize("modality", ALL, ids=str)
def test_the_log_odds_of_one_source_are_calibrated(modality: Modality) -> None:
    """Of all (patient, finding), the mean probability is the share of findings present.

    Weighed by the odds of the prior alone: one source, findings pooled. A ratio with the wrong sign
    or size moves the log loss above that of the prior.
    """
    truth, by_source, by_prior = [], [], []
    for patient in patients():
        for finding in FINDINGS:
            truth.append(patient.truth.findings[finding])
            by_source.append(evidence.causal_log_odds(patient, finding, (modality,)))
            by_prior.append(evidence.prior_log_odds(finding))
    present = np.array(truth, float)
    chance = 1 / (1 + np.exp(-np.array(by_source)))
    assert chance.mean() == pytest.approx(present.mean(), abs=0.04)
    assert _loss(chance, present) < _loss(1 / (1 + np.exp(-np.array(by_prior))), present) - 0.02


def _loss(chance: np.ndarray, present: np.ndarray) -> float:
    return float(-np.mean(np.log(np.where(present > 0, chance, 1 - chance))))


def test_a_shifted_value_speaks_for_its_finding_and_a_value_in_the_middle_against() -> None:
    weights = {True: [], False: []}
    for patient in patients():
        for finding in FINDINGS:
            level, trend = evidence.lab_evidence(patient, finding)
            said = sum(level.values()) + sum(trend.values())
            weights[patient.truth.findings[finding]].append(said)
    assert np.mean(weights[True]) > 1.0
    assert np.mean(weights[False]) < -1.0


def test_a_modality_without_a_table_is_refused() -> None:
    with pytest.raises(KeyError):
        evidence.log_likelihood_ratio(patients()[0], "nodule", "smell")  # type: ignore[arg-type]
