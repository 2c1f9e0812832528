"""A case in which identifiers stand everywhere that they have been seen to hide.

Each planted value begins with "zqx" or is a number that nothing else holds, so one search over what
leaves finds any of them.
"""

import json
import struct
from dataclasses import dataclass, field
from io import BytesIO

import imagecodecs
import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit

from mmcore.intake import RawFile

DX = "1.2.840.10008.5.1.4.1.1.1.1"
NAME = "Zqxfamily^Zqxgiven^Zqxmiddle"
RECORD = "ZQX-00417"

_TEXTS = [
    "IssuerOfPatientID",
    "OtherPatientNames",
    "PatientBirthName",
    "PatientMotherBirthName",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "MedicalRecordLocator",
    "EthnicGroup",
    "Occupation",
    "AdditionalPatientHistory",
    "PatientComments",
    "InstitutionName",
    "InstitutionAddress",
    "InstitutionalDepartmentName",
    "StationName",
    "ReferringPhysicianName",
    "ReferringPhysicianAddress",
    "ReferringPhysicianTelephoneNumbers",
    "PerformingPhysicianName",
    "NameOfPhysiciansReadingStudy",
    "OperatorsName",
    "PhysiciansOfRecord",
    "AdmittingDiagnosesDescription",
    "AccessionNumber",
    "StudyID",
    "StudyDescription",
    "SeriesDescription",
    "ProtocolName",
    "ImageComments",
    "DerivationDescription",
    "DeviceSerialNumber",
    "PlateID",
    "RequestedProcedureDescription",
    "RequestingPhysician",
    "RequestingService",
    "PerformedProcedureStepID",
    "PerformedProcedureStepDescription",
    "DetectorID",
    "Manufacturer",
    "ManufacturerModelName",
    "SoftwareVersions",
    "ContrastBolusAgent",
    "AcquisitionDeviceProcessingDescription",
    "WindowCenterWidthExplanation",
    "PatientState",
    "SpecialNeeds",
    "Allergies",
    "RegionOfResidence",
    "CurrentPatientLocation",
    "AdmissionID",
    "IdentifyingComments",
    "AcquisitionComments",
    "StudyComments",
    "InsurancePlanIdentification",
    "TextComments",
    "Arbitrary",
    "InterpretationText",
    "ResultsComments",
]
_TERMS = ("BodyPartExamined", "PatientPosition")
_DATES = (
    ("PatientBirthDate", "19530701"),
    ("StudyDate", "20210311"),
    ("SeriesDate", "20210312"),
    ("AcquisitionDate", "20210313"),
    ("ContentDate", "20210314"),
    ("InstanceCreationDate", "20210315"),
    ("DateOfLastCalibration", "20210316"),
    ("PerformedProcedureStepStartDate", "20210317"),
    ("LastMenstrualDate", "20210318"),
    ("AcquisitionDateTime", "20210319101112"),
)
_UIDS = [
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "InstanceCreatorUID",
    "DeviceUID",
    "IrradiationEventUID",
    "StorageMediaFileSetUID",
]


@dataclass
class Planted:
    """files: of one patient. values: where each identifier stands, and the identifier."""

    files: list[RawFile] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def plant(self, where: str, value: str = "") -> str:
        value = value or f"ZQX{len(self.values):03d}"
        self.values[where] = value
        return value


def planted_case() -> Planted:
    """Return the case: two films, a note, a bundle, a panel, a recording, and what is refused."""
    case = Planted()
    case.files = [
        RawFile(case.plant("name of a file", "zqxname-film.dcm"), _film(case)),
        RawFile("compressed.dcm", _compressed(case)),
        RawFile("report.dcm", _structured_report(case)),
        RawFile("note.txt", _note(case)),
        RawFile("bundle.json", _bundle(case)),
        RawFile("panel.vcf", _panel(case)),
        RawFile("sound.wav", _sound(case)),
    ]
    return case


