"""The look: palette and style sheet, read once and put on every page. Trusted text only."""

from functools import cache
from pathlib import Path

import streamlit as st

from dashboard import palette
from dashboard.palette import Palette

STYLE_SHEET = Path(__file__).resolve().parent.parent / "assets" / "theme" / "consilium.css"


@cache
def _style() -> str:
    return f"<style>{palette.css_variables()}\n{STYLE_SHEET.read_text('utf-8')}</style>"


def apply() -> None:
    """Put the style sheet on the page."""
    st.html(_style())


def colors() -> Palette:
    """Return the palette of the theme that the reader's browser shows, for what is drawn here."""
    return palette.LIGHT if st.context.theme.type == "light" else palette.DARK
