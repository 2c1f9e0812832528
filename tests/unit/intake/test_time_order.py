"""Which of two times is later, by hand: instants, clocks on the wall, and what neither can say."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mmcore.errors import ConfigError
from mmcore.intake.moments import Moment, moment_of, parse_iso, zone_of
from mmcore.intake.site_clock import on_the_wall
from mmcore.intake.stamps import parse_stamp
from mmcore.intake.time_order import Doubt, Order, order_of
from mmcore.records import Precision

FILM = Moment(datetime(2024, 5, 6, 12))
FILM_UTC = Moment(datetime(2024, 5, 6, 12, tzinfo=UTC))
DAY = Moment(datetime(2024, 5, 6), Precision.DAY)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSILIUM_TIME_ZONE", "Europe/Berlin")


def at(text: str) -> Moment:
    found = parse_iso(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "precision", "first"),
    [
        ("2024", Precision.YEAR, datetime(2024, 1, 1)),
        ("2024-05", Precision.MONTH, datetime(2024, 5, 1)),
        ("2024-05-06", Precision.DAY, datetime(2024, 5, 6)),
        ("2024-05-06T07:08", Precision.CLOCK, datetime(2024, 5, 6, 7, 8)),
        ("2024-05-06T07:08:60.5Z", Precision.CLOCK, datetime(2024, 5, 6, 7, 8, 59, tzinfo=UTC)),
        ("2024-05-06T07:08:09-05:00", Precision.CLOCK,
         datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(hours=-5)))),
    ],
)  # fmt: skip
def test_a_date_is_as_exact_as_it_is_written(
    text: str, precision: Precision, first: datetime
) -> None:
    found = at(text)
    assert (found.precision, found.at, found.at.tzinfo) == (precision, first, first.tzinfo)


def test_stamps_are_cut_off_anywhere_and_keep_their_zone() -> None:
    hour = parse_stamp("2024050607-0500")
    assert hour is not None
    assert hour.precision is Precision.HOUR
    assert hour.at == datetime(2024, 5, 6, 12, tzinfo=UTC)
    assert parse_stamp("202405") == Moment(datetime(2024, 5, 1), Precision.MONTH)
    assert parse_stamp("20240230") is None
    assert parse_stamp("20240506070809", zone=UTC) == Moment(
        datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    )


@pytest.mark.parametrize("text", ["-0000", "-00:00", "+1500", "+0260", "EST", "0200", ""])
def test_what_is_no_zone_is_none(text: str) -> None:
    assert zone_of(text) is None


def test_a_date_that_is_none_has_no_moment() -> None:
    assert moment_of(2024, 13) is None
    assert parse_iso("2024-05-06T25:00:00Z") is None


def test_two_instants_are_compared_whatever_their_clocks_show() -> None:
    assert order_of(at("2024-05-06T13:59:00+02:00"), FILM_UTC) == Order(is_later=False)
    assert order_of(at("2024-05-06T14:01:00+02:00"), FILM_UTC) == Order(is_later=True)
    assert order_of(at("2024-05-06T07:00:00-05:00"), FILM_UTC) == Order(is_later=False)


def test_two_clocks_without_zones_are_taken_for_the_same_wall() -> None:
    assert order_of(at("2024-05-06T12:00"), FILM) == Order(is_later=False)
    assert order_of(at("2024-05-06T12:01"), FILM) == Order(is_later=True)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("2024-05-05", Order(is_later=False)),
        ("2024-05-07", Order(is_later=True)),
        ("2024-05-06", Order(is_later=False, doubt=Doubt.PRECISION)),
        ("2024-05", Order(is_later=False, doubt=Doubt.PRECISION)),
        ("2024-04", Order(is_later=False)),
        ("2024-06", Order(is_later=True)),
        ("2024", Order(is_later=False, doubt=Doubt.PRECISION)),
        ("2023", Order(is_later=False)),
        ("2025", Order(is_later=True)),
    ],
)
def test_a_date_without_a_clock_is_the_whole_of_it(text: str, order: Order) -> None:
    assert order_of(at(text), FILM) == order


def test_on_the_day_of_a_film_without_a_clock_nothing_can_be_put_in_order() -> None:
    doubtful = Order(is_later=False, doubt=Doubt.PRECISION)
    assert order_of(at("2024-05-06T23:59"), DAY) == doubtful
    assert order_of(at("2024-05-06"), DAY) == doubtful
    assert order_of(at("2024-05-07T00:00"), DAY) == Order(is_later=True)
    assert order_of(at("2024-05-05T23:59"), DAY) == Order(is_later=False)


@pytest.mark.usefixtures("berlin")
def test_a_clock_without_a_zone_is_the_sites() -> None:
    # 12:00 in Berlin in May is 10:00 UTC.
    assert order_of(at("2024-05-06T10:00:00Z"), FILM) == Order(False, has_assumed_zone=True)
    assert order_of(at("2024-05-06T10:01:00Z"), FILM) == Order(True, has_assumed_zone=True)
    assert order_of(FILM, at("2024-05-06T09:59:00Z")) == Order(True, has_assumed_zone=True)


@pytest.mark.usefixtures("berlin")
def test_in_the_hour_that_comes_twice_the_order_is_in_doubt() -> None:
    # On 27 October 2024 the clock in Berlin showed 02:30 at 00:30 and at 01:30 UTC.
    twice = Moment(datetime(2024, 10, 27, 2, 30))
    between = order_of(at("2024-10-27T01:00:00Z"), twice)
    assert (between.is_later, between.doubt) == (False, Doubt.PRECISION)
    assert order_of(at("2024-10-27T01:31:00Z"), twice).is_later
    assert order_of(at("2024-10-27T00:29:00Z"), twice).doubt is None


@pytest.mark.parametrize(
    ("text", "is_doubtful"),
    [
        # A film of 12:00 was taken between 22:00 UTC of the day before and 24:00 UTC.
        ("2024-05-05T21:59:00Z", False),
        ("2024-05-05T22:01:00Z", True),
        ("2024-05-06T23:59:00Z", True),
        ("2024-05-07T00:01:00Z", False),
    ],
)
def test_without_the_sites_zone_every_zone_is_thought_of(
    text: str, is_doubtful: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONSILIUM_TIME_ZONE", raising=False)
    assert order_of(at(text), FILM).doubt == (Doubt.ZONE if is_doubtful else None)


@pytest.mark.usefixtures("berlin")
def test_times_read_by_the_sites_clock_and_stay_the_same_instant() -> None:
    there = datetime(2024, 5, 6, 7, tzinfo=UTC)
    assert f"{on_the_wall(there):%H:%M%z}" == "09:00+0200"
    assert on_the_wall(there) == there
    assert on_the_wall(datetime(2024, 5, 6, 7)) == datetime(2024, 5, 6, 7)


def test_years_that_systems_write_for_never_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSILIUM_TIME_ZONE", "Pacific/Auckland")
    for text in ("0001-01-01T00:00:00+14:00", "0001", "0001-01-01"):
        assert not order_of(at(text), FILM).is_later
    for text in ("9999-12-31T23:59:59-12:00", "9999", "9999-12-31"):
        assert order_of(at(text), FILM).is_later
        on_the_wall(at(text).at)


def test_a_zone_that_does_not_exist_is_told_to_the_administrator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("Mars/Olympus", "../../etc/passwd", "CET CEST"):
        monkeypatch.setenv("CONSILIUM_TIME_ZONE", name)
        with pytest.raises(ConfigError, match="CONSILIUM_TIME_ZONE"):
            on_the_wall(datetime(2024, 5, 6, tzinfo=UTC))
