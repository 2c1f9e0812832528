"""Rays against bodies: where a ray enters and leaves, exactly, for every pixel of a box at once.

Coordinates are millimetres: x to the image's right (the patient's left), y down, z from back to
front. Rays run along z, so a ray is a pixel (x, y) and a body that is convex along z is one
interval of z per pixel. Arrays are float32; (near, far) with far <= near means the ray misses.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmcore.records import FloatArray

Box = tuple[slice, slice]
"""Rows and columns of the part of the image that a body can touch."""

Interval = tuple[FloatArray, FloatArray]
"""Depth at which rays enter and leave, millimetres."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The rays of one square image.

    x: (1, columns), y: (rows, 1) position of the pixel centers in mm.
    """

    rows: int
    spacing_mm: float
    x: FloatArray
    y: FloatArray

    def box(self, x: tuple[float, float], y: tuple[float, float]) -> Box:
        """Return the part of the image between two x and two y positions, clipped to it."""
        return (self._range(float(self.y[0, 0]), y), self._range(float(self.x[0, 0]), x))

    def _range(self, first: float, bounds: tuple[float, float]) -> slice:
        low = int(np.floor((bounds[0] - first) / self.spacing_mm))
        high = int(np.ceil((bounds[1] - first) / self.spacing_mm)) + 1
        return slice(min(max(low, 0), self.rows), min(max(high, 0), self.rows))

    @property
    def everything(self) -> Box:
        """The whole image."""
        return slice(0, self.rows), slice(0, self.rows)


def make_grid(*, rows: int, spacing_mm: float, center: tuple[float, float]) -> Grid:
    """Return the rays of an image of ``rows`` x ``rows`` pixels around ``center`` (x, y)."""
    offsets = (np.arange(rows, dtype=np.float32) - (rows - 1) / 2) * np.float32(spacing_mm)
    x = (offsets + np.float32(center[0]))[None, :]
    y = (offsets + np.float32(center[1]))[:, None]
    return Grid(rows, spacing_mm, x.astype(np.float32), y.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An ellipsoid turned by ``angle`` (radians, x towards y) in the image plane."""

    center: tuple[float, float, float]
    radii: tuple[float, float, float]
    angle: float = 0.0

    def half_width(self) -> float:
        """Return half the width of its shadow along x, in mm."""
        return float(
            np.hypot(self.radii[0] * np.cos(self.angle), self.radii[1] * np.sin(self.angle))
        )

    def half_height(self) -> float:
        """Return half the height of its shadow along y, in mm."""
        return float(
            np.hypot(self.radii[0] * np.sin(self.angle), self.radii[1] * np.cos(self.angle))
        )

    def box(self, grid: Grid) -> Box:
        """Return the part of the image that its shadow can touch."""
        cx, cy, _ = self.center
        w, h = self.half_width(), self.half_height()
        return grid.box((cx - w, cx + w), (cy - h, cy + h))

    def shadow(self, grid: Grid, box: Box) -> FloatArray:
        """Return 1 - q**2 per ray, with q the scaled distance from the axis: above 0 is a hit."""
        dx = grid.x[:, box[1]] - np.float32(self.center[0])
        dy = grid.y[box[0]] - np.float32(self.center[1])
        if self.angle == 0:
            inside: FloatArray = (1 - (dx / np.float32(self.radii[0])) ** 2) - (
                dy / np.float32(self.radii[1])
            ) ** 2
            return inside
        c, s = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        u = dx * (c / np.float32(self.radii[0])) + dy * (s / np.float32(self.radii[0]))
        v = dy * (c / np.float32(self.radii[1])) - dx * (s / np.float32(self.radii[1]))
        rest: FloatArray = 1 - u * u - v * v
        return rest

    def interval(self, grid: Grid, box: Box) -> Interval:
        """Return where rays of the box enter and leave."""
        half = np.sqrt(np.maximum(self.shadow(grid, box), 0)) * np.float32(self.radii[2])
        z = np.float32(self.center[2])
        return z - half, z + half

    def chord(self, grid: Grid, box: Box) -> FloatArray:
        """Return the path length of rays of the box, in mm."""
        length: FloatArray = np.sqrt(np.maximum(self.shadow(grid, box), 0)) * np.float32(
            2 * self.radii[2]
        )
        return length


