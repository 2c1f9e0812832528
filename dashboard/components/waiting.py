"""Empty, waiting and error states: each says what is the matter and what can be done."""

from typing import Any

import streamlit as st

from dashboard import messages
from dashboard.jobs import Job
from dashboard.language import t
from dashboard.markup import element, show
from dashboard.messages import Words

_POLL_SECONDS = 0.4


def wait_for(job: Job[Any], what: str, *, key: str) -> bool:
    """Return whether ``job`` has a result; until then draw its progress and look again by itself.

    ``what`` is English: it is translated here. A job that ended in an error draws the error's
    words, and the answer is no.
    """
    if not job.wait(0.05):
        _progress(job, what, key)
        return False
    if job.error is not None:
        error_state(messages.of_error(job.error))
        return False
    return True


def _progress(job: Job[Any], what: str, key: str) -> None:
    @st.fragment(run_every=_POLL_SECONDS)
    def watch() -> None:
        if job.is_done:
            st.rerun(scope="app")
        label = f"{t(what)} · {t(job.doing)}" if job.doing else t(what)
        with st.container(key=f"co-wait-{key}"):
            st.progress(job.fraction, text=f"{label}…")
            show(element("div", *[element("i")] * 3, cls="co-skeleton", aria_hidden="true"))

    watch()


def empty_state(title: str, body: str, *, icon: str = "⊕") -> None:
    """Draw a designed emptiness, in the reader's language: nothing yet, and how to change that."""
    show(
        element(
            "div",
            element("div", icon, cls="co-empty-icon", aria_hidden="true"),
            element("h2", t(title)),
            element("p", t(body)),
            cls="co-empty",
            data_testid="empty-state",
            role="status",
        )
    )


def error_state(words: Words) -> None:
    """Draw what went wrong in the clinician's words."""
    show(
        element(
            "div",
            element("strong", t(words.title)),
            element("p", t(words.body)),
            cls="co-note refused",
            data_testid="error-state",
            role="alert",
        )
    )
