"""One PACS for all tests of the network, emptied before each."""

from collections.abc import Iterator

import pytest

from tests.unit.network.pacs import PASSWORD, VARIABLE, Pacs, running_pacs


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pacs]:
    with running_pacs(tmp_path_factory.mktemp("orthanc")) as pacs:
        yield pacs


@pytest.fixture
def pacs(orthanc: Pacs, monkeypatch: pytest.MonkeyPatch) -> Pacs:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    orthanc.clear()
    return orthanc
