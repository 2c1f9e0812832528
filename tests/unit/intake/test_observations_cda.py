"""Coded results in CDA: values, units, times and ranges as entries state them, and what is none."""

from datetime import UTC, datetime

import pytest

from mmcore.errors import RefusalCode
from mmcore.intake import RawFile, case_from_files
from mmcore.records import Case, FileVerdict, Observation
from tests.unit.intake.make_documents import make_cda, section, structured

LOINC = 'codeSystem="2.16.840.1.113883.6.1"'
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
VALUE = f'<value {XSI} xsi:type="PQ" value="4.1" unit="mmol/L"/>'


def entry(
    value: str = VALUE, *, code: str = f'<code code="2823-3" {LOINC}/>', status: str = "completed",
    time: str = '<effectiveTime value="20240506070809+0200"/>', more: str = "",
    attributes: str = 'classCode="OBS" moodCode="EVN"',
) -> str:  # fmt: skip
    return (
        f'<observation {attributes}>{code}<statusCode code="{status}"/>{time}{value}{more}'
        "</observation>"
    )


def organizer(*entries: str, time: str = "") -> str:
    components = "".join(f"<component>{one}</component>" for one in entries)
    return (
        '<entry><organizer classCode="BATTERY" moodCode="EVN">'
        f'<statusCode code="completed"/>{time}{components}</organizer></entry>'
    )


def case(*entries: str) -> Case:
    inside = organizer(*entries) if not entries[0].startswith("<entry") else "".join(entries)
    body = structured(section("Results", "see table", loinc="30954-2", inside=inside))
    return case_from_files([RawFile("summary.xml", make_cda(body))])


def only(found: Case) -> Observation:
    (observation,) = found.observations
    return observation


def test_a_result_keeps_value_unit_time_and_range() -> None:
    reference = (
        f"<referenceRange><observationRange><value {XSI} xsi:type='IVL_PQ'>"
        "<low value='3.5' unit='mmol/L'/><high value='5.1' unit='mmol/L'/>"
        "</value></observationRange></referenceRange>"
    )
    found = case(entry(more=reference))
    observation = only(found)
    assert (observation.loinc, observation.value, observation.unit) == ("2823-3", 4.1, "mmol/L")
    assert observation.time == datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)
    assert (observation.reference_low, observation.reference_high) == (3.5, 5.1)
    assert [note.text for note in found.notes] == ["Results:\nsee table"]
    assert found.patient.patient_id == "00123"
    assert [(f.kind, f.verdict) for f in found.files] == [("observations", FileVerdict.USED)]


def test_units_are_converted_as_everywhere() -> None:
    found = case(entry(VALUE.replace("4.1", "130").replace("mmol/L", "g/L"),
                       code=f'<code code="718-7" {LOINC}/>'))  # fmt: skip
    assert (only(found).value, only(found).unit) == (13.0, "g/dL")


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ("<low value='3' unit='mmol/L'/>", (">", 3.0)),
        ("<high value='3' unit='mmol/L'/>", ("<", 3.0)),
    ],
)
def test_an_open_interval_is_a_bound(ends: str, expected: tuple[str, float]) -> None:
    observation = only(case(entry(f"<value {XSI} xsi:type='IVL_PQ'>{ends}</value>")))
    assert (observation.comparator, observation.value) == expected


def test_a_translation_may_hold_the_loinc() -> None:
    code = f'<code code="K" codeSystem="1.2"><translation code="2823-3" {LOINC}/></code>'
    assert only(case(entry(code=code))).loinc == "2823-3"


def test_what_an_entry_lacks_is_as_of_its_organizer() -> None:
    time = "<effectiveTime><low value='20240505'/><high value='202405060700'/></effectiveTime>"
    found = case(organizer(entry(time=""), time=time))
    assert only(found).time == datetime(2024, 5, 6, 7)


def test_results_within_results_are_read_apart() -> None:
    inner = entry(VALUE.replace("4.1", "4.4"), time="<effectiveTime value='20240507'/>")
    nested = f"<entryRelationship typeCode='COMP'>{inner}</entryRelationship>"
    assert sorted(o.value for o in case(entry(more=nested)).observations) == [4.1, 4.4]


@pytest.mark.parametrize(
    "attributes",
    ['classCode="OBS" moodCode="GOL"', 'classCode="OBS" moodCode="RQO"',
     'classCode="OBS" moodCode="EVN" negationInd="true"'],
)  # fmt: skip
def test_what_was_planned_or_denied_is_no_result(attributes: str) -> None:
    assert case(entry(attributes=attributes)).observations == ()


@pytest.mark.parametrize(
    ("status", "words"),
    [("active", "preliminary"), ("aborted", "withdrawn"), ("held", "not there yet"),
     ("", "do not say whether they are final")],
)  # fmt: skip
def test_what_is_not_final_is_named(status: str, words: str) -> None:
    found = case(entry(status=status))
    assert found.observations == ()
    assert any(words in notice for notice in found.notices)
    assert len(found.notes) == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (f'<value {XSI} xsi:type="PQ" nullFlavor="UNK"/>', "no value with a unit"),
        (f'<value {XSI} xsi:type="PQ" value="4.1"/>', "was expected"),
        (f'<value {XSI} xsi:type="PQ" value="4.1" unit="furlong"/>', "was expected"),
        (f'<value {XSI} xsi:type="PQ" value="1e400" unit="mmol/L"/>', "not one number"),
        (f'<value {XSI} xsi:type="IVL_PQ"><low value="1"/><high value="2"/></value>',
         "not one number"),
    ],
)  # fmt: skip
def test_what_is_not_certain_is_asked(value: str, words: str) -> None:
    found = case(entry(value))
    assert found.observations == ()
    assert words in found.files[0].reason


def test_results_in_words_and_of_other_kinds_are_left_to_the_text() -> None:
    words = f'<value {XSI} xsi:type="ST">positive</value>'
    other = entry(code=f'<code code="99999-9" {LOINC}/>')
    found = case(entry(words), other)
    assert (found.observations, found.files[0].kind) == ((), "note")


def test_too_many_results_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmcore.intake.documents import cda_results

    monkeypatch.setattr(cda_results, "MAX_RESULTS", 2)
    from mmcore.errors import FileRefusedError
    from mmcore.intake.documents.cda import read_cda

    inside = organizer(entry(), entry(), entry())
    body = structured(section("Results", "x", inside=inside))
    with pytest.raises(FileRefusedError) as caught:
        read_cda(make_cda(body))
    assert caught.value.code == RefusalCode.TOO_MANY_ELEMENTS
