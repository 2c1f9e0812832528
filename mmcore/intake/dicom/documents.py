"""Texts in DICOM objects without pixels: enclosed PDF and CDA documents, structured reports.

DICOM PS3.3 A.45 (encapsulated documents), A.35 (basic, enhanced and comprehensive SR) and C.17.3
(the content tree). Read are reports by people: key object selections, dose and CAD reports, and
whatever names a device as its observer hold no words of a clinician.
"""

from collections.abc import Iterator
from typing import Any

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.dicom import prescan
from mmcore.intake.dicom.attributes import Attributes, read_attributes
from mmcore.intake.documents import text_flow
from mmcore.intake.moments import Plain, to_plain
from mmcore.intake.note import KINDS
from mmcore.language import say

ENCLOSED = frozenset({"1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.104.2"})
REPORTS = frozenset(
    f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in ("11", "22", "33", "34", "35")
)
MAX_ENCLOSED_BYTES = 64 * 2**20
MAX_ITEMS = 20_000

_TOLD = frozenset({"CONTAINS", "HAS PROPERTIES", "INFERRED FROM"})
_OBSERVER_TYPE, _DEVICE = "121005", "121007"
_PLAIN = {"TEXT": "TextValue", "DATE": "Date", "TIME": "Time", "DATETIME": "DateTime"}

Header = dict[str, Any]


def read_dicom_document(data: memoryview) -> tuple[Header, bytes | str]:
    """Return whom a document is about and when it was written, and its bytes or its text.

    Raises ``FileRefusedError`` with NO_TEXT, PIXEL_LENGTH_MISMATCH, CORRUPT and whatever else the
    scan of a DICOM file is refused with.
    """
    attributes = read_attributes(prescan.scan(data))
    header = _header(attributes)
    if attributes.soft_text("SOPClassUID") in ENCLOSED:
        return header, _enclosed(attributes)
    return header, _report(attributes)


def _header(attributes: Attributes) -> Header:
    born, number = attributes.day("PatientBirthDate"), attributes.soft_text("PatientID")
    sex = attributes.soft_text("PatientSex")
    title = attributes.soft_text("DocumentTitle") or _name(attributes)
    return {
        "title": title[:80],
        "authored_at": _written_at(attributes),
        "patient_ids": [number] if number else [],
        "patient_name": attributes.soft_text("PatientName") or None,
        "birth_date": born.isoformat() if born else None,
        "sex": sex if sex in ("F", "M", "O") else None,
        "is_hint": False,
    }


def _written_at(attributes: Attributes) -> Plain | None:
    return to_plain(attributes.moment("ContentDate", "ContentTime"))


# Enclosed documents


def _enclosed(attributes: Attributes) -> bytes:
    data = attributes.raw("EncapsulatedDocument", limit=MAX_ENCLOSED_BYTES)
    if not data:
        raise FileRefusedError(
            RefusalCode.NO_TEXT, say("the DICOM file encloses no document"),
            attribute="EncapsulatedDocument",
        )  # fmt: skip
    return data.rstrip(b"\0")


# Structured reports


def _report(attributes: Attributes) -> str:
    if attributes.soft_text("PreliminaryFlag") == "PRELIMINARY":
        raise FileRefusedError(
            RefusalCode.NO_TEXT, say("a preliminary report, which may still change"),
            attribute="PreliminaryFlag",
        )  # fmt: skip
    flow = text_flow.TextFlow()
    waiting: list[tuple[Attributes, str]] = [(attributes, "")]
    count = 0
    while waiting:
        here, heading = waiting.pop()
        count += 1
        if count > MAX_ITEMS:
            raise FileRefusedError(
                RefusalCode.TOO_MANY_ELEMENTS,
                say("the report has more than {count:,} items", count=MAX_ITEMS),
            )
        _refuse_device(here)
        below = heading
        if here is not attributes:
            below = _tell(here, heading, flow)
        told = [item for item in _children(here) if _is_told(item)]
        waiting += [(item, below) for item in reversed(told)]
    text = str(flow).strip()
    if not text:
        raise FileRefusedError(
            RefusalCode.NO_TEXT, say("the structured report holds no text"),
            attribute="ContentSequence",
        )  # fmt: skip
    return text


def _children(here: Attributes) -> Iterator[Attributes]:
    yield from here.items("ContentSequence")


def _is_told(item: Attributes) -> bool:
    return item.soft_text("RelationshipType") in _TOLD and bool(item.soft_text("ValueType"))


def _refuse_device(here: Attributes) -> None:
    """Refuse a report of which a device is an observer. PS3.16 TID 1002."""
    for item in _children(here):
        if _code(item, "ConceptNameCodeSequence", "CodeValue") == _OBSERVER_TYPE and (
            _code(item, "ConceptCodeSequence", "CodeValue") == _DEVICE
        ):
            raise FileRefusedError(
                RefusalCode.NO_TEXT,
                say("a report that a device made, which no model is told"),
                attribute="ObserverType",
            )


def _tell(item: Attributes, heading: str, flow: text_flow.TextFlow) -> str:
    """Write one item as a line, and return the heading under which its children stand."""
    kind, name = item.soft_text("ValueType"), _name(item)
    if kind == "CONTAINER":
        if not name:
            return heading
        flow.line()
        flow.add(f"{name}:")
        flow.line()
        return name
    value = _value(item, kind)
    if not value:
        return heading
    flow.line()
    # "Finding: ..." below "Findings:" would say it twice.
    if name and KINDS.get(name.lower(), name) != KINDS.get(heading.lower(), heading):
        flow.add(f"{name}: ")
    for line in value.splitlines():
        flow.add(line)
        flow.line()
    return heading


def _value(item: Attributes, kind: str) -> str:
    if kind in _PLAIN:
        return _long_text(item, _PLAIN[kind])
    if kind == "CODE":
        return _code(item, "ConceptCodeSequence", "CodeMeaning")
    if kind == "NUM":
        measured = item.item("MeasuredValueSequence")
        if measured is None:
            return ""
        unit = _code(measured, "MeasurementUnitsCodeSequence", "CodeValue")
        number = measured.soft_text("NumericValue")
        return f"{number} {'' if unit == '1' else unit}".strip() if number else ""
    return ""


def _long_text(item: Attributes, keyword: str) -> str:
    """Return a text of any length: ``soft_text`` would cut it."""
    value = item.value(keyword, limit=4 * text_flow.MAX_CHARACTERS)
    return text_flow.readable(str(value or "")).strip()


def _name(item: Attributes) -> str:
    return _code(item, "ConceptNameCodeSequence", "CodeMeaning")


def _code(item: Attributes, sequence: str, keyword: str) -> str:
    found = item.item(sequence)
    return "" if found is None else found.soft_text(keyword)[:64]
