"""The causal model: who a simulated patient is, what they have, and how strongly it shows.

    age, sex ──► heart failure ──► cardiomegaly, edema, effusion
    (chance)     infection     ──► consolidation, effusion
    age ───────► smoking       ──► nodule, pneumothorax
    (chance)     well referral ──► none of them (a film before an operation)

A finding that is present has a **strength** s in (0, 1]. Strength drives the sources at
once: extent and contrast in the image, the adjective in the note, the size of the lab shifts, the
loudness of what is heard.
Each source then fails in its own way and independently of the others:

- image: a present finding is *occult* now and then (visual strength near zero), and an absent
  finding may have a *mimic*: a look-alike drawn by the lesion's own code, so that nothing but its
  strength can give it away.
- note: the assertion status is drawn from ``ASSERTION_TABLE``, so the author overlooks, hedges and
  is sometimes wrong.
- labs: every value has its healthy scatter; see ``labs.SHIFTS``.
- sound: a present finding is *inaudible* now and then, and an absent one may have a sound that
  mimics it; see ``P_INAUDIBLE`` and ``P_SOUND_MIMIC``. Drawn apart from the film's.
- gene panel: risk variants are more frequent, not certain, in those who have a finding or its
  cause; see ``genes.PANEL``. The panel knows nothing of strength.

Image, note and labs are each a fair reader alone (AUROC of 0.90 to 0.96 per finding) and together
an excellent one. Sound hears five of the findings (0.84 to 0.88 for a simple reader of spectra) and
a nodule hardly at all (0.67), as that makes no sound unless it narrows an airway. The panel leans
one way or the other (0.74 to 0.77 for a linear reader). Severity is a noisy-or of the strengths,
scaled to 10.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

Finding = Literal["consolidation", "effusion", "pneumothorax", "nodule", "edema", "cardiomegaly"]
Assertion = Literal["asserted", "hedged", "negated", "history"]
Side = Literal["left", "right"]
Zone = Literal["upper", "middle", "lower"]

FINDINGS: tuple[Finding, ...] = (
    "consolidation",
    "effusion",
    "pneumothorax",
    "nodule",
    "edema",
    "cardiomegaly",
)

P_WELL = 0.12  # with the chances below, a quarter of all patients have no finding at all
P_INFECTION = 0.33
P_SMOKER = 0.42

# Chance of a finding without its cause, then with it. Chosen for a marginal prevalence of 0.25 to
# 0.30 with an odds ratio that one can notice but not diagnose from.
P_CARDIOMEGALY = (0.18, 0.66)  # by heart failure
P_EDEMA = (0.19, 0.67)  # by heart failure
P_CONSOLIDATION = (0.11, 0.68)  # by infection
P_NODULE = (0.19, 0.46)  # by smoking
P_PNEUMOTHORAX = (0.23, 0.40)  # by smoking; bullae
P_EFFUSION_BASE = 0.13  # tumour, trauma, liver: causes that the model does not name
P_EFFUSION_HEART_FAILURE = 0.40  # transudate
P_EFFUSION_INFECTION = 0.30  # parapneumonic

P_OCCULT = 0.03  # of present findings hardly show on the film: sets the ceiling of any image reader
P_MIMIC = 0.18  # of absent findings have a look-alike: sets its false alarms

# Of present findings make no sound, and of absent findings have a sound like theirs: together they
# set the ceiling of any reader of sound. Two of three nodules are far from an airway.
P_INAUDIBLE: Mapping[Finding, float] = {
    "consolidation": 0.17,
    "effusion": 0.15,
    "pneumothorax": 0.13,
    "nodule": 0.65,
    "edema": 0.16,
    "cardiomegaly": 0.18,
}
P_SOUND_MIMIC: Mapping[Finding, float] = {
    "consolidation": 0.20,
    "effusion": 0.16,
    "pneumothorax": 0.15,
    "nodule": 0.08,
    "edema": 0.18,
    "cardiomegaly": 0.18,
}

# How much of the ten points a finding of full strength takes: what kills first weighs most.
SEVERITY_WEIGHTS: Mapping[Finding, float] = {
    "pneumothorax": 0.75,
    "edema": 0.70,
    "consolidation": 0.60,
    "effusion": 0.45,
    "cardiomegaly": 0.35,
    "nodule": 0.30,
}

NoteStatus = Literal["asserted", "hedged", "omitted", "negated"]
NOTE_STATUSES: tuple[NoteStatus, ...] = ("asserted", "hedged", "omitted", "negated")
# P(status | present) and P(status | absent): an ideal reader of it reaches an AUROC of 0.90.
ASSERTION_TABLE: Mapping[bool, tuple[float, ...]] = {
    True: (0.72, 0.12, 0.11, 0.05),
    False: (0.04, 0.08, 0.45, 0.43),
}


@dataclass(frozen=True, slots=True)
class FindingState:
    """One finding in one patient.

    strength: true strength in (0, 1], 0 when absent.
    visual:   strength with which the film is drawn, in [0, 1]; of the lesion when present, of the
        mimic when ``is_mimic``, 0 when there is nothing to draw.
    side, zone: where it is, for image and note alike; a wrong note says it of a mimic's place.
    """

    present: bool
    strength: float
    visual: float
    is_mimic: bool
    side: Side
    zone: Zone


@dataclass(frozen=True, slots=True)
class Disease:
    """What a patient has: causes, findings and severity in [0, 10]."""

    sex: Literal["F", "M"]
    age_years: int
    latents: Mapping[str, bool]
    states: Mapping[Finding, FindingState]
    severity: float


def sample_disease(rng: np.random.Generator) -> Disease:
    """Draw one patient from the causal model."""
    sex: Literal["F", "M"] = "F" if rng.random() < 0.5 else "M"
    age = int(np.clip(rng.normal(60, 16), 19, 95))
    well = bool(rng.random() < P_WELL)
    # Heart failure roughly doubles per fifteen years; the logistic gives 0.08 at 40, 0.42 at 80.
    heart_failure = bool(rng.random() < 1 / (1 + np.exp(-(age - 87) / 19))) and not well
    infection = bool(rng.random() < P_INFECTION) and not well
    smoker = bool(rng.random() < P_SMOKER)
    effusion = 1 - (1 - P_EFFUSION_BASE) * (1 - P_EFFUSION_HEART_FAILURE * heart_failure) * (
        1 - P_EFFUSION_INFECTION * infection
    )
    chances: dict[Finding, float] = {
        "consolidation": P_CONSOLIDATION[infection],
        "effusion": effusion,
        "pneumothorax": P_PNEUMOTHORAX[smoker],
        "nodule": P_NODULE[smoker],
        "edema": P_EDEMA[heart_failure],
        "cardiomegaly": P_CARDIOMEGALY[heart_failure],
    }
    states = {f: _sample_state(rng, 0.0 if well else chances[f]) for f in FINDINGS}
    latents = {
        "heart_failure": heart_failure,
        "infection": infection,
        "smoker": smoker,
        "well": well,
    }
    strengths = {f: state.strength for f, state in states.items()}
    return Disease(sex, age, latents, states, severity_of(strengths))


def severity_of(strengths: Mapping[Finding, float]) -> float:
    """Return 10 * (1 - prod(1 - weight * strength)), which is 0 without findings and below 10."""
    spared = 1.0
    for finding, strength in strengths.items():
        spared *= 1 - SEVERITY_WEIGHTS[finding] * strength
    return 10 * (1 - spared)


def _sample_state(rng: np.random.Generator, chance: float) -> FindingState:
    draws = rng.random(5)  # always the same number, so that one table entry moves nothing else
    present = bool(draws[0] < chance)
    strength = 0.15 + 0.85 * float(rng.beta(2.4, 1.8))
    jitter = float(rng.normal(0, 0.06))
    mimic = 0.10 + 0.55 * float(rng.beta(1.6, 1.6))
    side: Side = "left" if draws[2] < 0.5 else "right"
    zone: Zone = ("upper", "middle", "lower")[int(draws[3] * 3)]
    if present and draws[1] < P_OCCULT:
        return FindingState(True, strength, 0.08 * float(draws[4]) + 0.01, False, side, zone)
    if present:
        visual = float(np.clip(strength + jitter, 0.1, 1.0))
        return FindingState(True, strength, visual, False, side, zone)
    if draws[1] < P_MIMIC:
        return FindingState(False, 0.0, mimic, True, side, zone)
    return FindingState(False, 0.0, 0.0, False, side, zone)
