"""One simulated patient: film, note, labs, sound and genes of a draw from the causal model."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

from mmcore.records import Observation, Recording, Variant
from mmcore.simulate.anatomy import Anatomy, sample_anatomy
from mmcore.simulate.causal import FINDINGS, Disease, Finding, FindingState, sample_disease
from mmcore.simulate.course import TruthTrend, sample_earlier
from mmcore.simulate.genes import TruthVariant, sample_variants
from mmcore.simulate.labs import Latest, TruthLab, sample_observations
from mmcore.simulate.lesions import Mask
from mmcore.simulate.lungs import outline_lungs, trace_lung
from mmcore.simulate.note import TruthPhrase, compose_note
from mmcore.simulate.radiograph import Film, film_grid, heart_ratio, render, sample_technique
from mmcore.simulate.sound import TruthSound, sample_recording


@dataclass(frozen=True, slots=True, eq=False)
class PhantomTruth:
    """What is true of a simulated patient.

    findings: presence by finding. severity: in [0, 10].
    strengths: true strength in (0, 1] when present, else 0.
    visuals: strength with which the film shows it, in [0, 1]: near 0 when present but occult, and
        above 0 for a mimic of an absent finding.
    masks: shadow of the lesion of every finding that is present, (rows, rows); mimic_masks: of
        the look-alikes of findings that are absent.
    lungs: the lung fields as one would outline them, (rows, rows).
    phrases: where the note speaks of a finding, and how. labs: what each finding did to the labs,
    to their latest values; trends: what it changed them by, from the earliest value to the latest.
    latents: the causes drawn, such as "heart_failure".
    sounds: what is heard, of findings and mimics. variants: which genotype bears on which finding.
    """

    findings: Mapping[Finding, bool]
    strengths: Mapping[Finding, float]
    visuals: Mapping[Finding, float]
    severity: float
    masks: Mapping[Finding, Mask]
    mimic_masks: Mapping[Finding, Mask]
    lungs: Mask
    phrases: tuple[TruthPhrase, ...]
    labs: tuple[TruthLab, ...]
    trends: tuple[TruthTrend, ...]
    latents: Mapping[str, bool]
    sounds: tuple[TruthSound, ...]
    variants: tuple[TruthVariant, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PhantomPatient:
    """A simulated patient, never a real one.

    pixels: (rows, rows) uint16, 12 bits, MONOCHROME2. spacing_mm: of a pixel, both ways.
    observations: the latest of every code that was taken; earlier: those before, the later first.
    taken_at: when the film was taken, a fixed date that follows from seed and index.
    """

    index: int
    seed: int
    sex: Literal["F", "M"]
    age_years: int
    pixels: npt.NDArray[np.uint16]
    spacing_mm: float
    note: str
    observations: tuple[Observation, ...]
    earlier: tuple[Observation, ...]
    recording: Recording
    variants: tuple[Variant, ...]
    taken_at: datetime
    truth: PhantomTruth


@dataclass(frozen=True, slots=True, eq=False)
class PhantomExtras:
    """The breath sound and the gene panel of a simulated patient, with what is true of them.

    findings: presence by finding.
    """

    recording: Recording
    variants: tuple[Variant, ...]
    findings: Mapping[Finding, bool]
    sounds: tuple[TruthSound, ...]
    variant_truth: tuple[TruthVariant, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PhantomCourse:
    """What came before, and the lung fields, of a simulated patient; both need no film.

    observations, earlier, trends, lungs: as of ``PhantomPatient`` and its truth.
    """

    observations: tuple[Observation, ...]
    earlier: tuple[Observation, ...]
    trends: tuple[TruthTrend, ...]
    lungs: Mask


def sample_patient(seed: int, index: int, *, rows: int = 512) -> PhantomPatient:
    """Draw patient ``index`` of the cohort ``seed``; the same two numbers give the same patient.

    Every patient has its own random streams, so a cohort can be streamed in any order. ``rows``
    changes the film's resolution (a multiple of 64) and nothing else; with 0 no film is drawn,
    which takes a few milliseconds: pixels and outlines are then empty.
    """
    streams = streams_of(seed, index)
    disease = sample_disease(streams["disease"])
    film = _film(streams, disease, rows) if rows else _no_film()
    note, phrases = compose_note(streams["note"], disease)
    taken_at = taken_at_of(streams["date"])
    latest, earlier, trends = _observations(streams, disease, taken_at)
    extras = _extras(streams, disease, seed=seed, index=index, taken_at=taken_at)
    states = disease.states
    return PhantomPatient(
        index=index,
        seed=seed,
        sex=disease.sex,
        age_years=disease.age_years,
        pixels=film.pixels,
        spacing_mm=film.spacing_mm,
        note=note,
        observations=latest.observations,
        earlier=earlier,
        recording=extras.recording,
        variants=extras.variants,
        taken_at=taken_at,
        truth=PhantomTruth(
            findings={f: states[f].present for f in FINDINGS},
            strengths={f: states[f].strength for f in FINDINGS},
            visuals={f: states[f].visual for f in FINDINGS},
            severity=disease.severity,
            masks={f: m for f, m in film.masks.items() if states[f].present},
            mimic_masks={f: m for f, m in film.masks.items() if not states[f].present},
            lungs=film.lungs,
            phrases=phrases,
            labs=latest.truth,
            trends=trends,
            latents=disease.latents,
            sounds=extras.sounds,
            variants=extras.variant_truth,
        ),
    )


def sample_extras(seed: int, index: int, *, without: Collection[Finding] = ()) -> PhantomExtras:
    """Draw only the breath sound and the gene panel of ``sample_patient(seed, index)``.

    A few milliseconds, as no film is rendered. ``without``: findings, or mimics of them, whose
    sound is left away while all else of the recording stays, to the sample; the panel stays.
    """
    streams = streams_of(seed, index)
    disease = sample_disease(streams["disease"])
    return _extras(
        streams, disease, seed=seed, index=index, taken_at=taken_at_of(streams["date"]),
        without=without,
    )  # fmt: skip


def sample_course(seed: int, index: int, *, rows: int = 224) -> PhantomCourse:
    """Draw only the observations and the lung fields of ``sample_patient(seed, index)``.

    A few milliseconds, as no film is rendered. ``rows``: of the outline of the lungs.
    """
    streams = streams_of(seed, index)
    disease = sample_disease(streams["disease"])
    latest, earlier, trends = _observations(streams, disease, taken_at_of(streams["date"]))
    anatomy = _anatomy(streams, disease)
    grid = film_grid(sample_technique(streams["technique"]), rows=rows)
    heart = anatomy.heart(heart_ratio(anatomy, disease))
    lungs = {side: trace_lung(grid, anatomy, side, heart) for side in anatomy.lungs}
    return PhantomCourse(latest.observations, earlier, trends, outline_lungs(grid, lungs))


def render_without(
    seed: int, index: int, findings: Collection[Finding], *, rows: int = 512
) -> npt.NDArray[np.uint16]:
    """Return the patient's film as it would be without ``findings``, lesions and mimics alike.

    Anatomy, technique and noise are the patient's own, so the difference to ``pixels`` is the
    lesion and nothing else.
    """
    streams = streams_of(seed, index)
    disease = sample_disease(streams["disease"])
    spared: dict[Finding, FindingState] = {
        f: replace(state, visual=0.0) if f in findings else state
        for f, state in disease.states.items()
    }
    return _film(streams, replace(disease, states=spared), rows).pixels


def taken_at_of(rng: np.random.Generator) -> datetime:
    """Draw when the film was taken."""
    return datetime(2023, 1, 1, tzinfo=UTC) + timedelta(
        days=int(rng.integers(0, 730)), minutes=int(rng.integers(0, 1440))
    )


def _extras(
    streams: Mapping[str, np.random.Generator], disease: Disease, *, seed: int, index: int,
    taken_at: datetime, without: Collection[Finding] = (),
) -> PhantomExtras:  # fmt: skip
    digest = f"phantom-{seed}-{index}"
    recording, sounds = sample_recording(
        streams["sound"], disease, digest=digest, recorded_at=taken_at - timedelta(minutes=40),
        without=without,
    )  # fmt: skip
    variants, variant_truth = sample_variants(streams["genes"], disease, digest=digest)
    findings: dict[Finding, bool] = {f: disease.states[f].present for f in FINDINGS}
    return PhantomExtras(recording, variants, findings, sounds, variant_truth)


def streams_of(seed: int, index: int) -> dict[str, np.random.Generator]:
    """Return one random stream per part, so that no part can shift another's draws.

    A new part goes at the end: the place in the list is what a stream is drawn from.
    """
    names = (
        *("disease", "anatomy", "technique", "noise", "note", "labs", "date", *FINDINGS),
        *("sound", "genes", "ct", "course"),
    )
    root = np.random.default_rng([seed, index])
    return dict(zip(names, root.spawn(len(names)), strict=True))


def _observations(
    streams: Mapping[str, np.random.Generator], disease: Disease, taken_at: datetime
) -> tuple[Latest, tuple[Observation, ...], tuple[TruthTrend, ...]]:
    latest = sample_observations(
        streams["labs"], disease, taken_at=taken_at - timedelta(minutes=70)
    )
    return latest, *sample_earlier(streams["course"], latest)


def _anatomy(streams: Mapping[str, np.random.Generator], disease: Disease) -> Anatomy:
    return sample_anatomy(
        streams["anatomy"], is_female=disease.sex == "F", age_years=disease.age_years
    )


def _no_film() -> Film:
    return Film(np.zeros((0, 0), np.uint16), 1.0, masks={}, lungs=np.zeros((0, 0), np.bool_))


def _film(streams: Mapping[str, np.random.Generator], disease: Disease, rows: int) -> Film:
    if rows <= 0 or rows % 64:
        raise ValueError(f"rows must be a positive multiple of 64, not {rows}")
    technique = sample_technique(streams["technique"])
    return render(_anatomy(streams, disease), disease, technique, rows=rows, streams=streams)
