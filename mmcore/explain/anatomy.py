"""Which place of the chest every cell of an overlay lies in, from where the model sees lung."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_closing, binary_dilation, binary_fill_holes, label

from mmcore.explain.markers import find_markers
from mmcore.language import Text, say
from mmcore.orientation import Side
from mmcore.records import FloatArray, Place

LUNG = 0.5  # probability from which a cell is lung
SPLITS = (0.5, 0.7, 0.85, 0.95)  # probabilities at which two lungs that touch may part
LEAST_LUNG, MOST_LUNG = 0.08, 0.60  # of the square, both lungs together
SMALLEST_LUNG = 0.02  # of the square, one lung
LEAST_RATIO = 0.2  # of the larger lung's size, the smaller one's
MISSING = 0.15  # of the taller lung's height; a lung that ends sooner lacks its base or apex
UNEVEN = 3  # cells; domes of the diaphragm differ by less
CLOSING = 2  # cells over which a gap in an outline is closed
ZONE_ENDS = (0.36, 0.58)  # of a lung's height, where upper and middle zone end
ZONES = ("upper zone", "middle zone", "lower zone")
MARGIN = "lung margin"
PATIENT_SIDES = {
    "upper zone": {"R": say("right upper zone"), "L": say("left upper zone")},
    "middle zone": {"R": say("right middle zone"), "L": say("left middle zone")},
    "lower zone": {"R": say("right lower zone"), "L": say("left lower zone")},
    MARGIN: {"R": say("right lung margin"), "L": say("left lung margin")},
}
IMAGE_SIDES = {
    "upper zone": (say("upper zone at the image's left"), say("upper zone at the image's right")),
    "middle zone": (
        say("middle zone at the image's left"),
        say("middle zone at the image's right"),
    ),
    "lower zone": (say("lower zone at the image's left"), say("lower zone at the image's right")),
    MARGIN: (say("lung margin at the image's left"), say("lung margin at the image's right")),
}
RECESS = 3  # cells around a lung's outline that are pleura and its recesses as much as wall
BORDER = 2  # outermost cells of the square
FLAT = 0.02  # of the image's range: a line of cells that varies less, at an edge, is padding
MARKER_REACH = 2  # cells by which the blur of an overlay carries a marker's evidence
SMEAR = 4  # further cells over which evidence falls off from a peak at a marker: one token
OVERLAP = 0.1  # of a cell's pixels that a marker must hold

MEDIASTINUM = say("heart and mediastinum")
DIAPHRAGM = say("below the diaphragm")
WALL = say("chest wall and shoulders")
EDGE = say("border of the image")
MARKER = say("text marker")
OUTSIDE = frozenset({DIAPHRAGM, WALL, EDGE, MARKER})
MARKS: Mapping[str, Text] = {MARKER: say("at a text marker"), EDGE: say("at the border")}
BESIDE = say("outside the lungs")

Box = tuple[float, float, float, float]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """The chest as a partition of an overlay's cells.

    names: of the places. cells: (h, w), the index in ``names`` of the place a cell lies in.
    """

    names: tuple[str, ...]
    cells: Numbers

    def sum_places(self, overlay: npt.NDArray[np.float64]) -> tuple[Place, ...]:
        """Return every place that holds evidence, strongest first; they sum to the overlay.

        What falls off from a peak at a marker is the marker's, over ``SMEAR`` cells around it and
        as far as no lung lies there: an overlay is no sharper than the encoder's tokens.

        Raises ``ValueError`` if the overlay's cells are not the anatomy's.
        """
        if overlay.shape != self.cells.shape:
            raise ValueError(f"an overlay of {overlay.shape} on cells of {self.cells.shape}")
        count = len(self.names)
        rising, falling = np.maximum(overlay, 0.0), np.maximum(-overlay, 0.0)
        positive = np.bincount(self._places_of(rising).ravel(), rising.ravel(), count)
        negative = -np.bincount(self._places_of(falling).ravel(), falling.ravel(), count)
        places = [
            Place(name, float(p), float(n), is_outside=name in OUTSIDE)
            for name, p, n in zip(self.names, positive, negative, strict=True)
            if p or n
        ]
        return tuple(sorted(places, key=lambda place: place.negative - place.positive))

    def _places_of(self, evidence: npt.NDArray[np.float64]) -> Numbers:
        """Return the place of every cell (h, w), with what belongs to a peak at a marker there."""
        if MARKER not in self.names:
            return self.cells
        marker = self.names.index(MARKER)
        is_marker = self.cells == marker
        if not is_marker.any():
            return self.cells
        is_lung = np.array([name.endswith(ZONES) or " at the image" in name for name in self.names])
        near = binary_dilation(is_marker, np.ones((3, 3)), iterations=SMEAR)
        slope = is_marker.ravel()[peaks(evidence)] & near & ~is_lung[self.cells]
        return np.where(slope & (evidence > 0.0), marker, self.cells)

    def place_of(
        self, cells: Numbers, weights: npt.NDArray[np.float64], *, peak: tuple[int, int]
    ) -> str:
        """Return the place of a region: cells (n, 2) with their evidence (n,), and the strongest.

        It is the marker where that holds the peak. Else the majority of the evidence says whether
        the region lies outside, and of those places the one that holds most of it is named.
        """
        if self.names[self.cells[peak]] == MARKER:
            return MARKER
        at = self.cells[cells[:, 0], cells[:, 1]]
        held = np.bincount(at, np.abs(weights), len(self.names))
        is_outside = np.array([name in OUTSIDE for name in self.names])
        mostly = held[is_outside].sum() > held[~is_outside].sum()
        return self.names[int(np.where(is_outside == mostly, held, -1.0).argmax())]


def peaks(values: npt.NDArray[np.float64]) -> Numbers:
    """Return for each cell (h, w) the flat number of the peak that steepest ascent from it ends at.

    A cell that no neighbour exceeds is its own peak.
    """
    rows, columns = values.shape
    numbers = np.arange(values.size).reshape(values.shape)
    steps = sorted(product((-1, 0, 1), repeat=2), key=lambda step: step != (0, 0))
    padded = np.pad(values, 1, constant_values=-np.inf)
    around = np.stack([padded[1 + r : 1 + r + rows, 1 + c : 1 + c + columns] for r, c in steps])
    offsets = np.array([r * columns + c for r, c in steps])
    ahead: Numbers = numbers + offsets[around.argmax(0)]  # itself comes first, so it wins ties
    while True:
        further = ahead.ravel()[ahead]
        if np.array_equal(further, ahead):
            return ahead
        ahead = further


def mark_of(place: str) -> str:
    """Return what a reader must know of evidence in ``place``, or nothing where it belongs."""
    return MARKS.get(place, BESIDE if place in OUTSIDE else "")


def build_anatomy(
    lungs: FloatArray, *, image: FloatArray, box: Box, sides: tuple[Side, Side] | None
) -> Anatomy | None:
    """Return the places of the chest, or None where the outline is not that of two lungs.

    lungs: (h, w) probability of lung over the square. image: (C, H, W), the model's, with H and W
    multiples of h and w. box and sides: as of ``PreparedImage``.

    Zones are cut across each lung between apex and costophrenic angle, near the carina and the
    lower end of the hila, where radiologists cut them (second and fourth rib in front). A lung
    that ends sooner than the other, as one whose base is opaque, is completed with the other's
    mirror image. Wall and diaphragm within ``RECESS`` cells of a lung are its margin: an effusion
    shows in the recesses of the pleura, outside what is outlined as lung.
    """
    pair = _part_lungs(lungs)
    if pair is None:
        return None
    fields = _complete(_fill(pair[0], is_left=True), _fill(pair[1], is_left=False))
    names: list[str] = [MEDIASTINUM, DIAPHRAGM, WALL, EDGE, MARKER]
    surroundings = _surround(fields)
    cells = surroundings.copy()
    grey = image.mean(0)
    both = fields[0] | fields[1]
    padding, rim = _edges(grey, both.shape, box)
    cells[rim | padding] = names.index(EDGE)
    for number, field in enumerate(fields):
        cuts = _zone_cuts(field)
        for zone, name in enumerate(ZONES):
            rows = np.arange(len(field))[:, None]
            is_here = field & (np.searchsorted(cuts, rows, side="right") == zone)
            cells[is_here & ~padding] = len(names)
            names.append(_name_zone(name, number, sides))
    for number, field in enumerate(fields):
        beside = binary_dilation(field, iterations=RECESS) & ~both & ~padding & ~rim
        cells[beside & np.isin(cells, (names.index(DIAPHRAGM), names.index(WALL)))] = len(names)
        names.append(_name_zone(MARGIN, number, sides))
    lower = max(_span(field)[1] for field in fields)
    above = np.arange(len(both))[:, None] <= lower
    chest = both | (surroundings == 0) | ((surroundings == 1) & above)
    height, width = (n // m for n, m in zip(grey.shape, both.shape, strict=True))
    fine = [m.repeat(height, 0).repeat(width, 1) for m in (both, chest)]
    held = find_markers(grey, lungs=fine[0], chest=fine[1])
    share = held.reshape(both.shape[0], height, both.shape[1], width).mean((1, 3))
    is_marker = share >= OVERLAP
    near = binary_dilation(is_marker, np.ones((3, 3)), iterations=MARKER_REACH)
    cells[is_marker | (near & ~both)] = names.index(MARKER)
    return Anatomy(tuple(names), cells)


def _name_zone(zone: str, number: int, sides: tuple[Side, Side] | None) -> str:
    return IMAGE_SIDES[zone][number] if sides is None else PATIENT_SIDES[zone][sides[number]]


def _part_lungs(lungs: FloatArray) -> tuple[Mask, Mask] | None:
    """Return the lungs at the image's left and right, or None where there are not two."""
    outline = lungs >= LUNG
    if not LEAST_LUNG <= outline.mean() <= MOST_LUNG:
        return None
    for level in SPLITS:
        pieces, _ = label(lungs >= level)
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        order = np.argsort(-sizes)[:3]
        if len(order) < 2 or sizes[order[1]] < max(
            SMALLEST_LUNG * lungs.size, LEAST_RATIO * sizes[order[0]]
        ):
            continue
        if len(order) == 3 and 2 * sizes[order[2]] > sizes[order[1]]:
            return None
        pair = [pieces == number for number in order[:2]]
        pair.sort(key=_middle)
        if not _are_beside(*pair):
            return None
        return _grow(pair[0], pair[1], outline)
    return None


