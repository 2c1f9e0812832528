"""The table of the list of work, which keys and pointer move through as in any worklist."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import state

SOURCE = Path(__file__).resolve().parent
EVENTS = ("open", "priors", "sort", "turn")
"""What the table asks for, once each: a case, its patient's cases, another order, another page."""

_MOST_CHOSEN = 500


def show(
    message: Mapping[str, Any], events: Mapping[str, Callable[[str], None]], *, key: str
) -> None:
    """Draw the table; ``events`` takes over what is asked for, as plain text."""
    mount(dict(message), dict(events), key=key)


def chosen(key: str) -> tuple[str, ...]:
    """Return the cases that are chosen in the table, as the browser says."""
    return chosen_of(getattr(state.entered(key), "chosen", None))


def chosen_of(value: object) -> tuple[str, ...]:
    """Return digests of cases; whatever else comes from the browser counts nothing."""
    if not isinstance(value, list) or len(value) > _MOST_CHOSEN:
        return ()
    return tuple(one for one in value if _is_digest(one))


def mount(message: dict[str, Any], events: dict[str, Callable[[str], None]], *, key: str) -> None:
    """Hand one message to the component. Tests put a recorder in its place."""

    def hearing(name: str) -> Callable[[], None]:
        def hear() -> None:
            told = getattr(state.entered(key), name, None)
            if isinstance(told, str) and len(told) <= 64:
                events[name](told)

        return hear

    heard = {f"on_{name}_change": hearing(name) for name in EVENTS}
    _component()(key=key, data=message, height="content", on_chosen_change=lambda: None, **heard)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


@cache
def _component() -> Any:
    html, css, js = (
        (SOURCE / f"table.{kind}").read_text("utf-8") for kind in ("html", "css", "js")
    )
    return st.components.v2.component("consilium_worklist", html=html, css=css, js=js)
