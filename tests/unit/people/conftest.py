"""A store with people, a first admin, and a clock that a test moves."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mmcore.people import People, Person, Policy
from mmcore.store import Place, Store

PASSWORD, OTHER = "tram over the lake", "kettle-9-violin-moss"
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
def people(store: Store, clock: Clock) -> People:
    return People(store.people, Policy(admins=frozenset({"boss@site"})), clock=clock)


@pytest.fixture
def admin(people: People) -> Person:
    code = people.new_setup_code()
    made = people.first_admin(code, name="Ada", display="Dr Ada Novak", password=PASSWORD).account
    return Person(made.id, made.display, made.roles)
