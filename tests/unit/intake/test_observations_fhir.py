"""FHIR R4 bundles: strict JSON first, then the models, then units; nothing is fetched."""

import contextlib
import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.fhir_bundle import read_json
from mmcore.intake.observations_fhir import read_fhir
from mmcore.intake.parts import ObservationsPart
from mmcore.intake.strict_json import parse_json
from tests.clocks import computed_within

UCUM = "http://unitsofmeasure.org"


def code(loinc: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://loinc.org", "code": loinc}]}


def quantity(value: float, unit: str, **more: Any) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit, **more}


def observation(loinc: str = "1988-5", value: Any = None, **more: Any) -> dict[str, Any]:
    found = {
        "resourceType": "Observation",
        "status": "final",
        "code": code(loinc),
        "subject": {"reference": "Patient/p"},
        "valueQuantity": quantity(5.5, "mg/L") if value is None else value,
        **more,
    }
    return {key: value for key, value in found.items() if value is not ...}


def patient(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"value": "00123"}, {"value": "A-9"}],
        "name": [{"family": "Doe", "given": ["Jane"]}],
        "birthDate": "1970-01-31",
        "gender": "female",
        **more,
    }


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def read(*resources: dict[str, Any]) -> ObservationsPart:
    document, _ = read_json(json.dumps(bundle(*resources)).encode())
    return read_fhir(document, digest="d")


def refusal(*resources: dict[str, Any]) -> FileRefusedError:
    with pytest.raises(FileRefusedError) as caught:
        read(*resources)
    assert "Doe" not in caught.value.detail
    return caught.value


def test_an_observation_keeps_value_unit_time_and_range() -> None:
    reference = {"low": {"value": 0, "unit": "mg/L"}, "high": {"value": 5, "unit": "mg/L"}}
    part = read(
        patient(),
        observation(effectiveDateTime="2024-05-06T07:08:09+02:00", referenceRange=[reference]),
    )
    (found,) = part.observations
    assert (found.loinc, found.value, found.unit) == ("1988-5", 5.5, "mg/L")
    assert found.time == datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)
    assert (found.reference_low, found.reference_high) == (0.0, 5.0)
    assert part.patient.patient_id == "00123"
    assert part.identity.patient_ids == {"00123", "A-9"}
    assert part.patient.sex == "F"


def test_a_range_in_another_unit_than_the_value_is_dropped() -> None:
    reference = {"high": {"value": 0.5, "unit": "mg/dL"}}
    (found,) = read(patient(), observation(referenceRange=[reference])).observations
    assert found.reference_high is None


def test_values_are_converted() -> None:
    (found,) = read(patient(), observation("718-7", quantity(140, "g/L"))).observations
    assert found.value == pytest.approx(14.0)
    assert found.given == "140 g/L"


def test_comparators_are_kept() -> None:
    value = quantity(0.6, "mg/L", comparator="<")
    (found,) = read(patient(), observation(value=value)).observations
    assert found.comparator == "<"


def test_a_blood_pressure_panel_is_read_by_component() -> None:
    panel = observation(
        "85354-9",
        ...,
        component=[
            {"code": code("8480-6"), "valueQuantity": quantity(120, "mm[Hg]")},
            {"code": code("8462-4"), "valueQuantity": quantity(80, "mm[Hg]")},
        ],
    )
    (found,) = read(patient(), panel).observations
    assert (found.loinc, found.value) == ("8480-6", 120.0)


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (observation(value={"value": 5}), "has no unit"),
        (observation(value=quantity(5, "mmol/L")), "the unit mmol/L"),
        (observation(value={**quantity(5, "mg/L"), "unit": "mg/dL"}), "one unit in words"),
        (observation("2823-3", quantity(41, "mmol/L")), "outside"),
        (observation(value=...), "no value"),
        (observation(value={"value": "high"}), "not valid FHIR R4"),
        (observation(status=...), "not valid FHIR R4"),
    ],
    ids=["no unit", "wrong unit", "two units", "implausible", "no value", "text", "no status"],
)
def test_what_is_not_certain_is_asked_by_entry(resource: dict[str, Any], words: str) -> None:
    part = read(patient(), resource)
    assert part.observations == ()
    (question,) = part.questions
    assert question.startswith("entry 2: ")
    assert words in question


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_what_is_no_result_is_not_used(status: str) -> None:
    assert read(patient(), observation(status=status)).observations == ()


def test_other_resources_are_kept_aside_and_counted() -> None:
    part = read(patient(), observation("99999-9"), {"resourceType": "Encounter"})
    assert part.notices == ("1 observations of other kinds and 1 other resources were kept aside.",)


def test_a_single_observation_is_read_and_names_its_subject() -> None:
    part = read_fhir(observation(), digest="d")
    assert len(part.observations) == 1
    assert part.identity.patient_ids == {"p"}


def test_script_in_narrative_and_circular_content_are_ignored() -> None:
    hostile = observation(
        text={"status": "generated", "div": "<div><script>alert(1)</script></div>"},
        contained=[observation(contained=[])],
    )
    assert len(read(patient(), hostile).observations) == 1


def test_references_are_never_fetched() -> None:
    outside = observation(subject={"reference": "http://127.0.0.1:8777/Patient/q"})
    error = refusal(patient(), outside)
    assert (error.code, error.attribute) == (RefusalCode.BAD_REFERENCE, "subject")


