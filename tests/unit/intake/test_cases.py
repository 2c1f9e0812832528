"""A case: every file with a verdict, one patient, one digest whatever the order."""

import itertools
import json
import os
from pathlib import Path

import numpy as np
import pytest

from mmcore.errors import RefusalCode
from mmcore.intake import RawFile, case_from_files, case_from_paths
from mmcore.intake.identity import may_be_same
from mmcore.intake.parts import Identity
from mmcore.records import Case, FileVerdict
from tests.clocks import computed_within
from tests.unit.intake.make_dicom import CT, Value, make_dicom, ramp
from tests.unit.intake.test_observations_fhir import bundle, observation, patient

NOTE = RawFile("note.txt", b"Patient: Doe, Jane\nFINDINGS: clear.")
TABLE = RawFile("labs.csv", b"mrn,name,value,unit\n00123,K,4.1,mmol/L\n")
IMAGE = RawFile("image.dcm", make_dicom())
FHIR = RawFile("labs.json", json.dumps(bundle(patient(), observation())).encode())


def case(*files: RawFile) -> Case:
    return case_from_files(files)


def codes(found: Case) -> dict[str, RefusalCode | None]:
    return {file.name: file.code for file in found.files}


def ct_slice(number: int, *, z: float | None = None, **more: Value) -> RawFile:
    attributes: dict[str, Value] = {
        "SOPClassUID": CT, "Modality": "CT", "SOPInstanceUID": f"1.2.3.{number}",
        "InstanceNumber": str(number), "RescaleSlope": "1", "RescaleIntercept": "-1024",
    } | more  # fmt: skip
    if z is not None:
        attributes["ImagePositionPatient"] = f"0\\0\\{z}"
        attributes["ImageOrientationPatient"] = "1\\0\\0\\0\\1\\0"
    pixels = ramp()
    pixels[0, 0] = number
    return RawFile(f"{number}.dcm", make_dicom(pixels, **attributes))


def test_every_kind_is_recognised_by_content_not_by_name() -> None:
    files = [RawFile(str(i), f.data) for i, f in enumerate((IMAGE, NOTE, TABLE, FHIR))]
    found = case(*files)
    assert [file.kind for file in found.files] == ["dicom", "note", "observations", "observations"]
    assert {file.verdict for file in found.files} == {FileVerdict.USED}
    assert len(found.instances) == len(found.notes) == 1
    assert [o.loinc for o in found.observations] == ["1988-5", "2823-3"]
    assert found.patient.patient_id == "00123"


def test_the_order_of_files_does_not_change_the_case() -> None:
    stray = RawFile("other.dcm", make_dicom(PatientID="777", SOPInstanceUID="9.9"))
    files = [IMAGE, NOTE, TABLE, stray]
    cases = [case(*order) for order in itertools.permutations(files)]
    assert len({found.digest for found in cases}) == 1
    assert len({found.patient for found in cases}) == 1
    assert len({tuple(sorted(codes(found).items())) for found in cases}) == 1


def test_renaming_a_file_does_not_change_the_digest_and_a_byte_does() -> None:
    digest = case(NOTE).digest
    assert case(RawFile("renamed", NOTE.data)).digest == digest
    assert case(RawFile("note.txt", NOTE.data + b"!")).digest != digest


def test_one_bad_file_does_not_cost_the_rest() -> None:
    bad = [
        RawFile("empty", b""),
        RawFile("broken.dcm", IMAGE.data[:700]),
        RawFile("noise.dcm", np.random.default_rng(0).bytes(65536)),
        RawFile("noise", np.random.default_rng(1).bytes(65536)),
        RawFile("report.pdf", b"%PDF-1.4\n..."),
        RawFile("page.html", b"<!DOCTYPE html><html><script>alert(1)</script></html>"),
        RawFile("bundle.xml", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "f">]><x/>'),
        RawFile("broken.zip", b"PK\x03\x04 and so on"),
        RawFile("deep.json", b'[{"a":' + b"[" * 100_000),
        RawFile("ragged.csv", b"name,value,unit\nK,4.1,mmol/L,x\n"),
        RawFile("nul.txt", b"a\0b some words and more words"),
        RawFile("sound.wav", b"RIFF\0\0\0\0WAVE"),
        RawFile("sound.mp3", b"ID3\4\0\0\0\0\0\0"),
        RawFile("film.avi", b"RIFF\0\0\0\0AVI LIST"),
        RawFile("panel.vcf", b"##fileformat=VCFv4.2\n"),
        RawFile("panel.vcf.gz", b"\x1f\x8b\x08\x04 and so on"),
    ]
    found = case(*bad, IMAGE)
    assert codes(found) == {
        "empty": RefusalCode.EMPTY_FILE,
        "broken.dcm": RefusalCode.PIXEL_LENGTH_MISMATCH,
        "noise.dcm": RefusalCode.NOT_DICOM,
        "noise": RefusalCode.UNKNOWN_KIND,
        "report.pdf": RefusalCode.CORRUPT,
        "page.html": RefusalCode.UNKNOWN_KIND,
        "bundle.xml": RefusalCode.UNKNOWN_KIND,
        "broken.zip": RefusalCode.CORRUPT_ARCHIVE,
        "deep.json": RefusalCode.TOO_DEEP,
        "ragged.csv": RefusalCode.RAGGED_ROW,
        "nul.txt": RefusalCode.BAD_TEXT,
        "sound.wav": RefusalCode.CORRUPT,
        "sound.mp3": RefusalCode.UNKNOWN_KIND,
        "film.avi": RefusalCode.UNKNOWN_KIND,
        "panel.vcf": RefusalCode.BAD_VCF,
        "panel.vcf.gz": RefusalCode.UNKNOWN_KIND,
        "image.dcm": None,
    }
    assert len(found.instances) == 1
    assert all(file.reason for file in found.files if file.verdict is not FileVerdict.USED)


