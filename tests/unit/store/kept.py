"""Cases and desks that the tests keep, and a time that they move."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from mmcore.store import KeptFile, Place, Progress, Store, StoredDesk
from mmcore.store.database import Database

JANE, JOHN = "a1" * 32, "b2" * 32


IMAGE, NOTE = KeptFile("Doe Jane.dcm", b"\0pixels\xff" * 1000), KeptFile("note.txt", b"Fever.")


KEY = bytes(range(32))


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, **how_long: float) -> None:
        self.now += timedelta(**how_long)


def keep(store: Store, digest: str = JANE, *files: KeptFile) -> None:
    store.keep_case(digest, files or (IMAGE, NOTE), label="2 files", person="Doe, Jane")


def save(store: Store, draft: dict[str, object], version: int = 0) -> StoredDesk:
    desk = StoredDesk(None, draft, 0, version)
    return store.save_desk(JANE, "phantom", desk, progress=Progress(begun=len(draft)))


def blobs(folder: Path) -> list[Path]:
    return [path for path in (folder / "blobs").rglob("*") if path.is_file()]


def sql(place: Place, statement: str, **values: object) -> list[Any]:
    """Do to the database of a place what no code of ours does; return the rows, if any."""
    database = Database(place)
    try:
        with database.engine.begin() as connection:
            done = connection.execute(text(statement), values)
            return list(done) if done.returns_rows else []
    finally:
        database.close()
