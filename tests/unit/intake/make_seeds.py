"""One small valid file of every kind that intake reads, to be broken in every way."""

import base64
import json

import imagecodecs
import numpy as np

from tests.unit.intake.make_dicom import (
    BIG_ENDIAN,
    CT,
    DEFLATED,
    IMPLICIT,
    JPEG,
    JPEG_2000,
    JPEG_LOSSLESS,
    JPEG_LS,
    RLE,
    element,
    encapsulate,
    encode,
    item,
    make_dicom,
    ramp,
)
from tests.unit.intake.make_documents import (
    make_cda,
    make_docx,
    make_pdf,
    paragraphs,
    section,
    structured,
)
from tests.unit.intake.make_sound import make_flac, make_wave
from tests.unit.intake.test_dicom_documents import (
    PERSON,
    container,
    enclosing,
    observer,
    report,
    text,
)
from tests.unit.intake.test_observations_cda import entry, organizer

NOTE = (
    "Patient: Doe, Jane\nMRN: 00123\nDate: 2024-05-06 07:08\nHISTORY: cough for 3 days.\n"
    "FINDINGS: right lower lobe consolidation. No effusion.\nIMPRESSION: pneumonia."
)
TABLE = (
    "mrn,name,value,unit,time,low,high\n00123,Potassium,4.1,mmol/L,2024-05-06 07:00,3.5,5.1\n"
    "00123,CRP,<0.6,mg/L,2024-05-06T07:00:00+02:00,,5\n"
)
WIDE = "time,K (mmol/L),Hb g/dL\n2024-05-06 07:00,4.1,13.0\n2024-05-07 07:00,4.4,12.9\n"
HL7 = (
    "MSH|^~\\&|LAB|H|EMR|H|20240506080000-0500||ORU^R01^ORU_R01|1|P|2.5.1\r"
    "PID|1||00123^^^H^MR||Doe^Jane||19700131|F\r"
    "OBR|1||1|57021-8^CBC^LN|||20240506070809+0200|||||||||||||||20240506090000\r"
    "OBX|1|NM|2823-3^Potassium^LN||4.1|mmol/L|3.5-5.1||||F|||20240506070000\r"
    "OBX|2|SN|1988-5^CRP^LN||<^0.6|mg/L|||||C\r"
    "OBX|3|TX|1^Findings^L||Clear \\F\\ lungs.~No effusion.||||||F\r"
)
VCF = (
    "##fileformat=VCFv4.3\n##PatientID=00123\n"
    '##INFO=<ID=GENE,Number=1,Type=String,Description="Gene">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t00123\n"
    "7\t117559590\trs113993960\tATCT\tA\t50\tPASS\tGENE=CFTR\tGT\t0/1\n"
)
PANEL = "gene,variant,zygosity,effect,mrn\nCFTR,rs113993960,heterozygous,inframe_deletion,00123\n"


def bundle() -> bytes:
    """Return a FHIR bundle with results, a report and documents of several kinds inside."""
    subject = {"reference": "Patient/p"}

    def attached(data: bytes, kind: str) -> dict[str, str]:
        return {"contentType": kind, "data": base64.b64encode(data).decode()}

    resources: list[dict[str, object]] = [
        {"resourceType": "Patient", "id": "p", "identifier": [{"value": "00123"}],
         "name": [{"family": "Doe", "given": ["Jane"]}], "birthDate": "1970-01-31"},
        {"resourceType": "Observation", "id": "o", "status": "final", "subject": subject,
         "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
         "effectiveDateTime": "2024-05-06T07:08:09+02:00", "meta": {"versionId": "2"},
         "valueQuantity": {"value": 4.1, "unit": "mmol/L"}},
        {"resourceType": "DocumentReference", "status": "current", "subject": subject,
         "content": [{"attachment": attached(make_pdf(NOTE), "application/pdf")},
                     {"attachment": attached(NOTE.encode(), "text/plain")}]},
        {"resourceType": "DiagnosticReport", "status": "final", "subject": subject,
         "code": {"text": "Chest"}, "issued": "2024-05-06T07:08:09Z", "conclusion": NOTE},
    ]  # fmt: skip
    entries = [{"fullUrl": f"urn:x:{i}", "resource": r} for i, r in enumerate(resources)]
    document = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return json.dumps(document).encode()


