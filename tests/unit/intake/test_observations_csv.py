"""Tables: typed values with units, or a question by line; never a guess."""

from datetime import date, datetime

import pytest

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.observations_csv import looks_like_table, read_table
from mmcore.intake.parts import ObservationsPart
from mmcore.intake.units import normalise_unit, parse_quantity, quotable_unit, to_canonical
from mmcore.loinc import OBSERVATION_TYPES
from tests.clocks import computed_within


def table(text: str) -> ObservationsPart:
    return read_table(text.encode(), digest="d")


def row(line: str) -> ObservationsPart:
    return table(f"name,value,unit\n{line}\n")


def test_a_row_becomes_an_observation() -> None:
    part = table(
        "loinc,value,unit,time,reference_low,reference_high\n"
        "2823-3,4.1,mmol/L,2024-01-31T08:15,3.5,5.1\n"
    )
    (observation,) = part.observations
    assert (observation.loinc, observation.value, observation.unit) == ("2823-3", 4.1, "mmol/L")
    assert observation.time == datetime(2024, 1, 31, 8, 15)
    assert (observation.reference_low, observation.reference_high) == (3.5, 5.1)
    assert observation.given == "4.1 mmol/L"
    assert part.questions == ()


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("CRP,1.2,mg/dL", 12.0),  # 1 mg/dL is 10 mg/L
        ("Hemoglobin,140,g/L", 14.0),
        ("temp,100.4,F", 38.0),
        ("creatinine,88.42,umol/L", 1.0),
        ("WBC,7500,/uL", 7.5),
        ("WBC,7.5,10^9/L", 7.5),
        ("spo2,97,%", 97.0),
        ("hr,80,bpm", 80.0),
        ("sbp,120,mmHg", 120.0),
    ],
)
def test_units_are_converted_by_the_table(line: str, value: float) -> None:
    (observation,) = row(line).observations
    assert observation.value == pytest.approx(value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("K,4.1,", "has no unit"),
        ("CRP,5.4,mmol/L", "the unit mmol/L"),
        ("CRP,5.4,furlong", "an unknown unit"),
        ("CRP,5.4 mmol/L,mg/dL", "one unit in its value and another"),
        ("Hb,14,g/L", "outside"),
        ("K,41,mmol/L", "outside"),
        ("K,4..1,mmol/L", "not one number"),
        ("K,nan,mmol/L", "not one number"),
        ("K,1e400,mmol/L", "not one number"),
        ("K,,mmol/L", "not one number"),
    ],
)
def test_what_is_not_certain_is_asked_by_line(line: str, words: str) -> None:
    part = row(line)
    assert part.observations == ()
    (question,) = part.questions
    assert question.startswith("line 2: ")
    assert words in question


def test_a_name_in_the_unit_column_is_not_repeated() -> None:
    (question,) = row("K,4.1,Jane Doe").questions
    assert "Doe" not in question


def test_bounds_are_kept_as_bounds() -> None:
    part = row("CRP,<0.6,mg/L\ncea,>100,ng/mL")
    assert [(o.comparator, o.value) for o in part.observations] == [("<", 0.6), (">", 100.0)]


def test_a_unit_behind_the_value_counts() -> None:
    (observation,) = table("test,result\nK,4.1 mmol/L\n").observations
    assert observation.value == 4.1


def test_the_comma_is_decimal_only_where_it_does_not_separate() -> None:
    (observation,) = table("name;value;unit\nK;4,1;mmol/L\n").observations
    assert observation.value == 4.1
    assert table('name,value,unit\nK,"4,1",mmol/L\n').observations == ()
    (observation,) = table("name\tvalue\tunit\nK\t4,1\tmmol/L\n").observations
    assert observation.value == 4.1


@pytest.mark.parametrize("identifier", ["00123", "12345678901234567890", "NA", "None", "null"])
def test_record_numbers_are_text(identifier: str) -> None:
    part = table(f"mrn,name,value,unit\n{identifier},K,4.1,mmol/L\n")
    assert part.identity.patient_ids == {identifier}
    assert part.patient.patient_id == identifier


