"""De-identification of one DICOM file, inside the decoding process.

Two requests, so that the key stays in the parent: ``inspect`` says which UIDs, names and numbers
the file holds; ``rewrite`` gets what is to stand for them and writes a new file, of which no byte
outside the pixel values is the old one's. A request is the length of a JSON text (4 bytes, low
first), the text, and the file.
"""

import io
import json
import struct
from collections import Counter
from typing import Any, BinaryIO

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence

from mmcore.deid.allowed import IMAGE_CLASSES
from mmcore.deid.dicom_pixels import check_boxes, frames, photometric
from mmcore.deid.dicom_values import OLDEST, Plan, empty_required, reduce_dataset
from mmcore.deid.records import SafePrivate
from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.dicom import prescan
from mmcore.intake.dicom.attributes import Attributes, quietly, read_attributes
from mmcore.intake.dicom.file_meta import file_meta
from mmcore.intake.dicom.header import check_geometry, read_pixel_header
from mmcore.language import say

IMPLEMENTATION_UID = "2.25.291548973625904418260194671083452317746"
IMPLEMENTATION_NAME = "CONSILIUM_DEID"
MAX_FOUND = 20_000
_MAX_CHARACTERS = 256
_NUMBERS = frozenset(
    [
        "PatientID",
        "OtherPatientIDs",
        "AccessionNumber",
        "AdmissionID",
        "DeviceSerialNumber",
        "PlateID",
        "DetectorID",
        "CassetteID",
        "RequestedProcedureID",
        "ScheduledProcedureStepID",
        "PerformedProcedureStepID",
        "FillerOrderNumberImagingServiceRequest",
        "PlacerOrderNumberImagingServiceRequest",
        "PatientTelephoneNumbers",
        "MilitaryRank",
        "IssuerOfPatientID",
        "MedicalRecordLocator",
        "InsurancePlanIdentification",
        "ServiceEpisodeID",
        "StudyID",
    ]
)
_PLACES = frozenset(
    [
        "InstitutionName",
        "InstitutionAddress",
        "InstitutionalDepartmentName",
        "StationName",
        "PatientAddress",
        "RegionOfResidence",
        "CountryOfResidence",
        "ReferringPhysicianAddress",
        "CurrentPatientLocation",
        "PatientInstitutionResidence",
    ]
)

Message = dict[str, Any]


def inspect(data: memoryview, sink: BinaryIO) -> Message:
    """Return the class, UIDs and identifying values of an image.

    Raises ``FileRefusedError``, also NO_PIXELS for objects that are no image.
    """
    _, body = _split(data)
    scan = prescan.scan(body)
    attributes = read_attributes(scan)
    check_geometry(read_pixel_header(attributes, scan))
    found: dict[str, set[str]] = {kind: set() for kind in ("uids", "names", "numbers", "places")}
    with quietly():
        _collect(attributes.dataset, found)
    sink.write(b"\0")
    return {
        "shape": [1],
        "notices": [],
        "dtype": "|u1",
        "sop_class_uid": attributes.text("SOPClassUID"),
        "is_handled": attributes.text("SOPClassUID") in IMAGE_CLASSES,
        "says_burned_in": attributes.soft_text("BurnedInAnnotation").upper() == "YES",
        **{kind: sorted(values)[:MAX_FOUND] for kind, values in found.items()},
    }


def rewrite(data: memoryview, sink: BinaryIO) -> Message:
    """Write the de-identified file to ``sink`` and return how many values were treated how.

    Raises ``FileRefusedError`` as decoding does.
    """
    order, body = _split(data)
    scan = prescan.scan(body)
    attributes = read_attributes(scan)
    header = read_pixel_header(attributes, scan)
    check_geometry(header)
    boxes = [(int(r), int(c), int(h), int(w)) for r, c, h, w in order["boxes"]]
    check_boxes(boxes)
    plan = _plan(order)
    counts: Counter[str] = Counter()
    with quietly():
        kept = reduce_dataset(attributes.dataset, plan, counts)
        empty_required(kept, counts)
        if plan.keeps_characteristics and not kept.get("PatientAge"):
            _state_age(kept, attributes)
        _state_what_was_done(kept, order)
        kept.SpecificCharacterSet = "ISO_IR 192"
        kept.PatientName = kept.PatientID = plan.pseudonym
        if header.samples == 3:
            kept.PlanarConfiguration = 0
        kept.file_meta = file_meta(
            kept, implementation_uid=IMPLEMENTATION_UID, implementation_name=IMPLEMENTATION_NAME
        )
        pixels = frames(header, scan, attributes, boxes)
        values, is_rgb = next(pixels)
        kept.PhotometricInterpretation = photometric(header, is_rgb=is_rgb)
        head = io.BytesIO()
        dcmwrite(head, kept, enforce_file_format=True)
    n_bytes = values.nbytes * header.frames
    size = sink.write(head.getbuffer())
    size += sink.write(_pixel_head(scan.pixels[0].keyword, values.itemsize, n_bytes))
    while True:
        size += sink.write(values.astype(values.dtype.newbyteorder("<")).tobytes())
        following = next(pixels, None)
        if following is None:
            break
        values = following[0]
    size += sink.write(b"\0" * (n_bytes % 2))
    counts["masked"] = len(boxes)
    return {
        "shape": [size],
        "notices": [],
        "dtype": "|u1",
        "counts": dict(counts),
        "head_bytes": len(head.getbuffer()),
    }


