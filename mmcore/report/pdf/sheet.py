"""A4 sheets that are filled from the top with literal text.

Text is drawn as a string of glyphs, never parsed as markup, so nothing a file says can load an
image, open a file, follow a link or break a paragraph.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from mmcore.report.pdf.fonts import (
    BOLD,
    CHINESE,
    OBLIQUE,
    REGULAR,
    is_substituted,
    printable,
    runs_of,
    width_of,
)
from mmcore.report.pdf.tagging import Kind, Tags

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN = 42.0
CONTENT_WIDTH = PAGE_WIDTH - 2 * MARGIN
BOTTOM = 60.0
"""Where the content ends, in points above the lower edge; the footer lies below."""

INK, MUTED, RULE, NAVY = "#1b1f24", "#5b6570", "#c9d0d6", "#12344d"
FOR, AGAINST, CAUTION, TINT = "#c2410c", "#1d5fa8", "#8a5a00", "#f2f5f7"
"""FOR and AGAINST differ in hue for colour-blind readers and are never the only sign."""

Align = Literal["left", "right", "center"]

_WIDE = re.compile("[\u2e80-\u9fff\uff00-\uffef]")
_OPENING = "\u201c\u2018\u3008\u300a\u300c\u300e\u3010\u3014\uff08\uff3b\uff5b"
_CLOSING = (
    "\u201d\u2019\u3001\u3002\u3009\u300b\u300d\u300f\u3011\u3015\uff01\uff09\uff0c\uff0e\uff1a\uff1b"
    "\uff1f\uff3d\uff5d"
)
_PIECE = re.compile(
    f"[{_OPENING}]*(?:[\u2e80-\u9fff\uff00-\uffef]|[^\u2e80-\u9fff\uff00-\uffef{_OPENING}{_CLOSING}]+)"
    f"[{_CLOSING}]*|[{_OPENING}{_CLOSING}]+"
)


@dataclass(frozen=True, slots=True)
class Style:
    """How text is set; ``leading`` is the distance of two lines in points."""

    size: float = 7.5
    font: str = REGULAR
    color: str = INK

    @property
    def leading(self) -> float:
        """Distance from one line to the next, in points."""
        return self.size * 1.32


BODY = Style()
STRONG = Style(font=BOLD)
SMALL = Style(size=6.4, color=MUTED)
NOTE = Style(size=6.8, font=OBLIQUE, color=MUTED)
HEADING = Style(size=8.6, font=BOLD, color=NAVY)


def wrap(text: str, style: Style, width: float, *, max_lines: int = 50) -> list[str]:
    """Return printable lines that fit the width; long words are split, cuts end in an ellipsis.

    Chinese breaks between any two characters, but no line begins with what closes or ends.
    """
    lines: list[str] = []
    line = ""
    for word, gap in _words_of(printable(text)):
        joined = f"{line}{gap}{word}" if line else word
        if width_of(joined, style.font, style.size) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        while width_of(word, style.font, style.size) > width and len(lines) <= max_lines:
            head = _fitting(word, style, width)
            lines.append(word[:head])
            word = word[head:]
        line = word
        if len(lines) > max_lines:
            break
    lines.append(line)
    if len(lines) > max_lines:
        rest = lines[max_lines - 1] + _gap(*lines[max_lines - 1 : max_lines + 1])
        return [*lines[: max_lines - 1], clip(rest + lines[max_lines], style, width)]
    return lines if lines != [""] else []


def _words_of(text: str) -> Iterator[tuple[str, str]]:
    """Yield what must not be broken, with the space before it where there is one."""
    for word in text.split():
        gap = " "
        for piece in _PIECE.findall(word) if _WIDE.search(word) else (word,):
            yield piece, gap
            gap = ""


def _gap(before: str, after: str) -> str:
    """Return the space between two lines that are one again; Chinese needs none."""
    is_wide = _WIDE.search(before[-1:]) or _WIDE.search(after[:1])
    return "" if is_wide else " "


def clip(text: str, style: Style, width: float) -> str:
    """Return one printable line that fits the width, ending in an ellipsis where it was cut."""
    line = " ".join(printable(text).split())
    if width_of(line, style.font, style.size) <= width:
        return line
    room = width - width_of("\u2026", style.font, style.size)
    return line[: _fitting(line, style, room)].rstrip() + "\u2026"


def _fitting(text: str, style: Style, width: float) -> int:
    """Return how many leading characters fit, at least one."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width_of(text[:middle], style.font, style.size) <= width:
            low = middle
        else:
            high = middle - 1
    return low


