"""A correction in a file of its own replaces what another file holds, whatever their order."""

import itertools
import json
from typing import Any

import pytest

from mmcore.intake import RawFile, case_from_files
from mmcore.records import Case, FileVerdict
from tests.unit.intake.test_observations_fhir import bundle, observation, patient, quantity
from tests.unit.intake.test_observations_hl7 import message, obx

TIME = "2024-05-06T07:08:09+02:00"
K = "2823-3"


def fhir(value: float, *, name: str = "a.json", time: str = TIME, **more: str) -> RawFile:
    found = observation(K, quantity(value, "mmol/L"), effectiveDateTime=time, **more)
    return RawFile(name, json.dumps(bundle(patient(), found)).encode())


def hl7(*segments: str, name: str = "a.hl7") -> RawFile:
    return RawFile(name, message(*segments).encode())


def values(case: Case) -> list[float]:
    return sorted(found.value for found in case.observations)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (hl7(obx("4.1")), hl7(obx("5.1", status="C"), name="b.hl7")),
        (fhir(4.1), fhir(5.1, name="b.json", status="corrected")),
        (hl7(obx("4.1")), fhir(5.1, name="b.json", status="amended")),
        (fhir(4.1, time="2024-05-06T05:08:09Z"), hl7(obx("5.1", status="C"), name="b.hl7")),
    ],
    ids=["hl7", "fhir", "hl7 by fhir", "fhir by hl7"],
)
def test_a_correction_replaces_what_another_file_holds(first: RawFile, second: RawFile) -> None:
    for order in itertools.permutations((first, second)):
        case = case_from_files(list(order))
        assert values(case) == [5.1]
        assert case.contradictions == ()
        verdicts = {file.name: file.verdict for file in case.files}
        assert verdicts[first.name] is FileVerdict.KEPT_ASIDE
        assert verdicts[second.name] is FileVerdict.USED


@pytest.mark.parametrize(
    "taken_back",
    [hl7(obx("4.1", status="W"), obx("13", loinc="718-7^Hb^LN", unit="g/dL"), name="b.hl7"),
     RawFile("b.json", json.dumps(bundle(
         patient(), observation(K, quantity(4.1, "mmol/L"), effectiveDateTime=TIME,
                                status="entered-in-error"),
         observation("718-7", quantity(13, "g/dL")))).encode())],
    ids=["hl7", "fhir"],
)  # fmt: skip
def test_what_another_file_takes_back_is_gone(taken_back: RawFile) -> None:
    case = case_from_files([hl7(obx("4.1")), taken_back])
    assert [found.loinc for found in case.observations] == ["718-7"]


def test_what_is_of_another_time_or_test_stays() -> None:
    first = hl7(obx("4.1", when="202405060600+0200"), obx("13", loinc="718-7^Hb^LN", unit="g/dL"))
    case = case_from_files([first, hl7(obx("5.1", status="C"), name="b.hl7")])
    assert values(case) == [4.1, 5.1, 13]


def test_two_corrections_that_differ_are_told() -> None:
    files = [hl7(obx("5.1", status="C")), hl7(obx("4.1", status="C"), name="b.hl7")]
    case = case_from_files(files)
    assert values(case) == [4.1, 5.1]
    assert [str(one.kind) for one in case.contradictions] == ["value"]


def test_a_file_of_which_a_part_is_replaced_says_so() -> None:
    first = hl7(obx("4.1"), obx("13", loinc="718-7^Hb^LN", unit="g/dL"))
    case = case_from_files([first, hl7(obx("5.1", status="C"), name="b.hl7")])
    reason = next(file.reason for file in case.files if file.name == "a.hl7")
    assert reason == "1 results were replaced or taken back by another file"


@pytest.mark.parametrize(
    "junk",
    [{"code": "x"}, {"effectivePeriod": 5, "effectiveDateTime": ...}, {"component": 5},
     {"component": ["x"]}],
)  # fmt: skip
def test_a_withdrawal_that_is_not_valid_harms_nothing(junk: dict[str, Any]) -> None:
    gone = {**observation(K, effectiveDateTime=TIME, status="entered-in-error"), **junk}
    gone = {key: value for key, value in gone.items() if value is not ...}
    other = observation("718-7", quantity(13, "g/dL"))
    data = json.dumps(bundle(patient(), gone, other)).encode()
    assert values(case_from_files([RawFile("b.json", data)])) == [13]
