"""Units and numbers as sources write them, read strictly: what is not understood is asked about.

Units: UCUM, case-sensitive, with the everyday spellings that can mean only one thing.
"""

import math
import re
from dataclasses import dataclass
from typing import Literal

from mmcore.language import say
from mmcore.loinc import ObservationType

_SPELLINGS = {
    "Cel": ("°c", "c", "degc", "deg c", "celsius", "cel"),
    "[degF]": ("°f", "f", "degf", "deg f", "fahrenheit", "[degf]"),
    "mm[Hg]": ("mmhg", "mm hg", "mm[hg]", "torr"),
    "/min": ("bpm", "/min", "1/min", "per minute", "beats/min", "beats/minute", "breaths/min",
             "breaths/minute", "insp/min", "{beats}/min", "{breaths}/min", "{beats}/minute"),
    "%": ("%", "percent"),
    "10*3/uL": ("10*3/ul", "10^3/ul", "10e3/ul", "x10^3/ul", "x10*3/ul", "k/ul", "k/mm3",
                "thou/ul", "1000/ul", "x10e3/ul", "10^9/l", "10*9/l", "10e9/l", "x10^9/l",
                "x10*9/l", "x10e9/l", "gpt/l"),
    "/uL": ("/ul", "cells/ul", "/mm3", "{cells}/ul"),
    "mg/L": ("mg/l",),
    "mg/dL": ("mg/dl",),
    "g/dL": ("g/dl", "gm/dl"),
    "ng/mL": ("ng/ml",),
    "ng/L": ("ng/l",),
    "pg/mL": ("pg/ml",),
    "ug/L": ("ug/l", "mcg/l"),
    "pmol/L": ("pmol/l",),
    "umol/L": ("umol/l", "mcmol/l"),
    "mmol/L": ("mmol/l",),
    "meq/L": ("meq/l",),
    "U/L": ("u/l", "units/l", "iu/l", "[iu]/l"),
    "ukat/L": ("ukat/l",),
    "kPa": ("kpa",),
}  # fmt: skip
_UCUM_BY_SPELLING = {text: unit for unit, texts in _SPELLINGS.items() for text in texts}
# Giga and gram differ by the case of one letter.
_CASE_SENSITIVE = {"G/L": "10*3/uL", "g/L": "g/L", "g/l": "g/L", "1": "1", "{ratio}": "1"}

_NUMBER = re.compile(
    r"\s*(?P<comparator>[<>]=?|≤|≥)?\s*"
    r"(?P<number>[+-]?[0-9]{1,15}(?:[.,][0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?)"
    r"(?:\s*(?P<unit>(?![eE][+-]?[0-9])[^\d\s.,<>].{0,24}))?\s*"
)
_UNIT_SHAPE = re.compile(r"[\w%/\[\]{}()*^.°µ\- ]{1,16}")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as a laboratory writes it.

    unit: what stood behind the number in the same cell, or empty.
    """

    value: float
    comparator: Literal["<", ">"] | None = None
    unit: str = ""


def parse_quantity(text: str, *, has_decimal_comma: bool) -> Quantity | None:
    """Return the number in a cell, or ``None`` where it can not be read in one way only."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    number = match["number"]
    if "," in number:
        if not has_decimal_comma:
            return None
        number = number.replace(",", ".")
    value = float(number)
    if not math.isfinite(value):
        return None
    comparator: Literal["<", ">"] | None = None
    if match["comparator"]:
        comparator = "<" if match["comparator"][0] in "<≤" else ">"
    return Quantity(value, comparator, (match["unit"] or "").strip())


def normalise_unit(text: str) -> str | None:
    """Return the UCUM code of a unit, or ``None`` if it is not known."""
    clean = text.strip().replace("µ", "u").replace("μ", "u").replace("³", "3").replace("⁹", "^9")
    if clean in _CASE_SENSITIVE:
        return _CASE_SENSITIVE[clean]
    return _UCUM_BY_SPELLING.get(clean.lower())


def to_canonical(kind: ObservationType, value: float, unit: str) -> float | None:
    """Return ``value`` in the canonical unit of ``kind``, or ``None`` if ``unit`` does not fit."""
    code = normalise_unit(unit)
    if code is None:
        return None
    if code == normalise_unit(kind.unit):
        return value
    for other, (factor, offset) in kind.conversions.items():
        if normalise_unit(other) == code:
            return value * factor + offset
    return None


def quotable_unit(text: str) -> str:
    """Return a unit as found, fit for a message, or words in its place.

    A misplaced column could put a name where the unit belongs, so only what looks like a unit,
    with a slash, percent sign or bracket, is quoted.
    """
    clean = text.strip()
    if not clean:
        return say("no unit")
    looks_right = _UNIT_SHAPE.fullmatch(clean) and re.search(r"[/%\[*^]", clean)
    if looks_right or normalise_unit(clean):
        return say("the unit {unit}", unit=clean)
    return say("an unknown unit")
