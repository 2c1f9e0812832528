"""The embedded fonts, and what happens to a character that they can not set faithfully."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from itertools import groupby
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from mmcore.language import ENGLISH, Text, translate

REGULAR, BOLD, OBLIQUE = "ConsiliumSans", "ConsiliumSans-Bold", "ConsiliumSans-Oblique"
CHINESE = "ConsiliumSansSC"
"""Sets what the other three lack. It has one weight, and Chinese has no oblique."""

_FOLDER = Path(__file__).resolve().parents[3] / "assets" / "fonts"
_FILES = {
    REGULAR: "DejaVuSans.ttf",
    BOLD: "DejaVuSans-Bold.ttf",
    OBLIQUE: "DejaVuSans-Oblique.ttf",
}
_CHINESE_FILE = "NotoSansSC-Regular.ttf"
_MAX_CHARACTERS = 2000
_RIGHT_TO_LEFT = ("R", "AL", "AN")
_LANGUAGE: ContextVar[str] = ContextVar("language of the report", default=ENGLISH)


@contextmanager
def written_in(language: str) -> Iterator[None]:
    """Set every ``Text`` in this language for as long as the block lasts."""
    token = _LANGUAGE.set(language)
    try:
        yield
    finally:
        _LANGUAGE.reset(token)


@cache
def _settable() -> frozenset[int]:
    """Register the fonts once and return the code points that all of the first three hold."""
    held: list[set[int]] = []
    for name, file in _FILES.items():
        font = TTFont(name, str(_FOLDER / file))
        pdfmetrics.registerFont(font)
        held.append(set(font.face.charToGlyph))
    return frozenset(set.intersection(*held))


@cache
def _chinese() -> frozenset[int]:
    """Register the Chinese font once and return the code points that it holds."""
    font = TTFont(CHINESE, str(_FOLDER / _CHINESE_FILE))
    pdfmetrics.registerFont(font)
    return frozenset(font.face.charToGlyph)


def register() -> None:
    """Make the fonts known to reportlab; later calls do nothing.

    The Chinese one waits for its first character: it is large, and most reports need none of it.
    """
    _settable()


@cache
def _printed(character: str) -> str:
    if character in "\t\n\r\v\f\u2028\u2029":
        return " "
    category = unicodedata.category(character)
    is_plain = (
        # Controls, invisible and combining characters are named, not set: a right-to-left override
        # or a zero-width space must not change how a line reads. Right-to-left scripts need shaping
        # that reportlab does not do; set unshaped they would read wrongly.
        category[0] != "C"
        and category not in ("Mn", "Me")
        and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT
        and (ord(character) in _settable() or ord(character) in _chinese())
    )
    return character if is_plain else f"[U+{ord(character):04X}]"


def printable(text: str) -> str:
    """Return text as it is printed, in the report's language, on one line, of 2,000 characters.

    Every character that the fonts can not set faithfully becomes its code point, such as
    "[U+5C71]"; the report says so in a footnote wherever ``is_substituted``.
    """
    words = _translated(text)
    shown = words if len(words) <= _MAX_CHARACTERS else words[:_MAX_CHARACTERS] + "\u2026"
    return "".join(map(_printed, unicodedata.normalize("NFC", shown)))


def is_substituted(text: str) -> bool:
    """Whether ``printable`` names at least one character of the text by its code point."""
    words = _translated(text)[:_MAX_CHARACTERS]
    return any(len(_printed(c)) > 1 for c in unicodedata.normalize("NFC", words))


def runs_of(text: str, font: str) -> Iterator[tuple[str, str]]:
    """Yield printable text in pieces, each with the font that sets it."""
    for is_own, characters in groupby(text, key=lambda c: ord(c) in _settable()):
        yield (font if is_own else CHINESE), "".join(characters)


def width_of(text: str, font: str, size: float) -> float:
    """Return the width of printable text in points."""
    return sum(
        float(pdfmetrics.stringWidth(piece, own, size)) for own, piece in runs_of(text, font)
    )


def _translated(text: str) -> str:
    """Return a ``Text`` in the report's language; what a file says is never looked up."""
    return translate(text, _LANGUAGE.get()) if isinstance(text, Text) else text
