"""No test writes into the user's own data folder, and none draws other numbers than last time."""

import os
import random
import sys
from collections.abc import Iterator

import numpy as np
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


@pytest.fixture(autouse=True)
def same_numbers() -> None:
    """Begin every test with the same random numbers, whichever tests ran before it."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - the generator that libraries ask
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
