"""Times in the cells of tables, read in one way only: 03/04/2024 has two, so its order is asked."""

import re
from collections.abc import Iterable
from enum import StrEnum

from mmcore.intake.moments import Moment, moment_of, parse_iso
from mmcore.intake.note import parse_time

_SLASHED = re.compile(
    r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})"
    r"(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp][Mm])?)?"
)
_DOTTED = re.compile(
    r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?"
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[ T]?(\d{2}):?(\d{2})(?::?(\d{2}))?)?")
_YEAR_FIRST = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")


class DateOrder(StrEnum):
    """Whether dates like 03/04/2024 start with the day or with the month."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"


def date_order_of(cells: Iterable[str]) -> DateOrder | None:
    """Return the one order that every such date fits, or ``None`` if there is none or both fit."""
    found = [match for cell in cells if (match := _SLASHED.fullmatch(cell.strip()))]
    day_first = [m for m in found if int(m[1]) > 12]
    month_first = [m for m in found if int(m[2]) > 12]
    if bool(day_first) == bool(month_first):
        return None
    return DateOrder.DAY_FIRST if day_first else DateOrder.MONTH_FIRST


def is_ambiguous(text: str) -> bool:
    """Whether a text is a date whose day and month can only be told apart by an order."""
    return _SLASHED.fullmatch(text.strip()) is not None


def read_time(text: str, order: DateOrder | None) -> Moment | None:
    """Return the moment, or ``None`` where it can not be read in one way only."""
    text = text.strip()
    if match := _SLASHED.fullmatch(text):
        if order is None:
            return None
        first, second, year = int(match[1]), int(match[2]), int(match[3])
        day, month = (first, second) if order is DateOrder.DAY_FIRST else (second, first)
        clock = [int(part) for part in match.groups()[3:6] if part]
        if match[7]:
            if not clock or not 1 <= clock[0] <= 12:
                return None
            clock[0] = clock[0] % 12 + 12 * (match[7].lower() == "pm")
        return moment_of(year, month, day, *clock)
    if match := _DOTTED.fullmatch(text):  # with dots the day always comes first
        day_, month_, year_, *clock_ = match.groups()
        return moment_of(year_, month_, day_, *clock_)
    if match := _COMPACT.fullmatch(text) or _YEAR_FIRST.fullmatch(text):
        return moment_of(*match.groups())
    if re.match(r"\d{4}-\d{2}", text):
        return parse_iso(text) or parse_time(text)
    return None
