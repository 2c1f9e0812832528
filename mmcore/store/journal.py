"""The journal: rows that are only appended, each with the hash of the one before it.

What is done and what is written down of it are one transaction. While one process appends, no other
does, so that the chain has one end.
"""

import base64
import json
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, func, insert, select, text, update

from mmcore.audit.chain import KEYED, Entry, Head, linked
from mmcore.errors import AuditError
from mmcore.people.records import LOCAL
from mmcore.store.database import APPENDS, Database
from mmcore.store.place import Place
from mmcore.store.records import Event, EventKind
from mmcore.store.schema import HEAD, revision_of
from mmcore.store.sealing import Seal
from mmcore.store.tables import accounts, audit, audit_keys

_AT_A_TIME = 1000
_KEY_BYTES, _KEY_AT = 32, "audit key 1"
_KEY = select(audit_keys.c.value).where(audit_keys.c.number == 1)
EVERYBODY = "reader reviewer admin"
"""The roles of the local reader, where nobody signs in."""


class Journal:
    """What happened at this site, in its order."""

    def __init__(self, database: Database, seal: Seal, clock: Callable[[], datetime]) -> None:
        self._database, self._seal, self._clock = database, seal, clock
        self._key: bytes | None = None
        self._keyed_from: int | None = None

    def open(self, *, only_reads: bool = False) -> None:
        """Take the chain's key out of the database, made now where the site has got a key.

        It is sealed with the site's key and stays the same when the site changes that. With it is
        kept from which entry on it is used. only_reads: nothing is made. Raises ``StoreKeyError``,
        and ``AuditError`` where the key is not there any more.
        """
        if only_reads:
            with self._database.reading() as connection:
                self.take_key(connection)
                if self._key is None and self._seal.has_key and _head(connection) is not None:
                    raise AuditError(
                        problem="the site has a key and its chain has none: start the server once "
                        "with the key; if it ran with it before, the chain's key was removed"
                    )
            return
        if not self._seal.has_key:
            return
        with self._database.writing(alone=True) as connection:
            found = connection.scalar(_KEY)
            self.take_key(connection)
            if self._key is None:
                last = _head(connection)
                self._key = secrets.token_bytes(_KEY_BYTES)
                self._keyed_from = 1 if last is None else last.seq + 1
            kept = {"key": base64.b64encode(self._key).decode(), "from": self._keyed_from}
            if found is None:
                value = self._seal.seal_json(kept, where=_KEY_AT)
                connection.execute(insert(audit_keys).values(number=1, value=value))
            elif self._seal.open_json(found, where=_KEY_AT) != kept:
                value = self._seal.seal_json(kept, where=_KEY_AT)
                connection.execute(update(audit_keys).values(value=value))

    def take_key(self, connection: Connection) -> None:
        """Take the key as it is kept; older stores keep it alone, without where it begins."""
        found = connection.scalar(_KEY)
        if found is None:
            return
        kept = self._seal.open_json(found, where=_KEY_AT)
        if isinstance(kept, str):
            keyed = select(func.min(audit.c.seq)).where(audit.c.method == KEYED)
            last = _head(connection)
            begins = connection.scalar(keyed) or (1 if last is None else last.seq + 1)
            kept = {"key": kept, "from": begins}
        self._key, self._keyed_from = base64.b64decode(kept["key"]), int(kept["from"])

    def append(
        self,
        connection: Connection,
        kind: EventKind,
        case_digest: str = "",
        *,
        actor: str,
        pack_name: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down what happens in this transaction. details: JSON values, never of a patient."""
        if connection.dialect.name == "postgresql":  # until the transaction ends
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": APPENDS})
        entry = Entry(
            seq=0, at=self._clock(), actor=actor, roles=_roles(connection, actor), kind=str(kind),
            case_digest=case_digest, pack_name=pack_name, details=dict(details or {}),
        )  # fmt: skip
        made = linked(entry, _head(connection), self._key)
        connection.execute(insert(audit).values(**row_of(made)))

    def tell(
        self,
        kind: EventKind,
        case_digest: str = "",
        *,
        actor: str,
        pack_name: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down what happened just now, in a transaction of its own."""
        with self._database.writing(alone=True) as connection:
            self.append(
                connection, kind, case_digest, actor=actor, pack_name=pack_name, details=details
            )

    def head(self) -> Head | None:
        """Return number and hash of the last entry, None where there is none."""
        with self._database.reading() as connection:
            return _head(connection)

    def entries(self, *, since: int = 0) -> Iterator[Entry]:
        """Yield every entry after a number, as one state of the database has them.

        Raises ``AuditError`` where something was written that no entry has, such as a time that is
        none.
        """
        with self._database.snapshot() as connection:
            while True:
                with _readable(since):
                    rows = connection.execute(
                        select(audit)
                        .where(audit.c.seq > since)
                        .order_by(audit.c.seq)
                        .limit(_AT_A_TIME)
                    ).all()
                    found = [entry_of(row) for row in rows]
                yield from found
                if len(rows) < _AT_A_TIME:
                    return
                since = rows[-1].seq

    def last(self, number: int) -> tuple[Entry, ...]:
        """Return the last entries, newest first. Raises ``AuditError`` as ``entries`` does."""
        with self._database.reading() as connection, _readable(0):
            rows = connection.execute(
                select(audit).order_by(audit.c.seq.desc()).limit(number)
            ).all()
            return tuple(map(entry_of, rows))

    def of_site(self, kind: EventKind) -> tuple[Entry, ...]:
        """Return the entries of one kind that are about no case, in order.

        Raises ``AuditError`` as ``entries`` does.
        """
        wanted = (audit.c.case_digest == "") & (audit.c.kind == str(kind))
        with self._database.reading() as connection, _readable(0):
            rows = connection.execute(select(audit).where(wanted).order_by(audit.c.seq)).all()
            return tuple(map(entry_of, rows))

    def events(self, case_digest: str) -> tuple[Event, ...]:
        """Return what happened to a case, in order; also after it was deleted."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(audit).where(audit.c.case_digest == case_digest).order_by(audit.c.seq)
            ).all()
        return tuple(_event(entry_of(row)) for row in rows)

    def has_happened(
        self, kinds: Collection[EventKind], case_digest: str, *, reader: str = LOCAL
    ) -> bool:
        """Return whether any of ``kinds`` happened to a case and reader, even if it was deleted."""
        wanted = exists().where(
            audit.c.case_digest == case_digest,
            audit.c.kind.in_([str(kind) for kind in kinds]),
            audit.c.actor == reader,
        )
        with self._database.reading() as connection:
            return bool(connection.scalar(select(wanted)))

    @property
    def keyed_from(self) -> int | None:
        """The number from which on entries are made with the key; None where there is no key."""
        return self._keyed_from

    @property
    def key(self) -> bytes | None:
        """The key of the chain, to verify it; None where the site has no key."""
        return self._key


@contextmanager
def journal_at(place: Place) -> Iterator[Journal]:
    """Give the journal of a store to read, without touching anything of it.

    Raises ``AuditError`` where there is none of this version, and ``StoreKeyError``.
    """
    database = Database(place)
    try:
        with database.reading() as connection:
            found = revision_of(connection)
        if found != HEAD:
            raise AuditError(problem="the store is of another version; start its server first")
        journal = Journal(database, Seal(place.key), lambda: datetime.now(UTC))
        journal.open(only_reads=True)
        yield journal
    finally:
        database.close()


def note(place: Place, kind: EventKind, **details: Any) -> bool:
    """Write down what was done with a whole store, by no account of it; return whether it could be.

    It can not where the chain has a key and the site's key, which opens that, is not given. Raises
    ``StoreKeyError`` for another key.
    """
    database, seal = Database(place), Seal(place.key)
    try:
        journal = Journal(database, seal, lambda: datetime.now(UTC))
        with database.writing(alone=True) as connection:
            if not seal.has_key and connection.scalar(_KEY) is not None:
                return False
            journal.take_key(connection)
            journal.append(connection, kind, actor="", details=details)
        return True
    finally:
        database.close()


def row_of(entry: Entry) -> dict[str, Any]:
    """Return an entry as the columns of its row."""
    return {
        "seq": entry.seq, "at": entry.at, "actor": entry.actor, "roles": entry.roles,
        "kind": entry.kind, "case_digest": entry.case_digest, "pack_name": entry.pack_name,
        "details": json.dumps(dict(entry.details), sort_keys=True, allow_nan=False),
        "method": entry.method, "previous": entry.previous, "hash": entry.hash,
    }  # fmt: skip


def entry_of(row: Row[Any]) -> Entry:
    """Return a row as the entry that it holds, whatever was written into its columns since.

    Raises ``ValueError`` for a number that is none.
    """
    try:
        details = json.loads(row.details)
    except (ValueError, TypeError):
        details = None
    if not isinstance(details, dict):
        details = {"unreadable": str(row.details)}
    return Entry(
        int(row.seq), row.at, str(row.actor), str(row.roles), str(row.kind), str(row.case_digest),
        str(row.pack_name), details, str(row.method), str(row.previous), str(row.hash),
    )  # fmt: skip


@contextmanager
def _readable(since: int) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        problem = f"an entry after number {since} can not be read: it was altered in the database"
        raise AuditError(problem=problem) from error


def _event(entry: Entry) -> Event:
    return Event(
        entry.at, EventKind(entry.kind), entry.case_digest, entry.pack_name, entry.actor,
        str(entry.details.get("what", "")),
    )  # fmt: skip


def _head(connection: Connection) -> Head | None:
    row = connection.execute(
        select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
    ).first()
    return None if row is None else Head(row.seq, row.hash)


def _roles(connection: Connection, actor: str) -> str:
    if actor == LOCAL:
        return EVERYBODY
    found = connection.scalar(select(accounts.c.roles).where(accounts.c.id == actor))
    return found or ""
