"""Burned-in markers on simulated films: the letter that a shortcut hangs on, and where it stands.

A film with a marker and the same film without one differ in the marker alone, so a model whose
label is decided by the marker has a cause that is known to the pixel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from mmcore.simulate.lesions import Mask

Corner = Literal["upper left", "upper right", "lower left", "lower right"]
CORNERS: tuple[Corner, ...] = ("upper left", "upper right", "lower left", "lower right")

_GLYPHS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "L": ("1....", "1....", "1....", "1....", "1....", "1....", "11111"),
        "R": ("1111.", "1...1", "1...1", "1111.", "1.1..", "1..1.", "1...1"),
        "A": (".111.", "1...1", "1...1", "11111", "1...1", "1...1", "1...1"),
        "P": ("1111.", "1...1", "1...1", "1111.", "1....", "1....", "1...."),
    }
)
_GLYPH_ROWS = 7
_PERCENTILES = (1, 99)  # between which the model's preparation shows a film


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker to burn in.

    text: of the letters L, R, A and P. row, column: of its middle, as fractions of the film.
    height: of the letters, as a fraction of the film's rows. contrast: how far it stands out from
    what it covers, as a fraction of the film's own range, in (0, 1].

    Raises ``ValueError`` where one of them can not be drawn.
    """

    text: str
    row: float
    column: float
    height: float = 0.05
    contrast: float = 0.5

    def __post_init__(self) -> None:
        if not self.text or set(self.text) - set(_GLYPHS):
            raise ValueError(f"text must be of the letters {', '.join(_GLYPHS)}")
        if not (0 <= self.row <= 1 and 0 <= self.column <= 1):
            raise ValueError("row and column must be fractions of the film")
        if not (0 < self.height <= 0.5 and 0 < self.contrast <= 1):
            raise ValueError("height must be in (0, 0.5] and contrast in (0, 1]")


@dataclass(frozen=True, slots=True, eq=False)
class MarkedFilm:
    """pixels: (rows, columns) uint16 with the marker; mask: its strokes, and nothing else."""

    pixels: npt.NDArray[np.uint16]
    mask: Mask


def sample_marker(rng: np.random.Generator, *, corner: Corner, text: str = "L") -> Marker:
    """Draw place, size and contrast of a marker in one corner of a film, clear of its border."""
    down, across = corner.split()
    row, column = (float(x) for x in rng.uniform(0.08, 0.16, 2))
    return Marker(
        text,
        row=row if down == "upper" else 1.0 - row,
        column=column if across == "left" else 1.0 - column,
        height=float(rng.uniform(0.035, 0.07)),
        contrast=float(rng.uniform(0.4, 0.8)),
    )


def plant_marker(pixels: npt.NDArray[np.uint16], marker: Marker) -> MarkedFilm:
    """Return a copy of a film (rows, columns) with ``marker`` burned into it.

    It is one flat grey, as of lead or of a printer: lighter than what lies under it where the
    film's range leaves more room above than below, else darker, and never beyond that range. A
    marker that would reach beyond the film is moved inside. Raises ``ValueError`` where the film
    is too small for it.
    """
    strokes = _draw(marker.text, rows=round(marker.height * pixels.shape[0]))
    room = np.subtract(pixels.shape, strokes.shape)
    if (room < 0).any():
        raise ValueError("the marker is larger than the film")
    middle = np.multiply((marker.row, marker.column), pixels.shape)
    top, left = (int(x) for x in np.clip(middle - np.divide(strokes.shape, 2), 0, room))
    mask = np.zeros(pixels.shape, bool)
    mask[top : top + strokes.shape[0], left : left + strokes.shape[1]] = strokes
    covered = pixels[top : top + strokes.shape[0], left : left + strokes.shape[1]]
    low, high = np.percentile(pixels, _PERCENTILES)
    step = marker.contrast * (high - low)
    lighter, darker = float(covered.max()) + step, float(covered.min()) - step
    grey = lighter if high - lighter >= darker - low else darker
    marked = np.where(mask, np.uint16(np.clip(grey, pixels.min(), pixels.max())), pixels)
    return MarkedFilm(marked, mask)


def _draw(text: str, *, rows: int) -> Mask:
    """Return ``text`` as strokes, (rows, columns); one empty glyph column parts two letters."""
    glyphs = [np.array([list(line) for line in _GLYPHS[letter]]) == "1" for letter in text]
    gap = np.zeros((_GLYPH_ROWS, 1), bool)
    line = np.hstack([part for glyph in glyphs for part in (glyph, gap)][:-1])
    rows = max(rows, _GLYPH_ROWS)
    columns = round(rows * line.shape[1] / _GLYPH_ROWS)
    down = np.arange(rows) * _GLYPH_ROWS // rows
    across = np.arange(columns) * line.shape[1] // columns
    drawn: Mask = line[down[:, None], across[None]]
    return drawn
