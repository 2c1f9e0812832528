"""What the frame does in the reader's browser: the choice of theme, and the page's language.

The choice is made in Streamlit's own menu on the reader's behalf, because nothing else changes the
colours of its widgets without loading the page anew, which would close the open cases. It is kept
in the browser, not with the reader: it belongs to the screen and the room that it stands in
(docs/decisions/0025). So is
a chosen language, in a cookie that the server reads when the page is loaded again.
"""

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import state
from dashboard.language import t

SOURCE = Path(__file__).resolve().parent
_WIDTH = 84  # CSS pixels: three buttons


def show() -> None:
    """Draw the choice of theme, and tell the document its language."""
    message = {
        "scheme": st.context.theme.type,
        "language": state.language(),
        "cookie": [state.LANGUAGE_COOKIE, state.chosen_language()],
        "words": {
            "skip": t("Skip to the page"),
            "theme": t("Theme"),
            "dark": t("Dark, for reading"),
            "light": t("Light"),
            "system": t("As the system"),
        },
    }
    _component()(
        key="co-theme", data=message, width=_WIDTH, height="content",
        on_scheme_change=lambda: None,  # the run that follows draws in the colours told
    )  # fmt: skip


@cache
def _component() -> Any:
    html, css, js = (
        (SOURCE / f"chrome.{kind}").read_text("utf-8") for kind in ("html", "css", "js")
    )
    return st.components.v2.component("consilium_chrome", html=html, css=css, js=js)
