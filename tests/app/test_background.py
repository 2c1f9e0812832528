"""What happens with nobody at a page: it begins with the server, and outlives what it meets."""

import json
import time
from pathlib import Path

import pytest

from dashboard import services, site, worklist_scoring, worklist_watching
from mmcore.network.outbox import Outbox
from mmcore.network.peers import PEERS
from mmcore.packs import digest_of
from mmcore.results.records import Kind, Made
from mmcore.store import KeptFile, Place, Store
from mmcore.store.place import DATA, KEEP_DAYS
from tests.browser.conftest import serving
from tests.unit.network.fhir_store import FhirStore, fhir_store

CASE = "c" * 64


def device() -> Made:
    """Return the smallest Bundle that a server takes."""
    identifier = {"system": "urn:a", "value": "urn:made-up"}
    entry = {
        "fullUrl": "urn:made-up",
        "resource": {"resourceType": "Device", "identifier": [identifier]},
        "request": {"method": "PUT", "url": "Device?identifier=urn:a|urn:made-up"},
    }
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    return Made(Kind.FHIR, "x.json", json.dumps(bundle).encode(), "application/fhir+json")


@pytest.mark.slow
def test_a_server_that_nobody_has_opened_scores_and_sends(tmp_path: Path) -> None:
    place = Place(tmp_path / "data")
    with Store(place) as store:
        store.keep_case(CASE, [KeptFile("note.txt", b"Fever and cough.")], label="a note")
    Outbox(place).put("records", [device()], case_digest=CASE, document_digest="d", is_signed=False)
    packs = [digest_of(pack.parent) for pack in services.PACKS.glob("*/pack.yaml")]

    def has_begun(kept: FhirStore) -> bool:
        with Store(place) as store:
            return bool(store.scorings.counts(pack_digests=packs) and kept.of("Device"))

    with fhir_store() as (url, kept):
        (tmp_path / "peers.yaml").write_text(f"peers: [{{name: records, fhir: {{url: {url!r}}}}}]")
        site_of = {
            DATA: str(place.folder), KEEP_DAYS: "", PEERS: str(tmp_path / "peers.yaml"),
            site.SCORING: "",
        }  # fmt: skip
        with serving(tmp_path / "server.log", site_of):
            end = time.monotonic() + 240
            while not has_begun(kept) and time.monotonic() < end:
                time.sleep(0.5)
            assert has_begun(kept)


class EndedError(BaseException):
    """Ends a thread that nothing else may end."""


@pytest.mark.parametrize("thread", ["scoring", "watching"])
def test_a_thread_outlives_what_nobody_foresaw(
    thread: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    met: list[str] = []

    def meet(*_: object) -> bool:
        met.append(thread)
        if len(met) < 3:
            raise RuntimeError("of the patient Rivera")
        raise EndedError

    monkeypatch.setattr(worklist_scoring, "step", meet)
    monkeypatch.setattr(worklist_scoring, "_IDLE_SECONDS", 0.0)
    monkeypatch.setattr(worklist_watching.stores, "store", meet)
    monkeypatch.setattr(worklist_watching, "_EVERY_SECONDS", 0.0)
    works = {
        "scoring": worklist_scoring._work,
        "watching": lambda: worklist_watching._watch(tmp_path),
    }
    with pytest.raises(EndedError):
        works[thread]()
    assert len(met) == 3
    assert "RuntimeError" in caplog.text
    assert "Rivera" not in caplog.text
