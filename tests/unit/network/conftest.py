"""One PACS for all tests of the network, emptied before each."""

import gc
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.network.pacs import PASSWORD, VARIABLE, Pacs, running_pacs


@pytest.fixture(autouse=True)
def sockets_end_with_their_test() -> Iterator[None]:
    """Collect the sockets that pynetdicom 3.0.4 leaves open after a connection that failed.

    Else the garbage collector complains of them in whatever test comes later.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pacs]:
    with running_pacs(tmp_path_factory.mktemp("orthanc")) as pacs:
        yield pacs


@pytest.fixture
def pacs(orthanc: Pacs, monkeypatch: pytest.MonkeyPatch) -> Pacs:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    orthanc.clear()
    return orthanc


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Give the list of all that is forced to the disk from now on; it is forced as ever."""
    found: list[Path] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        found.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return found
