"""A store with people, a first admin, and a clock that a test moves."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from mmcore.people import People, Person, Policy, passwords
from mmcore.store import Place, Store

PASSWORD, OTHER = "tram over the lake", "kettle-9-violin-moss"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
CASE = "a1" * 32


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, **how_long: float) -> None:
        self.now += timedelta(**how_long)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with Store(Place(tmp_path), clock=clock) as made:
        yield made


@pytest.fixture
def people(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> People:
    """Return people whose passwords cost little to hash; what they cost is tested elsewhere."""
    monkeypatch.setattr(passwords, "_hasher", lambda: CHEAP)
    monkeypatch.setattr(passwords, "_of_nobody", lambda: CHEAP.hash("nobody's"))
    return People(store.people, Policy(admins=frozenset({"boss@site"})), clock=clock)


@pytest.fixture
def admin(people: People) -> Person:
    code = people.new_setup_code()
    made = people.first_admin(code, name="Ada", display="Dr Ada Novak", password=PASSWORD).account
    return Person(made.id, made.display, made.roles)
