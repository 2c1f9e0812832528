"""Brings what is in the outbox to its peers: once, or again and again in a thread."""

import logging
import threading
from collections.abc import Iterator, Sequence

from mmcore.errors import MMCoreError, PeerConfigError, PeerError
from mmcore.language import say
from mmcore.network import exchange
from mmcore.network.outbox import Outbox
from mmcore.network.peers import find_peer, site_peers
from mmcore.results.records import Made

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


class Courier:
    """A thread that sends what is due until it is told to stop."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._stop, self._look = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def look(self) -> None:
        """Look into the outbox now instead of in a few seconds."""
        self._look.set()

    def stop(self) -> None:
        """End after the parcel that is being sent."""
        self._stop.set()
        self._look.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._outbox.deliver_due(send)
            except MMCoreError as error:  # its words hold nothing of a patient
                logging.getLogger(__name__).warning("the outbox could not be read: %s", error)
            except Exception as error:  # noqa: BLE001 - the thread must outlive what it meets
                # The message of a foreign error may quote what was sent.
                kind = type(error).__name__
                logging.getLogger(__name__).warning("sending failed: %s", kind)
            self._look.wait(LOOK_SECONDS)
            self._look.clear()
