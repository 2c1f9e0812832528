"""A sixth kind of file: the flow-volume curve of a forced expiration, as two columns of text."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.parts import Identity
from mmcore.intake.readers import register_reader
from mmcore.records import Modality

HEADER = b"# flow-volume curve of "  # and whose
SPIROMETRY = Modality.declare(
    "spirometry", display="Spirometry", subject="the spirometry", inside="along the flow curve",
    absent="no spirometry",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class FlowCurve:
    """Flow in litres per second at increasing volumes in litres."""

    patient_id: str
    volume_l: npt.NDArray[np.float64]
    flow_l_s: npt.NDArray[np.float64]


def read_curve(data: bytes, *, digest: str) -> FlowCurve:
    first, *lines = data.decode("utf-8").split("\n")
    table = np.array([line.split(",") for line in lines if line], dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != 2 or not np.isfinite(table).all():
        raise FileRefusedError(RefusalCode.CORRUPT, "the curve is not two columns of numbers")
    return FlowCurve(first[len(HEADER) :].strip(), table[:, 0], table[:, 1])


register_reader(
    SPIROMETRY,
    kind="spirometry",
    claims=lambda name, data: data.startswith(HEADER),
    read=read_curve,
    whose=lambda curve: Identity(frozenset({curve.patient_id})),
)