def base(modality: str = "DX", sop_class: str = DX) -> Dataset:
    """Return the attributes that an image of the planted patient must have, without pixels."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = UID(sop_class), UID("1.2.3.77001.1")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = UID("1.2.3.77001.2"), UID("1.2.3.77001.3")
    dataset.Modality, dataset.PatientName, dataset.PatientID = modality, NAME, RECORD
    dataset.PatientSex, dataset.PatientAge = "F", "097Y"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    return dataset


def written(
    dataset: Dataset, *, preamble: bytes = bytes(128), syntax: UID = ExplicitVRLittleEndian,
    meta: FileMetaDataset | None = None,
) -> bytes:  # fmt: skip
    """Return the file."""
    meta = meta or FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = UID("1.2.3.77001.99")
    dataset.file_meta, dataset.preamble = meta, preamble
    stream = BytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def add_pixels(dataset: Dataset, pixels: np.ndarray, *, stored: int = 12) -> None:
    """Add a native Image Pixel module."""
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.BitsAllocated = 8 * pixels.itemsize
    dataset.BitsStored, dataset.HighBit = stored, stored - 1
    dataset.PixelRepresentation = 0
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OB" if pixels.itemsize == 1 else "OW"


def _film(case: Planted) -> bytes:
    dataset = base()
    case.plant("PatientName", "Zqxfamily")
    case.plant("PatientID", RECORD)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = f"{NAME}=山田^太郎=やまだ^たろう"
    case.plant("ideographic name", "山田")
    case.plant("phonetic name", "やまだ")
    for keyword in _TEXTS:
        setattr(dataset, keyword, case.plant(keyword))
    dataset.OtherPatientIDs = [case.plant("other id"), case.plant("second other id")]
    for keyword in _TERMS:
        setattr(dataset, keyword, case.plant(keyword))
    dataset.ImageType = ["ORIGINAL", "PRIMARY", case.plant("image type")]
    for keyword, date in _DATES:
        setattr(dataset, keyword, case.plant(keyword, date))
    for number, keyword in enumerate(_UIDS):
        setattr(dataset, keyword, UID(case.plant(keyword, f"1.2.3.77001.{number + 10}")))
    dataset.SynchronizationFrameOfReferenceUID = UID(
        case.plant("UID that only looks like the standard's", "1.2.840.10008.5.1.77001")
    )
    dataset.InstanceNumber = int(case.plant("running number", "417417"))
    dataset.StudyTime = "101112.417419"
    case.plant("fraction of a second", "417419")
    _add_nested(case, dataset)
    _add_odd(case, dataset)
    pixels = np.arange(96 * 80, dtype="<u2").reshape(96, 80) % 4096
    case.pixels = pixels
    add_pixels(dataset, pixels | 0xA000)  # what old files keep above the stored bits
    dataset.add_new(0xFFFCFFFC, "OB", case.plant("trailing padding").encode())
    meta = FileMetaDataset()
    meta.SourceApplicationEntityTitle = case.plant("application entity")
    meta.ImplementationVersionName = case.plant("implementation")
    meta.PrivateInformationCreatorUID = UID(case.plant("private information UID", "1.2.3.77001.5"))
    meta.PrivateInformation = case.plant("private information").encode()
    preamble = case.plant("preamble").encode().ljust(128, b"\0")
    return written(dataset, preamble=preamble, meta=meta) + case.plant("after the end").encode()


def _add_nested(case: Planted, dataset: Dataset) -> None:
    inner, middle, request = Dataset(), Dataset(), Dataset()
    inner.PatientName = case.plant("name three deep")
    inner.CodeMeaning = case.plant("meaning three deep")
    middle.ReasonForRequestedProcedureCodeSequence = Sequence([inner])
    middle.RequestedProcedureID = case.plant("procedure two deep")
    request.ScheduledProtocolCodeSequence = Sequence([middle])
    request.ScheduledPerformingPhysicianName = case.plant("physician one deep")
    dataset.RequestAttributesSequence = Sequence([request])
    reference = Dataset()
    reference.ReferencedSOPClassUID = UID(DX)
    reference.ReferencedSOPInstanceUID = UID("1.2.3.77001.50")
    case.plant("referenced instance", "1.2.3.77001.50")
    reference.PatientID = case.plant("id in a sequence that is kept")
    reference.add_new(0x00110010, "LO", "MAKER")
    reference.add_new(0x00111001, "LO", case.plant("private in a sequence that is kept"))
    dataset.ReferencedImageSequence = Sequence([reference])
    local, known = Dataset(), Dataset()
    local.CodeValue, local.CodingSchemeDesignator = case.plant("local code"), "99LOCAL"
    local.CodeMeaning = case.plant("local meaning")
    known.CodeValue, known.CodingSchemeDesignator = "399348003", "SCT"
    known.CodeMeaning = case.plant("meaning of a standard code")
    dataset.ViewCodeSequence = Sequence([local, known])
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [4, 0, 16], [0, 100, 200, 300]
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    table.LUTExplanation = case.plant("explanation of a table")
    dataset.VOILUTSequence = Sequence([table])
    hidden = Dataset()
    hidden.LUTDescriptor = [4, 0, 16]
    hidden["LUTDescriptor"].VR = "US"
    hidden.add_new(0x00283006, "OW", case.plant("behind the end of a table").encode() * 3)
    dataset.VOILUTSequence.append(hidden)
    dataset.RedPaletteColorLookupTableDescriptor = [6, 0, 8]
    dataset["RedPaletteColorLookupTableDescriptor"].VR = "US"
    dataset.RedPaletteColorLookupTableData = case.plant("palette of a grey image").encode()
    content = Dataset()
    content.ValueType, content.TextValue = "TEXT", case.plant("text of a report")
    content.PersonName = case.plant("person of a report")
    dataset.ContentSequence = Sequence([content])
    icon = Dataset()
    icon.Rows = icon.Columns = 4
    icon.PixelData = case.plant("icon").encode().ljust(16, b"\0")
    icon["PixelData"].VR = "OB"
    dataset.IconImageSequence = Sequence([icon])
    signature = Dataset()
    signature.MACIDNumber, signature.CertificateOfSigner = 1, case.plant("certificate").encode()
    dataset.DigitalSignaturesSequence = Sequence([signature])


def _add_odd(case: Planted, dataset: Dataset) -> None:
    dataset.add_new(0x00090010, "LO", case.plant("private creator"))
    dataset.add_new(0x00091001, "LO", case.plant("private"))
    private = Dataset()
    private.PatientName = case.plant("name in a private sequence")
    dataset.add_new(0x00091002, "SQ", Sequence([private]))
    dataset.add_new(0x60000010, "US", 16)
    dataset.add_new(0x60000011, "US", 16)
    dataset.add_new(0x60000022, "LO", case.plant("overlay description"))
    dataset.add_new(0x60001500, "LO", case.plant("overlay label"))
    dataset.add_new(0x60003000, "OW", case.plant("overlay").encode().ljust(32, b"\0"))
    dataset.add_new(0x60024000, "LT", case.plant("overlay comments"))
    dataset.add_new(0x50000022, "LO", case.plant("curve description"))
    dataset.add_new(0x50003000, "OW", case.plant("curve").encode())
    dataset.EncapsulatedDocument = f"%PDF-1.4 {case.plant('document')} ".encode()
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.add(DataElement(Tag(0x001021F0), "UN", case.plant("religion as UN").encode()))
    dataset.add(DataElement(Tag(0x00080FF0), "UN", case.plant("attribute nobody knows").encode()))


def _compressed(case: Planted) -> bytes:
    """Return a film whose JPEG stream carries a comment and an application segment."""
    dataset = base()
    dataset.SOPInstanceUID = UID("1.2.3.77001.60")
    pixels = (np.arange(96 * 80) % 251).astype(np.uint8).reshape(96, 80)
    add_pixels(dataset, pixels, stored=8)
    stream = imagecodecs.jpeg8_encode(pixels, level=95)
    comments = b"".join(
        marker + struct.pack(">H", len(text) + 2) + text
        for marker, text in (
            (b"\xff\xfe", case.plant("comment in a JPEG stream").encode()),
            (b"\xff\xe1", b"Exif\0\0" + case.plant("Exif in a JPEG stream").encode()),
        )
    )
    after = case.plant("after the JPEG stream").encode()
    dataset.PixelData = encapsulate([stream[:2] + comments + stream[2:] + after])
    dataset["PixelData"].is_undefined_length = True
    return written(dataset, syntax=JPEGBaseline8Bit)


def _structured_report(case: Planted) -> bytes:
    dataset = base("SR", "1.2.840.10008.5.1.4.1.1.88.11")
    content = Dataset()
    content.ValueType, content.TextValue = "TEXT", case.plant("text of a whole report")
    dataset.ContentSequence = Sequence([content])
    return written(dataset)


def _note(case: Planted) -> bytes:
    case.plant("name in ten spellings of a note", "Zqxgiven")
    case.plant("street", "14 Zqxstreet Road")
    case.plant("phone", "555 0417 417")
    case.plant("mail", "zqx@example.org")
    case.plant("date of a note", "2021-03-20")
    return (
        f"Patient: Zqxfamily, Zqxgiven\nMRN: {RECORD}\n"
        "Mrs Zqxfamily was seen. ZQXGIVEN ZQXFAMILY says so; zqxfamily too. Z. Zqxfamily, "
        "Zqxgiven Z., ZQXFAMILY^ZQXGIVEN, Zqxfamily's cough, Miss Zqxgiven, (Zqxfamily/Zqxgiven), "
        "Zqxgiven-Zqxfamily, Z.Z. agrees. 山田太郎.\n"
        "Lives at 14 Zqxstreet Road, tel 555 0417 417, zqx@example.org. Seen on 2021-03-20 by "
        "Dr. Zqxdoctor at Zqxplace General Hospital. Age 97 years.\n"
        "Impression: right lower lobe consolidation, no effusion.\n"
    ).encode()


def _bundle(case: Planted) -> bytes:
    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"value": RECORD}, {"value": case.plant("second record number in FHIR")}],
        "name": [{"family": "Zqxfamily", "given": ["Zqxgiven"]}],
        "gender": "female",
        "birthDate": "1953-07-01",
        "telecom": [{"system": "phone", "value": case.plant("phone in FHIR", "0417 417 418")}],
        "address": [{"line": [case.plant("address in FHIR")], "city": case.plant("city in FHIR")}],
        "text": {"status": "generated", "div": f"<div>{case.plant('narrative in FHIR')}</div>"},
    }
    observation = {
        "resourceType": "Observation",
        "id": case.plant("id of a resource", "zqx-o1"),
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
        "subject": {"reference": "Patient/p1", "display": case.plant("display in FHIR")},
        "performer": [{"display": case.plant("performer in FHIR")}],
        "note": [{"text": case.plant("note in FHIR")}],
        "effectiveDateTime": case.plant("time in FHIR", "2021-03-10T07:08:09Z"),
        "valueQuantity": {"value": 4.25, "unit": "mmol/L"},
    }
    entries = [{"resource": patient}, {"resource": observation}]
    document = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return json.dumps(document).encode()


def _panel(case: Planted) -> bytes:
    sample = RECORD
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + sample
    case.plant("sample of a panel", sample)
    lines = [
        "##fileformat=VCFv4.3",
        "##fileDate=20210322",
        f"##laboratory={case.plant('laboratory of a panel')}",
        f"##patient_id={RECORD}",
        columns,
        f"1\t1000\trs417\tA\tG\t.\tPASS\tGENE=ABC1;NOTE={case.plant('note of a variant')}\tGT\t0/1",
        f"1\t2000\t{case.plant('id of a variant')}\tC\tT\t.\tPASS\tGENE=ABC2\tGT\t1/1",
    ]
    return ("\n".join(lines) + "\n").encode()


def _sound(case: Planted) -> bytes:
    rate = 8000
    samples = np.rint(8000 * np.sin(np.arange(rate) / 7)).astype("<i2").tobytes()
    info = b"INFO" + _chunk(b"ICMT", f"{case.plant('comment of a recording')}\0".encode())
    broadcast = case.plant("bext of a recording").encode().ljust(602, b"\0")
    body = b"WAVE" + _chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16))
    body += _chunk(b"LIST", info) + _chunk(b"bext", broadcast) + _chunk(b"data", samples)
    body += _chunk(b"id3 ", b"ID3" + case.plant("id3 of a recording").encode())
    return _chunk(b"RIFF", body)


def _chunk(key: bytes, body: bytes) -> bytes:
    return key + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
