"""Text put together from marked-up pieces: words flow, blocks begin a new line."""

import re

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.language import say

MAX_CHARACTERS = 2_000_000

_BLANKS = re.compile(r"[ \t\n\r\f\v\u00a0]+")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class TextFlow:
    """Collects text as a reader would see it.

    Blanks run together as in HTML unless a piece is told to be kept as it stands.
    """

    def __init__(self) -> None:
        self._lines: list[list[str]] = [[]]
        self._size = 0

    def add(self, text: str, *, as_it_is: bool = False) -> None:
        """Add words to the line. Raises ``FileRefusedError`` (TOO_LARGE)."""
        clean = text if as_it_is else _BLANKS.sub(" ", text)
        self._size += len(clean)
        if self._size > MAX_CHARACTERS:
            raise too_much_text()
        self._lines[-1].append(clean)

    def tab(self) -> None:
        """Go on in the next cell."""
        self._lines[-1].append("\t")

    def line(self) -> None:
        """Begin a new line unless this one is still empty."""
        if any(piece.strip() for piece in self._lines[-1]):
            self._lines.append([])
        else:
            self._lines[-1] = []

    def __str__(self) -> str:
        """Return the text so far, one line per block."""
        joined = ("".join(line) for line in self._lines)
        tidy = (re.sub(r" {2,}", " ", line).strip(" \t") for line in joined)
        return readable("\n".join(line for line in tidy if line))


def readable(text: str) -> str:
    """Return ``text`` without control characters and halves of characters.

    Raises ``FileRefusedError`` (TOO_LARGE).
    """
    if len(text) > MAX_CHARACTERS:
        raise too_much_text()
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def too_much_text() -> FileRefusedError:
    """Return the refusal of a document that no person would read."""
    return FileRefusedError(
        RefusalCode.TOO_LARGE,
        say("the document has more than {count:,} characters", count=MAX_CHARACTERS),
    )
