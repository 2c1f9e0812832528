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

from sqlalchemy import Connection, Row, exists, insert, select, text

from mmcore.audit.chain import Entry, Head, linked
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
EVERYBODY = "reader reviewer admin"
"""The roles of the local reader, where nobody signs in."""


class Journal:
    """What happened at this site, in its order."""

    def __init__(self, database: Database, seal: Seal, clock: Callable[[], datetime]) -> None:
        self._database, self._seal, self._clock = database, seal, clock
        self._key: bytes | None = None

    def open(self, *, only_reads: bool = False) -> None:
        """Take the chain's key out of the database, made now where the site has got a key.

        It is sealed with the site's key and stays the same when the site changes that. only_reads:
        nothing is made. Raises ``StoreKeyError``.
        """
        if only_reads:
            with self._database.reading() as connection:
                found = connection.scalar(select(audit_keys.c.value))
            if found is not None:
                self._key = base64.b64decode(self._seal.open_json(found, where=_KEY_AT))
            return
        if not self._seal.has_key:
            return
        with self._database.writing(alone=True) as connection:
            found = connection.scalar(select(audit_keys.c.value).where(audit_keys.c.number == 1))
            if found is None:
                made = base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
                found = self._seal.seal_json(made, where=_KEY_AT)
                connection.execute(insert(audit_keys).values(number=1, value=found))
        self._key = base64.b64decode(self._seal.open_json(found, where=_KEY_AT))

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
        """Yield every entry after a number, as one state of the database has them."""
        with self._database.snapshot() as connection:
            while True:
                rows = connection.execute(
                    select(audit).where(audit.c.seq > since).order_by(audit.c.seq).limit(_AT_A_TIME)
                ).all()
                yield from map(entry_of, rows)
                if len(rows) < _AT_A_TIME:
                    return
                since = rows[-1].seq

    def last(self, number: int) -> tuple[Entry, ...]:
        """Return the last entries, newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(audit).order_by(audit.c.seq.desc()).limit(number)
            ).all()
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


def row_of(entry: Entry) -> dict[str, Any]:
    """Return an entry as the columns of its row."""
    return {
        "seq": entry.seq, "at": entry.at, "actor": entry.actor, "roles": entry.roles,
        "kind": entry.kind, "case_digest": entry.case_digest, "pack_name": entry.pack_name,
        "details": json.dumps(dict(entry.details), sort_keys=True, allow_nan=False),
        "method": entry.method, "previous": entry.previous, "hash": entry.hash,
    }  # fmt: skip


def entry_of(row: Row[Any]) -> Entry:
    """Return a row as the entry that it holds."""
    return Entry(
        row.seq, row.at, row.actor, row.roles, row.kind, row.case_digest, row.pack_name,
        json.loads(row.details), row.method, row.previous, row.hash,
    )  # fmt: skip


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
