"""The signed map of the image's evidence as a Parametric Map. PS3.3 A.75.

One 32-bit float per pixel of the source image: the log-odds that this pixel moved, so that the sum
over all pixels is what the image moved, as the ledger says. A real world value mapping with slope 1
says so to other systems.

A projection radiograph has no place in the patient (no Image Plane), but the IOD wants a frame of
reference: it gets one of its own, made from the source's UID, which claims no relation to any other
image. In it the first pixel lies at the origin and the directions are those of Patient Orientation,
so that a workstation names the same sides as on the film; where the film does not state them no map
is written, since it could only name a wrong side. What binds the map to its image is the same grid,
the pixel spacing where the source states one, and the reference to the source in Derivation Image.
"""

import numpy as np
from highdicom import PixelMeasuresSequence, VOILUTFunctionValues, VOILUTTransformation
from highdicom.pm import DerivedPixelContrastValues, ParametricMap, RealWorldValueMapping
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from mmcore.records import FloatArray, Modality
from mmcore.report.reading import Overlay, ReportedTarget
from mmcore.results.codes import SALIENCY
from mmcore.results.dicom_object import (
    add_body_part,
    add_scheme,
    equipment,
    finished,
    replace_uids,
    series,
    source_dataset,
)
from mmcore.results.records import Head, Kind, Made
from mmcore.results.subject import Subject, made_uid

_LOGIT = CodedConcept("{logit}", "UCUM", "log-odds")
_DIRECTIONS = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1),
               "F": (0, 0, -1)}  # fmt: skip
_PLAIN_CLASSES = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{suffix}"
    for suffix in ("1", "1.1", "1.1.1", "1.2", "1.2.1", "2", "4", "7")
)
"""CR, DX, mammography, CT, MR, secondary capture: their IODs know one frame, so that position and
spacing stand at the top of the header."""
_GEOMETRY = (("ImageOrientationPatient", 6), ("ImagePositionPatient", 3), ("PixelSpacing", 2))


def parametric_maps(subject: Subject) -> tuple[Made, ...]:
    """Return a map of every finding in ``Subject.mapped``; none if the image allows none."""
    if not is_possible(subject.key):
        return ()
    return tuple(
        _map(subject, target, number) for number, target in enumerate(subject.mapped(), start=1)
    )


def spread(overlay: Overlay, *, rows: int, columns: int) -> FloatArray:
    """Return the overlay on the pixels of its image, (rows, columns), with the same sum.

    A pixel belongs to the cell in which its centre lies, and has an equal share of it. Outside the
    overlay's box the values are 0. A cell that holds no pixel's centre, as in an image smaller than
    the overlay, gives its value to the nearest pixel.
    """
    row, column, box_rows, box_columns = overlay.box
    cells = overlay.values.astype(np.float64)
    spread_rows = _shares(cells.shape[0], row, box_rows, rows)
    spread_columns = _shares(cells.shape[1], column, box_columns, columns)
    return (spread_rows.T @ cells @ spread_columns).astype(np.float32)


def _shares(cells: int, start: float, length: float, pixels: int) -> FloatArray:
    """Return (cells, pixels): the share of a cell that each pixel of an axis has; rows sum to 1."""
    cell = np.floor((np.arange(pixels) + 0.5 - start) / length * cells).astype(int)
    shares = (cell == np.arange(cells)[:, None]).astype(np.float64)
    for empty in np.flatnonzero(shares.sum(axis=1) == 0):
        centre = start + (empty + 0.5) * length / cells
        shares[empty, int(np.clip(centre, 0, pixels - 1))] = 1.0
    normed: FloatArray = shares / shares.sum(axis=1, keepdims=True)
    return normed


def is_possible(head: Head) -> bool:
    """Whether a map can lie on an image: one plain frame whose directions are known."""
    is_plain = head.sop_class_uid in _PLAIN_CLASSES and head.frames == 1
    return is_plain and (has_geometry(head) or directions(head) is not None)


def has_geometry(head: Head) -> bool:
    """Whether the source says where its pixels lie in the patient."""
    return bool(head.text("FrameOfReferenceUID")) and all(
        head.numbers(keyword, length=length) for keyword, length in _GEOMETRY
    )


