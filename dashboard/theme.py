"""The look: palette and style sheet, read once and put on every page. Trusted text only."""

from functools import cache
from pathlib import Path

import streamlit as st

from dashboard import palette

STYLE_SHEET = Path(__file__).resolve().parent.parent / "assets" / "theme" / "consilium.css"


@cache
def _style() -> str:
    return f"<style>{palette.css_variables()}\n{STYLE_SHEET.read_text('utf-8')}</style>"


def apply() -> None:
    """Put the style sheet on the page."""
    st.html(_style())
