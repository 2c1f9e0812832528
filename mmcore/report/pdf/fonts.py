"""The embedded fonts, and what happens to a character that they can not set faithfully."""

import unicodedata
from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, BOLD, OBLIQUE = "ConsiliumSans", "ConsiliumSans-Bold", "ConsiliumSans-Oblique"

_FOLDER = Path(__file__).resolve().parents[3] / "assets" / "fonts"
_FILES = {
    REGULAR: "DejaVuSans.ttf",
    BOLD: "DejaVuSans-Bold.ttf",
    OBLIQUE: "DejaVuSans-Oblique.ttf",
}
_MAX_CHARACTERS = 2000
_RIGHT_TO_LEFT = ("R", "AL", "AN")


@cache
def _settable() -> frozenset[int]:
    """Register the fonts once and return the code points that all of them hold."""
    held: list[set[int]] = []
    for name, file in _FILES.items():
        font = TTFont(name, str(_FOLDER / file))
        pdfmetrics.registerFont(font)
        held.append(set(font.face.charToGlyph))
    return frozenset(set.intersection(*held))


def register() -> None:
    """Make the fonts known to reportlab; later calls do nothing."""
    _settable()


@cache
def _printed(character: str) -> str:
    if character in "\t\n\r\v\f\u2028\u2029":
        return " "
    category = unicodedata.category(character)
    is_plain = (
        ord(character) in _settable()
        # Controls, invisible and combining characters are named, not set: a right-to-left override
        # or a zero-width space must not change how a line reads. Right-to-left scripts need shaping
        # that reportlab does not do; set unshaped they would read wrongly.
        and category[0] != "C"
        and category not in ("Mn", "Me")
        and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT
    )
    return character if is_plain else f"[U+{ord(character):04X}]"


def printable(text: str) -> str:
    """Return text as it is printed, on one line and cut at 2,000 characters.

    Every character that the fonts can not set faithfully becomes its code point, such as
    "[U+5C71]"; the report says so in a footnote wherever ``is_substituted``.
    """
    shown = text if len(text) <= _MAX_CHARACTERS else text[:_MAX_CHARACTERS] + "\u2026"
    return "".join(map(_printed, unicodedata.normalize("NFC", shown)))


def is_substituted(text: str) -> bool:
    """Whether ``printable`` names at least one character of the text by its code point."""
    return any(len(_printed(c)) > 1 for c in unicodedata.normalize("NFC", text[:_MAX_CHARACTERS]))


def width_of(text: str, font: str, size: float) -> float:
    """Return the width of printable text in points."""
    return float(pdfmetrics.stringWidth(text, font, size))
