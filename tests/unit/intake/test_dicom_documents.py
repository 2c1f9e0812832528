"""Texts in DICOM: structured reports and enclosed documents as notes of the header's patient."""

from datetime import UTC, datetime

import pytest

from mmcore.errors import RefusalCode
from mmcore.intake import RawFile, case_from_files
from mmcore.intake.dicom.documents import MAX_ITEMS
from mmcore.records import Case, FileVerdict, SourceFile
from tests.unit.intake.make_dicom import Value, element, encode, item, make_dicom
from tests.unit.intake.make_documents import make_cda, make_docx, make_pdf, section, structured

BASIC, COMPREHENSIVE = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.88.33"
DOSE, PDF = "1.2.840.10008.5.1.4.1.1.88.67", "1.2.840.10008.5.1.4.1.1.104.1"
CDA = "1.2.840.10008.5.1.4.1.1.104.2"
PERSON, DEVICE = "121006", "121007"


def coded(tag: int, meaning: str, value: str = "1") -> bytes:
    return element(tag, "SQ", item(encode("CodeValue", value) + encode("CodeMeaning", meaning)))


def name(meaning: str, value: str = "1") -> bytes:
    return coded(0x0040A043, meaning, value)


def tree(*items: bytes) -> bytes:
    return element(0x0040A730, "SQ", b"".join(item(one) for one in items))


def told(kind: str, *inside: bytes, how: str = "CONTAINS") -> bytes:
    return encode("RelationshipType", how) + encode("ValueType", kind) + b"".join(inside)


def text(called: str, words: str, **more: str) -> bytes:
    return told("TEXT", name(called), encode("TextValue", words), **more)


def container(called: str, *items: bytes) -> bytes:
    return told("CONTAINER", name(called), tree(*items))


def number(called: str, value: str, unit: str) -> bytes:
    units = element(0x004008EA, "SQ", item(encode("CodeValue", unit)))
    measured = element(0x0040A300, "SQ", item(units + encode("NumericValue", value)))
    return told("NUM", name(called), measured)


def observer(kind: str) -> bytes:
    return told(
        "CODE", name("Observer Type", "121005"), coded(0x0040A168, "x", kind),
        how="HAS OBS CONTEXT",
    )  # fmt: skip


def report(*items: bytes, sop_class: str = BASIC, extra: bytes = b"", **more: Value) -> bytes:
    return make_dicom(
        pixel_element=b"", SOPClassUID=sop_class, Modality="SR", ContentDate="20240506",
        ContentTime="070809", TimezoneOffsetFromUTC="+0200", PatientSex="F",
        extra=name("Chest X-ray report") + tree(*items) + extra, **more,
    )  # fmt: skip


def enclosing(data: bytes, *, sop_class: str = PDF, **more: Value) -> bytes:
    data += b"\0" * (len(data) % 2)
    return make_dicom(
        pixel_element=b"", SOPClassUID=sop_class, Modality="DOC", DocumentTitle="Old report",
        extra=element(0x00420011, "OB", data), **more,
    )  # fmt: skip


def read(data: bytes, *beside: RawFile) -> tuple[Case, SourceFile]:
    case = case_from_files([RawFile("doc.dcm", data), *beside])
    return case, next(file for file in case.files if file.name == "doc.dcm")


def test_a_report_is_a_note_under_its_headings() -> None:
    data = report(
        observer(PERSON),
        container("Findings", text("Finding", "Right lower lobe consolidation.\nNo effusion."),
                  number("Nodule diameter", "7.5", "mm")),
        container("Impression", text("Impression", "Pneumonia.")),
        text("Recommendation", "Follow up in 6 weeks."),
    )  # fmt: skip
    case, file = read(data)
    (note,) = case.notes
    assert (file.kind, file.verdict, file.reason) == ("note", FileVerdict.USED, "")
    assert note.text == (
        "Findings:\nRight lower lobe consolidation.\nNo effusion.\nNodule diameter: 7.5 mm\n"
        "Impression:\nPneumonia.\nRecommendation: Follow up in 6 weeks."
    )
    assert [part.kind for part in note.sections] == ["findings", "impression", "plan"]
    assert note.title == "Chest X-ray report"
    assert note.authored_at == datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)
    assert (case.patient.patient_id, case.patient.sex) == ("00123", "F")


def test_names_of_observers_and_references_are_not_read() -> None:
    data = report(
        text("Person Observer Name", "Dr Nobody", how="HAS OBS CONTEXT"),
        text("Finding", "Clear."),
        told("IMAGE"),
    )
    (note,) = read(data)[0].notes
    assert note.text == "Finding: Clear."


