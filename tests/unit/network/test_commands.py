"""The commands, against a real PACS: fetch a study, send a result, see that it is there."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from mmcore.cli import app
from mmcore.errors import StoreUnavailableError
from mmcore.network.outbox import Outbox
from mmcore.network.peers import PEERS
from mmcore.store import Store, place_of
from mmcore.store.place import DATA
from mmcore.store.rotation import rotate
from tests.ports import free_port
from tests.unit.network.pacs import USER, VARIABLE, Pacs
from tests.unit.results.filed import (
    STUDY,
    document_with,
    film,
    read,
    run_tool,
    signed,
    standard_film,
)


@pytest.fixture
def site(pacs: Pacs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name the PACS in a peers file, with a second peer that is down."""
    dimse = {"host": "127.0.0.1", "port": pacs.dicom_port, "ae_title": "ORTHANC"}
    url = f"http://127.0.0.1:{pacs.http_port}/dicom-web"
    peers = [
        {"name": "pacs", "dimse": dimse},
        {"name": "web", "dicomweb": {"url": url, "user": USER, "password_env": VARIABLE}},
        {"name": "down", "dicomweb": {"url": f"http://127.0.0.1:{free_port()}"}},
    ]
    (tmp_path / "peers.yaml").write_text(yaml.safe_dump({"peers": peers}))
    monkeypatch.setenv(PEERS, str(tmp_path / "peers.yaml"))
    monkeypatch.setenv(DATA, str(tmp_path / "data"))
    (tmp_path / "film.dcm").write_bytes(standard_film())
    (tmp_path / "result.json").write_text(json.dumps(document_with()))
    return tmp_path


def run(*arguments: str | Path, fails: bool = False) -> str:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert (done.exit_code == 0) is not fails, done.output
    return done.output


def test_every_peer_is_asked_whether_it_answers(site: Path) -> None:
    told = run("peers")
    assert "pacs: answers" in told
    assert "web: answers" in told
    assert "down: can not be reached" in told


@pytest.mark.parametrize("peer", ["pacs", "web"])
def test_a_study_is_listed_and_fetched(site: Path, pacs: Pacs, peer: str) -> None:
    pacs.upload(standard_film())
    assert STUDY in run("fetch", "--peer", peer, "--patient-id", "P-0042")
    run("fetch", "--peer", peer, "--study", STUDY, "--out", site / "got")
    (file,) = (site / "got" / "study-001").iterdir()
    assert read(file.read_bytes()).StudyInstanceUID == STUDY


def earlier_film(uid: str, date: str, **changes: str) -> bytes:
    return film(StudyInstanceUID=f"1.2.3.{uid}", SeriesInstanceUID=f"1.2.3.{uid}.1",
                SOPInstanceUID=f"1.2.3.{uid}.1.1", StudyDate=date, **changes)  # fmt: skip


@pytest.mark.parametrize("peer", ["pacs", "web"])
def test_a_study_is_fetched_with_its_priors_and_kept_as_one_case(
    site: Path, pacs: Pacs, peer: str
) -> None:
    for data in (
        standard_film(),  # of 2023-09-04
        earlier_film("1", "20230101"),
        earlier_film("2", "20200101"),
        earlier_film("3", "20240101"),  # later
        earlier_film("4", "20230102", PatientID="P-0042-B"),  # somebody else
        earlier_film("5", "20230103", Modality="CT"),
    ):
        pacs.upload(data)
    told = run("fetch", "--peer", peer, "--study", STUDY, "--priors", "2", "--keep",
               "--out", site / "got")  # fmt: skip
    names = sorted(path.name for path in (site / "got" / "study-001").iterdir())
    assert names == ["prior1-0001.dcm", "prior2-0001.dcm", "study-0001.dcm"]
    dates = [read((site / "got" / "study-001" / name).read_bytes()).StudyDate for name in names]
    assert dates == ["20230101", "20200101", "20230904"]
    with Store(place_of()) as store:
        (case,) = store.cases()
        assert len(store.file_names(case.digest)) == 3
    assert case.digest in told


