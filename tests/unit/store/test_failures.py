"""What is damaged, half written or foreign is refused, and nothing is left half kept."""

import os
from pathlib import Path

import pytest

from mmcore.errors import SchemaTooNewError, StoredFileDamagedError, StoreUnavailableError
from mmcore.store import Place, Store
from mmcore.store.blobs import Blobs
from mmcore.store.database import Database
from mmcore.store.sealing import Seal
from tests.unit.store.kept import IMAGE, JANE, JOHN, NOTE, blobs, keep, sql


def test_a_file_that_was_altered_or_lost_is_refused_not_shown(store: Store, tmp_path: Path) -> None:
    keep(store, JANE, IMAGE)
    (blob,) = blobs(tmp_path)
    blob.write_bytes(IMAGE.data[:-1] + b"!")
    with pytest.raises(StoredFileDamagedError):
        store.files(JANE)
    blob.unlink()
    with pytest.raises(StoredFileDamagedError):
        store.files(JANE)


def test_a_failure_between_file_and_row_leaves_no_case_and_the_next_start_no_file(
    store: Store, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, JOHN, NOTE)
    with monkeypatch.context() as failing:

        def fail(*_: object) -> None:
            raise OSError(28, "No space left on device")

        failing.setattr("mmcore.store.case_rows.write_case", fail)
        with pytest.raises(OSError, match="No space"):
            keep(store, JANE, IMAGE)
    assert store.case(JANE) is None
    assert len(blobs(tmp_path)) == 2
    Store(place).close()
    assert len(blobs(tmp_path)) == 1
    assert store.files(JOHN) == (NOTE,)


def test_a_failure_while_a_file_is_written_leaves_nothing_of_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreUnavailableError, match="Input/output"):
        keep(store)
    assert blobs(tmp_path) == []
    assert store.case(JANE) is None


def test_files_that_another_process_is_done_with_do_not_stop_the_tidying(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, Seal(None))
    for name in ("00/one", "01/.half-written"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    found = blobs.digests()
    assert next(found) == "one"
    (tmp_path / "01/.half-written").unlink()
    assert list(found) == []


def test_a_folder_that_can_not_be_locked_is_refused(tmp_path: Path) -> None:
    (tmp_path / "start.lock").mkdir()
    with pytest.raises(StoreUnavailableError, match="IsADirectory"):
        Store(Place(tmp_path))


def test_a_file_removed_between_its_writing_and_its_row_is_written_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Blobs.put

    def put_and_lose(self: Blobs, data: bytes) -> str:
        digest = first(self, data)
        monkeypatch.setattr(Blobs, "put", first)
        self.discard(digest)  # another process's tidying up
        return digest

    monkeypatch.setattr(Blobs, "put", put_and_lose)
    keep(store, JANE, IMAGE)
    assert store.files(JANE) == (IMAGE,)


def test_a_newer_schema_than_the_codes_is_refused_by_name(store: Store, place: Place) -> None:
    sql(place, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNewError) as refused:
        Store(place)
    assert refused.value.found == "9999"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "consilium.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreUnavailableError):
        Store(Place(tmp_path))


@pytest.mark.parametrize("url", ["nonsense", "nothing://x", "postgresql+pg8000://nobody@nowhere/x"])
def test_an_address_that_no_database_has_is_told_and_nothing_stays_open(
    url: str, tmp_path: Path
) -> None:
    with pytest.raises(StoreUnavailableError):
        Store(Place(tmp_path, url=url))
    Database(Place(tmp_path), alone=True).close()  # refused while anybody has the place open
