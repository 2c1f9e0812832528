"""What a site files looks as what it prints: its own letterhead on every copy of the report."""

import base64
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmcore.cli import app
from mmcore.network import peers
from mmcore.network.filing import file_result
from mmcore.network.outbox import Outbox
from mmcore.report import render_pdf, write_result
from mmcore.report.template import TEMPLATE, template_of
from mmcore.results import Kind
from mmcore.results.make import make_results
from mmcore.results.records import Made
from mmcore.store.place import Place
from tests.unit.results.filed import document_with, read, standard_film

PEERS = "peers: [{name: pacs, dimse: {host: 127.0.0.1, port: 104, ae_title: PACS}}]"


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "template.yaml"
    file.write_text("department: Radiology, Example Hospital")
    monkeypatch.setenv(TEMPLATE, str(file))
    (tmp_path / "peers.yaml").write_text(PEERS)
    monkeypatch.setenv(peers.PEERS, str(tmp_path / "peers.yaml"))


def printed() -> bytes:
    return render_pdf(document_with(), template=template_of())


def test_the_pdf_that_is_sent_has_the_letterhead(tmp_path: Path) -> None:
    outbox = Outbox(Place(tmp_path / "data"))
    file_result(outbox, "pacs", document_with(), [standard_film()], kinds=[Kind.PDF])
    sent = []

    def send(peer, objects):
        for made in objects:
            sent.append(read(made.data))
            yield made

    outbox.deliver_due(send)
    (dataset,) = sent
    assert dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength] == printed()
    assert printed() != render_pdf(document_with())


def test_another_letterhead_makes_another_object_and_the_same_one_the_same(tmp_path: Path) -> None:
    def made() -> tuple[Made, ...]:
        return make_results(
            document_with(), [standard_film()], kinds=[Kind.PDF], template=template_of()
        )

    (one,), (again,) = made(), made()
    (tmp_path / "template.yaml").write_text("department: Radiology, under another name")
    (other,) = made()
    assert one == again
    assert other.sop_instance_uid != one.sop_instance_uid
    assert other.series_uid == one.series_uid


def test_the_command_writes_it_into_the_dicom_object_and_the_bundle(tmp_path: Path) -> None:
    result, film = tmp_path / "result.json", tmp_path / "film.dcm"
    write_result(document_with(), result)
    film.write_bytes(standard_film())
    out = tmp_path / "out"
    arguments = [
        "results",
        result,
        "--case",
        film,
        "--out",
        out,
        "--kinds",
        "pdf",
        "--kinds",
        "fhir",
    ]
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    (pdf,), (fhir,) = out.glob("*.dcm"), out.glob("*.json")
    dataset = read(pdf.read_bytes())
    assert dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength] == printed()
    entries = json.loads(fhir.read_text())["entry"]
    (form,) = (
        e["resource"]["presentedForm"][0] for e in entries if "presentedForm" in e["resource"]
    )
    assert base64.b64decode(form["data"]) == printed()
