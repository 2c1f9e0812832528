"""Stacks and maps of which every number is known."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from mmcore.records import Instance, Modality, PartItem, Parts, Window
from tests.app import factory


def ct(name: str, count: int, at: datetime = factory.TAKEN) -> tuple[Instance, ...]:
    """Return a stack of 40 HU all over, in which the n-th slice has -1000 + n in a corner."""
    stack = []
    for n in range(count):
        values = np.full((1, 57, 57), 40, np.int16)
        values[0, 0, 0] = n - 1000
        stack.append(
            factory.image(
                digest=factory.digest(f"{name} {n}"), pixels=values, value_unit="HU",
                dicom_modality="CT", spacing_mm=None, windows=(Window(40.0, 400.0, "SOFT"),),
                acquired_at=at,
            )
        )  # fmt: skip
    return tuple(stack)


def image_parts(maps: npt.NDArray[np.float32], digests: Sequence[str] = ()) -> Parts:
    is_stack = maps.ndim == 3
    return Parts(
        Modality.IMAGE, float(maps.sum()), 0.0, True, "", (PartItem("all", (), float(maps.sum())),),
        overlay=None if is_stack else maps, overlay_box=(0.0, 0.0, 57.0, 57.0),
        overlay_stack=maps if is_stack else None, overlay_of=tuple(digests), n_steps=8,
    )  # fmt: skip
