"""Which side of the patient lies at which edge of an image, as far as the file says so."""

from typing import Literal

from mmcore.records import Instance

Side = Literal["R", "L"]


def sides_of(instance: Instance) -> tuple[Side, Side] | None:
    """Return the sides of the patient at the left and at the right edge of the image.

    ``None`` where the direction of the rows is unknown or not sideways (DICOM PS3.3 C.7.6.1.1.1):
    the view position alone does not tell whether an image was mirrored.
    """
    if instance.patient_orientation is None:
        return None
    row_direction = instance.patient_orientation[0]
    if row_direction.startswith("L"):
        return "R", "L"
    return ("L", "R") if row_direction.startswith("R") else None