@pytest.mark.parametrize("size", [1, 2, 7, 100, 10_000])
def test_random_bytes_never_raise(size: int) -> None:
    rng = np.random.default_rng(size)
    for start in (b"", b"PK\x03\x04", b'{"', b"[{", b"\xff\xfe", b"\x08\x00\x05\x00", b"a,value,"):
        assert len(case(RawFile("x", start + rng.bytes(size))).files) == 1


def test_no_files_are_an_empty_case() -> None:
    assert case().files == ()


def test_what_is_no_input_is_kept_aside_without_blame() -> None:
    found = case(
        RawFile("truth.json", b'{"patient": 3}'),
        RawFile("case/.DS_Store", b"\0\0\0\1Bud1"),
    )
    assert {file.verdict for file in found.files} == {FileVerdict.KEPT_ASIDE}
    assert all(file.reason and file.code is None for file in found.files)


@pytest.mark.parametrize("name", ["demo.yaml", "run.LOG", "settings.ini"])
def test_settings_and_programs_are_never_scored_as_a_note(name: str) -> None:
    found = case(NOTE, RawFile(name, b"title: a demonstration\nseed: 500\n"))
    assert [note.digest for note in found.notes] == [case(NOTE).notes[0].digest]
    assert {file.name: file.verdict for file in found.files}[name] is FileVerdict.KEPT_ASIDE


def test_the_same_file_twice_counts_once() -> None:
    found = case(NOTE, RawFile("copy.txt", NOTE.data))
    assert codes(found) == {"note.txt": None, "copy.txt": RefusalCode.DUPLICATE_FILE}
    assert found.digest == case(NOTE).digest


def test_two_images_can_not_share_one_identifier() -> None:
    twin = RawFile("twin.dcm", make_dicom(ramp()[::-1].copy()))
    found = case(IMAGE, twin)
    assert sorted(filter(None, codes(found).values())) == [RefusalCode.DUPLICATE_FILE]
    assert len(found.instances) == 1


def test_rows_that_were_not_used_are_said_by_line() -> None:
    found = case(RawFile("labs.csv", b"name,value,unit\nK,4.1,mmol/L\nHb,14,g/L\nCRP,3,\n"))
    (file,) = found.files
    assert file.verdict is FileVerdict.USED
    assert "line 3" in file.reason
    assert "line 4" in file.reason


def test_a_table_without_any_usable_row_asks_for_units() -> None:
    assert codes(case(RawFile("labs.csv", b"name,value,unit\nK,4.1,\n"))) == {
        "labs.csv": RefusalCode.ASK_UNIT
    }


# One patient


def test_the_files_of_another_patient_are_refused() -> None:
    other = RawFile("other.csv", b"mrn,name,value,unit\n00777,K,4.1,mmol/L\n")
    found = case(IMAGE, NOTE, other)
    assert codes(found) == {
        "image.dcm": None, "note.txt": None, "other.csv": RefusalCode.PATIENT_MISMATCH,
    }  # fmt: skip
    assert found.observations == ()
    assert not any("00777" in file.reason for file in found.files)


def test_a_nameless_file_beside_two_patients_belongs_to_nobody() -> None:
    other = RawFile("other.csv", b"mrn,name,value,unit\n00777,K,4.1,mmol/L\n")
    nameless = RawFile("nameless.txt", b"FINDINGS: clear.")
    assert codes(case(IMAGE, NOTE, other, nameless))["nameless.txt"] == RefusalCode.PATIENT_MISMATCH
    assert codes(case(IMAGE, NOTE, nameless))["nameless.txt"] is None


