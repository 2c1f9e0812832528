"""Notes in FHIR: DocumentReference, and the presented forms and conclusions of DiagnosticReports.

What is attached is read from the bytes inside the file, as text, HTML, PDF, Word or CDA by its
content. An address is never followed: ``url`` resolves to a Binary of the same bundle, or what it
points to is counted as left out. HL7 FHIR R4 and R5: DocumentReference, DiagnosticReport,
Attachment, Binary.
"""

import base64
import binascii
import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.documents.cda import is_cda
from mmcore.intake.documents.docx import is_docx
from mmcore.intake.fhir_bundle import Entry, resolve
from mmcore.intake.fhir_models import Kind, Release, Resource, codings, validate
from mmcore.intake.moments import Moment, parse_iso, stated
from mmcore.intake.note import find_sections, read_identity
from mmcore.intake.parts import Identity, NotePart
from mmcore.intake.result_status import Standing, of_fhir
from mmcore.intake.text import decode_text
from mmcore.intake.worker import read_document
from mmcore.language import say
from mmcore.records import Note, Patient

MAX_ATTACHMENTS = 200
MAX_SECONDS = 60.0

_TITLE_CHARACTERS = 80


@dataclass(slots=True)
class FhirNotes:
    """The notes of one document. questions: by entry number; elsewhere: attachments not there.

    seconds: spent on documents that the decoding process reads.
    """

    notes: list[NotePart] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    elsewhere: int = 0
    withdrawn: int = 0
    preliminary: int = 0
    n_attachments: int = 0
    seconds: float = 0.0


def read_fhir_notes(entries: Sequence[Entry], *, release: Release, digest: str) -> FhirNotes:
    """Return the notes of every DocumentReference and DiagnosticReport among ``entries``.

    Raises ``FileRefusedError`` (TOO_LARGE).
    """
    found = FhirNotes()
    for entry in entries:
        if entry.kind not in ("DocumentReference", "DiagnosticReport"):
            continue
        kind: Kind = "DocumentReference" if entry.kind[1] == "o" else "DiagnosticReport"
        standings = {of_fhir(entry.resource.get("status"))}
        if kind == "DocumentReference" and "docStatus" in entry.resource:
            standings.add(of_fhir(entry.resource["docStatus"]))
        if Standing.PRELIMINARY in standings:
            found.preliminary += 1
            continue
        if not all(standing.is_read for standing in standings):
            found.withdrawn += 1
            continue
        try:
            validate(entry.resource, kind, release)
            part = _read(entry, kind, entries, found, digest=digest)
        except FileRefusedError as refusal:
            if refusal.code == RefusalCode.TOO_MANY_ELEMENTS:
                raise
            found.questions.append(
                say("entry {number}: {problem}", number=entry.number, problem=refusal.detail)
            )
            continue
        if part is not None:
            found.notes.append(part)
    return found


def _read(
    entry: Entry, kind: Kind, entries: Sequence[Entry], found: FhirNotes, *, digest: str
) -> NotePart | None:
    """Return the first form of a document that can be read: the others are the same once more."""
    resource = entry.resource
    if kind == "DocumentReference":
        contents = resource.get("content") or []
        attachments = [c.get("attachment") for c in contents if isinstance(c, dict)]
    else:
        attachments = list(resource.get("presentedForm") or [])
    title, authored_at = _title(resource), _time(resource)
    refusal: FileRefusedError | None = None
    for attachment in attachments:
        if not isinstance(attachment, dict):
            continue
        found.n_attachments += 1
        if found.n_attachments > MAX_ATTACHMENTS:
            raise FileRefusedError(
                RefusalCode.TOO_MANY_ELEMENTS,
                say("the bundle has more than {count} attachments", count=MAX_ATTACHMENTS),
            )
        data = _bytes_of(attachment, entries)
        if data is None:
            found.elsewhere += 1
            continue
        try:
            name = str(attachment.get("title") or title)[:_TITLE_CHARACTERS]
            return _note_of(data, attachment, name, authored_at, found, digest=digest)
        except FileRefusedError as error:
            refusal = refusal or error
    conclusion = resource.get("conclusion") if kind == "DiagnosticReport" else None
    if isinstance(conclusion, str) and conclusion.strip():
        return _plain(conclusion, title, authored_at, digest=digest)
    if refusal is not None:
        raise refusal
    return None


