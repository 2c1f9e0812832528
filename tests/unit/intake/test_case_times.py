"""A case of files with and without time zones: what is later than its film, what can be known."""

import json
from datetime import UTC, datetime

import pytest

from mmcore.intake import RawFile, case_from_files
from mmcore.records import Case, FileVerdict, Precision
from tests.unit.intake.make_dicom import Value, make_dicom

LATER = FileVerdict.KEPT_ASIDE
CHEST: dict[str, Value] = {
    "BodyPartExamined": "CHEST", "ViewPosition": "PA", "AcquisitionDate": "20240506",
    "AcquisitionTime": "120000",
}  # fmt: skip


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSILIUM_TIME_ZONE", "Europe/Berlin")


def film(**attributes: Value) -> RawFile:
    return RawFile("film.dcm", make_dicom(**(CHEST | attributes)))


def potassium(*times: str) -> RawFile:
    resources = [
        {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
            "subject": {"reference": "Patient/00123"},
            "effectiveDateTime": time,
            "valueQuantity": {"value": 4 + i / 10, "unit": "mmol/L"},
        }
        for i, time in enumerate(times)
    ]
    entries = [{"resource": resource} for resource in resources]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return RawFile("labs.json", json.dumps(bundle).encode())


def note(date: str) -> RawFile:
    return RawFile("note.txt", f"MRN: 00123\nDate: {date}\nFINDINGS: cough.".encode())


def values(case: Case) -> list[float]:
    return [observation.value for observation in case.observations]


def test_a_server_in_utc_beside_a_film_by_the_local_clock() -> None:
    # 12:00 in Berlin is 10:00 UTC: by their digits both values would be earlier than the film.
    case = case_from_files([film(), potassium("2024-05-06T09:59:00Z", "2024-05-06T10:01:00Z")])
    assert values(case) == [4.0]
    assert case.as_of == datetime(2024, 5, 6, 12)
    assert "Times without a time zone were taken as Europe/Berlin." in case.notices
    (found,) = case.observations
    assert found.time == datetime(2024, 5, 6, 9, 59, tzinfo=UTC)
    assert f"{found.time:%H:%M}" == "11:59"


def test_the_zone_of_a_film_is_read() -> None:
    there = film(TimezoneOffsetFromUTC="-0500")  # 17:00 UTC, 19:00 in Berlin
    case = case_from_files([there, potassium("2024-05-06T16:59:00Z", "2024-05-06T17:01:00Z")])
    assert values(case) == [4.0]
    assert case.as_of == datetime(2024, 5, 6, 17, tzinfo=UTC)
    assert f"{case.as_of:%H:%M}" == "19:00"
    assert not any("zone" in notice for notice in case.notices)


def test_a_zone_that_is_none_is_as_if_not_stated() -> None:
    case = case_from_files([film(TimezoneOffsetFromUTC="CEST"), potassium("2024-05-06T10:01:00Z")])
    assert case.observations == ()


def test_where_the_site_has_no_zone_the_doubt_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONSILIUM_TIME_ZONE")
    far = potassium("2024-05-01T10:00:00Z", "2024-05-12T10:00:00Z")
    clear = case_from_files([film(), far])
    assert values(clear) == [4.0]
    assert not any("machine's clock" in notice for notice in clear.notices)
    near = case_from_files([film(), potassium("2024-05-06T06:00:00Z", "2024-05-06T18:00:00Z")])
    assert any("not stated: 2. They were put in order" in notice for notice in near.notices)
    (reason,) = (file.reason for file in near.files if file.name == "labs.json")
    assert "by a time zone that is not stated: 2; UTC" in reason


def test_a_note_of_the_day_of_the_film_is_read_and_told_to_be_perhaps_later() -> None:
    case = case_from_files([film(), note("2024-05-06")])
    assert len(case.notes) == 1
    assert case.notes[0].precision is Precision.DAY
    (file,) = (file for file in case.files if file.name == "note.txt")
    assert file.verdict is FileVerdict.USED
    assert "because a clock time or a day is not stated, were read: 1" in file.reason
    assert any("may be later than the image (2024-05-06 12:00)" in told for told in case.notices)


@pytest.mark.parametrize("date", ["2024-05-06T11:59:00+02:00", "2024-05-06 11:59", "2024-05-05"])
def test_a_note_that_is_surely_earlier_is_read_without_a_word(date: str) -> None:
    case = case_from_files([film(), note(date)])
    assert len(case.notes) == 1
    assert all(file.reason == "" for file in case.files)


