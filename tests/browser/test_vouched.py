"""People whom an identity provider or a proxy vouches for, and those who only say that they are."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from mmcore.people import Role
from mmcore.store import Place, Store
from tests.browser.clinician import Clinician
from tests.browser.conftest import launch, people, stop
from tests.browser.provider import CLIENT, SECRET, Provider, providing
from tests.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LI = {"sub": "li|1", "email": "li@site.example", "email_verified": True, "name": "Dr Li Na"}
BOSS = {"sub": "boss|1", "email": "boss@site.example", "email_verified": True, "name": "Dr Boss"}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with providing() as running:
        yield running


def secrets_at(folder: Path, url: str, provider: Provider) -> Path:
    """Write the settings of Streamlit by which a server at an address asks that provider."""
    file = folder / "secrets.toml"
    file.write_text(
        f"""[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
server_metadata_url = "{provider.url}/.well-known/openid-configuration"
"""
    )
    return file


@pytest.fixture(scope="module")
def site(
    provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """Run a server at which that provider says who somebody is."""
    folder, port = tmp_path_factory.mktemp("oidc"), free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "CONSILIUM_LOGIN": "oidc", "CONSILIUM_ADMINS": "Boss@site.example",
        "CONSILIUM_NEW_ROLE": "reader", "CONSILIUM_KEEP_DAYS": "30",
        "CONSILIUM_DATA": str(folder / "data"),
        "STREAMLIT_SECRETS_FILES": str(secrets_at(folder, url, provider)),
    }  # fmt: skip
    log = folder / "server.log"
    process = launch(log, settings, port)
    yield url, folder / "data"
    stop(process)
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def somebody(browser: Browser, site: tuple[str, Path]) -> Iterator[Clinician]:
    guests = people(browser, site[0])
    yield next(guests)()
    next(guests, None)


def come_in(person: Clinician) -> None:
    person.page.goto(person.url)
    expect(person.page).to_have_url(re.compile("/account/sign-in"))
    person.page.get_by_role("link", name="Go to your organisation's sign-in").click()


def test_who_the_provider_names_comes_in_and_goes_out_for_good(
    somebody: Clinician, provider: Provider, site: tuple[str, Path]
) -> None:
    provider.claims, provider.seconds = LI, 3600
    come_in(somebody)
    expect(somebody.see("research-banner")).to_be_visible()
    page = somebody.page
    page.get_by_role("button", name="Dr Li Na").click()
    expect(somebody.see("account")).to_contain_text("Reader")
    cookies = [c for c in page.context.cookies() if c["name"].startswith("_streamlit_user")]
    assert cookies
    assert all(cookie["httpOnly"] for cookie in cookies)
    somebody.see("sign-out").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/account/sign-in"))
    page.context.add_cookies(cookies)  # type: ignore[arg-type] # as they came
    page.goto(somebody.url)
    expect(page).to_have_url(re.compile("/account/sign-in"))
    expect(page.get_by_role("alert")).to_contain_text("Your session is over")
    with Store(Place(site[1])) as store:
        kinds = [entry.kind for entry in store.journal.entries()]
        assert kinds[:2] == ["people changed", "signed in"]
        assert kinds[-1] == "signed out"
        (account,) = store.people.accounts()
        assert account.roles == {Role.READER}


def test_a_token_that_has_expired_opens_nothing_more(
    somebody: Clinician, provider: Provider
) -> None:
    provider.claims, provider.seconds = LI, 15
    come_in(somebody)
    over = somebody.see("session-over")  # it may be by the time that a busy machine draws the page
    expect(somebody.see("research-banner").or_(over).first).to_be_visible()
    expect(over).to_be_visible()
    somebody.page.goto(somebody.url)
    expect(somebody.page).to_have_url(re.compile("/account/sign-in"))
    provider.seconds = 3600


def test_the_sites_admin_is_named_by_a_verified_address_alone(
    browser: Browser, provider: Provider, site: tuple[str, Path]
) -> None:
    provider.seconds = 3600
    for claims, is_admin in ((BOSS | {"sub": "x", "email_verified": False}, False), (BOSS, True)):
        provider.claims = claims
        guests = people(browser, site[0])
        person = next(guests)()
        come_in(person)
        expect(person.see("research-banner")).to_be_visible()
        person.page.get_by_role("button", name=claims["name"]).click()
        expect(person.see("account")).to_be_visible()
        admin = person.page.get_by_role("link", name="Admin", exact=True)
        expect(admin).to_have_count(1 if is_admin else 0)
        next(guests, None)


def test_a_forged_cookie_and_a_token_without_an_end_are_refused(
    somebody: Clinician, provider: Provider, site: tuple[str, Path]
) -> None:
    somebody.page.context.add_cookies(
        [{"name": "_streamlit_user", "value": "forged", "url": somebody.url}]
    )
    somebody.page.goto(somebody.url)
    expect(somebody.page).to_have_url(re.compile("/account/sign-in"))
    assert status(f"{somebody.url}/media/x", Accept="*/*") == 401
    assert status(f"{somebody.url}/", **{"x-consilium-session": "guess"}) == 401


def test_a_persons_roles_follow_the_groups_of_the_provider(
    browser: Browser, provider: Provider, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "CONSILIUM_LOGIN": "oidc", "CONSILIUM_KEEP_DAYS": "30",
        "CONSILIUM_OIDC_GROUPS": "readers=reader; it=admin",
        "CONSILIUM_DATA": str(tmp_path / "data"),
        "STREAMLIT_SECRETS_FILES": str(secrets_at(tmp_path, url, provider)),
    }  # fmt: skip
    process = launch(tmp_path / "server.log", settings, port)
    provider.seconds = 3600
    try:
        for groups, roles in (
            (["it"], {Role.ADMIN}), (["readers", "it"], {Role.READER, Role.ADMIN}), ([], set()),
        ):  # fmt: skip
            provider.claims = LI | {"groups": groups}
            guests = people(browser, url)
            person = next(guests)()
            come_in(person)
            if roles:
                expect(person.see("research-banner")).to_be_visible()
            else:
                alert = person.page.get_by_role("alert")
                expect(alert).to_contain_text("This account has no role here yet")
            next(guests, None)
            with Store(Place(tmp_path / "data")) as store:
                (account,) = store.people.accounts()
            assert account.roles == roles
    finally:
        stop(process)


# --- A proxy


def status(url: str, **headers: str) -> int:
    """Return the status of an answer; nothing is followed."""
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)


@pytest.mark.parametrize(
    ("proxies", "headers", "expected"),
    [
        ("127.0.0.1", {"X-Forwarded-User": "li"}, 200),
        ("127.0.0.1", {}, 401),
        ("127.0.0.1", {"X-Forwarded-User": ""}, 401),
        ("10.0.0.0/8", {"X-Forwarded-User": "li"}, 401),
        ("10.0.0.0/8", {"X-Forwarded-User": "li", "X-Forwarded-For": "10.0.0.1"}, 401),
        ("127.0.0.1", {"X-Forwarded-User": "li", "X-Forwarded-For": "192.0.2.7"}, 200),
    ],
)
def test_a_header_counts_from_the_proxy_of_the_site_alone(
    tmp_path: Path, proxies: str, headers: dict[str, str], expected: int
) -> None:
    port, log = free_port(), tmp_path / "server.log"
    settings = {
        "CONSILIUM_LOGIN": "header", "CONSILIUM_PROXIES": proxies, "CONSILIUM_NEW_ROLE": "reader",
        "CONSILIUM_DATA": str(tmp_path / "data"),
    }  # fmt: skip
    process = launch(log, settings, port)
    try:
        assert status(f"http://127.0.0.1:{port}/", **headers) == expected
    finally:
        stop(process)
    with Store(Place(tmp_path / "data")) as store:
        names = [account.name for account in store.people.accounts()]
    assert names == (["li"] if expected == 200 else [])


def test_behind_a_proxy_a_person_comes_in_without_a_page_for_it(
    browser: Browser, tmp_path: Path
) -> None:
    port, log = free_port(), tmp_path / "server.log"
    settings = {
        "CONSILIUM_LOGIN": "header", "CONSILIUM_PROXIES": "127.0.0.1",
        "CONSILIUM_NAME_HEADER": "X-Forwarded-Name", "CONSILIUM_NEW_ROLE": "reviewer",
        "CONSILIUM_DATA": str(tmp_path / "data"), "CONSILIUM_KEEP_DAYS": "30",
    }  # fmt: skip
    process = launch(log, settings, port)
    guests = people(browser, f"http://127.0.0.1:{port}")
    try:
        person = next(guests)()
        person.page.context.set_extra_http_headers(
            {"X-Forwarded-User": "li", "X-Forwarded-Name": "Dr Li Na"}
        )
        person.page.goto(person.url)
        person.page.get_by_role("button", name="Dr Li Na").click()
        expect(person.page.get_by_role("link", name="Admin", exact=True)).to_be_visible()
    finally:
        stop(process)
        next(guests, None)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"CONSILIUM_LOGIN": "none", "STREAMLIT_SERVER_ADDRESS": "0.0.0.0"}, "beyond this machine"),
        ({"CONSILIUM_LOGIN": "header"}, "CONSILIUM_PROXIES"),
        ({"CONSILIUM_LOGIN": "oidc"}, "[auth]"),
        ({"CONSILIUM_LOGIN": "header", "CONSILIUM_PROXIES": "127.0.0.1",
          "FORWARDED_ALLOW_IPS": "*"}, "FORWARDED_ALLOW_IPS"),
        ({"CONSILIUM_LOGIN": "everybody"}, "not one of none, local, oidc, header"),
    ],
)  # fmt: skip
def test_a_setting_that_would_let_anybody_in_ends_the_server_with_words(
    tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    log = tmp_path / "server.log"
    with pytest.raises(pytest.fail.Exception):
        launch(log, {**settings, "CONSILIUM_DATA": str(tmp_path)}, free_port())
    assert "refused:" in log.read_text()
    assert words in log.read_text()
