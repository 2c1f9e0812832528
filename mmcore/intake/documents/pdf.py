"""The text of a PDF; the only door to pypdf.

Text alone is taken: nothing is drawn, run, opened or fetched. A PDF that can run a script or start
a program is refused, because a document that needs either is no clinical note.
"""

import io
import logging
import re
from collections.abc import Iterator
from typing import Any

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.documents import text_flow
from mmcore.language import Text, say

MAX_PDF_BYTES = 64 * 2**20
MAX_PAGES = 300
MAX_OBJECTS = 100_000
MIN_LETTERS = 20
_MAX_UNPACKED = 32 * 2**20

PRODUCER = "Consilium"
"""What our own reports name as their producer; see ``mmcore.report.pdf``."""

_ACTIONS = frozenset({"/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/Rendition"})
_LETTER = re.compile(r"\w")


def read_pdf(data: bytes) -> tuple[str, tuple[Text, ...]]:
    """Return the text of all pages, one after another, and what must be said of it.

    Raises ``FileRefusedError`` with TOO_LARGE, LOCKED_FILE, ACTIVE_CONTENT, NO_TEXT, INFLATE_BOMB
    or CORRUPT.
    """
    if len(data) > MAX_PDF_BYTES:
        raise FileRefusedError(
            RefusalCode.TOO_LARGE,
            say("the PDF has more than {megabytes} MB", megabytes=MAX_PDF_BYTES >> 20),
        )
    from pypdf.errors import LimitReachedError

    try:
        return _read(data)
    except FileRefusedError:
        raise
    except LimitReachedError as error:
        raise _bomb() from error
    except MemoryError as error:
        raise _bomb() from error
    except Exception as error:
        raise FileRefusedError(RefusalCode.CORRUPT, say("the PDF is damaged or cut off")) from error


def _read(data: bytes) -> tuple[str, tuple[Text, ...]]:
    import pypdf
    from pypdf import apply_configuration

    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)  # its warnings quote what they read
    with apply_configuration(
        array_based_stream_maximum_output_length=_MAX_UNPACKED,
        lzw_maximum_output_length=_MAX_UNPACKED,
        run_length_maximum_output_length=_MAX_UNPACKED,
        zlib_maximum_output_length=_MAX_UNPACKED,
        stream_decoding_work_maximum_length=4 * _MAX_UNPACKED,
        jbig2dec_binary=None,  # pictures are not decoded, and no program is started
    ):
        return _read_pages(pypdf.PdfReader(io.BytesIO(data), strict=False))


def _read_pages(reader: Any) -> tuple[str, tuple[Text, ...]]:
    if reader.is_encrypted and not _is_open_to_readers(reader):
        raise FileRefusedError(
            RefusalCode.LOCKED_FILE, say("the PDF is locked with a password; unlock it first")
        )
    _check_actions(reader)
    _check_origin(reader)
    n_pages = len(reader.pages)
    if n_pages > MAX_PAGES:
        raise FileRefusedError(
            RefusalCode.TOO_LARGE, say("the PDF has more than {pages} pages", pages=MAX_PAGES)
        )
    texts: list[str] = []
    size = 0
    for page in reader.pages:
        text = _tidy(page.extract_text())
        size += len(text)
        if size > text_flow.MAX_CHARACTERS:
            raise text_flow.too_much_text()
        texts.append(text)
    with_words = [text for text in texts if len(_LETTER.findall(text[:4096])) >= MIN_LETTERS]
    if not with_words:
        raise FileRefusedError(
            RefusalCode.NO_TEXT,
            say("the PDF has no text, only pictures of pages; it was probably scanned"),
        )
    notices = [say("The text was taken from a PDF; tables and columns may read in another order.")]
    n_pictures = sum(not _LETTER.search(text) for text in texts)
    if n_pictures:
        notices.append(
            say("{n} of {pages} pages of the PDF have no text and were not read.",
                n=n_pictures, pages=n_pages)
        )  # fmt: skip
    return text_flow.readable("\n\n".join(text for text in texts if text)), tuple(notices)


def _is_open_to_readers(reader: Any) -> bool:
    """Whether an encrypted PDF opens without a password, as those do that only forbid printing."""
    from pypdf.errors import DependencyError

    try:
        return bool(reader.decrypt(""))
    except DependencyError:  # a cipher for which no library is here
        return False


def _check_origin(reader: Any) -> None:
    """Refuse reports of this program: no model is told what one of them said before."""
    told = reader.metadata
    if told is not None and str(told.get("/Producer", "")) == PRODUCER:
        raise FileRefusedError(
            RefusalCode.NO_TEXT,
            say("a report that a device made, which no model is told"),
            attribute="ObserverType",
        )


def _check_actions(reader: Any) -> None:
    """Refuse scripts and the like, wherever in the document they hang."""
    for found in _dictionaries(reader):
        if "/JS" in found or str(_name(found, "/S")) in _ACTIONS:
            raise FileRefusedError(
                RefusalCode.ACTIVE_CONTENT,
                say("the PDF holds a script or an action; print it into a new PDF first"),
            )


def _name(found: Any, key: str) -> object:
    value = found.raw_get(key) if key in found else ""
    return value if isinstance(value, str) else ""


def _dictionaries(reader: Any) -> Iterator[Any]:
    """Yield every dictionary that can be reached, without recursion and each but once."""
    from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

    seen: set[tuple[int, int]] = set()
    waiting: list[Any] = [reader.trailer]
    count = 0
    while waiting:
        here = waiting.pop()
        if isinstance(here, IndirectObject):
            key = (here.idnum, here.generation)
            if key in seen:
                continue
            seen.add(key)
            here = here.get_object()
        count += 1
        if count > MAX_OBJECTS:
            raise FileRefusedError(
                RefusalCode.TOO_MANY_ELEMENTS,
                say("the PDF has more than {count:,} objects", count=MAX_OBJECTS),
            )
        if isinstance(here, DictionaryObject):
            yield here
            waiting.extend(here.raw_get(key) for key in here)
        elif isinstance(here, ArrayObject):
            waiting.extend(list.__iter__(here))


def _tidy(text: str) -> str:
    lines = (re.sub(r"[ \t]{3,}", "  ", line).strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _bomb() -> FileRefusedError:
    return FileRefusedError(
        RefusalCode.INFLATE_BOMB, say("the PDF unpacks to far more than a document needs")
    )