@dataclass(frozen=True, slots=True)
class Capsule:
    """A cylinder with rounded ends between two points."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radius: float

    def box(self, grid: Grid) -> Box:
        """Return the part of the image that its shadow can touch."""
        (ax, ay, _), (bx, by, _), r = self.start, self.end, self.radius
        return grid.box((min(ax, bx) - r, max(ax, bx) + r), (min(ay, by) - r, max(ay, by) + r))

    def interval(self, grid: Grid, box: Box) -> Interval:
        """Return where rays of the box enter and leave: the hull of a cylinder and two balls."""
        a, b = np.array(self.start), np.array(self.end)
        length = float(np.linalg.norm(b - a))
        ux, uy, uz = (np.float32(v) for v in (b - a) / length)
        px = grid.x[:, box[1]] - np.float32(a[0])
        py = grid.y[box[0]] - np.float32(a[1])
        along = px * ux + py * uy  # position along the axis at z = start
        r2 = np.float32(self.radius**2)
        # |p + z e|^2 - (along + z uz)^2 <= r^2
        qa = max(1 - float(uz) ** 2, 1e-6)
        root = along * along * (uz * uz) - np.float32(qa) * (px * px + py * py - along * along - r2)
        half = np.sqrt(np.maximum(root, 0)) / np.float32(qa)
        middle = along * (uz / np.float32(qa))
        near, far = middle - half, middle + half
        if abs(float(uz)) > 1e-6:
            first, last = -along / uz, (np.float32(length) - along) / uz
            near = np.maximum(near, np.minimum(first, last))
            far = np.minimum(far, np.maximum(first, last))
            hit = (root > 0) & (far > near)
        else:
            hit = (root > 0) & (along > 0) & (along < length)
        near, far = np.where(hit, near, np.inf), np.where(hit, far, -np.inf)
        for dx, dy, dz in ((0.0, 0.0, 0.0), tuple(float(v) for v in b - a)):
            ball = r2 - (px - np.float32(dx)) ** 2 - (py - np.float32(dy)) ** 2
            half = np.sqrt(np.maximum(ball, 0))
            inside = ball > 0
            near = np.where(inside, np.minimum(near, np.float32(dz) - half), near)
            far = np.where(inside, np.maximum(far, np.float32(dz) + half), far)
        z = np.float32(a[2])
        hit = far > near
        return np.where(hit, near + z, z), np.where(hit, far + z, z)

    def chord(self, grid: Grid, box: Box) -> FloatArray:
        """Return the path length of rays of the box, in mm."""
        near, far = self.interval(grid, box)
        return far - near


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """A pile of thin ellipses along y: lungs and the trunk.

    y: knots in mm, increasing. left, right: x of the two edges at the knots; depth: half extent
    along z; z: center along z. Between knots, straight lines. ``power`` squares the ellipse off.
    """

    y: FloatArray
    left: FloatArray
    right: FloatArray
    depth: FloatArray
    z: FloatArray
    power: float = 2.0

    def edges(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return x of the left and the right edge at heights ``y``; equal outside the stack."""
        left = np.interp(y, self.y, self.left).astype(np.float32)
        right = np.interp(y, self.y, self.right).astype(np.float32)
        inside = (y >= self.y[0]) & (y <= self.y[-1])
        middle = (left + right) / 2
        return np.where(inside, left, middle), np.where(inside, right, middle)

    def box(self, grid: Grid) -> Box:
        """Return the part of the image that its shadow can touch."""
        x = (float(self.left.min()), float(self.right.max()))
        return grid.box(x, (float(self.y[0]), float(self.y[-1])))

    def across(self, grid: Grid, box: Box) -> FloatArray:
        """Return per ray the position between the edges: -1 at the left, 1 at the right edge."""
        left, right = self.edges(grid.y[box[0]])
        half = np.maximum((right - left) / 2, np.float32(1e-3))
        u = (grid.x[:, box[1]] - (left + right) / 2) / half
        return u.astype(np.float32, copy=False)

    def interval(self, grid: Grid, box: Box) -> Interval:
        """Return where rays of the box enter and leave."""
        u = self.across(grid, box)
        y = grid.y[box[0]]
        depth = np.interp(y, self.y, self.depth).astype(np.float32)
        z = np.interp(y, self.y, self.z).astype(np.float32)
        inside = (y >= self.y[0]) & (y <= self.y[-1])
        power = np.float32(self.power)
        rest = (np.maximum(1 - np.abs(u) ** power, 0) ** (1 / power)).astype(np.float32)
        half = rest * np.where(inside, depth, 0).astype(np.float32)
        return z - half, z + half


def length(interval: Interval) -> FloatArray:
    """Return the length of an interval, 0 where the ray misses."""
    result: FloatArray = np.maximum(interval[1] - interval[0], 0)
    return result


def overlap(a: Interval, b: Interval) -> Interval:
    """Return the common part of two intervals; empty where far <= near."""
    return np.maximum(a[0], b[0]), np.minimum(a[1], b[1])


def hull(intervals: Sequence[Interval]) -> Interval:
    """Return the smallest interval that holds all, leaving out those that a ray misses."""
    near = np.full_like(intervals[0][0], np.inf)
    far = np.full_like(intervals[0][0], -np.inf)
    for a, b in intervals:
        hit = b > a
        near = np.where(hit, np.minimum(near, a), near)
        far = np.where(hit, np.maximum(far, b), far)
    return near, far
