"""A store in one file and back, from any database into any: nothing is lost, nothing is guessed."""

import json
import random
import shutil
import stat
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from mmcore.errors import BackupRefusedError, SchemaTooNewError, StoreKeyError
from mmcore.store import EventKind, KeptFile, Place, Progress, Store, StoredDesk
from mmcore.store.backup import back_up, look_into, move, restore
from mmcore.store.database import Database
from mmcore.store.portable import lines_of, tables_in
from mmcore.store.schema import HEAD, MIGRATIONS
from tests.unit.store.conftest import BOTH, url_of
from tests.unit.store.kept import IMAGE, JANE, JOHN, KEY, NOTE, blobs, keep, save, sql

Rows = dict[str, list[str]]


def rows_of(place: Place) -> Rows:
    """Return every row of every table, whatever database it lies in."""
    database = Database(place)
    try:
        with database.reading() as connection:
            return {
                table.name: sorted(lines_of(connection, table)) for table in tables_in(connection)
            }
    finally:
        database.close()


def fill(place: Place) -> None:
    """Keep cases, readings, pictures, preferences and events, with words of several scripts."""
    with Store(place) as store:
        keep(store, JANE, IMAGE, KeptFile("Befund über Möller 张伟 '; DROP--.txt", b"\0\xff"))
        store.keep_case(JOHN, [NOTE], label="2 files", pack_name="thorax")
        save(store, {"entries": {"nodule": {"text": "ünïcode \u2028 \U0001f600 \\n"}}})
        desk = StoredDesk({"mode": "read-first", "score": 0.1}, {"viewer": {"zoom": 1e-9}})
        progress = Progress(begun=1, asked=6, decided=2, revealed_at=store.case(JANE).created_at)  # type: ignore[union-attr] # just kept
        store.save_desk(
            JOHN, "thorax", desk, progress=progress, attached=[b"picture"],
            happened=[(EventKind.REVEALED, "", {}), (EventKind.DECIDED, "nodule", {})],
        )  # fmt: skip
        store.prefer("local", "language", "zh-Hans")
        store.remove(JANE)


@contextmanager
def served(place: Place) -> Iterator[list[str]]:
    """Keep and remove cases all the while, as a server does; collect what went wrong."""
    ended, faults = threading.Event(), list[str]()

    def serve() -> None:
        with Store(place) as store:
            number = 0
            while not ended.is_set():
                number += 1
                digest = f"{number:064x}"
                store.keep_case(digest, [KeptFile("f", digest.encode() * 500)], label="busy")
                if number % 2:
                    store.delete(digest)

    def watched() -> None:
        try:
            serve()
        except Exception as error:  # noqa: BLE001 - told by the test
            faults.append(repr(error))

    server = threading.Thread(target=watched)
    server.start()
    try:
        yield faults
    finally:
        ended.set()
        server.join()