@pytest.mark.parametrize("date", ["2024-05-06T10:01:00Z", "2024-05-06 12:01", "2024-05-07"])
def test_a_note_that_is_surely_later_is_left_out(date: str) -> None:
    case = case_from_files([film(), note(date)])
    assert case.notes == ()
    assert {file.name: file.verdict for file in case.files}["note.txt"] is LATER


def test_a_month_or_a_year_is_all_of_it() -> None:
    times = ("2023", "2024", "2024-04", "2024-05", "2024-06", "2025")
    case = case_from_files([film(), potassium(*times)])
    assert sorted(values(case)) == [4.0, 4.1, 4.2, 4.3]
    assert any("were left out: 2" in notice for notice in case.notices)
    assert any("were read: 2" in notice for notice in case.notices)
    assert not any(observation.is_dated for observation in case.observations)


def test_a_file_whose_clocks_all_stand_at_midnight_states_days() -> None:
    dates = case_from_files([film(), potassium("2024-05-06T00:00:00Z", "2024-05-05T00:00:00Z")])
    assert {o.precision for o in dates.observations} == {Precision.DAY}
    assert [str(o.time) for o in dates.observations] == ["2024-05-05 00:00:00",
                                                         "2024-05-06 00:00:00"]  # fmt: skip
    assert any("were read: 1" in notice for notice in dates.notices)
    clocks = case_from_files([film(), potassium("2024-05-06T00:00:00Z", "2024-05-05T07:00:00Z")])
    assert {o.precision for o in clocks.observations} == {Precision.CLOCK}


def test_a_film_of_a_day_speaks_of_the_end_of_that_day() -> None:
    for clock in (None, "000000", "24"):
        case = case_from_files([film(AcquisitionTime=clock), potassium("2024-05-06T20:00:00Z")])
        assert case.as_of == datetime(2024, 5, 6, 23, 59, 59)
        assert len(case.observations) == 1
        assert any("were read: 1" in notice for notice in case.notices)


def test_one_value_by_two_clocks_is_counted_once() -> None:
    table = b"mrn,name,value,unit,time\n00123,Potassium,4.0,mmol/L,2024-05-06 09:00\n"
    files = [RawFile("labs.csv", table), potassium("2024-05-06T07:00:00Z")]
    case = case_from_files([film(), *files])
    assert len(case.observations) == 1
    assert case.contradictions == ()


def test_the_zone_that_had_to_be_assumed_makes_another_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mixed, told = [film(), potassium("2024-05-05T09:59:00Z")], film(TimezoneOffsetFromUTC="+0200")
    clear = [told, potassium("2024-05-05T09:59:00Z")]
    before = case_from_files(mixed).digest, case_from_files(clear).digest
    monkeypatch.setenv("CONSILIUM_TIME_ZONE", "Asia/Tokyo")
    after = case_from_files(mixed).digest, case_from_files(clear).digest
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_everything_can_be_put_in_order_though_only_some_of_it_has_a_zone() -> None:
    table = b"mrn,name,value,unit,time\n00123,Hb,13,g/dL,2024-05-06 08:00\n"
    plain = film(StudyDate="20240506", StudyTime="1100", StudyInstanceUID="1.9", SOPInstanceUID="8")
    zoned = film(TimezoneOffsetFromUTC="+0200", StudyDate="20240506", StudyTime="1130")
    files = [plain, zoned, RawFile("labs.csv", table), note("2024-05-06 07:00"),
             potassium("2024-05-06T05:00:00Z", "2024-05-06T05:30:00Z")]  # fmt: skip
    case = case_from_files(files)
    assert [study.study_uid for study in case.studies] == ["1.2.3", "1.9"]
    assert [o.value for o in case.observations if o.loinc == "2823-3"] == [4.0, 4.1]


def test_without_an_image_nothing_is_later_and_nothing_is_in_doubt() -> None:
    case = case_from_files([potassium("2024-05-06", "2024-05-05", "2024"), note("2024-05-06")])
    assert len(case.observations) == 3
    assert case.as_of == datetime(2024, 5, 6, 23, 59, 59)
    assert all(file.reason == "" for file in case.files)
    assert not any("later" in notice for notice in case.notices)
