"""Earlier values: a person's own level stays, a disease grows; lungs are where lung is seen."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
import pytest

from mmcore.simulate import PhantomCourse, sample_course, sample_patient
from mmcore.simulate.course import (
    OWN_LEVEL,
    PLACES,
    TruthTrend,
    sample_earlier,
    share_of_shift,
)
from mmcore.simulate.labs import HEALTHY, Latest, TruthLab, observation_of

HEART_RATE, ALBUMIN, CEA = "8867-4", "1751-7", "2039-6"
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@lru_cache
def courses(count: int = 60) -> tuple[PhantomCourse, ...]:
    return tuple(sample_course(11, index) for index in range(count))


def latest(*truth: TruthLab, scatter: float = 0.0) -> Latest:
    """Return a patient of whom every code was taken, with the same healthy scatter in each."""
    shifts = {loinc: sum(t.shift for t in truth if t.loinc == loinc) for loinc in HEALTHY}
    observations = tuple(observation_of(c, scatter + s, time=NOON) for c, s in shifts.items())
    return Latest(observations, dict.fromkeys(HEALTHY, scatter), truth)


def z_scores(loinc: str, of: Latest, *, draws: int) -> list[float]:
    return [
        HEALTHY[loinc].z(o.value)
        for seed in range(draws)
        for o in sample_earlier(np.random.default_rng(seed), of)[0]
        if o.loinc == loinc
    ]


def test_a_course_is_the_patients_own_and_needs_no_film() -> None:
    for index in range(3):
        patient, course = sample_patient(11, index, rows=128), sample_course(11, index, rows=128)
        assert patient.observations == course.observations
        assert patient.earlier == course.earlier
        assert patient.truth.trends == course.trends
        assert np.array_equal(patient.truth.lungs, course.lungs)


def test_earlier_values_are_older_than_the_latest_and_in_order() -> None:
    for course in courses():
        times = {o.loinc: [o.time] for o in course.observations}
        for observation in course.earlier:
            assert observation.time < times[observation.loinc][-1]  # type: ignore[operator]
            times[observation.loinc].append(observation.time)
        assert max(map(len, times.values())) <= 1 + PLACES
        assert len(times.get(CEA, [None])) == 1  # nobody repeats a tumour marker within days


def test_some_earlier_values_are_missing_but_most_are_there() -> None:
    taken = sum(len(c.observations) for c in courses())
    assert 0.8 < sum(len(c.earlier) for c in courses()) / taken < 1.6


def test_healthy_values_of_one_person_share_a_level() -> None:
    high = z_scores(ALBUMIN, latest(scatter=1.5), draws=600)
    assert np.mean(high) == pytest.approx(OWN_LEVEL * 1.5, abs=0.12)
    assert np.std(high) == pytest.approx(np.sqrt(1 - OWN_LEVEL**2), abs=0.1)


def test_the_shift_of_an_acute_finding_grows_into_the_latest_value() -> None:
    ill = latest(TruthLab(HEART_RATE, "pneumothorax", 4.0))
    well = z_scores(HEART_RATE, latest(), draws=300)
    # The same draws, so the difference is the shift that was there: least on the earliest round.
    extra = np.array(z_scores(HEART_RATE, ill, draws=300)) - well
    assert extra.max() < 4.0
    assert extra.min() == pytest.approx(4.0 * 0.25, abs=0.2)
    assert [share_of_shift("pneumothorax", h) for h in (0, 4, 12, 36)] == [1.0, 0.85, 0.6, 0.25]


def test_what_has_been_there_for_months_has_no_trend() -> None:
    for finding in ("nodule", "cardiomegaly"):
        _, trends = sample_earlier(
            np.random.default_rng(0), latest(TruthLab(HEART_RATE, finding, 2.0))
        )
        assert trends == ()


def test_the_truth_of_a_trend_is_what_the_shift_grew_by_since_the_earliest_value() -> None:
    ill = latest(TruthLab(HEART_RATE, "pneumothorax", 2.0))
    for seed in range(20):
        earlier, trends = sample_earlier(np.random.default_rng(seed), ill)
        times = [o.time for o in earlier if o.loinc == HEART_RATE and o.time is not None]
        if not times:
            assert trends == ()
            continue
        hours = (NOON - min(times)).total_seconds() / 3600
        change = 2.0 * (1 - share_of_shift("pneumothorax", hours))
        assert trends == (TruthTrend(HEART_RATE, "pneumothorax", hours, change),)


def test_trends_are_of_present_findings_and_of_values_that_were_taken() -> None:
    for index, course in enumerate(courses()[:20]):
        findings = sample_patient(11, index, rows=64).truth.findings
        assert all(findings[t.finding] for t in course.trends)
        assert {t.loinc for t in course.trends} <= {o.loinc for o in course.earlier}


def test_a_value_that_was_not_taken_has_no_course() -> None:
    whole = latest()
    part = replace(whole, observations=whole.observations[:3])
    earlier, _ = sample_earlier(np.random.default_rng(1), part)
    assert {o.loinc for o in earlier} <= {o.loinc for o in part.observations}


def test_lungs_are_dark_fields_on_both_sides_and_hold_the_lesions_of_the_lung() -> None:
    for index in range(8):
        patient = sample_patient(11, index, rows=128)
        lungs = patient.truth.lungs
        assert 0.12 < lungs.mean() < 0.4
        assert min(lungs[:, :64].mean(), lungs[:, 64:].mean()) > 0.05
        assert patient.pixels[lungs].mean() < patient.pixels[32:96, 58:70].mean()
        if "pneumothorax" in patient.truth.masks:
            lesion = patient.truth.masks["pneumothorax"]
            assert (lesion & lungs).sum() > 0.9 * lesion.sum()


def test_a_coarser_outline_of_the_lungs_covers_the_same_field() -> None:
    for index in range(5):
        fine = sample_course(11, index, rows=448).lungs.reshape(56, 8, 56, 8).mean((1, 3))
        coarse = courses()[index].lungs.reshape(56, 4, 56, 4).mean((1, 3))
        assert np.minimum(fine, coarse).sum() > 0.97 * np.maximum(fine, coarse).sum()
