"""How much, and how slowly, another system may send over a DIMSE connection. DICOM PS3.8 9.3.

pynetdicom reads a PDU of whatever length it is announced with, and waits for its end for ever.
"""

import logging
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

from mmcore.intake.worker import MAX_FILE_BYTES

MAX_PDU_BYTES = 2**20
"""Of one PDU. 16 KB are agreed on for data; only a proposal of many contexts is longer."""
MAX_MESSAGE_BYTES = MAX_FILE_BYTES + 2**20
MAX_HELD_BYTES = 2 * 2**30
"""Of the unfinished messages of all connections together: they are in memory."""
_AT_ONCE = 2**16


class Bounds:
    """Watches the connections of one listener, or one request, and ends what goes too far.

    most: bytes of one message; ``is_over`` says that a message has come to its end. seconds: within
    which a PDU must come whole, and a piece that is sent must be taken.
    """

    def __init__(self, *, seconds: float, most: int = MAX_MESSAGE_BYTES) -> None:
        self._seconds, self._most = seconds, most
        self._lock = threading.Lock()
        self._held: dict[Association, int] = {}

    @property
    def handlers(self) -> Sequence[Any]:
        """What pynetdicom is to call, as its ``evt_handlers``."""
        return ((evt.EVT_CONN_OPEN, self._opened), (evt.EVT_CONN_CLOSE, self._closed))

    def is_over(self, event: evt.Event) -> None:
        """Count anew: the message that this connection was sending has been taken."""
        with self._lock:
            self._held[event.assoc] = 0

    def _opened(self, event: evt.Event) -> None:
        carrier = event.assoc.dul.socket
        if carrier is not None and carrier.socket is not None:
            carrier.socket.settimeout(self._seconds)
            vars(carrier)["recv"] = partial(self._receive, carrier)  # of this one alone

    def _closed(self, event: evt.Event) -> None:
        with self._lock:
            self._held.pop(event.assoc, None)

    def _receive(self, carrier: AssociationSocket, n_bytes: int) -> bytearray:
        """Return so many bytes of a PDU, fewer where the connection ended.

        Raises ``OSError`` past the bounds, which ends the connection.
        """
        if n_bytes > MAX_PDU_BYTES:
            raise OSError("a PDU is longer than allowed")
        self._count(carrier.assoc, n_bytes)
        socket, received = carrier.socket, bytearray()
        if socket is None:
            return received
        ends = time.monotonic() + self._seconds
        try:
            while len(received) < n_bytes:
                left = ends - time.monotonic()
                if left <= 0:
                    raise TimeoutError("a PDU did not come whole in time")
                socket.settimeout(left)
                piece = socket.recv(min(n_bytes - len(received), _AT_ONCE))
                if not piece:
                    break
                received.extend(piece)
        finally:
            socket.settimeout(self._seconds)  # for what is sent
        return received

    def _count(self, association: Association, n_bytes: int) -> None:
        with self._lock:
            held = self._held.get(association, 0) + n_bytes
            # Not every connection that failed is told of as closed.
            self._held = {one: n for one, n in self._held.items() if one.is_alive()}
            self._held[association] = held
            total = sum(self._held.values())
        if held > self._most or total > MAX_HELD_BYTES:
            logging.getLogger(__name__).warning("a connection that sent too much was ended")
            raise OSError("a message is longer than allowed")
