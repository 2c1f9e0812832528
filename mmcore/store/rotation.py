"""A store sealed anew with another key: every file, every sealed value, every fingerprint.

May be killed at any moment and begun again with the same two keys. Files are sealed anew one by one
while both keys open what is there; then all rows change in one transaction. Until that is
committed the store says that its key is being changed and opens for nobody.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, insert, select, text, update

from mmcore.errors import StoredFileDamagedError, StoreKeyError, StoreUnavailableError
from mmcore.store.blobs import Blobs, write_whole
from mmcore.store.database import Database
from mmcore.store.journal import Journal
from mmcore.store.place import Place
from mmcore.store.portable import has_revision
from mmcore.store.records import EventKind
from mmcore.store.schema import bring_up_to_date
from mmcore.store.sealing import KEY_CHANGE, KEY_CHECK, Seal, is_sealed_text
from mmcore.store.tables import facts as site_facts
from mmcore.store.tables import metadata, search_tokens, worklist
from mmcore.store.work_records import CaseFacts
from mmcore.store.work_rows import write_facts

_DESK = "{case_digest} {pack_name} {reader}"
SEALED: Mapping[str, Mapping[str, str]] = {
    "cases": {"label": "label {digest}", "person": "person {digest}"},
    "case_files": {"name": "file name {case_digest} {position}"},
    "readings": {"document": f"readings {_DESK}"},
    "drafts": {"document": f"drafts {_DESK}"},
    "signatures": {"document": f"signature {_DESK}"},
    "cosignatures": {"document": f"cosignature {{number}} {_DESK}"},
    "addenda": {"document": f"addendum {{number}} {_DESK}"},
    "worklist": {"identity": "worklist {case_digest}"},
    "scorings": {"summary": "scoring {case_digest} {pack_digest}"},
    "audit_keys": {"value": "audit key {number}"},
}
"""Where each sealed column's values are bound to, in the columns of their row."""

