"""A store in a place of its own, on SQLite and on PostgreSQL, with a clock that the test moves."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmcore.store import Place, Store
from tests.postgres import Cluster, cluster, programs
from tests.unit.store.kept import Clock

BOTH = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """Run a PostgreSQL for the tests, or skip them where there is none."""
    binaries = programs()
    if binaries is None:
        pytest.skip("no PostgreSQL server here (apt-get install postgresql)")
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed (pip install -r requirements-dev.txt)")
    with cluster(binaries) as running:
        yield running


def url_of(kind: str, request: pytest.FixtureRequest) -> str:
    """Return the URL of a new database; "" for SQLite in the place's own folder."""
    return "" if kind == "sqlite" else request.getfixturevalue("postgres").new_database()


@pytest.fixture(params=BOTH)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return a new place on each kind of database, one after the other."""
    return Place(tmp_path, url=url_of(request.param, request))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(place: Place, clock: Clock) -> Iterator[Store]:
    with Store(place, clock=clock) as made:
        yield made
