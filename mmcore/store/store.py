"""The store of cases: what a clinician entered is on the disk when a method returns."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from sqlalchemy import Connection, delete, insert, select

from mmcore.errors import StoreKeyError, UnknownCaseError
from mmcore.store import case_rows, desk_rows
from mmcore.store.blobs import Blobs
from mmcore.store.database import Database
from mmcore.store.desk_rows import DeskKey
from mmcore.store.journal import Journal
from mmcore.store.people_rows import PeopleRows
from mmcore.store.place import Place
from mmcore.store.records import (
    LOCAL,
    CaseState,
    Event,
    EventKind,
    Json,
    KeptFile,
    Progress,
    StoredCase,
    StoredDesk,
)
from mmcore.store.retention import Retention
from mmcore.store.schema import bring_up_to_date
from mmcore.store.scoring_rows import ScoringRows
from mmcore.store.sealing import KEY_CHANGE, KEY_CHECK, Seal
from mmcore.store.signed_reports import SignedReports
from mmcore.store.tables import facts as site_facts
from mmcore.store.tables import preferences
from mmcore.store.watched_rows import WatchedRows
from mmcore.store.work_records import CaseFacts
from mmcore.store.work_rows import WorkRows, write_facts

Clock = Callable[[], datetime]
IN_USE = (CaseState.OPEN, CaseState.CLOSED, CaseState.ARCHIVED)


def _now() -> datetime:
    return datetime.now(UTC)


class Store:
    """Cases, their files, what readers recorded and entered, preferences and a journal.

    May be used by any number of threads and processes at once. What a method did is on the disk
    when it returns; a process killed inside one leaves the state before it. Every method raises
    ``StoreUnavailableError`` where the disk or the database fails.
    """

    def __init__(self, place: Place, *, clock: Clock = _now) -> None:
        """Open the store at a place, made or upgraded if need be, and tidy it up.

        Raises ``SchemaTooNewError`` and ``StoreKeyError``.
        """
        self.place = place
        self._clock = clock
        self._seal = Seal(place.key)
        self._database = Database(place)
        self._blobs = Blobs(place.folder / "blobs", self._seal)
        self.journal = Journal(self._database, self._seal, clock)
        self.people = PeopleRows(self._database, self._tell_of_people)
        self.reports = SignedReports(self._database, self._blobs, self._seal, clock, self._tell)
        self.retention = Retention(self._database, place, clock, self._tell)
        self.work = WorkRows(self._database, self._seal, self._tell)
        self.scorings = ScoringRows(self._database, self._seal, clock)
        self.watched = WatchedRows(self._database, clock)
        try:
            bring_up_to_date(self._database)
            self._check_key()
            self.journal.open()
            self.work.describe_by_label()
            self.expire()
            self.sweep()
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the database go."""
        self._database.close()

    # --- Cases and their files

    def keep_case(
        self,
        digest: str,
        files: Sequence[KeptFile],
        *,
        label: str,
        person: str = "",
        by: str = LOCAL,
        pack_name: str | None = None,
        facts: CaseFacts | None = None,
    ) -> None:
        """Keep a case with the files it was read from; again for a known one, with its readings.

        facts: for the list of work; None for ``person`` alone. A case that was removed and not
        purged begins anew.
        """
        for file in files:
            self._blobs.put(file.data)
        now = self._clock()
        case = StoredCase(
            digest, label, person, pack_name, CaseState.OPEN, now, now, now, None, {}
        )  # fmt: skip
        with self._database.writing(alone=True) as connection:
            listed = [(file.name, self._blobs.put(file.data), len(file.data)) for file in files]
            spare = case_rows.write_case(connection, self._seal, case, listed)
            write_facts(connection, self._seal, digest, facts or CaseFacts(name=person))
            self._tell(connection, EventKind.KEPT, digest, pack_name=pack_name or "", reader=by)
        self._discard(spare)

    def case(self, digest: str, *, reader: str = LOCAL) -> StoredCase | None:
        """Return a case, a removed one too, or None."""
        with self._database.reading() as connection:
            found = case_rows.read_cases(
                connection, self._seal, reader, states=tuple(CaseState), most=1, digest=digest
            )
        return found[0] if found else None

    def cases(
        self,
        *,
        reader: str = LOCAL,
        states: Collection[CaseState] = IN_USE,
        most: int = 100,
    ) -> tuple[StoredCase, ...]:
        """Return cases in some states, last opened first."""
        with self._database.reading() as connection:
            return case_rows.read_cases(connection, self._seal, reader, states=states, most=most)

    def find(self, start: str) -> str | None:
        """Return the digest of the one case in use that begins with ``start``, else None."""
        if not start or not set(start) <= set("0123456789abcdef"):
            return None
        with self._database.reading() as connection:
            return case_rows.find_case(connection, start)

    def files(self, digest: str) -> tuple[KeptFile, ...]:
        """Return the files of a case, in the order in which they came in.

        Raises ``UnknownCaseError`` and ``StoredFileDamagedError``.
        """
        return tuple(self.each_file(digest))

    def each_file(self, digest: str) -> Iterator[KeptFile]:
        """Yield the files of a case one by one: a study may be larger than what memory is free.

        Raises as ``files`` does, with the first of them or when its turn has come.
        """
        if self.case(digest) is None:
            raise UnknownCaseError(digest=digest)
        with self._database.reading() as connection:
            listed = case_rows.file_rows(connection, self._seal, digest)
        for name, blob in listed:
            yield KeptFile(name, self._blobs.get(blob))

    def file_names(self, digest: str) -> tuple[str, ...]:
        """Return the names of the files of a case."""
        with self._database.reading() as connection:
            listed = case_rows.file_rows(connection, self._seal, digest)
        return tuple(name for name, _ in listed)

    def open_case(self, digest: str, *, by: str = LOCAL) -> None:
        """Note that a case is worked on from now on. Raises ``UnknownCaseError``."""
        now = self._clock()
        self._set(digest, EventKind.OPENED, by, state=CaseState.OPEN, opened_at=now, changed_at=now,
                  removed_at=None)  # fmt: skip

    def close_case(self, digest: str, *, by: str = LOCAL) -> None:
        """Note that a case was put aside; everything of it stays."""
        self._set(digest, EventKind.CLOSED, by, state=CaseState.CLOSED)

    def choose_pack(self, digest: str, pack_name: str) -> None:
        """Note which model reads a case. Raises ``UnknownCaseError``."""
        self._set(digest, None, LOCAL, pack_name=pack_name, changed_at=self._clock())

    def remove(self, digest: str, *, by: str = LOCAL) -> None:
        """Take a case off every list; ``restore`` brings it back until it is purged."""
        now = self._clock()
        self._set(digest, EventKind.REMOVED, by, state=CaseState.REMOVED, removed_at=now)

    def restore(self, digest: str, *, by: str = LOCAL) -> None:
        """Bring a removed case back. Raises ``UnknownCaseError`` after it was purged."""
        self._set(digest, EventKind.RESTORED, by, state=CaseState.CLOSED, removed_at=None)

    def purge(self, *, older_than: timedelta = timedelta(0)) -> int:
        """Delete for good what was removed so long ago; return the number of cases."""
        before = self._clock() - older_than
        with self._database.writing(alone=True) as connection:
            digests = case_rows.digests_before(connection, removed=before)
            blobs = self._delete(connection, digests, EventKind.DELETED, "")
        self._discard(blobs)
        return len(digests)

    def delete(self, digest: str, *, by: str = LOCAL) -> None:
        """Delete a case for good, now. Raises ``UnknownCaseError``."""
        with self._database.writing(alone=True) as connection:
            if not case_rows.change_case(connection, digest, changed_at=self._clock()):
                raise UnknownCaseError(digest=digest)
            blobs = self._delete(connection, [digest], EventKind.DELETED, by)
        self._discard(blobs)

    def expire(self) -> int:
        """Delete what was kept for as many days as the site says; return the number of cases."""
        days = self.retention.days()
        if not days:  # 0: no case is kept from now on, and an older one stays where it is
            return 0
        before = self._clock() - timedelta(days=days)
        with self._database.writing(alone=True) as connection:
            digests = case_rows.digests_before(connection, changed=before)
            blobs = self._delete(connection, digests, EventKind.EXPIRED, "")
        self._discard(blobs)
        return len(digests)

    def sweep(self) -> int:
        """Remove files that no case refers to, left by a process that was killed; count them."""
        return self._discard(set(self._blobs.digests()))

    # --- What readers recorded and entered

    def desk(self, case_digest: str, pack_name: str, *, reader: str = LOCAL) -> StoredDesk:
        """Return what a reader recorded and entered on a case about one model's answer."""
        key = DeskKey(case_digest, pack_name, reader)
        with self._database.reading() as connection:
            return desk_rows.read_desk(connection, self._seal, key)

    def readings_of_others(
        self, case_digest: str, pack_name: str, reader: str
    ) -> tuple[tuple[str, Json], ...]:
        """Return what everybody but one reader recorded about a model's answer, by their ids."""
        with self._database.reading() as connection:
            return desk_rows.read_others(
                connection, self._seal, DeskKey(case_digest, pack_name, reader)
            )

    def save_desk(
        self,
        case_digest: str,
        pack_name: str,
        desk: StoredDesk,
        *,
        progress: Progress,
        attached: Sequence[bytes] = (),
        happened: Sequence[tuple[EventKind, str, Mapping[str, Any]]] = (),
        reader: str = LOCAL,
    ) -> StoredDesk:
        """Save a desk and what happened, together or not at all; return it with its new versions.

        A reading of None leaves the stored one as it is. attached: the pictures that reading and
        draft refer to by their SHA-256, all of them. happened: kind, detail and details. Raises
        ``StaleVersionError`` if somebody else saved since the desk was read, ``ReportSignedError``
        for a reading that was signed, ``UnknownCaseError`` if the case was deleted; a removed case
        is brought back.
        """
        key, now = DeskKey(case_digest, pack_name, reader), self._clock()
        for picture in attached:
            self._blobs.put(picture)
        with self._database.writing(alone=True) as connection:
            if not case_rows.change_case(connection, case_digest, changed_at=now):
                raise UnknownCaseError(digest=case_digest)
            case_rows.bring_back(connection, case_digest)
            saved = desk_rows.write_desk(connection, self._seal, key, desk, progress, now)
            blobs = [self._blobs.put(picture) for picture in attached]
            spare = desk_rows.attach(connection, key, blobs)
            for kind, detail, more in happened:
                self._tell(
                    connection, kind, case_digest,
                    pack_name=pack_name, reader=reader, detail=detail, **more,
                )  # fmt: skip
        self._discard(spare)
        return saved

    def picture(self, digest: str) -> bytes:
        """Return a picture attached to a desk. Raises ``StoredFileDamagedError``."""
        return self._blobs.get(digest)

    # --- The journal

    def tell(self, event: EventKind, case_digest: str, *, pack_name: str = "",
             reader: str = LOCAL, detail: str = "", **more: Any) -> None:  # fmt: skip
        """Write down what happened just now. detail, more: never of a patient."""
        with self._database.writing(alone=True) as connection:
            self._tell(connection, event, case_digest, pack_name=pack_name, reader=reader,
                       detail=detail, **more)  # fmt: skip

    def events(self, case_digest: str) -> tuple[Event, ...]:
        """Return what happened to a case, in order of time; also after it was deleted."""
        return self.journal.events(case_digest)

    def has_happened(
        self, kinds: Collection[EventKind], case_digest: str, *, reader: str = LOCAL
    ) -> bool:
        """Return whether any of ``kinds`` happened to a case and reader, even if it was deleted."""
        return self.journal.has_happened(kinds, case_digest, reader=reader)

    # --- Preferences

    def preference(self, reader: str, name: str) -> Any:
        """Return what a reader prefers, a JSON value, or None."""
        with self._database.reading() as connection:
            found = connection.scalar(
                select(preferences.c.value).where(
                    preferences.c.reader == reader, preferences.c.name == name
                )
            )
        return None if found is None else json.loads(found)

    def prefer(self, reader: str, name: str, value: Any) -> None:
        """Keep what a reader prefers, a JSON value; None forgets it."""
        with self._database.writing(alone=True) as connection:
            connection.execute(
                delete(preferences).where(
                    preferences.c.reader == reader, preferences.c.name == name
                )
            )
            if value is not None:
                text = json.dumps(value, allow_nan=False)
                connection.execute(insert(preferences).values(reader=reader, name=name, value=text))

    # --- Inside a transaction

    def _set(self, digest: str, kind: EventKind | None, by: str, **values: Any) -> None:
        if "state" in values:
            values["state"] = str(values["state"])
        with self._database.writing(alone=True) as connection:
            if not case_rows.change_case(connection, digest, **values):
                raise UnknownCaseError(digest=digest)
            if kind is not None:
                self._tell(connection, kind, digest, reader=by)

    def _delete(
        self, connection: Connection, digests: Sequence[str], kind: EventKind, by: str
    ) -> set[str]:
        blobs = case_rows.delete_cases(connection, digests)
        if digests:
            self._database.forget_deleted()
        for digest in digests:
            self._tell(connection, kind, digest, reader=by)
        return blobs

    def _discard(self, blobs: Collection[str]) -> int:
        """Remove those files that no case refers to, while no other process can refer to one."""
        if not blobs:
            return 0
        with self._database.writing(alone=True) as connection:
            spare = case_rows.unreferred(connection, blobs)
            for blob in spare:
                self._blobs.discard(blob)
        return len(spare)

    def _tell(self, connection: Connection, kind: EventKind, case_digest: str, *,
              pack_name: str = "", reader: str = LOCAL, detail: str = "",
              **more: Any) -> None:  # fmt: skip
        details = {"what": detail, **more} if detail else more
        self.journal.append(
            connection, kind, case_digest, actor=reader, pack_name=pack_name, details=details
        )

    def _tell_of_people(
        self, connection: Connection, kind: EventKind, who: str, detail: str
    ) -> None:
        self._tell(connection, kind, "", reader=who, detail=detail)

    def _check_key(self) -> None:
        """Refuse another key than the one this store was first used with, or none after one."""
        with self._database.writing(alone=True) as connection:
            told = {row.name: row.value for row in connection.execute(select(site_facts))}
            if KEY_CHANGE in told:
                raise StoreKeyError(problem="a change of its key was begun; run it to its end")
            if KEY_CHECK in told:
                if self._seal.open_json(told[KEY_CHECK], where=KEY_CHECK) != KEY_CHECK:
                    raise StoreKeyError(problem="the check of the key holds something else")
            elif self._seal.has_key:
                value = self._seal.seal_json(KEY_CHECK, where=KEY_CHECK)
                connection.execute(insert(site_facts).values(name=KEY_CHECK, value=value))
