"""A day at the list of work: what came in is there, scored, found, and opened by keys."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, Locator, expect

from mmcore.packs import PACKS
from mmcore.store import Place, Store
from mmcore.store.work_records import ScoringState
from tests.browser.clinician import Clinician
from tests.browser.conftest import ROOT, launch, people, serving, stop
from tests.browser.test_accessibility import barriers, light_up
from tests.browser.test_reading_first import Arrivals
from tests.clocks import computed_within
from tests.ports import free_port
from tests.thousands import fill

pytestmark = pytest.mark.browser

DEMOS = sorted(path.parent for path in (ROOT / "assets" / "demo").glob("*/demo.yaml"))
CASES = 3
_SCORED_WITHIN = 240.0  # seconds: folders settle, a new server loads its model, then it scores
_UPPER = {"x": 0, "y": 0, "width": 1440, "height": 520}  # of the window; below it is empty
_MOST_SECONDS = 4.0  # of the server's processor, for one thing done to thousands of cases


def bring(folder: Path) -> None:
    """Put patients into a folder as a router would: without what only demonstrations have."""
    for demo in DEMOS[:CASES]:
        patient = folder / demo.name
        patient.mkdir(parents=True)
        for file in demo.iterdir():
            if file.name not in ("demo.yaml", "truth.json"):
                shutil.copy(file, patient / file.name)


def scored(data: Path) -> dict[ScoringState, int]:
    with Store(Place(data)) as store:
        digests = {job for (job,) in _digests(store)}
        return store.scorings.counts(pack_digests=digests)


def _digests(store: Store) -> list[tuple[str]]:
    from sqlalchemy import select

    from mmcore.store.tables import scorings

    with store._database.reading() as connection:
        return [(row.pack_digest,) for row in connection.execute(select(scorings.c.pack_digest))]


def wait_until(is_so: Callable[[], bool], seconds: float = _SCORED_WITHIN) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it took too long"
        time.sleep(1.0)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a server that reads first and watches a folder; give its address when all is scored."""
    folder = tmp_path_factory.mktemp("site")
    bring(folder / "in")
    settings = {
        "CONSILIUM_READING": "read-first", "CONSILIUM_KEEP_DAYS": "30",
        "CONSILIUM_DATA": str(folder / "data"), "CONSILIUM_WATCH": str(folder / "in"),
    }  # fmt: skip
    with serving(folder / "server.log", settings) as url:
        yield url


@pytest.fixture(scope="module")
def reader(browser: Browser, site: str) -> Iterator[Clinician]:
    made = people(browser, site)
    person = next(made)()
    person.page.goto(site)  # the first visit begins the day of the server too
    end = time.monotonic() + _SCORED_WITHIN
    while person.page.locator("[data-testid=worklist-row][data-status=scored]").count() < CASES:
        assert time.monotonic() < end, "what came in was not listed and scored"
        person.page.goto(f"{site}/worklist" if rows(person).count() == 0 else site)
        person.page.wait_for_timeout(4000)
    yield person
    next(made, None)


def rows(person: Clinician) -> Locator:
    return person.see("worklist-row")


def names_of_findings() -> list[bytes]:
    found = set()
    for head in PACKS.glob("*/pack.yaml"):
        for target in yaml.safe_load(head.read_text("utf-8"))["model"]["targets"]:
            found.add(str(target["display"]).encode())
    return sorted(found)


@pytest.mark.timeout(600)
def test_the_list_of_scored_cases_holds_nothing_of_an_answer_before_the_reading(
    reader: Clinician, browser: Browser, site: str
) -> None:
    made = people(browser, site)
    other = next(made)()  # the first has waited until all was scored
    arrivals = Arrivals(other)
    other.page.goto(site)
    expect(rows(other)).to_have_count(CASES)
    other.settle()
    other.page.wait_for_timeout(2000)
    told = b"".join(arrivals.take())
    assert b"Scored" in told
    unread = (b"Nothing called", b"Withheld", b"with caution", b"look sooner")
    for words in (*names_of_findings(), *unread):
        assert words not in told, words
    next(made, None)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_list_has_no_barrier_that_axe_can_find(
    reader: Clinician, site: str, theme: str
) -> None:
    reader.page.goto(site)
    expect(rows(reader)).to_have_count(CASES)
    light_up(reader, theme)
    reader.settle()
    rows(reader).first.focus()
    reader.page.keyboard.press(" ")
    expect(reader.see("worklist-chosen")).to_have_text("1 case chosen")
    assert barriers(reader) == []


