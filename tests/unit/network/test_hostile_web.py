"""A web server that never ends, drips, sends us elsewhere or answers nonsense."""

import gzip
import json
import time
from http.server import BaseHTTPRequestHandler
from unittest.mock import patch

import pytest

from mmcore.errors import PeerError
from mmcore.network import http, web
from mmcore.network.found import Query
from mmcore.network.multipart import MultipartError, parts
from mmcore.network.peers import Peer, Web
from mmcore.results.records import Kind, Made
from tests.unit.network.served import Answer, send, served
from tests.unit.results.filed import read, standard_film

STUDY = Query(study_uid="1.2.3")
PATIENCE = 1.5  # seconds between two bytes, of which a busy machine takes some


def asked(answer: Answer, *, timeout: float = 20.0) -> None:
    """Ask for studies a server that answers so."""
    with served(answer) as url:
        web.find(Peer("archive", None, Web(url), timeout), STUDY)


def endless(asked: BaseHTTPRequestHandler, _: bytes) -> None:
    asked.send_response(200)
    asked.end_headers()
    while True:
        asked.wfile.write(b" " * 65_536)


def dripping(asked: BaseHTTPRequestHandler, _: bytes) -> None:
    asked.send_response(200)
    asked.send_header("Content-Length", "1000000")
    asked.end_headers()
    for _ in range(1000):
        asked.wfile.write(b" ")
        time.sleep(0.1)


def dripping_head(asked: BaseHTTPRequestHandler, _: bytes) -> None:
    for letter in "HTTP/1.1 200 OK\r\nServer: " + "x" * 1000:
        asked.wfile.write(letter.encode())
        time.sleep(0.1)


@pytest.mark.parametrize("answer", [endless, dripping, dripping_head])
def test_an_answer_without_end_is_given_up_and_may_be_tried_again(answer: Answer) -> None:
    began = time.monotonic()
    with patch.object(web, "MAX_ANSWER_BYTES", 10**6), pytest.raises(PeerError) as raised:
        asked(answer, timeout=PATIENCE)
    assert "without coming to an end" in str(raised.value)
    assert raised.value.may_pass
    assert time.monotonic() - began < 60


def test_a_study_without_end_is_given_up() -> None:
    with (
        served(endless) as url,
        patch.object(web, "MAX_STUDY_BYTES", 10**6),
        pytest.raises(PeerError),
    ):
        web.fetch(Peer("archive", None, Web(url), PATIENCE), "1.2.3")


def test_an_answer_at_a_good_pace_may_take_longer_than_the_patience() -> None:
    def steady(asked: BaseHTTPRequestHandler, _: bytes) -> None:
        asked.send_response(200)
        asked.send_header("Content-Length", str(35 * 8000 + 2))
        asked.end_headers()
        for _ in range(35):
            asked.wfile.write(b" " * 8000)
            time.sleep(0.1)
        asked.wfile.write(b"[]")

    with patch.object(http, "LEAST_BYTES_A_SECOND", 4_000):
        asked(steady, timeout=PATIENCE)


def test_a_redirection_is_not_followed() -> None:
    been: list[str] = []

    def elsewhere(asked: BaseHTTPRequestHandler, _: bytes) -> None:
        been.append(asked.path)
        send(asked, b"", status=307, Location="/secret")

    with pytest.raises(PeerError, match="another address"):
        asked(elsewhere)
    assert not [path for path in been if path == "/secret"]


def test_a_packed_answer_is_refused_before_it_is_unpacked() -> None:
    bomb = gzip.compress(b" " * 10**7)
    with pytest.raises(PeerError, match="not DICOMweb"):
        asked(lambda to, _: send(to, bomb, Content_Encoding="gzip"))


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"7", b'"P-0042"', b"[7]", b'[{"00100020": 7}]', b'[{"00100020": {"Value": 7}}]',
     b"[" * 100_000, b"\xff\xfe"],
)  # fmt: skip
def test_what_is_no_answer_of_dicomweb_is_told_as_that(body: bytes) -> None:
    with pytest.raises(PeerError, match="not DICOMweb") as raised:
        asked(lambda to, _: send(to, body))
    assert "P-0042" not in str(raised.value)


def test_what_an_answer_says_reaches_no_terminal_as_a_command() -> None:
    said = [{"0020000D": {"Value": ["1.2.3"]}, "00081030": {"Value": ["Chest\x1b]0;owned\x07"]}}]
    with served(lambda to, _: send(to, json.dumps(said).encode())) as url:
        (study,) = web.find(Peer("archive", None, Web(url), 20.0), STUDY)
    assert study.description.isprintable()


def test_more_parts_than_a_study_may_have_are_refused() -> None:
    data = b"--abc\r\n\r\nx" + b"\r\n--abc\r\n\r\nx" * 9 + b"\r\n--abc--"
    kind = "multipart/related; boundary=abc"
    with patch("mmcore.network.multipart.MAX_PARTS", 10):
        assert len(list(parts([data], kind, most=10_000))) == 10
    with patch("mmcore.network.multipart.MAX_PARTS", 9), pytest.raises(MultipartError):
        list(parts([data], kind, most=10_000))


@pytest.mark.parametrize(("reason", "is_taken"), [(0x0111, True), (0x0122, False)])
def test_a_server_that_has_the_very_instance_already_has_taken_it(
    reason: int, is_taken: bool
) -> None:
    data = standard_film()
    uid = str(read(data).SOPInstanceUID)
    made = Made(Kind.PDF, "x.dcm", data, sop_instance_uid=uid)
    failed = {"00081155": {"vr": "UI", "Value": [uid]}, "00081197": {"vr": "US", "Value": [reason]}}
    said = json.dumps({"00081198": {"vr": "SQ", "Value": [failed]}}).encode()

    def conflict(to: BaseHTTPRequestHandler, _: bytes) -> None:
        send(to, said, status=409, Content_Type="application/dicom+json")

    with served(conflict) as url:
        peer = Peer("archive", None, Web(url), 20.0)
        if is_taken:
            assert list(web.store(peer, [made])) == [made]
        else:
            with pytest.raises(PeerError, match="0122"):
                list(web.store(peer, [made]))
