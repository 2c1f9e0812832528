"""Results on their way to the site's other systems: which there are, and how far each got.

Nothing is sent unless the site names its peers. What a person files is in the outbox, on the disk,
before the page says so; a thread of this process then brings it to the peer, again and again.
"""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dashboard import displays, jobs, keeping, people, stores
from dashboard.jobs import Job, Tell
from dashboard.language import say
from dashboard.state import CaseWork
from mmcore.errors import MMCoreError
from mmcore.people import Action
from mmcore.store import EventKind, place_of
from mmcore.store.place import DATA, KEEP_DAYS, KEY, KEY_FILE

if TYPE_CHECKING:
    from mmcore.network.courier import Courier
    from mmcore.network.outbox import Outbox
    from mmcore.network.parcels import Parcel

_SETTINGS = (DATA, KEEP_DAYS, KEY, KEY_FILE)


@dataclass(slots=True)
class _Door:
    """The outboxes of this process by their settings, each with its courier."""

    boxes: dict[tuple[str | None, ...], "tuple[Outbox, Courier]"] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


_DOOR = _Door()


def peers() -> tuple[str, ...]:
    """Return the names of the systems that results can be filed to; none by default.

    Raises ``PeerConfigError``.
    """
    from mmcore.network.peers import site_peers

    return tuple(peer.name for peer in site_peers())


def is_possible() -> bool:
    """Return whether this site keeps anything, so that a result can wait to be sent."""
    return place_of().keep_days != 0


def parcels(case_digest: str) -> "tuple[Parcel, ...]":
    """Return what was filed of a case, the newest first. Raises ``StoreError``."""
    return tuple(p for p in _box()[0].parcels() if p.case_digest == case_digest)


def file_to(work: CaseWork, peer: str) -> "Job[Parcel]":
    """Start to make the objects of the report in view and to put them into the outbox."""
    by = people.require(Action.EXPORT).id
    document, files = dict(work.document or {}), _files(work)
    left = displays.displays(work)
    pack_name, digest = work.pack_name or "", work.case.digest
    outbox, courier = _box()

    def task(tell: Tell) -> "Parcel":
        from mmcore.network.filing import file_result

        def note(_: str) -> None:
            kept = keeping.store()
            if kept is not None:
                detail = f"filed to {peer}"
                kept.tell(EventKind.EXPORTED, digest, pack_name=pack_name, reader=by, detail=detail)

        tell(0.0, say("Making the objects"))
        parcel = file_result(outbox, peer, document, files, displays=left, tell=note)
        courier.look()
        return parcel

    job: Job[Any] = jobs.start(task)
    work.jobs[job_name(peer)] = job
    return job


def _files(work: CaseWork) -> Iterator[bytes]:
    """Return the files that an open case was read from, each read when its turn has come."""
    kept = keeping.store()
    if work.files or kept is None or work.kept is None:
        return (data for _, data in work.files)
    return (file.data for file in kept.each_file(work.case.digest))


def job_name(peer: str) -> str:
    """Return the name of a case's job that files to a peer."""
    return f"file:{peer}"


def try_again(parcel_id: str) -> None:
    """Let a parcel be tried now. Raises ``StoreError``."""
    people.require(Action.EXPORT)
    outbox, courier = _box()
    outbox.try_again(parcel_id)
    courier.look()


def withdraw(parcel_id: str) -> None:
    """Stop sending a parcel, and write down who did. Raises ``StoreError``."""
    by = people.require(Action.EXPORT).id
    parcel, kept = _box()[0].withdraw(parcel_id), keeping.store()
    if parcel is not None and kept is not None:
        detail = f"withdrawn from {parcel.peer}"
        kept.tell(EventKind.EXPORTED, parcel.case_digest, reader=by, detail=detail)


def carry_on() -> None:
    """Begin to bring what was left in the outbox, or may come into it; never raises.

    What lies there is looked after even where the site names no peers any more: what belongs to a
    case that is deleted must go.
    """
    try:
        place = place_of()
        if place.keep_days != 0 and ((place.folder / "outbox").exists() or peers()):
            _box()
    except MMCoreError:  # the Report page says what is wrong
        return


def close() -> None:
    """End every courier of this process, for tests."""
    with _DOOR.lock:
        for _, courier in _DOOR.boxes.values():
            courier.stop()
        _DOOR.boxes.clear()


def _box() -> "tuple[Outbox, Courier]":
    from mmcore.network.courier import Courier, standing_in
    from mmcore.network.outbox import Outbox

    settings = tuple(os.environ.get(name) for name in _SETTINGS)
    with _DOOR.lock:
        if settings not in _DOOR.boxes:
            outbox = Outbox(place_of())
            courier = Courier(outbox, standing_in(stores.store))
            courier.start()
            _DOOR.boxes[settings] = (outbox, courier)
        return _DOOR.boxes[settings]
