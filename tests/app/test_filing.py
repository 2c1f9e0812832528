"""Filing a report: off by default, on the disk before the page says so, and told how far it got."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from dashboard import displays, filing
from dashboard.state import CaseWork
from dashboard.viewer import stacks
from mmcore.errors import PeerError, SignedReportFiledError
from mmcore.network import exchange
from mmcore.network import filing as core
from mmcore.network.outbox import Outbox
from mmcore.network.peers import PEERS, Peer
from mmcore.results.make import make_results
from mmcore.results.records import Display, Kind, Made, Mark
from mmcore.store import Place
from mmcore.store.blobs import Blobs
from tests.app import factory
from tests.app.conftest import Stage, html
from tests.app.desk import JANE, store
from tests.unit.network.fhir_store import fhir_store

sends = exchange.store

MADE = (Made(Kind.PDF, "pdf.dcm", b"pdf", sop_instance_uid="1.2.1"),
        Made(Kind.SR, "sr.dcm", b"sr", sop_instance_uid="1.2.2"))  # fmt: skip


class FakePeer:
    """What the page's peer does with objects."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.problem: PeerError | None = None

    def store(self, peer: Peer, objects: Sequence[Made]) -> Iterator[Made]:
        if self.problem is not None:
            raise self.problem
        for made in objects:
            self.got.append(made.sop_instance_uid)
            yield made


@pytest.fixture
def peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePeer]:
    """Name one peer, which takes what it is given; the objects are small ones."""
    fake = FakePeer()
    path = tmp_path / "peers.yaml"
    dimse = {"host": "127.0.0.1", "port": 104, "ae_title": "PACS"}
    path.write_text(yaml.safe_dump({"peers": [{"name": "pacs", "dimse": dimse}]}))
    monkeypatch.setenv(PEERS, str(path))
    monkeypatch.setenv("CONSILIUM_READING", "concurrent")
    monkeypatch.setattr(exchange, "store", fake.store)
    monkeypatch.setattr(core, "make_results", lambda *_, **__: MADE)
    yield fake
    filing.close()


def report_page(stage: Stage) -> AppTest:
    return stage.open_case("jane", "report")


def file_and_wait(app: AppTest, folder: Path) -> AppTest:
    app.button(key="co-file-pacs").click().run()
    for _ in range(100):
        (parcel,) = Outbox(Place(folder)).parcels()
        if parcel.problem or str(parcel.state) != "waiting":
            break
        app.run()
    return app.run()


def test_filing_is_off_unless_the_site_names_a_peer(
    stage: Stage, folder: Path, monkeypatch
) -> None:
    monkeypatch.setenv("CONSILIUM_READING", "concurrent")
    app = report_page(stage)
    assert "Filing to other systems is off" in " ".join(c.value for c in app.caption)
    assert not any((b.key or "").startswith("co-file-") for b in app.button)


def test_a_report_is_filed_and_its_delivery_told(
    stage: Stage, folder: Path, peer: FakePeer
) -> None:
    app = report_page(stage)
    assert "filed as AI-derived and unverified" in " ".join(c.value for c in app.caption)
    app = file_and_wait(app, folder)
    page = html(app)
    assert peer.got == ["1.2.1", "1.2.2"]
    assert "Delivered" in page
    assert "2 of 2 objects taken" in page
    assert "Draft, unverified" in page
    assert app.button(key="co-file-pacs").disabled, "this version is there already"


