"""Tables in other shapes: what their columns hold is guessed, said, and can be set."""

import json
from datetime import UTC, datetime

import pytest

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.columns import (
    ColumnMapping,
    Shape,
    TestColumn,
    guess_mapping,
    headings_key,
)
from mmcore.intake.moments import Moment
from mmcore.intake.observations_csv import looks_like_table, read_table, table_preview
from mmcore.intake.parts import ObservationsPart
from mmcore.intake.table_times import DateOrder, date_order_of, read_time
from mmcore.records import Precision

WIDE = "MRN,Collected,K (mmol/L),Hb [g/dL],CRP mg/L\n00123,2024-05-06 07:08,4.1,14.0,12\n"
SHEET = "Test;Unit;06.05.2024 07:00;07.05.2024 07:00\nPotassium;mmol/L;4,1;4,4\nHb;g/dL;;13\n"


def read(text: str, mapping: ColumnMapping | None = None) -> ObservationsPart:
    return read_table(text.encode(), digest="d", mapping=mapping)


def guess(text: str) -> ColumnMapping:
    return guess_mapping(*table_preview(text.encode()))


def values(part: ObservationsPart) -> list[tuple[str, float, datetime | None]]:
    return [(o.loinc, round(o.value, 3), o.time) for o in part.observations]


def test_one_column_per_test_with_the_unit_in_the_heading() -> None:
    when = datetime(2024, 5, 6, 7, 8)
    part = read(WIDE)
    assert values(part) == [("2823-3", 4.1, when), ("718-7", 14.0, when), ("1988-5", 12.0, when)]
    assert part.identity.patient_ids == {"00123"}
    assert guess(WIDE).shape is Shape.WIDE


def test_one_column_per_time() -> None:
    part = read(SHEET)
    assert values(part) == [
        ("2823-3", 4.1, datetime(2024, 5, 6, 7)),
        ("2823-3", 4.4, datetime(2024, 5, 7, 7)),
        ("718-7", 13.0, datetime(2024, 5, 7, 7)),
    ]
    assert guess(SHEET).times == ("06.05.2024 07:00", "07.05.2024 07:00")


def test_headings_of_other_systems_are_known() -> None:
    text = "Component_Name,Ord_Value,Reference_Unit,Specimen_Taken_Time\nK,4.1,mmol/L,20240506\n"
    assert values(read(text)) == [("2823-3", 4.1, datetime(2024, 5, 6))]


def test_columns_without_a_known_heading_are_told_by_their_cells() -> None:
    text = "检验,结果,单位,时间\nK,4.1,mmol/L,2024-05-06\nHb,14,g/dL,2024-05-06\n"
    assert dict(guess(text).roles) == {
        "name": "检验",
        "unit": "单位",
        "time": "时间",
        "value": "结果",
    }
    assert [o.value for o in read(text).observations] == [4.1, 14.0]


def test_what_fits_two_columns_is_not_guessed() -> None:
    text = "x,first,second\nK,4.1,4.2\nNa,140,141\n"
    assert guess(text).missing() == ["value", "unit"]
    with pytest.raises(FileRefusedError) as caught:
        read(text)
    assert caught.value.code == RefusalCode.MISSING_COLUMN


def test_two_columns_for_one_test_are_left_to_a_person() -> None:
    text = "time,K (mmol/L),Potassium (mmol/L),Hb (g/dL)\n2024-05-06,4.1,9.9,14\n"
    assert [test.heading for test in guess(text).tests] == ["Hb (g/dL)"]


def test_a_mapping_that_was_set_outranks_every_guess() -> None:
    text = "a,b,c,d\n4.1,K,mmol/L,x\n"
    mapping = ColumnMapping(roles={"value": "a", "name": "b", "unit": "c"})
    assert [o.value for o in read(text, mapping).observations] == [4.1]
    wide = ColumnMapping(Shape.WIDE, tests=(TestColumn("a", "2823-3", "mmol/L"),))
    assert [o.loinc for o in read(text, wide).observations] == ["2823-3"]


def test_a_mapping_fits_a_table_whose_columns_stand_elsewhere() -> None:
    mapping = guess(WIDE)
    moved = "CRP mg/L,collected,hb [g/dl],mrn,k (mmol/l)\n12,2024-05-06,14.0,00123,4.1\n"
    assert {o.loinc for o in read(moved, mapping).observations} == {"2823-3", "718-7", "1988-5"}


