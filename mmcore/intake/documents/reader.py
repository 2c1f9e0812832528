"""One document to plain values: text, sections, whom it names. Runs in the decoding process."""

import re
from typing import Any, BinaryIO

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.documents.cda import is_cda, lay_out, read_cda
from mmcore.intake.documents.docx import is_docx, read_docx
from mmcore.intake.documents.html import html_to_text
from mmcore.intake.documents.pdf import read_pdf
from mmcore.intake.documents.text_flow import readable
from mmcore.intake.moments import to_plain
from mmcore.intake.note import find_sections, read_identity
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
        "patient_ids": sorted(document.patient_ids),
        "patient_name": document.names[0] if document.names else None,
        "birth_date": born.at.date().isoformat() if born and born.precision.has_day else None,
        "sex": document.sex,
        "is_hint": False,
    }
