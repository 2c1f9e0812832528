"""Results that wait until a peer has taken them. What is put in is on the disk when it returns.

A folder beside the store of cases: the bytes of the objects by their digest, and one file per
parcel, both sealed with the site's key where it has one. A file is replaced as a whole, so a
process that is killed leaves the parcel before or after a step; an object that was sent and not yet
noted is sent again, which changes nothing, because it is the same instance.
"""

import fcntl
import hashlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mmcore.errors import PeerError, StoredFileDamagedError, StoreUnavailableError
from mmcore.language import say
from mmcore.network.parcels import (
    Parcel,
    ParcelItem,
    ParcelState,
    from_plain,
    to_plain,
    wait_after,
)
from mmcore.results.records import Made
from mmcore.store.blobs import PRIVATE_FOLDER, Blobs, force
from mmcore.store.place import Place
from mmcore.store.sealing import Seal

KEPT_DELIVERED = timedelta(days=30)
"""How long the note of a finished parcel is kept; its objects go at once."""

Send = Callable[[str, Sequence[Made]], Iterator[Made]]
"""Sends objects to the peer of that name and yields each that was taken; raises ``PeerError``."""


def _now() -> datetime:
    return datetime.now(UTC)


class Outbox:
    """Parcels of one site. May be used by several threads and processes at once.

    Every method raises ``StoreUnavailableError`` where the disk fails.
    """

    def __init__(self, place: Place, *, clock: Callable[[], datetime] = _now) -> None:
        """Open the outbox of a place; raises ``StoreUnavailableError`` where nothing is kept."""
        if place.keep_days == 0:
            problem = "this site keeps nothing, so nothing can wait to be sent"
            raise StoreUnavailableError(problem=problem)
        self._folder = place.folder / "outbox"
        self._clock = clock
        self._seal = Seal(place.key)
        self._blobs = Blobs(self._folder / "objects", self._seal)

    def put(
        self, peer: str, objects: Sequence[Made], *, case_digest: str, document_digest: str,
        is_signed: bool,
    ) -> Parcel:  # fmt: skip
        """Put objects of one result in for one peer and return their parcel.

        What is in already for this peer and document stays as it is, but for one that was refused
        or withdrawn, which is tried anew.
        """
        with self._locked("all"):
            found = self.parcel(parcel_id(peer, document_digest))
            if found is not None and found.state in (ParcelState.WAITING, ParcelState.DELIVERED):
                return found
            now = self._clock()
            items = tuple(
                ParcelItem(
                    kind=made.kind, name=made.name, blob=self._blobs.put(made.data),
                    study_uid=made.study_uid, series_uid=made.series_uid,
                    sop_class_uid=made.sop_class_uid, sop_instance_uid=made.sop_instance_uid,
                )
                for made in objects
            )  # fmt: skip
            parcel = Parcel(
                id=parcel_id(peer, document_digest), peer=peer, case_digest=case_digest,
                document_digest=document_digest, is_signed=is_signed, created_at=now,
                changed_at=now, state=ParcelState.WAITING, attempts=0, next_try_at=None,
                problem="", items=items,
            )  # fmt: skip
            return self._write(parcel)

    def parcels(self) -> tuple[Parcel, ...]:
        """Return every parcel, the newest first."""
        try:
            ids = sorted(path.stem for path in self._folder.glob("parcels/*.json"))
        except OSError as error:
            raise _failed(error) from error
        found = (self.parcel(one) for one in ids)
        return tuple(
            sorted((p for p in found if p is not None), key=lambda p: p.created_at, reverse=True)
        )

    def parcel(self, parcel_id: str) -> Parcel | None:
        """Return one parcel, or None where there is none that can be read.

        A note damaged on the disk holds up no other parcel, and is replaced when its result is
        filed again. Raises ``StoreKeyError`` without its key.
        """
        try:
            text = self._path(parcel_id).read_text("utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed(error) from error
        try:
            return from_plain(self._seal.open_json(text, where=parcel_id))
        except (ValueError, KeyError, TypeError):
            logging.getLogger(__name__).warning("the note of parcel %s is damaged", parcel_id)
            return None

    def deliver(self, parcel_id: str, send: Send) -> Parcel | None:
        """Try to send what the peer has not taken yet; return the parcel as it is then.

        A problem that may pass sets the time of the next try; another one ends the tries. None
        where there is no such parcel, or another process is sending it at this moment.
        """
        with self._locked(parcel_id, waits=False) as is_alone:
            parcel = self.parcel(parcel_id) if is_alone else None
            if parcel is None or parcel.state is not ParcelState.WAITING:
                return parcel
            try:
                for taken in send(parcel.peer, self._left(parcel)):
                    parcel = self._write(_taken(parcel, taken.sop_instance_uid))
            except PeerError as error:
                return self._put_off(parcel, error)
            except StoredFileDamagedError:
                words = say("what was to be sent is damaged on our disk; file the result again")
                return self._put_off(
                    parcel, PeerError(peer=parcel.peer, problem=words, may_pass=False)
                )
            if parcel.delivered < len(parcel.items):
                words = say("did not take every object")
                return self._put_off(
                    parcel, PeerError(peer=parcel.peer, problem=words, may_pass=True)
                )
            parcel = self._write(replace(parcel, state=ParcelState.DELIVERED, problem=""))
            self._discard(parcel)
            return parcel

    def deliver_due(self, send: Send) -> int:
        """Try every parcel whose time has come, tidy up; return how many were delivered."""
        delivered = 0
        for parcel in self.parcels():
            if parcel.is_due(self._clock()):
                done = self.deliver(parcel.id, send)
                delivered += done is not None and done.state is ParcelState.DELIVERED
            elif self._is_old(parcel):
                self._path(parcel.id).unlink(missing_ok=True)
        return delivered

    def try_again(self, parcel_id: str) -> Parcel | None:
        """Let a parcel that was refused, or waits for its time, be tried at once."""
        parcel = self.parcel(parcel_id)
        if parcel is None or parcel.state not in (ParcelState.WAITING, ParcelState.REFUSED):
            return parcel
        return self._write(replace(parcel, state=ParcelState.WAITING, next_try_at=None))

    def withdraw(self, parcel_id: str) -> Parcel | None:
        """Stop sending a parcel; what the peer has taken already stays there."""
        with self._locked(parcel_id, waits=False) as is_alone:
            parcel = self.parcel(parcel_id) if is_alone else None
            if parcel is None or parcel.state is ParcelState.DELIVERED:
                return parcel
            parcel = self._write(replace(parcel, state=ParcelState.WITHDRAWN, next_try_at=None))
            self._discard(parcel)
            return parcel

    def _left(self, parcel: Parcel) -> list[Made]:
        return [
            Made(
                kind=item.kind, name=item.name, data=self._blobs.get(item.blob),
                study_uid=item.study_uid, series_uid=item.series_uid,
                sop_class_uid=item.sop_class_uid, sop_instance_uid=item.sop_instance_uid,
            )
            for item in parcel.items
            if not item.is_delivered
        ]  # fmt: skip

    def _put_off(self, parcel: Parcel, error: PeerError) -> Parcel:
        attempts = parcel.attempts + 1
        again = self._clock() + wait_after(attempts) if error.may_pass else None
        state = ParcelState.WAITING if error.may_pass else ParcelState.REFUSED
        return self._write(
            replace(
                parcel, state=state, attempts=attempts, next_try_at=again, problem=error.problem
            )
        )

    def _discard(self, parcel: Parcel) -> None:
        """Remove the objects of a finished parcel that no other one holds."""
        done = (ParcelState.DELIVERED, ParcelState.WITHDRAWN)
        with self._locked("all"):  # nobody puts a parcel in that needs one of them meanwhile
            others = (p for p in self.parcels() if p.id != parcel.id and p.state not in done)
            needed = {item.blob for other in others for item in other.items}
            for item in parcel.items:
                if item.blob not in needed:
                    self._blobs.discard(item.blob)

    def _is_old(self, parcel: Parcel) -> bool:
        done = (ParcelState.DELIVERED, ParcelState.WITHDRAWN)
        return parcel.state in done and self._clock() - parcel.changed_at > KEPT_DELIVERED

    def _write(self, parcel: Parcel) -> Parcel:
        parcel = replace(parcel, changed_at=self._clock())
        text = self._seal.seal_json(to_plain(parcel), where=parcel.id)
        path = self._path(parcel.id)
        try:
            self._make_folder()
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".")  # mode 0600
            temporary = Path(name)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            force(path.parent)
        except OSError as error:
            raise _failed(error) from error
        return parcel

    @contextmanager
    def _locked(self, name: str, *, waits: bool = True) -> Iterator[bool]:
        """Hold a lock, which ends with the process; give False where somebody else has it."""
        try:
            self._make_folder()
            lock = self._path(name).with_suffix(".lock").open("a")
        except OSError as error:
            raise _failed(error) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True

    def _make_folder(self) -> None:
        (self._folder / "parcels").mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)

    def _path(self, parcel_id: str) -> Path:
        if not (parcel_id.isascii() and parcel_id.isalnum()):
            raise ValueError("a parcel's id has letters and digits alone")
        return self._folder / "parcels" / f"{parcel_id}.json"


def parcel_id(peer: str, document_digest: str) -> str:
    """Return the id of the parcel that holds a document for a peer."""
    return hashlib.sha256(f"{peer}\0{document_digest}".encode()).hexdigest()[:32]


def _taken(parcel: Parcel, sop_instance_uid: str) -> Parcel:
    items = tuple(
        replace(item, is_delivered=True) if item.sop_instance_uid == sop_instance_uid else item
        for item in parcel.items
    )
    return replace(parcel, items=items)


def _failed(error: OSError) -> StoreUnavailableError:
    return StoreUnavailableError(problem=f"outbox, {type(error).__name__}: {error.strerror or ''}")
