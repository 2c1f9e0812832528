"""Guesses that try one name after another, and what is believed of where they come from."""

import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from mmcore.errors import SignInRefusedError
from mmcore.people import People, Person, Policy
from mmcore.people.addresses import AT_ONCE, ONE_EVERY, through_proxies, who
from mmcore.people.policy import policy_of
from mmcore.store import Place, Store
from mmcore.store.database import Database
from mmcore.store.tables import attempts
from tests.unit.people.conftest import OTHER, PASSWORD, Clock

EVIL, WARD = "203.0.113.9", "192.0.2.40"


def guess(people: People, name: str, password: str = OTHER, *, address: str = EVIL) -> int:
    """Guess, and return the seconds that there are to wait: 0 for a guess that was looked at."""
    with pytest.raises(SignInRefusedError) as refused:
        people.sign_in(name, password, address=address)
    assert refused.value.reason in ("wrong", "wait")
    return refused.value.seconds if refused.value.reason == "wait" else 0


def use_up(people: People) -> None:
    assert {guess(people, f"name{number}") for number in range(AT_ONCE)} == {0}


def test_who_tries_one_name_after_another_waits_and_others_do_not(
    people: People, admin: Person, clock: Clock
) -> None:
    use_up(people)
    every = ONE_EVERY.total_seconds()
    assert guess(people, "one more") == guess(people, "ada", PASSWORD) == every, "had, or not"
    assert people.sign_in("ada", PASSWORD, address=WARD).account.id == admin.id
    clock.wait(seconds=every - 1)
    assert guess(people, "ada", PASSWORD) == 1
    clock.wait(seconds=1)
    assert guess(people, "next") == 0
    assert guess(people, "next but one") == every
    clock.wait(seconds=every)
    assert people.sign_in("ada", PASSWORD, address=EVIL).account.id == admin.id


def test_a_ward_behind_one_address_signs_in_as_often_as_it_likes(
    people: People, admin: Person
) -> None:
    for _ in range(3 * AT_ONCE):
        people.sign_in("ada", PASSWORD, address=WARD)
    assert guess(people, "ada", address=WARD) == 0


def test_who_waits_for_a_name_uses_nothing_up_for_the_others_at_the_address(
    people: People, admin: Person
) -> None:
    looked_at = sum(guess(people, "slip", address=WARD) == 0 for _ in range(3 * AT_ONCE))
    assert looked_at < AT_ONCE
    people.sign_in("ada", PASSWORD, address=WARD)


def test_a_flood_of_attempts_that_have_to_wait_writes_nothing(
    people: People, admin: Person, tmp_path: Path
) -> None:
    use_up(people)
    database = Database(Place(tmp_path))
    with database.writing(alone=True):  # somebody else's, which they would have to wait for
        started = time.monotonic()
        assert guess(people, "one more") > 0
    assert time.monotonic() - started < 10
    database.close()


def test_an_address_that_has_to_wait_locks_nobody_out(people: People, admin: Person) -> None:
    use_up(people)
    for _ in range(10):
        guess(people, "ada")
    people.sign_in("ada", PASSWORD, address=WARD)


def test_every_worker_process_counts_the_same(
    people: People, admin: Person, clock: Clock, tmp_path: Path
) -> None:
    use_up(people)
    with Store(Place(tmp_path), clock=clock) as another:
        assert guess(People(another.people, Policy(), clock=clock), "one more") > 0


def test_what_is_counted_is_forgotten_after_a_day(
    people: People, admin: Person, clock: Clock, tmp_path: Path
) -> None:
    for number in range(30):
        guess(people, f"name{number}", address=f"198.51.100.{number}")
    clock.wait(hours=26)
    guess(people, "today")
    database = Database(Place(tmp_path))
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(attempts)) == 2
    database.close()


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:5123", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2:ffff::1]:443", "2001:db8:1:2::/64"),
        ("unix", ""),
        ("", ""),
    ],
)
def test_what_attempts_are_counted_by(address: str, counted: str) -> None:
    assert who(address) == counted


@pytest.mark.parametrize(
    ("peer", "forwarded", "begins"),
    [
        ("198.51.100.1", ["192.0.2.7"], "198.51.100.1"),  # nobody whom we trust says so
        ("10.0.0.5", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.5", ["6.6.6.6, 192.0.2.7, 10.0.0.6"], "192.0.2.7"),  # 6.6.6.6 is invented
        ("10.0.0.5", ["6.6.6.6", "192.0.2.7:81"], "192.0.2.7"),
        ("10.0.0.5", [], "10.0.0.5"),
        ("10.0.0.5", ["10.0.0.6"], "10.0.0.6"),
        ("10.0.0.5", ["nonsense"], "nonsense"),
    ],
)
def test_a_proxy_is_believed_as_far_as_it_is_trusted(
    peer: str, forwarded: list[str], begins: str
) -> None:
    trusts = policy_of({"CONSILIUM_PROXIES": "10.0.0.0/24"}).trusts
    assert through_proxies(peer, forwarded, trusts=trusts) == begins