def test_birth_date_and_name_columns_name_the_patient() -> None:
    part = table("patient_name,dob,name,value,unit\nDoe,1970-01-31,K,4.1,mmol/L\n")
    assert part.identity.name == "Doe"
    assert part.identity.birth_date == date(1970, 1, 31)


def test_unknown_tests_are_counted_not_used() -> None:
    part = row("Unobtainium,4.1,mmol/L")
    assert part.observations == part.questions == ()
    assert part.notices == ("1 row names no test that is known here and was not used.",)


@pytest.mark.parametrize("cell", ['=HYPERLINK("http://x")', "@SUM(A1)", "+1", "-2", "\t=1"])
def test_formulas_are_text(cell: str) -> None:
    quoted = cell.replace('"', '""')
    assert table(f'name,value,unit,comment\nK,4.1,mmol/L,"{quoted}"\n').observations


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("name,value,unit\nK,4.1,mmol/L,extra\n", RefusalCode.RAGGED_ROW),
        ("name,value,unit\nK,4.1\n", RefusalCode.RAGGED_ROW),
        ("a,b\n1,2,3\n4,5\n", RefusalCode.RAGGED_ROW),
        ("a,b\n1,2\n4,5\n", RefusalCode.MISSING_COLUMN),
        ("name,value,value\nK,4.1,4.2\n", RefusalCode.DUPLICATE_KEY),
        ('name,value,unit\nK,"4.1,mmol/L\n', RefusalCode.BAD_TEXT),
        ("name,value,unit\n" + "K," * 100_000, RefusalCode.TOO_LARGE),
        (",".join(f"c{i}" for i in range(500)), RefusalCode.TOO_LARGE),
        ("mrn,name,value,unit\n1,K,4,mmol/L\n2,K,4,mmol/L\n", RefusalCode.PATIENT_MISMATCH),
    ],
    ids=["wide row", "short row", "both", "no column", "duplicate", "quote", "long line", "columns",
         "two patients"],
)  # fmt: skip
def test_a_table_that_can_not_be_trusted_is_refused(text: str, code: RefusalCode) -> None:
    with computed_within(1), pytest.raises(FileRefusedError) as caught:
        table(text)
    assert caught.value.code == code


def test_a_ragged_row_is_named_by_its_line() -> None:
    with pytest.raises(FileRefusedError, match="line 3 has 4 cells"):
        table("name,value,unit\nK,4.1,mmol/L\nK,4.1,mmol/L,x\n")


def test_tables_are_told_from_prose() -> None:
    assert looks_like_table("loinc,value,unit\n2823-3,4,mmol/L\n", name="x")
    assert looks_like_table("a,b\n1,2,3\n", name="x.csv")
    assert not looks_like_table("Cough, fever, value of CRP unknown\nWell, better.", name="n.txt")


def test_every_unit_of_the_table_of_observations_is_understood() -> None:
    for kind in OBSERVATION_TYPES.values():
        assert to_canonical(kind, 1.0, kind.unit) == 1.0, kind.display
        for unit, (factor, offset) in kind.conversions.items():
            expected = factor + offset
            assert to_canonical(kind, 1.0, unit) == pytest.approx(expected), (kind.display, unit)


def test_gram_and_giga_differ() -> None:
    assert normalise_unit("g/L") == "g/L"
    assert normalise_unit("G/L") == "10*3/uL"


@pytest.mark.parametrize(
    "text", ["1,234.5", "1 234", "٣", "0x10", "1_000", "4.1.2", "5e999", "--1"]
)
def test_numbers_with_two_readings_are_not_read(text: str) -> None:
    quantity = parse_quantity(text, has_decimal_comma=False)
    assert quantity is None or quantity.unit


def test_only_what_looks_like_a_unit_is_quoted() -> None:
    assert quotable_unit("mg/kg") == "the unit mg/kg"
    assert quotable_unit("Doe") == "an unknown unit"
    assert quotable_unit(" ") == "no unit"
