"""The breath sound carries what truth says it carries, where it says so, and no more."""

from functools import lru_cache

import numpy as np
import pytest

from mmcore.simulate import FINDINGS, PhantomExtras, sample_extras, sample_patient
from mmcore.simulate.causal import P_INAUDIBLE, P_SOUND_MIMIC
from mmcore.simulate.sound import RATE_HZ, SECONDS

HEARD = tuple(finding for finding in FINDINGS if finding != "nodule")


@lru_cache
def cohort(count: int = 400) -> tuple[PhantomExtras, ...]:
    return tuple(sample_extras(31, index) for index in range(count))


def samples(extras: PhantomExtras) -> np.ndarray:
    return extras.recording.samples.astype(np.float64)


def energy(signal: np.ndarray, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(signal)) ** 2
    hertz = np.fft.rfftfreq(len(signal), 1 / RATE_HZ)
    return float(power[(hertz >= low_hz) & (hertz <= high_hz)].sum())


def test_a_recording_is_six_seconds_that_sixteen_bits_can_hold():
    for extras in cohort()[:40]:
        sound = extras.recording
        assert (sound.sample_rate_hz, sound.seconds) == (RATE_HZ, SECONDS)
        assert sound.samples.dtype == np.float32
        assert np.array_equal(sound.samples * 32768, np.rint(sound.samples * 32768))
        assert np.abs(sound.samples).max() <= 1
        assert sound.samples.std() > 0.005


def test_extras_are_those_of_the_patient_without_the_film():
    patient, extras = sample_patient(5, 3, rows=64), sample_extras(5, 3)
    assert np.array_equal(patient.recording.samples, extras.recording.samples)
    assert patient.variants == extras.variants
    assert patient.truth.sounds == extras.sounds
    assert patient.truth.variants == extras.variant_truth
    assert patient.truth.findings == extras.findings
    assert patient.recording.recorded_at == extras.recording.recorded_at


def test_another_patient_breathes_otherwise():
    assert not np.array_equal(samples(sample_extras(5, 3)), samples(sample_extras(5, 4)))


def test_a_sound_is_a_mimic_exactly_when_its_finding_is_absent():
    for extras in cohort():
        for sound in extras.sounds:
            assert sound.is_mimic is not extras.findings[sound.finding]


def test_sounds_lie_inside_the_recording():
    for extras in cohort():
        for sound in extras.sounds:
            assert 0 <= sound.start_s < sound.end_s <= SECONDS
            assert 0 < sound.low_hz < sound.high_hz < RATE_HZ / 2


@pytest.mark.parametrize("finding", FINDINGS)
def test_findings_are_missed_and_mimicked_about_as_often_as_said(finding):
    heard = [any(s.finding == finding for s in e.sounds) for e in cohort()]
    present = [e.findings[finding] for e in cohort()]
    missed = np.mean([not h for h, p in zip(heard, present, strict=True) if p])
    mimicked = np.mean([h for h, p in zip(heard, present, strict=True) if not p])
    assert missed == pytest.approx(P_INAUDIBLE[finding], abs=0.12)
    assert mimicked == pytest.approx(P_SOUND_MIMIC[finding], abs=0.08)


@pytest.mark.parametrize("finding", FINDINGS)
def test_a_sound_changes_the_recording_inside_its_boxes_and_nowhere_else(finding):
    found = [
        (index, extras)
        for index, extras in enumerate(cohort())
        if any(s.finding == finding for s in extras.sounds)
    ][:8]
    for index, extras in found:
        change = samples(extras) - samples(sample_extras(31, index, without={finding}))
        inside = np.zeros(len(change), bool)
        for sound in extras.sounds:
            if sound.finding == finding:
                first, last = sound.start_s - 0.01, sound.end_s + 0.05
                inside[int(max(0, first) * RATE_HZ) : int(last * RATE_HZ)] = True
        total = float((change**2).sum())
        assert total > 0
        assert float((change[inside] ** 2).sum()) > 0.9 * total
        low = min(s.low_hz for s in extras.sounds if s.finding == finding)
        high = max(s.high_hz for s in extras.sounds if s.finding == finding)
        assert energy(change, low, high) > 0.75 * energy(change, 0, RATE_HZ / 2)


def test_leaving_a_sound_away_leaves_every_other_as_it_is():
    index, extras = next(
        (i, e) for i, e in enumerate(cohort()) if len({s.finding for s in e.sounds}) > 1
    )
    finding = extras.sounds[0].finding
    spared = sample_extras(31, index, without={finding})
    assert spared.sounds == tuple(s for s in extras.sounds if s.finding != finding)
    assert spared.variants == extras.variants


def test_a_collapsed_lung_is_the_quieter_the_larger_the_collapse():
    extras = [
        (i, e) for i, e in enumerate(cohort()) if any(s.kind == "diminished" for s in e.sounds)
    ][:10]
    for index, sick in extras:
        well = sample_extras(31, index, without={"pneumothorax"})
        assert energy(samples(sick), 150, 400) < 0.9 * energy(samples(well), 150, 400)


@pytest.mark.slow
@pytest.mark.parametrize("finding", HEARD)
def test_whether_something_is_heard_reads_a_finding_fairly(finding):
    from sklearn.metrics import roc_auc_score

    heard = [any(s.finding == finding for s in e.sounds) for e in cohort(2000)]
    present = [e.findings[finding] for e in cohort(2000)]
    assert 0.75 < roc_auc_score(present, heard) < 0.9
