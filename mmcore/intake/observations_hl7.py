"""Observations and reports from HL7 v2 results (ORU). HL7 v2.5.1 chapter 7.

Only final and corrected results are read (OBX-11, ``result_status``); a correction replaces what it
corrects, and a result that was called wrong is taken out again. A report's lines (OBX of type TX
and FT) make one note per order.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Literal

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.documents.text_flow import readable
from mmcore.intake.hl7 import Segment, split_messages, unescape
from mmcore.intake.identity import may_be_same
from mmcore.intake.kinds import find_kind
from mmcore.intake.moments import Moment, stated
from mmcore.intake.note import KINDS, find_sections
from mmcore.intake.parts import Identity, ObservationsPart
from mmcore.intake.quantities import make_observation
from mmcore.intake.result_status import ASIDE, Standing, of_hl7
from mmcore.intake.stamps import parse_stamp
from mmcore.intake.text import decode_text
from mmcore.intake.units import Quantity, normalise_unit, parse_quantity
from mmcore.language import Text, filled, joined, say
from mmcore.loinc import ObservationType
from mmcore.records import Note, Observation, Patient

_TAKEN_BACK = frozenset({"W", "D"})
_NOW_FINAL = "U"
_SEXES: dict[str, Literal["F", "M", "O"]] = {"F": "F", "M": "M", "O": "O", "A": "O"}
_LINES = frozenset({"TX", "FT", "ST"})
_LOINC_NAMES = frozenset({"LN", "LOINC", "LNC"})
# HL7 table 0211. UTF-8, and Latin-1 with a notice, are what ``decode_text`` tries anyway.
_CHARACTER_SETS = {
    b"GB 18030-2000": "gb18030", b"GB18030": "gb18030", b"BIG-5": "big5", b"8859/1": "latin-1",
    b"8859/2": "iso8859-2", b"8859/5": "iso8859-5", b"8859/15": "iso8859-15",
    b"KS X 1001": "euc-kr",
}  # fmt: skip
_RANGE = re.compile(r"\s*(-?\d{1,9}(?:\.\d{1,6})?)\s*(?:-|\.\.|to)\s*(-?\d{1,9}(?:\.\d{1,6})?)\s*")
_BOUND = re.compile(r"\s*([<>])=?\s*(\d{1,9}(?:\.\d{1,6})?)\s*")
_OTHER_MESSAGES = say("{n} messages that hold no results")
_OTHER_KINDS = say("{n} observations of other kinds")
_ENCLOSED = say("{n} files inside the message")

Key = tuple[str, Moment | None, str]


@dataclass(slots=True)
class _Order:
    """One OBR with what follows it.

    numbers: of placer and filler. blocks: lines of one OBX each. corrected: what it replaced.
    time: of the examination. reported_at: of what was written about it. zone: of the message.
    """

    numbers: tuple[str, ...] = ()
    title: str = ""
    time: Moment | None = None
    reported_at: Moment | None = None
    zone: tzinfo | None = None
    blocks: list[list[str]] = field(default_factory=list)
    heading: str = ""
    corrected: set[tuple[str, ...]] = field(default_factory=set)


@dataclass(slots=True)
class _Found:
    """What was read so far, by code, time and sub-identifier, so that corrections find it.

    waiting: preliminary results that a later segment may declare final (OBX-11 U). replaces: code
    and time of what was corrected or taken back.
    """

    digest: str
    observations: dict[Key, Observation] = field(default_factory=dict)
    questions: dict[Key, str] = field(default_factory=dict)
    twice: Counter[Key] = field(default_factory=Counter)
    orders: list[_Order] = field(default_factory=list)
    lines: dict[tuple[str, ...], list[tuple[_Order, list[str]]]] = field(default_factory=dict)
    aside: Counter[Text] = field(default_factory=Counter)
    waiting: dict[Key, tuple[Segment, _Order]] = field(default_factory=dict)
    replaces: set[tuple[str, Moment]] = field(default_factory=set)


def read_hl7(data: bytes, *, digest: str) -> ObservationsPart:
    """Return the results of every message in ``data``.

    Raises ``FileRefusedError`` with BAD_HL7, TOO_LARGE, BAD_TEXT, TOO_MANY_ELEMENTS or
    PATIENT_MISMATCH.
    """
    text, notices = _decode(data)
    found = _Found(digest)
    people: list[tuple[Identity, Patient]] = []
    for message in split_messages(text):
        if message[0].text(9) != "ORU":
            found.aside[_OTHER_MESSAGES] += 1
            continue
        for segment in message:
            if segment.name == "PID":
                people.append(_whose(segment))
        _read_message(message, found)
    if any(not may_be_same(people[0][0], other) for other, _ in people[1:]):
        raise FileRefusedError(
            RefusalCode.PATIENT_MISMATCH, say("the messages are about different patients")
        )
    words = [filled(what, n=count) for what, count in found.aside.items() if count]
    if words:
        notices += (say("{what} were kept aside.", what=joined(words, " and ")),)
    identity, patient = people[0] if people else (Identity(), Patient())
    ids = frozenset(number for other, _ in people for number in other.patient_ids)
    return ObservationsPart(
        tuple(found.observations.values()),
        Identity(ids, identity.name, identity.birth_date, identity.sex),
        patient,
        tuple(found.questions.values()),
        notices,
        notes=tuple(_notes(found.orders, digest)),
        aside=joined(words, " and ") if words else "",
        replaces=frozenset(found.replaces),
    )


def _decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the text in the character set that MSH-18 states, where it is one of those known."""
    head = data.lstrip(b"\xef\xbb\xbf\x0b \r\n")[:2048].splitlines()[:1]
    fields = head[0].split(head[0][3:4]) if head and head[0].startswith(b"MSH") else []
    stated = fields[17].split(b"~")[0].strip().upper() if len(fields) > 17 else b""
    if stated not in _CHARACTER_SETS:
        return decode_text(data)
    try:
        return decode_text(data.decode(_CHARACTER_SETS[stated]).encode("utf-8"))
    except UnicodeError as error:
        raise FileRefusedError(
            RefusalCode.BAD_TEXT, say("the text is not in the character set that it states")
        ) from error


