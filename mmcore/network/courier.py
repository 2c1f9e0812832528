"""Brings what is in the outbox to its peers: once, or again and again in a thread."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from mmcore.errors import MMCoreError, PeerConfigError, PeerError
from mmcore.language import say
from mmcore.network import exchange
from mmcore.network.outbox import Outbox, Send, Stands
from mmcore.network.parcels import Parcel, Standing
from mmcore.network.peers import find_peer, site_peers
from mmcore.results.records import Made
from mmcore.store import CaseState, EventKind, Store

LOOK_SECONDS = 5.0


def send(peer: str, objects: Sequence[Made]) -> Iterator[Made]:
    """Send objects to a peer of this site, by its name. Raises ``PeerError``.

    A peers file that is wrong or lacks the peer is a problem that may pass: somebody can mend it.
    """
    try:
        found = find_peer(site_peers(), peer)
    except PeerConfigError as error:
        problem = say("is not in the peers file as it is now")
        raise PeerError(peer=peer, problem=problem, may_pass=True) from error
    try:
        yield from exchange.store(found, objects)
    except MMCoreError:
        raise
    except Exception as error:  # libraries raise anything; the next parcel must not wait for it
        problem = say("sending failed ({kind})", kind=type(error).__name__)
        raise PeerError(peer=peer, problem=problem, may_pass=True) from error


def standing_in(store_of: Callable[[], Store | None]) -> Stands:
    """Return what says of a parcel whether its case still stands in a store.

    store_of: returns the store, None where there is none; may raise ``StoreError``. A case that is
    off the list and can be brought back holds its parcels up; one that was deleted, or kept long
    enough, withdraws them. A case that was never in the store, as of ``send``, changes nothing.
    """

    def stands(parcel: Parcel) -> Standing:
        store = store_of()
        if store is None or not parcel.case_digest:
            return Standing.SEND
        case = store.case(parcel.case_digest)
        if case is not None:
            return Standing.HOLD if case.state is CaseState.REMOVED else Standing.SEND
        ends = (EventKind.DELETED, EventKind.EXPIRED)
        since = (e for e in store.events(parcel.case_digest) if e.at >= parcel.created_at)
        return Standing.WITHDRAW if any(e.kind in ends for e in since) else Standing.SEND

    return stands


class Courier:
    """Threads that send what is due until they are told to stop: one for each peer that is served.

    A peer that does not answer keeps its own thread waiting and no other. stands, send: as in
    ``Outbox.deliver_to``.
    """

    def __init__(self, outbox: Outbox, stands: Stands, *, send: Send = send) -> None:
        self._outbox, self._stands, self._send = outbox, stands, send
        self._stop, self._look = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._serving: dict[str, threading.Thread] = {}

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def look(self) -> None:
        """Look into the outbox now instead of in a few seconds."""
        self._look.set()

    def stop(self) -> None:
        """End after the parcels that are being sent."""
        self._stop.set()
        self._look.set()
        self._thread.join()
        for serving in self._serving.values():
            serving.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            with _noted():
                for peer in sorted(self._outbox.tend(stands=self._stands)):
                    self._serve(peer)
            self._look.wait(LOOK_SECONDS)
            self._look.clear()

    def _serve(self, peer: str) -> None:
        """Begin to send what is due for a peer, unless that is being done."""
        before = self._serving.get(peer)
        if before is None or not before.is_alive():
            self._serving[peer] = threading.Thread(
                target=self._deliver, args=(peer,), name=f"courier to {peer}", daemon=True
            )
            self._serving[peer].start()

    def _deliver(self, peer: str) -> None:
        with _noted():
            done = self._outbox.deliver_to(
                peer, self._send, stands=self._stands, goes_on=lambda: not self._stop.is_set()
            )
            if done:
                self._look.set()  # more may have come meanwhile


@contextmanager
def _noted() -> Iterator[None]:
    """Outlive whatever is met, and note it without a word of a patient."""
    try:
        yield
    except MMCoreError as error:  # its words hold nothing of a patient
        logging.getLogger(__name__).warning("the outbox could not be read: %s", error)
    except Exception as error:  # noqa: BLE001 - the thread must outlive what it meets
        # The message of a foreign error may quote what was sent.
        logging.getLogger(__name__).warning("sending failed: %s", type(error).__name__)
