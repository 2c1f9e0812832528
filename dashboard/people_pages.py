"""The pages around signing in. They are plain HTML forms, drawn before Streamlit is reached.

So the browser's token can be a cookie that no script reads, and whoever has none reaches nothing of
the dashboard. Their words are in the language of the cookie, the site or the browser.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse

from dashboard import palette, site
from dashboard.language import Text, say
from dashboard.markup import Markup, element, join
from dashboard.people_addresses import SCRIPT, path_to
from mmcore.language import ENGLISH, LANGUAGES, translate

LANGUAGE_COOKIE = "consilium_language"
STYLE = Path(__file__).resolve().parent.parent / "assets" / "theme" / "account.css"
THEME_SCRIPT = """\
const kept = localStorage.getItem("consilium-theme") ?? "dark";
document.documentElement.dataset.theme = kept;
"""
"""The theme that was chosen on the pages of the dashboard."""


@dataclass(frozen=True, slots=True)
class Field:
    """One line to fill in. fill: what a browser may fill in by itself (HTML autocomplete)."""

    name: str
    label: Text
    fill: str
    is_secret: bool = False
    value: str = ""
    hint: Text | None = None


def language_of(request: Request) -> str:
    """Return the language of these pages for one browser."""
    kept = request.cookies.get(LANGUAGE_COOKIE)
    if kept in LANGUAGES:
        return str(kept)
    wanted = request.headers.get("accept-language", ENGLISH).strip().lower()
    offered = next((tag for tag in LANGUAGES if wanted[:2] == tag[:2]), ENGLISH)
    return site.language() or offered


def query_of(request: Request, *, language: str | None) -> str:
    """Return the query of a page's address, from "?" on, that asks for another language or none."""
    asked = {**request.query_params, "language": language}
    return f"?{urlencode({name: value for name, value in asked.items() if value is not None})}"


def form_page(
    request: Request,
    title: Text,
    fields: Sequence[Field],
    button: Text,
    *,
    lead: Text | None = None,
    problem: Text | None = None,
    hidden: Mapping[str, str] | None = None,
    status: int = 200,
) -> HTMLResponse:
    """Return a page with one form, that is sent to the page's own address."""
    said = _Said(language_of(request))
    inputs: list[Markup] = []
    for index, field in enumerate(fields):
        hint = f"{field.name}-hint" if field.hint is not None else None
        inputs.append(
            element(
                "label",
                said(field.label),
                element(
                    "input", name=field.name, type="password" if field.is_secret else "text",
                    value=field.value or None, autocomplete=field.fill, required="",
                    autofocus="" if index == 0 else None, spellcheck="false",
                    autocapitalize="none", aria_describedby=hint,
                    aria_invalid="true" if problem is not None else None,
                ),
            )
        )  # fmt: skip
        if field.hint is not None:
            inputs.append(element("small", said(field.hint), id=hint))
    sent = [
        element("input", name=name, type="hidden", value=value)
        for name, value in (hidden or {}).items()
    ]
    form = element(
        "form", *sent, *inputs, element("button", said(button), type="submit"), method="post"
    )
    return _page(request, said, title, lead, problem, form, status)


def plain_page(
    request: Request,
    title: Text,
    lead: Text,
    *,
    link: tuple[str, Text] | None = None,
    problem: Text | None = None,
    status: int = 200,
) -> HTMLResponse:
    """Return a page of words, with one way on."""
    said = _Said(language_of(request))
    way = element("a", said(link[1]), href=link[0], cls="button") if link else join()
    return _page(request, said, title, lead, problem, way, status)


class _Said:
    """Words in one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, text: str) -> str:
        return translate(text, self.language)


def _page(
    request: Request,
    said: _Said,
    title: Text,
    lead: Text | None,
    problem: Text | None,
    body: Markup,
    status: int,
) -> HTMLResponse:
    words = said(title)
    main = element(
        "main",
        element(
            "p",
            element("span", "C", cls="mark", aria_hidden="true"),
            element("span", "Consilium"),
            cls="brand",
        ),
        element("h1", words),
        element("p", said(lead)) if lead is not None else join(),
        element("p", said(problem), cls="problem", role="alert") if problem else join(),
        body,
        element("p", said(say("Research use only. Not a medical device.")), cls="muted"),
        _languages(request, said),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="same-origin"),  # else a form's origin is "null"
        element("title", join("Consilium", " · ", words)),
        Markup(f"<style>{palette.css_variables()}\n{STYLE.read_text('utf-8')}</style>"),
        element("script", src=path_to(SCRIPT)),
    )
    html = element("html", head, element("body", main), lang=said.language)
    return HTMLResponse(f"<!doctype html>{html}", status_code=status)


def _languages(request: Request, said: _Said) -> Markup:
    """Return links to the other languages, each by its own name."""
    links = [
        element("a", name, href=query_of(request, language=tag), lang=tag)
        for tag, name in LANGUAGES.items()
        if tag != said.language
    ]
    return element("p", *links, cls="languages")