def test_a_file_of_a_study_is_read_when_its_turn_has_come_and_not_before(
    stage: Stage, folder: Path, peer: FakePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, seen = [], []
    get = Blobs.get

    def note(blobs: Blobs, digest: str) -> bytes:
        read.append(digest)
        return get(blobs, digest)

    def make(_: object, files: Iterator[bytes], **__: object) -> tuple[Made, ...]:
        before = len(read)
        seen.extend((number, len(read) - before) for number, _file in enumerate(files, start=1))
        return MADE

    app = report_page(stage)
    monkeypatch.setattr(core, "make_results", make)
    monkeypatch.setattr(Blobs, "get", note)
    file_and_wait(app, folder)
    assert seen
    assert all(number == so_far for number, so_far in seen)


def test_a_peer_that_is_down_is_told_and_tried_again(
    stage: Stage, folder: Path, peer: FakePeer
) -> None:
    peer.problem = PeerError(peer="pacs", problem="can not be reached", may_pass=True)
    app = file_and_wait(report_page(stage), folder)
    page = html(app)
    assert "pacs can not be reached; it is tried again by itself" in page
    peer.problem = None
    (parcel,) = Outbox(Place(folder)).parcels()
    app.button(key=f"co-again-{parcel.id}").click().run()
    for _ in range(100):
        (parcel,) = Outbox(Place(folder)).parcels()
        if str(parcel.state) == "delivered":
            break
        app.run()
    assert "Delivered" in html(app.run())


def test_what_a_peer_refuses_can_be_withdrawn(stage: Stage, folder: Path, peer: FakePeer) -> None:
    peer.problem = PeerError(peer="pacs", problem="refused us", may_pass=False)
    app = file_and_wait(report_page(stage), folder)
    assert "Not taken" in html(app)
    (parcel,) = Outbox(Place(folder)).parcels()
    app.button(key=f"co-withdraw-{parcel.id}").click().run()
    assert "Withdrawn" in html(app)
    assert not peer.got
    told = [e.detail for e in store().events(JANE) if str(e.kind) == "exported"]
    assert told == ["filed to pacs", "withdrawn from pacs"]
    assert not app.button(key="co-file-pacs").disabled, "what was withdrawn can be filed again"


def test_a_report_goes_to_a_fhir_server_as_it_goes_to_a_pacs(
    stage: Stage, folder: Path, peer: FakePeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "make_results", make_results)
    monkeypatch.setattr(exchange, "store", sends)
    with fhir_store() as (url, kept):
        (tmp_path / "peers.yaml").write_text(f"peers: [{{name: pacs, fhir: {{url: {url!r}}}}}]")
        app = file_and_wait(report_page(stage), folder)
        assert "1 of 1 objects taken" in html(app)
        (report,) = kept.of("DiagnosticReport")
    assert report["status"] == "preliminary"
    assert "Doe, Jane" in report["subject"]["display"]


def test_a_signed_report_that_lies_there_is_not_replaced_and_the_page_says_so(
    stage: Stage, folder: Path, peer: FakePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise SignedReportFiledError(peer="pacs")

    monkeypatch.setattr(core, "file_result", refuse)
    app = report_page(stage)
    app.button(key="co-file-pacs").click().run()
    assert "It holds a signed report of this case" in html(app)


def test_what_waits_of_a_deleted_case_goes_also_where_the_site_names_no_peers_any_more(
    stage: Stage, folder: Path, peer: FakePeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer.problem = PeerError(peer="pacs", problem="can not be reached", may_pass=True)
    file_and_wait(report_page(stage), folder)
    filing.close()
    monkeypatch.delenv(PEERS)
    store().delete(JANE)
    filing.carry_on()
    end = time.monotonic() + 60
    while [path for path in (folder / "outbox" / "objects").rglob("*") if path.is_file()]:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_film_whose_study_is_not_known_is_told_so(
    stage: Stage, folder: Path, peer: FakePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "make_results", make_results)  # the stage's film is no DICOM file
    app = report_page(stage)
    app.button(key="co-file-pacs").click().run()
    assert "there is no study to file in" in html(app)
    assert Outbox(Place(folder)).parcels() == ()


def test_a_mistake_in_the_peers_file_is_told_with_its_place(
    stage: Stage, folder: Path, peer: FakePeer, tmp_path: Path
) -> None:
    (tmp_path / "peers.yaml").write_text("peers: [{name: pacs}]")
    assert "has a mistake, at pacs" in html(report_page(stage))


def test_a_site_that_keeps_nothing_can_not_file(
    stage: Stage, folder: Path, peer: FakePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSILIUM_KEEP_DAYS", "0")
    told = " ".join(c.value for c in report_page(stage).caption)
    assert "keeps nothing" in told


def test_how_the_reader_left_an_image_goes_into_what_is_filed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = factory.case()
    (instance,) = case.instances
    view = {"center": 40, "width": 400, "zoom": 2, "pan": [3, 4], "turn": [0, -1, 1, 0],
            "frame": 0, "is_flipped": True}  # fmt: skip
    marks = [{"kind": "length", "frame": 0, "points": [[1, 2], [3, 4]]},
             {"kind": "spell", "frame": 0, "points": []}]  # fmt: skip
    kept = {"images": {stacks.id_of((instance,)): {"view": view, "marks": marks},
                       "another-1": {"view": view, "marks": []}}}  # fmt: skip
    desk = type("Desk", (), {"viewer": kept})
    monkeypatch.setattr(displays.reading, "desk", lambda _: desk)
    (display,) = displays.displays(CaseWork(case, ""))
    assert display == Display(
        instance.digest, 40, 400, (0, -1, 1, 0), is_inverted=True,
        marks=(Mark("length", ((1, 2), (3, 4))),),
    )  # fmt: skip
