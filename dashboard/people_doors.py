"""What stands between a browser and the dashboard: who has no session reaches none of its routes.

A layer in front of Streamlit and the routes of the pages around signing in. It asks for the session
on every request and every socket, since Streamlit serves files and uploads to whoever reaches the
port. The token is a cookie that no script can read; the database holds its SHA-256 alone.
"""

import ipaddress
import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config

from dashboard import people, people_pages, people_vouched, people_words
from dashboard.language import say
from dashboard.people_pages import Field, form_page, plain_page
from dashboard.people_vouched import cookies_of
from dashboard.serving import is_own
from mmcore.audit.figures import Figures, figures
from mmcore.errors import (
    ConfigError,
    PasswordRefusedError,
    PeopleError,
    SignInRefusedError,
    StoreError,
)
from mmcore.language import LANGUAGES
from mmcore.people import Account, LoginMode, SessionState, Welcome

COOKIE = "consilium_session"
SIGN_IN, SIGN_OUT = "account/sign-in", "account/sign-out"
SETUP, PASSWORD = "account/setup", "account/password"
_OWN = "account/"
_OPEN = ("static/", "_stcore/health", "favicon.png")
"""Streamlit's own scripts and styles, and the answer that the server is up."""
_LARGEST_FORM = 10_000  # bytes
_YEAR = 31_536_000
_TOLD = ("over", "disabled", "no role")
"""Why somebody was sent to the page for signing in, where it is worth a word."""
Page = Callable[[Request], Awaitable[Response]]


# --- At start


def announce(out: Any = sys.stderr) -> None:
    """Check at start how people sign in, and print the code for the first admin.

    Ends the server where nobody signs in and it listens beyond this machine, and for settings that
    make no sense.
    """
    try:
        policy = people.policy()
        is_near = _is_loopback(config.get_option("server.address"))
        if policy.mode is LoginMode.NONE and not is_near:
            raise SystemExit(
                "refused: CONSILIUM_LOGIN is none, and the server would listen beyond this "
                "machine: whoever reaches it would see every case. Set CONSILIUM_LOGIN to "
                "local, oidc or header, or server.address to 127.0.0.1."
            )
        people_vouched.check(policy)
        if os.environ.get("CONSILIUM_METRICS_PORT"):
            _serve_figures()
        if policy.mode is LoginMode.LOCAL and people.everybody().is_new():
            code = people.everybody().new_setup_code()
            out.write(
                "\n  There is no account yet. The first one is made by whoever reads this, once:\n"
                f"  {_address()}/{SETUP}\n  Code: {code}\n\n"
            )
            out.flush()
    except (ConfigError, StoreError) as error:
        raise SystemExit(f"refused: {error}") from error


def _serve_figures() -> None:
    from mmcore.audit.prometheus import port_of, serve

    if (port := port_of(os.environ)) is not None:
        serve(port, _figures)


def _figures() -> Figures | None:
    try:
        store = people.journal()
        return None if store is None else figures(store.journal.entries())
    except StoreError:
        return None


def _is_loopback(address: str | None) -> bool:
    if not address:
        return False  # every address of this machine
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _address() -> str:
    host = config.get_option("browser.serverAddress")
    return f"http://{host}:{config.get_option('server.port')}{_base()}"


def _base() -> str:
    """Return the path under which the dashboard is served, without a slash at its end."""
    path = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


# --- The layer in front


class Doors:
    """Lets through who is signed in, tells Streamlit which session it is, and sends others away."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or socket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        del MutableHeaders(scope=scope)[people.SESSION_HEADER]
        path = scope["path"].removeprefix(_base()).lstrip("/")
        mode = people.policy().mode
        if mode is LoginMode.NONE or path.startswith((_OWN, *_OPEN)):
            await self._app(scope, receive, send)
            return
        if mode is LoginMode.OIDC and path in people_vouched.ROUTES:
            await self._app(scope, receive, send)
            return
        try:
            token, state, account = await to_thread.run_sync(partial(_known, scope))
        except PeopleError as error:
            await _refuse(scope, receive, send, path, error)
            return
        except StoreError:
            await _answer(scope, receive, send, PlainTextResponse("", status_code=503))
            return
        if account.must_change and _is_navigation(scope):
            await _answer(scope, receive, send, RedirectResponse(f"{_base()}/{PASSWORD}", 303))
            return
        if state is SessionState.LOCKED and path.startswith(("media/", "_stcore/upload_file")):
            await _answer(scope, receive, send, PlainTextResponse("", status_code=403))
            return
        MutableHeaders(scope=scope)[people.SESSION_HEADER] = token
        await self._app(scope, receive, send)


def _known(scope: Scope) -> tuple[str, SessionState, Account]:
    """Return whose session a request belongs to. Raises ``SignInRefusedError``."""
    mode = people.policy().mode
    if mode is LoginMode.LOCAL:
        token = cookies_of(scope).get(COOKIE, "")
    else:
        token = people_vouched.token_of(scope, people.everybody())
    found = people.everybody().find(token)
    if found is None:
        raise SignInRefusedError(reason="none")
    if found[2] is SessionState.OVER:
        raise SignInRefusedError(reason="over")
    return token, found[2], found[1]


def _is_navigation(scope: Scope) -> bool:
    """Return whether a person has come to a page, and not a page for something."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    headers = Headers(scope=scope)
    return headers.get("sec-fetch-mode", "navigate") == "navigate" and "text/html" in headers.get(
        "accept", ""
    )


