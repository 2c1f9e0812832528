"""Earlier laboratory values and vital signs: a person's own level stays, what a disease does grows.

The healthy scatter of the latest value splits into a level that is the person's own, ``OWN_LEVEL``
of its variance, and the noise of the moment. Earlier values have the same level, noise of their
own, and that share of a finding's shift which was there already. So a change is evidence that a
value alone is not: somebody whose values are always high has no trend.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from mmcore.loinc import OBSERVATION_TYPES
from mmcore.records import Observation
from mmcore.simulate.causal import Finding
from mmcore.simulate.labs import HEALTHY, Latest, observation_of

OWN_LEVEL = 0.7  # correlation of two healthy values of one person
VITAL_HOURS = (4.0, 12.0, 36.0)  # before the latest, about: the rounds on which vitals were taken
LAB_HOURS = (24.0,)
PLACES = len(VITAL_HOURS)  # most earlier values of a code
JITTER = (0.75, 1.3)  # a round comes this much sooner or later
P_SKIPPED_VITAL, P_SKIPPED_LAB = 0.15, 0.3
NOT_REPEATED = frozenset({"2039-6"})  # a tumour marker says nothing new from one day to the next

# Share of a finding's shift that is there so many hours before the latest value. A nodule and an
# enlarged heart have been there for months.
GROWTH: tuple[tuple[float, ...], tuple[float, ...]] = ((0, 4, 12, 36), (1.0, 0.85, 0.6, 0.25))
IS_ACUTE: Mapping[Finding, bool] = {
    "consolidation": True,
    "effusion": True,
    "pneumothorax": True,
    "nodule": False,
    "edema": True,
    "cardiomegaly": False,
}


@dataclass(frozen=True, slots=True)
class TruthTrend:
    """How one finding changed one observation.

    hours: from the earliest value of the code to the latest. change: what the finding's shift grew
    by in that time, in healthy standard deviations.
    """

    loinc: str
    finding: Finding
    hours: float
    change: float


def sample_earlier(
    rng: np.random.Generator, latest: Latest
) -> tuple[tuple[Observation, ...], tuple[TruthTrend, ...]]:
    """Draw the earlier values of every observation that was taken and say what changed them.

    The values come code by code in the order of ``HEALTHY``, the later first. What does not change
    with a finding has no truth.
    """
    shape = (len(HEALTHY), PLACES)
    rounds = np.array([*VITAL_HOURS, *LAB_HOURS]) * rng.uniform(*JITTER, PLACES + len(LAB_HOURS))
    own, noise = rng.standard_normal(len(HEALTHY)), rng.standard_normal(shape)
    skipping = rng.random(shape)
    by_code = {o.loinc: o for o in latest.observations}
    observations: list[Observation] = []
    trends: list[TruthTrend] = []
    for index, loinc in enumerate(HEALTHY):
        if loinc not in by_code or loinc in NOT_REPEATED:
            continue
        is_vital = OBSERVATION_TYPES[loinc].is_vital
        hours = rounds[:PLACES] if is_vital else rounds[PLACES:]
        is_skipped = skipping[index] < (P_SKIPPED_VITAL if is_vital else P_SKIPPED_LAB)
        # The level given the latest value, so that all values are standard normal in healthy people
        # and any two of them correlate by OWN_LEVEL.
        level = (
            OWN_LEVEL * latest.scatter[loinc] + np.sqrt(OWN_LEVEL * (1 - OWN_LEVEL)) * own[index]
        )
        moved = [t for t in latest.truth if t.loinc == loinc]
        earliest = 0.0
        for place, before in enumerate(hours):
            if is_skipped[place]:
                continue
            minutes = round(60 * float(before))
            earliest = minutes / 60
            z = float(level + np.sqrt(1 - OWN_LEVEL) * noise[index, place])
            z += sum(t.shift * share_of_shift(t.finding, earliest) for t in moved)
            time = by_code[loinc].time
            assert time is not None  # every simulated observation is dated
            observations.append(observation_of(loinc, z, time=time - timedelta(minutes=minutes)))
        changes = {t.finding: t.shift * (1 - share_of_shift(t.finding, earliest)) for t in moved}
        trends += [TruthTrend(loinc, f, earliest, c) for f, c in changes.items() if c != 0]
    return tuple(observations), tuple(trends)


def share_of_shift(finding: Finding, hours: float) -> float:
    """Return how much of a finding's shift was there ``hours`` before the latest value, 0 to 1."""
    return float(np.interp(hours, *GROWTH)) if IS_ACUTE[finding] else 1.0