def test_everything_is_not_asked_for(site: Path) -> None:
    assert "name a patient" in run("fetch", "--peer", "pacs", fails=True)


@pytest.mark.parametrize("peer", ["pacs", "web"])
def test_a_result_is_sent_and_lies_in_the_study(site: Path, pacs: Pacs, peer: str) -> None:
    pacs.upload(standard_film())
    told = run("send", site / "result.json", "--case", site / "film.dcm", "--peer", peer)
    assert "delivered" in told
    kinds = {read(pacs.file(one["ID"])).Modality for one in pacs.instances(STUDY).values()}
    assert kinds >= {"DX", "DOC", "SR", "OT"}
    assert "delivered" in run("outbox")


def test_the_signed_report_names_the_draft_that_it_replaces(site: Path, pacs: Pacs) -> None:
    arguments = (site / "result.json", "--case", site / "film.dcm", "--peer", "pacs")
    run("send", *arguments, "--kinds", "sr")
    (site / "result.json").write_text(json.dumps(signed(document_with())))
    run("send", *arguments, "--kinds", "sr")
    reports = [read(pacs.file(one["ID"])) for one in pacs.instances(STUDY).values()]
    (draft,) = [one for one in reports if one.VerificationFlag == "UNVERIFIED"]
    (final,) = [one for one in reports if one.VerificationFlag == "VERIFIED"]
    assert "PredecessorDocumentsSequence" not in draft
    (before,) = final.PredecessorDocumentsSequence
    named = before.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert named.ReferencedSOPInstanceUID == draft.SOPInstanceUID
    (site / "sr.dcm").write_bytes(pacs.file(next(
        one["ID"] for uid, one in pacs.instances(STUDY).items() if uid == final.SOPInstanceUID
    )))  # fmt: skip
    assert "Error" not in run_tool("dciodvfy", site / "sr.dcm")


def test_what_can_not_be_sent_waits_and_is_listed(site: Path) -> None:
    told = run(
        "send", site / "result.json", "--case", site / "film.dcm", "--peer", "down", fails=True
    )
    assert "waiting" in told
    listed = run("outbox", "--send")
    assert "waiting" in listed
    assert "can not be reached" in listed
    run("outbox", "--withdraw", listed.split()[0])
    assert "withdrawn" in run("outbox")
    for none in ("0123", "../peers", "ä"):
        assert "there is no such parcel" in run("outbox", "--withdraw", none, fails=True)


def test_an_unknown_peer_is_refused_before_anything_is_put_in(site: Path) -> None:
    told = run("send", site / "result.json", "--case", site / "film.dcm", "--peer", "x", fails=True)
    assert "known: pacs, web, down" in told
    assert run("outbox") == ""


def test_results_are_written_to_files(site: Path) -> None:
    told = run(
        "results", site / "result.json", "--case", site / "film.dcm", "--out", site / "objects",
        "--kinds", "sr", "--kinds", "fhir",
    )  # fmt: skip
    names = sorted(path.name for path in (site / "objects").iterdir())
    assert [name.split("-")[0] for name in names] == ["fhir", "sr"]
    assert len(told.split()) == 2


def test_a_study_is_never_written_into_a_folder_that_holds_another(site: Path, pacs: Pacs) -> None:
    pacs.upload(standard_film())
    fetch = ("fetch", "--peer", "pacs", "--study", STUDY, "--out", site / "fetched")
    run(*fetch)
    told = run(*fetch, fails=True)
    assert "there already" in told


@pytest.mark.parametrize("command", ["send", "outbox"])
def test_the_key_can_not_be_changed_while_results_are_put_in_or_sent(
    site: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    refused: list[str] = []

    def meanwhile(self: Outbox) -> tuple[()]:
        with pytest.raises(StoreUnavailableError, match="in use"):
            rotate(place_of(), bytes(32), person_of=str)
        refused.append(command)
        return ()

    monkeypatch.setattr(Outbox, "parcels", meanwhile)
    sending = ("send", site / "result.json", "--case", site / "film.dcm", "--peer", "down",
               "--kinds", "sr")  # fmt: skip
    run(*(sending if command == "send" else ("outbox",)), fails=command == "send")
    assert refused
