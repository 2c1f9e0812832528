"""What the files of a case say of people, numbers and places, to be found in its notes."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from mmcore.deid.notes import Known
from mmcore.errors import FileRefusedError
from mmcore.intake.fhir_bundle import read_json
from mmcore.intake.note import read_identity
from mmcore.records import Case

MAX_VALUES = 5_000
_NAME_KEYS = frozenset({"family", "given", "prefix", "suffix", "display"})
_PLACE_KEYS = frozenset({"line", "city", "district", "postalCode", "text"})


def known_of(case: Case, *, inspected: Iterable[dict[str, Any]], fhir: Iterable[bytes]) -> Known:
    """Return what is known of a case.

    inspected: what ``dicom_process.inspect`` found in each image. fhir: its JSON files as they are.
    """
    names: set[str] = {case.patient.name} if case.patient.name else set()
    numbers: set[str] = {case.patient.patient_id} if case.patient.patient_id else set()
    places: set[str] = set()
    for study in case.studies:
        numbers |= {study.accession_number} if study.accession_number else set()
    for found in inspected:
        names |= set(found["names"])
        numbers |= set(found["numbers"]) | set(found["uids"])
        places |= set(found["places"])
    for note in case.notes:
        identity, _ = read_identity(note.text)
        names |= {identity.name} if identity.name else set()
        numbers |= identity.patient_ids
    for data in fhir:
        for kind, value in _of_fhir(data):
            {"name": names, "number": numbers, "place": places}[kind].add(value)
    numbers = {number for number in numbers if not number.startswith("1.2.840.10008.")}
    return Known(_few(names), _few(numbers), _few(places))


def _few(values: set[str]) -> frozenset[str]:
    return frozenset(sorted(value.strip() for value in values if value.strip())[:MAX_VALUES])


def _of_fhir(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield ("name" | "number" | "place", value) of people, identifiers, contacts, addresses."""
    try:
        document, _ = read_json(data)
    except FileRefusedError:
        return
    stack: list[tuple[Any, str]] = [(document, "")]
    while stack:  # parsing has bounded the depth
        node, within = stack.pop()
        if isinstance(node, list):
            stack += [(item, within) for item in node]
        elif isinstance(node, dict):
            if family := _family(node):
                yield "name", family
            for key, value in node.items():
                if isinstance(value, dict | list) and key not in _NAME_KEYS | _PLACE_KEYS:
                    stack.append((value, key))
                    continue
                for text in _texts(value):
                    if kind := _kind(key, within):
                        yield kind, text


def _family(node: dict[str, Any]) -> str:
    """Return family and given name as one, since Chinese is written so: 李 and 小龙 are 李小龙."""
    family, given = node.get("family"), node.get("given")
    parts = [family, *(given if isinstance(given, list) else [given])]
    if not isinstance(family, str) or not family.strip():
        return ""
    return "^".join(part.strip()[:256] for part in parts if isinstance(part, str) and part.strip())


def _texts(value: Any) -> list[str]:
    many = value if isinstance(value, list) else [value]
    return [one for one in many if isinstance(one, str) and 2 <= len(one.strip()) <= 256]


def _kind(key: str, within: str) -> str:
    if within in ("name", "contact") and (key in _NAME_KEYS or key == "text"):
        return "name"
    if key == "display" and within in ("performer", "subject", "author", "recorder", "asserter"):
        return "name"
    if within in ("identifier", "telecom") and key == "value":
        return "number"
    if within == "address" and key in _PLACE_KEYS:
        return "place"
    return ""


def as_json(values: dict[str, Any]) -> bytes:
    """Return a document as UTF-8, keys in the order given."""
    return (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode()
