"""Every time that a file states as records hold it: by the site's clock, no more exact than it is.

A file in which every clock stands at midnight to the second states days, whatever its format.
"""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from mmcore.intake.moments import Moment
from mmcore.intake.parts import ImagePart, NotePart, ObservationsPart, Part, RecordingPart
from mmcore.intake.site_clock import on_the_wall
from mmcore.records import Instance, Note, Observation, Precision, Recording

Item = Observation | Note | Recording | Instance
"""What has a time of its own."""

_T = TypeVar("_T", Observation, Note, Recording, Instance)

_FIELDS = {Observation: "time", Note: "authored_at", Recording: "recorded_at",
           Instance: "acquired_at"}  # fmt: skip


def moment_of_item(item: Item) -> Moment | None:
    """Return when an item is from, if its file says so."""
    at: datetime | None = getattr(item, _FIELDS[type(item)])
    return None if at is None else Moment(at, item.precision)


def items_of(part: Part | None) -> Iterator[Item]:
    """Yield everything in a part that has a time."""
    match part:
        case ImagePart(instance=instance):
            yield instance
        case NotePart(note=note):
            yield note
        case RecordingPart(recording=recording):
            yield recording
        case ObservationsPart(observations=observations, notes=notes):
            yield from observations
            yield from notes


def on_site_clock(part: Part) -> Part:
    """Return the part with its times by the site's clock, where their zone is known."""
    moments = [moment for item in items_of(part) if (moment := moment_of_item(item)) is not None]
    clocks = [moment for moment in moments if moment.precision.has_clock]
    are_days = bool(clocks) and all(moment.is_midnight for moment in clocks)

    def change(moment: Moment) -> Moment:
        is_day = are_days and moment.precision.has_clock
        if is_day or not moment.precision.has_clock:
            # A day is the one that was written, on whatever side of midnight UTC has it.
            precision = Precision.DAY if is_day else moment.precision
            return Moment(moment.at.replace(tzinfo=None), precision)
        return Moment(on_the_wall(moment.at), moment.precision)

    return _changed(part, change)


def _changed(part: Part, change: Callable[[Moment], Moment]) -> Part:
    match part:
        case ImagePart():
            planes = tuple(
                dataclasses.replace(plane, acquired_at=_maybe(plane.acquired_at, change))
                for plane in part.planes
            )
            return dataclasses.replace(
                part,
                instance=_item(part.instance, change),
                planes=planes,
                study_started_at=_maybe(part.study_started_at, change),
            )
        case NotePart():
            return dataclasses.replace(part, note=_item(part.note, change))
        case RecordingPart():
            return dataclasses.replace(part, recording=_item(part.recording, change))
        case ObservationsPart():
            return dataclasses.replace(
                part,
                observations=tuple(_item(one, change) for one in part.observations),
                notes=tuple(_item(one, change) for one in part.notes),
            )
        case _:
            return part


def _maybe(moment: Moment | None, change: Callable[[Moment], Moment]) -> Moment | None:
    return None if moment is None else change(moment)


def _item(item: _T, change: Callable[[Moment], Moment]) -> _T:
    before = moment_of_item(item)
    if before is None:
        return item
    after = change(before)
    if after == before and after.at.tzinfo == before.at.tzinfo:
        return item
    values: dict[str, Any] = {_FIELDS[type(item)]: after.at, "precision": after.precision}
    return dataclasses.replace(item, **values)
