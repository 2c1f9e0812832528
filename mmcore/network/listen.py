"""A listener for C-ECHO and C-STORE: who may send, how much, and where it goes. DICOM PS3.4 B.

What arrives is kept as bytes. The study that an instance belongs to is read in the decoding
process, as all headers are; an instance whose header can not be read is refused, and stays with its
sender.
"""

import ipaddress
import logging
import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.presentation import build_context

from mmcore.errors import ConfigError, FileRefusedError, StoreError
from mmcore.intake.worker import MAX_FILE_BYTES, read_head
from mmcore.network.messages import part10
from mmcore.network.peers import Peer, Tls
from mmcore.network.spool import Spool, SpoolFullError
from mmcore.network.syntaxes import STORED_CLASSES, TRANSFER_SYNTAXES

_SUCCESS, _NO_RESOURCES, _NOT_UNDERSTOOD = 0x0000, 0xA700, 0xC000
_OVERHEAD_BYTES = 2**20
MAX_ASSOCIATIONS = 8
TIMEOUT_SECONDS = 30.0
BEGINS_WITHIN_SECONDS = 10.0
"""A connection that has not asked for an association by then is ended."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen and who may send.

    titles: calling AE titles that are believed; empty for any. hosts: addresses that may connect;
    empty for this machine alone. tls: certificate and key of ours, and the ca whose certificates
    senders must have; None for no encryption. port 0 takes a free one.
    """

    port: int
    ae_title: str
    host: str = "127.0.0.1"
    titles: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    tls: Tls | None = None


def allowed(peers: Sequence[Peer]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the AE titles and addresses of the peers that speak DIMSE."""
    known = [peer.dimse for peer in peers if peer.dimse is not None]
    return (
        tuple(sorted({one.ae_title for one in known})),
        tuple(sorted({address for one in known for address in addresses(one.host)})),
    )


def addresses(host: str) -> tuple[str, ...]:
    """Return the addresses of a host. Raises ``ConfigError`` for one that has none."""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError as error:
        raise ConfigError(key="host", problem=f"{host} has no address") from error
    return tuple(sorted({str(one[4][0]) for one in found}))


class Listener:
    """A running listener; ``stop`` ends it."""

    def __init__(self, options: Listening, spool: Spool) -> None:
        """Check the options. Raises ``ConfigError``."""
        is_local = ipaddress.ip_address(addresses(options.host)[0]).is_loopback
        if not is_local and not options.hosts:
            raise ConfigError(
                key="hosts", problem="name the addresses that may send, or listen on 127.0.0.1"
            )
        self._options, self._spool = options, spool
        self._senders = frozenset(options.hosts) | {"127.0.0.1", "::1"}
        self._lock = threading.Lock()
        self._counts: dict[Any, int] = {}
        self._server: Any = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to listen. Raises ``ConfigError`` where the port is taken or TLS is not set up."""
        options = self._options
        entity = AE(ae_title=options.ae_title)
        entity.require_called_aet = True
        entity.require_calling_aet = list(options.titles)
        entity.maximum_associations = MAX_ASSOCIATIONS
        entity.dimse_timeout = entity.network_timeout = TIMEOUT_SECONDS
        entity.acse_timeout = BEGINS_WITHIN_SECONDS
        contexts = [build_context("1.2.840.10008.1.1")]
        contexts += [build_context(uid, list(TRANSFER_SYNTAXES)) for uid in STORED_CLASSES]
        handlers: list[Any] = [
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_DATA_RECV, self._count),
            (evt.EVT_CONN_CLOSE, self._forget),
            (evt.EVT_C_ECHO, lambda event: _SUCCESS),
            (evt.EVT_C_STORE, self._store),
        ]
        context = None if options.tls is None else _server_context(options.tls)
        try:
            self._server = entity.start_server(
                (options.host, options.port),
                block=False,
                ssl_context=context,
                evt_handlers=handlers,
                contexts=contexts,
            )
            self._server.verify_request = self._is_allowed
        except OSError as error:
            problem = f"{options.host}:{options.port} can not be listened on"
            raise ConfigError(key="port", problem=problem) from error

    def stop(self) -> None:
        """End at once; what was acknowledged is on the disk."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _is_allowed(self, _: object, address: tuple[Any, ...]) -> bool:
        """Whether a connection may be opened at all, before a byte of it is read."""
        is_allowed = str(address[0]).removeprefix("::ffff:") in self._senders
        if not is_allowed:
            logging.getLogger(__name__).warning("a connection from another address was refused")
        return is_allowed

    def _requested(self, event: evt.Event) -> None:
        if not self._is_allowed(None, (event.assoc.requestor.address,)):
            event.assoc.abort()

    def _count(self, event: evt.Event) -> None:
        """End a connection whose one message is larger than any file may be."""
        with self._lock:
            count = self._counts.get(event.assoc, 0) + len(event.data)
            self._counts[event.assoc] = count
        if count > MAX_FILE_BYTES + _OVERHEAD_BYTES:
            logging.getLogger(__name__).warning("a connection that sent too much was ended")
            event.assoc.abort()

    def _forget(self, event: evt.Event) -> None:
        with self._lock:
            self._counts.pop(event.assoc, None)

    def _store(self, event: evt.Event) -> int:
        with self._lock:
            self._counts[event.assoc] = 0
        try:
            data = part10(event)
            study_uid = str(read_head(data)["values"]["StudyInstanceUID"][0])
        except FileRefusedError as refusal:
            logging.getLogger(__name__).warning("an instance was refused: %s", refusal.code)
            return _NOT_UNDERSTOOD
        try:
            self._spool.put(str(event.assoc.requestor.ae_title), study_uid, data)
        except (SpoolFullError, StoreError) as error:
            logging.getLogger(__name__).warning("an instance was not taken: %s", error)
            return _NO_RESOURCES
        return _SUCCESS


def _server_context(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls.ca or None)
        context.load_cert_chain(tls.certificate, tls.key or None)
    except OSError as error:  # also what is no certificate
        raise ConfigError(key="tls", problem="certificate or key can not be used") from error
    if tls.ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
