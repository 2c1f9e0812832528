"""HTML whose every piece of text is escaped: the one way text from a file reaches ``st.html``.

``element`` is the only place where tags are put together. Children are either ``Markup`` made here
or plain strings, and plain strings are always escaped.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence

import streamlit as st

_VOID = ("img", "input", "meta")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!:$<>~|])")


class Markup(str):
    """HTML made by this module; anything else is text and gets escaped."""

    __slots__ = ()


def element(tag: str, *children: str, cls: str = "", **attributes: str | int | None) -> Markup:
    """Return ``<tag class=cls ...>children</tag>``.

    Attribute names are written with ``_`` for ``-`` (``aria_label``, ``data_testid``); an attribute
    that is ``None`` is left out.
    """
    named = {"class": cls or None, **attributes}
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for name, value in named.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{join(*children)}</{tag}>")


def join(*children: str) -> Markup:
    """Return the children side by side, text escaped."""
    return Markup("".join(c if isinstance(c, Markup) else html.escape(c) for c in children))


def table(
    headers: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, caption: str, cls: str = ""
) -> Markup:
    """Return an accessible table: a caption for screen readers, scoped headers."""
    head = element("tr", *(element("th", h, scope="col") for h in headers))
    body = [
        element("tr", element("th", row[0], scope="row"), *(element("td", c) for c in row[1:]))
        for row in rows
    ]
    return element(
        "table",
        element("caption", caption, cls="co-hidden"),
        element("thead", head),
        element("tbody", *body),
        cls=f"co-table {cls}".strip(),
    )


def picture(svg: Markup, *, alt: str, width: int, height: int) -> Markup:
    """Return a drawing as an image with its words: ``st.html`` lets no bare SVG through.

    ``svg`` holds the contents, in user units of ``width`` by ``height`` pixels.
    """
    drawing = element(
        "svg", svg, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}",
        width=width, height=height,
    )  # fmt: skip
    data = base64.b64encode(drawing.encode()).decode()
    return element(
        "img", src=f"data:image/svg+xml;base64,{data}", alt=alt, title=alt, width=width,
        height=height, cls="co-picture",
    )  # fmt: skip


def for_label(text: str) -> str:
    """Return text from a file for the label of a widget, in which Streamlit looks for Markdown."""
    return _MARKDOWN.sub(r"\\\1", text)


def show(markup: Markup) -> None:
    """Draw ``markup``. A plain string is refused: it may hold text from a file."""
    if not isinstance(markup, Markup):
        raise TypeError("only Markup is drawn; build it with dashboard.markup.element")
    st.html(markup)
