"""From anatomy and lesions to a PA chest radiograph: attenuation, scatter, detector, presentation.

Beer-Lambert along every ray with effective attenuation coefficients at about 65 keV (120 kVp
behind the patient), a smooth scatter fraction, detector blur, quantum and electronic noise, then
the steps of a presentation state: logarithm, compression of the large dynamic range, a fixed tone
curve to 12 bits, bone bright (MONOCHROME2). Exposure and tone come from the anatomy's own random
stream and never from the lesions, so that a patient rendered without a lesion is otherwise the
same film, noise included.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mmcore.records import FloatArray
from mmcore.simulate.anatomy import Anatomy
from mmcore.simulate.bodies import Grid, length, make_grid
from mmcore.simulate.causal import FINDINGS, Disease, Finding, Side
from mmcore.simulate.lesions import (
    Lesion,
    Mask,
    draw_consolidation,
    draw_edema,
    draw_effusion,
    draw_nodule,
    draw_pneumothorax,
)
from mmcore.simulate.lungs import LungRays, outline_lungs, trace_lung
from mmcore.simulate.structures import Vessel

# Effective linear attenuation, per mm.
MU_SOFT = 0.0195
MU_LUNG = 0.0048  # a quarter of the density of water
MU_BONE_EXTRA = 0.019  # beyond soft tissue: clavicles, scapulae
MU_SPINE_EXTRA = 0.006  # mostly marrow
MU_CORTEX_EXTRA = 0.036
MU_MARROW_LESS = 0.022  # what marrow lacks of cortex

VALUE_MAX = 4095


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A radiograph and what is drawn in it.

    pixels: uint16, 12 bits, MONOCHROME2. masks: shadow of every finding drawn, mimics included.
    lungs: the outlined lung fields.
    """

    pixels: npt.NDArray[np.uint16]
    spacing_mm: float
    masks: Mapping[Finding, Mask]
    lungs: Mask


@dataclass(frozen=True, slots=True)
class Technique:
    """How the film was taken.

    width_mm: of the field. center: of the field, (x, y). quanta: per pixel of 0.75 mm in air.
    scatter: scattered over mean surrounding primary. compression: share of the coarse contrast
    that the presentation removes. middle, contrast: log attenuation at mid grey, and the slope.
    """

    width_mm: float
    center: tuple[float, float]
    quanta: float
    scatter: float
    compression: float
    middle: float
    contrast: float


def sample_technique(rng: np.random.Generator) -> Technique:
    """Draw how the film is taken."""
    return Technique(
        width_mm=float(rng.uniform(352, 398)),
        center=(float(rng.normal(0, 6)), float(rng.normal(-4, 7))),
        quanta=float(np.exp(rng.normal(np.log(6e4), 0.35))),
        scatter=float(rng.uniform(0.08, 0.2)),
        compression=float(rng.uniform(0.42, 0.55)),
        middle=float(rng.normal(3.22, 0.08)),
        contrast=float(rng.uniform(1.6, 1.9)),
    )


def heart_ratio(anatomy: Anatomy, disease: Disease) -> float:
    """Return the cardiothoracic ratio: above 0.5 when the heart is enlarged, or only looks so.

    It grows from the patient's own healthy ratio, so an occult enlargement looks like a normal
    heart and a visual strength of 0.15 crosses 0.5.
    """
    visual = disease.states["cardiomegaly"].visual
    return anatomy.healthy_ratio + 0.045 * min(1.0, visual / 0.2) + 0.15 * visual


