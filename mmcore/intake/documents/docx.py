"""The text of a Word document: a zip of XML (ECMA-376, WordprocessingML), read by ourselves.

Headings at the top of pages come first, because letters say there whom they are about. What was
deleted with changes tracked, pictures, comments and embedded files are not read; templates and
links that lie elsewhere are never fetched.
"""

import re
from collections.abc import Mapping

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake import archive
from mmcore.intake.documents.text_flow import TextFlow
from mmcore.intake.documents.xml_events import MAX_XML_BYTES, walk
from mmcore.language import say

BODY = "word/document.xml"
_MAX_HEADERS = 10
_HEADER = re.compile(r"word/header\d{0,3}\.xml")
_WORD = ("http://schemas.openxmlformats.org/wordprocessingml/2006/main",
         "http://purl.oclc.org/ooxml/wordprocessingml/main")  # fmt: skip
_UNSEEN = frozenset({"moveFrom", "Fallback", "del"})


def is_docx(data: bytes) -> bool:
    """Whether a zip is a Word document, judged by the names it holds."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    names = archive.directory_of(data)
    return b"[Content_Types].xml" in names and BODY.encode() in names


def read_docx(data: bytes) -> str:
    """Return the text, headings of pages first.

    Raises ``FileRefusedError`` with ACTIVE_CONTENT, NO_TEXT, TOO_LARGE, BAD_XML, TOO_DEEP or as
    ``archive.read_members`` does.
    """
    members = archive.read_members(data, _is_read, limit=MAX_XML_BYTES)
    if any(name.lower().endswith("vbaproject.bin") for name in members):
        raise FileRefusedError(
            RefusalCode.ACTIVE_CONTENT,
            say("the document holds macros; save it without them first"),
        )
    if BODY not in members:
        raise FileRefusedError(RefusalCode.CORRUPT, say("the Word document has no text part"))
    headers = sorted(name for name in members if _HEADER.fullmatch(name))[:_MAX_HEADERS]
    texts = dict.fromkeys(_text_of(members[name]) for name in (*headers, BODY))
    text = "\n".join(part for part in texts if part.strip())
    if not text:
        raise FileRefusedError(RefusalCode.NO_TEXT, say("the document holds no text"))
    return text


def _is_read(name: str) -> bool:
    return name == BODY or bool(_HEADER.fullmatch(name)) or name.lower().endswith("vbaproject.bin")


def _text_of(xml: bytes) -> str:
    listener = _Paragraphs()
    walk(xml, listener)
    return str(listener.flow)


class _Paragraphs:
    def __init__(self) -> None:
        self.flow = TextFlow()
        self._unseen = 0
        self._cells = 0
        self._is_text = False

    def start(self, name: str, namespace: str, attributes: Mapping[str, str]) -> None:
        """Begin a line or a cell, or something that is not seen."""
        if name in _UNSEEN:
            self._unseen += 1
        elif namespace in _WORD:
            self._is_text = name == "t"
            self._cells += name == "tc"
            if name == "tab":
                self.flow.tab()
            elif name in ("br", "cr", "p"):
                self._part()

    def end(self, name: str, namespace: str) -> None:
        """End a line or a cell."""
        if name in _UNSEEN:
            self._unseen -= 1
        elif namespace in _WORD:
            self._is_text = False
            self._cells -= name == "tc"
            if name == "tc":
                self.flow.tab()
            elif name == "p":
                self._part()
            elif name == "tr":
                self.flow.line()

    def _part(self) -> None:
        """Begin a line; inside the cell of a table only a gap, so that a row stays one line."""
        if self._cells:
            self.flow.add(" ")
        else:
            self.flow.line()

    def text(self, data: str) -> None:
        """Take the words of runs."""
        if self._is_text and not self._unseen:
            self.flow.add(data, as_it_is=True)
