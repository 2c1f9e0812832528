"""What the shipped phantom pack promises, on simulated patients that nobody has used before."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mmcore.datasets.phantoms import simulated
from mmcore.engine import Engine
from mmcore.evaluate.explanations import check_explanations
from mmcore.evaluate.metrics import auroc
from mmcore.evaluate.outputs import Outputs, run
from mmcore.records import Modality
from mmcore.simulate import FINDINGS, sample_patient

PACK = Path(__file__).parents[2] / "assets" / "packs" / "phantom"
SEED, PATIENTS, EXPLAINED = 424_242, 200, 30

pytestmark = pytest.mark.slow


@cache
def engine() -> Engine:
    return Engine.load(PACK)


@cache
def outputs() -> Outputs:
    return run(engine(), simulated(SEED, PATIENTS))


def aurocs(coalition: int) -> np.ndarray:
    measured = outputs()
    return np.array(
        [auroc(measured.labels[:, k], measured.values[:, coalition, k]) for k in range(6)]
    )


def test_every_finding_is_told_apart_with_all_modalities() -> None:
    found = dict(zip(FINDINGS, aurocs(31).round(3), strict=True))
    assert min(found.values()) >= 0.95, found


@pytest.mark.parametrize("modality", [Modality.IMAGE, Modality.NOTE, Modality.OBSERVATIONS])
def test_each_main_input_that_is_taken_away_costs_something(modality: Modality) -> None:
    bit = 1 << engine().modalities.index(modality)
    loss = aurocs(31) - aurocs(31 & ~bit)
    assert loss.mean() > 0.003, loss.round(3)


@pytest.mark.parametrize(
    ("modality", "least"), [(Modality.RECORDING, 0.80), (Modality.VARIANTS, 0.65)]
)
def test_sound_and_genes_alone_say_what_the_causal_model_lets_them_say(
    modality: Modality, least: float
) -> None:
    """The causal model gives a reader of sound about 0.85 (nodules 0.67), of genes about 0.75."""
    alone = aurocs(1 << engine().modalities.index(modality))
    assert alone.mean() >= least, alone.round(3)


def test_severity_follows_the_truth() -> None:
    measured = outputs()
    assert np.corrcoef(measured.labels[:, 6], measured.values[:, 31, 6])[0, 1] >= 0.85


@pytest.mark.timeout(900)
def test_explanations_add_up_and_point_at_what_is_there() -> None:
    patients = (sample_patient(SEED, index) for index in range(EXPLAINED))
    figures = check_explanations(engine(), patients).summary()
    assert figures["additivity_error_max"] <= 1e-4
    assert figures["parts_within_2_percent"] >= 0.95, figures
    assert figures["peak_in_lesion"] >= 0.88, figures
    assert figures["top_clause_is_true"] >= 0.9, figures
    assert figures["top_sound_is_true"] >= 0.9, figures
    assert figures["top_lab_is_true"] >= 0.85, figures
    assert figures["top_variant_is_true"] >= 0.88, figures


def test_lesions_are_outlined() -> None:
    found = {name: overlap.dice.mean() for name, overlap in outputs().outlines.items()}
    assert np.mean(list(found.values())) >= 0.5, found


def test_hardly_any_simulated_patient_is_withheld() -> None:
    gates = [engine().predict(labelled.case).gate[0] for labelled in simulated(SEED + 1, 60)]
    withheld = [g for g in gates if g.verdict.value == "withheld"]
    # Novelty takes 1.5 % of each of five inputs for unlike the others, by its thresholds: 4 or 5.
    assert len(withheld) <= 8, [g.reason for g in withheld]