def _middle(mask: Mask) -> float:
    return float(np.nonzero(mask)[1].mean())


def _are_beside(left: Mask, right: Mask) -> bool:
    """Say whether two masks share rows, and each lies beyond the other's middle."""
    shared = left.any(1) & right.any(1)
    if 2 * shared.sum() < min(left.any(1).sum(), right.any(1).sum()):
        return False
    ends, starts = np.nonzero(left.any(0))[0][-1], np.nonzero(right.any(0))[0][0]
    return bool(ends < _middle(right) and starts > _middle(left))


def _grow(left: Mask, right: Mask, outline: Mask) -> tuple[Mask, Mask]:
    """Return the pieces of ``outline`` that hold the two seeds, each cell with the nearer seed."""
    pieces, _ = label(outline)
    own = np.isin(pieces, np.unique(pieces[left | right]))
    cells = np.argwhere(own)
    away = [
        np.abs(cells[:, None] - np.argwhere(seed)[None]).sum(2).min(1) for seed in (left, right)
    ]
    grown = np.zeros(outline.shape, bool)
    grown[tuple(cells[away[0] <= away[1]].T)] = True
    return grown, own & ~grown


def _fill(lung: Mask, *, is_left: bool) -> Mask:
    """Close gaps and holes in the outline, and every notch in its side towards the chest wall.

    A healthy lung is convex there; a notch is lung that the model did not see for an opacity.
    """
    pad = CLOSING + 1
    closed = binary_closing(np.pad(lung, pad), iterations=CLOSING)[pad:-pad, pad:-pad]
    filled: Mask = binary_fill_holes(closed | lung)
    outward = filled if is_left else filled[:, ::-1]
    rows = np.nonzero(outward.any(1))[0]
    edge = outward.argmax(1)
    hull: list[int] = []
    for row in rows:
        while len(hull) > 1 and _is_notch(edge, hull[-2], hull[-1], int(row)):
            hull.pop()
        hull.append(int(row))
    wall = np.ceil(np.interp(np.arange(len(edge)), hull, edge[hull]) - 1e-9)
    columns = np.arange(outward.shape[1])[None]
    lung_rows = outward.any(axis=1, keepdims=True)
    notch: Mask = (columns >= wall[:, None]) & (columns < edge[:, None]) & lung_rows
    result: Mask = filled | (notch if is_left else np.flip(notch, axis=1))
    return result


