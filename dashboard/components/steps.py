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
        st.button(
            t("Previous case"), icon=":material/chevron_left:", key="case-before",
            shortcut="Alt+PageUp", help=t("Previous case (Alt+PageUp)"), on_click=resuming.reopen,
            args=(before or "",), disabled=before is None,
        )  # fmt: skip
        st.button(
            t("Next case"), icon=":material/chevron_right:", key="case-after",
            shortcut="Alt+PageDown", help=t("Next case (Alt+PageDown)"), on_click=resuming.reopen,
            args=(after or "",), disabled=after is None,
        )  # fmt: skip
        st.button(
            t("Undo"), icon=":material/undo:", key="undo", shortcut="Ctrl+Z", on_click=desks.undo,
            args=(work,), disabled=found is None or not found.history.past,
            help=t("Undo the last entry (Ctrl+Z). What is recorded stays recorded: decide again."),
        )  # fmt: skip
        st.button(
            t("Redo"), icon=":material/redo:", key="redo", shortcut="Ctrl+Shift+Z",
            on_click=desks.redo, args=(work,), disabled=found is None or not found.history.future,
            help=t("Redo (Ctrl+Shift+Z)"),
        )  # fmt: skip
