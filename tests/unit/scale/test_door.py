"""Who may ask a model server, how much at once, and what a broken engine does."""

from pathlib import Path

import httpx
import pytest

from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.errors import ConfigError
from mmcore.records import Case
from mmcore.scale.answering import Answering, EngineBrokenError
from mmcore.scale.calls import Call
from mmcore.scale.door import BusyError, Door
from mmcore.scale.place import CA, FALLBACK, TOKEN_FILE, URL, server_of_site
from mmcore.scale.wire import to_bytes
from mmcore.simulate import sample_patient
from tests.tiny import SEED, tiny_engine, tiny_pack
from tests.unit.scale.here import OneReplica, door, through

CASE = phantom_case(sample_patient(SEED, 1))
MESSAGE = to_bytes({"case": CASE})
TOKEN = "an-access-token-of-the-site"
PREDICT = f"http://here/v1/packs/{tiny_engine().identity.digest}/predict"


def post(entrance: Door, url: str = PREDICT, body: bytes = MESSAGE, **headers: str) -> int:
    request = httpx.Request("POST", url, content=body, headers=headers)
    return through(entrance, request).status_code


def test_a_call_without_the_token_is_turned_away() -> None:
    replica = OneReplica()
    entrance = door(replica, token=TOKEN)
    assert post(entrance) == 401
    assert post(entrance, Authorization=f"Bearer {TOKEN[:-1]}") == 401
    assert post(entrance, Authorization=f"Basic {TOKEN}") == 401
    assert replica.asked == []
    assert post(entrance, Authorization=f"Bearer {TOKEN}") == 200


def test_a_message_that_is_too_large_reaches_no_replica() -> None:
    replica = OneReplica()
    assert post(door(replica, most_bytes=len(MESSAGE) - 1)) == 413
    assert replica.asked == []
    assert post(door(replica, most_bytes=len(MESSAGE))) == 200


def test_a_message_that_tells_no_length_is_cut_off_where_it_gets_too_large() -> None:
    replica = OneReplica()
    request = httpx.Request("POST", PREDICT, content=MESSAGE)
    del request.headers["Content-Length"]
    assert through(door(replica, most_bytes=2**16), request).status_code == 413
    assert replica.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://here/v1/packs/0123/predict",
        PREDICT.replace("/predict", "/train"),
        PREDICT.replace("/v1/", "/v2/"),
        "http://here/",
    ],
)
def test_what_is_not_there_is_not_found(url: str) -> None:
    assert post(door(OneReplica()), url) == 404


def test_a_full_queue_tells_when_to_come_again() -> None:
    request = httpx.Request("POST", PREDICT, content=MESSAGE)
    found = through(door(OneReplica([BusyError()])), request)
    assert found.status_code == 503
    assert int(found.headers["Retry-After"]) > 0


def test_the_door_says_which_packs_there_are() -> None:
    found = through(door(OneReplica()), httpx.Request("GET", "http://here/v1/packs"))
    assert found.json() == {
        "version": "v1",
        "packs": [{"digest": tiny_engine().identity.digest, "device": "cpu"}],
    }


def test_a_message_that_is_none_is_a_bad_request() -> None:
    assert post(door(OneReplica()), body=b"nonsense") == 400
    assert post(door(OneReplica()), body=to_bytes({"case": "a text"})) == 400


def test_one_message_of_a_batch_that_is_none_costs_no_other() -> None:
    found = Answering(tiny_engine()).predict([MESSAGE, b"nonsense", MESSAGE])
    assert [answer.status for answer in found] == [200, 400, 200]


def test_an_engine_that_broke_is_tested_before_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("device-side assert of patient X")

    answering = Answering(Engine.load(tiny_pack(), device="cpu"))
    answering.check()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answering.engine, "predict_all", broken)
        found = answering.answer(Call.PREDICT, MESSAGE)
    assert found.status == 500
    assert b"patient X" not in found.body
    answering.check()  # the case was at fault, not the device
    assert not answering.is_in_doubt
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answering.engine, "explain", broken)
        assert (
            answering.answer(Call.EXPLAIN, to_bytes({"case": CASE, "target": "effusion"})).status
            == 500
        )
    bias = answering.engine.pack.network.head_bias
    monkeypatch.setattr(bias, "data", bias.data + 1.0)
    with pytest.raises(EngineBrokenError, match="unlike those of its release"):
        answering.check()


def test_a_case_without_inputs_is_no_broken_engine() -> None:
    answering = Answering(tiny_engine())
    empty = to_bytes({"case": Case("empty", CASE.patient)})
    assert answering.answer(Call.PREDICT, empty).status == 422
    assert not answering.is_in_doubt


def test_a_site_without_a_server_computes_here() -> None:
    assert server_of_site({}) is None


def test_a_site_names_its_server(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    place = server_of_site(
        {
            URL: "https://a.example.org/, https://b.example.org:8600",
            TOKEN_FILE: str(tmp_path / "token"),
            CA: "/etc/ca.pem",
            FALLBACK: "local",
        }
    )
    assert place is not None
    assert place.urls == ("https://a.example.org", "https://b.example.org:8600")
    assert (place.token, place.ca, place.has_fallback) == (TOKEN, "/etc/ca.pem", True)
    assert TOKEN not in repr(place)


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({URL: "http://models.example.org"}, "over https alone"),
        ({URL: "ftp://127.0.0.1"}, "http or https"),
        ({URL: "https://user:secret@models.example.org"}, "holds no password"),
        ({URL: "http://127.0.0.1:8600", FALLBACK: "yes"}, "known: local"),
        ({URL: "http://127.0.0.1:8600", TOKEN_FILE: "/nowhere/token"}, "can not be read"),
    ],
)
def test_a_setting_that_is_wrong_is_refused(environment: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        server_of_site(environment)


def test_a_short_token_is_refused_and_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2")
    with pytest.raises(ConfigError, match="16 or more") as raised:
        server_of_site({URL: "http://127.0.0.1:8600", TOKEN_FILE: str(tmp_path / "token")})
    assert "hunter2" not in str(raised.value)