@pytest.fixture(params=BOTH)
def elsewhere(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("elsewhere")
    return Place(folder, url=url_of(request.param, request))


def test_a_backup_put_back_is_the_same_store_row_by_row_on_any_database(
    place: Place, elsewhere: Place, tmp_path: Path
) -> None:
    fill(place)
    before = rows_of(place)
    made = back_up(place, tmp_path / "all.zip")
    assert restore(elsewhere, tmp_path / "all.zip") == made
    after = rows_of(elsewhere)
    assert set(after) == set(before)
    for table, rows in before.items():
        assert after[table] == rows, table
    assert all(before[name] for name in ("cases", "case_files", "drafts", "readings", "audit"))
    with Store(elsewhere) as store:
        assert store.files(JOHN) == (NOTE,)
        assert store.files(JANE)[0] == IMAGE
        assert store.desk(JOHN, "thorax").reading == {"mode": "read-first", "score": 0.1}
        store.restore(JANE)
        last = store.events(JANE)[-1]
        assert last.kind is EventKind.RESTORED, "new events are numbered after the old ones"


def test_a_store_moves_to_postgresql_and_back_with_nothing_lost(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    here = Place(tmp_path)
    fill(here)
    before = rows_of(here)
    there = replace(here, url=url_of("postgresql", request))
    assert sum(move(here, there.url).rows.values()) == sum(len(rows) for rows in before.values())
    assert rows_of(there) == before
    assert rows_of(here) == before, "the old one is left as it was"
    with Store(there) as store:
        store.restore(JANE)
        assert store.files(JANE)[0] == IMAGE
        assert store.files(JOHN) == (NOTE,)
    worked_on = rows_of(there)
    back = replace(here, url=f"sqlite:///{tmp_path / 'back.db'}")
    move(there, back.url)
    assert rows_of(back) == worked_on
    assert worked_on != before
    with Store(back) as store:
        assert store.files(JANE)[0] == IMAGE
        store.remove(JANE)


def test_a_backup_is_of_one_moment_while_cases_come_and_go(place: Place, tmp_path: Path) -> None:
    fill(place)
    with served(place) as faults:
        for number in range(4):
            back_up(place, tmp_path / f"{number}.zip")
    assert faults == []
    for number in range(4):
        folder = tmp_path / f"back {number}"
        restore(Place(folder), tmp_path / f"{number}.zip")
        with Store(Place(folder)) as store:
            for case in store.cases(most=10_000):
                assert store.files(case.digest), "every row has its files"
        assert not list((place.folder).glob("backup-*"))


def test_what_is_sealed_stays_sealed_and_needs_no_key_on_the_way(
    place: Place, elsewhere: Place, tmp_path: Path
) -> None:
    with Store(replace(place, key=KEY)) as store:
        keep(store)
    back_up(place, tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    for words in (b"Doe", b"note.txt", b"Fever.", b"pixels"):
        assert words not in content, words
    restore(elsewhere, tmp_path / "all.zip")
    with pytest.raises(StoreKeyError):
        Store(elsewhere)
    with Store(replace(elsewhere, key=KEY)) as store:
        assert store.files(JANE) == (IMAGE, NOTE)


def test_a_backup_is_the_users_alone_and_no_file_is_written_over(tmp_path: Path) -> None:
    place = Place(tmp_path / "store")
    fill(place)
    back_up(place, tmp_path / "all.zip")
    assert not (tmp_path / "all.zip").stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    with pytest.raises(BackupRefusedError, match="there already"):
        back_up(place, tmp_path / "all.zip")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_one_altered_byte_is_found_unless_it_changes_nothing(tmp_path: Path) -> None:
    fill(Place(tmp_path / "store"))
    file, target = tmp_path / "all.zip", tmp_path / "new"
    back_up(Place(tmp_path / "store"), file)
    content = file.read_bytes()
    rng, refused = random.Random(5), 0
    for _ in range(60):
        harmed = bytearray(content)
        harmed[rng.randrange(len(content))] ^= rng.randrange(1, 256)
        file.write_bytes(harmed)
        try:
            restore(Place(target), file)
        except BackupRefusedError:
            refused += 1
            assert not target.exists(), "nothing is put back"
        else:  # a date or flag of the zip itself
            assert rows_of(Place(target)) == rows_of(Place(tmp_path / "store"))
            shutil.rmtree(target)
    assert refused >= 40, "most bytes are those of rows and files"


def test_a_file_cut_short_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    fill(Place(tmp_path / "store"))
    file = tmp_path / "all.zip"
    back_up(Place(tmp_path / "store"), file)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(BackupRefusedError):
        look_into(file)
    file.write_bytes(b"not a zip")
    with pytest.raises(BackupRefusedError):
        look_into(file)
    with pytest.raises(BackupRefusedError, match="no such file"):
        look_into(tmp_path / "none.zip")


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    import hashlib

    manifest = {
        "format": "consilium.backup/1", "made_at": "2026-01-01T00:00:00+00:00", "revision": HEAD,
        "tables": {}, "blobs": {"../../escaped": {"bytes": 1, "sha256": "0" * 64}},
    }  # fmt: skip
    text = json.dumps(manifest).encode()
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("manifest.json", text)
        archive.writestr("manifest.sha256", hashlib.sha256(text).hexdigest())
        archive.writestr("blobs/../../escaped", b"x")
    with pytest.raises(BackupRefusedError, match="digest"):
        restore(Place(tmp_path / "new"), tmp_path / "evil.zip")
    assert not list(tmp_path.rglob("escaped"))


def test_a_place_in_use_is_never_written_over(
    place: Place, elsewhere: Place, tmp_path: Path
) -> None:
    fill(place)
    back_up(place, tmp_path / "all.zip")
    with Store(elsewhere) as store:
        keep(store, JOHN, IMAGE)
    before = rows_of(elsewhere)
    with pytest.raises(BackupRefusedError, match="in use"):
        restore(elsewhere, tmp_path / "all.zip")
    assert rows_of(elsewhere) == before
    assert len(blobs(elsewhere.folder)) == 1


def test_a_store_that_was_only_opened_takes_a_backup(place: Place, tmp_path: Path) -> None:
    fill(place)
    back_up(place, tmp_path / "all.zip")
    new = Place(tmp_path / "new", key=KEY)
    Store(new).close()
    restore(new, tmp_path / "all.zip")
    assert rows_of(new) == rows_of(place)


def test_a_failure_halfway_leaves_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, new = Place(tmp_path / "store"), Place(tmp_path / "new")
    fill(place)
    back_up(place, tmp_path / "all.zip")
    calls = []

    def fail(*given: object) -> int:
        from mmcore.store.portable import write_lines

        calls.append(given)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return write_lines(*given)  # type: ignore[arg-type] # passed on

    with monkeypatch.context() as failing:
        failing.setattr("mmcore.store.backup.write_lines", fail)
        with pytest.raises(Exception, match="No space"):
            restore(new, tmp_path / "all.zip")
    assert len(calls) == 3
    restore(new, tmp_path / "all.zip")
    assert rows_of(new) == rows_of(place)


def test_a_backup_of_an_older_version_is_upgraded_on_its_way_in(tmp_path: Path) -> None:
    old = Place(tmp_path / "old")
    database = Database(old)
    with database.starting(), database.writing(alone=True) as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    database.close()
    sql(
        old,
        "INSERT INTO cases VALUES (:digest, '\"2 files\"', '\"Doe\"', NULL, 'open', :at, :at, :at,"
        " NULL)",
        digest=JANE, at="2026-03-01 09:00:00.000000",
    )  # fmt: skip
    file = tmp_path / "old.zip"
    pack_as_it_is(old, file)
    assert look_into(file).revision == "0001"
    restore(Place(tmp_path / "new"), file)
    with Store(Place(tmp_path / "new")) as store:
        assert [case.person for case in store.cases()] == ["Doe"]


def pack_as_it_is(place: Place, file: Path) -> None:
    """Back a store up with the program of its own time, which would not have upgraded it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmcore.store.backup.bring_up_to_date", lambda _: None)
        back_up(place, file)


def test_a_backup_of_a_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    place = Place(tmp_path / "store")
    fill(place)
    sql(place, "UPDATE alembic_version SET version_num = '9999'")
    pack_as_it_is(place, tmp_path / "new.zip")
    with pytest.raises(SchemaTooNewError) as refused:
        restore(Place(tmp_path / "here"), tmp_path / "new.zip")
    assert refused.value.found == "9999"


def test_files_that_a_store_of_another_key_left_give_way_to_those_of_the_backup(
    tmp_path: Path,
) -> None:
    fill(Place(tmp_path / "old"))
    back_up(Place(tmp_path / "old"), tmp_path / "file")
    with Store(Place(tmp_path / "new", key=KEY)) as left:
        fill(left.place)
    for name in ("consilium.db", "consilium.db-wal", "consilium.db-shm"):
        (tmp_path / "new" / name).unlink(missing_ok=True)
    restore(Place(tmp_path / "new"), tmp_path / "file")
    with Store(Place(tmp_path / "new")) as store:
        assert [file.data for file in store.files(JOHN)] == [NOTE.data]
