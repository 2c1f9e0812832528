"""A person finds their case where they left it: after F5, and after the server was killed."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.clinician import Clinician
from tests.browser.conftest import launch, people, stop
from tests.ports import free_port

pytestmark = pytest.mark.browser

FINDING = re.compile(r": what do you see\?$")
SURE = re.compile("how sure")
_LOADS_WITHIN = 240_000.0  # milliseconds: a new server loads its model while the case is read


def impression(person: Clinician, number: int) -> Locator:
    return person.page.get_by_role("radiogroup", name=FINDING).nth(number)


def confidence(person: Clinician, number: int) -> Locator:
    return person.page.get_by_role("radiogroup", name=SURE).nth(number)


def expect_chosen(group: Locator, words: str) -> None:
    expect(group.get_by_role("radio", name=words, exact=True)).to_be_checked()


def expect_both(person: Clinician) -> None:
    expect(person.see("reading-progress")).to_contain_text("2 of", timeout=_LOADS_WITHIN)
    expect_chosen(impression(person, 0), "Present")
    expect_chosen(confidence(person, 0), "5")
    expect_chosen(impression(person, 1), "Unsure")
    expect_chosen(confidence(person, 1), "2")


@pytest.mark.timeout(900)
def test_what_was_entered_survives_a_reload_and_the_death_of_the_server(
    browser: Browser, tmp_path: Path
) -> None:
    log, port = tmp_path / "server.log", free_port()
    settings = {
        "CONSILIUM_READING": "read-first",
        "CONSILIUM_KEEP_DAYS": "30",
        "CONSILIUM_DATA": str(tmp_path / "data"),
    }
    process = launch(log, settings, port)
    guests = people(browser, f"http://127.0.0.1:{port}")
    try:
        person = next(guests)().open()
        person.open_demo()
        person.press("Review this case")
        expect(person.see("how-to-read")).to_be_visible()
        for number, (presence, sure) in enumerate((("Present", "5"), ("Unsure", "2"))):
            impression(person, number).get_by_text(presence, exact=True).click()
            confidence(person, number).get_by_text(sure, exact=True).click()
            expect(person.see("reading-progress")).to_contain_text(f"{number + 1} of")
        expect(person.page).to_have_url(re.compile(r"/review\?case=[0-9a-f]{16}$"))
        address = person.page.url

        person.page.reload()
        expect_both(person)
        assert person.page.url == address
        assert person.page.evaluate("() => JSON.stringify(sessionStorage)").count("case") == 0

        process.kill()
        process.wait()
        process = launch(log, settings, port)
        person.page.goto(address)
        expect_both(person)

        person.go_to("Cases")
        expect(person.see("stored-case")).to_contain_text("reading begun")
        expect(person.see("where-kept")).to_contain_text("30 days")
        person.page.screenshot(path=tmp_path / "cases.png")
        person.go_to("Review")
        expect_both(person)
        confidence(person, 1).get_by_text("4", exact=True).click()
        expect_chosen(confidence(person, 1), "4")
        expect(person.page.locator(".st-key-undo button").first).to_be_enabled()
        person.page.keyboard.press("Control+z")
        expect_both(person)
        expect(person.page.locator(".st-key-redo button").first).to_be_enabled()
        person.page.keyboard.press("Control+Shift+z")
        expect_chosen(confidence(person, 1), "4")
        person.page.screenshot(path=tmp_path / "review.png")
    finally:
        stop(process)
        next(guests, None)
    assert "Traceback" not in log.read_text(), log.read_text()
