"""Ribs, vertebrae and branching vessels, whose shadow is not that of one convex body."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmcore.records import FloatArray
from mmcore.simulate.bodies import Box, Grid
from mmcore.simulate.causal import Side

SIGN: Mapping[Side, int] = {"right": -1, "left": 1}
"""Which way a side of the patient lies on the image's x axis."""


@dataclass(frozen=True, slots=True)
class Rib:
    """An elliptic hoop cut from a tilted slab, one side of the body.

    back_y: height at the spine; drop: mm down per mm forward; half_height, thickness: of the bone;
    width, depth: radii of the hoop; cartilage_x: where bone ends in front.
    """

    side: Side
    back_y: float
    drop: float
    half_height: float
    thickness: float
    width: float
    depth: float
    cartilage_x: float

    def box(self, grid: Grid) -> Box:
        """Return the part of the image that its shadow can touch."""
        far = SIGN[self.side] * self.width
        y = (self.back_y - self.half_height, self.back_y + 2 * self.depth * self.drop)
        return grid.box((min(0.0, far), max(0.0, far)), (y[0], y[1] + self.half_height))

    def chord(self, grid: Grid, box: Box, *, inset: float = 0.0) -> FloatArray:
        """Return the path length in the bone, or in what is left ``inset`` mm below its surface."""
        x = np.abs(grid.x[:, box[1]])
        w, d = self.width - inset, self.depth - inset
        thickness, h = self.thickness - 2 * inset, self.half_height - inset
        outer = d * np.sqrt(np.maximum(1 - (x / w) ** 2, 0))
        inner = (d - thickness) * np.sqrt(np.maximum(1 - (x / (w - thickness)) ** 2, 0))
        middle = (grid.y[box[0]] - np.float32(self.back_y)) / np.float32(self.drop)
        near = middle - np.float32(h / self.drop + self.depth)
        far = near + np.float32(2 * h / self.drop)
        back = np.minimum(far, -inner) - np.maximum(near, -outer)
        front = np.minimum(far, outer) - np.maximum(near, inner)
        bone = np.clip((x - np.float32(self.cartilage_x)) / 8, 0, 1)
        total: FloatArray = np.maximum(back, 0) + np.maximum(front, 0) * bone
        return total


@dataclass(frozen=True, slots=True)
class Vessel:
    """A straight piece of a lung vessel: all points within ``radius`` of a segment, in plane."""

    start: tuple[float, float]
    end: tuple[float, float]
    radius: float

    def box(self, grid: Grid) -> Box:
        """Return the part of the image that its shadow can touch."""
        (ax, ay), (bx, by), r = self.start, self.end, self.radius
        return grid.box((min(ax, bx) - r, max(ax, bx) + r), (min(ay, by) - r, max(ay, by) + r))

    def chord(self, grid: Grid, box: Box) -> FloatArray:
        """Return the path length of rays of the box, in mm."""
        (ax, ay), (bx, by) = self.start, self.end
        ux, uy = bx - ax, by - ay
        norm = ux * ux + uy * uy
        px = grid.x[:, box[1]] - np.float32(ax)
        py = grid.y[box[0]] - np.float32(ay)
        along = np.clip(px * np.float32(ux / norm) + py * np.float32(uy / norm), 0, 1)
        px = px - along * np.float32(ux)
        py = py - along * np.float32(uy)
        result: FloatArray = 2 * np.sqrt(
            np.maximum(np.float32(self.radius**2) - px * px - py * py, 0)
        )
        return result


@dataclass(frozen=True, slots=True)
class Vertebra:
    """A vertebral body: a rounded block, with its pedicles and spinous process."""

    x: float
    y: float
    half_width: float
    half_height: float
    depth: float

    def box(self, grid: Grid) -> Box:
        """Return the part of the image that its shadow can touch."""
        w, h = self.half_width * 1.7, self.half_height * 1.5
        return grid.box((self.x - w, self.x + w), (self.y - h, self.y + h))

    def chord(self, grid: Grid, box: Box) -> FloatArray:
        """Return the path length in bone of rays of the box, in mm."""
        x = (grid.x[:, box[1]] - np.float32(self.x)) / np.float32(self.half_width)
        y = (grid.y[box[0]] - np.float32(self.y)) / np.float32(self.half_height)
        block = np.sqrt(np.maximum(1 - x**4, 0)) * np.sqrt(np.maximum(1 - y**6, 0))
        total = np.float32(self.depth) * block
        for side in (-1, 1):  # pedicles, seen end on
            pedicle = 1 - ((x - side * 0.62) / 0.2) ** 2 - ((y + 0.25) / 0.42) ** 2
            total += np.float32(9) * np.sqrt(np.maximum(pedicle, 0))
            transverse = 1 - ((x - side * 1.15) / 0.5) ** 2 - ((y + 0.3) / 0.34) ** 2
            total += np.float32(8) * np.sqrt(np.maximum(transverse, 0))
        process = 1 - (x / 0.16) ** 2 - ((y - 0.7) / 0.6) ** 2
        result: FloatArray = total + np.float32(14) * np.sqrt(np.maximum(process, 0))
        return result