def _is_notch(edge: Numbers, above: int, row: int, below: int) -> bool:
    """Say whether the edge at ``row`` lies inwards of the line between two other rows."""
    line = (edge[above] * (below - row) + edge[below] * (row - above)) / (below - above)
    return bool(edge[row] >= line)


def _span(field: Mask) -> tuple[int, int]:
    rows = np.nonzero(field.any(1))[0]
    return int(rows[0]), int(rows[-1])


def _complete(left: Mask, right: Mask) -> tuple[Mask, Mask]:
    """Give each field what it lacks at base or apex of the other's height, mirrored."""
    shared = np.nonzero(left.any(1) & right.any(1))[0]
    ends = left.shape[1] - 1 - left[shared, ::-1].argmax(1)
    twice = round(float(np.median(ends + right[shared].argmax(1))))
    return _mirror(left, right, twice), _mirror(right, left, twice)


def _mirror(own: Mask, other: Mask, twice: int) -> Mask:
    """Complete one field; column c of the other falls on ``twice - c``."""
    (top, bottom), (first, last) = _span(own), _span(other)
    most = MISSING * max(bottom - top + 1, last - first + 1)
    columns = twice - np.arange(own.shape[1])
    is_there = (columns >= 0) & (columns < own.shape[1])
    mirrored = other[:, columns.clip(0, own.shape[1] - 1)] & is_there & ~other
    rows = np.arange(own.shape[0])[:, None]
    lacks_base = (rows > bottom) & (last - bottom > most)
    lacks_apex = (rows < top) & (top - first > most)
    result: Mask = own | (mirrored & (lacks_base | lacks_apex))
    return result


