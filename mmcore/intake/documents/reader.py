"""One document to plain values: text, sections, whom it names. Runs in the decoding process."""

import re
from typing import Any, BinaryIO

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.dicom.documents import read_dicom_document
from mmcore.intake.documents.cda import is_cda, lay_out, read_cda
from mmcore.intake.documents.docx import is_docx, read_docx
from mmcore.intake.documents.html import html_to_text
from mmcore.intake.documents.pdf import read_pdf
from mmcore.intake.documents.text_flow import readable
from mmcore.intake.identity import may_be_same
from mmcore.intake.moments import to_plain
from mmcore.intake.note import find_sections, identity_of, read_identity
from mmcore.intake.stamps import parse_stamp
from mmcore.intake.text import decode_text
from mmcore.language import Text, say

Message = dict[str, Any]

_HTML = re.compile(rb"\s*(?:<!doctype\s+html|<html|<(?:p|div|br|h[1-6]|table|ul|ol|b|i)\b)", re.I)


def read_document(data: memoryview, sink: BinaryIO) -> Message:
    """Return what the document says as JSON values; nothing is written to ``sink``.

    Raises ``FileRefusedError`` as the readers of PDF, Word, CDA and HTML do.
    """
    return read_bytes(bytes(data))


def read_bytes(data: bytes) -> Message:
    """Return the message of ``read_document``.

    ``is_hint`` in it: the person was read from free text whose order is not certain, so it may
    raise a question and must not decide.
    """
    if data[128:132] == b"DICM" or data[:2] in (b"\x02\x00", b"\x08\x00"):
        return _read_dicom(data)
    if data.startswith(b"%PDF-"):
        text, notices = read_pdf(data)
        return _of_text(text, notices, is_hint=True)
    if is_docx(data):
        return _of_text(read_docx(data), ())
    if is_cda(data):
        return _read_cda(data)
    text, _ = decode_text(data)
    if _HTML.match(data.lstrip(b"\xef\xbb\xbf")):
        text = html_to_text(text)
    text = readable(text).strip()
    if not text:
        raise FileRefusedError(RefusalCode.NO_TEXT, say("the document holds no text"))
    return _of_text(text, ())


def _read_dicom(data: bytes) -> Message:
    """Return the text of a structured report or an enclosed document, of the header's patient.

    Whom an enclosed CDA names must be able to be that patient; what a PDF seems to say is a hint.
    """
    header, content = read_dicom_document(memoryview(data))
    if isinstance(content, str):
        return _of_text(content, ()) | header
    if not (content.startswith(b"%PDF-") or is_cda(content)):
        raise FileRefusedError(
            RefusalCode.UNKNOWN_KIND,
            say("the document inside the DICOM file is of no kind that is read"),
        )
    found = read_bytes(content)
    if not found["is_hint"] and not may_be_same(identity_of(found), identity_of(header)):
        raise FileRefusedError(
            RefusalCode.PATIENT_MISMATCH,
            say("the document inside the DICOM file names another patient than its header"),
        )
    person = {key: found[key] for key in ("patient_ids", "patient_name", "birth_date", "sex")}
    if found["is_hint"]:
        dated = header["authored_at"] or found["authored_at"]
        return found | header | {"authored_at": dated, "hints": person}
    known = {key: header[key] or value for key, value in person.items()}
    dated = found["authored_at"] or header["authored_at"]
    return found | header | known | {"authored_at": dated}


def _of_text(text: str, notices: tuple[Text, ...], *, is_hint: bool = False) -> Message:
    identity, authored_at = read_identity(text)
    return {
        "text": text,
        "sections": [[s.title, s.kind, s.start, s.end] for s in find_sections(text)],
        "title": "",
        "authored_at": to_plain(authored_at),
        "patient_ids": sorted(identity.patient_ids),
        "patient_name": identity.name,
        "birth_date": identity.birth_date.isoformat() if identity.birth_date else None,
        "sex": None,
        "is_hint": is_hint,
        "notices": list(notices),
    }


def _read_cda(data: bytes) -> Message:
    document = read_cda(data)
    if document.attached:
        if is_cda(document.attached) or is_docx(document.attached):
            raise FileRefusedError(
                RefusalCode.BAD_XML, say("a document lies inside the document and was not read")
            )
        found = read_bytes(document.attached)
    else:
        text, places = lay_out(document)
        found = _of_text(text, ()) | {"sections": [list(place) for place in places]}
    born, authored_at = parse_stamp(document.birth_date), parse_stamp(document.authored_at)
    return found | {
        "title": document.title[:80],
        "authored_at": to_plain(authored_at),
        "results": [result.as_plain() for result in document.results],
        "patient_ids": sorted(document.patient_ids),
        "patient_name": document.names[0] if document.names else None,
        "birth_date": born.at.date().isoformat() if born and born.precision.has_day else None,
        "sex": document.sex,
        "is_hint": False,
    }