def test_two_patients_in_a_bundle_are_refused() -> None:
    assert refusal(patient(), patient(id="q")).code == RefusalCode.PATIENT_MISMATCH
    other = observation(subject={"reference": "Patient/q"})
    assert refusal(observation(), other).code == RefusalCode.PATIENT_MISMATCH


@pytest.mark.parametrize(
    "resource",
    [patient(birthDate="soon"), patient(name="Doe"), {"id": "x"}, patient(identifier=[3])],
    ids=["date", "name", "no type", "identifier"],
)
def test_a_broken_resource_is_refused_by_its_path(resource: dict[str, Any]) -> None:
    assert refusal(resource).code == RefusalCode.BAD_FHIR


@pytest.mark.parametrize("entry", [{"resource": 3}, 3, None, []])
def test_an_entry_without_resource_is_refused(entry: Any) -> None:
    with pytest.raises(FileRefusedError) as caught:
        read_fhir({"resourceType": "Bundle", "entry": [entry]}, digest="d")
    assert caught.value.code == RefusalCode.BAD_FHIR


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "a": 2}', RefusalCode.DUPLICATE_KEY),
        ('{"a": NaN}', RefusalCode.NON_FINITE),
        ('{"a": -Infinity}', RefusalCode.NON_FINITE),
        ('{"a": 1e400}', RefusalCode.NON_FINITE),
        ('{"a": ' + "9" * 5000 + "}", RefusalCode.BAD_NUMBER),
        ("[" * 100_000, RefusalCode.TOO_DEEP),
        ('{"a":' * 100_000, RefusalCode.TOO_DEEP),
        ('{"a": "\\ud800"}', RefusalCode.BAD_TEXT),
        ('{"a": "x\\u0000y"}', RefusalCode.BAD_TEXT),
        ('{"a": ', RefusalCode.BAD_TEXT),
        ('{"a": 1} trailing', RefusalCode.BAD_TEXT),
    ],
    ids=["duplicate", "NaN", "infinity", "1e400", "5,000 digits", "deep list", "deep object",
         "surrogate", "NUL", "cut off", "trailing"],
)  # fmt: skip
def test_json_with_more_than_one_meaning_is_refused(text: str, expected: RefusalCode) -> None:
    with computed_within(1), pytest.raises(FileRefusedError) as caught:
        parse_json(text)
    assert caught.value.code == expected


def test_brackets_in_strings_are_not_nesting() -> None:
    assert parse_json(json.dumps({"a": "[" * 1000 + '\\"{'})) == {"a": "[" * 1000 + '\\"{'}


def test_emoji_in_escapes_are_whole_characters() -> None:
    assert parse_json('{"a": "\\ud83d\\ude42"}') == {"a": "🙂"}


@pytest.mark.parametrize("text", ['"' + "a" * 5_000_000 + '"', '"' + '\\"' * 2_500_000])
def test_long_strings_closed_or_not_cost_neither_memory_nor_time(text: str) -> None:
    tracemalloc.start()
    with computed_within(5), contextlib.suppress(FileRefusedError):
        parse_json(f'{{"a": {text}')
    assert tracemalloc.get_traced_memory()[1] < 60e6
    tracemalloc.stop()


def test_a_large_document_is_refused_unparsed() -> None:
    with computed_within(1), pytest.raises(FileRefusedError) as caught:
        read_json(b'{"a": "' + b"x" * (50 * 2**20) + b'"}')
    assert caught.value.code == RefusalCode.TOO_LARGE


def test_two_patients_without_an_id_are_two_patients() -> None:
    first, second = patient(id=...), patient(id=..., identifier=[{"value": "777"}])
    people = [{k: v for k, v in p.items() if v is not ...} for p in (first, second)]
    found = refusal(*people, observation(subject=...))
    assert found.code == RefusalCode.PATIENT_MISMATCH


def test_a_subject_named_by_the_record_number_of_somebody_else_is_refused() -> None:
    stranger = observation(subject={"identifier": {"value": "777"}})
    assert refusal(patient(), stranger).code == RefusalCode.PATIENT_MISMATCH
    own = observation(subject={"identifier": {"value": "A-9"}})
    assert len(read(patient(), own).observations) == 1


def test_subjects_named_by_record_number_alone_say_whose_the_file_is() -> None:
    one = observation(subject={"identifier": {"value": "00123"}})
    other = observation(subject={"identifier": {"value": "777"}})
    assert read(one).identity.patient_ids == {"00123"}
    assert refusal(one, other).code == RefusalCode.PATIENT_MISMATCH


@pytest.mark.parametrize("identifier", [1, "x", [1], [{"value": 1}]])
def test_an_identifier_of_another_shape_is_bad_fhir(identifier: Any) -> None:
    assert refusal(patient(identifier=identifier), observation()).code == RefusalCode.BAD_FHIR


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ({"family": "Phantom", "given": ["000000"]}, "Phantom, 000000"),
        ({"text": "Dr Jane Doe", "family": "Doe", "given": ["Jane", "Mary"]}, "Doe, Jane Mary"),
        ({"family": "Doe"}, "Doe"),
        ({"given": ["Jane"]}, "Jane"),
        ({"text": "Jane Doe"}, "Jane Doe"),
        ({"use": "official"}, None),
    ],
)
def test_a_name_reads_as_that_of_an_image_does(name: dict[str, Any], shown: str | None) -> None:
    part = read(patient(name=[name]), observation())
    assert part.patient.name == part.identity.name == shown
