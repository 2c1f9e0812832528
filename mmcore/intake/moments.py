"""A time as a source states it: how exactly, and in which time zone if it says so."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from mmcore.records import Precision

MAX_OFFSET = timedelta(hours=14)
"""No zone lies further from UTC. DICOM PS3.3 C.12.1.1.8 allows -12 to +14 hours."""

_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")
_ISO = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?"
    r"\s?([Zz]|UTC|GMT|[+-]\d{2}:?\d{2})?)?)?)?"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """The first moment that a stated time can mean; with a zone only if the source states one."""

    at: datetime
    precision: Precision = Precision.CLOCK

    @property
    def is_midnight(self) -> bool:
        """Whether the clock stands at midnight to the second."""
        return not (self.at.hour or self.at.minute or self.at.second)


def stated(moment: Moment | None) -> tuple[datetime | None, Precision]:
    """Return time and precision as records hold them."""
    return (None, Precision.CLOCK) if moment is None else (moment.at, moment.precision)


Plain = tuple[str, str]


def to_plain(moment: Moment | None) -> Plain | None:
    """Return what JSON can carry."""
    return None if moment is None else (moment.at.isoformat(), str(moment.precision))


def from_plain(plain: Plain | list[str] | None) -> Moment | None:
    """Return what ``to_plain`` was given. Raises ``ValueError`` for anything else."""
    if plain is None:
        return None
    return Moment(datetime.fromisoformat(plain[0]), Precision(plain[1]))


def zone_of(text: str) -> tzinfo | None:
    """Return the zone that "Z", "UTC", "+0200" or "-05:00" states; ``None`` for any other text.

    "-00:00" says that the local offset is not known (RFC 3339, 4.3), and no place on Earth has an
    offset beyond ``MAX_OFFSET``.
    """
    text = text.strip()
    if text in ("Z", "z", "UTC", "GMT"):
        return UTC
    match = _OFFSET.fullmatch(text)
    if match is None or int(match[3]) > 59 or match.group() in ("-0000", "-00:00"):
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return None if offset > MAX_OFFSET else timezone(-offset if match[1] == "-" else offset)


def moment_of(*parts: str | int | None, zone: tzinfo | None = None) -> Moment | None:
    """Return the moment of year, month, day, hour, minute and second, of which the last may lack.

    ``None`` where they are no date. Minutes without seconds count as exact. A leap second is the
    second before it.
    """
    stated = [int(part) for part in parts if part not in (None, "")]
    precision = {1: Precision.YEAR, 2: Precision.MONTH, 3: Precision.DAY, 4: Precision.HOUR}.get(
        len(stated), Precision.CLOCK
    )
    year, month, day, hour, minute, second = [*stated, *(0, 1, 1, 0, 0, 0)[len(stated) :]]
    try:
        at = datetime(year, month, day, hour, minute, 59 if second == 60 else second, tzinfo=zone)
    except ValueError:
        return None
    return Moment(at, precision)


def parse_iso(text: str) -> Moment | None:
    """Return the moment of an ISO 8601 date as FHIR writes it, cut off anywhere after the year."""
    match = _ISO.fullmatch(text.strip())
    return None if match is None else _of_match(match)


def leading_iso(text: str) -> Moment | None:
    """Return the moment of an ISO 8601 date, to the day at least, that a text begins with."""
    match = _ISO.match(text)
    return None if match is None or not match[3] else _of_match(match)


def _of_match(match: re.Match[str]) -> Moment | None:
    *parts, zone = match.groups()
    return moment_of(*parts, zone=zone_of(zone or ""))