def _whose(segment: Segment) -> tuple[Identity, Patient]:
    """Return whom PID names. HL7 v2.5.1 section 3.4.2."""
    numbers = [segment.components(part)[0] for i in (3, 2, 4) for part in segment.repetitions(i)]
    ids = [number[:64] for number in numbers if number]
    parts = [segment.text(5, 1), segment.text(5, 2)]
    name = readable(", ".join(part for part in parts if part))[:200] or None
    born = parse_stamp(segment.text(7))
    birth_date = born.at.date() if born and born.precision.has_day else None
    sex = _SEXES.get(segment.text(8))
    return (
        Identity(frozenset(ids), name, birth_date, sex),
        Patient(ids[0] if ids else None, name, birth_date, sex),
    )


def _read_message(message: Sequence[Segment], found: _Found) -> None:
    sent = parse_stamp(message[0].text(7))
    zone = sent.at.tzinfo if sent else None  # HL7 v2.5.1 section 2.15.9.7: holds for the message
    order = _Order(zone=zone)
    for segment in message:
        if segment.name == "OBR":
            title = segment.text(4, 2) or segment.text(4, 1)
            numbers = (segment.raw(2), segment.raw(3), segment.raw(4))
            order = _Order(
                numbers,
                readable(title)[:80],
                time=parse_stamp(segment.text(7), zone=zone),
                reported_at=parse_stamp(segment.text(22), zone=zone),
                zone=zone,
            )
            found.orders.append(order)
        elif segment.name == "OBX":
            if not found.orders or found.orders[-1] is not order:
                found.orders.append(order)
            _read_result(segment, order, found)


def _read_result(segment: Segment, order: _Order, found: _Found) -> None:
    status = segment.text(11)
    time = parse_stamp(segment.text(14), zone=order.zone) or order.time or order.reported_at
    kind = _kind(segment)
    key = (kind.loinc if kind else segment.raw(3), time, segment.text(4))
    if status == _NOW_FINAL and key in found.waiting:
        found.aside[ASIDE[Standing.PRELIMINARY]] -= 1
        _take(*found.waiting.pop(key), key, Standing.FINAL, found)
        return
    standing = of_hl7(status)
    if standing.is_read:
        _take(segment, order, key, standing, found)
        return
    found.aside[ASIDE[standing]] += 1
    if standing is Standing.PRELIMINARY:
        found.waiting[key] = (segment, order)
    if status in _TAKEN_BACK:
        if kind is not None and time is not None:
            found.replaces.add((kind.loinc, time))
        found.observations.pop(key, None)
        found.questions.pop(key, None)
        if segment.text(2) in _LINES:
            _take_back(segment, order, found)


