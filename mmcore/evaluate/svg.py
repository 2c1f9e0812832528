"""A chart with two axes as SVG text: enough for a model card, with no charting library.

The same numbers give the same bytes. The chart paints its own ground and follows the reader's light
or dark setting, names itself for screen readers, and tells apart by shape what it tells by color.
What is not a finite number is not drawn.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

WIDTH, HEIGHT = 520, 440
LEFT, RIGHT, TOP, BOTTOM = 64.0, 20.0, 62.0, 54.0
STYLE = (
    ".ground{fill:#ffffff}.ink{fill:#1a2733}.quiet{fill:#566778}"
    ".frame,.grid,.line,.guide,.whisker{fill:none}"
    ".frame{stroke:#8b99a6}.grid{stroke:#e3e8ec}.guide{stroke:#7c8a97;stroke-dasharray:5 4}"
    ".line{stroke:#0b7a75;stroke-width:2.2;stroke-linejoin:round}"
    ".band{fill:#0b7a75;fill-opacity:.16}.bar{fill:#8b99a6;fill-opacity:.45}"
    ".whisker{stroke:#0b7a75;stroke-width:1.6}.dot{fill:#0b7a75}"
    ".faint{fill:#0b7a75;fill-opacity:.45}"
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;font-size:12.5px}"
    ".title{font-size:15.5px;font-weight:600}"
    "@media(prefers-color-scheme:dark){"
    ".ground{fill:#111820}.ink{fill:#e7eef5}.quiet{fill:#a3b4c4}"
    ".frame{stroke:#5b7085}.grid{stroke:#22303d}.guide{stroke:#8193a4}"
    ".line,.whisker{stroke:#5fcdc3}.dot,.faint,.band{fill:#5fcdc3}.bar{fill:#5b7085}}"
)


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its label and ends.

    ticks: where lines and labels stand; at round numbers when empty. names: what stands at the
        ticks; their numbers when empty.
    """

    label: str
    low: float
    high: float
    ticks: tuple[float, ...] = ()
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.high > self.low:
            raise ValueError(f"an axis from {self.low} to {self.high}")
        if self.names and len(self.names) != len(self.ticks):
            raise ValueError(f"{len(self.names)} names for {len(self.ticks)} ticks")

    def labels(self) -> list[tuple[float, str]]:
        """Return where every tick stands and what it says."""
        ticks = self.ticks or round_ticks(self.low, self.high)
        return list(zip(ticks, self.names or [f"{tick:.6g}" for tick in ticks], strict=True))