def test_words_in_markup_and_control_characters_stay_text() -> None:
    (note,) = read(report(text("Finding", "K <b>3.1\x07 & \u202e")))[0].notes
    assert note.text.startswith("Finding: K <b>3.1 &")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (report(observer(DEVICE), text("Finding", "x"), sop_class=COMPREHENSIVE), "device made"),
        (report(container("Findings", observer(DEVICE), text("Finding", "x"))), "device made"),
        (report(text("Finding", "x"), extra=encode("PreliminaryFlag", "PRELIMINARY")),
         "preliminary report"),
    ],
)  # fmt: skip
def test_what_no_person_has_finished_is_kept_aside(data: bytes, words: str) -> None:
    case, file = read(data)
    assert (case.notes, file.verdict) == ((), FileVerdict.KEPT_ASIDE)
    assert words in file.reason


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (report(text("Finding", "x"), sop_class=DOSE), RefusalCode.NO_PIXELS),
        (report(), RefusalCode.NO_TEXT),
        (report(text("Finding", "")), RefusalCode.NO_TEXT),
        (report(*[text("Finding", "x")] * (MAX_ITEMS + 1)), RefusalCode.TOO_MANY_ELEMENTS),
        (report(text("Finding", "x" * 2_000_001)), RefusalCode.TOO_LARGE),
        (enclosing(b""), RefusalCode.NO_TEXT),
        (enclosing(b"MZ" * 400), RefusalCode.UNKNOWN_KIND),
        (enclosing(make_docx("<w:p/>")), RefusalCode.UNKNOWN_KIND),
        (enclosing(make_pdf("", "")), RefusalCode.NO_TEXT),
        (enclosing(make_pdf("x" * 40, catalog="/OpenAction << /S /JavaScript /JS (x) >>")),
         RefusalCode.ACTIVE_CONTENT),
    ],
    ids=["dose", "empty", "blank", "many", "long", "nothing", "program", "word", "scan", "script"],
)  # fmt: skip
def test_what_holds_no_words_of_a_clinician_is_refused(data: bytes, code: RefusalCode) -> None:
    case, file = read(data)
    assert (case.notes, file.verdict, file.code) == ((), FileVerdict.REFUSED, code)


def test_an_enclosed_pdf_is_a_note_of_the_headers_patient() -> None:
    page = "Patient: Roe, Richard\nFINDINGS: right lower lobe consolidation."
    case, file = read(enclosing(make_pdf(page), ContentDate="20240506", ContentTime="0708"))
    (note,) = case.notes
    assert "right lower lobe" in note.text
    assert (note.title, note.authored_at) == ("Old report", datetime(2024, 5, 6, 7, 8))
    assert case.patient.patient_id == "00123"
    # Whom the PDF itself seems to name is asked about and decides nothing.
    assert [str(one.kind) for one in case.contradictions] == ["patient"]
    assert file.verdict is FileVerdict.USED


def test_an_enclosed_cda_must_be_able_to_be_of_the_headers_patient() -> None:
    body = structured(section("Findings", "clear", loinc="18782-3"))
    case, file = read(enclosing(make_cda(body), sop_class=CDA))
    assert [part.kind for part in case.notes[0].sections] == ["findings"]
    assert case.patient.birth_date is not None
    other = make_cda(body, patient='<id root="1" extension="999"/>')
    case, file = read(enclosing(other, sop_class=CDA))
    assert (file.code, case.notes) == (RefusalCode.PATIENT_MISMATCH, ())


def test_a_document_of_another_patient_is_refused_beside_the_film() -> None:
    film = RawFile("film.dcm", make_dicom())
    second = RawFile("second.dcm", make_dicom(SOPInstanceUID="8", SeriesInstanceUID="8"))
    data = report(text("Finding", "x"), PatientID="999", PatientName="Roe^Richard")
    _, file = read(data, film, second)
    assert file.code == RefusalCode.PATIENT_MISMATCH


def test_a_report_later_than_the_film_is_left_out() -> None:
    film = RawFile("film.dcm", make_dicom(AcquisitionDate="20240506", AcquisitionTime="060000",
                                          TimezoneOffsetFromUTC="+0200"))  # fmt: skip
    case, file = read(report(text("Finding", "x")), film)
    assert (case.notes, file.verdict) == ((), FileVerdict.KEPT_ASIDE)
    assert "later than the image" in file.reason


def test_pictures_and_reports_of_this_program_are_no_input_of_it() -> None:
    case, file = read(make_dicom(Manufacturer="Consilium"))
    assert (case.instances, file.verdict) == ((), FileVerdict.KEPT_ASIDE)
    assert "made of its own answer" in file.reason
    assert read(make_dicom(Manufacturer="Consilium simulator"))[0].instances


@pytest.mark.parametrize(
    ("syntax", "words"),
    [("1.2.840.10008.1.2.4.110", "JPEG XL"), ("1.2.840.10008.1.2.4.111", "JPEG XL"),
     ("1.2.840.10008.1.2.4.112", "JPEG XL"), ("1.2.840.10008.1.2.4.102", "video"),
     ("1.2.840.10008.1.2.4.999", "not supported")],
)  # fmt: skip
def test_what_is_well_known_and_not_read_is_named(syntax: str, words: str) -> None:
    _, file = read(make_dicom(b"\xff\x0a", syntax=syntax))
    assert file.code == RefusalCode.UNSUPPORTED_SYNTAX
    assert words in file.reason
