"""A small CT series of the chest whose radiograph is the patient's film: same bodies, same lesions.

Every body of the anatomy is an interval of depth along the rays of the film (``bodies``), so a
slice at one height is those intervals laid out along depth, with partial volume. What the film
draws without a depth, vessels and vertebrae, is put at a plausible one here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

from mmcore.records import FloatArray
from mmcore.simulate.anatomy import Anatomy, sample_anatomy
from mmcore.simulate.bodies import Capsule, Ellipsoid, Grid, Interval, Stack, make_grid, overlap
from mmcore.simulate.causal import FINDINGS, Finding, Side, sample_disease
from mmcore.simulate.lesions import Body
from mmcore.simulate.lungs import LungRays, trace_lung
from mmcore.simulate.patient import streams_of, taken_at_of
from mmcore.simulate.radiograph import draw_lesion, heart_ratio, sample_technique
from mmcore.simulate.structures import Rib, Vertebra

Volume = npt.NDArray[np.float32]
Mask3D = npt.NDArray[np.bool_]

Shape = Ellipsoid | Capsule | Stack

FIELD_MM = 384.0  # side of the square that a slice shows
FILM_ROWS = 512  # the film on whose rays lesions find their place
SPINE_Z = -70.0  # depth of the middle of the vertebrae, mm

AIR, LUNG, SOFT, VESSEL, BLOOD, BONE = -1000.0, -760.0, 40.0, 60.0, 45.0, 600.0
CORTEX, MARROW, SPINE = 900.0, 250.0, 300.0
NOISE = 18.0  # standard deviation, HU


@dataclass(frozen=True, slots=True, eq=False)
class PhantomCt:
    """The CT of a simulated patient, never of a real one.

    values: (S, R, C) int16 in HU; slices from the feet up, rows from front to back, columns from
        the patient's right to the left. masks: where each finding that is present or mimicked lies.
    heights_mm: of the slices, towards the head. spacing_mm: of a pixel, both ways. taken_at: some
        hours after the film.
    """

    index: int
    seed: int
    sex: Literal["F", "M"]
    age_years: int
    values: npt.NDArray[np.int16]
    masks: Mapping[Finding, Mask3D]
    findings: Mapping[Finding, bool]
    heights_mm: tuple[float, ...]
    spacing_mm: float
    taken_at: datetime


@dataclass(frozen=True, slots=True, eq=False)
class _Stack:
    """The voxels: a grid of rays, the rows of it that are slices, and the depth of every row.

    depth: (R, 1) mm, front first. x: (1, C), y: (S, 1, 1).
    """

    grid: Grid
    rows: npt.NDArray[np.intp]
    depth: FloatArray
    x: FloatArray
    y: FloatArray

    def cover(self, interval: Interval, box: tuple[slice, slice]) -> Volume:
        """Return (S, R, C): how much of each voxel lies in an interval given over ``box``."""
        shape = (self.grid.rows, self.grid.rows)
        near, far = np.full(shape, np.inf, np.float32), np.full(shape, -np.inf, np.float32)
        near[box], far[box] = interval
        half = np.float32(self.grid.spacing_mm / 2)
        low = np.maximum(near[self.rows, None, :], self.depth - half)
        high = np.minimum(far[self.rows, None, :], self.depth + half)
        result: Volume = np.maximum(high - low, 0) / (2 * half)
        return result

    def inside(self, body: Shape) -> Volume:
        """Return (S, R, C): how much of each voxel lies in a body."""
        box = body.box(self.grid)
        return self.cover(body.interval(self.grid, box), box)


def sample_ct(seed: int, index: int, *, slices: int = 32, rows: int = 128) -> PhantomCt:
    """Draw the CT of patient ``index`` of the cohort ``seed``, whose film ``sample_patient`` draws.

    Anatomy and lesions are the film's; mimics of absent findings are there too.
    """
    streams = streams_of(seed, index)
    disease = sample_disease(streams["disease"])
    anatomy = sample_anatomy(
        streams["anatomy"], is_female=disease.sex == "F", age_years=disease.age_years
    )
    technique = sample_technique(streams["technique"])
    film = make_grid(
        rows=FILM_ROWS, spacing_mm=technique.width_mm / FILM_ROWS, center=technique.center
    )
    stack = _stack(anatomy, slices=slices, rows=rows)
    heart = anatomy.heart(heart_ratio(anatomy, disease))
    sides: tuple[Side, ...] = tuple(anatomy.lungs)
    on_film = {side: trace_lung(film, anatomy, side, heart) for side in sides}
    on_grid = {side: trace_lung(stack.grid, anatomy, side, heart) for side in sides}
    lungs = {side: _lung(stack, on_grid[side]) for side in sides}

    values = np.full((slices, rows, rows), AIR, np.float32)
    outside: tuple[Shape, ...] = (anatomy.trunk, *anatomy.arms, *anatomy.breasts)
    for body in outside:
        _paint(values, stack.inside(body), SOFT)
    for side in sides:
        _paint(values, lungs[side], LUNG)
        _paint(values, lungs[side] * _vessels(stack, anatomy, side), VESSEL)
    masks: dict[Finding, Mask3D] = {}
    for finding in FINDINGS:
        if disease.states[finding].visual == 0:
            continue
        if finding == "cardiomegaly":
            masks[finding] = np.maximum(*(stack.inside(chamber) for chamber in heart)) > 0.5
            continue
        # A lesion made of bodies found its place on the film's rays; others are drawn on ours.
        lesion = draw_lesion(finding, streams[finding], film, on_film, disease, anatomy)
        masks[finding] = np.zeros(values.shape, bool)
        if lesion.bodies:
            for part in lesion.bodies:
                _fill(values, masks[finding], stack, part, lungs[part.side])
            continue
        again = draw_lesion(
            finding, streams_of(seed, index)[finding], stack.grid, on_grid, disease, anatomy
        )
        side = disease.states[finding].side
        region = lungs[side] * again.mask[stack.rows, None, :]
        if again.spared:
            kept = [overlap(part, again.spared[0]) for part in on_grid[side].parts]
            spared = sum(stack.cover(part, on_grid[side].box) for part in kept)
            region = np.maximum(region - spared, 0)
        _paint(values, region, SOFT if again.spared else AIR)
        masks[finding] = region > 0.5
    organs: tuple[tuple[Sequence[Shape], float], ...] = (
        (heart, BLOOD), (anatomy.air, AIR), (anatomy.bones, BONE),
    )  # fmt: skip
    for bodies, hu in organs:
        for organ in bodies:
            _paint(values, stack.inside(organ), hu)
    for rib in anatomy.ribs:
        _paint(values, _rib(stack, rib, inset=0.0), CORTEX)
        _paint(values, _rib(stack, rib, inset=1.1), MARROW)
    for vertebra in anatomy.spine:
        _paint(values, _vertebra(stack, vertebra), SPINE)
    values += np.float32(NOISE) * streams["ct"].standard_normal(values.shape, dtype=np.float32)
    up = slice(None, None, -1)  # y runs down, slices are kept from the feet up
    return PhantomCt(
        index=index,
        seed=seed,
        sex=disease.sex,
        age_years=disease.age_years,
        values=np.ascontiguousarray(np.rint(values.clip(-1024, 3071)).astype(np.int16)[up]),
        masks={f: np.ascontiguousarray(mask[up]) for f, mask in masks.items()},
        findings={f: disease.states[f].present for f in FINDINGS},
        heights_mm=tuple(float(-y) for y in stack.y.ravel()[up]),
        spacing_mm=stack.grid.spacing_mm,
        taken_at=taken_at_of(streams["date"]) + timedelta(hours=3),
    )


def _stack(anatomy: Anatomy, *, slices: int, rows: int) -> _Stack:
    """Lay ``slices`` evenly over the height of the lungs and a little beyond."""
    apex, bottom = anatomy.lung_y
    spacing = FIELD_MM / rows
    grid = make_grid(rows=rows, spacing_mm=spacing, center=(0.0, (apex + bottom) / 2))
    step = max(1, round((bottom - apex + 20.0) / slices / spacing))
    if step * (slices - 1) >= rows:
        raise ValueError(f"{slices} slices do not fit {rows} rows")
    first = (rows - step * (slices - 1)) // 2
    at = first + step * np.arange(slices)
    depth = ((rows - 1) / 2 - np.arange(rows, dtype=np.float32)) * np.float32(spacing)
    return _Stack(grid, at, depth[:, None].astype(np.float32), grid.x, grid.y[at][:, :, None])


def _paint(values: Volume, share: Volume, hu: float) -> None:
    """Replace a share of every voxel by another material."""
    values += share * (np.float32(hu) - values)


def _lung(stack: _Stack, lung: LungRays) -> Volume:
    """Return the share of every voxel that is lung."""
    covered = stack.cover(lung.parts[0], lung.box) + stack.cover(lung.parts[1], lung.box)
    result: Volume = np.minimum(covered, 1)
    return result


def _fill(values: Volume, mask: Mask3D, stack: _Stack, part: Body, lung: Volume) -> None:
    """Let a body of a lesion take the place of lung, as the film counts it along its rays."""
    body = part.shape
    shadow = body.shadow(stack.grid, stack.grid.everything)[stack.rows, None, :]
    q2 = ((stack.depth - np.float32(body.center[2])) / np.float32(body.radii[2])) ** 2
    inside = shadow - q2
    density = np.float32(part.density) * (inside if part.is_graded else 1.0)
    share = np.where(inside > 0, density, 0) * lung
    # Graded bodies overlap and together hold no more than soft tissue; a nodule may be calcified.
    limit = np.maximum(values, np.float32(SOFT if part.is_graded else BONE))
    np.minimum(values + share * np.float32(SOFT - LUNG), limit, out=values)
    mask |= (inside > 0) & (lung > 0.5)


def _vessels(stack: _Stack, anatomy: Anatomy, side: Side) -> Volume:
    """Return the share of vessels, on a smooth sheet of depth so that branches stay connected."""
    grid = stack.grid
    sheet = 30 * np.sin(grid.y / np.float32(37)) + 22 * np.cos(grid.x / np.float32(31))
    result: Volume = np.zeros((len(stack.rows), grid.rows, grid.rows), np.float32)
    for vessel in anatomy.vessels[side]:
        box = vessel.box(grid)
        half = vessel.chord(grid, box) / 2
        middle = sheet[box]
        np.maximum(result, stack.cover((middle - half, middle + half), box), out=result)
    return result


def _rib(stack: _Stack, rib: Rib, *, inset: float) -> Volume:
    """Return 1 in the voxels of a rib, or of what is left ``inset`` mm below its surface."""
    sign = -1.0 if rib.side == "right" else 1.0
    x = stack.x * np.float32(sign)
    width, depth = rib.width - inset, rib.depth - inset
    thick = rib.thickness - 2 * inset
    outer = (x / width) ** 2 + (stack.depth / depth) ** 2
    inner = (x / (width - thick)) ** 2 + (stack.depth / (depth - thick)) ** 2
    is_hoop = (outer <= 1) & (inner >= 1) & (x > 0)
    is_bone = (stack.depth < 0) | (x > rib.cartilage_x)
    level = stack.y - np.float32(rib.back_y) - np.float32(rib.drop) * (stack.depth + rib.depth)
    inside = is_hoop & is_bone & (np.abs(level) <= rib.half_height - inset)
    return inside.astype(np.float32)


def _vertebra(stack: _Stack, vertebra: Vertebra) -> Volume:
    """Return 1 in the voxels of a vertebral body and its spinous process."""
    x = (stack.x - vertebra.x) / vertebra.half_width
    y = (stack.y - vertebra.y) / vertebra.half_height
    z = (stack.depth - SPINE_Z) / (vertebra.depth / 2)
    body = (x**4 + z**4 <= 1) & (np.abs(y) <= 1)
    process = (np.abs(x) <= 0.16) & (z < 0) & (z > -2.2) & (np.abs(y - 0.4) <= 0.6)
    result: Volume = (body | process).astype(np.float32)
    return result
