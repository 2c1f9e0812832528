"""What all our DICOM objects have in common: patient, study, equipment, and their writing."""

import io
from collections.abc import Callable, Mapping
from typing import Any

from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence

from mmcore import __version__
from mmcore.intake.dicom.file_meta import file_meta
from mmcore.results.codes import SCHEME
from mmcore.results.records import SERIES, Head, Kind, Made
from mmcore.results.subject import Subject

IMPLEMENTATION_UID = "2.25.160834203475218871063929105647361927604"
IMPLEMENTATION_NAME = f"CONSILIUM_{__version__}"[:16]
MANUFACTURER = "Consilium"
_PROCESSING = ("109102", "DCM", "Processing Equipment")
_OF_IMAGE = frozenset(
    ("Modality", "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Rows", "Columns",
     "NumberOfFrames", "FrameOfReferenceUID", "PositionReferenceIndicator",
     "ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "ImagerPixelSpacing",
     "SliceThickness", "PatientOrientation", "BodyPartExamined", "Laterality", "ImageLaterality",
     "ViewPosition", "BurnedInAnnotation", "LossyImageCompression", "LossyImageCompressionRatio",
     "LossyImageCompressionMethod", "PhotometricInterpretation", "RescaleSlope",
     "RescaleIntercept", "RescaleType", "SamplesPerPixel", "InstanceNumber",
     "SeriesNumber")
)  # fmt: skip
_REQUIRED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate",
             "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName")  # fmt: skip
"""Of type 2: present, and empty where the source does not state them."""


_UNPAIRED = frozenset({"CHEST", "ABDOMEN", "HEAD", "SKULL", "NECK", "HEART", "PELVIS", "SPINE",
                       "THORAX"})  # fmt: skip


def source_dataset(head: Head) -> Dataset:
    """Return a source image's header as a data set, as libraries want one to refer to."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _REQUIRED:
        setattr(dataset, keyword, "")
    for keyword, values in head.values.items():
        setattr(dataset, keyword, values[0] if len(values) == 1 else list(values))
    return dataset


def add_patient_and_study(dataset: Dataset, head: Head) -> None:
    """Repeat the Patient, Patient Study and General Study modules of the source."""
    source = source_dataset(head)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for element in source:
        if element.keyword not in _OF_IMAGE:
            dataset[element.tag] = element
    if dataset.get("PatientIdentityRemoved") == "YES" and "DeidentificationMethod" not in dataset:
        dataset.DeidentificationMethod = "not stated by the source"


def add_body_part(dataset: Dataset, head: Head) -> None:
    """Repeat body part and side of the source. Laterality is of type 2C: absent where unpaired."""
    body_part, side = head.text("BodyPartExamined"), head.text("Laterality")
    if body_part:
        dataset.BodyPartExamined = body_part
    if side or body_part not in _UNPAIRED:
        dataset.Laterality = side


def equipment(subject: Subject) -> dict[str, Any]:
    """Return manufacturer, model, versions and serial number: the pack as the device.

    The serial number is the pack's SHA-256, 64 characters, as long as LO allows.
    """
    pack = subject.result.pack
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": f"Consilium {pack.name}"[:64],
        "software_versions": [f"{pack.name} {pack.version}"[:64], f"consilium {__version__}"],
        "device_serial_number": pack.digest[:64],
    }


def series(subject: Subject, kind: Kind, *, number: int = 1, part: str = "") -> dict[str, Any]:
    """Return what places one instance: its series, number and UIDs."""
    series_number, _ = SERIES[kind]
    return {
        "series_instance_uid": subject.series_uid(kind),
        "series_number": series_number,
        "sop_instance_uid": subject.uid(str(kind), part),
        "instance_number": number,
    }


def finished(subject: Subject, kind: Kind, dataset: Dataset, *, part: str = "") -> Made:
    """Complete a data set with what all objects state, and write it.

    Libraries put the present time and random UIDs into what they make; here they are replaced, so
    that the same document gives the same bytes.
    """
    add_patient_and_study(dataset, subject.key)
    made = equipment(subject)
    dataset.Manufacturer = made["manufacturer"]
    dataset.ManufacturerModelName = made["manufacturer_model_name"]
    dataset.SoftwareVersions = made["software_versions"]
    dataset.DeviceSerialNumber = made["device_serial_number"]
    _, holds = SERIES[kind]
    dataset.SeriesDescription = f"{subject.label}: {holds}"[:64]
    dataset.ContributingEquipmentSequence = Sequence([_contributor(subject)])
    at = subject.written_at
    day, clock = at.strftime("%Y%m%d"), at.strftime("%H%M%S")
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = day, clock
    for keyword, value in (("ContentDate", day), ("ContentTime", clock),
                           ("PresentationCreationDate", day),
                           ("PresentationCreationTime", clock)):  # fmt: skip
        if keyword in dataset:
            setattr(dataset, keyword, value)
    dataset.file_meta = file_meta(
        dataset, implementation_uid=IMPLEMENTATION_UID, implementation_name=IMPLEMENTATION_NAME
    )
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    suffix = f"-{part}" if part else ""
    return Made(
        kind=kind,
        name=f"{kind}{suffix}-{subject.digest[:12]}.dcm",
        data=buffer.getvalue(),
        study_uid=str(dataset.StudyInstanceUID),
        series_uid=str(dataset.SeriesInstanceUID),
        sop_class_uid=str(dataset.SOPClassUID),
        sop_instance_uid=str(dataset.SOPInstanceUID),
    )


def source_references(heads: tuple[Head, ...]) -> Sequence:
    """Return items that refer to source instances. PS3.3 Table 10-11."""
    items = []
    for head in heads:
        item = Dataset()
        item.ReferencedSOPClassUID = head.sop_class_uid
        item.ReferencedSOPInstanceUID = head.sop_instance_uid
        items.append(item)
    return Sequence(items)


def code_item(value: str, scheme: str, meaning: str) -> Dataset:
    """Return one item of a code sequence. PS3.3 8.8."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning[:64]
    return item


def add_scheme(dataset: Dataset) -> None:
    """Say whose private scheme it is. PS3.3 C.12.1 (Coding Scheme Identification Sequence)."""
    item = Dataset()
    item.CodingSchemeDesignator = SCHEME
    item.CodingSchemeName = "Consilium"
    item.CodingSchemeResponsibleOrganization = "Consilium"
    dataset.CodingSchemeIdentificationSequence = Sequence([item])


def replace_uids(dataset: Dataset, keywords: Mapping[str, str]) -> None:
    """Give every attribute of these keywords its value, at every level."""

    def visit(found: Dataset, element: Any) -> None:
        if element.keyword in keywords:
            element.value = keywords[element.keyword]

    walk: Callable[[Any], None] = dataset.walk
    walk(visit)


def _contributor(subject: Subject) -> Dataset:
    made, item = equipment(subject), Dataset()
    item.PurposeOfReferenceCodeSequence = Sequence([code_item(*_PROCESSING)])
    item.Manufacturer = made["manufacturer"]
    item.ManufacturerModelName = made["manufacturer_model_name"]
    item.SoftwareVersions = made["software_versions"]
    item.DeviceSerialNumber = made["device_serial_number"]
    simulated = "; trained on simulated patients alone" if subject.result.pack.is_simulated else ""
    item.ContributionDescription = (
        f"Scored by {subject.result.pack.name} {subject.result.pack.version}{simulated}. "
        f"Result document SHA-256 {subject.digest}"
    )
    return item
