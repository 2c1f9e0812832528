"""The engine that is elsewhere answers as the one that is here."""

from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.errors import (
    MethodNotApplicableError,
    ModelServerError,
    NothingToScoreError,
    PackIntegrityError,
    UnknownTargetError,
)
from mmcore.language import translate
from mmcore.records import Case, Modality, Patient, Prediction
from mmcore.scale.asking import ModelServer
from mmcore.scale.calls import Call
from mmcore.scale.door import BusyError, LostError
from mmcore.scale.place import URL as ENGINE_URL
from mmcore.scale.place import ServerPlace
from mmcore.scale.remote import RemoteEngine
from mmcore.serve.scorer import Scorer, load_scorer
from mmcore.simulate import sample_patient
from tests.tiny import SEED, tiny_engine, tiny_pack, untried
from tests.unit.scale.here import URL, OneReplica, door, remote, server, through

CASE = phantom_case(sample_patient(SEED, 1))
NAMED = replace(
    CASE,
    patient=replace(CASE.patient, name="ROE^JANE", patient_id="MRN-4711"),
    studies=tuple(replace(s, accession_number="ACC-99") for s in CASE.studies),
)


def assert_alike(found: Prediction, expected: Prediction) -> None:
    for mine, theirs in zip(found.targets, expected.targets, strict=True):
        assert mine.logit == pytest.approx(theirs.logit, abs=1e-5)
        assert replace(mine, logit=0, probability=0, interval=(0, 0)) == replace(
            theirs, logit=0, probability=0, interval=(0, 0)
        )
    assert (found.gate, found.notices) == (expected.gate, expected.notices)
    assert (found.pack, found.present, found.missing) == (
        expected.pack, expected.present, expected.missing,
    )  # fmt: skip


def test_a_prediction_is_the_one_of_the_engine_here() -> None:
    assert_alike(remote(OneReplica()).predict(NAMED), tiny_engine().predict(NAMED))


def test_a_ledger_is_the_one_of_the_engine_here() -> None:
    with untried():
        found = remote(OneReplica()).explain(CASE, "effusion")
        expected = tiny_engine().explain(CASE, "effusion")
    assert found.logit == pytest.approx(expected.logit, abs=1e-5)
    np.testing.assert_allclose(found.coalitions, expected.coalitions, atol=1e-5)
    for mine, theirs in zip(found.contributions, expected.contributions, strict=True):
        assert mine.modality is theirs.modality
        assert mine.signed == pytest.approx(theirs.signed, abs=1e-5)
    image = found.parts[Modality.IMAGE].overlay
    assert image is not None
    np.testing.assert_allclose(image, expected.parts[Modality.IMAGE].overlay, atol=1e-5)


def test_another_method_is_the_one_of_the_engine_here() -> None:
    scorers: tuple[Scorer, ...] = (remote(OneReplica()), tiny_engine())
    reasons, expected = (s.not_applicable(CASE, "effusion", Modality.IMAGE) for s in scorers)
    assert reasons == expected
    method = next(name for name, reason in reasons.items() if not reason and name != "random")
    found, own = (s.explain_with(CASE, "effusion", Modality.IMAGE, method) for s in scorers)
    assert found.change == pytest.approx(own.change, abs=1e-4)
    assert found.parts.sum == pytest.approx(own.parts.sum, abs=1e-4)


def test_what_needs_no_numbers_is_known_without_a_server() -> None:
    def never(_: httpx.Request) -> httpx.Response:
        raise AssertionError("the server was asked")

    found, own = RemoteEngine(tiny_pack(), ServerPlace((URL,)), server=server(never)), tiny_engine()
    assert found.identity == own.identity
    assert found.target_names == own.target_names
    assert (found.card_markdown, found.card_facts) == (own.card_markdown, own.card_facts)
    assert found.model_image(CASE) is own.model_image(CASE) is not None
    assert found.model_note(CASE) is own.model_note(CASE) is not None


def test_nothing_that_names_the_patient_is_sent() -> None:
    bodies: list[bytes] = []
    entrance = door(OneReplica())

    def note(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        return through(entrance, request)

    RemoteEngine(tiny_pack(), ServerPlace((URL,)), server=server(note)).predict(NAMED)
    (body,) = bodies
    named = [b"ROE^JANE", b"MRN-4711", b"ACC-99", *(f.name.encode() for f in NAMED.files)]
    assert not [word for word in named if word in body]
    assert CASE.digest.encode() in body


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda e: e.predict(Case("empty", Patient())), NothingToScoreError),
        (lambda e: e.explain(CASE, "no such"), UnknownTargetError),
        (
            lambda e: e.explain_with(CASE, "effusion", Modality.NOTE, "layer_gradcam"),
            MethodNotApplicableError,
        ),
    ],
)
def test_what_the_model_refuses_is_refused_alike(ask: object, error: type[Exception]) -> None:
    assert callable(ask)
    with pytest.raises(error) as theirs:
        ask(remote(OneReplica()))
    with pytest.raises(error) as ours:
        ask(tiny_engine())
    assert vars(theirs.value) == vars(ours.value)
    assert translate(theirs.value.words, "zh-Hans") == translate(ours.value.words, "zh-Hans")


