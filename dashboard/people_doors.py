"""What stands between a browser and the dashboard: who has no session reaches none of its routes.

A layer in front of Streamlit. It asks for the session on every request and every socket, since
Streamlit serves files and uploads to whoever reaches the port. The token is a cookie that no script
can read; the database holds its SHA-256 alone.
"""

from functools import partial
from urllib.parse import quote

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard import people, people_vouched
from dashboard.people_addresses import COOKIE, OWN, PASSWORD, SIGN_IN, base, path_to
from dashboard.people_vouched import cookies_of
from mmcore.errors import PeopleError, SignInRefusedError, StoreError
from mmcore.people import Account, LoginMode, SessionState

_OPEN = ("static/", "_stcore/health", "favicon.png")
"""Streamlit's own scripts and styles, and the answer that the server is up."""


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
        path = scope["path"].removeprefix(base()).lstrip("/")
        mode = people.policy().mode
        if mode is LoginMode.NONE or path.startswith((OWN, *_OPEN)):
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
        if account.must_change:  # others know the password: nothing but the page to change it
            answer: Response = PlainTextResponse("", status_code=403)
            if _is_navigation(scope):
                answer = RedirectResponse(path_to(PASSWORD), 303)
            await _answer(scope, receive, send, answer)
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
            address = f"{path_to(SIGN_IN)}?next={wanted}&why={quote(reason)}"
            response = RedirectResponse(address, 303)
    await _answer(scope, receive, send, response)


async def _answer(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})  # before it opened: HTTP 403
        return
    await response(scope, receive, send)
