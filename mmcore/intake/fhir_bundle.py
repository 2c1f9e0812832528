"""The entries of a FHIR document, and what a reference inside it points to. Nothing is fetched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.fhir_models import Resource
from mmcore.intake.strict_json import parse_json
from mmcore.intake.text import decode_text
from mmcore.language import say

MAX_ENTRIES = 20_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of a bundle; number counts from 1 as in messages."""

    number: int
    full_url: str
    resource: Resource

    @property
    def kind(self) -> str:
        """The resource type."""
        return str(self.resource["resourceType"])


def is_fhir(document: Any) -> bool:
    """Whether parsed JSON is a FHIR resource."""
    return isinstance(document, dict) and isinstance(document.get("resourceType"), str)


def read_json(data: bytes) -> tuple[Any, tuple[str, ...]]:
    """Return the document and notices on its encoding.

    Raises ``FileRefusedError`` as ``decode_text`` and ``parse_json`` do.
    """
    text, notices = decode_text(data)
    return parse_json(text), notices


def entries_of(document: Resource) -> Iterator[Entry]:
    """Yield the entries of a bundle, or the one resource that the document is.

    Raises ``FileRefusedError`` (BAD_FHIR or TOO_LARGE).
    """
    if document["resourceType"] != "Bundle":
        yield Entry(1, "", document)
        return
    entries = document.get("entry", [])
    if not isinstance(entries, list):
        raise FileRefusedError(
            RefusalCode.BAD_FHIR,
            say("the entries of the bundle are not a list"),
            attribute="Bundle.entry",
        )
    if len(entries) > MAX_ENTRIES:
        raise FileRefusedError(
            RefusalCode.TOO_LARGE,
            say("the bundle has more than {max_entries:,} entries", max_entries=MAX_ENTRIES),
        )
    for number, entry in enumerate(entries, start=1):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or not is_fhir(resource):
            raise FileRefusedError(
                RefusalCode.BAD_FHIR,
                say("entry {number} holds no resource", number=number),
                attribute="Bundle.entry.resource",
            )
        yield Entry(number, str(entry.get("fullUrl", "")), resource)


def resolve(reference: str, entries: Sequence[Entry], *, kind: str) -> Entry | None:
    """Return the entry of one kind that a reference names inside the same document, if any."""
    for entry in entries:
        if entry.kind != kind:
            continue
        own = f"{kind}/{entry.resource.get('id', '')}"
        is_named = bool(entry.resource.get("id")) and f"/{reference}".endswith(f"/{own}")
        if is_named or (entry.full_url and reference == entry.full_url):
            return entry
    return None
