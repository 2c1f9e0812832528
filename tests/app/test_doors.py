"""The layer before Streamlit and the pages around signing in, asked as browsers ask, and worse."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from dashboard import keeping, people, people_forms, stores
from dashboard.people_addresses import COOKIE, PASSWORD, SETUP, SIGN_IN
from dashboard.people_doors import Doors
from mmcore.errors import NotAllowedError
from mmcore.people import Account, People, Policy, Role, SessionState, passwords
from mmcore.people.addresses import AT_ONCE
from mmcore.people.policy import LOGIN
from tests import loops
from tests.unit.people.conftest import CHEAP

SECRET = "tram over the lake"
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def _behind(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"behind {request.headers.get(people.SESSION_HEADER)}")


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


APP = Starlette(
    routes=[
        *people_forms.routes(),
        WebSocketRoute("/_stcore/stream", _socket),
        Route("/{path:path}", _behind, methods=["GET", "PUT"]),
    ],
    middleware=[Middleware(Doors)],
)


class Browser:
    """One browser with its cookies; nothing is followed."""

    def __init__(self) -> None:
        self.cookies = httpx.Cookies()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send one request."""

        async def asked() -> httpx.Response:
            async with self.client() as client:
                return await client.request(method, path, **more)

        answer = loops.run(asked)
        self.cookies.update(answer.cookies)
        return answer

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(APP)
        return httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8501", cookies=self.cookies
        )

    def sign_in(self, name: str, password: str = SECRET) -> httpx.Response:
        return self.ask("POST", f"/{SIGN_IN}", data={"name": name, "password": password})

    def reaches_the_socket(self) -> bool:
        """Ask for a socket as Streamlit's page does."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        scope = {
            "type": "websocket", "path": "/_stcore/stream", "query_string": b"", "scheme": "ws",
            "headers": [(b"host", b"127.0.0.1:8501"), (b"cookie", cookies.encode())],
            "subprotocols": [], "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 8501),
        }  # fmt: skip
        sent: list[str] = []

        async def receive() -> dict[str, str]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message["type"])

        async def asked() -> None:
            await APP(scope, receive, send)

        loops.run(asked)
        return sent[0] == "websocket.accept"


@pytest.fixture
def everybody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[People]:
    """Let people sign in with passwords; there is an admin, Ada."""
    monkeypatch.setenv(LOGIN, "local")
    monkeypatch.setattr(passwords, "_hasher", lambda: CHEAP)
    monkeypatch.setattr(passwords, "_of_nobody", lambda: CHEAP.hash("nobody's"))
    made = People(stores.site_store().people, Policy())
    made.first_admin(made.new_setup_code(), name="ada", display="Ada", password=SECRET)
    yield made
    keeping.close()


def account_of(everybody: People, name: str) -> Account:
    return next(account for account in everybody.accounts() if account.name == name)


def test_who_signs_in_reaches_what_is_behind_and_says_in_which_session(everybody: People) -> None:
    browser = Browser()
    assert browser.ask("GET", "/", headers=PAGE).headers["location"].startswith(f"/{SIGN_IN}?next=")
    assert not browser.reaches_the_socket()
    assert browser.sign_in("ada").headers["location"] == "/"
    answer = browser.ask("GET", "/media/x", headers={people.SESSION_HEADER: "forged"})
    assert answer.text == f"behind {browser.cookies[COOKIE]}"
    assert browser.reaches_the_socket()


def test_a_borrowed_password_opens_nothing_but_the_page_to_change_it(everybody: People) -> None:
    ada = people.person_of(account_of(everybody, "ada"))
    given = everybody.add(ada, "li", "Dr Li", {Role.REVIEWER})
    browser = Browser()
    browser.sign_in("li", given)
    assert browser.ask("GET", "/", headers=PAGE).headers["location"] == f"/{PASSWORD}"
    assert not browser.reaches_the_socket()
    for path in ("/media/x", "/_stcore/host-config", "/"):
        assert browser.ask("GET", path, headers={"Accept": "*/*"}).status_code == 403, path
    assert browser.ask("PUT", "/_stcore/upload_file/a/b").status_code == 403
    mine = "lantern under 7 pines"
    change = {"old": given, "new": mine, "again": mine}
    assert browser.ask("POST", f"/{PASSWORD}", data=change).status_code == 303
    assert browser.reaches_the_socket()


def test_a_locked_session_reaches_no_file_and_takes_none_in(everybody: People) -> None:
    browser = Browser()
    browser.sign_in("ada")
    assert browser.ask("GET", "/media/x").status_code == 200
    everybody.lock(browser.cookies[COOKIE])
    for path in ("/media/x", "/%2Fmedia/x", "/_stcore/upload_file/a/b"):
        assert browser.ask("GET", path).status_code == 403, path


def test_who_tries_one_name_after_another_has_to_wait_whatever_comes_next(
    everybody: People,
) -> None:
    for number in range(AT_ONCE):
        assert "Name or password is wrong." in Browser().sign_in(f"name{number}").text
    answer = Browser().sign_in("ada")
    assert answer.status_code == 401
    assert "Too many attempts failed. Try again in" in answer.text


def test_who_changes_the_password_is_the_only_one_left(everybody: People) -> None:
    stolen, own = Browser(), Browser()
    stolen.sign_in("ada")
    own.sign_in("ada")
    new = "lantern under 7 pines"
    own.ask("POST", f"/{PASSWORD}", data={"old": SECRET, "new": new, "again": new})
    assert own.ask("GET", "/media/x").status_code == 200
    assert stolen.ask("GET", "/media/x").status_code == 401


def test_whoever_signs_in_ends_the_session_that_the_browser_had(everybody: People) -> None:
    browser = Browser()
    browser.sign_in("ada")
    before = browser.cookies[COOKIE]
    browser.sign_in("ada")
    found = everybody.find(before)
    assert found is not None
    assert found[2] is SessionState.OVER
    assert browser.ask("GET", "/media/x").status_code == 200


@pytest.mark.parametrize(
    "wanted",
    [
        "https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "//[", "/[::",
        "/\t/elsewhere.example", "javascript:alert(1)", "elsewhere", "", "/%0d%0aSet-Cookie:a=b",
    ],
)  # fmt: skip
def test_nobody_is_sent_elsewhere_and_no_address_breaks_the_page(
    everybody: People, wanted: str
) -> None:
    browser = Browser()
    page = browser.ask("GET", f"/{SIGN_IN}", params={"next": wanted}, headers=PAGE)
    assert page.status_code == 200
    form = {"name": "ada", "password": SECRET, "next": wanted}
    answer = browser.ask("POST", f"/{SIGN_IN}", data=form)
    assert answer.status_code == 303
    location = httpx.URL("http://127.0.0.1:8501").join(answer.headers["location"])
    assert (location.host, location.scheme) == ("127.0.0.1", "http")
    assert len(answer.headers.get_list("set-cookie")) == 1


@pytest.mark.parametrize("host", ["[", "a b", "elsewhere.example", ""])
def test_a_host_that_is_none_breaks_no_page_and_gets_into_none(
    everybody: People, host: str
) -> None:
    browser = Browser()
    for path in (f"/{SIGN_IN}?next=%2F&language=zh-Hans", f"/{SIGN_IN}?next=%2Freview%3Fcase%3D1"):
        answer = browser.ask("GET", path, headers={"Host": host})
        assert answer.status_code in (200, 303)
        assert "elsewhere" not in answer.text + answer.headers.get("location", "")


@pytest.mark.parametrize(
    "origin", ["null", "https://elsewhere.example", "http://127.0.0.1.example"]
)
@pytest.mark.parametrize("page", [SIGN_IN, SETUP, PASSWORD, "account/sign-out"])
def test_no_form_of_a_foreign_page_does_anything(everybody: People, page: str, origin: str) -> None:
    browser = Browser()
    browser.sign_in("ada")
    answer = browser.ask("POST", f"/{page}", data={}, headers={"Origin": origin})
    assert answer.status_code == 403
    assert browser.ask("GET", "/media/x").status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"name=" + b"x" * 20_000, 413), (b"\xff\xfe%ff%00", 401), (b"name=%ud800&password=%zz", 401)],
)
def test_a_form_that_is_none_is_answered_in_words(
    everybody: People, body: bytes, status: int
) -> None:
    assert Browser().ask("POST", f"/{SIGN_IN}", content=body, headers=FORM).status_code == status


def test_a_flood_of_guesses_keeps_nobody_from_working(
    everybody: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = Browser()
    working.sign_in("ada")
    hold = threading.Event()

    def slow(kept: str | None, given: str) -> bool:
        hold.wait(150)
        return False

    monkeypatch.setattr(passwords, "is_right", slow)

    async def asked() -> int:
        async with Browser().client() as guessing, working.client() as client:
            async with anyio.create_task_group() as group:
                for number in range(60):  # more than all threads that there are
                    form = {"name": f"name{number}", "password": "a guess"}
                    group.start_soon(_post(guessing, form))
                await anyio.sleep(0.5)
                with anyio.fail_after(60):
                    answer = await client.get("/media/x")
                hold.set()
            return answer.status_code

    assert loops.run(asked) == 200


def _post(client: httpx.AsyncClient, form: dict[str, str]) -> Callable[[], Any]:
    async def post() -> None:
        await client.post(f"/{SIGN_IN}", data=form)

    return post


def test_a_fragment_draws_nothing_for_who_is_not_here_any_more(
    everybody: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Rerun(Exception):  # noqa: N818 # as Streamlit's own
        """The page is drawn anew."""

    def rerun() -> None:
        raise Rerun

    from dashboard import state

    tab, drawn = state.Session(), []
    welcome = everybody.sign_in("ada", SECRET)
    tab.person = people.person_of(welcome.account)
    token = welcome.token
    monkeypatch.setattr(state, "session", lambda: tab)
    monkeypatch.setattr(people, "token", lambda: token)
    monkeypatch.setattr(people.st, "fragment", lambda run_every: lambda draw: draw)
    monkeypatch.setattr(people.st, "rerun", rerun)
    draw = people.fragment()(lambda: drawn.append("the image"))
    draw()
    assert drawn == ["the image"]
    everybody.lock(token)
    with pytest.raises(Rerun):
        draw()
    everybody.unlock(token, SECRET)
    draw()
    ada = people.person_of(account_of(everybody, "ada"))
    li = everybody.sign_in("li", everybody.add(ada, "li", "Dr Li", {Role.READER}))
    token = li.token  # another person in the same browser
    with pytest.raises(Rerun):
        draw()
    token = ""
    with pytest.raises(Rerun):
        draw()
    assert drawn == ["the image"] * 2
    with pytest.raises(NotAllowedError):
        people.require(people.Action.READ)
