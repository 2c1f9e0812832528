"""Observations of one code over time: which is the latest, and what came before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mmcore.records import Observation


@dataclass(frozen=True, slots=True)
class Course:
    """All values of one code.

    latest: of dated values the latest, the first in the file of several at one time; without a
        dated one the last in the file. It is the one that a model reads.
    earlier: the other dated values, oldest first. undated: the others that have no time.
    """

    latest: Observation
    earlier: tuple[Observation, ...] = ()
    undated: tuple[Observation, ...] = ()

    @property
    def values(self) -> tuple[Observation, ...]:
        """The dated values, oldest first; the latest alone where it has no date."""
        return (*self.earlier, self.latest)


def courses_of(observations: Sequence[Observation]) -> tuple[Course, ...]:
    """Return one course per code, in the order in which the codes first come.

    Times are compared by the site's clock; one of which not even the day is known is undated.
    Observations without a code are told
    apart by their names.
    """
    by_code: dict[tuple[str, str], list[Observation]] = {}
    for observation in observations:
        key = (observation.loinc, "" if observation.loinc else observation.display)
        by_code.setdefault(key, []).append(observation)
    return tuple(_course(found) for found in by_code.values())


def place_of(observation: Observation) -> tuple[str, str]:
    """Return the code and time by which an item of evidence points to an observation."""
    return observation.loinc, observation.time.isoformat() if observation.time else ""


def _course(observations: list[Observation]) -> Course:
    undated = tuple(o for o in observations if not o.is_dated)
    dated = [(o.time.replace(tzinfo=None), o) for o in observations if o.time and o.is_dated]
    if not dated:
        return Course(undated[-1], (), undated[:-1])
    ordered = [o for _, o in sorted(dated, key=_moment)]
    newest = max(moment for moment, _ in dated)
    latest = next(o for moment, o in dated if moment == newest)
    return Course(latest, tuple(o for o in ordered if o is not latest), undated)


def _moment(dated: tuple[datetime, Observation]) -> datetime:
    return dated[0]
