"""From PACS to PACS: a study sent by DCMTK, read and signed, its results in its study."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pydicom
import pytest
import yaml
from playwright.sync_api import Browser, expect

from mmcore.store import Store
from mmcore.store.place import Place
from tests.browser.conftest import people, serving
from tests.browser.test_accessibility import barriers
from tests.ports import free_port
from tests.unit.network.pacs import running_pacs
from tests.unit.results.filed import run_tool

pytestmark = pytest.mark.browser
SIGNER = "Dr. Ada Ray"
FILM = Path("assets/demo/heart-failure/image.dcm")


def received(data: Path) -> str:
    """Wait until the listener has filed a case; return its digest."""
    end = time.monotonic() + 90
    while time.monotonic() < end:
        with Store(Place(data)) as store:
            found = store.cases()
        if found:
            return found[0].digest
        time.sleep(0.5)
    pytest.fail("the study was not filed as a case")


@pytest.mark.timeout(900)
def test_results_of_a_received_study_lie_in_the_pacs_beside_its_film(
    browser: Browser, tmp_path: Path
) -> None:
    data, port = tmp_path / "data", free_port()
    (tmp_path / "pacs").mkdir()
    with running_pacs(tmp_path / "pacs") as pacs:
        dimse = {"host": "127.0.0.1", "port": pacs.dicom_port, "ae_title": "ORTHANC"}
        peers = tmp_path / "peers.yaml"
        peers.write_text(yaml.safe_dump({"peers": [{"name": "pacs", "dimse": dimse}]}))
        settings = {
            "CONSILIUM_DATA": str(data), "CONSILIUM_KEEP_DAYS": "30",
            "CONSILIUM_PEERS": str(peers), "CONSILIUM_READING": "concurrent",
        }  # fmt: skip
        pacs.upload(FILM.read_bytes())
        listener = subprocess.Popen(
            [sys.executable, "-m", "mmcore", "listen", "--port", str(port), "--quiet", "1",
             "--title", "STORESCU"],
            env={**os.environ, **settings}, stdout=subprocess.PIPE,
        )  # fmt: skip
        try:
            assert listener.stdout is not None
            assert b"listening" in listener.stdout.readline()
            said = run_tool("storescu", "-aec", "CONSILIUM", "127.0.0.1", str(port), FILM)
            assert "E:" not in said
            digest = received(data)
        finally:
            listener.terminate()
            listener.wait(20)
            listener.stdout.close()
        with serving(tmp_path / "server.log", settings) as url:
            guests = people(browser, url)
            person = next(guests)().open()
            person.page.goto(f"{url}/review?case={digest[:16]}")
            expect(person.page.locator("[data-testid^='finding-']").first).to_be_visible(
                timeout=240_000
            )
            person.report()
            expect(person.page.get_by_text("filed as AI-derived and unverified")).to_be_visible()
            person.press("File to pacs")
            table = person.page.get_by_role("table", name="What was filed of this case")
            expect(table).to_contain_text("Delivered")
            person.page.get_by_label("Name, as it stands in the report").fill(SIGNER)
            person.press("Sign this report")
            person.press("Sign now")
            expect(person.page.get_by_text("filed as verified by who signed it")).to_be_visible()
            person.press("File to pacs")
            expect(table).to_contain_text("Signed version")
            expect(table.get_by_text("Delivered")).to_have_count(2)
            barriers(person)  # brings axe-core into the page
            found = person.page.evaluate("() => axe.run('.st-key-co-filing')")
            assert found["passes"]
            assert [violation["id"] for violation in found["violations"]] == []
            table.scroll_into_view_if_needed()
            person.page.screenshot(path=os.environ.get("FILING_SHOT", tmp_path / "filed.png"))
            next(guests, None)
        study = str(pydicom.dcmread(FILM).StudyInstanceUID)
        held = [pydicom.dcmread(_file(tmp_path, pacs.file(one["ID"])))
                for one in pacs.instances(study).values()]  # fmt: skip
    film, results = _split(held)
    assert {one.PatientID for one in held} == {film.PatientID}
    drafts = [one for one in results if "AI-derived, not verified" in one.SeriesDescription]
    final = [one for one in results if "AI-derived, in a signed reading" in one.SeriesDescription]
    assert len(drafts) + len(final) == len(results)
    for version in (drafts, final):
        kinds = {str(one.SOPClassUID.name) for one in version}
        assert {"Encapsulated PDF Storage", "Comprehensive SR Storage",
                "Parametric Map Storage", "Secondary Capture Image Storage"} <= kinds  # fmt: skip
    (verified,) = [one for one in final if one.Modality == "SR"]
    assert verified.VerificationFlag == "VERIFIED"
    (draft,) = [one for one in drafts if one.Modality == "SR"]
    (before,) = verified.PredecessorDocumentsSequence
    named = before.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert named.ReferencedSOPInstanceUID == draft.SOPInstanceUID
    assert "Ada Ray" in str(verified.VerifyingObserverSequence[0].VerifyingObserverName)
    assert {one.VerificationFlag for one in drafts if one.Modality == "SR"} == {"UNVERIFIED"}


def _split(held: list[pydicom.Dataset]) -> tuple[pydicom.Dataset, list[pydicom.Dataset]]:
    """Return the film, and everything else of its study."""
    (film,) = [one for one in held if one.Modality == "DX"]
    return film, [one for one in held if one is not film]


def _file(folder: Path, data: bytes) -> Path:
    path = folder / "held.dcm"
    path.write_bytes(data)
    return path
