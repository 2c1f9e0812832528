"""How long cases are kept: set by the environment or by an admin, and written down."""

from dataclasses import replace
from pathlib import Path

import pytest

from mmcore.store import EventKind, Place, Store
from mmcore.store.retention import LONGEST_DAYS
from tests.unit.store.kept import JANE, JOHN, NOTE, Clock, keep, sql


def test_an_admin_sets_how_long_cases_are_kept_and_old_ones_go(
    store: Store, place: Place, clock: Clock
) -> None:
    keep(store, JANE, NOTE)
    clock.wait(days=30)
    keep(store, JOHN, NOTE)
    assert store.retention.days() is None
    assert (store.expire(), store.retention.expiring(30), store.retention.expiring(31)) == (0, 1, 0)
    store.retention.set_days(30, by="a-17")
    with Store(place, clock=clock) as other:
        assert other.retention.days() == 30, "other processes and the next start keep to it"
    assert store.case(JANE) is None
    assert store.case(JOHN) is not None
    store.retention.set_days(None, by="a-17")
    clock.wait(days=9999)
    assert store.expire() == 0
    said = [(e.actor, e.details) for e in store.journal.of_site(EventKind.SITE_CHANGED)]
    assert said == [
        ("a-17", {"what": "cases are kept for 30 days"}),
        ("a-17", {"what": "cases are kept until they are removed"}),
    ]


@pytest.mark.parametrize("days", [0, -1, LONGEST_DAYS + 1])
def test_a_number_of_days_that_deletes_all_or_means_nothing_is_refused(
    store: Store, days: int
) -> None:
    with pytest.raises(ValueError, match="1 to"):
        store.retention.set_days(days, by="a-17")
    assert store.retention.days() is None


def test_what_the_environment_says_holds(tmp_path: Path, clock: Clock) -> None:
    with Store(Place(tmp_path), clock=clock) as store:
        store.retention.set_days(30, by="a-17")
    with Store(replace(Place(tmp_path), keep_days=90), clock=clock) as store:
        assert store.retention.is_fixed
        assert store.retention.days() == 90
        with pytest.raises(ValueError, match="environment"):
            store.retention.set_days(1, by="a-17")


@pytest.mark.parametrize("value", ["-5", "0", "soon", ""])
def test_a_number_that_was_altered_to_none_deletes_nothing(
    tmp_path: Path, clock: Clock, value: str
) -> None:
    place = Place(tmp_path)
    with Store(place, clock=clock) as store:
        keep(store, JANE, NOTE)
        store.retention.set_days(30, by="a-17")
        sql(place, "UPDATE facts SET value = :value WHERE name = 'keep days'", value=value)
        clock.wait(days=400)
        assert store.expire() == 0
        assert store.case(JANE) is not None
