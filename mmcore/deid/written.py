"""The last look at what was written: whether a known name, number or UID of the source is left.

It goes by the bytes of the new file alone and shares no code with what wrote them, so that a fault
there is found here. Of a header it reads the Explicit VR Little Endian encoding (PS3.5 7.1.2) and
judges each value by where it stands: short names ("Li", "Ng") and Chinese ones are then told from
value representations and defined terms.
"""

import re
import struct
from collections.abc import Generator, Iterable, Iterator

from mmcore.deid.allowed import vocabulary
from mmcore.deid.note_names import COMMON_NAMES, NOT_NAMES, name_parts
from mmcore.deid.notes import Known

Element = tuple[int, bytes, bytes]

# Characters; shorter ones stand in other words and numbers by chance.
_LEAST_NAME, _LEAST_CODE, _LEAST_NUMBER = 5, 4, 6
# What our own files say in any case, so that finding it proves nothing.
_OWN_WORDS = frozenset(
    """
    patient observation bundle collection basic application confidentiality profile option clean
    descriptors retain longitudinal temporal information modified dates characteristics pixel
    removed table consilium private final coding quantity subject reference resource resourcetype
    value system effectivedatetime identifier gender female other explicit little endian
    """.split()  # noqa: SIM905 - words read best as words
)
_EAST = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_PLACEHOLDER = re.compile(r"\[[A-Z]+\]")

_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR",
                   b"UT", b"UV"})  # fmt: skip
_TEXT = frozenset({b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"LO", b"LT", b"SH", b"ST",
                   b"TM", b"UC", b"UI", b"UR", b"UT"})  # fmt: skip
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DEEPEST = 32
_PATIENT_ID, _CODE_MEANING = 0x00100020, 0x00080104
_SET_BY_US = frozenset(
    {
        0x00080005,  # SpecificCharacterSet
        0x00120062,  # PatientIdentityRemoved
        0x00120063,  # DeidentificationMethod
        0x00020013,  # ImplementationVersionName
        0x00280004,  # PhotometricInterpretation
        0x00280301,  # BurnedInAnnotation
        0x00280303,  # LongitudinalTemporalInformationModified
        0x00200020,  # PatientOrientation: letters of directions, checked as such
        _CODE_MEANING,  # the standard's own words
    }
)


def header_holds(head: bytes, known: Known, pseudonym: str) -> bool:
    """Whether the header of a new image holds anything known of a person, or can not be read.

    A person's name may be the pseudonym alone; letters of another script have no place in it; a
    word may be no part of a known name, however short.
    """
    parts = {part.upper() for part in name_parts(known.names)}
    sure = sure_of(known)
    try:
        for tag, vr, value in _elements(head):
            if vr not in _TEXT and vr != b"PN":
                continue
            text = value.decode("utf-8").strip(" \0")
            if (vr == b"PN" or tag == _PATIENT_ID) and text not in ("", pseudonym):
                return True
            is_foreign = not text.isascii() and (tag != _CODE_MEANING or _EAST.search(text))
            if is_foreign or holds(text, sure):
                return True
            if tag not in _SET_BY_US and parts & set(re.split(r"[^A-Z0-9]+", text.upper())):
                return True
    except (ValueError, struct.error):  # UnicodeDecodeError too
        return True
    return False


def text_holds(text: str, known: Known, *, is_note: bool) -> bool:
    """Whether a new text holds anything known of a person.

    is_note: words of a language; short names then count where they stand written as names. In
    tables they do not, as units and genes are as short.
    """
    if holds(text, sure_of(known)):
        return True
    if not is_note:
        return False
    left = _PLACEHOLDER.sub(" ", text)
    usual = COMMON_NAMES | NOT_NAMES
    short = [p for p in name_parts(known.names) if len(p) < _LEAST_NAME and p.lower() not in usual]
    return any(
        re.search(rf"(?<![A-Za-z\u00c0-\u024f]){re.escape(form)}(?![A-Za-z\u00c0-\u024f])", left)
        for part in short
        for form in (part.capitalize(), part.upper())
    )


def holds(text: str, values: Iterable[str]) -> bool:
    """Whether a value stands in ``text`` as a word of its own, whatever its case."""
    lowered = text.lower()
    return any(
        re.search(rf"(?<![0-9a-z]){re.escape(value.lower())}(?![0-9a-z])", lowered)
        for value in values
        if value.lower() in lowered
    )


def sure_of(known: Known) -> frozenset[str]:
    """Return known values that can not stand in any clean file by chance.

    Names of five letters and more, and Chinese, Japanese and Korean ones of two.
    """
    names = {
        part
        for part in name_parts(known.names)
        if _EAST.search(part)
        or (
            len(part) >= _LEAST_NAME
            and part.upper() not in vocabulary()
            and part.lower() not in COMMON_NAMES | _OWN_WORDS
        )
    }
    numbers = {
        value
        for value in known.numbers
        if len(value) >= (_LEAST_NUMBER if value.isdigit() else _LEAST_CODE)
        and value.lower() not in _OWN_WORDS
    }
    return frozenset(names | numbers)


def _elements(head: bytes) -> Iterator[Element]:
    """Yield tag, value representation and value of every element, those of items too.

    Raises ``ValueError`` and ``struct.error`` for what is no Explicit VR Little Endian file.
    """
    if head[128:132] != b"DICM":
        raise ValueError("no DICOM file")
    at = 132
    while at < len(head):
        at = yield from _element(head, at, _DEEPEST)


def _element(data: bytes, at: int, depth: int) -> Generator[Element, None, int]:
    tag, vr, length, at = _start(data, at)
    if vr == b"SQ":
        if not depth:
            raise ValueError("too deep")
        return (yield from _items(data, at, length, depth - 1))
    if length == _UNDEFINED or at + length > len(data):
        raise ValueError("a value without an end")
    yield tag, vr, data[at : at + length]
    return at + length


def _items(data: bytes, at: int, length: int, depth: int) -> Generator[Element, None, int]:
    end = len(data) if length == _UNDEFINED else at + length
    while at < end:
        tag, size = _delimiter(data, at)
        at += 8
        if tag == _SEQUENCE_END:
            return at
        if tag != _ITEM:
            raise ValueError("no item")
        inner_end = len(data) if size == _UNDEFINED else at + size
        while at < inner_end:
            if size == _UNDEFINED and _delimiter(data, at)[0] == _ITEM_END:
                at += 8
                break
            at = yield from _element(data, at, depth)
    return at


def _start(data: bytes, at: int) -> tuple[int, bytes, int, int]:
    """Return tag, VR, length and place of the value of the element that begins at ``at``."""
    group, number, vr = struct.unpack_from("<HH2s", data, at)
    if not vr.isalpha():
        raise ValueError("no value representation")
    if vr in _LONG:
        return group << 16 | number, vr, struct.unpack_from("<I", data, at + 8)[0], at + 12
    return group << 16 | number, vr, struct.unpack_from("<H", data, at + 6)[0], at + 8


def _delimiter(data: bytes, at: int) -> tuple[int, int]:
    group, number, length = struct.unpack_from("<HHI", data, at)
    return group << 16 | number, length