def test_the_list_fits_the_window(reader: Clinician, site: str, tmp_path: Path) -> None:
    """Also takes the picture of the documentation (``make screenshots``)."""
    folder = Path(os.environ.get("CONSILIUM_SCREENSHOTS") or tmp_path)
    reader.page.goto(site)
    expect(rows(reader)).to_have_count(CASES)
    light_up(reader, "dark")
    reader.settle()
    rows(reader).first.focus()
    reader.settle()
    reader.page.screenshot(path=folder / "worklist.png", clip=_UPPER)
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= 1440


def test_keys_move_choose_and_open(reader: Clinician, site: str) -> None:
    reader.page.goto(site)
    expect(rows(reader)).to_have_count(CASES)
    reader.settle()
    rows(reader).first.focus()
    reader.page.keyboard.press("ArrowDown")
    expect(rows(reader).nth(1)).to_be_focused()
    reader.page.keyboard.press(" ")
    expect(rows(reader).nth(1)).to_have_attribute("aria-selected", "true")
    expect(reader.see("worklist-chosen")).to_have_text("1 case chosen")
    expect(rows(reader).nth(1)).to_be_focused()
    reader.press("Mark urgent")
    expect(rows(reader).first).to_contain_text("Urgent")
    reader.settle()
    rows(reader).nth(2).focus()
    wanted = str(rows(reader).nth(2).get_attribute("data-case"))
    reader.page.keyboard.press("Enter")
    expect(reader.see("how-to-read")).to_be_visible()
    expect(reader.page).to_have_url(re.compile(rf"/review\?case={wanted[:16]}$"))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_thousands_of_cases_answer_at_once(browser: Browser, tmp_path: Path) -> None:
    with Store(Place(tmp_path / "data")) as store:
        fill(store, 5000)
    settings = {"CONSILIUM_DATA": str(tmp_path / "data"), "CONSILIUM_KEEP_DAYS": "3000",
                "CONSILIUM_SCORING": "when asked"}  # fmt: skip
    port, log = free_port(), tmp_path / "server.log"
    process = launch(log, settings, port)
    made = people(browser, f"http://127.0.0.1:{port}")
    person = next(made)()
    try:
        person.page.goto(person.url)
        expect(rows(person)).to_have_count(50)
        expect(person.see("model-status")).to_have_attribute("data-status", "ready")
        person.settle()
        place, search = person.see("worklist-place"), person.page.get_by_label("Search", exact=True)
        urgent = rows(person).locator(".urgent")
        sorted_by = person.page.locator("th[aria-sort=ascending]")

        def typed(words: str) -> Callable[[], None]:
            return lambda: (search.fill(words), search.press("Enter"))[1]

        def expect_place(words: str) -> Callable[[], None]:
            return lambda: expect(place).to_have_text(re.compile(words))

        done: list[tuple[str, Callable[[], None], Callable[[], None]]] = [
            ("next page", lambda: person.press("Next page"), expect_place("^51 to 100 of 5,000$")),
            ("search", typed("name0042"), expect_place("^1 to 1 of 1$")),
            ("all again", typed(""), expect_place("^1 to 50 of 5,000$")),
            ("order", lambda: person.page.get_by_role("button", name="Study").click(),
             lambda: expect(sorted_by).to_have_text("Study ↑")),
            ("choose", lambda: (rows(person).nth(3).focus(), person.page.keyboard.press(" "))[1],
             lambda: expect(person.see("worklist-chosen")).to_be_visible()),
            ("mark", lambda: person.press("Mark urgent"), lambda: expect(urgent).to_have_count(1)),
        ]  # fmt: skip
        for what, does, shows in done:
            with computed_within(_MOST_SECONDS, process.pid, what=what):
                does()
                shows()
    finally:
        stop(process)
        next(made, None)
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_scoring_goes_on_after_the_server_was_killed_and_scores_nothing_twice(
    browser: Browser, tmp_path: Path
) -> None:
    folder, data = tmp_path / "in", tmp_path / "data"
    bring(folder)
    settings = {"CONSILIUM_DATA": str(data), "CONSILIUM_KEEP_DAYS": "30",
                "CONSILIUM_WATCH": str(folder)}  # fmt: skip
    port = free_port()
    process = launch(tmp_path / "server.log", settings, port)
    made = people(browser, f"http://127.0.0.1:{port}")
    person = next(made)()
    try:
        person.page.goto(person.url)
        wait_until(lambda: sum(scored(data).values()) == CASES)
        wait_until(lambda: ScoringState.RUNNING in scored(data) or len(scored(data)) == 1)
        process.kill()
        process.wait()
        process = launch(tmp_path / "server.log", settings, port)
        person.page.goto(person.url)
        wait_until(lambda: scored(data) == {ScoringState.DONE: CASES})
        person.page.goto(person.url)
        expect(rows(person)).to_have_count(CASES)
    finally:
        stop(process)
        next(made, None)