class Chart:
    """A chart that is drawn mark by mark, the first at the back, and then rendered."""

    def __init__(
        self, title: str, description: str, *, x: Axis, y: Axis, height: int = HEIGHT
    ) -> None:
        """Start with frame and axes. ``description`` says in words what the chart shows."""
        longest = max((len(name) for name in y.names), default=0)
        self._left = max(LEFT, 24.0 + 7.0 * longest)
        self._title, self._description = title, description
        self._x, self._y, self._height = x, y, height
        self._marks: list[str] = []

    def band(self, x: Sequence[float], low: Sequence[float], high: Sequence[float]) -> None:
        """Shade what lies between two curves."""
        for run in _finite_runs(zip(x, low, high, strict=True)):
            upper = [self._at(a, c) for a, _, c in run]
            lower = [self._at(a, b) for a, b, _ in reversed(run)]
            self._marks.append(f'<polygon class="band" points="{_path(upper + lower)}"/>')

    def line(self, x: Sequence[float], y: Sequence[float], *, guide: bool = False) -> None:
        """Draw a curve, or a dashed guide to compare it with."""
        kind = "guide" if guide else "line"
        for run in _finite_runs(zip(x, y, strict=True)):
            points = _path([self._at(a, b) for a, b in run])
            self._marks.append(f'<polyline class="{kind}" points="{points}"/>')

    def whisker(self, x: float, low: float, high: float, *, across: bool = False) -> None:
        """Draw an interval at ``x`` along the y axis; or at y = ``x`` along the x axis."""
        if not all(map(math.isfinite, (x, low, high))):
            return
        ends = [(low, x), (high, x)] if across else [(x, low), (x, high)]
        self._marks.append(
            f'<polyline class="whisker" points="{_path([self._at(*end) for end in ends])}"/>'
        )

    def dot(self, x: float, y: float, *, hint: str = "", faint: bool = False) -> None:
        """Draw a point; ``hint`` is shown under the pointer and read aloud."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return
        column, row = self._at(x, y)
        kind, radius = ("faint", 2.6) if faint else ("dot", 4.2)
        title = f"<title>{escape(hint)}</title>" if hint else ""
        self._marks.append(
            f'<circle class="{kind}" cx="{column:.2f}" cy="{row:.2f}" r="{radius}">{title}</circle>'
        )

    def words(self, x: float, y: float, words: str) -> None:
        """Write words to the right of a point, such as the name of the line that ends there."""
        column, row = self._at(x, y)
        self._marks.append(_text(column + 9, row + 4, words, kind="quiet"))

    def bar(self, low: float, high: float, top: float) -> None:
        """Draw a bar from the bottom of the chart to ``top``."""
        (left, upper), (right, lower) = self._at(low, top), self._at(high, self._y.low)
        self._marks.append(
            f'<rect class="bar" x="{left:.2f}" y="{upper:.2f}" width="{right - left:.2f}" '
            f'height="{lower - upper:.2f}"/>'
        )

    def render(self, *, subtitle: str = "") -> str:
        """Return the SVG document."""
        right, bottom = WIDTH - RIGHT, self._height - BOTTOM
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self._height}" '
            f'width="{WIDTH}" height="{self._height}" role="img" '
            f"aria-label={quoteattr(self._title)}>",
            f"<title>{escape(self._title)}</title><desc>{escape(self._description)}</desc>",
            f"<style>{STYLE}</style>",
            f'<rect class="ground" width="{WIDTH}" height="{self._height}" rx="8"/>',
            _text(20, 28, self._title, kind="ink title"),
            _text(20, 47, subtitle, kind="quiet"),
        ]
        for at, words in self._x.labels():
            column, _ = self._at(at, self._y.low)
            parts.append(
                f'<path class="grid" d="M{column:.2f} {TOP:.2f}V{bottom:.2f}"/>'
                + _text(column, bottom + 19, words, kind="quiet", anchor="middle")
            )
        for at, words in self._y.labels():
            _, row = self._at(self._x.low, at)
            parts.append(
                f'<path class="grid" d="M{self._left:.2f} {row:.2f}H{right:.2f}"/>'
                + _text(self._left - 9, row + 4, words, kind="quiet", anchor="end")
            )
        middle = (self._left + right) / 2
        parts += [
            *self._marks,
            f'<rect class="frame" x="{self._left:.2f}" y="{TOP:.2f}" '
            f'width="{right - self._left:.2f}" height="{bottom - TOP:.2f}"/>',
            _text(middle, self._height - 13, self._x.label, kind="ink", anchor="middle"),
        ]
        if self._y.label:
            height = (TOP + bottom) / 2
            parts.append(
                f'<g transform="rotate(-90 18 {height:.2f})">'
                + _text(18, height + 4, self._y.label, kind="ink", anchor="middle")
                + "</g>"
            )
        return "\n".join([*(part for part in parts if part), "</svg>", ""])

    def _at(self, x: float, y: float) -> tuple[float, float]:
        """Return column and row of a point; what lies outside the axes is put on their edge."""
        across = (min(max(x, self._x.low), self._x.high) - self._x.low) / (
            self._x.high - self._x.low
        )
        up = (min(max(y, self._y.low), self._y.high) - self._y.low) / (self._y.high - self._y.low)
        return (
            self._left + across * (WIDTH - RIGHT - self._left),
            self._height - BOTTOM - up * (self._height - BOTTOM - TOP),
        )


def round_ticks(low: float, high: float, *, count: int = 5) -> tuple[float, ...]:
    """Return about ``count`` round numbers (1, 2 or 5 times a power of ten) from low to high."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(m for m in (1.0, 2.0, 5.0, 10.0) if m * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(round(k * step, 10) + 0.0 for k in range(first, last + 1))


def _finite_runs(points: Iterable[tuple[float, ...]]) -> list[list[tuple[float, ...]]]:
    runs = groupby(points, key=lambda point: all(map(math.isfinite, point)))
    return [list(run) for is_finite, run in runs if is_finite]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{column:.2f},{row:.2f}" for column, row in points)


def _text(column: float, row: float, words: str, *, kind: str, anchor: str = "start") -> str:
    if not words:
        return ""
    return (
        f'<text class="{kind}" x="{column:.2f}" y="{row:.2f}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )
