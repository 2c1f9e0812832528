"""No test, and no server that a test starts, writes into the user's own data folder."""

import os
from collections.abc import Iterator

import pytest

from mmcore.store.place import DATA


@pytest.fixture(scope="session", autouse=True)
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = os.environ.get(DATA)
    os.environ[DATA] = str(tmp_path_factory.mktemp("data"))
    yield
    if before is None:
        del os.environ[DATA]
    else:
        os.environ[DATA] = before
