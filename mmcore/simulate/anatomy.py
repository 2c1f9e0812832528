"""The chest of one simulated patient, as convex bodies in millimetres.

The frame is that of ``bodies``: x to the image's right, so the patient's left lung is at x > 0.
Measures are those of an adult chest at full inspiration; every one varies between patients.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmcore.simulate.bodies import Capsule, Ellipsoid, Stack
from mmcore.simulate.causal import Side
from mmcore.simulate.structures import SIGN, Rib, Vertebra, Vessel

Knots = npt.NDArray[np.float64]

# Outline of a lung, from apex (0) to costophrenic angle (1): edges and depth as fractions of half
# the width and depth of the chest, traced from the usual look of a PA film.
_LUNG_T = np.array([0, 0.012, 0.035, 0.07, 0.12, 0.2, 0.3, 0.42, 0.55, 0.7, 0.85, 0.93, 1.0])
_LUNG_OUTER = np.array(
    [0.40, 0.50, 0.565, 0.635, 0.71, 0.795, 0.87, 0.925, 0.965, 0.99, 1.0, 0.997, 0.985]
)
_LUNG_INNER = np.array(
    [0.40, 0.31, 0.255, 0.21, 0.17, 0.13, 0.115, 0.105, 0.10, 0.095, 0.09, 0.09, 0.09]
)
_LUNG_DEPTH = np.array([0.08, 0.2, 0.3, 0.41, 0.53, 0.68, 0.82, 0.93, 0.99, 1.0, 0.93, 0.8, 0.55])

# Outline of the trunk with the neck and the slope of the shoulders; the arms are held away.
_TRUNK_Y = np.array([-260, -195, -178, -163, -150, -135, -112, -80, -45, 0, 60, 130, 260.0])
_TRUNK_HALF = np.array([56, 58, 70, 104, 142, 172, 186, 180, 169, 165, 163, 161, 163.0])
_TRUNK_DEPTH = np.array([50, 52, 54, 57, 61, 66, 76, 92, 106, 115, 119, 121, 122.0])


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """All bodies of one chest.

    half_width, lung_y: half the inner width of the chest and (apex, costophrenic angle) in mm.
    healthy_ratio: cardiothoracic ratio of the heart when it is not enlarged.
    heart_turn: tilt of the heart's long axis, radians.
    solid: what displaces lung beside the heart and the diaphragm.
    breasts: of a density that falls to their rim, added to the trunk; arms: joined with it;
        air: cut from it.
    bones: without ribs and spine.
    """

    half_width: float
    lung_y: tuple[float, float]
    healthy_ratio: float
    heart_center: tuple[float, float, float]
    heart_turn: float
    trunk: Stack
    lungs: Mapping[Side, Stack]
    domes: Mapping[Side, Ellipsoid]
    solid: tuple[Ellipsoid | Capsule, ...]
    breasts: tuple[Ellipsoid, ...]
    arms: tuple[Capsule, ...]
    air: tuple[Ellipsoid | Capsule, ...]
    ribs: tuple[Rib, ...]
    bones: tuple[Ellipsoid | Capsule, ...]
    spine: tuple[Vertebra, ...]
    vessels: Mapping[Side, tuple[Vessel, ...]]

    def heart(self, ratio: float) -> tuple[Ellipsoid, Ellipsoid]:
        """Return left ventricle and right atrium so that the cardiothoracic ratio is ``ratio``.

        The silhouette of the two is ``ratio`` times the inner width of the chest, exactly.
        """
        unit = self._heart_of(1.0)
        right = min(e.center[0] - e.half_width() for e in unit)
        left = max(e.center[0] + e.half_width() for e in unit)
        return self._heart_of(ratio * 2 * self.half_width / (left - right))

    def _heart_of(self, k: float) -> tuple[Ellipsoid, Ellipsoid]:
        x, y, z = self.heart_center
        y -= 22 * (k - 1)  # it rests on the diaphragm: growth goes up and to the side
        ventricle = Ellipsoid((x + 24 * k, y + 6 * k, z), (56 * k, 41 * k, 44 * k), self.heart_turn)
        atrium = Ellipsoid((x - 9 * k, y - 4 * k, z), (31 * k, 45 * k, 38 * k), -0.12)
        return ventricle, atrium


def sample_anatomy(rng: np.random.Generator, *, is_female: bool, age_years: int) -> Anatomy:
    """Draw a chest. Age and sex set its size and the breast shadows."""
    size = float(rng.normal(0.955 if is_female else 1.02, 0.035))
    half = 138 * size * float(rng.normal(1, 0.025))
    apex = -136 * size + float(rng.normal(0, 3))
    inspiration = float(rng.normal(0, 7))  # mm that the diaphragm stands lower
    bottom = 122 * size + 0.6 * inspiration
    depth = 92 * size * float(rng.normal(1, 0.05))
    rotation = float(rng.normal(0, 2.5))  # mm that front structures shift to the left
    dome_y = {"right": 66 * size + inspiration, "left": 77 * size + inspiration}
    fat = float(np.clip(rng.normal(8, 7), 0, 30))

    lungs: dict[Side, Stack] = {}
    domes: dict[Side, Ellipsoid] = {}
    vessels: dict[Side, tuple[Vessel, ...]] = {}
    for side, sign in SIGN.items():
        wobble = np.interp(_LUNG_T, np.linspace(0, 1, 5), rng.normal(0, 0.008, 5))
        outer = sign * half * (_LUNG_OUTER + wobble)
        inner = sign * half * _LUNG_INNER
        low = bottom + float(rng.normal(0, 3))
        lungs[side] = _stack(
            y=apex + _LUNG_T * (low - apex),
            left=np.minimum(inner, outer),
            right=np.maximum(inner, outer),
            depth=_LUNG_DEPTH * depth,
            z=-14 + 14 * _LUNG_T,
        )
        top = dome_y[side] + float(rng.normal(0, 3))
        domes[side] = Ellipsoid(
            (sign * half * 0.49, low + 8, 16),
            (half * 0.515, low + 8 - top, depth * 0.92),
        )
        hilum = (sign * (34 * size) + rotation, (-14 if side == "right" else -22) * size)
        vessels[side] = _grow_vessels(rng, hilum=hilum, sign=sign, size=size)

    heart_center = (1.0 + rotation, 28 * size + inspiration * 0.7, 26.0)
    trunk = _stack(
        y=_TRUNK_Y * size + float(rng.normal(0, 3)),
        left=-(_TRUNK_HALF * size + fat),
        right=_TRUNK_HALF * size + fat,
        depth=_TRUNK_DEPTH * size + 0.8 * fat,
        z=np.zeros(len(_TRUNK_Y)),
        power=2.6,
    )
    breasts = _breasts(rng, size=size) if is_female else ()
    return Anatomy(
        half_width=half,
        lung_y=(apex, bottom),
        healthy_ratio=float(np.clip(rng.normal(0.452, 0.016), 0.42, 0.49)),
        heart_center=heart_center,
        heart_turn=float(rng.normal(0.62, 0.09)),
        trunk=trunk,
        lungs=lungs,
        domes=domes,
        solid=_mediastinum(rng, size=size, rotation=rotation, age_years=age_years),
        breasts=breasts,
        arms=_arms(size=size),
        air=_airways(rng, size=size, rotation=rotation, stomach_y=dome_y["left"]),
        ribs=_ribs(rng, lungs=lungs, apex=apex, half=half, depth=depth, size=size),
        bones=_shoulder_girdle(rng, size=size, rotation=rotation),
        spine=_spine(rng, size=size, rotation=rotation),
        vessels=vessels,
    )


def _stack(
    *, y: Knots, left: Knots, right: Knots, depth: Knots, z: Knots, power: float = 2.0
) -> Stack:
    """Refine the knots with a monotone smoothing so that outlines do not look like polygons."""
    fine = np.linspace(y[0], y[-1], 161)
    # More knots where outlines turn: near the apex.
    fine = y[0] + (fine - y[0]) ** 1.5 / (fine[-1] - y[0]) ** 0.5
    columns = (_smooth(fine, y, values).astype(np.float32) for values in (left, right, depth, z))
    left_edge, right_edge, half_depth, middle = columns
    return Stack(fine.astype(np.float32), left_edge, right_edge, half_depth, middle, power)


def _smooth(at: Knots, y: Knots, values: Knots) -> Knots:
    """Cubic Hermite interpolation with the harmonic-mean slopes of Fritsch and Butland."""
    step = np.diff(y)
    secant = np.diff(values) / step
    slope = np.empty_like(values)
    slope[0], slope[-1] = secant[0], secant[-1]
    product = secant[:-1] * secant[1:]
    total = secant[:-1] + secant[1:]
    slope[1:-1] = np.where(product > 0, 2 * product / np.where(total == 0, 1, total), 0)
    k = np.clip(np.searchsorted(y, at, side="right") - 1, 0, len(y) - 2)
    t = (at - y[k]) / step[k]
    h00, h10 = (1 + 2 * t) * (1 - t) ** 2, t * (1 - t) ** 2
    h01, h11 = t * t * (3 - 2 * t), t * t * (t - 1)
    result: Knots = (
        h00 * values[k] + h10 * step[k] * slope[k]
        + h01 * values[k + 1] + h11 * step[k] * slope[k + 1]
    )  # fmt: skip
    return result


def _grow_vessels(
    rng: np.random.Generator, *, hilum: tuple[float, float], sign: int, size: float
) -> tuple[Vessel, ...]:
    """Branch from the hilum outwards; lower trunks are thicker, as in a standing patient."""
    vessels: list[Vessel] = []
    tips: list[tuple[float, float, float, float, float]] = []
    for angle in (-1.35, -0.85, -0.35, 0.2, 0.65, 1.05, 1.4):
        radius = (5.2 + 2.3 * max(0.0, float(np.sin(angle)))) * size * float(rng.normal(1, 0.1))
        tips.append((*hilum, angle + float(rng.normal(0, 0.12)), radius, 27.0 * size))
    for generation in range(5):
        grown: list[tuple[float, float, float, float, float]] = []
        for x, y, angle, radius, reach in tips:
            reach *= float(rng.uniform(0.75, 1.2))
            end = (x + sign * reach * float(np.cos(angle)), y + reach * float(np.sin(angle)))
            vessels.append(Vessel((x, y), end, radius))
            spread = float(rng.uniform(0.2, 0.5))
            turns = (spread, -spread) if generation in (0, 2, 3) else (0.4 * spread,)
            thinner = 0.74 if len(turns) == 2 else 0.86
            grown += [(*end, angle + turn, radius * thinner, reach * 0.86) for turn in turns]
        tips = [tip for tip in grown if tip[3] > 0.6]
    return tuple(vessels)


def _mediastinum(
    rng: np.random.Generator, *, size: float, rotation: float, age_years: int
) -> tuple[Ellipsoid | Capsule, ...]:
    unfolded = 1 + max(0, age_years - 55) / 160  # the aorta unfolds with age
    knob = 15.5 * size * unfolded * float(rng.normal(1, 0.07))
    x = rotation
    return (
        Capsule((x - 12, -150 * size, 6), (x - 17 * size, -20 * size, 14), 13 * size),
        Capsule((x + 3, -170 * size, -4), (x + 6, -20 * size, 0), 19 * size),
        Ellipsoid((x + 17 * size, -56 * size, -6), (knob, knob * 1.1, 28)),
        Ellipsoid((x + 18 * size, -22 * size, 16), (21 * size, 26 * size, 24)),
        Ellipsoid((x - 8, 70 * size, 4), (36 * size, 90 * size, 42)),
    )


def _breasts(rng: np.random.Generator, *, size: float) -> tuple[Ellipsoid, ...]:
    volume = float(np.clip(rng.normal(1, 0.22), 0.5, 1.5))
    y = 52 * size + float(rng.normal(0, 10))
    radii = (72 * volume, 66 * volume, 30 * volume)
    return tuple(Ellipsoid((sign * 82 * size, y, 120), radii, sign * 0.2) for sign in (-1, 1))


def _arms(*, size: float) -> tuple[Capsule, ...]:
    return tuple(
        Capsule((s * 168 * size, -108 * size, 0), (s * 250 * size, 10 * size, 0), 46 * size)
        for s in (-1, 1)
    )


def _airways(
    rng: np.random.Generator, *, size: float, rotation: float, stomach_y: float
) -> tuple[Ellipsoid | Capsule, ...]:
    carina = (rotation * 0.6 - 1, -44 * size, -4.0)
    x, y, z = carina
    width = float(rng.uniform(14, 34))
    return (
        Capsule((rotation * 0.6, -215 * size, -8), carina, 9.2 * size),
        Capsule(carina, (x - 25 * size, y + 24 * size, z), 6.4 * size),
        Capsule(carina, (x + 33 * size, y + 22 * size, z), 5.6 * size),
        Ellipsoid((58 * size, stomach_y + 24, 30), (width, 9 + width / 4, 24)),
    )


def _ribs(
    rng: np.random.Generator, *, lungs: Mapping[Side, Stack], apex: float, half: float,
    depth: float, size: float,
) -> tuple[Rib, ...]:  # fmt: skip
    count = int(rng.integers(10, 12))
    pitch = 23.5 * size * float(rng.normal(1, 0.03))
    drop = float(np.clip(rng.normal(0.50, 0.06), 0.36, 0.66))
    ribs: list[Rib] = []
    for side, sign in SIGN.items():
        for number in range(count):
            back = apex + 2 * size + pitch * number * (0.86 + 0.014 * number)
            reach = (0.42 + 0.30 * min(number, 2)) if number < 3 else 1.04
            hoop = depth * min(reach, 1.0) + 7
            slope = drop * (0.75 + 0.05 * min(number, 6)) + float(rng.normal(0, 0.012))
            level = back + slope * hoop
            edges = lungs[side].edges(np.array([min(level, lungs[side].y[-1])], np.float32))
            outer = abs(float(edges[1 if sign > 0 else 0][0]))
            ribs.append(
                Rib(
                    side=side,
                    back_y=back,
                    drop=slope,
                    half_height=(5.4 + 0.12 * number) * size,
                    thickness=7.0 * size,
                    width=outer + 5.5,
                    depth=hoop,
                    cartilage_x=half * (0.22 + 0.045 * number) + float(rng.normal(0, 3)),
                )
            )
    return tuple(ribs)


def _shoulder_girdle(
    rng: np.random.Generator, *, size: float, rotation: float
) -> tuple[Ellipsoid | Capsule, ...]:
    bones: list[Ellipsoid | Capsule] = []
    lift = float(rng.normal(0, 6))
    for sign in (-1, 1):
        y = -104 * size + float(rng.normal(0, 2))
        # Clavicle: an S, so three straight pieces.
        at = [
            (sign * 15 * size + rotation * 1.5, y, 55.0),
            (sign * 55 * size + rotation, y - 3 * size - 0.2 * lift, 58.0),
            (sign * 102 * size, y - 21 * size - 0.7 * lift, 40.0),
            (sign * 152 * size, y - 25 * size - lift, 5.0),
        ]
        radii = (4.8 * size, 4.0 * size, 4.6 * size)
        bones += [Capsule(a, b, r) for a, b, r in zip(at[:-1], at[1:], radii, strict=True)]
        # Scapula: a blade beside the lung with a thick lateral border, and the head of humerus.
        bones.append(
            Ellipsoid((sign * 137 * size, -72 * size, -75), (24 * size, 62 * size, 4), -sign * 0.32)
        )
        bones.append(
            Capsule((sign * 160 * size, -118 * size, -60), (sign * 131 * size, -18 * size, -80), 4)
        )
        bones.append(Ellipsoid((sign * 178 * size, -122 * size, -10), (22, 22, 20)))
        bones.append(
            Capsule((sign * 182 * size, -112 * size, -10), (sign * 250 * size, 0, -10), 11)
        )
    bones.append(Ellipsoid((rotation * 1.6, -98 * size, 95), (19 * size, 17 * size, 5)))
    bones.append(Ellipsoid((rotation * 1.6, -20 * size, 98), (13 * size, 75 * size, 4)))
    return tuple(bones)


def _spine(rng: np.random.Generator, *, size: float, rotation: float) -> tuple[Vertebra, ...]:
    curve, phase = float(rng.normal(0, 2.5)), float(rng.uniform(0, 6))
    spine: list[Vertebra] = []
    y = -205 * size
    while y < 210:
        height = (18 + 6 * (y + 205) / 400) * size
        x = -0.3 * rotation + curve * float(np.sin(y / 90 + phase))
        spine.append(Vertebra(x, y, height * 0.78, height * 0.42, 30 * size))
        y += height
    return tuple(spine)
