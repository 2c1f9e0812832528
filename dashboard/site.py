"""The pages there are, their names and icons: one list for the entrypoint, the header and links."""

from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).resolve().parent.parent / "pages"
_PAGES = {
    "intake": ("Cases", "folder_open"),
    "review": ("Review", "radiology"),
    "report": ("Report", "description"),
    "models": ("Models", "neurology"),
    "bench": ("Bench", "target"),
}


def page(stem: str) -> Any:
    """Return one page by the name of its file."""
    title, icon = _PAGES[stem]
    return st.Page(
        FOLDER / f"{stem}.py", title=title, icon=f":material/{icon}:", default=stem == "intake"
    )


def pages() -> list[Any]:
    """Return every page, in the order of the header."""
    return [page(stem) for stem in _PAGES]
