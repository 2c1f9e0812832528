"""After a case is deleted nothing of it is in any file of the store, nor in what the disk gave."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mmcore.errors import StoreUnavailableError
from mmcore.store import KeptFile, Place, Progress, Store, StoredDesk
from mmcore.store.blobs import Blobs
from mmcore.store.database import Database
from mmcore.store.sealing import Seal
from mmcore.store.work_records import CaseFacts
from tests.unit.store.kept import JANE, JOHN, KEY, Clock

CANARIES = {
    "file": b"ZQXFILE", "file name": b"ZQXNAME", "label": b"ZQXLABEL", "person": b"ZQXPERSON",
    "first draft": b"ZQXDRAFT0", "last draft": b"ZQXDRAFT9", "reading": b"ZQXREADING",
    "picture": b"ZQXPICTURE", "patient id": b"ZQXID", "accession": b"ZQXACCESSION",
}  # fmt: skip


def fill(store: Store, digest: str = JANE) -> None:
    """Keep a case in which every value is a canary, with ten drafts, a reading and a picture."""
    facts = CaseFacts(name="ZQXPERSON", patient_id="ZQXID", accession="ZQXACCESSION")
    files = [KeptFile("ZQXNAME.dcm", b"ZQXFILE" * 5000)]
    store.keep_case(digest, files, label="ZQXLABEL", person="ZQXPERSON", facts=facts)
    for number in range(10):
        desk = StoredDesk(
            {"said": "ZQXREADING"} if number == 9 else None,
            {"entered": f"ZQXDRAFT{number} " * 200},
            0,
            number,
        )
        store.save_desk(digest, "p", desk, progress=Progress(), attached=[b"ZQXPICTURE" * 100])


def left(folder: Path) -> list[str]:
    """Return which canaries some file of a store holds, and where."""
    return [
        f"{what} in {path.name}"
        for path in sorted(folder.rglob("*")) if path.is_file()
        for what, canary in CANARIES.items() if canary in path.read_bytes()
    ]  # fmt: skip


def purged(store: Store, clock: Clock) -> None:
    store.remove(JANE)
    assert store.purge() == 1


def expired(store: Store, clock: Clock) -> None:
    clock.wait(days=31)
    assert store.expire() == 1


def deleted(store: Store, clock: Clock) -> None:
    store.delete(JANE)


@pytest.mark.parametrize("way", [purged, expired, deleted])
def test_nothing_of_a_deleted_case_is_left_in_database_log_or_folder(
    tmp_path: Path, clock: Clock, way: Callable[[Store, Clock], None]
) -> None:
    with Store(Place(tmp_path, keep_days=30), clock=clock) as store:
        fill(store)
        told = " ".join(left(tmp_path))
        assert [what for what in CANARIES if what not in told] == [], "they are there before"
        way(store, clock)
        assert left(tmp_path) == []
        assert not list((tmp_path / "blobs").rglob("?" * 64))
        assert store.events(JANE), "the journal stays, and names nobody"


def test_drafts_that_were_written_over_go_with_the_case_though_it_grew(
    tmp_path: Path, clock: Clock
) -> None:
    with Store(Place(tmp_path), clock=clock) as store:
        fill(store)
        fill(store, JOHN)
        store.delete(JANE)
        assert "first draft in consilium.db" not in left(tmp_path), "of neither"
        assert "last draft in consilium.db" in left(tmp_path), "John's stays"
        store.delete(JOHN)
        assert left(tmp_path) == []


def test_what_a_reader_of_the_database_holds_up_goes_with_the_next_transaction(
    tmp_path: Path, clock: Clock
) -> None:
    with Store(Place(tmp_path), clock=clock) as store:
        fill(store)
        reader = sqlite3.connect(tmp_path / "consilium.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM cases").fetchone()
        store.delete(JANE)
        assert left(tmp_path), "somebody still reads the state before"
        reader.close()
        assert store.expire() == 0
        store.prefer("local", "theme", "dark")
        assert left(tmp_path) == []


def test_a_removed_file_is_zeros_on_the_disk_before_it_goes(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, Seal(None))
    digest = blobs.put(b"ZQXFILE" * 200_000)
    (path,) = (p for p in tmp_path.rglob("*") if p.is_file())
    with path.open("rb") as still_open:  # as who looks at the blocks
        blobs.discard(digest)
        assert not path.exists()
        assert set(still_open.read()) == {0}
    blobs.discard(digest)


def test_a_file_that_a_backup_is_reading_is_not_overwritten_under_it(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs", Seal(None))
    digest = blobs.put(b"ZQXFILE")
    links = tmp_path / "links"
    links.mkdir()
    blobs.link_all(links)
    blobs.discard(digest)
    assert (links / digest).read_bytes() == b"ZQXFILE"


def test_where_there_is_a_key_nothing_is_readable_at_any_time(tmp_path: Path) -> None:
    with Store(Place(tmp_path, key=KEY)) as store:
        fill(store)
        assert left(tmp_path) == []


def test_a_store_in_use_can_not_be_had_alone_and_the_other_way_round(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with Store(place):
        with pytest.raises(StoreUnavailableError, match="in use"):
            Database(place, alone=True)
        Database(replace(place)).close()
    alone = Database(place, alone=True)
    with pytest.raises(StoreUnavailableError, match="key is being changed"):
        Store(place)
    alone.close()
    Store(place).close()
