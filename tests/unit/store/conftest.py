"""A store in a folder of its own, with a clock that the test moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmcore.store import Place, Store
from tests.unit.store.kept import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with Store(Place(tmp_path), clock=clock) as made:
        yield made
