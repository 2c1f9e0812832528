"""Results that wait until a peer has taken them. What is put in is on the disk when it returns.

A folder beside the store of cases: the bytes of the objects by their digest, and one file per
parcel, both sealed with the site's key where it has one. A file is replaced as a whole, so a
process that is killed leaves the parcel before or after a step; an object that was sent and not yet
noted is sent again, which changes nothing, because it is the same instance. Parcels of one case
reach a peer in the order in which they were put in: an earlier version never replaces a later one.
"""

import hashlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mmcore.errors import PeerError, StoredFileDamagedError, StoreUnavailableError
from mmcore.language import say
from mmcore.network.parcel_files import ParcelFiles
from mmcore.network.parcels import Parcel, ParcelItem, ParcelState, Standing, wait_after
from mmcore.results.records import Made
from mmcore.store.blobs import Blobs
from mmcore.store.place import Place
from mmcore.store.sealing import Seal

KEPT_DELIVERED = timedelta(days=30)
"""How long the note of a finished parcel is kept; its objects go at once. One by which a signed
report is known to be there stays, so that no draft ever takes its place."""

Send = Callable[[str, Sequence[Made]], Iterator[Made]]
"""Sends objects to the peer of that name and yields each that was taken; raises ``PeerError``."""

Stands = Callable[[Parcel], Standing]
"""Says whether a parcel may be sent, now that it is due."""

_SWEEP_EVERY = timedelta(hours=1)
_LIVE = (ParcelState.WAITING, ParcelState.DELIVERED)
_OVER = (ParcelState.DELIVERED, ParcelState.WITHDRAWN)


def _now() -> datetime:
    return datetime.now(UTC)


def _send_all(_: Parcel) -> Standing:
    return Standing.SEND


