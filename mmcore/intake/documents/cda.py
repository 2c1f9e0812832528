"""One CDA document: whom it is about, and the titles and text of its sections.

HL7 Clinical Document Architecture, Release 2 (ISO/HL7 27932). The narrative is read, which is what
the author attested, and beside it coded results (``cda_results``); whatever a reference points to
is not. A body that is no XML (NonXMLBody) is read if it is text, HTML or a PDF inside the document.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.documents.cda_results import CdaResults, CodedResult
from mmcore.intake.documents.text_flow import TextFlow, readable
from mmcore.intake.documents.xml_events import walk
from mmcore.intake.note import KINDS
from mmcore.language import say

NAMESPACE = "urn:hl7-org:v3"

_ROOT = ("ClinicalDocument",)
_ROLE = (*_ROOT, "recordTarget", "patientRole")
_PERSON = (*_ROLE, "patient")
_BODY = (*_ROOT, "component", "nonXMLBody", "text")
_BLOCKS = frozenset({"paragraph", "br", "item", "tr", "caption", "list", "table", "text", "title"})
_CELLS = frozenset({"td", "th"})
_MAX_SECTIONS = 500
_KIND_OF_LOINC = {
    "10164-2": "history", "11348-0": "history", "10157-6": "history", "29762-2": "history",
    "10154-3": "history", "11329-0": "history", "61150-9": "history", "8648-8": "other",
    "42349-1": "indication", "18785-6": "indication", "55115-0": "indication",
    "29545-1": "examination", "8716-3": "examination", "29549-3": "medication",
    "30954-2": "findings", "18782-3": "findings", "59776-5": "findings",
    "19005-8": "impression", "51848-0": "impression", "51847-2": "impression",
    "18776-5": "plan", "18783-1": "plan", "10160-0": "medication", "10183-2": "medication",
    "10184-0": "medication", "18834-2": "comparison", "48765-2": "other", "11450-4": "history",
    "29299-5": "indication", "46241-6": "impression", "11535-2": "impression",
}  # fmt: skip
_SEXES = {"F": "F", "M": "M", "UN": "O"}


@dataclass(slots=True)
class CdaSection:
    """One section. kind: as in ``records.Section``; text: without the title."""

    title: str = ""
    kind: str = ""
    flow: TextFlow = field(default_factory=TextFlow)
    is_text: bool = False


@dataclass(slots=True)
class CdaDocument:
    """What a document says. birth_date and authored_at: as it stands in the file (HL7 TS)."""

    patient_ids: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)
    birth_date: str = ""
    sex: str | None = None
    authored_at: str = ""
    title: str = ""
    sections: list[CdaSection] = field(default_factory=list)
    attached: bytes = b""
    results: list[CodedResult] = field(default_factory=list)


def is_cda(data: bytes) -> bool:
    """Whether XML is a CDA document, judged by its first element."""
    head = data[:65_536]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.replace(b"\0", b"")
    return bool(re.search(rb"<(?:[\w.-]{1,40}:)?ClinicalDocument[\s>]", head))


def read_cda(data: bytes) -> CdaDocument:
    """Return what the document says.

    Raises ``FileRefusedError`` with PATIENT_MISMATCH, BAD_XML, TOO_LARGE, TOO_DEEP or NO_TEXT.
    """
    listener = _Listener()
    walk(data, listener)
    if listener.n_patients > 1:
        raise FileRefusedError(
            RefusalCode.PATIENT_MISMATCH,
            say("the document is about {count} patients", count=listener.n_patients),
        )
    document = listener.document
    document.attached = _attached(listener)
    document.results = listener.results.results
    if not document.attached and not any(str(s.flow).strip() for s in document.sections):
        raise FileRefusedError(RefusalCode.NO_TEXT, say("the document holds no text"))
    return document


def _attached(listener: "_Listener") -> bytes:
    raw = "".join(listener.body).strip()
    if not listener.is_base64:
        return raw.encode("utf-8", errors="replace")
    try:
        return base64.b64decode(re.sub(r"\s+", "", raw), validate=True)
    except (binascii.Error, ValueError) as error:
        raise FileRefusedError(
            RefusalCode.BAD_XML, say("what is attached to the document is not valid base64")
        ) from error


class _Listener:
    def __init__(self) -> None:
        self.document = CdaDocument()
        self.n_patients = 0
        self.body: list[str] = []
        self.is_base64 = False
        self.results = CdaResults()
        self._path: list[str] = []
        self._open: list[CdaSection] = []
        self._unseen = 0
        self._words: list[str] = []
        self._parts: dict[str, list[str]] = {}

    def start(self, name: str, namespace: str, attributes: Mapping[str, str]) -> None:
        """Take what stands in attributes, and open sections and blocks."""
        if not self._path and (name != "ClinicalDocument" or namespace != NAMESPACE):
            raise FileRefusedError(
                RefusalCode.BAD_XML, say("the XML is not a CDA document of release 2")
            )
        self._path.append(name)
        path = tuple(self._path)
        self._words = []
        if len(path) <= 5:
            self._head(path, attributes)
        self.results.start(self._path, attributes)
        if name == "section" and len(self._open) < 20:
            self._open.append(CdaSection())
            self.document.sections.append(self._open[-1])
            if len(self.document.sections) > _MAX_SECTIONS:
                raise FileRefusedError(
                    RefusalCode.TOO_MANY_ELEMENTS,
                    say("the document has more than {count} sections", count=_MAX_SECTIONS),
                )
        elif self._open:
            self._inside(path, attributes)

    def _head(self, path: tuple[str, ...], attributes: Mapping[str, str]) -> None:
        document = self.document
        if path == _ROLE:
            self.n_patients += 1
        elif path == (*_ROLE, "id"):
            number = attributes.get("extension", "").strip()
            if number and "nullFlavor" not in attributes:
                document.patient_ids.add(number[:64])
        elif path == (*_PERSON, "birthTime"):
            document.birth_date = attributes.get("value", "")
        elif path == (*_PERSON, "administrativeGenderCode"):
            document.sex = _SEXES.get(attributes.get("code", ""))
        elif path == (*_PERSON, "name"):
            self._parts = {}
        elif path == (*_ROOT, "effectiveTime"):
            document.authored_at = attributes.get("value", "")
        elif path == _BODY:
            self.is_base64 = attributes.get("representation", "").upper() == "B64"

    def _inside(self, path: tuple[str, ...], attributes: Mapping[str, str]) -> None:
        section, name = self._open[-1], path[-1]
        parent = path[-2]
        if parent == "section":
            section.is_text = name == "text"
            if name == "code":
                section.kind = _KIND_OF_LOINC.get(attributes.get("code", ""), "")
        if section.is_text:
            if attributes.get("revised") == "delete" or self._unseen:
                self._unseen += 1
            elif name in _BLOCKS:
                section.flow.line()

    def end(self, name: str, namespace: str) -> None:
        """Take what stands between the tags, and close sections and blocks."""
        path = tuple(self._path)
        words = readable("".join(self._words)).strip()
        if path[:-1] == (*_PERSON, "name"):
            self._parts.setdefault(name, []).append(words)
        elif path == (*_PERSON, "name"):
            self._name(words)
        elif path == (*_ROOT, "title"):
            self.document.title = words
        if self._open:
            section = self._open[-1]
            if path[-2:] == ("section", "title"):
                section.title = re.sub(r"\s+", " ", words)[:200]
            if self._unseen:
                self._unseen -= 1
            elif section.is_text and name in _CELLS:
                section.flow.tab()
            elif section.is_text and name in _BLOCKS:
                section.flow.line()
            if path[-2:] == ("section", "text"):
                section.is_text = False
            if name == "section":
                self._open.pop()
        self._words = []
        self.results.end(self._path)
        self._path.pop()

    def _name(self, words: str) -> None:
        family, given = (" ".join(self._parts.get(key, [])) for key in ("family", "given"))
        name = ", ".join(part for part in (family, given) if part) or words
        if name:
            self.document.names.append(name[:200])

    def text(self, data: str) -> None:
        """Take words, where they belong to something that is read."""
        if tuple(self._path) == _BODY:
            self.body.append(data)
        elif self._open and self._open[-1].is_text:
            if not self._unseen:
                self._open[-1].flow.add(data)
        else:
            self._words.append(data[:1000])


def lay_out(document: CdaDocument) -> tuple[str, list[tuple[str, str, int, int]]]:
    """Return the text of all sections, and (title, kind, start, end) of each in it."""
    text, places = "", []
    for section in document.sections:
        words = str(section.flow).strip()
        if not words and not section.title:
            continue
        start = len(text)
        text += "\n".join(
            part for part in (f"{section.title}:" * bool(section.title), words) if part
        )
        text += "\n\n"
        kind = section.kind or KINDS.get(section.title.lower().rstrip(":"), "other")
        places.append((section.title, kind, start, len(text)))
    return text.rstrip(), [(t, k, a, min(b, len(text.rstrip()))) for t, k, a, b in places]