async def _refuse(
    scope: Scope, receive: Receive, send: Send, path: str, error: PeopleError
) -> None:
    """Send a person to the page for signing in; tell a script no more than that it may not."""
    response: Response = PlainTextResponse("", status_code=401)
    if _is_navigation(scope):
        reason = error.reason if isinstance(error, SignInRefusedError) else "none"
        if people.policy().mode is LoginMode.HEADER:
            response = people_vouched.refusal(Request(scope), reason)
        else:
            query = scope["query_string"].decode("latin-1")
            wanted = quote(f"/{path}" + (f"?{query}" if query else ""), safe="")
            response = RedirectResponse(
                f"{_base()}/{SIGN_IN}?next={wanted}&why={quote(reason)}", 303
            )
    await _answer(scope, receive, send, response)


async def _answer(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})  # before it opened: HTTP 403
        return
    await response(scope, receive, send)


# --- The pages around signing in


def routes() -> list[Route]:
    """Return the routes of these pages."""
    base = _base()
    both = ["GET", "POST"]
    return [
        Route(f"{base}/{SIGN_IN}", _page(_sign_in), methods=both, name="account-sign-in"),
        Route(f"{base}/{SETUP}", _page(_setup), methods=both, name="account-setup"),
        Route(f"{base}/{PASSWORD}", _page(_password), methods=both, name="account-password"),
        Route(f"{base}/{SIGN_OUT}", _page(_sign_out), methods=both, name="account-sign-out"),
        Route(f"{base}/{_OWN}page.js", _script, name="account-script"),
    ]


async def _script(request: Request) -> Response:
    return Response(people_pages.SCRIPT, media_type="text/javascript")


def _page(page: Callable[[Request, dict[str, str]], Response]) -> Page:
    """Return a page as a route: its form read, its work done beside the loop, its errors told."""

    async def answer(request: Request) -> Response:
        language = request.query_params.get("language", "")
        if language in LANGUAGES:
            kept = request.url.remove_query_params("language")
            response: Response = RedirectResponse(f"{kept.path}?{kept.query}", 303)
            response.set_cookie(
                people_pages.LANGUAGE_COOKIE, language, max_age=_YEAR, samesite="strict",
                path=f"{_base()}/",
            )  # fmt: skip
            return response
        form: dict[str, str] = {}
        if request.method == "POST":
            if not is_own(request.headers):
                return PlainTextResponse("", status_code=403)
            body = b""
            async for part in request.stream():
                body += part
                if len(body) > _LARGEST_FORM:
                    return PlainTextResponse("", status_code=413)
            given = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
            form = {name: values[0] for name, values in given.items()}
        try:
            return await to_thread.run_sync(partial(page, request, form))
        except StoreError:
            return plain_page(
                request, say("Not possible just now"),
                say("The accounts can not be read just now. Nothing is lost: load the page again."),
                status=503,
            )  # fmt: skip

    return answer


def _sign_in(request: Request, form: dict[str, str]) -> Response:
    mode, everybody = people.policy().mode, people.everybody()
    wanted = _local_path(form.get("next") or request.query_params.get("next", ""))
    why = request.query_params.get("why", "")
    problem = people_words.of_people_error(SignInRefusedError(reason=why)) if why in _TOLD else None
    title = say("Sign in")
    if mode is LoginMode.NONE:
        return RedirectResponse(f"{_base()}/", 303)
    if mode is not LoginMode.LOCAL:
        return people_vouched.sign_in_page(request, problem)
    if everybody.is_new():
        return RedirectResponse(f"{_base()}/{SETUP}", 303)
    if request.method == "POST":
        try:
            welcome = everybody.sign_in(form.get("name", ""), form.get("password", ""))
        except PeopleError as error:
            problem = people_words.of_people_error(error)
        else:
            return _let_in(request, welcome, wanted)
    return form_page(
        request, title,
        [
            Field("name", say("Name for signing in"), "username",
                  value=form.get("name", "")[:100]),
            Field("password", say("Password"), "current-password", is_secret=True),
        ],
        say("Sign in"), problem=problem, hidden={"next": wanted},
        status=401 if request.method == "POST" else 200,
    )  # fmt: skip