def _zone_cuts(field: Mask) -> npt.NDArray[np.float64]:
    """Return the first row of the middle and of the lower zone."""
    top, bottom = _span(field)
    height = bottom + 1 - top
    return top - 0.5 + height * np.array(ZONE_ENDS)


def _surround(fields: tuple[Mask, Mask]) -> Numbers:
    """Return the number of mediastinum (0), abdomen (1) or chest wall (2) for every cell.

    Below the costophrenic angles everything is abdomen. Between the outer edges of the lungs the
    diaphragm parts heart and abdomen on each side of the midline; a dome that seems to stand far
    above the other is the heart's outline, and the other one's height is taken.
    """
    left, right = fields
    height, width = left.shape
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    spans = _span(left), _span(right)
    domes = _dome(left), _dome(right)
    lower = max(domes)
    own = [dome if lower - dome <= UNEVEN else lower for dome in domes]
    midline = (_middle(left) + _middle(right)) / 2
    dome = np.where(columns < midline, own[0], own[1])
    # Beyond a lung's last row its edges are those of that row.
    outer_left = left[np.arange(height).clip(*spans[0])].argmax(1)[:, None]
    outer_right = width - 1 - right[np.arange(height).clip(*spans[1]), ::-1].argmax(1)[:, None]
    is_between = (columns >= outer_left) & (columns <= outer_right)
    is_between &= rows >= max(spans[0][0], spans[1][0])
    cells = np.where(is_between, np.where(rows <= dome, 0, 1), 2)
    cells[max(spans[0][1], spans[1][1]) + 1 :] = 1
    return cells


def _dome(field: Mask) -> float:
    """Return the usual last row of lung in the middle half of the field's columns.

    The quarter next to the mediastinum ends at the heart, that at the chest wall in the angle.
    """
    used = np.nonzero(field.any(0))[0]
    columns = used[len(used) // 4 : len(used) - len(used) // 4]
    return float(np.median(field.shape[0] - 1 - field[::-1, columns].argmax(0)))


def _edges(grey: FloatArray, shape: tuple[int, ...], box: Box) -> tuple[Mask, Mask]:
    """Return the cells of padding and the outermost cells that show something.

    Padding is what lies beyond the stored image, and lines of one grey that reach in from an edge.
    """
    padding = np.zeros(shape, bool)
    extent = float(grey.max() - grey.min())
    for axis in (0, 1):
        blocks = np.moveaxis(grey, axis, 0).reshape(shape[axis], -1)
        at = box[axis] + (np.arange(shape[axis]) + 0.5) * box[2 + axis] / shape[axis]
        # The square lies around the centre of the image, so its margins tell the image's own size.
        beyond = (at < 0) | (at > box[2 + axis] + 2 * box[axis])
        flat = beyond | (np.ptp(blocks, axis=1) <= FLAT * extent)
        reached = np.logical_and.accumulate(flat) | np.logical_and.accumulate(flat[::-1])[::-1]
        padding |= np.expand_dims(reached, 1 - axis)
    rows, columns = np.nonzero(~padding.all(1))[0], np.nonzero(~padding.all(0))[0]
    rim = np.ones(shape, bool)
    if len(rows) and len(columns):
        inner = [slice(int(n[0]) + BORDER, int(n[-1]) + 1 - BORDER) for n in (rows, columns)]
        rim[inner[0], inner[1]] = False
    return padding, rim