class Outbox:
    """Parcels of one site. May be used by several threads and processes at once.

    Every method raises ``StoreUnavailableError`` where the disk fails.
    """

    def __init__(self, place: Place, *, clock: Callable[[], datetime] = _now) -> None:
        """Open the outbox of a place; raises ``StoreUnavailableError`` where nothing is kept."""
        if place.keep_days == 0:
            problem = "this site keeps nothing, so nothing can wait to be sent"
            raise StoreUnavailableError(problem=problem)
        seal, folder = Seal(place.key), place.folder / "outbox"
        self._clock = clock
        self._blobs = Blobs(folder / "objects", seal)
        self._files = ParcelFiles(folder / "parcels", seal)
        self._swept_at: datetime | None = None

    def put(
        self, peer: str, objects: Sequence[Made], *, case_digest: str, document_digest: str,
        is_signed: bool, signature: str = "",
    ) -> Parcel:  # fmt: skip
        """Put objects of one result in for one peer and return their parcel.

        signature: as in ``Parcel``. What waits for this peer, or was taken by it, is not put in
        again; where that is all of it, its parcel is returned as it is. What was refused or
        withdrawn is tried anew.
        """
        with self._files.locked("all"):
            found = [p for p in self.parcels() if (p.peer, p.document_digest) ==
                     (peer, document_digest) and p.state in _LIVE]  # fmt: skip
            known = {item.blob for parcel in found for item in parcel.items}
            stored = [(made, hashlib.sha256(made.data).hexdigest()) for made in objects]
            fresh = [(made, digest) for made, digest in stored if digest not in known]
            if found and not fresh:
                return found[0]
            now = self._clock()
            items = tuple(
                ParcelItem(
                    kind=made.kind, name=made.name, blob=self._blobs.put(made.data),
                    study_uid=made.study_uid, series_uid=made.series_uid,
                    sop_class_uid=made.sop_class_uid, sop_instance_uid=made.sop_instance_uid,
                    media_type=made.media_type,
                )
                for made, _ in fresh
            )  # fmt: skip
            parcel = Parcel(
                id=parcel_id(peer, document_digest, [digest for _, digest in fresh]), peer=peer,
                case_digest=case_digest, document_digest=document_digest, is_signed=is_signed,
                created_at=now, changed_at=now, state=ParcelState.WAITING, attempts=0,
                next_try_at=None, problem="", items=items, signature=signature,
            )  # fmt: skip
            return self._write(parcel)

    def parcels(self) -> tuple[Parcel, ...]:
        """Return every parcel that can be read, the newest first.

        A note damaged on the disk holds up no other parcel, and is replaced when its result is
        filed again. Raises ``StoreKeyError`` where the key opens none.
        """
        found, _ = self._files.all()
        return tuple(sorted(found, key=lambda p: (p.created_at, p.id), reverse=True))

    def parcel(self, parcel_id: str) -> Parcel | None:
        """Return one parcel, or None where there is none that can be read."""
        return self._files.read(parcel_id)

    def deliver(self, parcel_id: str, send: Send) -> Parcel | None:
        """Try to send what the peer has not taken yet; return the parcel as it is then.

        Earlier parcels of its case go first; while one of them waits, so does this one. A problem
        that may pass sets the time of the next try; another one ends the tries. None where there is
        no such parcel, or another process is sending it at this moment.
        """
        for earlier in self._before(parcel_id):
            done = self._deliver(earlier.id, send)
            if done is None or done.state is ParcelState.WAITING:
                return self.parcel(parcel_id)
        return self._deliver(parcel_id, send)

    def deliver_due(self, send: Send, *, stands: Stands = _send_all) -> int:
        """Tidy up, try every parcel whose time has come; return how many were delivered."""
        peers = sorted(self.tend(stands=stands))
        return sum(self.deliver_to(peer, send, stands=stands) for peer in peers)

    def tend(self, *, stands: Stands = _send_all) -> frozenset[str]:
        """Remove and withdraw what is to be; return the peers for which something is due.

        Waits for nobody: a parcel that is being sent at this moment is withdrawn another time.
        """
        peers = set()
        for parcel in reversed(self.parcels()):
            if parcel.state in _OVER:
                self._let_go(parcel)
                continue
            standing = stands(parcel)
            if standing is Standing.WITHDRAW or self._files.is_stopped(parcel.id):
                self._files.stop(parcel.id)
                self._withdraw(parcel.id, waits=False)
            elif standing is Standing.SEND and parcel.is_due(self._clock()):
                peers.add(parcel.peer)
        self._sweep()
        return frozenset(peers)

    def deliver_to(
        self,
        peer: str,
        send: Send,
        *,
        stands: Stands = _send_all,
        goes_on: Callable[[], bool] = lambda: True,
    ) -> int:
        """Try every parcel of one peer whose time has come; return how many were delivered.

        A peer that can not be reached is asked once, however many parcels wait for it. goes_on:
        asked before each parcel.
        """
        delivered, held, is_down = 0, set(), False
        for parcel in reversed(self.parcels()):
            if not goes_on():
                break
            if parcel.peer != peer or parcel.state is not ParcelState.WAITING:
                continue
            is_ready = parcel.is_due(self._clock()) and not self._files.is_stopped(parcel.id)
            done = None
            if (
                is_ready
                and parcel.line not in held
                and not is_down
                and (stands(parcel) is Standing.SEND)
            ):
                done = self._deliver(parcel.id, send)
                is_down = done is not None and done.state is ParcelState.WAITING
            if done is None or done.state is ParcelState.WAITING:
                held.add(parcel.line)
            delivered += done is not None and done.state is ParcelState.DELIVERED
        return delivered

    def try_again(self, parcel_id: str) -> Parcel | None:
        """Let a parcel that was refused, or waits, be tried at once, and those before it."""
        for earlier in self._before(parcel_id):
            self._try_again(earlier.id)
        return self._try_again(parcel_id)

    def withdraw(self, parcel_id: str) -> Parcel | None:
        """Stop sending a parcel; what the peer has taken already stays there.

        Where it is being sent, that ends after the object at hand.
        """
        if self.parcel(parcel_id) is None:
            return None
        self._files.stop(parcel_id)
        return self._withdraw(parcel_id, waits=True)

    def _withdraw(self, parcel_id: str, *, waits: bool) -> Parcel | None:
        with self._files.locked(parcel_id, waits=waits) as is_alone:
            parcel = self.parcel(parcel_id)
            if not is_alone:
                return parcel
            if parcel is not None and parcel.state is not ParcelState.DELIVERED:
                parcel = self._write(replace(parcel, state=ParcelState.WITHDRAWN, next_try_at=None))
                self._discard(parcel)
            self._files.go_on(parcel_id)
            return parcel

    def _deliver(self, parcel_id: str, send: Send) -> Parcel | None:
        with self._files.locked(parcel_id, waits=False) as is_alone:
            parcel = self.parcel(parcel_id) if is_alone else None
            if parcel is None or parcel.state is not ParcelState.WAITING:
                return parcel
            # Noted before: what ends this process, or fills the disk, must not be tried for ever.
            again = self._clock() + wait_after(parcel.attempts + 1)
            parcel = self._write(replace(parcel, next_try_at=again))
            try:
                with closing(_closable(send(parcel.peer, self._left(parcel)))) as sending:
                    for taken in sending:
                        parcel = self._write(_taken(parcel, taken))
                        if self._files.is_stopped(parcel_id):
                            return parcel
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
            parcel = self._write(
                replace(parcel, state=ParcelState.DELIVERED, problem="", next_try_at=None)
            )
            self._discard(parcel)
            return parcel

    def _before(self, parcel_id: str) -> list[Parcel]:
        """Return the parcels of the same case and peer that wait since before, in order."""
        everything = self.parcels()
        this = next((p for p in everything if p.id == parcel_id), None)
        if this is None or this.state not in (ParcelState.WAITING, ParcelState.REFUSED):
            return []
        return [
            p
            for p in reversed(everything)
            if p.line == this.line
            and p.state is ParcelState.WAITING
            and (p.created_at, p.id) < (this.created_at, this.id)
        ]

    def _try_again(self, parcel_id: str) -> Parcel | None:
        with self._files.locked(parcel_id, waits=False) as is_alone:
            parcel = self.parcel(parcel_id)
            can_be = parcel is not None and parcel.state not in _OVER
            if parcel is None or not is_alone or not can_be:  # being sent at this moment is at once
                return parcel
            return self._write(replace(parcel, state=ParcelState.WAITING, next_try_at=None))

    def _left(self, parcel: Parcel) -> list[Made]:
        return [
            Made(
                kind=item.kind, name=item.name, data=self._blobs.get(item.blob),
                media_type=item.media_type,
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
        with self._files.locked("all"):  # nobody puts a parcel in that needs one of them meanwhile
            needed = self._needed()
            for item in parcel.items:
                if item.blob not in needed:
                    self._blobs.discard(item.blob)

    def _sweep(self) -> None:
        """Remove now and then the objects of no parcel, left by a process that was killed."""
        now = self._clock()
        if self._swept_at is not None and now - self._swept_at < _SWEEP_EVERY:
            return
        with self._files.locked("all"):
            if not self._files.all()[
                1
            ]:  # of a note that can not be read nobody knows what it holds
                needed = self._needed()
                for digest in self._blobs.digests():
                    if digest not in needed:
                        self._blobs.discard(digest)
        self._files.tidy()
        self._swept_at = now

    def _needed(self) -> set[str]:
        left = (parcel for parcel in self.parcels() if parcel.state not in _OVER)
        return {item.blob for parcel in left for item in parcel.items}

    def _let_go(self, parcel: Parcel) -> None:
        """Remove the note of a finished parcel once it is old, unless something hangs on it."""
        if not parcel.guards_a_report and self._clock() - parcel.changed_at > KEPT_DELIVERED:
            with self._files.locked(parcel.id):
                self._files.remove(parcel.id)

    def _write(self, parcel: Parcel) -> Parcel:
        parcel = replace(parcel, changed_at=self._clock())
        self._files.write(parcel)
        return parcel


def parcel_id(peer: str, document_digest: str, blobs: Sequence[str]) -> str:
    """Return the id of the parcel that holds these objects of a document for a peer."""
    words = "\0".join((peer, document_digest, *sorted(blobs)))
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def _closable(sending: Iterator[Made]) -> Generator[Made, None, None]:
    """Return what can be closed, so that a connection ends when sending is broken off."""
    yield from sending


def _taken(parcel: Parcel, made: Made) -> Parcel:
    items = tuple(
        replace(item, is_delivered=True)
        if (item.sop_instance_uid, item.name) == (made.sop_instance_uid, made.name)
        else item
        for item in parcel.items
    )
    return replace(parcel, items=items)
