"""Signed reports in the store: never altered, followed by addenda and co-signatures."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, exists, func, insert, select

from mmcore.errors import (
    NotAllowedError,
    ReportSignedError,
    StaleVersionError,
    UnknownCaseError,
)
from mmcore.people.roles import Action
from mmcore.store import case_rows, desk_rows
from mmcore.store.blobs import Blobs
from mmcore.store.database import Database
from mmcore.store.desk_rows import DeskKey
from mmcore.store.records import LOCAL, CaseState, EventKind, Json, StoredDesk
from mmcore.store.sealing import Seal
from mmcore.store.tables import addenda, cases, cosignatures, signatures


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A signed report as it is stored.

    document: the bytes that were signed. signature, addenda, cosignatures: JSON values, in order.
    """

    document: bytes
    signature: Json
    addenda: tuple[Json, ...] = ()
    cosignatures: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is new of a signed report: when it was signed, how much was added and co-signed."""

    signed_at: datetime
    addenda: int = 0
    cosignatures: int = 0


@dataclass(frozen=True, slots=True)
class Signed:
    """One signed report of a list, without its document. label, person: as of its case."""

    case_digest: str
    pack_name: str
    reader: str
    signed_at: datetime
    asks_cosignature: bool
    label: str
    person: str


class SignedReports:
    """What readers signed, and what was added after it.

    Every method raises ``StoreUnavailableError`` where the disk or the database fails.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        seal: Seal,
        clock: Callable[[], datetime],
        tell: Callable[..., None],
    ) -> None:
        """Work inside the store's own database, files and seal.

        tell: writes down what happened in the same transaction.
        """
        self._database = database
        self._blobs = blobs
        self._seal = seal
        self._clock = clock
        self._tell = tell

    def sign(
        self,
        case_digest: str,
        pack_name: str,
        *,
        document: bytes,
        signature: Json,
        desk: StoredDesk,
        reader: str = LOCAL,
    ) -> None:
        """Keep what a reader signed; their reading is final from then on.

        desk: as it was when the document was made. Raises ``ReportSignedError`` if it was signed
        before, ``StaleVersionError`` if anything of the desk was saved since, and
        ``UnknownCaseError`` if the case was deleted; a removed case is brought back.
        """
        key, now = DeskKey(case_digest, pack_name, reader), self._clock()
        self._blobs.put(document)
        with self._database.writing(alone=True) as connection:
            if not case_rows.change_case(connection, case_digest, changed_at=now):
                raise UnknownCaseError(digest=case_digest)
            case_rows.bring_back(connection, case_digest)
            if desk_rows.is_signed(connection, key):
                raise ReportSignedError
            desk_rows.refuse_if_stale(connection, key, desk)
            connection.execute(
                insert(signatures).values(
                    **_of(key),
                    document=self._seal.seal_json(dict(signature), where=_where(key)),
                    blob_digest=self._blobs.put(document),
                    signed_at=now,
                    asks_cosignature=bool(signature.get("asks_cosignature")),
                )
            )
            self._tell(connection, EventKind.SIGNED, case_digest, pack_name=pack_name,
                       reader=reader)  # fmt: skip

    def signed(
        self, case_digest: str, pack_name: str, *, reader: str = LOCAL
    ) -> SignedReport | None:
        """Return what a reader signed, with what was added since; None while they have not.

        Raises ``StoredFileDamagedError`` and ``StoreKeyError``.
        """
        key = DeskKey(case_digest, pack_name, reader)
        with self._database.reading() as connection:
            row = connection.execute(
                select(signatures.c.document, signatures.c.blob_digest).where(
                    *desk_rows.is_of(signatures, key)
                )
            ).first()
            if row is None:
                return None
            added = self._followed(connection, addenda, key, "addendum")
            cosigned = self._followed(connection, cosignatures, key, "cosignature")
        return SignedReport(
            self._blobs.get(row.blob_digest),
            self._seal.open_json(row.document, where=_where(key)),
            added,
            cosigned,
        )

    def _followed(
        self, connection: Connection, table: Table, key: DeskKey, what: str
    ) -> tuple[Json, ...]:
        rows = connection.execute(
            select(table.c.number, table.c.document)
            .where(*desk_rows.is_of(table, key))
            .order_by(table.c.number)
        ).all()
        return tuple(
            self._seal.open_json(row.document, where=_where(key, f"{what} {row.number}"))
            for row in rows
        )

    def stamp(self, case_digest: str, pack_name: str, *, reader: str = LOCAL) -> Stamp | None:
        """Return what tells whether anything of a signed report is new; None while it is none."""
        key = DeskKey(case_digest, pack_name, reader)
        counted = [_count(table, key).scalar_subquery() for table in (addenda, cosignatures)]
        with self._database.reading() as connection:
            row = connection.execute(
                select(signatures.c.signed_at, *counted).where(*desk_rows.is_of(signatures, key))
            ).first()
        return None if row is None else Stamp(row[0], int(row[1]), int(row[2]))

    def add(
        self,
        case_digest: str,
        pack_name: str,
        addendum: Json,
        *,
        after: int,
        reader: str = LOCAL,
    ) -> None:
        """Keep one more addendum to a signed report.

        after: how many there were when it was written. Raises ``StaleVersionError`` if there is
        another one by now, and ``UnknownCaseError`` if nothing was signed.
        """
        key, now = DeskKey(case_digest, pack_name, reader), self._clock()
        with self._database.writing(alone=True) as connection:
            if not desk_rows.is_signed(connection, key):
                raise UnknownCaseError(digest=case_digest)
            if connection.scalar(_count(addenda, key)) != after:
                raise StaleVersionError(what="report", expected=after)
            case_rows.change_case(connection, case_digest, changed_at=now)
            document = self._seal.seal_json(dict(addendum), where=_where(key, f"addendum {after}"))
            connection.execute(
                insert(addenda).values(**_of(key), number=after, document=document, added_at=now)
            )
            self._tell(connection, EventKind.ADDED, case_digest, pack_name=pack_name,
                       reader=reader)  # fmt: skip

    def cosign(
        self,
        case_digest: str,
        pack_name: str,
        cosignature: Json,
        *,
        stamp: Stamp,
        reader: str,
        by: str,
    ) -> None:
        """Keep one more co-signature under a report.

        stamp: of the report when it was looked at. reader: who signed it. by: who co-signs. Raises
        ``NotAllowedError`` for one's own report, ``StaleVersionError`` if anything was added since
        it was looked at, and ``UnknownCaseError`` if nothing was signed.
        """
        if by == reader:
            raise NotAllowedError(action=Action.COSIGN)
        key, now = DeskKey(case_digest, pack_name, reader), self._clock()
        with self._database.writing(alone=True) as connection:
            if not desk_rows.is_signed(connection, key):
                raise UnknownCaseError(digest=case_digest)
            number = stamp.cosignatures
            found = [connection.scalar(_count(table, key)) for table in (addenda, cosignatures)]
            if found != [stamp.addenda, number]:
                raise StaleVersionError(what="report", expected=number)
            case_rows.change_case(connection, case_digest, changed_at=now)
            where = _where(key, f"cosignature {number}")
            connection.execute(
                insert(cosignatures).values(
                    **_of(key), number=number, addenda=stamp.addenda, cosigned_at=now,
                    document=self._seal.seal_json(dict(cosignature), where=where),
                )
            )  # fmt: skip
            self._tell(connection, EventKind.COSIGNED, case_digest, pack_name=pack_name,
                       reader=by, whose=reader)  # fmt: skip

    def of_others(self, case_digest: str, *, reader: str) -> tuple[Signed, ...]:
        """Return the signed reports of all but one reader on a case, of any model, oldest first."""
        is_of_case = signatures.c.case_digest == case_digest
        return self._listed(is_of_case & (signatures.c.reader != reader))

    def awaiting(self, *, reader: str, most: int = 500) -> tuple[Signed, ...]:
        """Return the reports that ask for a co-signature and have none for all that is in them.

        Those of ``reader`` are left out, since they can not co-sign them. Oldest first.
        """
        same = [
            signatures.c[name] == table.c[name]
            for table in (addenda, cosignatures)
            for name in ("case_digest", "pack_name", "reader")
        ]
        added = (
            select(func.count()).select_from(addenda).where(*same[:3])
            .correlate(signatures).scalar_subquery()
        )  # fmt: skip
        covered = exists().where(*same[3:], cosignatures.c.addenda == added)
        asked = signatures.c.asks_cosignature & (signatures.c.reader != reader)
        return self._listed(asked & ~covered, most=most)

    def _listed(self, wanted: ColumnElement[bool], *, most: int = 500) -> tuple[Signed, ...]:
        joined = signatures.join(cases, cases.c.digest == signatures.c.case_digest)
        is_there = cases.c.state != str(CaseState.REMOVED)
        with self._database.reading() as connection:
            rows = connection.execute(
                select(
                    signatures.c.case_digest, signatures.c.pack_name, signatures.c.reader,
                    signatures.c.signed_at, signatures.c.asks_cosignature, cases.c.label,
                    cases.c.person,
                )
                .select_from(joined)
                .where(wanted, is_there)
                .order_by(signatures.c.signed_at, signatures.c.reader)
                .limit(most)
            ).all()  # fmt: skip
        return tuple(
            Signed(
                row.case_digest, row.pack_name, row.reader, row.signed_at, row.asks_cosignature,
                self._seal.open_json(row.label, where=f"label {row.case_digest}"),
                self._seal.open_json(row.person, where=f"person {row.case_digest}"),
            )
            for row in rows
        )  # fmt: skip


def _count(table: Table, key: DeskKey) -> Select[int]:
    return select(func.count()).select_from(table).where(*desk_rows.is_of(table, key))


def _of(key: DeskKey) -> dict[str, Any]:
    return {
        "case_digest": key.case_digest,
        "pack_name": key.pack_name,
        "reader": key.reader,
    }


def _where(key: DeskKey, what: str = "signature") -> str:
    return f"{what} {key.case_digest} {key.pack_name} {key.reader}"
