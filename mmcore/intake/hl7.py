"""HL7 version 2 messages as segments, fields and components ("pipe and hat"). HL7 v2.5.1 chapter 2.

Every message states its own delimiters. Framing bytes of MLLP and batch envelopes are tolerated,
because interfaces write what they send straight to a file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.language import say

MAX_SEGMENTS = 100_000
MAX_FIELDS = 500

_START = re.compile(rb"(?:\xef\xbb\xbf)?[\x0b\s]{0,16}(?:MSH|BHS|FHS)([^\w\s])[^\w\s]{3,5}\1")
_ENVELOPE = frozenset({"FHS", "BHS", "BTS", "FTS"})
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
_ESCAPE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Delimiters:
    """Of fields, components, repetitions, escapes and subcomponents, one character each."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One line of a message. number: counts from 1 in the file, as in messages."""

    number: int
    name: str
    fields: tuple[str, ...]
    marks: Delimiters

    def raw(self, index: int) -> str:
        """Return field ``index`` as HL7 counts, as it stands; "" if the segment is shorter."""
        return self.fields[index] if index < len(self.fields) else ""

    def repetitions(self, index: int) -> list[str]:
        """Return what stands in a field, once or several times."""
        return [part for part in self.raw(index).split(self.marks.repetition) if part]

    def components(self, text: str) -> list[str]:
        """Return the components of one repetition, escapes undone; of subcomponents the first."""
        return [
            unescape(part.split(self.marks.subcomponent)[0], self.marks).strip()
            for part in text.split(self.marks.component)
        ]

    def text(self, index: int, component: int = 1) -> str:
        """Return one component of the first repetition, or ""."""
        found = self.components(next(iter(self.repetitions(index)), ""))
        return found[component - 1] if component <= len(found) else ""


def is_hl7(data: bytes) -> bool:
    """Whether ``data`` starts like a message or a batch of them."""
    return bool(_START.match(data[:64]))


def split_messages(text: str) -> Iterator[list[Segment]]:
    """Yield every message of a file.

    Raises ``FileRefusedError`` (BAD_HL7, TOO_MANY_ELEMENTS).
    """
    lines = re.split(r"[\n\x0b\x1c]", text)
    if len(lines) > MAX_SEGMENTS:
        raise FileRefusedError(
            RefusalCode.TOO_MANY_ELEMENTS,
            say("the HL7 file has more than {count:,} segments", count=MAX_SEGMENTS),
        )
    message: list[Segment] = []
    marks: Delimiters | None = None
    for number, line in enumerate(lines, start=1):
        line = line.lstrip("\ufeff")
        name = line[:3]
        if not line.strip() or name in _ENVELOPE:
            continue
        if name == "MSH":
            if message:
                yield message
            marks = _delimiters(line, number)
            # MSH-1 is the delimiter itself, so that what follows counts from MSH-2.
            fields = ("MSH", marks.field, *line.split(marks.field)[1:])
            message = [Segment(number, name, fields, marks)]
            continue
        if marks is None or not _SEGMENT.fullmatch(name) or line[3:4] not in ("", marks.field):
            raise _bad(say("line {number} is no HL7 segment", number=number))
        found = tuple(line.split(marks.field, MAX_FIELDS + 1))
        if len(found) > MAX_FIELDS:
            raise _bad(say("line {number} has too many fields", number=number))
        message.append(Segment(number, name, found, marks))
    if message:
        yield message


def _delimiters(line: str, number: int) -> Delimiters:
    marks = line[3:8]
    if len(marks) < 5 or len(set(marks)) < 5 or any(mark.isalnum() for mark in marks):
        raise _bad(say("line {number} does not state its delimiters", number=number))
    return Delimiters(*marks)


def _bad(detail: str) -> FileRefusedError:
    return FileRefusedError(RefusalCode.BAD_HL7, detail)


def unescape(text: str, marks: Delimiters) -> str:
    """Return ``text`` with its escape sequences undone. HL7 v2.5.1 section 2.7.

    Formatting commands become line breaks or nothing; sequences of other character sets are left
    out, because what they mean depends on the sender.
    """
    mark = marks.escape
    if mark not in text:
        return text
    plain = {"F": marks.field, "S": marks.component, "T": marks.subcomponent,
             "R": marks.repetition, "E": mark}  # fmt: skip

    def undo(match: re.Match[str]) -> str:
        code = match[1]
        if code in plain:
            return plain[code]
        if code.startswith("X") and re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", code[1:]):
            return bytes.fromhex(code[1:]).decode("utf-8", errors="replace").replace("\r", "\n")
        return "\n" if code.startswith((".br", ".sp", ".ce")) else ""

    pattern = rf"{re.escape(mark)}([^{re.escape(mark)}\n]{{1,{_ESCAPE_CHARACTERS}}})"
    return re.sub(pattern + re.escape(mark), undo, text)