def test_nameless_files_are_pointed_out() -> None:
    found = case(IMAGE, RawFile("nameless.txt", b"FINDINGS: clear."))
    assert found.notices == (
        "1 of 2 files does not say whose it is; it was taken to belong to this patient.",
    )
    more = (RawFile(f"{n}.txt", f"FINDINGS: clear {n}.".encode()) for n in "ab")
    assert case(IMAGE, *more).notices == (
        "2 of 3 files do not say whose they are; they were taken to belong to this patient.",
    )


def test_observations_that_were_not_used_are_counted_in_words() -> None:
    head = b"mrn,name,value,unit\n00123,K,4.1,mmol/L\n"
    one = case(RawFile("labs.csv", head + b"00123,CRP,5,\n"))
    two = case(RawFile("labs.csv", head + b"00123,CRP,5,\n00123,CRP,6,\n"))
    assert one.notices == ("1 observation was not used; the files say why.",)
    assert two.notices == ("2 observations were not used; the files say why.",)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (Identity(frozenset({"1"})), Identity(frozenset({"2"})), False),
        (Identity(frozenset({"1"})), Identity(frozenset({"1", "2"})), True),
        (Identity(frozenset({"00123"})), Identity(frozenset({"123"})), False),
        (Identity(name="Doe^Jane"), Identity(name="Jane Doe"), True),
        (Identity(name="Doe^Jane^M"), Identity(name="Jane Mary Doe"), True),
        (Identity(name="Doe^Jane"), Identity(name="Doe^John"), False),
        (Identity(name="MÜLLER^Jörg"), Identity(name="Mu\u0308ller, Jo\u0308rg"), True),
        (Identity(name="Yamada^Tarou=山田^太郎"), Identity(name="山田 太郎"), True),
        (Identity(frozenset({"1"}), "Doe^Jane"), Identity(frozenset({"1"}), "Roe^Jane"), True),
        (Identity(frozenset({"1"}), "Doe^Jane"), Identity(frozenset({"1"}), "Poe^Ann"), False),
        (Identity(name="ANONYMOUS"), Identity(name="Doe^Jane"), True),
        (Identity(), Identity(name="Doe^Jane"), True),
    ],
)
def test_who_may_be_the_same_patient(a: Identity, b: Identity, *, same: bool) -> None:
    assert may_be_same(a, b) is same
    assert may_be_same(b, a) is same


def test_a_birth_date_decides_between_namesakes() -> None:
    first = RawFile("a.dcm", make_dicom(PatientID=None, PatientBirthDate="19700131"))
    second = RawFile("b.txt", b"Patient: Jane Doe\nDOB: 1980-01-31\nFINDINGS: clear.")
    assert codes(case(first, second)) == {"a.dcm": None, "b.txt": RefusalCode.PATIENT_MISMATCH}


# Order


def test_slices_are_ordered_along_the_body() -> None:
    files = [ct_slice(n, z=z) for n, z in ((1, 30.0), (2, 10.0), (3, 20.0))]
    found = case(*files)
    assert [instance.instance_number for instance in found.instances] == [2, 3, 1]


def test_without_positions_the_instance_number_orders() -> None:
    found = case(*(ct_slice(n) for n in (10, 9, 1)))
    assert [instance.instance_number for instance in found.instances] == [1, 9, 10]


def test_studies_are_newest_first_and_series_by_number() -> None:
    files = [
        ct_slice(1, StudyInstanceUID="1.1", StudyDate="20200101", SeriesInstanceUID="1.1.1"),
        ct_slice(2, StudyInstanceUID="1.2", StudyDate="20240101", SeriesInstanceUID="1.2.9",
                 SeriesNumber="2"),
        ct_slice(3, StudyInstanceUID="1.2", StudyDate="20240101", SeriesInstanceUID="1.2.1",
                 SeriesNumber="10"),
    ]  # fmt: skip
    found = case(*files)
    assert [study.study_uid for study in found.studies] == ["1.2", "1.1"]
    assert [series.series_uid for series in found.studies[0].series] == ["1.2.9", "1.2.1"]
    assert "The case holds more than one imaging study." in found.notices


# Paths


def test_folders_are_read_whole_and_in_order(tmp_path: Path) -> None:
    for name, file in (("b/image", IMAGE), ("a/note.txt", NOTE), ("c.csv", TABLE)):
        path = tmp_path / "case" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
    found = case_from_paths([tmp_path / "case"])
    names = [file.name for file in found.files]
    assert names == ["case/c.csv", "case/a/note.txt", "case/b/image"]
    assert found.digest == case(IMAGE, NOTE, TABLE).digest