def _setup(request: Request, form: dict[str, str]) -> Response:
    everybody = people.everybody()
    if people.policy().mode is not LoginMode.LOCAL or not everybody.is_waiting_for_admin():
        return RedirectResponse(f"{_base()}/{SIGN_IN}", 303)
    problem = None
    if request.method == "POST":
        try:
            _same(form)
            welcome = everybody.first_admin(
                form.get("code", ""), name=form.get("name", ""), display=form.get("display", ""),
                password=form.get("new", ""),
            )  # fmt: skip
            return _let_in(request, welcome, "/")
        except PeopleError as error:
            is_code = isinstance(error, SignInRefusedError) and error.reason == "wrong"
            problem = (
                people_words.of_code_refused() if is_code else people_words.of_people_error(error)
            )
    return form_page(
        request, say("Make the first account"),
        [
            Field("code", say("Code from the server's console"), "one-time-code",
                  value=form.get("code", "")[:100]),
            Field("name", say("Name for signing in"), "username", value=form.get("name", "")[:100]),
            Field("display", say("Name on pages and reports"), "name",
                  value=form.get("display", "")[:100]),
            *_new_password(),
        ],
        say("Make it"), problem=problem,
        lead=say("It is an admin who may read cases too, and makes the accounts of others."),
        status=400 if problem else 200,
    )  # fmt: skip


def _password(request: Request, form: dict[str, str]) -> Response:
    everybody, token = people.everybody(), request.cookies.get(COOKIE, "")
    found = everybody.find(token) if people.policy().mode is LoginMode.LOCAL else None
    if found is None or found[2] is SessionState.OVER:
        return RedirectResponse(f"{_base()}/{SIGN_IN}", 303)
    account, problem = found[1], None
    if request.method == "POST":
        try:
            _same(form)
            everybody.change_password(account, form.get("old", ""), form.get("new", ""))
        except PeopleError as error:
            problem = people_words.of_people_error(error)
        else:
            return RedirectResponse(f"{_base()}/", 303)
    lead = say("Your password was made by somebody else. Take one that you alone know.")
    return form_page(
        request, say("Change your password"),
        [Field("old", say("Password"), "current-password", is_secret=True), *_new_password()],
        say("Change it"), problem=problem, lead=lead if account.must_change else None,
        status=400 if problem else 200,
    )  # fmt: skip


def _sign_out(request: Request, form: dict[str, str]) -> Response:
    if request.method != "POST":
        return form_page(
            request, say("Sign out"), [], say("Sign out"),
            lead=say("What you entered is kept. Another person can sign in then."),
        )  # fmt: skip
    mode = people.policy().mode
    if mode is LoginMode.LOCAL:
        people.everybody().end(request.cookies.get(COOKIE, ""))
        response: Response = RedirectResponse(f"{_base()}/{SIGN_IN}", 303)
        response.delete_cookie(COOKIE, path=f"{_base()}/")
        return response
    return people_vouched.sign_out(request, people.everybody())


def _new_password() -> list[Field]:
    hint = say("At least 12 characters. A few words do well.")
    return [
        Field("new", say("New password"), "new-password", is_secret=True, hint=hint),
        Field("again", say("New password once more"), "new-password", is_secret=True),
    ]


def _same(form: dict[str, str]) -> None:
    if form.get("new", "") != form.get("again", ""):
        raise PasswordRefusedError(reason="different")


def _let_in(request: Request, welcome: Welcome, wanted: str) -> HTMLResponse | RedirectResponse:
    response = RedirectResponse(f"{_base()}{wanted}", 303)
    is_secure = request.url.scheme == "https" or (
        request.headers.get("x-forwarded-proto", "").split(",")[0].strip() == "https"
    )
    response.set_cookie(
        COOKIE, welcome.token, path=f"{_base()}/", httponly=True, secure=is_secure, samesite="lax"
    )
    return response


def _local_path(wanted: str) -> str:
    """Return a path of this dashboard to go on to, whatever was asked for."""
    found = urlsplit(wanted)
    if found.scheme or found.netloc or not wanted.startswith("/") or wanted[1:2] in ("/", "\\"):
        return "/"
    return wanted if wanted.isprintable() and "\\" not in wanted else "/"