def render(
    anatomy: Anatomy, disease: Disease, technique: Technique, *, rows: int,
    streams: Mapping[str, np.random.Generator],
) -> Film:  # fmt: skip
    """Project the chest with whatever ``disease`` draws in it.

    streams: random streams by name: one per finding, and "noise".
    """
    grid = film_grid(technique, rows=rows)
    heart = anatomy.heart(heart_ratio(anatomy, disease))
    lungs: dict[Side, LungRays] = {
        side: trace_lung(grid, anatomy, side, heart) for side in anatomy.lungs
    }
    masks: dict[Finding, Mask] = {}
    shape = (rows, rows)
    fill, air, extra = (np.zeros(shape, np.float32) for _ in range(3))
    for finding in FINDINGS:
        if disease.states[finding].visual == 0:
            continue
        if finding == "cardiomegaly":
            mask = np.zeros(shape, bool)
            for body in heart:
                box = body.box(grid)
                mask[box] |= body.shadow(grid, box) > 0
            masks[finding] = mask
            continue
        lesion = draw_lesion(finding, streams[finding], grid, lungs, disease, anatomy)
        fill += lesion.fill
        air = np.maximum(air, lesion.air)
        extra += lesion.extra
        masks[finding] = lesion.mask
    rng = streams["noise"]
    attenuation = _attenuate(grid, anatomy, lungs, disease, fill, air, extra)
    free = np.zeros(shape, np.float32)
    for lung in lungs.values():
        free[lung.box] += lung.free
    attenuation += _clutter(rng, grid) * (0.25 + free * np.float32(1 / 110))
    pixels = _expose(rng, attenuation, technique, grid)
    return Film(pixels, grid.spacing_mm, masks, outline_lungs(grid, lungs))


def film_grid(technique: Technique, *, rows: int) -> Grid:
    """Return the rays of a film of ``rows`` x ``rows`` pixels; its field is the same for all."""
    return make_grid(rows=rows, spacing_mm=technique.width_mm / rows, center=technique.center)


def draw_lesion(
    finding: Finding, rng: np.random.Generator, grid: Grid, lungs: Mapping[Side, LungRays],
    disease: Disease, anatomy: Anatomy,
) -> Lesion:  # fmt: skip
    """Return the lesion of a finding other than cardiomegaly, as ``disease`` has it."""
    state = disease.states[finding]
    if finding == "consolidation":
        return draw_consolidation(rng, grid, lungs, state)
    if finding == "effusion":
        return draw_effusion(rng, grid, lungs, state, anatomy)
    if finding == "pneumothorax":
        return draw_pneumothorax(rng, grid, lungs, state, anatomy)
    if finding == "nodule":
        return draw_nodule(rng, grid, lungs, state)
    return draw_edema(rng, grid, lungs, state)


def _attenuate(
    grid: Grid, anatomy: Anatomy, lungs: Mapping[Side, LungRays], disease: Disease,
    fill: FloatArray, air: FloatArray, extra: FloatArray,
) -> FloatArray:  # fmt: skip
    """Sum material times path length along every ray."""
    soft = np.zeros((grid.rows, grid.rows), np.float32)  # mm of soft tissue
    box = anatomy.trunk.box(grid)
    soft[box] = length(anatomy.trunk.interval(grid, box))
    for arm in anatomy.arms:
        box = arm.box(grid)
        np.maximum(soft[box], arm.chord(grid, box), out=soft[box])
    for breast in anatomy.breasts:
        box = breast.box(grid)
        soft[box] += breast.chord(grid, box) * np.maximum(breast.shadow(grid, box), 0)
    congestion = disease.states["edema"].visual
    vessels = np.zeros_like(soft)
    removed = np.zeros_like(soft)
    for side, lung in lungs.items():
        removed[lung.box] += lung.free
        for vessel in anatomy.vessels[side]:
            thick = vessel
            if congestion > 0 and vessel.end[1] < -20:  # upper lobe vessels widen
                thick = Vessel(vessel.start, vessel.end, vessel.radius * (1 + 0.7 * congestion))
            box = thick.box(grid)
            np.maximum(vessels[box], thick.chord(grid, box), out=vessels[box])
    clear = removed - air
    fill = np.minimum(fill + extra, clear)
    vessels = np.minimum(vessels, clear - fill)
    aerated = clear - fill - vessels
    airways = np.zeros_like(soft)
    for body in anatomy.air:
        box = body.box(grid)
        np.maximum(airways[box], body.chord(grid, box), out=airways[box])
    soft -= airways
    total = (soft - removed + fill + vessels) * np.float32(MU_SOFT) + aerated * np.float32(MU_LUNG)
    for body in anatomy.bones:
        box = body.box(grid)
        total[box] += np.float32(MU_BONE_EXTRA) * body.chord(grid, box)
    for rib in anatomy.ribs:
        box = rib.box(grid)
        total[box] += np.float32(MU_CORTEX_EXTRA) * rib.chord(grid, box)
        total[box] -= np.float32(MU_MARROW_LESS) * rib.chord(grid, box, inset=1.1)
    for vertebra in anatomy.spine:
        box = vertebra.box(grid)
        total[box] += np.float32(MU_SPINE_EXTRA) * vertebra.chord(grid, box)
    result: FloatArray = np.maximum(total, 0)
    return result