def _split(data: memoryview) -> tuple[Message, memoryview]:
    (length,) = struct.unpack_from("<I", data)
    return json.loads(bytes(data[4 : 4 + length])), data[4 + length :]


def _collect(dataset: Dataset, found: dict[str, set[str]]) -> None:
    """Gather what tells the patient, at every level. The bounded scan has limited the depth."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
            value = element.value
        except Exception:  # noqa: BLE001 - pydicom raises what a conversion raises
            continue
        if isinstance(value, Sequence):
            for item in value:
                _collect(item, found)
            continue
        vr = str(element.VR)
        keyword = keyword_for_tag(tag)
        kind = (
            "uids"
            if vr == "UI"
            else "names"
            if vr == "PN" or (keyword and dictionary_VR(tag) == "PN")
            else "numbers"
            if keyword in _NUMBERS
            else "places"
            if keyword in _PLACES
            else ""
        )
        if kind and value:
            many = value if not isinstance(value, str) and hasattr(value, "__iter__") else [value]
            if vr == "PN" and not hasattr(value, "append"):
                many = [value]
            found[kind] |= {str(one)[:_MAX_CHARACTERS] for one in many if str(one).strip()}


def _plan(order: Message) -> Plan:
    return Plan(
        uids=order["uids"],
        pseudonym=order["pseudonym"],
        days=order["days"],
        keeps_characteristics=order["keeps_characteristics"],
        keeps_descriptions=order["keeps_descriptions"],
        names=frozenset(order["names"]),
        safe_private=tuple(SafePrivate(*one) for one in order["safe_private"]),
    )


def _state_what_was_done(dataset: Dataset, order: Message) -> None:
    """Add the attributes by which others see how the file was treated. PS3.15 E.1.1, CID 7050."""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = [
        "PS3.15 Table E.1-1 (2026c)",
        "all else removed by allow-list",
    ]
    dataset.DeidentificationMethodCodeSequence = Sequence(
        [_concept(code, meaning) for code, meaning in order["methods"]]
    )
    dataset.LongitudinalTemporalInformationModified = (
        "REMOVED" if order["days"] is None else "MODIFIED"
    )
    if order["days"] is not None:
        # All files of the case bear one clock, as the observations do, wherever it stood.
        dataset.TimezoneOffsetFromUTC = "+0000"
    if order["is_text_approved"]:
        dataset.BurnedInAnnotation = "NO"


def _state_age(dataset: Dataset, attributes: Attributes) -> None:
    """Keep the age in whole years where only the birth date, which goes, would tell it."""
    born, seen = attributes.day("PatientBirthDate"), attributes.day("StudyDate")
    if born is None or seen is None or seen < born:
        return
    years = seen.year - born.year - ((seen.month, seen.day) < (born.month, born.day))
    dataset.PatientAge = f"{min(years, OLDEST):03d}Y"


def _concept(code: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "DCM", meaning
    return item


def _pixel_head(keyword: str, itemsize: int, n_bytes: int) -> bytes:
    """Return tag, VR and length of the pixel element. PS3.5 7.1.2 and A.2."""
    tag, vr = {
        "PixelData": (0x0010, b"OB" if itemsize == 1 else b"OW"),
        "FloatPixelData": (0x0008, b"OF"),
        "DoubleFloatPixelData": (0x0009, b"OD"),
    }[keyword]
    length = n_bytes + n_bytes % 2
    if length >= 2**32 - 1:
        raise FileRefusedError(RefusalCode.PIXELS_TOO_LARGE, say("the pixels need more than 4 GB"))
    return struct.pack("<HH2sHI", 0x7FE0, tag, vr, 0, length)
