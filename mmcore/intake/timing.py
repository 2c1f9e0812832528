"""What was not known yet when the image was taken, and is therefore not read by the model.

A report dictated after the film, or a value of the next day, would tell the model what it is asked.
Prediction time is the acquisition of the image that stands for the case; without an image it is the
latest item, and nothing is later than that. What can not be put in order is read, and told.
"""

import dataclasses
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mmcore.gate.suitability import choose_image
from mmcore.intake.moments import Moment
from mmcore.intake.part_times import Item, items_of, moment_of_item
from mmcore.intake.parts import ImagePart, ObservationsPart
from mmcore.intake.read_file import ReadFile, by_digest
from mmcore.intake.site_clock import TIME_ZONE, name_of_zone
from mmcore.intake.time_order import Doubt, Order, last_of, order_of
from mmcore.language import Text, joined, say
from mmcore.records import Instance, Note, Observation

TAKE_LATER = "CONSILIUM_LATER_ITEMS"
"""Environment variable: "take" reads later items like all others; otherwise they are left out."""


@dataclass(frozen=True, slots=True)
class Timely:
    """The files without what is later than the image, and what must be said of their times.

    zone: by whose clock times without a zone were put in order, where that could matter; "" else.
    """

    files: list[ReadFile]
    notices: list[Text] = field(default_factory=list)
    zone: str = ""


def takes_later() -> bool:
    """Whether the site has set that items later than the image are read all the same."""
    return os.environ.get(TAKE_LATER, "").strip().lower() == "take"


def image_time(files: Sequence[ReadFile]) -> Moment | None:
    """Return when the image that stands for the case was taken; ``None`` if that is not known."""
    used = [file.part for file in sorted(files, key=by_digest) if file.is_used]
    instances = [part.instance for part in used if isinstance(part, ImagePart)]
    key, _ = choose_image(instances)
    return max(_moments([key] if key else instances), key=_last, default=None)


def latest_time(files: Sequence[ReadFile]) -> Moment | None:
    """Return the latest time of a case without an image; ``None`` if no item has one.

    An image without a time says nothing of what came before it.
    """
    used = [file.part for file in files if file.is_used]
    if any(isinstance(part, ImagePart) for part in used):
        return None
    moments = _moments(item for part in used for item in items_of(part))
    days = [moment for moment in moments if moment.precision.has_day]
    return max(days or moments, key=_last, default=None)


def leave_out_later(
    files: Sequence[ReadFile], moment: Moment | None, *, takes_later: bool = False
) -> Timely:
    """Return the files without what is later than the image, and what must be said of it.

    moment: when the image was taken; without one nothing is later. takes_later: leave nothing out;
    what is in doubt is then of no account either.
    """
    if moment is None:
        return Timely(list(files))
    judged = {id(file): _orders_in(file, moment) for file in files if file.is_used}
    orders = [order for found in judged.values() for order in found if order is not None]
    has_assumed = any(order.has_assumed_zone for order in orders)
    zone = name_of_zone(moment.at) if has_assumed else ""
    if takes_later:
        return Timely(list(files), zone=zone)
    doubts = Counter(order.doubt for order in orders)
    said: list[Text] = []
    if n_later := sum(order.is_later for order in orders):
        said.append(
            say(
                "Items later than the image ({moment}) were left out: {n}. The files say which.",
                moment=_words(moment),
                n=n_later,
            )
        )
    if doubts[Doubt.PRECISION]:
        said.append(
            say(
                "Items that may be later than the image ({moment}), because a clock time or a day "
                "is not stated, were read: {n}. The files say which.",
                moment=_words(moment),
                n=doubts[Doubt.PRECISION],
            )
        )
    if doubts[Doubt.ZONE]:
        said.append(
            say(
                "Items that are later than the image ({moment}) or not by a time zone that is not "
                "stated: {n}. They were put in order by this machine's clock ({zone}); the setting "
                "{setting} says what the site's zone is.",
                n=doubts[Doubt.ZONE],
                moment=_words(moment),
                zone=zone,
                setting=TIME_ZONE,
            )
        )
    elif zone:
        said.append(say("Times without a time zone were taken as {zone}.", zone=zone))
    kept = [
        _judge(file, judged[id(file)], moment, zone) if id(file) in judged else file
        for file in files
    ]
    return Timely(kept, said, zone)


def has_later(files: Sequence[ReadFile], moment: Moment | None) -> bool:
    """Whether anything that would be read is later than ``moment``."""
    return moment is not None and any(
        order is not None and order.is_later
        for file in files
        if file.is_used
        for order in _orders_in(file, moment)
    )


def _moments(items: Iterable[Item | None]) -> list[Moment]:
    found = (moment_of_item(item) for item in items if item is not None)
    return [moment for moment in found if moment is not None]


def _last(moment: Moment) -> tuple[object, ...]:
    """Order moments by the last time they can mean, so that nothing of the latest is later."""
    at = last_of(moment)
    return at.replace(tzinfo=None), moment.precision.has_clock, at.tzinfo is not None


def _orders_in(file: ReadFile, moment: Moment) -> list[Order | None]:
    """Return the order of every item of a file, ``None`` for images and what has no time."""
    found: list[Order | None] = []
    for item in items_of(file.part):
        when = None if isinstance(item, Instance) else moment_of_item(item)
        found.append(None if when is None else order_of(when, moment))
    return found


def _judge(file: ReadFile, orders: Sequence[Order | None], moment: Moment, zone: str) -> ReadFile:
    """Return a file without what is later, with a reason that tells it and what is in doubt."""
    is_later = [order is not None and order.is_later for order in orders]
    doubts = Counter(order.doubt for order in orders if order is not None)
    told = _doubtful(doubts, zone)
    part = file.part
    if not any(is_later) and not told:
        return file
    texts = [file.source.reason] if file.source.reason else []
    if any(is_later):
        words = say("later than the image, which was taken on {moment}", moment=_words(moment))
        if not isinstance(part, ObservationsPart) or all(is_later):
            return file.kept_aside(joined([words, *told], "; "))
        kept = [item for item, gone in zip(items_of(part), is_later, strict=True) if not gone]
        part = dataclasses.replace(
            part,
            observations=tuple(item for item in kept if isinstance(item, Observation)),
            notes=tuple(item for item in kept if isinstance(item, Note)),
        )
        texts.append(say("{n} items are {later}, and were left out", n=sum(is_later), later=words))
    source = dataclasses.replace(file.source, reason=joined([*texts, *told], "; "))
    return ReadFile(source, part)


def _doubtful(doubts: Counter[Doubt | None], zone: str) -> list[Text]:
    """Return what is told of a file's items without a clear place in time."""
    told = []
    if doubts[Doubt.PRECISION]:
        told.append(
            say(
                "items that may be later than the image, because a clock time or a day is not "
                "stated, were read: {n}",
                n=doubts[Doubt.PRECISION],
            )
        )
    if doubts[Doubt.ZONE]:
        told.append(
            say(
                "items that are later than the image or not by a time zone that is not stated: "
                "{n}; {zone} was assumed",
                n=doubts[Doubt.ZONE],
                zone=zone,
            )
        )
    return told


def _words(moment: Moment) -> str:
    if not moment.precision.has_clock:
        return moment.at.date().isoformat()
    return moment.at.replace(tzinfo=None).isoformat(" ", "minutes")
