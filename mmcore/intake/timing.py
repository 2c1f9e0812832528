"""What was not known yet when the image was taken, and is therefore not read by the model.

A report dictated after the film, or a value of the next day, would tell the model what it is asked.
Prediction time is the acquisition of the image that stands for the case; without an image it is the
latest item, and nothing is later than that.
"""

import dataclasses
import os
from collections.abc import Sequence
from datetime import datetime, time

from mmcore.gate.suitability import choose_image
from mmcore.intake.parts import ImagePart, NotePart, ObservationsPart, RecordingPart
from mmcore.intake.read_file import ReadFile, by_digest
from mmcore.language import Text, joined, say
from mmcore.records import Note, Observation, Recording

TAKE_LATER = "CONSILIUM_LATER_ITEMS"
"""Environment variable: "take" reads later items like all others; otherwise they are left out."""


def takes_later() -> bool:
    """Whether the site has set that items later than the image are read all the same."""
    return os.environ.get(TAKE_LATER, "").strip().lower() == "take"


def prediction_time(files: Sequence[ReadFile]) -> datetime | None:
    """Return the time that the case speaks of; ``None`` if no item has a time.

    An image of which only the day is known counts as taken at the end of that day.
    """
    used = [file.part for file in sorted(files, key=by_digest) if file.is_used]
    instances = [part.instance for part in used if isinstance(part, ImagePart)]
    key, _ = choose_image(instances)
    dated = [i.acquired_at for i in ([key] if key else instances) if i.acquired_at is not None]
    if dated:
        latest = max(dated)
        if latest.time() == time():
            return datetime.combine(latest.date(), time(23, 59, 59))
        return latest
    if instances:  # an image without a time says nothing of what came before it
        return None
    times = [moment for part in used for moment in _times(part)]
    return max(times, default=None)


def leave_out_later(
    files: Sequence[ReadFile], moment: datetime | None
) -> tuple[list[ReadFile], list[Text]]:
    """Return the files without what is later than ``moment``, and a notice where there was any."""
    if moment is None:
        return list(files), []
    kept = [_without_later(file, moment) if file.is_used else file for file in files]
    n_later = sum(_n_later(file.part, moment) for file in files if file.is_used)
    if not n_later:
        return kept, []
    said = say(
        "Items later than the image ({moment}) were left out: {n}. The files say which.",
        moment=_words(moment),
        n=n_later,
    )
    return kept, [said]


def has_later(files: Sequence[ReadFile], moment: datetime | None) -> bool:
    """Whether anything that would be read is later than ``moment``."""
    return moment is not None and any(_n_later(f.part, moment) for f in files if f.is_used)


def _times(part: object) -> list[datetime]:
    items: list[datetime | None] = []
    if isinstance(part, NotePart):
        items = [part.note.authored_at]
    elif isinstance(part, RecordingPart):
        items = [part.recording.recorded_at]
    elif isinstance(part, ObservationsPart):
        items = [*(o.time for o in part.observations), *(n.authored_at for n in part.notes)]
    return [item.replace(tzinfo=None) for item in items if item is not None]


def _n_later(part: object, moment: datetime) -> int:
    return sum(item > moment for item in _times(part))


def _is_later(item: Observation | Note | Recording, moment: datetime) -> bool:
    match item:
        case Observation():
            when = item.time
        case Note():
            when = item.authored_at
        case Recording():
            when = item.recorded_at
    return when is not None and when.replace(tzinfo=None) > moment


def _without_later(file: ReadFile, moment: datetime) -> ReadFile:
    part = file.part
    n_later = _n_later(part, moment)
    if not n_later:
        return file
    words = say("later than the image, which was taken on {moment}", moment=_words(moment))
    if not isinstance(part, ObservationsPart):
        return file.kept_aside(words)
    observations = tuple(o for o in part.observations if not _is_later(o, moment))
    notes = tuple(note for note in part.notes if not _is_later(note, moment))
    if not observations and not notes:
        return file.kept_aside(words)
    some = say("{n} items are {later}, and were left out", n=n_later, later=words)
    reason = joined([text for text in (file.source.reason, some) if text], "; ")
    return ReadFile(
        dataclasses.replace(file.source, reason=reason),
        dataclasses.replace(part, observations=observations, notes=notes),
    )


def _words(moment: datetime) -> str:
    return moment.isoformat(" ", "minutes")
