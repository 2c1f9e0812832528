"""Lesions in 3D, as path lengths inside the lung and the exact shadow they cast.

Every lesion replaces lung: ``fill`` is the length of ray, in mm of soft tissue, that stands where
lung would be; ``air`` is pleural air. A mimic is drawn by the same functions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mmcore.records import FloatArray
from mmcore.simulate.anatomy import Anatomy
from mmcore.simulate.bodies import Ellipsoid, Grid, Interval, length, overlap
from mmcore.simulate.causal import FindingState, Side, Zone
from mmcore.simulate.lungs import LungRays
from mmcore.simulate.structures import SIGN, Vessel

Mask = npt.NDArray[np.bool_]

# Part of the lung's height from which a lesion's centre is drawn.
_ZONES: Mapping[Zone, tuple[float, float]] = {
    "upper": (0.16, 0.36),
    "middle": (0.38, 0.56),
    "lower": (0.56, 0.74),
}


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """Path lengths of one lesion on the whole image, in mm, and its shadow.

    extra: soft tissue beside the filling that does not replace lung (pleural line, septa).
    bodies: what fills the lung, where it is bodies. spared: lung that an effusion leaves, as an
        interval of depth per ray of its lung.
    """

    mask: Mask
    fill: FloatArray
    air: FloatArray
    extra: FloatArray
    bodies: list["Body"] = field(default_factory=list)
    spared: list[Interval] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Body:
    """A part of a lesion within one lung.

    density: of soft tissue, 1 where it fills the lung. is_graded: the density is that of the
    middle and falls as 1 - q**2 to the surface.
    """

    side: Side
    shape: Ellipsoid
    density: float
    is_graded: bool


def draw_consolidation(
    rng: np.random.Generator, grid: Grid, lungs: Mapping[Side, LungRays], state: FindingState
) -> Lesion:
    """Fill a cluster of overlapping, graded ellipsoids around one place in a lobe."""
    lung = lungs[state.side]
    x, y, z = _place(rng, grid, lung, state.zone, clearance=30)
    radius = 20 + 32 * state.visual
    density = 0.01 + 0.95 * state.visual
    lesion = _empty(grid)
    for k in range(8):
        offset = rng.normal(0, 0.42 if k else 0.0, 3) * radius
        radii = rng.uniform(0.42, 0.85, 3) * radius
        body = Ellipsoid(
            (x + float(offset[0]), y + float(offset[1]), z + float(offset[2])),
            (float(radii[0]), float(radii[1]), float(radii[2]) + 8),
            float(rng.uniform(-1, 1)),
        )
        _fill_graded(lesion, grid, lung, body, density)
    return lesion


def draw_edema(
    rng: np.random.Generator, grid: Grid, lungs: Mapping[Side, LungRays], state: FindingState
) -> Lesion:
    """Fill both perihilar regions like the wings of a bat and draw septal lines at the bases."""
    lesion = _empty(grid)
    density = 0.01 + 0.36 * state.visual
    for side, lung in lungs.items():
        sign, half = SIGN[side], float(np.abs(grid.x[0, lung.box[1]]).max())
        for k in range(4):
            body = Ellipsoid(
                (
                    sign * half * (0.42 + 0.05 * k) + float(rng.normal(0, 4)),
                    -34 + 26 * k + float(rng.normal(0, 5)),
                    float(rng.normal(0, 8)),
                ),
                (half * float(rng.uniform(0.24, 0.34)), float(rng.uniform(30, 42)), 62.0),
                sign * 0.35 * (k - 1.5),
            )
            _fill_graded(lesion, grid, lung, body, density)
        for _ in range(round(9 * state.visual)):
            _draw_septum(rng, grid, lung, lesion)
    return lesion


def draw_nodule(
    rng: np.random.Generator, grid: Grid, lungs: Mapping[Side, LungRays], state: FindingState
) -> Lesion:
    """Put a ball of soft tissue into the lung; ``nodule_diameter_mm`` is its diameter."""
    radius = nodule_diameter_mm(state) / 2
    x, y, z = _place(rng, grid, lungs[state.side], state.zone, clearance=2 * radius)
    body = Ellipsoid((x, y, z), (radius, radius * float(rng.uniform(0.88, 1.0)), radius))
    density = np.float32(min(3.4, 9.0 * state.visual**1.5))  # above 1: calcified
    lesion = _empty(grid)
    lesion.bodies.append(Body(state.side, body, float(density), is_graded=False))
    lung = lungs[state.side].crop(body.box(grid))
    if lung is not None:
        for part in lung.parts:
            chord = length(overlap(body.interval(grid, lung.box), part))
            lesion.fill[lung.box] += density * chord
            lesion.mask[lung.box] |= chord > 0
    return lesion


def nodule_diameter_mm(state: FindingState) -> float:
    """Return the diameter of a nodule, 12 to 30 mm."""
    return 12 + 18 * state.visual


def draw_effusion(
    rng: np.random.Generator, grid: Grid, lungs: Mapping[Side, LungRays], state: FindingState,
    anatomy: Anatomy,
) -> Lesion:  # fmt: skip
    """Fill the base with fluid that climbs along the chest wall: lung is what an inner body spares.

    The inner body is the lung's own ellipse, shrunk towards the mediastinum with depth.
    """
    lung = lungs[state.side]
    lesion = _empty(grid)
    bottom = float(anatomy.lungs[state.side].y[-1])
    height = 9 + 112 * state.visual + float(rng.normal(0, 2))
    y = grid.y[lung.box[0]]
    t = np.clip((y - (bottom - height)) / (1.08 * height), 0, 1)
    scale = np.sqrt(np.maximum(1 - t**1.4, np.float32(1e-6)))
    squeeze = 1 - np.clip((t - 0.2) / 0.8, 0, 1) ** 1.3
    u = (lung.across * SIGN[state.side] + 1) / scale - 1  # the medial edge stays
    center = (lung.whole[0] + lung.whole[1]) / 2
    full = (lung.whole[1] - lung.whole[0]) / 2
    edge = np.sqrt(np.maximum(1 - lung.across**2, np.float32(1e-6)))
    half = full / edge * np.sqrt(np.maximum(1 - u * u, 0)) * squeeze
    inner = (center - half, center + half)
    lesion.spared.append(inner)
    fluid = np.zeros_like(full)
    for part in lung.parts:
        fluid += length(part) - length(overlap(part, inner))
    # A film of up to 3 mm is no effusion; without this the shadow would claim half the lung.
    fluid = np.where((t > 0) & (fluid > 3), fluid, 0)
    lesion.fill[lung.box] = fluid
    lesion.mask[lung.box] = fluid > 0
    return lesion


def draw_pneumothorax(
    rng: np.random.Generator, grid: Grid, lungs: Mapping[Side, LungRays], state: FindingState,
    anatomy: Anatomy,
) -> Lesion:  # fmt: skip
    """Detach the lung from apex and side wall: air outside of a thin visceral pleural line."""
    lung = lungs[state.side]
    stack = anatomy.lungs[state.side]
    sign = SIGN[state.side]
    apex, bottom = float(stack.y[0]), float(stack.y[-1])
    gap = 1.5 + 30 * state.visual
    end = apex + (0.25 + 0.6 * state.visual) * (bottom - apex)
    y = grid.y[lung.box[0]]
    rest = np.clip((end - y) / (end - apex), 0, 1).astype(np.float32)
    fallen = y - np.float32(1.5 * gap) * rest
    wall = stack.edges(fallen)[1 if sign > 0 else 0] * sign
    bulge = 1 + 0.08 * np.sin(y / np.float32(31) + np.float32(rng.uniform(0, 6)))
    visceral = wall - np.float32(gap) * rest**0.8 * bulge
    distance = grid.x[:, lung.box[1]] * sign - visceral  # outwards from the visceral pleura
    is_above = (fallen < apex) & (rest > 0)
    is_air = ((distance > 0) | is_above) & (rest > 0) & (lung.free > 0)
    lesion = _empty(grid)
    lesion.air[lung.box] = np.where(is_air, lung.free, 0)
    lesion.mask[lung.box] = is_air
    # The pleura as a shell of thickness 0.35 mm on a sphere of 60 mm, seen along its tangent.
    inward = np.maximum(-distance, 0)
    shell = 2 * (np.sqrt(120 * (inward + np.float32(0.35))) - np.sqrt(120 * inward))
    is_near = ~is_air & (rest > 0) & (inward < 14) & (lung.free > 0) & ~is_above
    strength = np.float32(min(1.0, 3 * state.visual))
    lesion.extra[lung.box] = np.where(is_near, strength * shell, 0)
    return lesion


def _empty(grid: Grid) -> Lesion:
    shape = (grid.rows, grid.rows)
    fill, air, extra = (np.zeros(shape, np.float32) for _ in range(3))
    return Lesion(np.zeros(shape, bool), fill, air, extra)


def _place(
    rng: np.random.Generator, grid: Grid, lung: LungRays, zone: Zone, *, clearance: float
) -> tuple[float, float, float]:
    """Draw a centre inside the lung, with ``clearance`` mm of lung along its ray if there is.

    Positions are drawn as fractions, so that they do not depend on the number of pixels.
    """
    rows = lung.free.shape[0]
    low, high = _ZONES[zone]
    room = np.maximum(length(lung.parts[0]), length(lung.parts[1]))
    row, column = 0, 0
    for down, across in rng.random((24, 2)):
        at_row = int(rows * (low + (high - low) * down))
        columns = np.flatnonzero(np.abs(lung.across[at_row]) < 0.72)
        at_column = int(columns[int(across * len(columns))])
        if room[at_row, at_column] > room[row, column]:
            row, column = at_row, at_column
        if room[row, column] > clearance + 12:
            break
    parts = [(float(near[row, column]), float(far[row, column])) for near, far in lung.parts]
    near, far = max(parts, key=lambda part: part[1] - part[0])
    slack = max((far - near - clearance) / 2, 0.0)
    z = (near + far) / 2 + 0.8 * slack * float(rng.uniform(-1, 1))
    return float(grid.x[0, lung.box[1]][column]), float(grid.y[lung.box[0], 0][row]), z


def _fill_graded(
    lesion: Lesion, grid: Grid, lungs: LungRays, body: Ellipsoid, density: float
) -> None:
    """Add a body whose density falls as 1 - q**2 from its middle, integrated along every ray."""
    lesion.bodies.append(Body(lungs.side, body, density, is_graded=True))
    lung = lungs.crop(body.box(grid))
    if lung is None:
        return
    shadow = body.shadow(grid, lung.box)
    z, depth = np.float32(body.center[2]), np.float32(body.radii[2])
    half = np.sqrt(np.maximum(shadow, 0)) * depth
    for near, far in lung.parts:
        a = np.maximum(near - z, -half)
        b = np.minimum(far - z, half)
        hit = b > a
        integral = (b - a) * shadow - (b * b * b - a * a * a) / (3 * depth * depth)
        lesion.fill[lung.box] += np.where(hit, np.float32(density) * integral, 0)
        lesion.mask[lung.box] |= hit


def _draw_septum(rng: np.random.Generator, grid: Grid, lung: LungRays, lesion: Lesion) -> None:
    """Draw a Kerley B line: a thickened septum, seen edge on, that meets the lateral pleura."""
    rows = lung.free.shape[0]
    row = int(rows * rng.uniform(0.6, 0.86))
    outward = np.flatnonzero(lung.free[row] > 12)
    reach, tilt = float(rng.uniform(9, 17)), float(rng.normal(0, 1.5))
    if len(outward) == 0:
        return
    x_edge = float(grid.x[0, lung.box[1]][outward[-1] if SIGN[lung.side] > 0 else outward[0]])
    y = float(grid.y[lung.box[0], 0][row])
    line = Vessel((x_edge, y), (x_edge - SIGN[lung.side] * reach, y + tilt), 0.55)
    part = lung.crop(line.box(grid))
    if part is None:
        return
    # A sheet 5 mm deep, not a thread: that is why it is seen at all.
    chord = np.where(part.free > 0, 5 * line.chord(grid, part.box), 0)
    np.maximum(lesion.extra[part.box], chord, out=lesion.extra[part.box])
    lesion.mask[part.box] |= chord > 0