def test_a_pipe_in_a_folder_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert codes(case_from_paths([tmp_path])).popitem()[1] == RefusalCode.BAD_ENTRY


def test_a_path_that_does_not_exist_is_a_wrong_call(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        case_from_paths([tmp_path / "nothing"])


def test_progress_counts_every_file() -> None:
    steps: list[tuple[int, int]] = []
    case_from_files([NOTE, TABLE, IMAGE], progress=lambda done, total: steps.append((done, total)))
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_a_name_is_shown_without_tricks() -> None:
    found = case(RawFile("photo\u202egpj\n.txt", NOTE.data))
    assert "\u202e" not in found.files[0].name
    assert "\n" not in found.files[0].name


def test_two_cases_of_which_no_file_could_be_used_are_still_two_cases() -> None:
    one, other = case(RawFile("a.pdf", b"%PDF-1")), case(RawFile("b.pdf", b"%PDF-2"))
    assert one.digest != other.digest
    assert case(RawFile("renamed.pdf", b"%PDF-1")).digest == one.digest


def test_files_that_were_never_read_tell_cases_apart_by_name(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "link").symlink_to(tmp_path)
    cases = [case_from_paths([tmp_path / name]) for name in ("one", "other")]
    assert cases[0].digest != cases[1].digest


def test_a_note_of_the_year_one_is_read_like_any_other() -> None:
    early = RawFile("early.txt", b"Date: 0001-01-01\nFINDINGS: clear.")
    late = RawFile("late.txt", b"Date: 2024-05-01\nFINDINGS: cough.")
    undated = RawFile("undated.txt", b"FINDINGS: fever.")
    for files in itertools.permutations((early, late, undated)):
        assert [note.title for note in case(*files).notes] == [
            "late.txt",
            "early.txt",
            "undated.txt",
        ]


def test_pixels_of_a_case_are_bounded_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmcore.intake.case_bounds.MAX_CASE_PIXEL_BYTES", 2 * 64 * 64 * 2)
    found = case(*(ct_slice(number) for number in range(4)))
    assert [file.verdict for file in found.files] == ["used", "used", "refused", "refused"]
    assert found.files[2].code == RefusalCode.PIXELS_TOO_LARGE


def test_texts_of_a_case_are_bounded_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmcore.intake.case_bounds.MAX_CASE_TEXT_BYTES", 15)
    found = case(*(RawFile(f"{i}.txt", f"note {i}".encode()) for i in range(3)), ct_slice(1))
    assert [file.code for file in found.files] == [None, None, RefusalCode.TOO_LARGE, None]


def test_very_many_values_of_one_time_are_told_apart_in_time() -> None:
    rows = "".join(f"CRP,{100 + i / 100:.2f},mg/L,2024-05-06 07:00\n" for i in range(20_000))
    with computed_within(10):
        found = case(RawFile("labs.csv", f"name,value,unit,time\n{rows}".encode()))
    # From 100 to 300 mg/L there are 219 steps of 0.5 percent; a step to either side of a value.
    assert 200 < len(found.observations) <= 240


def test_files_of_a_case_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmcore.intake.case_bounds.MAX_FILES", 2)
    found = case(*(RawFile(f"{i}.txt", f"note {i}".encode()) for i in range(3)))
    assert [file.code for file in found.files] == [None, None, RefusalCode.TOO_LARGE]


@pytest.mark.parametrize("error", [OSError(28, "/home/doe"), MemoryError()])
def test_a_server_without_room_costs_the_image_and_not_the_case(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("mmcore.intake.reading.decode_dicom", fail)
    found = case(IMAGE, NOTE)
    assert codes(found) == {"image.dcm": RefusalCode.DECODE_CRASHED, "note.txt": None}
    assert "doe" not in found.files[0].reason


@pytest.mark.parametrize("number", ["ANONYMOUS", "Unknown", "0", "000"])
def test_a_placeholder_is_no_record_number_that_two_patients_could_share(number: str) -> None:
    second = ramp()
    second[0, 0] = 9
    jane = RawFile("jane.dcm", make_dicom(PatientName="Doe^Jane", PatientID=number))
    zelda, nobody = (
        RawFile(name, make_dicom(second, PatientName=name, PatientID=number, SOPInstanceUID="9"))
        for name in ("Doe^Zelda", "ANONYMOUS")
    )
    assert RefusalCode.PATIENT_MISMATCH in codes(case(jane, zelda)).values()
    assert "1 of 2 files does not say whose it is" in case(jane, nobody).notices[0]
