"""A simulated patient is reproducible, and what is said to be true of it is true."""

from functools import lru_cache

import numpy as np
import pytest

from mmcore.loinc import OBSERVATION_TYPES
from mmcore.simulate import FINDINGS, PhantomPatient, render_without, sample_patient
from mmcore.simulate.causal import severity_of
from mmcore.simulate.labs import HEALTHY

ROWS = 256


@lru_cache
def cohort(count: int = 60) -> tuple[PhantomPatient, ...]:
    return tuple(sample_patient(11, index, rows=ROWS) for index in range(count))


def with_finding(finding: str, *, strength: float = 0.5) -> PhantomPatient:
    return next(
        p for p in cohort() if is_visible(p, finding) and p.truth.strengths[finding] > strength
    )


def is_visible(patient: PhantomPatient, finding: str) -> bool:
    return patient.truth.visuals[finding] > 0.3 and patient.truth.findings[finding]


def test_same_seed_and_index_give_the_same_patient():
    first, again = sample_patient(5, 3, rows=128), sample_patient(5, 3, rows=128)
    assert first.pixels.tobytes() == again.pixels.tobytes()
    assert first.note == again.note
    assert first.observations == again.observations
    assert first.truth.phrases == again.truth.phrases


def test_another_index_or_seed_is_another_patient():
    patients = [sample_patient(*key, rows=128) for key in ((5, 3), (5, 4), (6, 3))]
    assert len({p.note for p in patients}) == 3
    assert len({p.pixels.tobytes() for p in patients}) == 3


def test_resolution_changes_the_film_and_nothing_else():
    coarse, fine = sample_patient(5, 3, rows=128), sample_patient(5, 3, rows=256)
    assert coarse.note == fine.note
    assert coarse.observations == fine.observations
    assert coarse.spacing_mm == pytest.approx(2 * fine.spacing_mm)


def test_rows_must_suit_the_coarse_grid():
    with pytest.raises(ValueError, match="multiple of 64"):
        sample_patient(1, 1, rows=100)


def test_pixels_are_twelve_bit_and_use_their_range():
    for patient in cohort()[:10]:
        assert patient.pixels.dtype == np.uint16
        assert patient.pixels.max() <= 4095
        assert np.ptp(np.percentile(patient.pixels, (5, 95))) > 2000


def test_exactly_the_present_findings_have_a_mask():
    for patient in cohort():
        truth = patient.truth
        assert set(truth.masks) == {f for f in FINDINGS if truth.findings[f]}
        assert all(mask.any() for mask in truth.masks.values())
        assert not set(truth.mimic_masks) & set(truth.masks)


def test_masks_lie_inside_the_thorax():
    for patient in cohort():
        for mask in (*patient.truth.masks.values(), *patient.truth.mimic_masks.values()):
            assert mask.shape == patient.pixels.shape
            # Direct exposure beside the body is black.
            assert np.mean(patient.pixels[mask] < 60) < 0.01


@pytest.mark.parametrize("finding", FINDINGS)
def test_a_lesion_changes_the_film_inside_its_mask_in_the_right_direction(finding):
    patient = with_finding(finding)
    without = render_without(patient.seed, patient.index, {finding}, rows=ROWS)
    change = patient.pixels.astype(float) - without
    mask = patient.truth.masks[finding]
    sign = -1 if finding == "pneumothorax" else 1
    assert sign * change[mask].mean() > 15
    assert np.abs(change[mask]).mean() > 3 * np.abs(change[~mask]).mean()


def test_a_film_without_any_finding_differs_only_if_something_was_drawn():
    patient = next(p for p in cohort() if not p.truth.masks and not p.truth.mimic_masks)
    same = render_without(patient.seed, patient.index, FINDINGS, rows=ROWS)
    assert np.array_equal(same, patient.pixels)


def test_an_enlarged_heart_takes_more_than_half_of_the_chest():
    for patient in cohort():
        mask = patient.truth.masks.get("cardiomegaly")
        if mask is None or not is_visible(patient, "cardiomegaly"):
            continue
        columns = np.flatnonzero(mask.any(axis=0))
        assert 135 < np.ptp(columns) * patient.spacing_mm < 215


def test_phrases_quote_whole_statements_about_their_finding():
    for patient in cohort():
        for phrase in patient.truth.phrases:
            quote = patient.note[phrase.start : phrase.end]
            assert quote[0].isupper()
            assert patient.note[phrase.end] == "."
            assert "\n" not in quote
            assert "{" not in quote


def test_a_finding_is_asserted_hedged_or_negated_at_most_once():
    for patient in cohort():
        said = [p.finding for p in patient.truth.phrases if p.assertion != "history"]
        assert len(said) == len(set(said))


def test_notes_have_the_length_of_an_admission_note():
    lengths = [len(p.note.split()) for p in cohort()]
    assert min(lengths) > 100
    assert max(lengths) < 240


def test_labs_are_plausible_and_in_canonical_units():
    for patient in cohort():
        assert len({o.loinc for o in patient.observations}) == len(patient.observations)
        for observation in patient.observations:
            kind = OBSERVATION_TYPES[observation.loinc]
            assert observation.unit == kind.unit
            assert kind.plausible[0] <= observation.value <= kind.plausible[1]


def test_what_is_drawn_is_known_and_a_new_code_changes_no_patient():
    assert set(HEALTHY) < set(OBSERVATION_TYPES)
    assert tuple(OBSERVATION_TYPES)[: len(HEALTHY)] == tuple(HEALTHY)


def test_lab_truth_names_only_present_findings_and_taken_observations():
    for patient in cohort():
        taken = {o.loinc for o in patient.observations}
        for lab in patient.truth.labs:
            assert patient.truth.findings[lab.finding]
            assert lab.loinc in taken


def test_healthy_values_map_to_z_and_back():
    for healthy in HEALTHY.values():
        assert healthy.z(healthy.value(1.25)) == pytest.approx(1.25)


def test_severity_is_zero_without_findings_and_grows_with_each():
    assert severity_of({}) == 0
    assert severity_of({"nodule": 1.0}) == pytest.approx(3.0)
    assert severity_of({"nodule": 1.0, "pneumothorax": 1.0}) == pytest.approx(8.25)
    assert all(0 <= p.truth.severity < 10 for p in cohort())