PersonOf = Callable[[Mapping[str, str]], str]
"""Returns what is equal for cases of one patient, of what the list of work says of a case."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rotated:
    """How much was sealed anew in this run: files, and values of rows.

    damaged: what neither key opens; it stays as it is, as unreadable as it was.
    """

    files: int
    values: int
    damaged: int = 0


@dataclass(frozen=True, slots=True)
class _Keys:
    old: Seal
    new: Seal

    def open_json(self, value: str, *, where: str) -> Any:
        try:
            return self.new.open_json(value, where=where)
        except StoreKeyError:
            return self.old.open_json(value, where=where)


def rotate(
    place: Place, new_key: bytes, *, person_of: PersonOf, progress: Progress | None = None
) -> Rotated:
    """Seal the store at a place with a new key instead of the place's own, which may be none.

    progress: called with the files done and the files there are. Raises
    ``StoreUnavailableError`` while anybody else has the store open, ``StoreKeyError`` if it has a
    third key.
    """
    keys = _Keys(Seal(place.key), Seal(new_key))
    with _alone(place) as database:
        _begin(database, keys)
        folders = [place.folder / "blobs", place.folder / "outbox" / "objects"]
        folders += sorted((place.folder / "inbox").glob("*"))
        listed = [(Blobs(f, keys.new), d) for f in folders for d in Blobs(f, keys.new).digests()]
        files = damaged = 0
        for number, (blobs, digest) in enumerate(listed, start=1):
            try:
                files += blobs.seal_anew(digest, keys.old)
            except (StoredFileDamagedError, StoreKeyError):
                damaged += 1
            if progress is not None:
                progress(number, len(listed))
        for path in sorted((place.folder / "outbox").glob("parcels/*.json")):
            if _seal_parcel(path, keys):
                files += 1
            else:
                damaged += 1
        values, unread = _seal_rows(database, keys, person_of)
        return Rotated(files, values, damaged + unread)


@contextmanager
def _alone(place: Place) -> Iterator[Database]:
    database = Database(place, alone=True)
    try:
        bring_up_to_date(database)
        yield database
    finally:
        database.close()


def _begin(database: Database, keys: _Keys) -> None:
    """Note on the disk that the key is being changed, and to which."""
    with database.writing(alone=True) as connection:
        if not has_revision(connection):
            raise StoreUnavailableError(problem="there is no store")
        change = _fact(connection, KEY_CHANGE)
        if change is not None:
            keys.new.open_json(change, where=KEY_CHANGE)  # the key that was begun with, or refused
        check = _fact(connection, KEY_CHECK)
        if check is not None:
            keys.open_json(check, where=KEY_CHECK)
        elif keys.old.has_key:
            raise StoreKeyError(problem="it was never opened with the old key")
        if change is None:
            value = keys.new.seal_json(KEY_CHANGE, where=KEY_CHANGE)
            connection.execute(insert(site_facts).values(name=KEY_CHANGE, value=value))


def _seal_parcel(path: Path, keys: _Keys) -> bool:
    """Seal a note of the outbox; return whether it could be read."""
    try:
        before = path.read_text("utf-8")
        after = keys.new.seal_json(keys.open_json(before, where=path.stem), where=path.stem)
        write_whole(path, after.encode())
    except (StoreKeyError, ValueError):
        return False
    except OSError as error:
        problem = f"{type(error).__name__}: {error.strerror}"
        raise StoreUnavailableError(problem=problem) from error
    return True


def _seal_rows(database: Database, keys: _Keys, person_of: PersonOf) -> tuple[int, int]:
    """Seal every value of every row, and end the change: all of it or nothing.

    Returns how many were sealed, and how many no key opens.
    """
    count = damaged = 0
    with database.writing(alone=True) as connection:
        for name, columns in SEALED.items():
            table = metadata.tables[name]
            with _alterable(connection, table):
                for row in connection.execute(select(table)).all():
                    sealed = _seal_row(connection, table, row, columns, keys)
                    count += sealed
                    damaged += sum(row._mapping[name] is not None for name in columns) - sealed
        _find_anew(connection, keys.new, person_of)
        _tell(connection, database, keys.new)
        _refuse_unknown(connection)
        check = keys.new.seal_json(KEY_CHECK, where=KEY_CHECK)
        names = (KEY_CHANGE, KEY_CHECK)
        connection.execute(delete(site_facts).where(site_facts.c.name.in_(names)))
        connection.execute(insert(site_facts).values(name=KEY_CHECK, value=check))
        database.forget_deleted()
    return count, damaged


def _seal_row(
    connection: Connection, table: Table, row: Row[Any], columns: Mapping[str, str], keys: _Keys
) -> int:
    fields = row._mapping
    values = {}
    for column, form in columns.items():
        if fields[column] is not None:
            where = form.format(**fields)
            with suppress(StoreKeyError, ValueError):  # a damaged one stays as it is
                value = keys.open_json(fields[column], where=where)
                values[column] = keys.new.seal_json(value, where=where)
    this = [key == fields[key.name] for key in table.primary_key.columns]
    if values:
        connection.execute(update(table).where(*this).values(**values))
    return len(values)


@contextmanager
def _alterable(connection: Connection, table: Table) -> Iterator[None]:
    """Let rows be sealed anew that the database otherwise refuses to alter, such as signatures."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"ALTER TABLE {table.name} DISABLE TRIGGER USER"))
        yield
        connection.execute(text(f"ALTER TABLE {table.name} ENABLE TRIGGER USER"))
        return
    found = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
    triggers = connection.execute(found, {"table": table.name}).all()
    for trigger in triggers:
        connection.execute(text(f'DROP TRIGGER "{trigger.name}"'))
    yield
    for trigger in triggers:
        connection.exec_driver_sql(trigger.sql)


def _find_anew(connection: Connection, seal: Seal, person_of: PersonOf) -> None:
    """Make the fingerprints by which cases are searched and linked with the new key."""
    connection.execute(delete(search_tokens))
    for row in connection.execute(select(worklist)).all():
        where = SEALED["worklist"]["identity"].format(case_digest=row.case_digest)
        try:
            shown = seal.open_json(row.identity, where=where)
        except (StoreKeyError, ValueError):
            continue
        facts = CaseFacts(
            **shown, person=person_of(shown), study_at=row.study_at,
            dicom_modality=row.dicom_modality, body_part=row.body_part,
        )  # fmt: skip
        write_facts(connection, seal, row.case_digest, facts)


def _tell(connection: Connection, database: Database, seal: Seal) -> None:
    """Write the change into the audit, which stays the chain that it was."""
    journal = Journal(database, seal, lambda: datetime.now(UTC))
    journal.take_key(connection)
    journal.append(connection, EventKind.SITE_CHANGED, actor="", details={"what": "another key"})


def _refuse_unknown(connection: Connection) -> None:
    """Refuse a table with sealed values that are not listed here: they would be lost."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            is_listed = column.name in SEALED.get(table.name, {}) or table is site_facts
            if not is_listed and str(column.type) == "TEXT":
                for value in connection.scalars(select(column).where(column.is_not(None))):
                    if is_sealed_text(value):
                        raise StoreKeyError(problem=f"{table.name}.{column.name} is not known")


def _fact(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(site_facts.c.value).where(site_facts.c.name == name))