def volume() -> bytes:
    """Return an enhanced multi-frame CT of three slices."""

    def frame(z: int) -> bytes:
        place = encode("ImagePositionPatient", f"0\\0\\{z}")
        content = encode("FrameAcquisitionDateTime", "20240506070809+0200")
        return item(
            element(0x00209111, "SQ", item(content)) + element(0x00209113, "SQ", item(place))
        )

    axes = encode("ImageOrientationPatient", "1\\0\\0\\0\\1\\0")
    rescale = encode("RescaleIntercept", "-1024") + encode("RescaleSlope", "1")
    shared = item(element(0x00209116, "SQ", item(axes)) + element(0x00289145, "SQ", item(rescale)))
    groups = element(0x52009229, "SQ", shared)
    groups += element(0x52009230, "SQ", frame(10) + frame(30) + frame(20))
    pixels = np.stack([ramp(high=high) for high in (900, 1000, 1100)])
    return make_dicom(
        pixels.reshape(192, 64), SOPClassUID=f"{CT}.1", Modality="CT", NumberOfFrames="3",
        Rows=64, extra=groups,
    )  # fmt: skip


def images() -> dict[str, bytes]:
    """Return a DICOM image in every transfer syntax that is read, and some odd ones."""
    grey, small = ramp(), ramp(high=255, dtype="u1")
    color = np.stack([small, small[::-1], small.T], axis=-1)
    eight = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    rgb = {**eight, "SamplesPerPixel": 3, "PhotometricInterpretation": "RGB",
           "PlanarConfiguration": 0}  # fmt: skip
    sides = {"Rows": 64, "Columns": 64}
    high, low = (grey >> 8).astype("u1").tobytes(), (grey & 255).astype("u1").tobytes()
    segments = [imagecodecs.packbits_encode(part) for part in (high, low)]
    starts = [64, 64 + len(segments[0])]
    head = np.array([2, *starts, *[0] * 13], "<u4").tobytes()
    lossless = imagecodecs.ljpeg_encode(grey, bitspersample=12)
    return {
        "explicit.dcm": make_dicom(ViewPosition="PA", BodyPartExamined="CHEST",
                                   AcquisitionDate="20240506", AcquisitionTime="120000"),
        "implicit.dcm": make_dicom(syntax=IMPLICIT),
        "big.dcm": make_dicom(syntax=BIG_ENDIAN),
        "deflated.dcm": make_dicom(syntax=DEFLATED),
        "rle.dcm": make_dicom(encapsulate(head + b"".join(segments)), syntax=RLE, **sides),
        "jpeg.dcm": make_dicom(encapsulate(imagecodecs.jpeg8_encode(small)), syntax=JPEG,
                               **(sides | eight)),
        "jpeg-color.dcm": make_dicom(encapsulate(imagecodecs.jpeg8_encode(color)), syntax=JPEG,
                                     **(sides | rgb | {"PhotometricInterpretation": "YBR_FULL"})),
        "lossless.dcm": make_dicom(encapsulate(lossless), syntax=JPEG_LOSSLESS, **sides),
        "jpeg-ls.dcm": make_dicom(encapsulate(imagecodecs.jpegls_encode(grey)), syntax=JPEG_LS,
                                  **(sides | {"BitsStored": 12})),
        "jpeg-2000.dcm": make_dicom(
            encapsulate(imagecodecs.jpeg2k_encode(grey, bitspersample=12, codecformat="j2k",
                                                  reversible=True)),
            syntax=JPEG_2000, **sides),
        "color.dcm": make_dicom(color, **(rgb | sides)),
        "volume.dcm": volume(),
    }  # fmt: skip


def others() -> dict[str, bytes]:
    """Return a file of every other kind."""
    table = "<table><tr><td>K</td><td>4.1</td></tr></table>"
    return {
        "sound.wav": make_wave(),
        "sound.flac": make_flac(),
        "note.txt": NOTE.encode(),
        "note.pdf": make_pdf(NOTE, NOTE),
        "note.docx": make_docx(paragraphs(*NOTE.split("\n"))),
        "summary.xml": make_cda(structured(section("Results", table, inside=organizer(entry())))),
        "report.dcm": report(container("Findings", text("Finding", NOTE)), observer(PERSON)),
        "enclosed.dcm": enclosing(make_pdf(NOTE)),
        "labs.csv": TABLE.encode(),
        "wide.csv": WIDE.encode(),
        "bundle.json": bundle(),
        "labs.hl7": HL7.encode(),
        "panel.vcf": VCF.encode(),
        "panel.csv": PANEL.encode(),
    }


def all_seeds() -> dict[str, bytes]:
    """Return every seed by its name."""
    return images() | others()