def test_a_replica_that_dies_loses_nothing() -> None:
    replica = OneReplica([LostError(), LostError()])
    assert_alike(remote(replica).predict(CASE), tiny_engine().predict(CASE))
    assert replica.asked == [Call.PREDICT] * 3


def test_while_all_replicas_are_busy_a_call_is_tried_again() -> None:
    replica = OneReplica([BusyError() for _ in range(4)])
    assert_alike(remote(replica).predict(CASE), tiny_engine().predict(CASE))


def test_the_next_address_is_asked_when_one_does_not_answer() -> None:
    asked: list[str] = []
    entrance = door(OneReplica())

    def one_of_two(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        if request.url.host == "127.0.0.1":
            raise httpx.ConnectError("refused", request=request)
        return through(entrance, request)

    both = server(one_of_two, "http://127.0.0.1:9", "http://localhost:9")
    engine = RemoteEngine(tiny_pack(), ServerPlace((URL,)), server=both)
    engine.predict(CASE)
    engine.predict(CASE)
    assert asked == ["127.0.0.1", "localhost", "localhost"]


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def impatient(handle: object) -> RemoteEngine:
    assert callable(handle)
    place = ServerPlace((URL,), has_fallback=True)
    asked = ModelServer(place, patience=0.0, transport=httpx.MockTransport(handle))
    return RemoteEngine(tiny_pack(), place, server=asked, load=lambda _: tiny_engine())


def test_an_answer_that_can_not_be_unpacked_is_told_like_none() -> None:
    def packed(request: httpx.Request) -> httpx.Response:
        raise httpx.DecodingError("incorrect header check", request=request)

    asked = ModelServer(ServerPlace((URL,)), patience=0.0, transport=httpx.MockTransport(packed))
    engine = RemoteEngine(tiny_pack(), ServerPlace((URL,)), server=asked)
    with pytest.raises(ModelServerError, match="can not be reached"):
        engine.predict(CASE)


def test_without_a_server_the_error_says_so() -> None:
    asked = ModelServer(
        ServerPlace((URL,)), patience=0.0, transport=httpx.MockTransport(unreachable)
    )
    engine = RemoteEngine(tiny_pack(), ServerPlace((URL,)), server=asked)
    with pytest.raises(ModelServerError, match="can not be reached") as raised:
        engine.predict(CASE)
    assert raised.value.may_pass


def test_where_the_site_wants_it_the_answer_is_computed_here_and_says_so() -> None:
    times: list[httpx.Request] = []

    def count(request: httpx.Request) -> httpx.Response:
        times.append(request)
        return unreachable(request)

    engine = impatient(count)
    found = engine.predict(CASE)
    assert found.notices[-1] == ("The model server can not be reached; this was computed here.")
    own = tiny_engine().predict(CASE)
    assert_alike(replace(found, notices=found.notices[:-1]), own)
    with untried():
        assert engine.explain(CASE, "effusion").target == "effusion"
    assert len(times) == 1  # and nobody waits for the server again so soon


def test_a_server_that_can_not_run_this_model_is_not_asked_for_long() -> None:
    engine = RemoteEngine(
        tiny_pack(), ServerPlace((URL,)), server=server(lambda _: httpx.Response(404))
    )
    with pytest.raises(ModelServerError, match="does not have this model") as raised:
        engine.predict(CASE)
    assert not raised.value.may_pass


def test_a_case_that_breaks_replicas_is_not_sent_for_ever() -> None:
    times: list[httpx.Request] = []

    def failing(request: httpx.Request) -> httpx.Response:
        times.append(request)
        return httpx.Response(500)

    engine = RemoteEngine(tiny_pack(), ServerPlace((URL,)), server=server(failing))
    with pytest.raises(ModelServerError, match="failed on this case"):
        engine.predict(CASE)
    assert len(times) == 3


@pytest.mark.parametrize("body", [b"", b"nonsense", b'{"error": "SystemExit", "facts": {}}'])
@pytest.mark.parametrize("status", [200, 422])
def test_an_answer_that_is_none_is_refused(status: int, body: bytes) -> None:
    answer = httpx.Response(status, content=body)
    engine = RemoteEngine(tiny_pack(), ServerPlace((URL,)), server=server(lambda _: answer))
    with pytest.raises(ModelServerError, match="can not be read"):
        engine.predict(CASE)


def test_a_pack_whose_head_is_broken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackIntegrityError, match=r"pack\.yaml can not be read"):
        RemoteEngine(tmp_path, ServerPlace((URL,)))


def test_the_dashboard_asks_the_server_that_the_site_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENGINE_URL, URL)
    found = load_scorer(tiny_pack())
    assert isinstance(found, RemoteEngine)
    assert found.identity == tiny_engine().identity
    found.close()
    monkeypatch.delenv(ENGINE_URL)
    assert isinstance(load_scorer(tiny_pack()), Engine)
