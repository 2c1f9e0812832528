"""One DICOM file to one image instance: pixels to a sink, everything else as plain values.

Runs in the decoding process. What it returns is written as JSON, so nothing of pydicom, and no
pickle, crosses to the process that serves clinicians.
"""

import math
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import numpy as np

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.dicom import prescan
from mmcore.intake.dicom.attributes import Attributes, read_attributes
from mmcore.intake.dicom.color import check_palette, to_rgb
from mmcore.intake.dicom.frames import iterate_frames
from mmcore.intake.dicom.groups import FunctionalGroups, acquired_at, anatomy_of, view_of
from mmcore.intake.dicom.header import PixelHeader, check_geometry, read_pixel_header
from mmcore.intake.dicom.luts import ModalityTransform, read_modality_transform, read_windows
from mmcore.intake.moments import MAX_OFFSET, Moment, to_plain
from mmcore.language import say
from mmcore.records import PixelArray

OWN_MANUFACTURER = "Consilium"
"""What our own DICOM objects name as their manufacturer; see ``mmcore.results``."""

# Extended CT scales end at 30,710 HU; beyond, the sign or the depth of the pixels is wrong.
_MAX_HU, _MIN_HU = 32_767, -32_768
_MAX_FLOAT = 1e12
_MAX_AGE_YEARS = 130
_AXES = {"R": "x", "L": "x", "A": "y", "P": "y", "H": "z", "F": "z"}
_AGE_UNITS = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}

Message = dict[str, Any]


def read_dicom(data: memoryview, sink: BinaryIO) -> Message:
    """Write the pixels in modality values to ``sink`` and return all else as JSON values.

    Raises ``FileRefusedError`` for everything that sections A to C of the list of bad inputs name.
    """
    scan = prescan.scan(data)
    attributes = read_attributes(scan)
    _check_origin(attributes)
    header = read_pixel_header(attributes, scan)
    check_geometry(header)
    transform = read_modality_transform(attributes, header)
    notices = [*scan.notices, *header.notices]
    windows = read_windows(attributes, notices)
    groups = FunctionalGroups(attributes)
    shape, dtype = _write_pixels(header, scan, attributes, transform, sink)
    if header.samples == 3 and header.bits_stored > 8:
        notices.append(
            say(
                "Colours were reduced from {bits_stored} to 8 bits.", bits_stored=header.bits_stored
            )
        )
    return {
        "shape": shape,
        "dtype": dtype,
        "is_inverted": header.photometric == "MONOCHROME1",
        "value_unit": transform.unit,
        "bits_stored": header.bits_stored,
        "windows": [[w.center, w.width, w.explanation] for w in windows],
        "spacing_mm": _spacing(attributes, groups, notices),
        "planes": [] if header.samples == 3 else _planes(groups, header.frames),
        "transfer_syntax_uid": scan.transfer_syntax_uid,
        "decoder": _decoder(scan.transfer_syntax_uid),
        **_describe_instance(attributes, groups, notices),
        **_describe_study(attributes),
        **_describe_patient(attributes, notices),
        "notices": notices,
    }


def _check_origin(attributes: Attributes) -> None:
    """Refuse pictures and maps of this program: no model is shown what one of them marked."""
    if attributes.soft_text("Manufacturer") == OWN_MANUFACTURER:
        raise FileRefusedError(
            RefusalCode.NO_PIXELS,
            say("a picture that a device made of its own answer, which no model is shown"),
            attribute="ObserverType",
        )


def _write_pixels(
    header: PixelHeader,
    scan: prescan.Scan,
    attributes: Attributes,
    transform: ModalityTransform,
    sink: BinaryIO,
) -> tuple[tuple[int, ...], str]:
    """Write every frame and return the shape and dtype of the whole."""
    is_color = header.samples == 3 or header.photometric == "PALETTE COLOR"
    if header.photometric == "PALETTE COLOR":
        check_palette(attributes)
    dtype = np.dtype(np.uint8) if is_color else transform.dtype
    low, high = math.inf, -math.inf
    for index, frame in enumerate(iterate_frames(header, scan, attributes)):
        if is_color:
            values: PixelArray = to_rgb(frame, header, attributes)
        else:
            values = transform.apply(_finite(frame.values), index)
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        sink.write(np.ascontiguousarray(values).data.cast("B"))
    _check_values(header, transform, low=low, high=high)
    shape = (header.frames, header.rows, header.columns) + ((3,) if is_color else ())
    return shape, dtype.str


