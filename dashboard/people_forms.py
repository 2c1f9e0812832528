"""The pages around signing in, as routes before Streamlit: what each does with its form."""

from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import parse_qs

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from dashboard import people, people_pages, people_vouched, people_words
from dashboard.language import say
from dashboard.people_addresses import (
    COOKIE,
    PASSWORD,
    SCRIPT,
    SETUP,
    SIGN_IN,
    SIGN_OUT,
    base,
    path_to,
)
from dashboard.people_pages import Field, form_page, plain_page
from dashboard.serving import is_own
from mmcore.errors import PasswordRefusedError, PeopleError, SignInRefusedError, StoreError
from mmcore.language import LANGUAGES
from mmcore.people import LoginMode, SessionState, Welcome

_LARGEST_FORM = 10_000  # bytes
_YEAR = 31_536_000
_TOLD = ("over", "disabled", "no role")
"""Why somebody was sent to the page for signing in, where it is worth a word."""
_ROOM = CapacityLimiter(6)
"""Threads for these pages: who guesses must not take those by which others go on working."""
Page = Callable[[Request], Awaitable[Response]]


def routes() -> list[Route]:
    """Return the routes of these pages."""
    pages = {SIGN_IN: _sign_in, SETUP: _setup, PASSWORD: _password, SIGN_OUT: _sign_out}
    made = [
        Route(path_to(page), _page(answer), methods=["GET", "POST"])
        for page, answer in pages.items()
    ]
    return [*made, Route(path_to(SCRIPT), _script)]


async def _script(request: Request) -> Response:
    return Response(people_pages.THEME_SCRIPT, media_type="text/javascript")


def _page(page: Callable[[Request, dict[str, str]], Response]) -> Page:
    """Return a page as a route: its form read, its work done beside the loop, its errors told."""

    async def answer(request: Request) -> Response:
        language = request.query_params.get("language", "")
        if language in LANGUAGES:
            kept = people_pages.query_of(request, language=None)
            response: Response = RedirectResponse(f"{request.scope['path']}{kept}", 303)
            response.set_cookie(
                people_pages.LANGUAGE_COOKIE, language, max_age=_YEAR, samesite="strict",
                path=path_to(""),
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
            return await to_thread.run_sync(partial(page, request, form), limiter=_ROOM)
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
        return RedirectResponse(path_to(""), 303)
    if mode is not LoginMode.LOCAL:
        return people_vouched.sign_in_page(request, problem)
    if everybody.is_new():
        return RedirectResponse(path_to(SETUP), 303)
    if request.method == "POST":
        try:
            origin = people_vouched.origin_of(request.scope, everybody.policy)
            welcome = everybody.sign_in(
                form.get("name", ""), form.get("password", ""), address=origin
            )
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
        return RedirectResponse(path_to(SIGN_IN), 303)
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
        return RedirectResponse(path_to(SIGN_IN), 303)
    account, problem = found[1], None
    if request.method == "POST":
        try:
            _same(form)
            everybody.change_password(
                account, form.get("old", ""), form.get("new", ""), token=token
            )
        except PeopleError as error:
            problem = people_words.of_people_error(error)
        else:
            return RedirectResponse(path_to(""), 303)
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
        response: Response = RedirectResponse(path_to(SIGN_IN), 303)
        response.delete_cookie(COOKIE, path=path_to(""))
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
    people.everybody().end(request.cookies.get(COOKIE, ""))  # whoever was signed in here before
    response = RedirectResponse(f"{base()}{wanted}", 303)
    is_secure = request.scope["scheme"] == "https" or (
        request.headers.get("x-forwarded-proto", "").split(",")[0].strip() == "https"
    )
    response.set_cookie(
        COOKIE, welcome.token, path=path_to(""), httponly=True, secure=is_secure, samesite="lax"
    )
    return response


def _local_path(wanted: str) -> str:
    """Return a path of this dashboard to go on to, whatever was asked for."""
    is_path = wanted.startswith("/") and not wanted.startswith("//")
    return wanted if is_path and wanted.isprintable() and "\\" not in wanted else "/"
