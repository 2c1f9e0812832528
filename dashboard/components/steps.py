"""Small buttons of the header: the case before and after, and the last entry undone and redone."""

import streamlit as st

from dashboard import desks, resuming, state
from dashboard.language import t


def steps() -> None:
    """Draw the buttons where a case is open; each is disabled where there is nothing to do."""
    work = state.active()
    if work is None:
        return
    before, after = state.neighbour(-1), state.neighbour(1)
    found = state.find_desk(work)
    with st.container(key="co-steps", horizontal=True, gap=None, width="content"):
        _step("before", "chevron_left", t("Previous case (Alt+PageUp)"), "Alt+PageUp", before)
        _step("after", "chevron_right", t("Next case (Alt+PageDown)"), "Alt+PageDown", after)
        st.button(
            "", icon=":material/undo:", key="undo", shortcut="Ctrl+Z", on_click=desks.undo,
            args=(work,), disabled=found is None or not found.history.past,
            help=t("Undo the last entry (Ctrl+Z). What is recorded stays recorded: decide again."),
        )  # fmt: skip
        st.button(
            "", icon=":material/redo:", key="redo", shortcut="Ctrl+Shift+Z",
            on_click=desks.redo, args=(work,), disabled=found is None or not found.history.future,
            help=t("Redo (Ctrl+Shift+Z)"),
        )  # fmt: skip


def _step(key: str, icon: str, words: str, shortcut: str, digest: str | None) -> None:
    st.button(
        "", icon=f":material/{icon}:", key=f"case-{key}", shortcut=shortcut, help=words,
        on_click=resuming.reopen, args=(digest or "",), disabled=digest is None,
    )  # fmt: skip
