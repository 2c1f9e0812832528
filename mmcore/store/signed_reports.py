"""Signed reports in the store: written once, never altered, followed by addenda alone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select

from mmcore.errors import ReportSignedError, StaleVersionError, UnknownCaseError
from mmcore.store import case_rows, desk_rows
from mmcore.store.blobs import Blobs
from mmcore.store.database import Database
from mmcore.store.desk_rows import DeskKey
from mmcore.store.records import LOCAL, EventKind, Json, StoredDesk
from mmcore.store.sealing import Seal
from mmcore.store.tables import addenda, signatures


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A signed report as it is stored.

    document: the bytes that were signed. signature, addenda: JSON values, addenda in order.
    """

    document: bytes
    signature: Json
    addenda: tuple[Json, ...] = ()


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
            rows = connection.execute(
                select(addenda.c.number, addenda.c.document)
                .where(*desk_rows.is_of(addenda, key))
                .order_by(addenda.c.number)
            ).all()
        return SignedReport(
            self._blobs.get(row.blob_digest),
            self._seal.open_json(row.document, where=_where(key)),
            tuple(self._seal.open_json(r.document, where=_where(key, r.number)) for r in rows),
        )

    def stamp(
        self, case_digest: str, pack_name: str, *, reader: str = LOCAL
    ) -> tuple[datetime, int] | None:
        """Return when a reader signed, and how many addenda there are; None while nobody has."""
        key = DeskKey(case_digest, pack_name, reader)
        counted = (
            select(func.count())
            .select_from(addenda)
            .where(*desk_rows.is_of(addenda, key))
            .scalar_subquery()
        )
        with self._database.reading() as connection:
            row = connection.execute(
                select(signatures.c.signed_at, counted).where(*desk_rows.is_of(signatures, key))
            ).first()
        return None if row is None else (row[0], int(row[1]))

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
            found = connection.scalar(
                select(func.count()).select_from(addenda).where(*desk_rows.is_of(addenda, key))
            )
            if found != after:
                raise StaleVersionError(what="report", expected=after)
            case_rows.change_case(connection, case_digest, changed_at=now)
            document = self._seal.seal_json(dict(addendum), where=_where(key, after))
            connection.execute(
                insert(addenda).values(**_of(key), number=after, document=document, added_at=now)
            )
            self._tell(connection, EventKind.ADDED, case_digest, pack_name=pack_name,
                       reader=reader)  # fmt: skip


def _of(key: DeskKey) -> dict[str, Any]:
    return {
        "case_digest": key.case_digest,
        "pack_name": key.pack_name,
        "reader": key.reader,
    }


def _where(key: DeskKey, number: int | None = None) -> str:
    what = "signature" if number is None else f"addendum {number}"
    return f"{what} {key.case_digest} {key.pack_name} {key.reader}"
