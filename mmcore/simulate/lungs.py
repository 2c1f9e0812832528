"""What is lung along every ray: the chest's two sides less the solid organs between and below."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmcore.records import FloatArray
from mmcore.simulate.anatomy import Anatomy
from mmcore.simulate.bodies import Box, Ellipsoid, Grid, Interval, hull, length
from mmcore.simulate.causal import Side

OUTLINED_MM = 10.0  # of lung along a ray that belongs to the outlined field
OUTLINED_SHARE = 0.75  # of such a ray's depth in the chest that is lung, not heart or diaphragm


@dataclass(frozen=True, slots=True, eq=False)
class LungRays:
    """The rays through one lung, as arrays over ``box``.

    across: -1 at the left, 1 at the right edge of the image's lung. whole: the lung with the
    organs in it. parts: lung behind and lung in front of them. free: their length together, mm.
    """

    side: Side
    box: Box
    across: FloatArray
    whole: Interval
    parts: tuple[Interval, Interval]
    free: FloatArray

    def crop(self, box: Box) -> "LungRays | None":
        """Return the rays that also lie in ``box``, or None if there are none."""
        rows, columns = (
            slice(max(a.start, b.start), min(a.stop, b.stop))
            for a, b in zip(self.box, box, strict=True)
        )
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return None
        at = tuple(
            slice(part.start - mine.start, part.stop - mine.start)
            for part, mine in zip((rows, columns), self.box, strict=True)
        )

        def cut(interval: Interval) -> Interval:
            return interval[0][at], interval[1][at]

        return LungRays(
            self.side,
            (rows, columns),
            self.across[at],
            cut(self.whole),
            (cut(self.parts[0]), cut(self.parts[1])),
            self.free[at],
        )


def trace_lung(
    grid: Grid, anatomy: Anatomy, side: Side, heart: tuple[Ellipsoid, Ellipsoid]
) -> LungRays:
    """Cut heart, mediastinum and everything below the diaphragm out of one lung.

    The organs are taken as one body that is convex along the ray, so lung is what lies behind it
    and what lies in front of it.
    """
    stack, dome = anatomy.lungs[side], anatomy.domes[side]
    box = stack.box(grid)
    whole = stack.interval(grid, box)
    organs = [body.interval(grid, box) for body in (*heart, *anatomy.solid)]
    # Below its widest circle the dome goes straight down, so that no lung reappears under it.
    y = np.minimum(grid.y[box[0]], np.float32(dome.center[1]))
    shadow = 1 - ((grid.x[:, box[1]] - np.float32(dome.center[0])) / np.float32(dome.radii[0])) ** 2
    shadow = shadow - ((y - np.float32(dome.center[1])) / np.float32(dome.radii[1])) ** 2
    half = np.sqrt(np.maximum(shadow, 0)) * np.float32(dome.radii[2])
    organs.append((np.float32(dome.center[2]) - half, np.float32(dome.center[2]) + half))
    near, far = hull(organs)
    is_hit = far > near
    near, far = np.where(is_hit, near, whole[1]), np.where(is_hit, far, whole[1])
    behind = (whole[0], np.minimum(whole[1], near))
    front = (np.maximum(whole[0], far), whole[1])
    free = length(behind) + length(front)
    return LungRays(side, box, stack.across(grid, box), whole, (behind, front), free)


def outline_lungs(grid: Grid, lungs: Mapping[Side, LungRays]) -> npt.NDArray[np.bool_]:
    """Return the lung fields as one outlines them on a frontal film, over the whole image.

    Without lung that only lies behind or in front of heart, mediastinum and diaphragm, and with
    whatever disease there is in the lungs.
    """
    mask = np.zeros((grid.rows, grid.rows), dtype=bool)
    for lung in lungs.values():
        whole = length(lung.whole)
        mask[lung.box] |= (lung.free > OUTLINED_MM) & (lung.free > OUTLINED_SHARE * whole)
    return mask
