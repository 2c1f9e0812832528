"""Text that is burned into pixels: where it probably is, for a person to confirm.

A letter is small, of one sharp grey, and stands in a row of others like it. That is what is looked
for, at several sizes, light and dark, by morphology alone: no model, no download, nothing to trust
but geometry. What it finds of planted names is in docs/deidentification.md. It proposes; an image
that may hold text leaves only after a person has looked at it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects, gaussian_filter, grey_opening, label

from mmcore.deid.records import Box
from mmcore.records import Instance

LONGEST_SIDE = 1_600  # pixels; larger images are looked at in blocks of 2 x 2 and more
SIZES = (9, 21, 45)  # pixels: the widest stroke at each size is a little less than half of it
LEVELS = (0.55, 0.25, 0.12)  # contrast of strokes, of the displayed range
LOWEST, HIGHEST = 5, 110  # pixels: height of a character
FEWEST = 3  # characters in a row
SURE = 6  # characters; a shorter row must be of even height, and no wider than print is
UNEVEN = 1.7
REACH = 1.3  # heights: the widest gap in a row
FLATNESS = 0.22  # spread of a character's core, of its contrast
SHARPNESS = 0.35  # of the contrast lies within two pixels of a character's edge
MAX_ISLANDS = 6_000  # at one size and level: beyond, it is texture
MOST_DENSE = 1 / 250  # islands per pixel: beyond too, in an image of any size
LEAST_DENSE = 300  # islands that a small image may have all the same
MAX_FRAMES = 3
OVERLAP = 0.5  # of the smaller box
MARGIN = 3  # pixels around a row, at least
ABOVE, BESIDE = 0.35, 1.5  # heights around a row: accents, tails, a letter that was missed

Grey = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Character:
    top: int
    left: int
    bottom: int
    right: int
    contrast: float

    @property
    def height(self) -> int:
        return self.bottom - self.top


def find_text(instance: Instance) -> tuple[Box, ...]:
    """Return where text probably is, in stored pixels, from the top.

    Of several frames the first, the middle and the last are looked at.
    """
    frames = instance.pixels
    picks = sorted({0, len(frames) // 2, len(frames) - 1})[:MAX_FRAMES]
    boxes: list[Box] = []
    for pick in picks:
        for grey, scale in _views(frames[pick]):
            boxes += [_scaled(box, scale) for box in _rows(grey)]
    merged = _merge(boxes)
    widened = _merge([_widened(box, frames.shape[1:3]) for box in merged])
    return tuple(sorted(widened, key=lambda b: (b.row, b.column)))


def _views(frame: npt.NDArray[Any]) -> Iterator[tuple[Grey, int]]:
    """Yield the frame with light text as light, then with dark text as light, 0 to 1."""
    values = frame.astype(np.float32)
    channels = [values] if values.ndim == 2 else [values.max(axis=2), values.min(axis=2)]
    scale = -(-max(values.shape[:2]) // LONGEST_SIDE)
    for sign, channel in ((1, channels[0]), (-1, channels[-1])):
        grey = sign * channel
        rows, columns = (side // scale * scale for side in grey.shape)
        blocks = grey[:rows, :columns].reshape(rows // scale, scale, columns // scale, scale)
        grey = blocks.max(axis=(1, 3))
        low, high = np.percentile(grey, (0.5, 99.8))
        high = max(float(high), float(low) + 0.5 * float(grey.max() - low))
        if high > low:
            yield np.clip((grey - low) / (high - low), 0.0, 1.0), scale


def _rows(grey: Grey) -> Iterator[Box]:
    smooth = gaussian_filter(grey, 0.7)
    for size in SIZES:
        strokes = grey - grey_opening(smooth, (size, size))
        for level in LEVELS:
            yield from _lines(list(_characters(strokes, level, size)))


def _characters(strokes: Grey, level: float, size: int) -> Iterator[_Character]:
    """Yield every island that is as small, flat and sharp as a character."""
    numbers, count = label(strokes > level, np.ones((3, 3), int))
    if not 0 < count <= min(MAX_ISLANDS, max(LEAST_DENSE, int(strokes.size * MOST_DENSE))):
        return
    for number, place in enumerate(find_objects(numbers), start=1):
        height, width = (part.stop - part.start for part in place)
        if not (LOWEST <= height <= min(HIGHEST, 3 * size) and 1 <= width <= 3 * height):
            continue
        mask = numbers[place] == number
        fill = mask.mean()
        if not 0.1 <= fill <= 0.95 and width > height / 3:
            continue
        values = strokes[place][mask]
        top = float(np.percentile(values, 90))
        core = values[values > 0.7 * top]
        if len(core) < 4 or core.std() > FLATNESS * top:
            continue
        rows, columns = (slice(max(p.start - 2, 0), p.stop + 2) for p in place)
        around = strokes[rows, columns][numbers[rows, columns] == 0]
        if not around.size or float(np.median(around)) > (1 - 2 * SHARPNESS) * top:
            continue
        yield _Character(place[0].start, place[1].start, place[0].stop, place[1].stop, top)


def _lines(characters: list[_Character]) -> Iterator[Box]:
    """Yield rows of at least three characters of one height and grey, side by side."""
    parents = list(range(len(characters)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    order = sorted(range(len(characters)), key=lambda i: characters[i].left)
    for at, i in enumerate(order):
        one = characters[i]
        for j in order[at + 1 :]:
            other = characters[j]
            if other.left - one.right > REACH * HIGHEST:
                break
            if _are_neighbours(one, other):
                parents[root(j)] = root(i)
    groups: dict[int, list[_Character]] = {}
    for index, character in enumerate(characters):
        groups.setdefault(root(index), []).append(character)
    for group in groups.values():
        if (box := _line(group)) is not None:
            yield box


def _are_neighbours(one: _Character, other: _Character) -> bool:
    tall, low = max(one.height, other.height), min(one.height, other.height)
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    gap = max(other.left - one.right, one.left - other.right)
    return (
        tall <= 2 * low
        and shared >= 0.6 * low
        and -0.3 * tall <= gap <= REACH * tall
        and 0.6 <= one.contrast / other.contrast <= 1.7
    )


def _line(group: list[_Character]) -> Box | None:
    if len(group) < FEWEST:
        return None
    top, left = min(c.top for c in group), min(c.left for c in group)
    bottom, right = max(c.bottom for c in group), max(c.right for c in group)
    heights = np.array([c.height for c in group])
    median = float(np.median(heights))
    widths = np.array([c.right - c.left for c in group])
    is_uneven = heights.max() > UNEVEN * heights.min() or np.median(widths / heights) > 1
    if len(group) < SURE and is_uneven:
        return None
    # A row is as high as its characters and wider than high; texture spreads both ways.
    if bottom - top > 2.2 * median or right - left < 1.2 * (bottom - top):
        return None
    bases = np.array([c.bottom for c in group])
    aligned = float(np.mean(np.abs(bases - np.median(bases)) <= max(1.0, 0.15 * median)))
    tops = np.array([c.top for c in group])
    level = float(np.mean(np.abs(tops - np.median(tops)) <= max(1.0, 0.15 * median)))
    contrast = float(np.mean([c.contrast for c in group]))
    confidence = min(1.0, 0.4 * max(aligned, level) + 0.3 * min(len(group) / 6, 1) + 0.3 * contrast)
    if max(aligned, level) < 0.6:
        return None
    return Box(top, left, bottom - top, right - left, round(confidence, 3))


def _widened(box: Box, shape: tuple[int, ...]) -> Box:
    """Return the box with a margin, within an image of ``shape``."""
    high, wide = (max(MARGIN, round(share * box.rows)) for share in (ABOVE, BESIDE))
    top, left = max(box.row - high, 0), max(box.column - wide, 0)
    bottom = min(box.row + box.rows + high, shape[0])
    right = min(box.column + box.columns + wide, shape[1])
    return Box(top, left, bottom - top, right - left, box.confidence)


def _scaled(box: Box, scale: int) -> Box:
    return Box(
        box.row * scale, box.column * scale, box.rows * scale, box.columns * scale, box.confidence
    )


def _merge(boxes: list[Box]) -> list[Box]:
    """Join boxes that touch or nearly so, until none do."""
    merged: list[Box] = []
    for box in sorted(boxes, key=lambda b: -b.confidence):
        current = box
        while True:
            near = next((b for b in merged if _touch(b, current)), None)
            if near is None:
                break
            merged.remove(near)
            current = _joined(near, current)
        merged.append(current)
    return merged


def _touch(a: Box, b: Box) -> bool:
    """Whether two boxes are one text: one lies in the other for a good part, or goes on beside it.

    Boxes of very different height are two things: print beside a picture that looks like print.
    """
    rows = min(a.row + a.rows, b.row + b.rows) - max(a.row, b.row)
    columns = min(a.column + a.columns, b.column + b.columns) - max(a.column, b.column)
    low, tall = sorted((a.rows, b.rows))
    if rows > 0 and columns > 0:
        area = min(a.rows * a.columns, b.rows * b.columns)
        return rows * columns >= OVERLAP * area
    return columns > -low // 2 and rows >= OVERLAP * low and tall <= 2 * low


def _joined(a: Box, b: Box) -> Box:
    top, left = min(a.row, b.row), min(a.column, b.column)
    bottom = max(a.row + a.rows, b.row + b.rows)
    right = max(a.column + a.columns, b.column + b.columns)
    return Box(top, left, bottom - top, right - left, max(a.confidence, b.confidence))
