"""Rows of readings and drafts, each with a version that counts its saves (optimistic locking)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, exists, insert, select, update

from mmcore.errors import ReportSignedError, StaleVersionError
from mmcore.store.records import Json, Progress, StoredDesk
from mmcore.store.sealing import Seal
from mmcore.store.tables import desk_files, drafts, readings, signatures


@dataclass(frozen=True, slots=True)
class DeskKey:
    """Whose desk: of one case, one model and one reader."""

    case_digest: str
    pack_name: str
    reader: str


def read_desk(connection: Connection, seal: Seal, key: DeskKey) -> StoredDesk:
    """Return what was last saved, a blank desk if nothing was."""
    reading, reading_version = _read(connection, seal, readings, key)
    draft, draft_version = _read(connection, seal, drafts, key)
    return StoredDesk(reading, draft, reading_version, draft_version)


def read_others(connection: Connection, seal: Seal, key: DeskKey) -> tuple[tuple[str, Json], ...]:
    """Return the recorded readings of all others than this reader, each with whose it is."""
    table = readings
    rows = connection.execute(
        select(table.c.reader, table.c.document)
        .where(table.c.case_digest == key.case_digest, table.c.pack_name == key.pack_name)
        .where(table.c.reader != key.reader)
        .order_by(table.c.reader)
    )
    whose = ((row, replace(key, reader=row.reader)) for row in rows)
    return tuple(
        (row.reader, seal.open_json(row.document, where=_where(table, their)))
        for row, their in whose
    )


def write_desk(
    connection: Connection,
    seal: Seal,
    key: DeskKey,
    desk: StoredDesk,
    progress: Progress,
    at: datetime,
) -> StoredDesk:
    """Write a desk whose versions are those last read; return it with the new ones.

    A reading of None is left as it is stored. Raises ``StaleVersionError`` if somebody else wrote
    in between, also where this reader has not recorded anything and another has, and
    ``ReportSignedError`` for a reading that was signed.
    """
    draft_version = _write(
        connection, seal, drafts, key, desk.draft or {}, desk.draft_version, at,
        {"begun": progress.begun, "asked": progress.asked},
    )  # fmt: skip
    if desk.reading is None:
        return StoredDesk(None, desk.draft, desk.reading_version, draft_version)
    if is_signed(connection, key):
        raise ReportSignedError
    reading_version = _write(
        connection, seal, readings, key, desk.reading, desk.reading_version, at,
        {"revealed_at": progress.revealed_at, "decided": progress.decided},
    )  # fmt: skip
    return StoredDesk(desk.reading, desk.draft, reading_version, draft_version)


def is_signed(connection: Connection, key: DeskKey) -> bool:
    """Return whether the reader has signed the report of this desk."""
    wanted = exists().where(*is_of(signatures, key))
    return bool(connection.scalar(select(wanted)))


def refuse_if_stale(connection: Connection, key: DeskKey, desk: StoredDesk) -> None:
    """Raise ``StaleVersionError`` if the desk was saved since ``desk`` was read or saved."""
    versions = ((readings, desk.reading_version), (drafts, desk.draft_version))
    for table, version in versions:
        found = connection.scalar(select(table.c.version).where(*is_of(table, key)))
        if (found or 0) != version:
            raise StaleVersionError(what=table.name.rstrip("s"), expected=version)


def attach(connection: Connection, key: DeskKey, blobs: Collection[str]) -> set[str]:
    """Make a desk refer to these files alone; return those that it referred to before."""
    listed = set(
        connection.scalars(select(desk_files.c.blob_digest).where(*is_of(desk_files, key)))
    )
    if listed == set(blobs):
        return set()
    connection.execute(delete(desk_files).where(*is_of(desk_files, key)))
    if blobs:
        connection.execute(
            insert(desk_files),
            [
                {
                    "case_digest": key.case_digest,
                    "pack_name": key.pack_name,
                    "reader": key.reader,
                    "blob_digest": blob,
                }
                for blob in sorted(set(blobs))
            ],
        )
    return listed - set(blobs)


def _read(
    connection: Connection, seal: Seal, table: Table, key: DeskKey
) -> tuple[Json | None, int]:
    row = connection.execute(
        select(table.c.document, table.c.version).where(*is_of(table, key))
    ).first()
    if row is None:
        return None, 0
    return seal.open_json(row.document, where=_where(table, key)), row.version


def _write(
    connection: Connection,
    seal: Seal,
    table: Table,
    key: DeskKey,
    document: Json,
    version: int,
    at: datetime,
    facts: Mapping[str, Any],
) -> int:
    values = {
        "document": seal.seal_json(dict(document), where=_where(table, key)),
        "version": version + 1,
        "changed_at": at,
        **facts,
    }
    found = connection.scalar(select(table.c.version).where(*is_of(table, key)).with_for_update())
    if (found or 0) != version:
        raise StaleVersionError(what=table.name.rstrip("s"), expected=version)
    if found is None:
        connection.execute(insert(table).values(
            case_digest=key.case_digest, pack_name=key.pack_name, reader=key.reader, **values
        ))  # fmt: skip
    else:
        connection.execute(update(table).where(*is_of(table, key)).values(**values))
    return version + 1


def is_of(table: Table, key: DeskKey) -> tuple[Any, ...]:
    """Return what must hold of the rows of a desk."""
    return (
        table.c.case_digest == key.case_digest,
        table.c.pack_name == key.pack_name,
        table.c.reader == key.reader,
    )


def _where(table: Table, key: DeskKey) -> str:
    return f"{table.name} {key.case_digest} {key.pack_name} {key.reader}"
