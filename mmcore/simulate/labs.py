"""Laboratory values and vital signs of a simulated patient: the latest of each; see ``course``.

Every value is drawn on a standard normal scale, moved there by each finding that is present, and
then mapped to its unit: linearly, or through the exponential where the healthy distribution is
log-normal. So a shift is in units of the healthy standard deviation, whatever the unit is, and a
linear reader of those z-scores is ideal. Only the rounding of the laboratory, the bounds of what
is plausible and values that were never taken stand in between.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from mmcore.loinc import OBSERVATION_TYPES
from mmcore.records import Observation
from mmcore.simulate.causal import FINDINGS, Disease, Finding

P_MISSING = 0.12  # nobody orders everything
LAB_DELAY = timedelta(minutes=25)  # blood is drawn this long after the vital signs are taken


@dataclass(frozen=True, slots=True)
class Healthy:
    """The distribution of a value in people without any finding.

    location, scale: mean and standard deviation, of the natural logarithm when ``is_log``.
    decimals: to which the laboratory rounds.
    """

    location: float
    scale: float
    decimals: int
    is_log: bool = False

    def value(self, z: float) -> float:
        """Map a z-score to a value in the canonical unit."""
        raw = self.location + self.scale * z
        return float(np.exp(raw)) if self.is_log else raw

    def z(self, value: float) -> float:
        """Map a value back to its z-score; a value of zero counts as half the last digit."""
        if not self.is_log:
            return (value - self.location) / self.scale
        smallest = 0.5 * 10.0**-self.decimals
        return (float(np.log(max(value, smallest))) - self.location) / self.scale


HEALTHY: Mapping[str, Healthy] = {
    "8310-5": Healthy(36.8, 0.4, 1),
    "8867-4": Healthy(78, 11, 0),
    "9279-1": Healthy(15.5, 2.2, 0),
    "59408-5": Healthy(96.6, 1.3, 0),  # cut at 100
    "8480-6": Healthy(127, 14, 0),
    "6690-2": Healthy(np.log(7.2), 0.27, 1, is_log=True),
    "1988-5": Healthy(np.log(3.0), 0.95, 1, is_log=True),
    "33959-8": Healthy(np.log(0.06), 0.75, 2, is_log=True),
    "33762-6": Healthy(np.log(110), 0.85, 0, is_log=True),
    "67151-1": Healthy(np.log(7.0), 0.45, 0, is_log=True),
    "1751-7": Healthy(4.2, 0.33, 1),
    "2532-0": Healthy(np.log(185), 0.2, 0, is_log=True),
    "2019-8": Healthy(39.5, 2.8, 0),
    "2039-6": Healthy(np.log(1.8), 0.5, 1, is_log=True),
    "718-7": Healthy(14.0, 1.2, 1),
    "2160-0": Healthy(np.log(0.88), 0.22, 2, is_log=True),
    "2951-2": Healthy(140, 2.6, 0),
    "2823-3": Healthy(4.2, 0.36, 1),
}

# Shift of each finding at usual strength, in healthy standard deviations. The root of the sum of
# squares is about 2.3, so that with missing values and shared types a linear reader stays between
# 0.90 and 0.93 AUROC. The first named is the specific one.
SHIFTS: Mapping[Finding, Mapping[str, float]] = {
    "consolidation": {"33959-8": 1.4, "1988-5": 1.3, "6690-2": 0.9, "8310-5": 0.9},
    "effusion": {"2532-0": 1.6, "1751-7": -1.6, "9279-1": 0.3},
    "pneumothorax": {"2019-8": -1.6, "9279-1": 1.4, "59408-5": -0.7, "8867-4": 0.4},
    "nodule": {"2039-6": 1.9, "718-7": -1.2, "2951-2": -0.6},  # sodium: SIADH
    "edema": {"33762-6": 1.5, "59408-5": -1.3, "2160-0": 1.2, "8480-6": 0.3},
    "cardiomegaly": {"67151-1": 1.8, "33762-6": 0.9, "8867-4": 1.0},
}


@dataclass(frozen=True, slots=True)
class TruthLab:
    """What one finding did to one observation: shift in healthy standard deviations."""

    loinc: str
    finding: Finding
    shift: float


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest observations of a patient, one of each code that was taken.

    scatter: by code, the healthy part of its value, in healthy standard deviations. truth: what
    moved it; names only observations that were taken.
    """

    observations: tuple[Observation, ...]
    scatter: Mapping[str, float]
    truth: tuple[TruthLab, ...]


def sample_observations(
    rng: np.random.Generator, disease: Disease, *, taken_at: datetime
) -> Latest:
    """Draw the latest value of every observation of ``HEALTHY`` and say what moved it.

    ``taken_at``: of the vital signs.
    """
    shifts: dict[str, list[TruthLab]] = {loinc: [] for loinc in HEALTHY}
    for finding in FINDINGS:
        state = disease.states[finding]
        if state.present:
            dose = 0.45 + 0.8 * state.strength  # 0.95 at the usual strength of 0.63
            for loinc, shift in SHIFTS[finding].items():
                shifts[loinc].append(TruthLab(loinc, finding, shift * dose))
    scatter = rng.standard_normal(len(HEALTHY))
    is_missing = rng.random(len(HEALTHY)) < P_MISSING
    observations: list[Observation] = []
    truth: list[TruthLab] = []
    for index, loinc in enumerate(HEALTHY):
        if is_missing[index]:
            continue
        z = float(scatter[index]) + sum(t.shift for t in shifts[loinc])
        delay = timedelta(0) if OBSERVATION_TYPES[loinc].is_vital else LAB_DELAY
        observations.append(observation_of(loinc, z, time=taken_at + delay))
        truth.extend(shifts[loinc])
    own = {o.loinc: float(z) for o, z in zip(observations, scatter[~is_missing], strict=True)}
    return Latest(tuple(observations), own, tuple(truth))


def observation_of(loinc: str, z: float, *, time: datetime) -> Observation:
    """Return what is reported of a value ``z`` healthy standard deviations from the mean."""
    kind, healthy = OBSERVATION_TYPES[loinc], HEALTHY[loinc]
    value = round(float(np.clip(healthy.value(z), *kind.plausible)), healthy.decimals)
    return Observation(
        loinc=loinc,
        display=kind.display,
        value=value,
        unit=kind.unit,
        time=time,
        reference_low=kind.reference[0],
        reference_high=kind.reference[1],
        given=f"{value:.{healthy.decimals}f} {kind.unit}",
    )
