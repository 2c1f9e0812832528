"""Across files: contradictions with both sources, and what was not known yet when the film was."""

import itertools
import time
from datetime import datetime

import pytest

from mmcore.errors import RefusalCode
from mmcore.intake import RawFile, body_parts, case_from_files
from mmcore.intake.identity import may_be_same
from mmcore.intake.parts import Identity
from mmcore.records import Case, ContradictionKind, FileVerdict
from tests.unit.intake.make_dicom import JPEG_LS, Value, encapsulate, make_dicom, ramp
from tests.unit.intake.make_documents import make_cda, make_pdf, section, structured

CHEST: dict[str, Value] = {
    "BodyPartExamined": "CHEST", "ViewPosition": "PA", "AcquisitionDate": "20240506",
    "AcquisitionTime": "120000", "PatientBirthDate": "19700131", "PatientSex": "F",
}  # fmt: skip
HEAD = "mrn,name,value,unit,time\n"


def image(name: str = "film.dcm", **attributes: Value) -> RawFile:
    return RawFile(name, make_dicom(**(CHEST | attributes)))


def note(text: str, name: str = "note.txt") -> RawFile:
    return RawFile(name, f"MRN: 00123\n{text}".encode())


def labs(*rows: str, name: str = "labs.csv") -> RawFile:
    return RawFile(name, (HEAD + "".join(f"00123,{row}\n" for row in rows)).encode())


def case(*files: RawFile, take_later: bool = False) -> Case:
    return case_from_files(files, take_later=take_later)


def told(found: Case) -> list[tuple[ContradictionKind, str]]:
    return [(one.kind, str(one.words)) for one in found.contradictions]


# Side, view, part


def test_a_note_of_the_other_side_is_told_with_both_sources() -> None:
    found = case(image(ImageLaterality="L"), note("FINDINGS: right lower lobe consolidation."))
    assert told(found) == [(ContradictionKind.SIDE, "film.dcm says left and note.txt says right")]
    assert set(found.contradictions[0].files) == {"film.dcm", "note.txt"}


@pytest.mark.parametrize(
    ("side", "text"),
    [("L", "left lower lobe"), ("L", "right lung clear, left effusion"), ("U", "right lung"),
     ("", "right lung"), ("L", "the patient left the ward right away"), ("L", "")],
)  # fmt: skip
def test_sides_that_agree_or_are_not_stated_are_fine(side: str, text: str) -> None:
    assert case(image(ImageLaterality=side), note(f"FINDINGS: {text}.")).contradictions == ()


def test_a_note_is_read_once_however_many_films_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(body_parts, "sides_in", lambda text: read.append(text) or frozenset())
    films = [
        image(
            f"{n}.dcm",
            SeriesInstanceUID=f"1.2.{n}",
            SOPInstanceUID=f"1.3.{n}",
            InstanceNumber=str(n + 1),
        )
        for n in range(3)
    ]
    case(*films, note("FINDINGS: clear."))
    assert len(read) == 1


@pytest.mark.parametrize("word", ["right-", "PA-", "left ", "right a, ", "ct ", "chest: "])
def test_a_note_of_one_word_over_and_over_takes_no_time(word: str) -> None:
    text, started = word * 10_000, time.process_time()
    body_parts.sides_in(text), body_parts.views_taken(text), body_parts.parts_imaged(text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"SeriesDescription": "CHEST LATERAL"}, "the header of film.dcm says PA, and its "
         "description says lateral"),
        ({"PatientOrientation": "A\\F"}, "the header of film.dcm says PA, and its orientation is "
         "of another view"),
        ({"ViewPosition": "LL", "PatientOrientation": "L\\F"}, "the header of film.dcm says "
         "lateral, and its orientation is of another view"),
        ({"StudyDescription": "HAND 2 VIEWS"}, "the header of film.dcm says chest, and its "
         "description says hand"),
    ],
)  # fmt: skip
def test_a_header_that_contradicts_itself(attributes: dict[str, Value], words: str) -> None:
    assert [said for _, said in told(case(image(**attributes)))] == [words]


