"""Buttons that go from phrase to phrase of a note on the page, in the reader's browser."""

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.language import t

SOURCE = Path(__file__).resolve().parent


def show(note: str, count: int, *, key: str) -> None:
    """Draw the buttons for the note whose element has ``note`` as its ``data-note``.

    count: phrases with a ``data-rank``, from 0 for the strongest.
    """
    message = {
        "note": note,
        "count": count,
        "words": {
            "group": t("Strongest phrases in order"),
            "before": t("Previous phrase"),
            "after": t("Next phrase"),
            "all": t("{count} phrases, strongest first · keys N and P", count=count),
            "place": t(
                "{number} of {count}: {tip}", number="{number}", count="{count}", tip="{tip}"
            ),
        },
    }
    mount(message, key=key)


def mount(message: dict[str, Any], *, key: str) -> None:
    """Hand one message to the component."""
    _component()(key=key, data=message, height="content")


@cache
def _component() -> Any:
    html, css, js = (
        (SOURCE / f"stepper.{kind}").read_text("utf-8") for kind in ("html", "css", "js")
    )
    return st.components.v2.component("consilium_stepper", html=html, css=css, js=js)
