"""A PACS that hangs, never ends or answers nonsense: we are told, and in time."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.acse import ACSE
from pynetdicom.presentation import build_context

from mmcore.errors import PeerError
from mmcore.network import dimse, exchange
from mmcore.network.found import Query
from mmcore.network.peers import Dimse, Peer
from mmcore.results.records import Kind, Made
from tests.unit.results.filed import film, read, standard_film

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CLASSES = {
    "find": "1.2.840.10008.5.1.4.1.2.2.1",
    "get": "1.2.840.10008.5.1.4.1.2.2.3",
    "film": "1.2.840.10008.5.1.4.1.1.1.1",
}
STUDY = Query(study_uid="1.2.3")


@contextmanager
def pacs(*handlers: tuple[object, Callable[..., object]], timeout: float = 30.0) -> Iterator[Peer]:
    """Run a PACS of pynetdicom that answers with ``handlers``."""
    entity = AE(ae_title="PACS")
    contexts = [build_context(uid) for uid in CLASSES.values()]
    for context in contexts:
        context.scu_role = context.scp_role = True
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=list(handlers), contexts=contexts
    )
    try:
        where = Dimse("127.0.0.1", server.server_address[1], "PACS", "CONSILIUM")
        yield Peer("pacs", where, None, timeout)
    finally:
        server.shutdown()


@contextmanager
def says(data: bytes, *, timeout: float = 30.0) -> Iterator[Peer]:
    """Run what answers any connection with ``data`` and then keeps still."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(data)
                over.wait(120)

        threading.Thread(target=answer, daemon=True).start()
        where = Dimse("127.0.0.1", listening.getsockname()[1], "PACS", "CONSILIUM")
        try:
            yield Peer("pacs", where, None, timeout)
        finally:
            over.set()


def answers(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None
        vr = dictionary_VR(tag)
        dataset[keyword] = DataElement(tag, vr, value, validation_mode=config.IGNORE)
    return dataset


@pytest.mark.parametrize("length", [200, 2**32 - 1])
def test_a_pdu_that_never_ends_does_not_hang_us(length: int) -> None:
    began = time.monotonic()
    with (
        says(struct.pack(">BBL", 2, 0, length) + b"the rest never comes", timeout=1.0) as peer,
        pytest.raises(PeerError, match="can not be reached") as raised,
    ):
        dimse.echo(peer)
    assert raised.value.may_pass
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("result", "words", "may_pass"), [(1, "AE title", False), (2, "too busy", True)]
)
def test_a_refusal_is_told_though_it_has_ended_the_connection_before_we_look(
    result: int, words: str, may_pass: bool
) -> None:
    """On a busy machine one in eight was told as a peer that can not be reached."""
    request = ACSE.send_request

    def request_and_come_late(negotiation: ACSE) -> None:
        request(negotiation)
        carrier, end = negotiation.socket, time.monotonic() + 60
        carrier._ready.wait()
        while carrier._is_connected and time.monotonic() < end:
            time.sleep(0.01)

    refusal = struct.pack(">BBLBBBB", 3, 0, 4, 0, result, 1, 7)  # PS3.8 9.3.4
    with (
        says(refusal) as peer,
        patch.object(ACSE, "send_request", request_and_come_late),
        pytest.raises(PeerError, match=words) as raised,
    ):
        dimse.echo(peer)
    assert raised.value.may_pass is may_pass


