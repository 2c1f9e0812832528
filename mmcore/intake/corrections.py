"""Corrections in a file of their own: what they replace or withdraw in other files goes."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from mmcore.intake.parts import ObservationsPart
from mmcore.intake.read_file import ReadFile
from mmcore.intake.site_clock import wall
from mmcore.language import joined, say
from mmcore.records import Observation

Key = tuple[str, datetime]


def apply_corrections(files: Sequence[ReadFile]) -> list[ReadFile]:
    """Return the files without results that another file corrects or takes back.

    A correction speaks of the same test at the same time, and leaves other corrections alone: two
    that differ are told as a contradiction.
    """
    known = {
        id(file): frozenset((loinc, wall(moment.at)) for loinc, moment in file.part.replaces)
        for file in files
        if file.is_used and isinstance(file.part, ObservationsPart)
    }
    if not any(known.values()):
        return list(files)
    return [
        _without(file, frozenset().union(*(k for other, k in known.items() if other != id(file))))
        if known.get(id(file)) is not None
        else file
        for file in files
    ]


def _without(file: ReadFile, elsewhere: frozenset[Key]) -> ReadFile:
    part = file.part
    if not isinstance(part, ObservationsPart):
        return file
    own = frozenset((loinc, wall(moment.at)) for loinc, moment in part.replaces)
    gone = elsewhere - own
    kept = tuple(one for one in part.observations if _key(one) not in gone)
    n_gone = len(part.observations) - len(kept)
    if not n_gone:
        return file
    words = say("{n} results were replaced or taken back by another file", n=n_gone)
    if not kept and not part.notes:
        return file.kept_aside(words)
    reason = joined([text for text in (file.source.reason, words) if text], "; ")
    return ReadFile(
        dataclasses.replace(file.source, reason=reason),
        dataclasses.replace(part, observations=kept),
    )


def _key(observation: Observation) -> Key | None:
    return None if observation.time is None else (observation.loinc, wall(observation.time))
