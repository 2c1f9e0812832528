"""The short check of a pack counts what a reader is shown."""

import math

import pytest

from mmcore.evaluate.explanations import check_explanations
from mmcore.simulate import sample_patient
from tests.tiny import tiny_engine


def test_every_correctly_called_finding_is_explained_and_adds_up() -> None:
    engine = tiny_engine()
    patients = [sample_patient(8, index, rows=128) for index in range(4)]
    figures = check_explanations(engine, patients)
    summary = figures.summary()
    assert summary["explained"] > 0, "else nothing is tested"
    assert summary["additivity_error_max"] <= 1e-4
    assert len(figures.part_errors) == 5 * summary["explained"], "one per input"
    for name, hits in figures.hits.items():
        assert set(hits) <= {0.0, 1.0}, name
        assert summary[name] == pytest.approx(sum(hits) / len(hits))


def test_without_a_patient_there_is_no_rate() -> None:
    assert math.isnan(check_explanations(tiny_engine(), []).summary()["peak_in_lesion"])
