"""How a reader left an image, as a Grayscale Softcopy Presentation State. PS3.3 A.33.1.

Window, turn, mirroring, inversion and measurements; of a measurement the figure stands beside it.
The whole image is displayed, whatever part of it filled the reader's screen.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence

import numpy as np
from highdicom import PresentationLUTShapeValues, PresentationLUTTransformation
from highdicom.pr import (
    AnnotationUnitsValues,
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GraphicTypeValues,
    GrayscaleSoftcopyPresentationState,
    SoftcopyVOILUTTransformation,
    TextObject,
)
from pydicom.dataset import Dataset

from mmcore.results.dicom_object import add_body_part, equipment, finished, series, source_dataset
from mmcore.results.records import Display, Head, Kind, Made, Mark
from mmcore.results.subject import Subject

_UNITS = AnnotationUnitsValues.PIXEL
_TURNS = {0: (1, 0, 0, 1), 90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), 270: (0, 1, -1, 0)}
"""By degrees to the right, as ``Display.turn``."""


def presentation_states(subject: Subject, displays: Sequence[Display]) -> tuple[Made, ...]:
    """Return a state for each display that one can be written for.

    Left out are images outside the study, in colour or of several frames, and those whose modality
    values come from a table, which the state would have to repeat.
    """
    heads = {head.digest: head for head in subject.evidence}
    return tuple(
        _state(subject, heads[display.digest], display, number)
        for number, display in enumerate(displays, start=1)
        if display.digest in heads and is_possible(heads[display.digest])
    )


def is_possible(head: Head) -> bool:
    """Whether a state can be written for an image."""
    is_grey = head.text("PhotometricInterpretation") in ("MONOCHROME1", "MONOCHROME2")
    return is_grey and head.frames == 1 and not head.has_modality_lut


def _state(subject: Subject, head: Head, display: Display, number: int) -> Made:
    source, made = source_dataset(head), equipment(subject)
    layer = GraphicLayer("MARKS", 1, "Measurements of the reader")
    annotations = [_annotation(mark, head, source, layer) for mark in display.marks]
    is_inverse = (head.text("PhotometricInterpretation") == "MONOCHROME1") != display.is_inverted
    shape = (
        PresentationLUTShapeValues.INVERSE if is_inverse else PresentationLUTShapeValues.IDENTITY
    )
    # In the UID, because the document does not hold the display.
    part = hashlib.sha256(repr(display).encode()).hexdigest()[:12]
    dataset = GrayscaleSoftcopyPresentationState(
        referenced_images=[source],
        content_label="AS READ",
        content_description=f"Display as the reader left it; {subject.label}"[:64],
        graphic_layers=[layer] if annotations else None,
        graphic_annotations=annotations or None,
        voi_lut_transformations=[
            SoftcopyVOILUTTransformation(display.center, max(1.0, display.width))
        ],
        presentation_lut_transformation=PresentationLUTTransformation(presentation_lut_shape=shape),
        manufacturer=made["manufacturer"],
        manufacturer_model_name=made["manufacturer_model_name"],
        software_versions=made["software_versions"][0],
        device_serial_number=made["device_serial_number"],
        **series(subject, Kind.STATE, number=number, part=part),
    )
    _place(dataset, head, display)
    add_body_part(dataset, head)
    return finished(subject, Kind.STATE, dataset, part=part)


def _place(dataset: Dataset, head: Head, display: Display) -> None:
    """State the spatial transformation and which corners it brings where. C.10.6 and C.10.4."""
    degrees, is_mirrored = turned(display.turn)
    dataset.ImageRotation = degrees
    dataset.ImageHorizontalFlip = "Y" if is_mirrored else "N"
    a, b, c, d = display.turn
    first = [1 if a + c > 0 else head.columns, 1 if b + d > 0 else head.rows]
    last = [head.columns + 1 - first[0], head.rows + 1 - first[1]]
    (area,) = dataset.DisplayedAreaSelectionSequence
    area.DisplayedAreaTopLeftHandCorner = first
    area.DisplayedAreaBottomRightHandCorner = last
    spacing = spacing_of(head)
    if spacing is not None:
        area.PresentationPixelSpacing = list(spacing)
        del area.PresentationPixelAspectRatio


def turned(turn: tuple[int, int, int, int]) -> tuple[int, bool]:
    """Return degrees to the right, and whether the image is then mirrored left to right.

    Raises ``ValueError`` for what is no turn by quarters.
    """
    a, b, c, d = turn
    for degrees, (e, f, g, h) in _TURNS.items():
        if (a, b, c, d) == (e, f, g, h):
            return degrees, False
        if (a, b, c, d) == (-e, -f, g, h):
            return degrees, True
    raise ValueError("a turn is by quarters")


def spacing_of(head: Head) -> tuple[float, ...] | None:
    """Return the size of a pixel as (row, column) in mm, as the viewer measures with it."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        spacing = head.numbers(keyword, length=2)
        if spacing is not None and min(spacing) > 0:
            return spacing
    return None