@pytest.mark.parametrize(
    "attributes",
    [{"SeriesDescription": "CHEST PA"}, {"StudyDescription": "CHEST PA AND LATERAL"},
     {"PatientOrientation": "L\\F"}, {"SeriesDescription": "LUNG"}, {"ViewPosition": None},
     {"StudyDescription": "PORTABLE"}],
)  # fmt: skip
def test_a_header_at_one_with_itself(attributes: dict[str, Value]) -> None:
    assert case(image(**attributes)).contradictions == ()


def test_view_and_part_of_a_note_are_compared_with_the_film() -> None:
    found = case(image(), note("TECHNIQUE: lateral chest radiograph."))
    assert [kind for kind, _ in told(found)] == [ContradictionKind.VIEW]
    hand = case(image(BodyPartExamined="HAND", ViewPosition=None),
                note("INDICATION: cough. Chest X-ray."))  # fmt: skip
    assert told(hand) == [
        (ContradictionKind.BODY_PART,
         "film.dcm is of the hand and note.txt tells of images of the chest"),
    ]  # fmt: skip
    assert (
        case(image(), note("Abdomen soft. Chest radiograph, PA view: clear.")).contradictions == ()
    )


def test_what_a_history_tells_of_other_days_is_no_contradiction() -> None:
    text = (
        "HISTORY: left lung surgery in 2010, CT of the abdomen and lateral chest film then.\n"
        "TECHNIQUE: PA chest radiograph.\nFINDINGS: right lung clear.\n"
        "PLAN: CT of the abdomen."
    )
    assert case(image(ImageLaterality="R"), note(text)).contradictions == ()


def test_films_of_two_parts_are_told() -> None:
    other = image("hand.dcm", BodyPartExamined="HAND", SOPInstanceUID="9", SeriesInstanceUID="8",
                  ViewPosition=None, Rows=64)  # fmt: skip
    kinds = {kind for kind, _ in told(case(image(), other))}
    assert ContradictionKind.BODY_PART in kinds


@pytest.mark.parametrize(
    ("text", "part"), [("CHEST", "chest"), ("C SPINE", "spine"), ("WHOLEBODY", None), ("", None)]
)
def test_parts_of_headers(text: str, part: str | None) -> None:
    assert body_parts.part_of(text) == part


# The patient


def test_another_sex_is_a_hard_stop_unless_the_record_number_is_shared() -> None:
    female, male = (Identity(name="Doe, Jane", sex=sex) for sex in "FM")
    assert not may_be_same(female, male)
    assert may_be_same(Identity(frozenset({"1"}), sex="F"), Identity(frozenset({"1"}), sex="M"))
    found = case(image("a.dcm"), image("b.dcm", PatientSex="M", SOPInstanceUID="9"))
    assert ContradictionKind.PATIENT in [kind for kind, _ in told(found)]


def test_a_file_that_states_another_sex_and_nothing_else_is_refused() -> None:
    cda = make_cda(
        structured(section("Findings", "clear")),
        patient='<patient><administrativeGenderCode code="M"/></patient>',
    )
    found = case(image(), RawFile("note.xml", cda))
    assert found.files[1].code == RefusalCode.PATIENT_MISMATCH


def test_documents_of_another_patient_are_refused_whatever_their_kind() -> None:
    cda = RawFile("a.xml", make_cda(structured(section("F", "x")), patient='<id extension="7"/>'))
    hl7 = RawFile("b.hl7", b"MSH|^~\\&|||||||ORU^R01\rPID|1||777\rOBR|1\r"
                  b"OBX|1|NM|2823-3^K^LN||4.1|mmol/L|||||F\r")  # fmt: skip
    found = case(image(), note("FINDINGS: clear."), cda, hl7)
    assert [file.code for file in found.files] == [
        None, None, RefusalCode.PATIENT_MISMATCH, RefusalCode.PATIENT_MISMATCH,
    ]  # fmt: skip