def _finite(values: PixelArray) -> PixelArray:
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        raise FileRefusedError(
            RefusalCode.NON_FINITE_PIXELS, say("some pixels are not finite numbers")
        )
    return values


def _check_values(
    header: PixelHeader, transform: ModalityTransform, *, low: float, high: float
) -> None:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise FileRefusedError(
            RefusalCode.NON_FINITE_PIXELS, say("some pixels are not finite numbers after rescaling")
        )
    if low == high:
        raise FileRefusedError(RefusalCode.CONSTANT_IMAGE, say("every pixel has the same value"))
    is_float = transform.dtype.kind == "f"
    if is_float and max(-low, high) > _MAX_FLOAT:
        raise FileRefusedError(
            RefusalCode.IMPLAUSIBLE_VALUES, say("pixels reach {high:.3g}", high=high)
        )
    if transform.unit == "HU" and not _MIN_HU <= low <= high <= _MAX_HU:
        raise FileRefusedError(
            RefusalCode.IMPLAUSIBLE_VALUES,
            say(
                "CT values run from {low:.0f} to {high:.0f} HU, so sign or depth must be wrong",
                low=low,
                high=high,
            ),
            attribute="PixelRepresentation",
        )


def _decoder(transfer_syntax_uid: str) -> str:
    if transfer_syntax_uid in prescan.NATIVE:
        return ""
    import imagecodecs

    return f"imagecodecs {imagecodecs.__version__}"


def _spacing(
    attributes: Attributes, groups: FunctionalGroups, notices: list[str]
) -> tuple[float, float] | None:
    """Return (row, column) spacing in mm. PS3.3 10.7 and C.8.11.4."""
    measures = groups.first("PixelMeasuresSequence")
    for source in (attributes, measures):
        if source is not None and (spacing := _pair(source, "PixelSpacing", notices)) is not None:
            return spacing
    spacing = _pair(attributes, "ImagerPixelSpacing", notices)
    if spacing is not None:
        notices.append(
            say("Pixel spacing is as at the detector; lengths in the patient are shorter.")
        )
    return spacing


def _planes(groups: FunctionalGroups, n_frames: int) -> list[Message]:
    """Return place, time, spacing and windows of every frame of a volume; empty for all else."""
    return [
        {
            "position_mm": position,
            "acquired_at": to_plain(acquired_at),
            "spacing_mm": None if measures is None else _pair(measures, "PixelSpacing", []),
            "windows": []
            if display is None
            else [[w.center, w.width, w.explanation] for w in read_windows(display, [])],
        }
        for position, acquired_at, measures, display in groups.planes(n_frames)
    ]


def _pair(source: Attributes, keyword: str, notices: list[str]) -> tuple[float, float] | None:
    if not source.has(keyword):
        return None
    try:
        values = source.numbers(keyword)
    except FileRefusedError:
        values = ()
    if len(values) == 2 and all(0 < value < 1e4 for value in values):
        return values[0], values[1]
    notices.append(
        say(
            "{keyword} is not valid and was ignored; nothing can be measured in mm.",
            keyword=keyword,
        )
    )
    return None


def _describe_instance(
    attributes: Attributes, groups: FunctionalGroups, notices: list[str]
) -> Message:
    acquired = acquired_at(attributes)
    body_part, laterality = anatomy_of(attributes, groups)
    if acquired is not None and _is_future(acquired):
        notices.append(say("The acquisition date lies in the future."))
    if attributes.soft_text("BurnedInAnnotation").upper() == "YES":
        notices.append(say("The file says that text is burned into its pixels."))
    return {
        "sop_instance_uid": attributes.text("SOPInstanceUID"),
        "sop_class_uid": attributes.text("SOPClassUID"),
        "dicom_modality": attributes.text("Modality"),
        "body_part": body_part or None,
        "view_position": view_of(attributes) or None,
        "laterality": laterality or None,
        "patient_orientation": _orientation(attributes, groups, notices),
        "acquired_at": to_plain(acquired),
        "instance_number": _soft_integer(attributes, "InstanceNumber"),
        "position_mm": _position(attributes),
    }


def _is_future(moment: Moment) -> bool:
    """Whether a time is to come, wherever on Earth its clock may stand."""
    now = datetime.now(UTC)
    if moment.at.tzinfo is None:
        return moment.at > now.replace(tzinfo=None) + MAX_OFFSET
    return moment.at > now + timedelta(minutes=1)


