"""What the running server answers: headers, refusals, limits, and no socket for strangers."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from starlette.datastructures import Headers
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from dashboard.serving import content_policy, is_own
from tests.browser.conftest import serving

MEGABYTE = 1 << 20
PLACES = ("/", "/_stcore/health", "/_stcore/host-config", "/media/none.bin", "/review", "/none.txt")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("server") / "server.log", {}) as url:
        yield url


def policy(answer: requests.Response) -> dict[str, list[str]]:
    parts = [part.split() for part in answer.headers["content-security-policy"].split(";")]
    return {name: sources for name, *sources in parts}


@pytest.mark.parametrize("place", PLACES)
def test_every_answer_forbids_frames_foreign_sources_guessed_types_and_caches(
    server: str, place: str
) -> None:
    answer = requests.get(server + place, timeout=10)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert {"camera=()", "microphone=()", "geolocation=()"} <= set(
        answer.headers["permissions-policy"].split(", ")
    )
    allowed = policy(answer)
    assert allowed["default-src"] == allowed["frame-ancestors"] == ["'none'"]
    assert allowed["connect-src"] == ["'self'"]
    named = {source for sources in allowed.values() for source in sources}
    assert not [s for s in named if "http" in s or "*" in s or s == "'unsafe-eval'"]
    assert "'unsafe-inline'" not in allowed["script-src"]


@pytest.mark.parametrize("name", ["worklist", "worklist/"])
def test_the_first_page_is_found_by_its_name_too(server: str, name: str) -> None:
    """Streamlit serves a default page at "/" alone, and says of its name "Page not found"."""
    led = requests.get(f"{server}/{name}?case=0123", timeout=10, allow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (307, "/?case=0123")


def test_only_streamlits_own_files_may_stay_in_a_cache(server: str) -> None:
    index = requests.get(server, timeout=10).text
    script = re.search(r'src="\./(static/js/index\.[^"]+\.js)"', index)
    assert script, "Streamlit's index page names its script"
    answer = requests.get(f"{server}/{script[1]}", timeout=10)
    assert answer.status_code == 200
    assert "no-store" not in answer.headers["cache-control"]
    assert answer.headers["content-security-policy"] == content_policy()


def test_the_server_listens_on_this_machine_alone(server: str) -> None:
    port = urlsplit(server).port
    sockets = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
    listening = [
        line.split()[1] for path in sockets if path.exists()
        for line in path.read_text().splitlines()[1:] if line.split()[3] == "0A"
    ]  # fmt: skip
    assert [a for a in listening if int(a.split(":")[1], 16) == port] == [f"0100007F:{port:04X}"]


def test_a_foreign_host_name_is_refused(server: str) -> None:
    headers = {"Host": "attacker.example"}
    with pytest.raises(InvalidStatus) as refused:
        socket_of(server, origin=None, headers=headers)
    assert refused.value.response.status_code in (400, 403)


def socket_of(
    server: str, *, origin: str | None, headers: dict[str, str] | None = None
) -> ClientConnection:
    address = server.replace("http:", "ws:") + "/_stcore/stream"
    return connect(address, origin=origin, additional_headers=headers, proxy=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "origin", ["https://attacker.example", "http://localhost.attacker.example", "null", "file://"]
)
def test_a_page_from_elsewhere_gets_no_socket(server: str, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        socket_of(server, origin=origin)
    assert refused.value.response.status_code == 403


def test_a_socket_of_a_stranger_is_refused_before_anybody_is_asked_for_our_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from streamlit import net_util

    def asked() -> None:
        raise AssertionError("an address service was asked")

    monkeypatch.setattr(net_util, "get_external_ip", asked)
    assert not is_own(Headers({"host": "localhost:8501", "origin": "https://attacker.example"}))


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8501", "http://localhost:8501"),
        ("localhost:9000", "http://localhost:9000"),  # through a tunnel
        ("127.0.0.1:8501", "http://localhost:8501"),  # the name that people type
        ("localhost:8501", None),  # no page at all
    ],
)
def test_a_page_of_ours_is_let_in(host: str, origin: str | None) -> None:
    assert is_own(Headers({"host": host} | ({"origin": origin} if origin else {})))


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8501", "http://localhost:3000"),  # another server of this machine
        ("localhost:8501", "http://127.0.0.1:3000"),
        ("localhost:8501", "http://[::1]:3000"),
        ("localhost:8501", "https://localhost"),
        ("localhost:8501", "http://localhost:none"),
        ("attacker.example:8501", "http://attacker.example:8501"),  # whose name leads here
    ],
)
def test_a_page_of_another_server_is_not_even_one_of_this_machine(host: str, origin: str) -> None:
    assert not is_own(Headers({"host": host, "origin": origin}))


def test_behind_a_proxy_its_own_address_counts_and_no_other_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = {
        "browser.serverAddress": "review.example.org",
        "browser.serverPort": 443,
        "server.corsAllowedOrigins": ["https://portal.example.org"],
        "server.allowedHosts": ["127.0.0.1"],
    }
    monkeypatch.setattr(config, "get_option", said.__getitem__)

    def lets_in(origin: str) -> bool:
        return is_own(Headers({"host": "127.0.0.1:8501", "origin": origin}))

    assert lets_in("https://review.example.org")
    assert lets_in("https://portal.example.org")
    assert not lets_in("https://review.example.org:8443")
    assert not lets_in("http://portal.example.org")
    assert not lets_in("http://localhost:8501"), "nobody is served under this name here"


def test_an_upload_needs_the_token_of_its_page_and_has_a_limit(server: str) -> None:
    with requests.Session() as client, socket_of(server, origin=server) as connection:
        client.get(server + "/_stcore/health")
        token = client.cookies["_streamlit_xsrf"]
        session = session_of(connection)
        place = f"{server}/_stcore/upload_file/{session}/file"
        small, large = ({"file": bytes(n * MEGABYTE)} for n in (1, 65))
        assert client.put(place, files=small).status_code == 403, "no token"
        wrong = {"X-Xsrftoken": token[:12] + "0000" + token[16:]}
        assert client.put(place, files=small, headers=wrong).status_code == 403
        right = {"X-Xsrftoken": token}
        assert client.put(place, files=small, headers=right).status_code == 204
        assert client.put(place, files=large, headers=right).status_code == 413
        other = place.replace(session, "another-session")
        assert client.put(other, files=small, headers=right).status_code == 400
        for method in ("GET", "POST"):
            answer = client.request(method, place)
            assert bytes(1000) not in answer.content, "nothing is given back"


def session_of(connection: ClientConnection) -> str:
    """Ask for a page over the socket, as a browser does; return the session's name."""
    asked = BackMsg()
    asked.rerun_script.query_string = ""
    connection.send(asked.SerializeToString())
    while True:
        told = ForwardMsg()
        told.ParseFromString(connection.recv(timeout=60))  # type: ignore[arg-type] # it is bytes
        if told.WhichOneof("type") == "new_session":
            assert told.new_session.config.gather_usage_stats is False
            return str(told.new_session.initialize.session_id)


def test_no_other_origin_may_read_answers(server: str) -> None:
    headers = {"Origin": "https://attacker.example"}
    for place in PLACES:
        answer = requests.get(server + place, headers=headers, timeout=10)
        assert answer.headers.get("access-control-allow-origin") is None, place