def _annotation(mark: Mark, head: Head, source: Dataset, layer: GraphicLayer) -> GraphicAnnotation:
    row, column = mark.points[-1]
    anchor = (min(max(column, 0.0), head.columns), min(max(row, 0.0), head.rows))
    return GraphicAnnotation(
        referenced_images=[source],
        graphic_layer=layer,
        graphic_objects=[_graphic(mark, head)],
        text_objects=[
            TextObject(
                text_value=words_of(mark, spacing_of(head)), units=_UNITS, anchor_point=anchor
            )
        ],
    )


def _graphic(mark: Mark, head: Head) -> GraphicObject:
    """Return the drawing; PIXEL coordinates are (column, row) from the first pixel's corner."""
    points = [
        (min(max(column, 0.0), head.columns), min(max(row, 0.0), head.rows))
        for row, column in mark.points
    ]
    kind = GraphicTypeValues.POLYLINE
    if mark.kind in ("rectangle", "ellipse"):
        (x0, y0), (x1, y1) = points
        points = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
        if mark.kind == "ellipse":
            kind, points = GraphicTypeValues.ELLIPSE, list(_axes(x0, y0, x1, y1))
    return GraphicObject(kind, np.array(points, dtype=np.float64), _UNITS)


def _axes(x0: float, y0: float, x1: float, y1: float) -> Iterator[tuple[float, float]]:
    """Yield the ends of the major axis, then of the minor one. C.10.5.1.2."""
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    across, down = ((x0, y), (x1, y)), ((x, y0), (x, y1))
    is_wide = abs(x1 - x0) >= abs(y1 - y0)
    yield from (*across, *down) if is_wide else (*down, *across)


def words_of(mark: Mark, spacing: tuple[float, ...] | None) -> str:
    """Return what is measured, in millimetres where the size of a pixel is known."""
    tall, wide = spacing or (1.0, 1.0)
    places = [(row * tall, column * wide) for row, column in mark.points]
    if mark.kind == "angle":
        (r0, c0), (r1, c1), (r2, c2) = places
        one, other = (c0 - c1, r0 - r1), (c2 - c1, r2 - r1)
        cross = one[0] * other[1] - one[1] * other[0]
        degrees = abs(math.degrees(math.atan2(cross, one[0] * other[0] + one[1] * other[1])))
        return f"{degrees:.1f} deg"
    (r0, c0), (r1, c1) = places
    if mark.kind == "length":
        return f"{math.hypot(r1 - r0, c1 - c0):.1f} {'mm' if spacing else 'pixels'}"
    area = abs((r1 - r0) * (c1 - c0)) * (math.pi / 4 if mark.kind == "ellipse" else 1.0)
    return f"{area:.0f} {'mm2' if spacing else 'pixels'}"
