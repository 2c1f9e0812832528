"""A person concludes, signs and adds; the report is final after the death of the server."""

import re
from pathlib import Path

import pypdf
import pytest
from playwright.sync_api import Browser, expect

from mmcore.report import document_digest, read_result
from tests.browser.clinician import Clinician
from tests.browser.conftest import launch, people, stop
from tests.browser.test_accessibility import barriers
from tests.ports import free_port

pytestmark = pytest.mark.browser

CONCLUSION = "Your conclusion, as it goes into the report"
NAME = "Name, as it stands in the report"
_LOADS_WITHIN = 240_000.0  # milliseconds: a new server loads its model while the case is read


def expect_signed(person: Clinician) -> None:
    status = person.see("report-status")
    expect(status).to_have_attribute("data-signed", "true", timeout=_LOADS_WITHIN)
    expect(status).to_contain_text("signed by Dr. Ada Ray")


def words_of(pdf: Path) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in pypdf.PdfReader(pdf).pages]


@pytest.mark.timeout(900)
def test_a_report_is_signed_added_to_and_final_after_the_death_of_the_server(
    browser: Browser, tmp_path: Path
) -> None:
    log, port = tmp_path / "server.log", free_port()
    settings = {"CONSILIUM_KEEP_DAYS": "30", "CONSILIUM_DATA": str(tmp_path / "data")}
    process = launch(log, settings, port)
    guests = people(browser, f"http://127.0.0.1:{port}")
    try:
        person = next(guests)().open()
        person.go_to("Cases")
        person.open_demo()
        person.report()
        expect(person.see("report-status")).to_have_attribute("data-signed", "false")
        draft = words_of(person.download("Download PDF", tmp_path))
        assert all("DRAFT" in page for page in draft)

        person.page.get_by_label(CONCLUSION).fill("Small pneumothorax on the left.")
        person.page.keyboard.press("Tab")
        expect(person.see("report-conclusion")).to_contain_text("Small pneumothorax on the left.")
        assert barriers(person) == []
        person.page.get_by_label(NAME).fill("Dr. Ada Ray")
        person.page.keyboard.press("Enter")
        person.press("Sign this report")
        expect(person.see("signing-asked")).to_contain_text("Findings without a decision")
        expect(person.see("report-status")).to_have_attribute("data-signed", "false")
        assert barriers(person) == []
        person.press("Sign now")
        expect_signed(person)
        expect(person.page.get_by_label(CONCLUSION)).to_have_count(0)

        person.page.get_by_label("Addendum", exact=True).fill("Told to the ward.")
        person.page.keyboard.press("Tab")
        person.page.get_by_label(NAME).fill("Dr. Bo Lin")
        person.press("Add to the report")
        expect(person.see("report-addendum")).to_contain_text("Told to the ward.")
        assert barriers(person) == []
        expect(person.page).to_have_url(re.compile(r"/report\?case=[0-9a-f]{16}$"))

        stop(process)
        process = launch(log, settings, port)
        person.page.reload()
        expect_signed(person)
        expect(person.see("report-addendum")).to_contain_text("Told to the ward.")
        filed = words_of(person.download("Download PDF", tmp_path))
        assert all("FINAL" in page and "DRAFT" not in page for page in filed)
        assert "Small pneumothorax on the left." in filed[0]
        assert "Signed by Dr. Ada Ray" in " ".join(filed)
        document = read_result(person.download("Download JSON", tmp_path))
        signature = document.pop("signature")
        document.pop("addenda")
        assert signature["document_digest"] == document_digest(document)
    finally:
        stop(process)
    assert next(guests, None) is None, "and nothing left this machine"
    assert "Traceback" not in log.read_text(), log.read_text()
