"""FHIR results sent: taken whole, once however often, a later version for the earlier one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mmcore.cli import app
from mmcore.errors import NothingToFileError, PeerError, SignedReportFiledError
from mmcore.network import exchange, fhir_server, peers
from mmcore.network.courier import send as send_to
from mmcore.network.filing import file_result
from mmcore.network.outbox import Outbox
from mmcore.network.parcels import Parcel, ParcelState
from mmcore.network.peers import Peer, Web, read_peers
from mmcore.report import add, write_result
from mmcore.results import Kind, Made
from mmcore.results.make import make_results
from mmcore.store import Store
from mmcore.store.place import DATA, Place
from tests.unit.network.fhir_store import FhirStore, RefusedError, fhir_store
from tests.unit.network.served import send, served
from tests.unit.results.filed import SIGNED_AT, document_with, signed, standard_film


@pytest.fixture(autouse=True)
def a_short_pdf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmcore.results.fhir.render_pdf", lambda *_, **__: b"%PDF-1.4")


@pytest.fixture
def server() -> Iterator[tuple[str, FhirStore]]:
    with fhir_store() as found:
        yield found


@pytest.fixture
def kept(server: tuple[str, FhirStore]) -> FhirStore:
    return server[1]


@pytest.fixture
def records(server: tuple[str, FhirStore]) -> Peer:
    return Peer("records", None, None, 10.0, fhir=Web(server[0]))


@pytest.fixture
def outbox(
    server: tuple[str, FhirStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Outbox:
    file = tmp_path / "peers.yaml"
    file.write_text(f'peers: [{{name: records, fhir: {{url: "{server[0]}/"}}}}]')
    monkeypatch.setenv(peers.PEERS, str(file))
    monkeypatch.setenv(DATA, str(tmp_path / "data"))
    return Outbox(Place(tmp_path / "data"))


def bundle(document: dict[str, Any] | None = None) -> Made:
    document = document_with() if document is None else document
    (made,) = make_results(document, [standard_film()], kinds=[Kind.FHIR])
    return made


def file_to(outbox: Outbox, document: dict[str, Any]) -> Parcel | None:
    parcel = file_result(outbox, "records", document, [standard_film()])
    return outbox.deliver(parcel.id, send_to)


def test_a_result_is_taken_whole(records: Peer, kept: FhirStore) -> None:
    assert list(exchange.store(records, [bundle()])) == [bundle()]
    kinds = {kind: len(kept.of(kind)) for kind in ("Device", "Observation", "DiagnosticReport",
                                                   "Provenance")}  # fmt: skip
    assert kinds == {"Device": 1, "Observation": 6, "DiagnosticReport": 1, "Provenance": 1}


def test_sent_again_it_makes_nothing_twice(records: Peer, kept: FhirStore) -> None:
    fhir_server.store(records, bundle())
    once = dict(kept.kept)
    fhir_server.store(records, bundle())
    assert kept.kept == once
    assert kept.posts == 2


def test_the_signed_version_takes_the_place_of_the_draft(outbox: Outbox, kept: FhirStore) -> None:
    file_to(outbox, document_with())
    (draft,) = kept.of("DiagnosticReport")
    assert draft["status"] == "preliminary"
    file_to(outbox, signed(document_with()))
    (report,) = kept.of("DiagnosticReport")
    assert report["status"] == "final"
    assert len(kept.of("Provenance")) == 2, "of each version"


def test_an_addendum_follows_and_a_draft_never_takes_the_place_of_what_was_signed(
    outbox: Outbox, kept: FhirStore
) -> None:
    final = signed(document_with())
    file_to(outbox, final)
    for other in (document_with(), signed(document_with(), "Dr Somebody Else")):
        with pytest.raises(SignedReportFiledError):
            file_to(outbox, other)
    file_to(outbox, add(final, text="Called.", name="Dr Byron", account=None, at=SIGNED_AT))
    (report,) = kept.of("DiagnosticReport")
    assert report["status"] == "appended"


def test_a_draft_that_waits_reaches_the_server_before_the_signed_version(
    outbox: Outbox, kept: FhirStore
) -> None:
    kept.problem = RefusedError(503, "transient")
    draft = file_to(outbox, document_with())
    assert draft is not None
    assert draft.state is ParcelState.WAITING
    kept.problem = None
    final = file_to(outbox, signed(document_with()))
    assert final is not None
    assert final.state is ParcelState.DELIVERED
    (report,) = kept.of("DiagnosticReport")
    assert report["status"] == "final"
    assert all(parcel.state is ParcelState.DELIVERED for parcel in outbox.parcels())


@pytest.mark.parametrize(
    ("problem", "words", "may_pass"),
    [
        (RefusedError(503, "transient"), "HTTP status 503", True),
        (RefusedError(409, "conflict"), "HTTP status 409", True),
        (RefusedError(412, "multiple-matches"), "several resources", False),
        (RefusedError(422, "business-rule", "P-0042 is unknown"), "business-rule", False),
        (RefusedError(400, "<b>P-0042</b>"), "400", False),
        (RefusedError(401, "login"), "sign-in", False),
    ],
)
def test_a_refusal_is_told_by_its_code_and_tried_again_where_that_may_help(
    records: Peer, kept: FhirStore, problem: RefusedError, words: str, may_pass: bool
) -> None:
    kept.problem = problem
    with pytest.raises(PeerError, match=words) as raised:
        fhir_server.store(records, bundle())
    assert raised.value.may_pass is may_pass
    assert "P-0042" not in str(raised.value)
    assert not kept.kept


@pytest.mark.parametrize(
    "said",
    [
        {},
        [],
        {"resourceType": "Bundle", "type": "transaction-response", "entry": []},
        {"resourceType": "Bundle", "type": "batch-response",
         "entry": [{"response": {"status": "201"}}] * 9},
        {"resourceType": "Bundle", "type": "transaction-response",
         "entry": [{"response": {"status": "201"}}] * 8 + [{"response": {"status": "404"}}]},
    ],
)  # fmt: skip
def test_only_a_server_that_says_so_has_taken_it(said: object) -> None:
    assert len(json.loads(bundle().data)["entry"]) == 9
    answers = served(lambda asked, _: send(asked, json.dumps(said).encode()))
    with answers as url, pytest.raises(PeerError):
        fhir_server.store(Peer("records", None, None, 5.0, fhir=Web(url)), bundle())


def test_a_server_of_another_version_does_not_answer_as_ours(
    records: Peer, kept: FhirStore
) -> None:
    exchange.echo(records)
    kept.version = "5.0.0"
    with pytest.raises(PeerError, match=r"FHIR 5\.0\.0"):
        exchange.echo(records)


def test_a_token_of_the_environment_signs_us_in(
    server: tuple[str, FhirStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, kept = server
    file = tmp_path / "peers.yaml"
    file.write_text(f'peers: [{{name: records, fhir: {{url: "{url}", token_env: SECRET}}}}]')
    monkeypatch.setenv("SECRET", "s3cret")
    (peer,) = read_peers(file)
    fhir_server.store(peer, bundle())
    assert kept.tokens == ["Bearer s3cret"]


def test_a_peer_that_takes_fhir_alone_is_given_nothing_else(outbox: Outbox) -> None:
    with pytest.raises(NothingToFileError):
        file_result(outbox, "records", document_with(), [standard_film()], kinds=[Kind.PDF])
    assert outbox.parcels() == ()


def test_the_command_sends_it_and_the_audit_says_so(
    outbox: Outbox, kept: FhirStore, tmp_path: Path
) -> None:
    write_result(document_with(), tmp_path / "result.json")
    (tmp_path / "film.dcm").write_bytes(standard_film())
    arguments = ["send", tmp_path / "result.json", "--case", tmp_path / "film.dcm", "--peer",
                 "records"]  # fmt: skip
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    assert "delivered  1/1" in done.output
    assert len(kept.of("DiagnosticReport")) == 1
    with Store(Place(tmp_path / "data")) as store:
        (told,) = store.events(document_with()["case"]["digest"])
    assert (str(told.kind), told.detail) == ("exported", "filed to records")
    again = CliRunner().invoke(app, ["peers"])
    assert "records: answers" in again.output