def test_the_heading_of_a_pdf_raises_a_question_and_refuses_nothing() -> None:
    pdf = RawFile("letter.pdf", make_pdf("MRN: 777\nFINDINGS: the lungs are clear today."))
    found = case(image(), pdf)
    assert [file.verdict for file in found.files] == [FileVerdict.USED] * 2
    assert told(found) == [
        (ContradictionKind.PATIENT, "the heading of letter.pdf seems to name another patient")
    ]


def test_an_age_that_the_birth_date_denies_is_told() -> None:
    assert "makes it 54" in told(case(image(PatientAge="030Y")))[0][1]
    assert case(image(PatientAge="054Y")).contradictions == ()


# Values


def test_one_test_at_one_time_with_two_values() -> None:
    a, b = (
        labs("K,4.1,mmol/L,2024-05-06 07:00"),
        labs("K,5.6,mmol/L,2024-05-06 07:00", name="b.csv"),
    )
    found = case(a, b)
    ((kind, words),) = told(found)
    assert kind is ContradictionKind.VALUE
    assert {"4.1", "5.6", "labs.csv", "b.csv"} <= set(words.split())
    assert len(found.observations) == 2


def test_the_same_value_twice_is_counted_once_and_said() -> None:
    a = labs("Creatinine,88.42,umol/L,2024-05-06 07:00")
    b = labs("Creatinine,1.0,mg/dL,2024-05-06 07:00", "K,4,mmol/L,", "K,4,mmol/L,", name="b.csv")
    found = case(a, b)
    assert len(found.observations) == 2
    assert "Observations that came twice were counted once: 2." in found.notices
    assert found.contradictions == ()


def test_a_jump_by_ten_within_a_day_is_told() -> None:
    found = case(labs("Hb,13.9,g/dL,2024-05-05 07:00", "Hb,2.4,g/dL,2024-05-06 07:00"))
    assert found.contradictions == ()
    slip = case(labs("Hb,22,g/dL,2024-05-05 07:00", "Hb,2.2,g/dL,2024-05-06 07:00"))
    assert "a decimal point may be misplaced" in told(slip)[0][1]
    crp = case(labs("CRP,10,mg/L,2024-05-05 07:00", "CRP,100,mg/L,2024-05-06 07:00"))
    assert crp.contradictions == ()


# Images


def test_the_same_image_in_another_encoding_is_kept_aside() -> None:
    import imagecodecs

    pixels = ramp()
    native = image()
    packed = RawFile("packed.dcm", make_dicom(
        encapsulate(imagecodecs.jpegls_encode(pixels)), syntax=JPEG_LS,
        **(CHEST | {"Rows": 64, "Columns": 64, "BitsStored": 16, "HighBit": 15}),
    ))  # fmt: skip
    found = case(native, packed)
    verdicts = {file.verdict for file in found.files}
    assert verdicts == {FileVerdict.USED, FileVerdict.KEPT_ASIDE}
    assert found.contradictions == ()
    assert len(found.instances) == 1


def test_two_images_under_one_identifier_and_one_under_two_are_told() -> None:
    twin = RawFile("twin.dcm", make_dicom(ramp()[::-1].copy(), **CHEST))
    assert told(case(image(), twin)) == [
        (ContradictionKind.IMAGE, "film.dcm and twin.dcm claim to be one image and differ")
    ]
    ((kind, words),) = told(case(image(), image("copy.dcm", SOPInstanceUID="9")))
    assert kind is ContradictionKind.IMAGE
    assert "hold the same picture under two identifiers" in words


# Time

EARLY, LATE = "2024-05-06 07:00", "2024-05-06 12:01"