def test_a_query_that_is_answered_for_ever_is_given_up() -> None:
    def forever(event: evt.Event) -> Iterator[tuple[int, Dataset]]:
        while True:
            time.sleep(0.05)
            yield 0xFF00, answers(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3")

    with (
        pacs((evt.EVT_C_FIND, forever), timeout=2.0) as peer,
        patch.object(dimse, "_PATIENCE", 0.5),
        pytest.raises(PeerError, match="without coming to an end"),
    ):
        dimse.find(peer, STUDY)


def test_what_a_query_answers_reaches_no_terminal_as_a_command() -> None:
    def one(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        yield 0xFF00, answers(
            QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3",
            StudyDescription="Chest\x1b]0;owned\x07\r\n2026", PatientName="Rivera^Ana",
            ModalitiesInStudy=["DX", "SR\x1b[2J"],
        )  # fmt: skip
        yield 0x0000, None

    with pacs((evt.EVT_C_FIND, one)) as peer:
        (study,) = dimse.find(peer, STUDY)
    assert all(text.isprintable() for text in (study.description, *study.modalities))
    assert study.patient_name == "Rivera^Ana"
    assert study.modalities[0] == "DX"


@pytest.mark.parametrize("name", ["Müller*", "张*", "Rivera*"])
def test_a_name_of_any_script_is_asked_for_as_it_is(name: str) -> None:
    asked: list[Dataset] = []

    def none(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        asked.append(event.identifier)
        yield 0x0000, None

    with pacs((evt.EVT_C_FIND, none)) as peer:
        assert dimse.find(peer, Query(patient_name=name)) == ()
    assert str(asked[0].PatientName) == name
    assert ("SpecificCharacterSet" in asked[0]) is not name.isascii()


@pytest.mark.parametrize("uid", ["..", ".", "1..2", "1.2.", "", "1/2", "1" * 65])
def test_what_is_no_uid_gets_into_no_address(uid: str) -> None:
    peer = Peer("pacs", None, None, 1.0)
    with pytest.raises(PeerError, match="no UID"):
        exchange.fetch(peer, uid)


def test_an_answer_that_can_not_be_decoded_is_told_without_its_words() -> None:
    def one(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        yield 0xFF00, answers(QueryRetrieveLevel="STUDY", PatientID="P-0042")
        yield 0x0000, None

    def broken(answer: Dataset) -> None:
        raise ValueError(f"what is {answer.PatientID}")

    with (
        pacs((evt.EVT_C_FIND, one)) as peer,
        patch.object(dimse, "_study", broken),
        pytest.raises(PeerError, match="not DICOM") as raised,
    ):
        dimse.find(peer, STUDY)
    assert "P-0042" not in str(raised.value)


def test_a_study_larger_than_allowed_is_not_taken() -> None:
    def many(event: evt.Event) -> Iterator[object]:
        yield 3
        for n in range(3):
            yield 0xFF00, read(film(SOPInstanceUID=f"1.2.3.{n}"))

    with pacs((evt.EVT_C_GET, many), timeout=30.0) as peer:
        with patch.object(dimse, "MAX_INSTANCES", 2), pytest.raises(PeerError, match="4 GB"):
            dimse.get(peer, "1.2.3")
        assert len(dimse.get(peer, "1.2.3")) == 3


def test_a_message_that_floods_us_ends_the_connection() -> None:
    def one(event: evt.Event) -> Iterator[object]:
        yield 1
        yield 0xFF00, read(standard_film())

    with (
        pacs((evt.EVT_C_GET, one), timeout=2.0) as peer,
        patch("mmcore.network.bounds.MAX_HELD_BYTES", 100_000),
        pytest.raises(PeerError),
    ):
        dimse.get(peer, "1.2.3")


def test_a_peer_that_has_the_very_instance_already_has_taken_it() -> None:
    data = standard_film()
    dataset = read(data)
    made = Made(Kind.PDF, "x.dcm", data, sop_class_uid=str(dataset.SOPClassUID),
                sop_instance_uid=str(dataset.SOPInstanceUID))  # fmt: skip
    with pacs((evt.EVT_C_STORE, lambda event: 0x0111), timeout=30.0) as peer:
        assert list(dimse.store(peer, [made])) == [made]


def test_a_study_is_fetched_by_a_uid_alone() -> None:
    peer = Peer("pacs", Dimse("127.0.0.1", 1, "PACS", "CONSILIUM"), None, 1.0)
    for uid in ("", "../../admin", "1.2.3?x=1", "1" * 65):
        with pytest.raises(PeerError, match="no UID"):
            exchange.fetch(peer, uid)