def _orientation(
    attributes: Attributes, groups: FunctionalGroups, notices: list[str]
) -> tuple[str, str] | None:
    """Return where rows and columns run to in the patient. PS3.3 C.7.6.1.1.1."""
    text = attributes.soft_text("PatientOrientation").upper()
    # In animals R is for rostral, not for right.
    if attributes.soft_text("AnatomicalOrientationType").upper() == "QUADRUPED":
        return None
    if not text:
        return _orientation_of_plane(groups.orientation() or attributes)
    directions = [part.strip() for part in text.split("\\")]
    axes = [[_AXES.get(letter, "") for letter in part] for part in directions]
    is_valid = len(axes) == 2 and all(a and "" not in a and len(set(a)) == len(a) for a in axes)
    if is_valid and axes[0][0] != axes[1][0]:
        return directions[0], directions[1]
    notices.append(say("PatientOrientation is not valid and was ignored; no side is named."))
    return None


def _orientation_of_plane(attributes: Attributes) -> tuple[str, str] | None:
    """Return the same of the direction cosines of a slice, PS3.3 C.7.6.2.1.1.

    x runs to the patient's left, y to the back, z to the head. The strongest direction comes first;
    one below a tenth is no direction a reader would name.
    """
    try:
        cosines = np.array(attributes.numbers("ImageOrientationPatient"))
    except FileRefusedError:
        return None
    if cosines.shape != (6,) or not np.isfinite(cosines).all():
        return None
    lengths = np.hypot.reduce(cosines.reshape(2, 3), axis=1)
    if not (np.abs(lengths - 1.0) < 0.01).all() or abs(cosines[:3] @ cosines[3:]) > 0.01:
        return None
    row, column = (
        "".join(
            "LPH"[i] if axis[i] > 0 else "RAF"[i]
            for i in np.argsort(-np.abs(axis), kind="stable")
            if abs(axis[i]) >= 0.1
        )
        for axis in (cosines[:3], cosines[3:])
    )
    return (row, column) if row[0] != column[0] else None


def _describe_study(attributes: Attributes) -> Message:
    started = attributes.moment("StudyDate", "StudyTime")
    return {
        "study_uid": attributes.text("StudyInstanceUID"),
        "study_description": attributes.soft_text("StudyDescription"),
        "study_started_at": to_plain(started),
        "accession_number": attributes.soft_text("AccessionNumber") or None,
        "series_uid": attributes.text("SeriesInstanceUID"),
        "series_description": attributes.soft_text("SeriesDescription"),
        "series_number": _soft_integer(attributes, "SeriesNumber"),
    }


def _describe_patient(attributes: Attributes, notices: list[str]) -> Message:
    birth_date = attributes.day("PatientBirthDate")
    sex = attributes.soft_text("PatientSex")
    return {
        "patient_id": attributes.soft_text("PatientID") or None,
        "patient_name": attributes.soft_text("PatientName") or None,
        "birth_date": birth_date.isoformat() if birth_date else None,
        "sex": sex if sex in ("F", "M", "O") else None,
        "age_years": _age(attributes, notices),
    }


def _age(attributes: Attributes, notices: list[str]) -> float | None:
    """Return the age in years. PS3.5 6.2, AS: 018M for 18 months."""
    text = attributes.soft_text("PatientAge")
    if not text:
        return None
    if text.isascii() and text[:-1].isdigit() and text[-1] in _AGE_UNITS:
        age = int(text[:-1]) / _AGE_UNITS[text[-1]]
        if age <= _MAX_AGE_YEARS:
            return age
    notices.append(say("PatientAge is not a possible age and was ignored."))
    return None


def _soft_integer(attributes: Attributes, keyword: str) -> int | None:
    try:
        return attributes.integer(keyword)
    except FileRefusedError:
        return None


def _position(attributes: Attributes) -> float | None:
    """Return the distance of the slice along its normal. PS3.3 C.7.6.2.1.1."""
    try:
        position = attributes.numbers("ImagePositionPatient")
        axes = attributes.numbers("ImageOrientationPatient")
    except FileRefusedError:
        return None
    if len(position) != 3 or len(axes) != 6:
        return None
    distance = float(np.dot(np.cross(axes[:3], axes[3:]), position))
    return distance if math.isfinite(distance) else None