def test_what_is_later_than_the_image_is_left_out() -> None:
    report = note("Date: 2024-05-06 13:00\nFINDINGS: pneumonia.", "report.txt")
    before = note("Date: 2024-05-06 11:59\nFINDINGS: cough.")
    mixed = labs(f"K,4.1,mmol/L,{EARLY}", f"K,4.4,mmol/L,{LATE}", f"Hb,14,g/dL,{LATE}")
    found = case(image(), report, before, mixed, labs(f"Hb,13,g/dL,{LATE}", name="late.csv"))
    verdicts = {file.name: file.verdict for file in found.files}
    assert verdicts["report.txt"] is verdicts["late.csv"] is FileVerdict.KEPT_ASIDE
    assert verdicts["note.txt"] is verdicts["labs.csv"] is FileVerdict.USED
    assert [n.title for n in found.notes] == ["note.txt"]
    assert [o.value for o in found.observations] == [4.1]
    assert found.as_of == datetime(2024, 5, 6, 12)
    reasons = {file.name: file.reason for file in found.files}
    assert reasons["report.txt"] == "later than the image, which was taken on 2024-05-06 12:00"
    assert reasons["labs.csv"].startswith("2 items are later than the image")
    assert any("left out: 4" in notice for notice in found.notices)


def test_a_site_may_take_everything_and_that_is_another_case() -> None:
    files = (image(), labs(f"K,4.1,mmol/L,{EARLY}", f"K,4.4,mmol/L,{LATE}"))
    strict, all_ = case(*files), case(*files, take_later=True)
    assert [o.value for o in all_.observations] == [4.1, 4.4]
    assert strict.digest != all_.digest
    assert "Items later than the image are read too, as the site has set." in all_.notices
    early = (image(), labs(f"K,4.1,mmol/L,{EARLY}"))
    assert case(*early).digest == case(*early, take_later=True).digest


def test_the_setting_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    files = (image(), labs(f"K,4.1,mmol/L,{LATE}"))
    assert case_from_files(files).observations == ()
    monkeypatch.setenv("CONSILIUM_LATER_ITEMS", "take")
    assert len(case_from_files(files).observations) == 1


def test_without_an_image_or_its_time_nothing_is_later() -> None:
    late = labs(f"K,4.1,mmol/L,{LATE}", f"K,4.4,mmol/L,{EARLY}")
    assert case(late).as_of == datetime(2024, 5, 6, 12, 1)
    assert len(case(late).observations) == 2
    undated = image(AcquisitionDate=None, AcquisitionTime=None)
    assert len(case(undated, late).observations) == 2
    assert case(undated, late).as_of is None


def test_an_image_of_a_day_without_a_clock_is_taken_at_its_end() -> None:
    found = case(image(AcquisitionTime=None), labs(f"K,4.1,mmol/L,{LATE}"))
    assert len(found.observations) == 1


def test_what_is_from_before_the_birth_is_told() -> None:
    found = case(image(), labs("K,4.1,mmol/L,1969-01-01"))
    assert [kind for kind, _ in told(found)] == [ContradictionKind.TIME]


# The law


def test_the_same_files_in_any_order_are_the_same_case() -> None:
    files = [
        image(ImageLaterality="L"),
        note("Date: 2024-05-06 13:00\nFINDINGS: right lung.", "late.txt"),
        note("FINDINGS: right lower lobe."),
        labs(f"K,4.1,mmol/L,{EARLY}", f"K,5.1,mmol/L,{LATE}"),
        labs(f"K,4.9,mmol/L,{EARLY}", name="b.csv"),
    ]
    cases = [case(*order) for order in itertools.permutations(files)]
    assert len({found.digest for found in cases}) == 1
    assert len({found.contradictions for found in cases}) == 1
    assert len({found.observations for found in cases}) == 1
    assert len({found.as_of for found in cases}) == 1
    assert cases[0].contradictions
