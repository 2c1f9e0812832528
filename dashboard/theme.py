"""The look: palette and style sheet, read once and put on every page. Trusted text only."""

import json
from functools import cache
from pathlib import Path

import streamlit as st

from dashboard import palette
from dashboard.language import t
from dashboard.palette import Palette

ICON = Path(__file__).resolve().parent.parent / "assets" / "theme" / "icon.png"
STYLE_SHEET = Path(__file__).resolve().parent.parent / "assets" / "theme" / "consilium.css"


@cache
def _style() -> str:
    return f"<style>{palette.css_variables()}\n{STYLE_SHEET.read_text('utf-8')}</style>"


def apply() -> None:
    """Put the style sheet on the page, and words in the reader's language for Streamlit's own."""
    st.html(_style())
    most = st.get_option("server.maxUploadSize")
    words = {
        "drop": t("Drop here, or"),
        "upload": t("Upload"),
        "limit": t("{n}MB per file", n=most),
    }
    said = "".join(
        f"--co-word-{name}:{json.dumps(text, ensure_ascii=False)};" for name, text in words.items()
    )
    st.html(f"<style>:root{{{said}}}</style>")


def colors() -> Palette:
    """Return the palette of the theme that the reader's browser shows, for what is drawn here."""
    return palette.LIGHT if st.context.theme.type == "light" else palette.DARK