def directions(head: Head) -> list[int] | None:
    """Return the direction cosines of rows and columns that Patient Orientation states, or None.

    x runs to the patient's left, y to the back, z to the head. PS3.3 C.7.6.1.1.1 and C.7.6.2.1.1.
    """
    stated = [str(value)[:1] for value in head.values.get("PatientOrientation", ())]
    if len(stated) != 2 or not all(letter in _DIRECTIONS for letter in stated):
        return None
    row, column = (_DIRECTIONS[letter] for letter in stated)
    if any(a and b for a, b in zip(row, column, strict=True)):
        return None
    return [*row, *column]


def _map(subject: Subject, target: ReportedTarget, number: int) -> Made:
    overlay = target.parts[Modality.IMAGE].overlay
    if overlay is None:
        raise ValueError("a target in Subject.mapped has an overlay")
    head = subject.key
    values = spread(overlay, rows=head.rows, columns=head.columns)
    peak = max(float(np.abs(values).max()), float(np.finfo(np.float32).tiny))
    words = f"Log-odds of {target.display} moved by each pixel; {subject.label}"
    made = equipment(subject)
    dataset = ParametricMap(
        source_images=[_source(head)],
        pixel_array=values,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[
            RealWorldValueMapping(
                lut_label="LOGODDS",
                lut_explanation="Log-odds per pixel; sum: the image's share"[:64],
                unit=_LOGIT,
                value_range=(float(values.min()), float(values.max())),
                slope=1.0,
                intercept=0.0,
                quantity_definition=CodedConcept(SALIENCY.value, SALIENCY.scheme, SALIENCY.meaning),
            )
        ],
        voi_lut_transformations=[
            VOILUTTransformation(
                window_center=0.0,
                window_width=2.0 * peak,
                voi_lut_function=VOILUTFunctionValues.LINEAR_EXACT,  # LINEAR wants 1 or more
            )
        ],
        transfer_syntax_uid=ExplicitVRLittleEndian,
        content_label="LOGODDS",
        content_description=words[:64],
        derived_pixel_contrast=DerivedPixelContrastValues.QUANTITY,
        pixel_measures=_measures(head),
        manufacturer=made["manufacturer"],
        manufacturer_model_name=made["manufacturer_model_name"],
        software_versions=made["software_versions"][0],
        device_serial_number=made["device_serial_number"],
        **series(subject, Kind.MAP, number=number, part=target.name),
    )
    dataset.DerivationDescription = (
        f"Path-integrated evidence for {target.display} inside the image, signed; it adds up to "
        "the image's contribution. It shows what moved the model, not where disease is."
    )
    add_body_part(dataset, head)
    replace_uids(dataset, {"DimensionOrganizationUID": made_uid("dimensions", subject.digest)})
    add_scheme(dataset)
    return finished(subject, Kind.MAP, dataset, part=target.name)


def _source(head: Head) -> Dataset:
    """Return the source; one without a place gets one in a frame of reference of its own.

    highdicom 0.28 numbers frames by their position and fails on a map that has none.
    """
    dataset = source_dataset(head)
    if not has_geometry(head):
        dataset.FrameOfReferenceUID = head.text("FrameOfReferenceUID") or made_uid(
            "frame of reference", head.sop_instance_uid
        )
        dataset.ImageOrientationPatient = directions(head)
        dataset.ImagePositionPatient = [0, 0, 0]
    dataset.PixelSpacing = list(_spacing(head))
    if "SliceThickness" not in dataset:
        dataset.SliceThickness = None
    return dataset


def _measures(head: Head) -> PixelMeasuresSequence:
    thickness = head.numbers("SliceThickness", length=1)
    return PixelMeasuresSequence(_spacing(head), thickness[0] if thickness else None)


def _spacing(head: Head) -> tuple[float, ...]:
    """Return the size of a pixel; of none that the source states, 1 by 1 as on the screen."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        spacing = head.numbers(keyword, length=2)
        if spacing is not None and min(spacing) > 0:
            return spacing
    return 1.0, 1.0
