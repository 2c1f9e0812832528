"""How values, dates and units read on the page, beside the wording shared with the report."""

import math
from datetime import date, datetime

import numpy as np

from dashboard.language import say, t
from mmcore import wording
from mmcore.records import Precision, TargetPrediction

_MONTHS = (
    say("Jan"), say("Feb"), say("Mar"), say("Apr"), say("May"), say("Jun"),
    say("Jul"), say("Aug"), say("Sep"), say("Oct"), say("Nov"), say("Dec"),
)  # fmt: skip


def share(fraction: float) -> str:
    """Return a share of a whole; unlike a probability it may well be nought or all."""
    return f"{fraction * 100:.0f}%"


def number(value: float) -> str:
    """Return a measured value with no more digits than it can carry."""
    if not math.isfinite(value):
        return "—"
    if value == 0 or abs(value) >= 100:
        text = f"{value:.0f}"
    elif abs(value) >= 10:
        text = f"{value:.1f}"
    elif abs(value) >= 0.1:
        text = f"{value:.2f}"
    else:  # a small value is not nought
        text = np.format_float_positional(value, precision=2, fractional=False, trim="-")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", wording.MINUS)


def unit(ucum: str) -> str:
    """Return a UCUM unit as clinicians write it."""
    return t(wording.unit_text(ucum))


def scale_of(target: TargetPrediction) -> str:
    """Return what contributions to a target are measured in."""
    return t("log-odds") if target.kind == "finding" else unit(target.unit) or t("value")


def interval(low: float, high: float, *, of_probability: bool, unit_text: str = "") -> str:
    """Return the shared text for a probability, "1.2 to 3.4 mm" for a value."""
    if of_probability:
        return wording.interval_text(low, high)
    if not unit_text:
        return t("{low} to {high}", low=number(low), high=number(high))
    return t("{low} to {high} {unit}", low=number(low), high=number(high), unit=unit_text)


def day(moment: date | datetime | None) -> str:
    """Return "3 Mar 2024", or "date unknown"."""
    if moment is None:
        return t("date unknown")
    month = t(_MONTHS[moment.month - 1])
    return t("{day} {month} {year}", day=moment.day, month=month, year=moment.year)


def clock(moment: datetime | None, precision: Precision = Precision.CLOCK) -> str:
    """Return "3 Mar 2024, 14:05", no more of it than is known, or "time unknown"."""
    if moment is None:
        return t("time unknown")
    if precision is Precision.YEAR:
        return str(moment.year)
    if precision is Precision.MONTH:
        return t("{month} {year}", month=t(_MONTHS[moment.month - 1]), year=moment.year)
    if precision is Precision.DAY:
        return day(moment)
    return t("{day}, {time}", day=day(moment), time=f"{moment:%H:%M}")


def file_size(size_bytes: int) -> str:
    """Return a size in the unit people read file sizes in."""
    for name, scale in (("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= scale:
            return f"{size_bytes / scale:.1f} {name}"
    return f"{size_bytes} B"


def probability_of(logit: float) -> float:
    """Return the probability of a logit, without overflow at either end."""
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1 + odds)


def logit_of(probability: float) -> float:
    """Return the logit of a probability in (0, 1)."""
    return math.log(probability / (1 - probability))