def _take(segment: Segment, order: _Order, key: Key, standing: Standing, found: _Found) -> None:
    """Take a final or corrected result for what it says."""
    type_, kind = segment.text(2), _kind(segment)
    is_correction = standing is Standing.CORRECTED
    if type_ in ("ED", "RP"):
        found.aside[_ENCLOSED] += 1
    elif kind is not None:
        outcome = _observe(segment, kind, key[1], found.digest)
        if is_correction:
            if key[1] is not None:
                found.replaces.add((kind.loinc, key[1]))
            found.observations.pop(key, None)
            found.questions.pop(key, None)
        if key in found.observations or key in found.questions:
            found.twice[key] += 1  # the same twice, and neither corrects the other
            key = (*key[:2], f"{key[2]} {found.twice[key]}")
        if isinstance(outcome, Observation):
            found.observations[key] = outcome
        else:
            found.questions[key] = say(
                "line {line}: {problem}", line=segment.number, problem=outcome
            )
    elif type_ in _LINES and not segment.raw(6):
        if is_correction:
            _take_back(segment, order, found)
        _add_lines(segment, order, found)
    else:
        found.aside[_OTHER_KINDS] += 1


def _kind(segment: Segment) -> ObservationType | None:
    """Return the known observation of OBX-3: by LOINC in either coding, else by name."""
    parts = [*segment.components(segment.raw(3)), *[""] * 6]
    code, name = parts[0], parts[1]
    for value, system in ((code, parts[2]), (parts[3], parts[5])):
        if system.upper() in _LOINC_NAMES:
            return find_kind(value, "")
    return find_kind("", name) or find_kind("", code)


def _observe(
    segment: Segment, kind: ObservationType, time: Moment | None, digest: str
) -> Observation | str:
    values = segment.repetitions(5)
    if len(values) != 1:
        return say("{display} has {n} values instead of one", display=kind.display, n=len(values))
    quantity = _quantity(segment.text(2), segment.components(values[0]))
    if quantity is None:
        return say("{display} has a value that is not one number", display=kind.display)
    unit = next((u for u in (segment.text(6, 1), segment.text(6, 2)) if normalise_unit(u)), "")
    unit = unit or segment.text(6, 1)
    if unit and quantity.unit and normalise_unit(unit) != normalise_unit(quantity.unit):
        return say(
            "{display} has one unit in its value and another in its unit field",
            display=kind.display,
        )
    return make_observation(
        kind,
        Quantity(quantity.value, quantity.comparator, unit or quantity.unit),
        time=time,
        reference=_reference(segment.text(7)),
        digest=digest,
    )


def _quantity(type_: str, parts: Sequence[str]) -> Quantity | None:
    """Return the number of an NM, SN or ST value; ``None`` for a ratio, an interval or words."""
    if type_ == "SN":
        padded = [*parts, "", "", "", ""]
        if padded[2] or padded[3]:
            return None
        return parse_quantity(padded[0] + padded[1], has_decimal_comma=False)
    if len(parts) != 1:
        return None
    return parse_quantity(parts[0], has_decimal_comma=False)


def _reference(text: str) -> tuple[float | None, float | None]:
    if match := _RANGE.fullmatch(text):
        return float(match[1]), float(match[2])
    if match := _BOUND.fullmatch(text):
        return (None, float(match[2])) if match[1] == "<" else (float(match[2]), None)
    return None, None


def _add_lines(segment: Segment, order: _Order, found: _Found) -> None:
    """Add the lines of a report, under a heading where OBX-3 names a known section."""
    name = segment.text(3, 2) or segment.text(3, 1)
    block: list[str] = []
    order.blocks.append(block)
    found.lines.setdefault(_place(segment, order), []).append((order, block))
    if name.lower() in KINDS and name != order.heading:
        order.heading = name
        block.append(f"{name}:")
    for part in segment.repetitions(5):
        block.append(readable(unescape(part, segment.marks)))


def _take_back(segment: Segment, order: _Order, found: _Found) -> None:
    """Empty the lines that an earlier message gave for the same place of the same order."""
    place = _place(segment, order)
    if not any(order.numbers[:2]) or place in order.corrected:
        return
    order.corrected.add(place)
    own = []
    for of, block in found.lines.get(place, []):
        if of is order:
            own.append((of, block))
        else:
            block.clear()
    found.lines[place] = own


def _place(segment: Segment, order: _Order) -> tuple[str, ...]:
    return (*order.numbers, segment.raw(3), segment.raw(4))


def _notes(orders: Sequence[_Order], digest: str) -> Iterator[Note]:
    for order in orders:
        text = "\n".join(line for block in order.blocks for line in block).strip()
        if text:
            authored_at, precision = stated(order.reported_at or order.time)
            yield Note(
                digest, text, find_sections(text), authored_at, order.title, precision=precision
            )
