"""Files of several patients that came in together: a case each, and nobody's by guess."""

import io
import itertools
import zipfile

from mmcore.errors import RefusalCode
from mmcore.intake import RawFile, case_from_files, cases_from_files
from mmcore.intake.several import SortedFiles
from mmcore.records import FileVerdict
from tests.unit.intake.make_dicom import Value, make_dicom, ramp


def film(name: str, number: str, *, grey: int = 0, **more: Value) -> RawFile:
    pixels = ramp()
    pixels[0, 0] = grey
    uid = {"SOPInstanceUID": f"1.2.{number}.{grey}", "StudyInstanceUID": f"1.3.{number}"}
    facts: dict[str, Value] = {"PatientID": number, "PatientName": name, **uid}
    return RawFile(f"{number}-{grey}.dcm", make_dicom(pixels, **(facts | more)))


def labs(number: str, value: float = 4.1) -> RawFile:
    text = f"mrn,name,value,unit\n{number},K,{value},mmol/L\n"
    return RawFile(f"labs-{number}.csv", text.encode())


def letter(text: str, name: str = "letter.txt") -> RawFile:
    return RawFile(name, text.encode())


DOE, ROE = film("Doe^Jane", "11"), film("Roe^Ann", "22", grey=1)
NAMELESS = letter("FINDINGS: clear.", "nameless.txt")


def told(found: SortedFiles) -> list[tuple[str | None, set[str]]]:
    return [
        (patient.case.patient.patient_id, {file.name for file in patient.files})
        for patient in found.patients
    ]


def zipped(*files: RawFile) -> RawFile:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for file in files:
            archive.writestr(file.name, file.data)
    return RawFile("all.zip", sink.getvalue())


def test_each_patient_gets_a_case_with_their_own_files_alone() -> None:
    found = cases_from_files([DOE, ROE, labs("22"), labs("11")])
    assert told(found) == [("11", {"11-0.dcm", "labs-11.csv"}), ("22", {"22-1.dcm", "labs-22.csv"})]
    assert found.nobodys == found.unread == ()
    for patient in found.patients:
        assert {file.verdict for file in patient.case.files} == {FileVerdict.USED}


def test_the_order_in_which_files_came_makes_no_other_cases() -> None:
    files = [DOE, ROE, labs("22"), letter("Patient: Jane Doe\nFINDINGS: clear.")]
    orders = [cases_from_files(order) for order in itertools.permutations(files)]
    assert len({frozenset(p.case.digest for p in found.patients) for found in orders}) == 1


def test_a_case_is_the_same_when_its_files_are_read_again() -> None:
    for patient in cases_from_files([zipped(DOE, ROE, labs("22"), labs("11"))]).patients:
        assert case_from_files(patient.files).digest == patient.case.digest


def test_files_are_taken_out_of_an_archive_so_that_no_case_holds_another_s() -> None:
    found = cases_from_files([zipped(DOE, ROE)])
    assert told(found) == [("11", {"all.zip/11-0.dcm"}), ("22", {"all.zip/22-1.dcm"})]
    assert [p.files[0].data for p in found.patients] == [DOE.data, ROE.data]
    assert found.unread == (), "an archive that was opened is nothing that is missing"


def test_what_names_nobody_is_nobody_s() -> None:
    found = cases_from_files([DOE, ROE, NAMELESS])
    assert [(one.source.name, one.file) for one in found.nobodys] == [("nameless.txt", NAMELESS)]
    assert all("nameless.txt" not in names for _, names in told(found))


def test_what_fits_two_patients_is_nobody_s() -> None:
    namesake = film("Doe^Jane", "33", grey=2)
    bare = letter("Patient: Jane Doe\nFINDINGS: clear.")
    for order in itertools.permutations([DOE, namesake, bare]):
        found = cases_from_files(order)
        assert [one.source.name for one in found.nobodys] == ["letter.txt"]
        assert len(found.patients) == 2
        codes = {file.name: file.code for file in case_from_files(order).files}
        assert codes["letter.txt"] == RefusalCode.PATIENT_MISMATCH


def test_a_record_number_decides_between_namesakes() -> None:
    found = cases_from_files([DOE, film("Doe^Jane", "33", grey=2), labs("33")])
    assert told(found)[1] == ("33", {"33-2.dcm", "labs-33.csv"})
    assert found.nobodys == ()


def test_a_date_of_birth_tells_namesakes_apart() -> None:
    one, other = (
        film("Doe^Jane", "", grey=grey, PatientBirthDate=born)
        for grey, born in ((1, "19500101"), (2, "19800101"))
    )
    assert len(cases_from_files([one, other]).patients) == 2


def test_images_of_a_series_that_names_nobody_stay_together() -> None:
    shared: dict[str, Value] = {"PatientName": "", "SeriesInstanceUID": "1.9"}
    slices = [film("", "", grey=grey, **shared) for grey in (5, 6)]
    found = cases_from_files([DOE, ROE, *slices])
    assert [one.series for one in found.nobodys] == ["1.9", "1.9"]


def test_what_can_not_be_read_is_told_with_its_reason_and_is_in_no_case() -> None:
    found = cases_from_files([DOE, RawFile("cut.dcm", DOE.data[:300]), ROE, labs("11"), labs("11")])
    reasons = {one.source.name: one.source.code for one in found.unread}
    assert reasons == {
        "cut.dcm": RefusalCode.CORRUPT,
        "labs-11.csv": RefusalCode.DUPLICATE_FILE,
    }
    assert told(found)[0] == ("11", {"11-0.dcm", "labs-11.csv"})


def test_the_files_of_one_patient_are_the_case_they_always_were() -> None:
    files = [DOE, labs("11"), NAMELESS, RawFile("empty.dcm", b"")]
    (only,) = cases_from_files(files).patients
    assert only.case.digest == case_from_files(files).digest
    assert only.files == tuple(files)
    assert len(only.case.files) == 4


def test_files_that_name_nobody_at_all_are_one_case() -> None:
    (only,) = cases_from_files([NAMELESS]).patients
    assert only.case.notes


def test_a_file_that_was_taken_to_belong_to_the_patient_is_marked() -> None:
    (only,) = cases_from_files([DOE, NAMELESS]).patients
    marked = {file.name: file.is_nameless for file in only.case.files}
    assert marked == {"11-0.dcm": False, "nameless.txt": True}
