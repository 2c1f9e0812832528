"""Statuses and versions in FHIR: what is final, what may change, and what a correction replaces."""

from typing import Any

import pytest

from mmcore.intake.parts import ObservationsPart
from mmcore.intake.result_status import Standing, of_fhir, of_hl7
from tests.unit.intake.test_fhir_documents import NOTE, attached, document, report
from tests.unit.intake.test_observations_fhir import observation, patient, quantity, read

TIME = "2024-05-06T07:08:09+02:00"


def crp(value: float, **more: Any) -> dict[str, Any]:
    return observation(value=quantity(value, "mg/L"), effectiveDateTime=TIME, **more)


def values(part: ObservationsPart) -> list[float]:
    return [found.value for found in part.observations]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("preliminary", "1 preliminary results that may still change"),
        ("registered", "1 results that are not there yet"),
        ("cancelled", "1 results that were withdrawn or are wrong"),
        ("entered-in-error", "1 results that were withdrawn or are wrong"),
        ("unknown", "1 results that do not say whether they are final"),
    ],
)
def test_what_is_not_final_is_named_and_not_read(status: str, words: str) -> None:
    part = read(patient(), crp(5, status=status))
    assert (part.observations, part.aside) == ((), words)
    assert part.notices == (f"{words} were kept aside.",)


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_what_is_final_or_corrected_is_read(status: str) -> None:
    assert values(read(patient(), crp(5, status=status))) == [5]


def test_both_standards_say_the_same_of_the_same() -> None:
    same = {"F": "final", "C": "corrected", "P": "preliminary", "S": "partial", "I": "registered",
            "X": "cancelled", "W": "entered-in-error", "?": "unknown"}  # fmt: skip
    assert all(of_hl7(code) is of_fhir(status) for code, status in same.items())
    assert of_fhir(["final"]) is of_fhir(None) is Standing.UNKNOWN


def test_of_several_versions_the_last_counts() -> None:
    first = crp(5, id="a", meta={"versionId": "9"})
    second = crp(50, id="a", status="corrected", meta={"versionId": "10"})
    for order in ((first, second), (second, first)):
        part = read(patient(), *order)
        assert values(part) == [50]
        assert part.aside == "1 results of which a later version is there"


def test_the_later_version_is_told_by_its_instant_and_not_by_its_digits() -> None:
    early = crp(5, id="a", meta={"lastUpdated": "2024-05-06T12:00:00+05:00"})
    late = crp(50, id="a", meta={"lastUpdated": "2024-05-06T11:00:00Z"})
    assert values(read(patient(), early, late)) == values(read(patient(), late, early)) == [50]


def test_what_was_entered_in_error_takes_its_result_along() -> None:
    gone = crp(5, id="a", status="entered-in-error")
    assert values(read(patient(), crp(5, id="a"), gone, crp(6, id="b"))) == [6]


def test_a_correction_with_a_number_of_its_own_replaces_what_it_corrects() -> None:
    assert values(read(patient(), crp(5, id="a"), crp(50, id="b", status="corrected"))) == [50]
    other = observation("2823-3", quantity(4.1, "mmol/L"), id="c", effectiveDateTime=TIME)
    part = read(patient(), crp(5, id="a"), other, crp(50, id="b", status="amended"))
    assert values(part) == [4.1, 50]


def test_a_correction_leaves_what_is_of_another_time_or_specimen() -> None:
    venous, arterial = ({"reference": f"Specimen/{name}"} for name in ("v", "a"))
    part = read(
        patient(), crp(5, specimen=venous), crp(6, specimen=arterial),
        crp(50, specimen=venous, status="corrected"),
        {**crp(7), "effectiveDateTime": "2024-05-05T07:00:00Z"},
    )  # fmt: skip
    assert values(part) == [6, 50, 7]


def test_results_of_one_order_that_share_its_number_are_all_read() -> None:
    number = [{"system": "urn:order", "value": "77"}]
    other = observation("2823-3", quantity(4.1, "mmol/L"), identifier=number)
    assert len(read(patient(), crp(5, identifier=number), other).observations) == 2
    newer = crp(50, identifier=number, meta={"lastUpdated": "2024-05-06T09:00:00Z"})
    assert values(read(patient(), crp(5, identifier=number), newer)) == [50]


def test_of_a_period_the_end_counts_when_all_was_collected() -> None:
    times = {"start": "2024-05-05T08:00:00Z", "end": "2024-05-06T08:00:00Z"}
    (found,) = read(patient(), observation(effectivePeriod=times)).observations
    assert str(found.time) == "2024-05-06 08:00:00+00:00"


def test_what_says_only_when_it_was_issued_is_as_late_as_that() -> None:
    (found,) = read(patient(), observation(issued="2024-05-06T14:00:00Z")).observations
    assert str(found.time) == "2024-05-06 14:00:00+00:00"


@pytest.mark.parametrize(
    "resource",
    [document(attached(NOTE), docStatus="preliminary"),
     report(presentedForm=[attached(NOTE)], status="preliminary"),
     report(presentedForm=[attached(NOTE)], status="partial")],
)  # fmt: skip
def test_a_preliminary_document_is_named_and_not_read(resource: dict[str, Any]) -> None:
    part = read(patient(), resource)
    assert part.notes == ()
    assert part.aside == "1 preliminary documents that may still change"


def test_a_document_that_replaces_another_is_read_alone() -> None:
    old = document(attached(b"FINDINGS: left."), id="old")
    for code in ("replaces", {"coding": [{"code": "replaces"}]}):
        relation = [{"code": code, "target": {"reference": "DocumentReference/old"}}]
        new = document(attached(b"FINDINGS: right."), id="new", relatesTo=relation)
        assert [note.text for note in read(patient(), old, new).notes] == ["FINDINGS: right."]


def test_the_report_of_a_film_is_as_late_as_it_was_issued() -> None:
    told = report(presentedForm=[attached(NOTE)], effectiveDateTime="2024-05-06T10:00:00Z",
                  issued="2024-05-06T14:00:00Z")  # fmt: skip
    (note,) = read(patient(), told).notes
    assert str(note.authored_at) == "2024-05-06 14:00:00+00:00"


@pytest.mark.parametrize(
    "junk",
    [{"meta": {"versionId": ["1"]}}, {"meta": 5}, {"identifier": "x"}, {"identifier": [5]},
     {"id": 7}],
)  # fmt: skip
def test_what_is_no_version_does_no_harm(junk: dict[str, Any]) -> None:
    part = read(patient(), crp(5, **junk), crp(6))
    assert 6 in values(part)
