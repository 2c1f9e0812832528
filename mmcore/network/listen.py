"""A listener for C-ECHO and C-STORE: who may send, how much, and where it goes. DICOM PS3.4 B.

What arrives is kept as bytes. The study that an instance belongs to is read in the decoding
process, as all headers are; an instance whose header can not be read is refused, and stays with its
sender.
"""

import ipaddress
import logging
import socket
import ssl
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.presentation import build_context
from pynetdicom.transport import ThreadedAssociationServer

from mmcore.errors import ConfigError, FileRefusedError, StoreError
from mmcore.intake.worker import read_head
from mmcore.network.bounds import Bounds
from mmcore.network.messages import part10
from mmcore.network.peers import Peer, Tls
from mmcore.network.spool import Spool, SpoolFullError
from mmcore.network.syntaxes import STORED_CLASSES, TRANSFER_SYNTAXES

_SUCCESS, _NO_RESOURCES, _NOT_UNDERSTOOD = 0x0000, 0xA700, 0xC000
MAX_ASSOCIATIONS, MAX_FROM_ONE = 12, 8
"""At a time, and from one address: a sender that keeps all it may have leaves some to others."""
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
        self._bounds = Bounds(seconds=TIMEOUT_SECONDS)
        self._server: _Server | None = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._server is None:
            raise ValueError("it has not been started")
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
            *self._bounds.handlers,
            (evt.EVT_C_ECHO, self._echo),
            (evt.EVT_C_STORE, self._store),
        ]
        context = None if options.tls is None else _server_context(options.tls)
        try:
            server = entity.make_server(
                (options.host, options.port), evt_handlers=handlers, contexts=contexts,
                server_class=_Server,
            )  # fmt: skip
        except OSError as error:
            problem = f"{options.host}:{options.port} can not be listened on"
            raise ConfigError(key="port", problem=problem) from error
        assert isinstance(server, _Server)  # the class that was asked for
        server.begin(is_allowed=self._is_allowed, tls=context)
        self._server = server

    def stop(self) -> None:
        """End at once; what was acknowledged is on the disk."""
        if self._server is not None:
            self._server.end()
            self._server = None

    def _is_allowed(self, address: str) -> bool:
        """Whether a connection may be opened at all, before a byte of it is read."""
        is_allowed = address.removeprefix("::ffff:") in self._senders
        if not is_allowed:
            logging.getLogger(__name__).warning("a connection from another address was refused")
        return is_allowed

    def _echo(self, event: evt.Event) -> int:
        self._bounds.is_over(event)
        return _SUCCESS

    def _store(self, event: evt.Event) -> int:
        self._bounds.is_over(event)
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


class _Server(ThreadedAssociationServer):
    """Accepts connections from whom it may, so many of each, and greets each in its own thread.

    pynetdicom shakes hands for TLS while it accepts: who connects and says nothing would keep
    everybody else out.
    """

    _is_allowed: Callable[[str], bool]
    _tls: ssl.SSLContext | None
    _greeting: Counter[str]

    def begin(self, *, is_allowed: Callable[[str], bool], tls: ssl.SSLContext | None) -> None:
        """Serve from now on in a thread. is_allowed: asked with the address of who connects."""
        self._is_allowed, self._tls = is_allowed, tls
        self._greeting, self._lock = Counter(), threading.Lock()
        self.ae._servers.append(self)
        threading.Thread(target=self.serve_forever, name="listener", daemon=True).start()

    def end(self) -> None:
        """End at once, open connections too."""
        self.shutdown()
        for association in self.active_associations:
            association.abort()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Return whether a connection is let in: from whom it may be, and not one too many."""
        address = str(client_address[0])
        if not self._is_allowed(address):
            return False
        with self._lock:
            is_one_too_many = self._open_from(address) >= MAX_FROM_ONE
            if not is_one_too_many:
                self._greeting[address] += 1
        if is_one_too_many:
            logging.getLogger(__name__).warning("one address has too many connections at once")
        return not is_one_too_many

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Greet one connection, in a thread of its own, and begin its association.

        It ends to be greeted at the moment in which it has begun: between the two it would count
        twice, and the last connection that an address may have would be refused.
        """
        address = str(client_address[0])
        try:
            if self._tls is not None:
                request.settimeout(BEGINS_WITHIN_SECONDS)
                request = self._tls.wrap_socket(request, server_side=True)
        except BaseException:
            with self._lock:
                self._greeting[address] -= 1
            raise
        with self._lock:
            self._greeting[address] -= 1
            super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Note that a connection could not be begun, by kind only."""
        kind = type(sys.exception()).__name__
        logging.getLogger(__name__).warning("a connection could not be begun: %s", kind)

    def _open_from(self, address: str) -> int:
        begun = sum(one.requestor.address == address for one in self.active_associations)
        return begun + self._greeting[address]


def _server_context(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls.ca or None)
        context.load_cert_chain(tls.certificate, tls.key or None)
    except OSError as error:  # also what is no certificate
        raise ConfigError(key="tls", problem="certificate or key can not be used") from error
    if tls.ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
