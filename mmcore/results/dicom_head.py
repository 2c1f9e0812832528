"""The header of one DICOM file as plain values, inside the decoding process.

Only what an object of the same patient and study has to repeat, each value checked against its
value representation (PS3.5 6.2): nothing else of a file from anywhere gets into what is filed.
"""

import math
import re
from typing import Any, BinaryIO

from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.multival import MultiValue

from mmcore.errors import FileRefusedError
from mmcore.intake.dicom import prescan
from mmcore.intake.dicom.attributes import Attributes, bad, read_attributes
from mmcore.language import say

IDENTIFYING = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID",
               "SOPInstanceUID")  # fmt: skip
"""A value here that can not be repeated as it is would file the object under somebody else."""
COPIED = (
    *IDENTIFYING,
    # Patient and Patient Study, PS3.3 C.7.1.1 and C.7.2.2
    "PatientName", "IssuerOfPatientID", "PatientBirthDate", "PatientBirthTime", "PatientSex",
    "PatientAge", "PatientSize", "PatientWeight", "PatientIdentityRemoved",
    "DeidentificationMethod",
    # General Study, C.7.2.1
    "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName",
    "StudyDescription", "TimezoneOffsetFromUTC",
    # What the object lies on
    "Modality", "Rows", "Columns", "NumberOfFrames", "FrameOfReferenceUID",
    "PositionReferenceIndicator", "ImageOrientationPatient", "ImagePositionPatient",
    "PixelSpacing", "ImagerPixelSpacing", "SliceThickness", "PatientOrientation",
    "BodyPartExamined", "Laterality", "ImageLaterality", "ViewPosition", "BurnedInAnnotation",
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
    "PhotometricInterpretation", "RescaleSlope", "RescaleIntercept",
    "RescaleType", "SamplesPerPixel", "InstanceNumber", "SeriesNumber",
)  # fmt: skip
_LONGEST = {"LO": 64, "SH": 16, "PN": 64 * 3 + 2, "CS": 16, "LT": 10_240, "ST": 1024}
_PATTERNS = {
    "UI": re.compile(r"(?=.{1,64}\Z)(0|[1-9]\d*)(\.(0|[1-9]\d*))*"),
    "DA": re.compile(r"\d{8}"),
    "TM": re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?"),
    "AS": re.compile(r"\d{3}[DWMY]"),
    "CS": re.compile(r"[A-Z0-9_ ]{1,16}"),
}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def read_head(data: memoryview, sink: BinaryIO) -> dict[str, Any]:
    """Return {"values": {keyword: [plain value, ...]}, "has_modality_lut": ...} of an instance.

    A value that DICOM does not allow is left out; one that identifies is refused. Raises
    ``FileRefusedError``.
    """
    attributes = read_attributes(prescan.scan(data))
    values = {keyword: _as_many(keyword, _values(attributes, keyword)) for keyword in COPIED}
    for keyword in IDENTIFYING:
        is_stated = bool(attributes.soft_text(keyword))
        if not values[keyword] and (is_stated or keyword != "PatientID"):
            raise bad(keyword, say("can not be repeated in a result"))
    return {
        "values": {keyword: found for keyword, found in values.items() if found},
        "has_modality_lut": attributes.has("ModalityLUTSequence"),
    }


def _as_many(keyword: str, values: list[str | float | int]) -> list[str | float | int]:
    """Return the values if there are as many as the attribute has, else none. PS3.6 6."""
    tag = tag_for_keyword(keyword)
    wanted = dictionary_VM(tag) if tag is not None else "1"
    return values if "-" in wanted or not values or len(values) == int(wanted) else []


def _values(attributes: Attributes, keyword: str) -> list[str | float | int]:
    tag = tag_for_keyword(keyword)
    vr = dictionary_VR(tag) if tag is not None else ""
    try:
        if vr in ("DS", "FD", "FL"):
            numbers = attributes.numbers(keyword)
            return list(numbers) if all(map(math.isfinite, numbers)) else []
        if vr in ("US", "IS"):
            return [int(number) for number in attributes.numbers(keyword)]
        value = attributes.value(keyword)
    except (FileRefusedError, ValueError, OverflowError):
        return []
    if value is None:
        return []
    many = list(value) if isinstance(value, MultiValue | list | tuple) else [value]
    texts = [str(one).strip(" \0") for one in many]
    return list(texts) if all(_is_allowed(text, vr) for text in texts) else []


def _is_allowed(text: str, vr: str) -> bool:
    if not text or _CONTROLS.search(text) or "\\" in text:
        return False
    pattern = _PATTERNS.get(vr)
    if pattern is not None and not pattern.fullmatch(text):
        return False
    return len(text) <= _LONGEST.get(vr, 64)
