"""A sender that stalls, drips, floods or never greets: it is ended, and others get through."""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import pytest
from pynetdicom.transport import ThreadedAssociationServer

from mmcore.errors import PeerError
from mmcore.network import bounds, dimse, listen
from mmcore.network.listen import MAX_FROM_ONE, Listener, Listening
from mmcore.network.peers import Dimse, Peer, Tls
from mmcore.network.spool import Spool
from mmcore.store.place import Place
from tests.unit.network.test_tls import authority, certificate_of

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SOON, LONG = 1.0, 60.0  # seconds; what is not ended stays for longer still
REQUEST, DATA = 1, 4  # PDU types of PS3.8 9.3.1


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    with (
        patch.object(listen, "TIMEOUT_SECONDS", SOON),
        patch.object(listen, "BEGINS_WITHIN_SECONDS", SOON),
    ):
        made = Listener(Listening(port=0, ae_title="CONSILIUM"), Spool(Place(tmp_path)))
        made.start()
        yield made
        made.stop()


def peer(listener: Listener, tls: Tls | None = None) -> Peer:
    where = Dimse("127.0.0.1", listener.port, "CONSILIUM", "SENDER", tls)
    return Peer("consilium", where, None, timeout=20.0)


def answers_within(listener: Listener, seconds: float, tls: Tls | None = None) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            dimse.echo(peer(listener, tls))
        except PeerError:
            time.sleep(0.1)
        else:
            return True
    return False


def connect(listener: Listener) -> socket.socket:
    return socket.create_connection(("127.0.0.1", listener.port), timeout=10)


def is_ended(connection: socket.socket, within: float) -> bool:
    connection.settimeout(within)
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


def head(kind: int, length: int) -> bytes:
    return struct.pack(">BBL", kind, 0, length)


def test_connections_that_stall_in_a_pdu_are_ended_and_keep_nobody_out(listener: Listener) -> None:
    with ExitStack() as open_ones:
        for _ in range(MAX_FROM_ONE):
            connection = open_ones.enter_context(connect(listener))
            connection.sendall(head(REQUEST, 200) + b"the rest never comes")
        assert answers_within(listener, LONG)


def test_a_pdu_that_drips_is_ended_as_one_that_stalls(listener: Listener) -> None:
    with connect(listener) as connection:
        connection.sendall(head(REQUEST, 100_000))
        began = time.monotonic()
        try:
            while time.monotonic() - began < LONG:
                connection.sendall(b"x")
                time.sleep(SOON / 5)
        except OSError:
            pass
        assert time.monotonic() - began < LONG


def test_a_pdu_of_four_gigabytes_is_refused_before_it_is_read(listener: Listener) -> None:
    with connect(listener) as connection:
        connection.sendall(head(DATA, 2**32 - 1) + bytes(4096))
        assert is_ended(connection, LONG)


def test_one_address_can_not_have_all_connections(tmp_path: Path) -> None:
    patient = Listener(Listening(port=0, ae_title="CONSILIUM"), Spool(Place(tmp_path)))
    with ExitStack() as open_ones:
        open_ones.enter_context(patch.object(listen, "BEGINS_WITHIN_SECONDS", 10 * LONG))
        patient.start()
        open_ones.callback(patient.stop)
        many = [open_ones.enter_context(connect(patient)) for _ in range(MAX_FROM_ONE + 3)]
        assert all(is_ended(one, LONG) for one in many[MAX_FROM_ONE:])
        assert not any(is_ended(one, 0.1) for one in many[:MAX_FROM_ONE])


def test_all_that_one_address_may_have_begin_at_once(tmp_path: Path) -> None:
    """On a busy machine one that was just beginning counted twice, and another was refused."""
    begin = ThreadedAssociationServer.finish_request

    def slowly(server: ThreadedAssociationServer, request: object, address: object) -> None:
        begin(server, request, address)  # type: ignore[arg-type]
        time.sleep(0.1)

    patient = Listener(Listening(port=0, ae_title="CONSILIUM"), Spool(Place(tmp_path)))
    with ExitStack() as open_ones:
        open_ones.enter_context(patch.object(listen, "BEGINS_WITHIN_SECONDS", 10 * LONG))
        open_ones.enter_context(patch.object(ThreadedAssociationServer, "finish_request", slowly))
        patient.start()
        open_ones.callback(patient.stop)
        many = [open_ones.enter_context(connect(patient)) for _ in range(MAX_FROM_ONE)]
        assert is_ended(open_ones.enter_context(connect(patient)), LONG), "all have been looked at"
        assert not any(is_ended(one, 0.1) for one in many)


def test_all_messages_together_are_bounded(listener: Listener) -> None:
    assert answers_within(listener, LONG)
    with patch.object(bounds, "MAX_HELD_BYTES", 10):
        assert not answers_within(listener, 1.0)
    assert answers_within(listener, LONG)


def test_who_connects_for_tls_and_says_nothing_keeps_nobody_out(tmp_path: Path) -> None:
    hospital = authority(tmp_path, "hospital")
    server = certificate_of(tmp_path, "server", hospital)
    options = Listening(port=0, ae_title="CONSILIUM", tls=server)
    with ExitStack() as open_ones:
        for name in ("TIMEOUT_SECONDS", "BEGINS_WITHIN_SECONDS"):
            open_ones.enter_context(patch.object(listen, name, 10 * LONG))
        made = Listener(options, Spool(Place(tmp_path / "data")))
        made.start()
        open_ones.callback(made.stop)
        open_ones.enter_context(connect(made))
        open_ones.enter_context(connect(made)).sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert answers_within(made, LONG, certificate_of(tmp_path, "sender", hospital))
