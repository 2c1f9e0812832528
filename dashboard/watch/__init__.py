"""Whether there is a hand on the page: told by the browser, in which most of the work is done."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

SOURCE = Path(__file__).resolve().parent


def show(
    lock_after: timedelta, *, on_active: Callable[[], None], on_idle: Callable[[], None]
) -> None:
    """Tell of hands on the page now and then, and when there was none for so long.

    Draws nothing. What is being typed is entered before the page goes.
    """
    _component()(
        key="co-watch", data={"seconds": lock_after.total_seconds()}, height=1,
        on_active_change=on_active, on_idle_change=on_idle,
    )  # fmt: skip


@cache
def _component() -> Any:
    html, js = ((SOURCE / f"watch.{kind}").read_text("utf-8") for kind in ("html", "js"))
    return st.components.v2.component("consilium_watch", html=html, js=js)
