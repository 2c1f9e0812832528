"""A case together with what is true of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mmcore.records import Case

REGION_SIZE = (56, 56)
"""Rows and columns of outlines for training; they lie over the model's square of the image."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledCase:
    """A case and its truth.

    patient: whose case it is; all cases of a patient belong on the same side of any split.
    labels: true target values, 1 or 0 for a finding, a number for a regression; a target that is
        not in it is unknown.
    regions: (56, 56) uint8 per outlined region, covered fraction times 255, over the square that
        the model reads of the image.
    masks: the same outlines as boolean arrays over the stored image, for exact measurement.
    boxes: per finding (row, column, rows, columns) in stored pixels, as readers drew them.
    subgroups: words by which figures are also reported, such as {"view": "AP"}.
    """

    case: Case
    patient: str
    labels: Mapping[str, float]
    regions: Mapping[str, npt.NDArray[np.uint8]] = field(default_factory=dict)
    masks: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    boxes: Mapping[str, tuple[tuple[float, float, float, float], ...]] = field(default_factory=dict)
    subgroups: Mapping[str, str] = field(default_factory=dict)


def age_band(age_years: float) -> str:
    """Return the age band by which figures are reported."""
    return "under 40" if age_years < 40 else "40 to 59" if age_years < 60 else "60 and over"
