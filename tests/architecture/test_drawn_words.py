"""Whatever a page draws goes through ``t``: no English sentence is written where it is drawn."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(p for d in ("dashboard", "pages") for p in (ROOT / d).rglob("*.py"))
BUILDERS = {"element", "join", "table"}
"""Functions of ``dashboard.markup`` that put words on the page."""
SILENT = {"space", "get_option", "html", "rerun", "form"}
"""Functions of Streamlit that are given no words; ``st.html`` has an owner of its own."""
NOT_WORDS = {
    "key", "type", "width", "height", "icon", "cls", "gap", "format", "language", "mime", "args",
    "label_visibility", "vertical_alignment", "horizontal_alignment", "file_name", "on_click",
    "position", "page_title", "page_icon", "layout", "role", "accept_multiple_files", "default",
    "shortcut", "autocomplete",
}  # fmt: skip
"""Arguments of widgets and elements that nobody reads."""
READ = {"alt", "title", "placeholder", "help", "label", "text"}
"""Attributes of elements that are read; others, but ``aria_label``, are not."""
WORD = re.compile(r"[A-Za-z]{3,}")
ALLOWED = {"Consilium", "Language / 语言", "CREATOR|0019|0c"}
"""The name, the label of the chooser, which is in both languages, and an example of a code."""


def is_drawing(call: ast.Call) -> bool:
    match call.func:
        case ast.Name(id=name):
            return name in BUILDERS
        case ast.Attribute(value=ast.Name(id="st"), attr=name):
            return name not in SILENT
    return False


def literals(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what is written in a value itself, and not in a call inside it."""
    match node:
        case ast.Constant(value=str(text)) if WORD.search(text):
            yield node
        case ast.JoinedStr(values=parts):
            if any(isinstance(p, ast.Constant) and WORD.search(str(p.value)) for p in parts):
                yield node
        case ast.IfExp(body=body, orelse=other):
            yield from literals(body)
            yield from literals(other)
        case ast.BinOp(left=left, right=right):
            yield from literals(left)
            yield from literals(right)
        case ast.BoolOp(values=values) | ast.Tuple(elts=values) | ast.List(elts=values):
            for value in values:
                yield from literals(value)
        case ast.Starred(value=value):
            yield from literals(value)


def drawn(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each literal that a page would draw as it is."""
    for call in ast.walk(ast.parse(source)):
        if not (isinstance(call, ast.Call) and is_drawing(call)):
            continue
        is_markup = isinstance(call.func, ast.Name)
        # The first argument of element is a tag.
        args = call.args[1:] if is_markup and ast.unparse(call.func) == "element" else call.args
        read: list[ast.expr] = list(args)
        for keyword in call.keywords:
            name = keyword.arg or ""
            if is_markup:
                is_read = name in READ | {"aria_label", "caption"} or name.startswith("data_tip")
            else:
                is_read = name not in NOT_WORDS
            if is_read:
                read.append(keyword.value)
        for value in read:
            for literal in literals(value):
                text = ast.unparse(literal).strip("'\"")
                if text not in ALLOWED:
                    yield literal.lineno, text


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_words_are_drawn_without_a_translation(source: Path) -> None:
    found = list(drawn(source.read_text("utf-8")))
    assert not found, f"draw t(...) instead: {found}"


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ('st.button("Open it", key="open-it")', 1),
        ('st.button(t("Open it"), key="open-it")', 0),
        ('element("p", "Open it", cls="co-muted")', 1),
        ('element("p", f"{n} files", data_testid="files")', 1),
        ('element("p", t("{n} files", n=n), aria_label="how many")', 1),
        ('st.selectbox(t("Way"), ["By folder", t("By file")])', 1),
        ('st.toggle("Show" if on else t("Hide"))', 1),
        ('element("img", alt="")', 0),
    ],
)
def test_words_that_bypass_the_translation_would_be_noticed(line: str, count: int) -> None:
    assert len(list(drawn(line))) == count