def test_a_mapping_of_another_table_is_refused_without_quoting_it() -> None:
    with pytest.raises(FileRefusedError) as caught:
        read("x,y\n1,2\n", ColumnMapping(roles={"value": "Jane Doe", "name": "y"}))
    assert caught.value.code == RefusalCode.MISSING_COLUMN
    assert "Doe" not in caught.value.detail


@pytest.mark.parametrize("text", [WIDE, SHEET])
def test_a_mapping_survives_being_stored(text: str) -> None:
    mapping = guess(text)
    stored = json.loads(json.dumps(mapping.as_document()))
    assert ColumnMapping.from_document(stored) == mapping


@pytest.mark.parametrize(
    "change",
    [{"shape": "round"}, {"roles": {"nose": "x"}}, {"tests": [["K", "0-0", ""]]}, {"tests": 5},
     {"date_order": "x"}, {"roles": []}],
)  # fmt: skip
def test_what_is_no_mapping_is_not_taken_for_one(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"mapping|valid"):
        ColumnMapping.from_document(guess(WIDE).as_document() | change)


# Dates


def test_an_order_of_day_and_month_is_taken_from_the_other_dates_or_asked() -> None:
    head = "name,value,unit,time\n"
    sure = read(head + "K,4.1,mmol/L,03/04/2024\nK,4.2,mmol/L,25/04/2024 1:05 pm\n")
    assert [o.time for o in sure.observations] == [
        datetime(2024, 4, 3), datetime(2024, 4, 25, 13, 5),
    ]  # fmt: skip
    open_ = read(head + "K,4.1,mmol/L,03/04/2024\n")
    assert open_.observations == ()
    assert "read in two ways" in open_.questions[0]
    said = ColumnMapping(
        roles={"name": "name", "value": "value", "unit": "unit", "time": "time"},
        date_order=DateOrder.MONTH_FIRST,
    )
    (found,) = read(head + "K,4.1,mmol/L,03/04/2024\n", said).observations
    assert found.time == datetime(2024, 3, 4)


def test_dates_that_contradict_each_other_have_no_order() -> None:
    assert date_order_of(["13/01/2024", "01/13/2024"]) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-06T05:08:09Z", Moment(datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC))),
        ("2024-05-06 05:08:09 UTC", Moment(datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC))),
        ("20240506 0708", Moment(datetime(2024, 5, 6, 7, 8))),
        ("2024/5/6 07:08", Moment(datetime(2024, 5, 6, 7, 8))),
        ("2024-05-06 07", Moment(datetime(2024, 5, 6), Precision.DAY)),
        ("6.5.2024", Moment(datetime(2024, 5, 6), Precision.DAY)),
        ("2024-05", Moment(datetime(2024, 5, 1), Precision.MONTH)),
        ("2024-13-01", None), ("4.1", None), ("41", None), ("yesterday", None), ("", None),
    ],
)  # fmt: skip
def test_times_are_read_in_one_way_only(text: str, expected: Moment | None) -> None:
    assert read_time(text, None) == expected


# Telling tables from notes


@pytest.mark.parametrize("text", [WIDE, SHEET])
def test_other_shapes_are_recognised_without_a_telling_name(text: str) -> None:
    assert looks_like_table(text, name="export.txt")


@pytest.mark.parametrize(
    "text",
    ["K, Na, Cr all normal.\nPlan: home, rest.", "Hb 12, CRP 4, Na 140\nwell, afebrile, home\n",
     "Albumin, CRP\n"],
)  # fmt: skip
def test_prose_that_lists_tests_stays_a_note(text: str) -> None:
    assert not looks_like_table(text, name="note.txt")


def test_tables_with_the_same_headings_in_any_order_share_a_key() -> None:
    assert headings_key(["What", " how much", ""]) == headings_key(["HOW MUCH ", "what"])
    assert headings_key(["what", "how much"]) != headings_key(["what", "how"])


def test_a_mapping_is_found_by_the_headings_and_the_part_says_so() -> None:
    text = "thing,number\n2823-3,4.1 mmol/L\n"
    said = {headings_key(["number", "thing"]): ColumnMapping(
        roles={"code": "thing", "value": "number"})}  # fmt: skip
    part = read_table(text.encode(), digest="d", mappings=said)
    assert values(part) == [("2823-3", 4.1, None)]
    assert part.is_mapped
    other = read_table(WIDE.encode(), digest="d", mappings=said)
    assert not other.is_mapped
