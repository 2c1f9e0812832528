"""Whether one time is later than another, as far as what is stated of them can say.

A time is an interval: a day is 24 hours, a month is all of it. Two times with zones are compared as
instants, two without by the clock on the wall. Of one with and one without, the latter is taken by
the site's clock; where the site has not set its zone, that clock is the machine's, and an order
that another zone would turn round is told to be in doubt.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from mmcore.intake.moments import MAX_OFFSET, Moment
from mmcore.intake.site_clock import instant, stated_zone
from mmcore.records import Precision

_MIN_OFFSET = timedelta(hours=12)
_TICK = timedelta(microseconds=1)


class Doubt(StrEnum):
    """Why an order may be the other way round."""

    PRECISION = "precision"
    ZONE = "zone"


@dataclass(frozen=True, slots=True)
class Order:
    """Whether a time counts as later, why that may be wrong, and whether a zone was assumed."""

    is_later: bool
    doubt: Doubt | None = None
    has_assumed_zone: bool = False


@dataclass(frozen=True, slots=True)
class _Span:
    """The first and last instant that a time can mean."""

    first: datetime
    last: datetime

    def is_after(self, other: "_Span") -> bool | None:
        """Whether all of it is later than all of another; ``None`` where that can not be said."""
        if self.first > other.last:
            return True
        return False if self.last <= other.first else None


def order_of(item: Moment, moment: Moment) -> Order:
    """Return whether ``item`` is later than ``moment``; what can not be said counts as earlier."""
    is_mixed = (item.at.tzinfo is None) is not (moment.at.tzinfo is None)
    if not is_mixed and item.at.tzinfo is None:
        is_after = _on_the_wall(item).is_after(_on_the_wall(moment))
    else:
        is_after = _by_the_site(item).is_after(_by_the_site(moment))
    if is_after is None:
        return Order(is_later=False, doubt=Doubt.PRECISION, has_assumed_zone=is_mixed)
    if is_mixed and stated_zone() is None:
        anywhere = _anywhere(item).is_after(_anywhere(moment))
        doubt = None if anywhere is is_after else Doubt.ZONE
        return Order(is_later=is_after, doubt=doubt, has_assumed_zone=True)
    return Order(is_later=is_after, has_assumed_zone=is_mixed)


def last_of(moment: Moment) -> datetime:
    """Return the last second that a time can mean."""
    if moment.precision is Precision.CLOCK:
        return moment.at
    return (_end(moment) - _TICK).replace(microsecond=0)


def _end(moment: Moment) -> datetime:
    """Return where what a time can mean ends, not included unless it is exact."""
    at = moment.at
    try:
        match moment.precision:
            case Precision.HOUR:
                return at + timedelta(hours=1)
            case Precision.DAY:
                return at + timedelta(days=1)
            case Precision.MONTH:
                return at.replace(year=at.year + at.month // 12, month=at.month % 12 + 1)
            case Precision.YEAR:
                return at.replace(year=at.year + 1)
            case _:
                return at
    except (OverflowError, ValueError):  # the year 9999
        return at


def _bounds(moment: Moment) -> tuple[datetime, datetime]:
    end = _end(moment)
    return moment.at, end if end == moment.at else end - _TICK


def _on_the_wall(moment: Moment) -> _Span:
    return _Span(*(at.replace(tzinfo=UTC) for at in _bounds(moment)))


def _by_the_site(moment: Moment) -> _Span:
    first, last = _bounds(moment)
    return _Span(
        min(instant(first), instant(first, fold=1)), max(instant(last), instant(last, fold=1))
    )


def _anywhere(moment: Moment) -> _Span:
    if moment.at.tzinfo is not None:
        return _by_the_site(moment)
    first, last = (at.replace(tzinfo=UTC) for at in _bounds(moment))
    try:
        return _Span(first - MAX_OFFSET, last + _MIN_OFFSET)
    except OverflowError:
        return _Span(first, last)
