"""One database behind the store: connections, transactions, and errors translated at the door."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from mmcore.errors import StoreUnavailableError
from mmcore.store.blobs import PRIVATE_FILE, make_folder
from mmcore.store.place import Place

_BUSY_SECONDS = 30.0  # how long a transaction waits for another process's
_FILE_NAME = "consilium.db"
_LOCK = 0x636F6E73  # any number, the same for all processes on one PostgreSQL database
APPENDS = _LOCK  # who appends to the journal is alone like who writes alone: one lock, no deadlock
_WRITES = "consilium_writes"
_CHECKPOINT_MILLISECONDS = 500  # how long one try to empty the write-ahead log waits for readers


class Database:
    """An SQLAlchemy engine that hands out one transaction at a time."""

    def __init__(self, place: Place, *, alone: bool = False) -> None:
        """Open the database of a place.

        alone: nobody else has it open, in any process of this folder, and nobody can open it until
        it is closed. Raises ``StoreUnavailableError`` where that is not so.
        """
        self._owes_forgetting = False
        self._lock_file = place.folder / "start.lock"
        try:
            make_folder(place.folder)
            if not place.url:
                os.close(os.open(place.folder / _FILE_NAME, os.O_CREAT | os.O_RDWR, PRIVATE_FILE))
        except OSError as error:
            raise StoreUnavailableError(
                problem=f"{type(error).__name__}: {error.strerror}"
            ) from error
        self._use = _lock_use(place.folder / "use.lock", alone=alone)
        try:
            self.engine = _engine(place.url or f"sqlite:///{place.folder / _FILE_NAME}")
        except StoreUnavailableError:
            self._let_go()
            raise

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file beside the stored ones."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Let one process of this folder at a time through; SQLite is switched to WAL inside."""
        try:
            descriptor = os.open(self._lock_file, os.O_CREAT | os.O_RDWR, PRIVATE_FILE)
        except OSError as error:
            raise StoreUnavailableError(
                problem=f"{type(error).__name__}: {error.strerror}"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if self.is_sqlite:
                with translated():
                    raw = self.engine.raw_connection()  # outside of any transaction
                    try:
                        raw.cursor().execute("PRAGMA journal_mode = WAL")
                    finally:
                        raw.close()
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the database throughout."""
        with translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Give a connection for long reading: one state throughout, whatever is written beside."""
        with translated(), self.engine.connect() as connection:
            if not self.is_sqlite:  # SQLite reads so anyhow
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            connection.exec_driver_sql("SELECT 1 FROM alembic_version").first()  # it begins now
            yield connection

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[Connection]:
        """Give a transaction that is committed as a whole when the block ends without an error.

        alone: no other process is in such a block at the same time. SQLite has one writer anyhow.
        """
        with translated(), self.engine.connect() as bare:
            connection = bare.execution_options(**{_WRITES: True})
            with connection.begin():
                if alone and self.engine.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _LOCK})
                yield connection
        if self._owes_forgetting:
            self._owes_forgetting = not self._forget()

    def forget_deleted(self) -> None:
        """See that what this transaction deletes leaves SQLite's files once it is committed.

        Deleted rows are overwritten with zeros (``secure_delete``); what the write-ahead log still
        holds of them goes as soon as nobody reads an older state, at the latest with the next
        transaction. PostgreSQL keeps deleted rows until its own vacuum.
        """
        self._owes_forgetting = self.is_sqlite

    def _forget(self) -> bool:
        """Write the write-ahead log into the database and empty it; whether all of it went."""
        with translated():
            raw = self.engine.raw_connection()
            try:
                cursor = raw.cursor()
                cursor.execute(f"PRAGMA busy_timeout = {_CHECKPOINT_MILLISECONDS}")
                is_busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                cursor.execute(f"PRAGMA busy_timeout = {int(_BUSY_SECONDS * 1000)}")
            finally:
                raw.close()
        return not is_busy

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        self._let_go()

    def _let_go(self) -> None:
        if self._use is not None:
            os.close(self._use)
            self._use = None


def _lock_use(file: Path, *, alone: bool) -> int | None:
    """Return a descriptor whose lock says that a store is in use, until it is closed."""
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_RDWR, PRIVATE_FILE)
    except OSError as error:
        problem = f"{type(error).__name__}: {error.strerror}"
        raise StoreUnavailableError(problem=problem) from error
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        problem = (
            "it is in use; stop the server and every other command first"
            if alone
            else "its key is being changed; wait until that is done"
        )
        raise StoreUnavailableError(problem=problem) from error
    except OSError:  # a disk without locks
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def translated() -> Iterator[None]:
    """Turn whatever SQLAlchemy raises into ``StoreUnavailableError``, without its values."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = getattr(error, "orig", None) or error
        raise StoreUnavailableError(problem=type(cause).__name__) from error


@contextmanager
def _drivers_named() -> Iterator[None]:
    """Say which library of a database is missing."""
    try:
        yield
    except ImportError as error:
        problem = f"{error.name} is not installed, and its address asks for it"
        raise StoreUnavailableError(problem=problem) from error


def _engine(url: str) -> Engine:
    with translated(), _drivers_named():
        is_file = url.startswith("sqlite")
        engine = create_engine(
            url,
            hide_parameters=True,  # no message quotes what was entered
            connect_args={"timeout": _BUSY_SECONDS} if is_file else {},
            pool_pre_ping=not is_file,
        )
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    return engine


def _prepare(raw: Any, _: object) -> None:
    """Set up one SQLite connection; transactions are begun by ``_begin`` alone."""
    raw.isolation_level = None
    raw.execute("PRAGMA foreign_keys = ON")
    raw.execute("PRAGMA secure_delete = ON")  # zeros over what is deleted or written anew
    raw.execute("PRAGMA synchronous = FULL")  # a commit is on the disk when it returns


def _begin(connection: Connection) -> None:
    """Begin at once as a writer where something will be written: waiting later could fail."""
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