def _bytes_of(attachment: Resource, entries: Sequence[Entry]) -> bytes | None:
    """Return what is attached, or ``None`` if it lies outside the file."""
    data = attachment.get("data")
    if not data:
        binary = resolve(str(attachment.get("url") or "\n"), entries, kind="Binary")
        data = binary.resource.get("data") if binary else None
    if not isinstance(data, str) or not data:
        return None
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise FileRefusedError(
            RefusalCode.BAD_FHIR,
            say("what is attached is not valid base64"),
            attribute="Attachment.data",
        ) from error


def _note_of(
    data: bytes, attachment: Resource, title: str, authored_at: Moment | None,
    found: FhirNotes, *, digest: str,
) -> NotePart:  # fmt: skip
    label = str(attachment.get("contentType") or "").lower()
    is_document = data.startswith(b"%PDF-") or is_docx(data) or is_cda(data) or "html" in label
    if is_document:
        if found.seconds > MAX_SECONDS:
            raise FileRefusedError(
                RefusalCode.DECODE_TIMEOUT,
                say("the documents before it took all the time that one file may have"),
            )
        if "html" in label and not data.lstrip().startswith(b"<"):
            data = b"<html>" + data  # a fragment of a page; its label says what it is
        started = time.monotonic()
        try:
            part = read_document(data, digest=digest, title=title)
        finally:
            found.seconds += time.monotonic() - started
        note = part.note
        return NotePart(
            _dated(note, authored_at, title),
            part.identity,
            part.patient,
            part.notices,
            part.hints,
            part.results,
        )
    if not (label.startswith("text/") or label in ("", "application/octet-stream")):
        raise FileRefusedError(
            RefusalCode.UNKNOWN_KIND, say("what is attached is of no kind that is read")
        )
    text, notices = decode_text(data)
    if not text.strip():
        raise FileRefusedError(RefusalCode.NO_TEXT, say("what is attached holds no text"))
    return _plain(text, title, authored_at, digest=digest, notices=notices)


def _plain(
    text: str, title: str, authored_at: Moment | None, *, digest: str,
    notices: tuple[str, ...] = (),
) -> NotePart:  # fmt: skip
    identity, written_at = read_identity(text)
    note = _dated(Note(digest, text, find_sections(text)), authored_at or written_at, title)
    return NotePart(note, Identity(identity.patient_ids, identity.name, identity.birth_date),
                    Patient(), notices)  # fmt: skip


def _dated(note: Note, moment: Moment | None, title: str) -> Note:
    if moment is None:
        return dataclasses.replace(note, title=title)
    at, precision = stated(moment)
    return dataclasses.replace(note, authored_at=at, precision=precision, title=title)


def _title(resource: Resource) -> str:
    """Return what the document is called: its own words, or those of its type."""
    words = resource.get("description")
    if isinstance(words, str) and words.strip():
        return words.strip()[:_TITLE_CHARACTERS]
    for key in ("type", "code"):
        concept: Any = resource.get(key)
        shown = [coding.get("display") for coding in codings(resource, key)]
        if isinstance(concept, dict):
            shown.insert(0, concept.get("text"))
        for text in shown:
            if isinstance(text, str) and text.strip():
                return text.strip()[:_TITLE_CHARACTERS]
    return ""


def _time(resource: Resource) -> Moment | None:
    """Return when the document was written.

    ``issued`` goes before the time of the examination: the report of a film is later than the film.
    """
    context = resource.get("context")
    periods = [context.get("period") if isinstance(context, dict) else None,
               resource.get("effectivePeriod")]  # fmt: skip
    starts = [period.get("start") for period in periods if isinstance(period, dict)]
    for text in (resource.get("date"), resource.get("issued"), resource.get("effectiveDateTime"),
                 *starts):  # fmt: skip
        if isinstance(text, str) and (moment := parse_iso(text)):
            return moment
    return None