def _clutter(rng: np.random.Generator, grid: Grid) -> FloatArray:
    """Return anatomical noise with most of its power in coarse structure, in log attenuation."""
    finest = np.zeros((88, 88), np.float32)
    for cells, amplitude in ((11, 0.045), (22, 0.034), (44, 0.024), (88, 0.015)):
        knots = np.float32(amplitude) * rng.standard_normal((cells, cells), dtype=np.float32)
        finest += _upsample(knots, 88)
    return _upsample(finest, grid.rows)


def _expose(
    rng: np.random.Generator, attenuation: FloatArray, technique: Technique, grid: Grid
) -> npt.NDArray[np.uint16]:
    """Turn log attenuation into the stored values of a film."""
    rows = grid.rows
    primary = np.exp(-attenuation)
    scattered = technique.scatter * _coarse(np.minimum(primary, 0.25), 38 / grid.spacing_mm)
    signal = _blur3(primary + scattered)
    dose = technique.quanta * (grid.spacing_mm / 0.75) ** 2
    noise = rng.standard_normal((rows, rows), dtype=np.float32)
    counts = signal * np.float32(dose)
    counts += noise * np.sqrt(counts + np.float32(16))  # electronic noise: four quanta
    log = np.log(np.float32(dose)) - np.log(np.maximum(counts, 1))
    log -= technique.compression * (_coarse(log, 30 / grid.spacing_mm) - technique.middle)
    value = 1 / (1 + np.exp(np.float32(-technique.contrast) * (log - technique.middle)))
    stored: npt.NDArray[np.uint16] = np.rint(value * np.float32(VALUE_MAX)).astype(np.uint16)
    return stored


def _coarse(image: FloatArray, sigma: float) -> FloatArray:
    """Blur with a wide Gaussian of ``sigma`` pixels, on a 64 x 64 copy; edges are repeated."""
    cells = 64
    step = image.shape[0] // cells
    small = image.reshape(cells, step, cells, step).mean(axis=(1, 3))
    kernel = _gaussian(cells, sigma / step)
    # Not a matrix product by BLAS: its threads cost more than they bring at this size.
    small = np.einsum("ij,jk->ik", kernel, np.einsum("ij,kj->ik", small, kernel))
    return _upsample(small, image.shape[0])


def _upsample(knots: FloatArray, rows: int) -> FloatArray:
    """Interpolate a square grid of cell centers bilinearly to ``rows`` x ``rows``."""
    cells = knots.shape[0]
    at = np.clip((np.arange(rows, dtype=np.float32) + 0.5) / rows * cells - 0.5, 0, cells - 1)
    low = np.minimum(at.astype(np.intp), cells - 2)
    weight = (at - low).astype(np.float32)
    tall = knots[low] * (1 - weight)[:, None] + knots[low + 1] * weight[:, None]
    # The same along columns: differences first, as they are taken on the small side.
    step = tall[:, 1:] - tall[:, :-1]
    result: FloatArray = np.take(step, low, axis=1)
    result *= weight
    result += np.take(tall, low, axis=1)
    return result


@lru_cache(maxsize=16)
def _gaussian(cells: int, sigma: float) -> FloatArray:
    """Return a matrix whose row i averages around cell i."""
    at = np.arange(cells)
    kernel = np.exp(-0.5 * ((at[:, None] - at[None, :]) / sigma) ** 2)
    result: FloatArray = (kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)
    return result


def _blur3(image: FloatArray) -> FloatArray:
    """Blur with (1, 4, 1) / 6 along both axes: the spread of light in the scintillator."""
    result = image * np.float32(4 / 6)
    result[1:] += image[:-1] * np.float32(1 / 6)
    result[:-1] += image[1:] * np.float32(1 / 6)
    result[0] += image[0] * np.float32(1 / 6)
    result[-1] += image[-1] * np.float32(1 / 6)
    image = result
    result = image * np.float32(4 / 6)
    result[:, 1:] += image[:, :-1] * np.float32(1 / 6)
    result[:, :-1] += image[:, 1:] * np.float32(1 / 6)
    result[:, 0] += image[:, 0] * np.float32(1 / 6)
    result[:, -1] += image[:, -1] * np.float32(1 / 6)
    return result
