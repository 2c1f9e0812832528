"""Values of one code over time."""

from datetime import UTC, datetime, timedelta

from mmcore import sentences
from mmcore.courses import courses_of
from mmcore.records import Observation

NOON = datetime(2024, 3, 3, 12, tzinfo=UTC)


def crp(value: float, hours: float | None) -> Observation:
    time = None if hours is None else NOON - timedelta(hours=hours)
    return Observation("1988-5", "C-reactive protein", value, "mg/L", time)


def test_the_latest_is_by_time_and_not_by_place_in_the_file() -> None:
    (course,) = courses_of([crp(2, 0), crp(1, 24), crp(3, None), crp(1.5, 6)])
    assert course.latest.value == 2
    assert [o.value for o in course.earlier] == [1, 1.5]
    assert [o.value for o in course.undated] == [3]


def test_without_times_the_last_in_the_file_is_the_latest() -> None:
    (course,) = courses_of([crp(1, None), crp(2, None)])
    assert (course.latest.value, course.earlier) == (2, ())
    assert [o.value for o in course.undated] == [1]


def test_of_two_values_at_one_time_the_first_in_the_file_is_the_latest_and_none_is_lost() -> None:
    (course,) = courses_of([crp(1, 0), crp(2, 0)])
    assert course.latest.value == 1
    assert [o.value for o in course.values] == [2, 1]


def test_a_time_with_a_zone_and_one_without_are_compared_by_the_clock() -> None:
    naive = Observation("1988-5", "CRP", 9.0, "mg/L", NOON.replace(tzinfo=None, hour=13))
    (course,) = courses_of([crp(1, 0), naive])
    assert course.latest.value == 9


def test_tests_without_a_code_are_told_apart_by_name() -> None:
    found = courses_of([Observation("", "A", 1.0, ""), Observation("", "B", 2.0, "")])
    assert [c.latest.display for c in found] == ["A", "B"]


def test_evidence_at_an_earlier_value_keeps_its_own_words() -> None:
    names = sentences.observation_names([crp(80, 24), crp(164, 0)])
    assert names == {("1988-5", NOON.isoformat()): "C-reactive protein 164 mg/L"}
