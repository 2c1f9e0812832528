"""Observations from the coded entries of a CDA document, beside its text as a note."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

from mmcore.intake.kinds import find_kind
from mmcore.intake.parts import NotePart, ObservationsPart
from mmcore.intake.quantities import make_observation
from mmcore.intake.result_status import ASIDE, of_cda
from mmcore.intake.stamps import parse_stamp
from mmcore.intake.units import Quantity, parse_quantity
from mmcore.language import Text, filled, joined, say
from mmcore.loinc import ObservationType
from mmcore.records import Observation

Result = Mapping[str, Any]

_NUMBERS = frozenset({"PQ", "INT", "REAL", "IVL_PQ", "IVL_INT", "IVL_REAL"})


def with_results(part: NotePart) -> NotePart | ObservationsPart:
    """Return the note with the results that its file holds in coded form, if any are known here."""
    digest = part.note.digest
    observations: list[Observation] = []
    questions: list[str] = []
    aside: Counter[Text] = Counter()
    for number, result in enumerate(part.results, start=1):
        found = (find_kind(loinc, "") for loinc in result["loincs"])
        kind = next((one for one in found if one is not None), None)
        standing = of_cda(result["status"])
        if kind is None or result["type"] not in _NUMBERS:
            continue
        if standing in ASIDE:
            aside[ASIDE[standing]] += 1
            continue
        outcome = _observe(result, kind, digest=digest)
        if isinstance(outcome, Observation):
            observations.append(outcome)
        else:
            questions.append(say("entry {number}: {problem}", number=number, problem=outcome))
    words = [filled(text, n=count) for text, count in aside.items()]
    notices = part.notices
    if words:
        notices += (say("{what} were kept aside.", what=joined(words, " and ")),)
    if not (observations or questions or words):
        return part
    return ObservationsPart(
        tuple(observations),
        part.identity,
        part.patient,
        tuple(questions),
        notices,
        notes=(part.note,),
        aside=joined(words, " and ") if words else "",
    )


def _observe(result: Result, kind: ObservationType, *, digest: str) -> Observation | str:
    text, comparator = result["value"], None
    if result["type"].startswith("IVL"):
        if bool(result["low"]) is bool(result["high"]):
            return say("{display} has a value that is not one number", display=kind.display)
        text = result["low"] or result["high"]
        comparator = ">" if result["low"] else "<"
    if not text:
        return say("{display} has no value with a unit", display=kind.display)
    quantity = parse_quantity(text, has_decimal_comma=False)
    if quantity is None or quantity.unit or quantity.comparator:
        return say("{display} has a value that is not one number", display=kind.display)
    sign: Literal["<", ">"] | None = "<" if comparator == "<" else ">" if comparator else None
    return make_observation(
        kind,
        Quantity(quantity.value, sign, result["unit"]),
        time=parse_stamp(result["time"]),
        reference=(_bound(result["range_low"]), _bound(result["range_high"])),
        digest=digest,
    )


def _bound(text: str) -> float | None:
    quantity = parse_quantity(text, has_decimal_comma=False) if text else None
    return None if quantity is None else quantity.value