class Sheet:
    """The pages of one report and the place on them where the next thing goes.

    ``head`` is drawn when a page begins, so that a screen reader meets it first, and ``foot`` when
    the page is complete; both are given the sheet.
    """

    def __init__(
        self, canvas: Canvas, *, head: Callable[["Sheet"], None],
        foot: Callable[["Sheet"], None], top: float,
    ) -> None:  # fmt: skip
        self.canvas = canvas
        self.tags = Tags(canvas)
        self.page = 1
        self.top = top
        self.y = top
        self.is_substituted = False
        self._head = head
        self._foot = foot
        self._kind: Kind = "P"
        self._head(self)

    @property
    def room(self) -> float:
        """Height left on this page, in points."""
        return self.y - BOTTOM

    def finish_page(self) -> None:
        """Complete the page with its foot."""
        with self.tags.artifact():
            self._foot(self)
        self.canvas.showPage()
        self.tags.next_page()

    def next_page(self) -> None:
        """Complete the page and start another."""
        self.finish_page()
        self.page += 1
        self.y = self.top
        self.is_substituted = False
        with self.tags.artifact():
            self._head(self)

    def need(self, height: float) -> None:
        """Start another page unless so much height is left on this one."""
        if self.room < height:
            self.next_page()

    @contextmanager
    def row(self, *, is_head: bool = False) -> Iterator[None]:
        """Make each line that is drawn inside the block a cell of one row of a table."""
        before, self._kind = self._kind, "TH" if is_head else "TD"
        with self.tags.group("TR"):
            yield
        self._kind = before

    def figure(self, alternative: str) -> AbstractContextManager[None]:
        """Make what is drawn inside the block a figure, of which ``alternative`` is read aloud."""
        return self.tags.content("Figure", printable(alternative))

    def text(
        self, x: float, y: float, text: str, style: Style = BODY, *, align: Align = "left"
    ) -> float:
        """Draw one line with its baseline at ``y`` and return its width."""
        with self.tags.content(self._kind):
            return self._line(x, y, text, style, align)

    def _line(self, x: float, y: float, text: str, style: Style, align: Align) -> float:
        self.is_substituted |= is_substituted(text)
        line = printable(text)
        width = width_of(line, style.font, style.size)
        self.canvas.setFillColor(HexColor(style.color))
        at = x - {"left": 0.0, "right": width, "center": width / 2}[align]
        for font, piece in runs_of(line, style.font):
            self.canvas.setFont(font, style.size)
            if font == CHINESE and style.font == BOLD:  # of one weight: the outline makes it bold
                self.canvas.setStrokeColor(HexColor(style.color))
                self.canvas.setLineWidth(0.03 * style.size)
                self.canvas.drawString(at, y, piece, mode=2)
            else:
                self.canvas.drawString(at, y, piece)
            at += width_of(piece, font, style.size)
        return width

    def clipped(self, x: float, y: float, text: str, width: float, style: Style = BODY) -> None:
        """Draw one line cut to a width."""
        self.is_substituted |= is_substituted(text)
        self.text(x, y, clip(text, style, width), style)

    def paragraph(
        self, text: str, style: Style = BODY, *, x: float = MARGIN, width: float = CONTENT_WIDTH,
        max_lines: int = 50,
    ) -> None:  # fmt: skip
        """Draw wrapped text at the cursor and move the cursor below it."""
        self.is_substituted |= is_substituted(text)
        lines = wrap(text, style, width, max_lines=max_lines)
        if not lines:
            return
        with self.tags.content("P"):
            for line in lines:
                self.y -= style.leading
                self.text(x, self.y + 0.25 * style.size, line, style)

    def heading(self, text: str, *, x: float = MARGIN, width: float = CONTENT_WIDTH) -> None:
        """Draw a section heading over a thin rule at the cursor."""
        self.tags.section()
        self.y -= 15.0
        with self.tags.content("H2"):
            self.clipped(x, self.y + 3.2, text, width, HEADING)
        self.rule(x, self.y, width, color=NAVY)
        self.y -= 2.5

    def rule(self, x: float, y: float, width: float, *, color: str = RULE) -> None:
        """Draw a thin horizontal line."""
        with self.tags.artifact():
            self.canvas.setStrokeColor(HexColor(color))
            self.canvas.setLineWidth(0.5)
            self.canvas.line(x, y, x + width, y)

    def box(
        self, x: float, y: float, width: float, height: float, *,
        fill: str | None = None, stroke: str | None = None,
    ) -> None:  # fmt: skip
        """Draw a rectangle with its lower left corner at (x, y)."""
        with self.tags.artifact():
            if fill is not None:
                self.canvas.setFillColor(HexColor(fill))
            if stroke is not None:
                self.canvas.setStrokeColor(HexColor(stroke))
            self.canvas.setLineWidth(0.6)
            self.canvas.rect(x, y, width, height, stroke=int(bool(stroke)), fill=int(bool(fill)))

    def facts(
        self, facts: Sequence[tuple[str, str]], *, x: float, width: float, label_width: float
    ) -> None:
        """Draw a column of labelled facts at the cursor, each on one line."""
        with self.tags.group("Table"):
            for label, value in facts:
                self.y -= BODY.leading
                baseline = self.y + 2.0
                with self.row():
                    with self.tags.content("TH"):
                        self.text(x, baseline, label, replace(SMALL, size=6.8))
                    self.clipped(x + label_width, baseline, value, width - label_width)
