"""People sign in, see what their role is for, find their entries after a lock, and each other."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from mmcore.people import People, Policy, Role
from mmcore.store import Place, Store
from tests.browser.clinician import Clinician
from tests.browser.conftest import launch, people, stop
from tests.browser.test_accessibility import barriers
from tests.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

PASSWORD = "tram over the lake"
PICTURES = os.environ.get("CONSILIUM_PEOPLE_PICTURES", "")
_LOADS_WITHIN = 240_000.0


@dataclass
class Site:
    """A server at which people sign in with passwords, and the people it has."""

    url: str
    log: Path
    data: Path

    def code(self) -> str:
        found = re.search(r"Code: (\S+)", self.log.read_text())
        assert found, self.log.read_text()
        return found[1]

    def people(self) -> People:
        return People(Store(Place(self.data)).people, Policy())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("people")
    log, data, port = folder / "server.log", folder / "data", free_port()
    settings = {
        "CONSILIUM_LOGIN": "local", "CONSILIUM_READING": "read-first",
        "CONSILIUM_KEEP_DAYS": "30", "CONSILIUM_DATA": str(data),
    }  # fmt: skip
    process = launch(log, settings, port)
    yield Site(f"http://127.0.0.1:{port}", log, data)
    stop(process)
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def somebody(browser: Browser, site: Site) -> Iterator[Clinician]:
    guests = people(browser, site.url)
    yield next(guests)()
    next(guests, None)


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button").click()


def sign_in(person: Clinician, name: str, password: str = PASSWORD) -> None:
    person.page.goto(person.url)
    fill(person.page, name=name, password=password)
    expect(person.see("research-banner")).to_be_visible()


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.wait_for_timeout(600)
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def test_the_first_person_needs_the_code_on_the_console_then_makes_the_others(
    somebody: Clinician, site: Site
) -> None:
    page = somebody.page
    page.goto(f"{somebody.url}/review?case=0123456789abcdef")
    expect(page).to_have_url(f"{somebody.url}/account/setup")
    picture(page, "setup-dark")
    given = {"name": "Ada", "display": "Dr Ada Novak", "new": PASSWORD, "again": PASSWORD}
    fill(page, code="aaaaa-bbbbb-ccccc-ddddd", **given)
    expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
    picture(page, "setup-refused")
    assert barriers(somebody) == []
    fill(page, code=site.code(), **given)
    expect(somebody.see("research-banner")).to_be_visible()
    expect(page.get_by_role("button", name="Dr Ada Novak")).to_be_visible()
    (cookie,) = [c for c in page.context.cookies() if c["name"] == "consilium_session"]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    assert cookie["expires"] == -1, "it ends with the browser"
    assert page.evaluate("document.cookie").count("consilium_session") == 0
    picture(page, "cases-ada")

    page.get_by_role("button", name="Dr Ada Novak").click()
    expect(somebody.see("account")).to_contain_text("Reader, Reviewer, Admin")
    picture(page, "menu")
    page.get_by_test_id("sign-out").click()
    fill(page)
    expect(page).to_have_url(f"{somebody.url}/account/sign-in")
    page.go_back()
    page.goto(somebody.url)
    expect(page).to_have_url(re.compile("/account/sign-in"))
    page.context.add_cookies([cookie])
    page.goto(somebody.url)
    expect(page).to_have_url(re.compile("/account/sign-in"))


def test_who_has_no_session_reaches_no_route_of_the_dashboard(
    somebody: Clinician, site: Site
) -> None:
    page = somebody.page
    page.goto(somebody.url)
    for path in (
        "/", "/review", "/media/0123.png", "/_stcore/host-config", "/_stcore/upload_file/a/b",
        "/component/x", "/_stcore/metrics", "/_stcore/allowed-message-origins",
    ):  # fmt: skip
        answer = page.request.get(f"{site.url}{path}", headers={"Accept": "*/*"}, max_redirects=0)
        assert answer.status == 401, path
    assert page.request.get(f"{site.url}/_stcore/health").status == 200
    host = urlsplit(site.url).netloc
    closed = page.evaluate(
        """host => new Promise(done => {
          const socket = new WebSocket(`ws://${host}/_stcore/stream`);
          socket.onopen = () => done("open");
          socket.onerror = () => done("refused");
        })""",
        host,
    )
    assert closed == "refused"
    answer = page.request.post(
        f"{site.url}/account/sign-in", form={"name": "ada", "password": PASSWORD},
        headers={"Origin": "http://elsewhere.example"},
    )  # fmt: skip
    assert answer.status == 403, "no foreign page signs anybody in"
    answer = page.request.get(
        f"{site.url}/account/sign-in?next=https://elsewhere.example", max_redirects=0
    )
    assert 'name="next" type="hidden" value="/"' in answer.text()


def test_the_page_for_signing_in_is_read_in_both_languages_and_themes(
    somebody: Clinician, site: Site
) -> None:
    page = somebody.page
    page.goto(somebody.url)
    fill(page, name="ada", password="wrong")
    expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    page.get_by_role("link", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.get_by_role("heading")).to_have_text("登录")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.evaluate("localStorage.setItem('consilium-theme', 'light')")
    page.reload()
    assert page.evaluate(background) != dark
    picture(page, "sign-in-light-zh")
    assert barriers(somebody) == []


def test_a_lock_hides_the_case_and_keeps_every_entry(somebody: Clinician, site: Site) -> None:
    page = somebody.page
    sign_in(somebody, "ada")
    expect(somebody.see("model-status")).to_have_attribute(
        "data-status", "ready", timeout=_LOADS_WITHIN
    )
    somebody.go_to("Cases")
    somebody.open_demo()
    somebody.press("Review this case")
    expect(somebody.see("how-to-read")).to_be_visible()
    first = page.get_by_role("radiogroup", name=re.compile(r": what do you see\?$")).nth(0)
    first.get_by_text("Present", exact=True).click()
    expect(first.get_by_role("radio", name="Present", exact=True)).to_be_checked()
    address = page.url

    page.get_by_role("button", name="Dr Ada Novak").click()
    page.get_by_role("button", name="Lock").click()
    expect(somebody.see("locked")).to_contain_text("Nothing entered is lost")
    expect(somebody.see("viewer-canvas")).to_have_count(0)
    expect(first).to_have_count(0)
    picture(page, "locked")
    assert barriers(somebody) == []
    background = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    dark = page.evaluate(background)
    page.evaluate("localStorage.setItem('consilium-theme', 'light')")
    page.reload()
    expect(somebody.see("locked")).to_be_visible()
    page.wait_for_function(f"dark => {background} !== dark", arg=dark)
    page.evaluate("localStorage.setItem('consilium-theme', 'dark')")
    page.get_by_label("Password", exact=True).fill("wrong password")
    page.get_by_role("button", name="Unlock").click()
    expect(page.get_by_text("Name or password is wrong.")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Unlock").click()
    expect(first.get_by_role("radio", name="Present", exact=True)).to_be_checked(
        timeout=_LOADS_WITHIN
    )
    assert page.url == address


def test_roles_are_kept_and_two_people_on_one_case_see_each_other(
    browser: Browser, site: Site
) -> None:
    everybody = site.people()
    ada = next(a for a in everybody.accounts() if a.name == "ada")
    from dashboard.people import person_of

    given = everybody.add(person_of(ada), "li", "Dr Li Na", {Role.READER})
    it = everybody.add(person_of(ada), "it", "Help desk", {Role.ADMIN})
    guests = people(browser, site.url)
    new = next(guests)
    ada_at, li_at, it_at = new(), new(), new()

    li_at.page.goto(site.url)
    fill(li_at.page, name="li", password=given)
    expect(li_at.page).to_have_url(f"{site.url}/account/password")
    li_at.page.goto(f"{site.url}/review")
    expect(li_at.page).to_have_url(f"{site.url}/account/password")
    picture(li_at.page, "password")
    fill(li_at.page, old=given, new="kettle-9-violin-moss", again="kettle-9-violin-moss")
    expect(li_at.see("research-banner")).to_be_visible()
    li_at.go_to("Cases")
    expect(li_at.see("stored-case")).to_be_visible()
    li_at.settle()
    assert li_at.page.locator("[class*=st-key-stored-remove]").count() == 0
    assert li_at.see("stored-case").inner_text().count("nothing recorded") == 1

    it_at.page.goto(site.url)
    fill(it_at.page, name="it", password=it)
    fill(it_at.page, old=it, new="violin-9-kettle-moss", again="violin-9-kettle-moss")
    expect(it_at.see("research-banner")).to_be_visible()
    assert it_at.page.get_by_role("link", name="Cases").count() == 0
    for path in ("review", "intake", "worklist", "report"):
        it_at.page.goto(f"{site.url}/{path}")
        if path == "worklist":  # the first page, which for these roles is another one
            expect(it_at.page).to_have_url(f"{site.url}/")
            expect(it_at.page.get_by_role("heading", name="Admin")).to_be_visible()
        else:
            expect(it_at.page.get_by_role("dialog")).to_contain_text("Page not found")
        it_at.page.wait_for_timeout(1500)
        assert "Review this case" not in it_at.page.content()
        assert it_at.see("viewer-canvas").count() == 0
        assert it_at.see("stored-case").count() == 0
    it_at.page.goto(site.url)
    expect(it_at.page.get_by_role("heading", name="Admin")).to_be_visible()
    it_at.go_to("Bench")
    expect(it_at.page.get_by_role("heading", name="Admin")).to_have_count(0)
    it_at.page.get_by_role("button", name="Help desk").click()
    it_at.go_to("Admin")
    expect(it_at.page.get_by_role("table", name="Accounts")).to_contain_text("Dr Li Na")
    picture(it_at.page, "admin-people")
    assert barriers(it_at) == []
    it_at.page.get_by_role("tab", name="Use").click()
    expect(it_at.see("figures")).to_be_visible()
    picture(it_at.page, "admin-use")
    it_at.page.get_by_role("tab", name="Audit").click()
    it_at.page.get_by_role("button", name="Check the whole audit").click()
    expect(it_at.page.get_by_text("nothing changed")).to_be_visible()
    picture(it_at.page, "admin-audit")
    assert barriers(it_at) == []

    sign_in(ada_at, "ada")
    for person in (ada_at, li_at):
        person.go_to("Cases")
        person.page.locator("[class*=st-key-stored-open] button").first.click()
        expect(person.see("case-summary")).to_be_visible(timeout=_LOADS_WITHIN)
    expect(li_at.see("visitor")).to_contain_text("Dr Ada Novak has this case open since")
    expect(ada_at.see("visitor")).to_contain_text("Dr Li Na has this case open since")
    picture(ada_at.page, "visitor")
    header = ada_at.page.locator(".st-key-co-header")
    assert header.evaluate("e => e.scrollWidth <= e.clientWidth"), "the header fits"
    ada_at.press("Close this case")
    expect(li_at.see("visitor")).to_have_count(0)
    next(guests, None)


def test_an_idle_page_locks_itself_after_entering_what_was_being_typed(
    browser: Browser, tmp_path: Path
) -> None:
    log, data, port = tmp_path / "server.log", tmp_path / "data", free_port()
    settings = {
        "CONSILIUM_LOGIN": "local", "CONSILIUM_KEEP_DAYS": "30", "CONSILIUM_DATA": str(data),
        "CONSILIUM_LOCK_MINUTES": "0.25",
    }  # fmt: skip
    process = launch(log, settings, port)
    guests = people(browser, f"http://127.0.0.1:{port}")
    try:
        person = next(guests)()
        person.page.goto(person.url)
        found = re.search(r"Code: (\S+)", log.read_text())
        assert found
        fill(person.page, code=found[1], name="ada", display="Ada", new=PASSWORD, again=PASSWORD)
        arrived = person.see("research-banner").or_(person.see("locked"))
        expect(arrived.first).to_be_visible()
        if person.see("locked").count():  # the first page of a server on a busy machine
            person.page.get_by_label("Password", exact=True).fill(PASSWORD)
            person.page.get_by_role("button", name="Unlock").click()
        expect(person.see("research-banner")).to_be_visible()
        for _ in range(10):  # hands on the page keep it open, though nothing reaches the server
            person.page.mouse.move(100, 100)
            person.page.wait_for_timeout(1000)
            person.page.mouse.move(300, 300)
            person.page.wait_for_timeout(1000)
        assert person.see("locked").count() == 0
        expect(person.see("locked")).to_be_visible(timeout=60_000)
    finally:
        stop(process)
        next(guests, None)
    assert "Traceback" not in log.read_text(), log.read_text()
