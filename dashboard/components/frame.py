"""What surrounds every page: brand, navigation, case switcher, model status and the banner."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import chrome, messages, people, people_words, services, state
from dashboard.components import account
from dashboard.components.steps import steps
from dashboard.language import t, word
from dashboard.markup import element, join, show
from mmcore.language import LANGUAGES

_LOOK_AGAIN_SECONDS = 1.0


def header(pages: Sequence[Any]) -> None:
    """Draw the brand, the pages, the open cases and the model's status in one line.

    Before it, for the keyboard: a way past it to the findings, where the page has any.
    """
    show(element("a", t("Skip to the findings"), href="#co-findings", cls="co-skip"))
    with st.container(
        key="co-header", horizontal=True, vertical_alignment="center", gap="small", wrap=False
    ):
        show(
            element(
                "div",
                element("span", "C", cls="co-mark", aria_hidden="true"),
                element("span", "Consilium", cls="co-brand-name"),
                cls="co-brand",
            )
        )
        with st.container(key="co-nav", horizontal=True, gap="small", width="content"):
            for page in pages:
                st.page_link(page, label=t(page.title), width="content")
        st.space("stretch")
        steps()
        _case_switcher()
        _language_chooser()
        chrome.show()
        account.menu()
        _model_status()


def banner() -> None:
    """Draw what this is not, on every page."""
    pack = services.pack()
    words = [element("strong", t(messages.RESEARCH_USE))]
    if pack is None:
        words.append(join(" ", t(messages.NO_PACK)))
    elif pack.is_simulated:
        words.append(join(" ", t(messages.simulated(pack.display))))
    else:
        said = t("The model in use: {pack}.", pack=t(word(pack.display)))
        words.append(join(" ", element("span", said, data_testid="model-in-use")))
    if people.is_open():
        words.append(join(" ", t(people_words.NOBODY_SIGNS_IN)))
    show(element("div", *words, cls="co-banner", role="note", data_testid="research-banner"))


def _case_switcher() -> None:
    current = state.session()
    if not current.cases:
        return
    digests = list(current.cases)
    chosen = st.selectbox(
        t("Open case"),
        digests,
        index=digests.index(current.active_digest or digests[0]),
        format_func=lambda digest: services.case_label(current.cases[digest]),
        label_visibility="collapsed",
        key=f"case-switcher-{current.active_digest}-{len(digests)}",
        width=330,
    )
    if chosen != current.active_digest:
        state.activate(chosen)
        st.rerun()


def _language_chooser() -> None:
    """Let the reader choose a language by its own name, as the page can not know what they read."""
    tags = list(LANGUAGES)
    with st.container(key="co-language", width="content"):
        st.selectbox(
            "Language / 语言",
            tags,
            index=tags.index(state.language()),
            format_func=lambda tag: LANGUAGES[tag],
            label_visibility="collapsed",
            key="language",
            width=112,
            on_change=_take_language,
        )


def _take_language() -> None:
    state.choose_language(state.entered("language"))


def _model_status() -> None:
    """Draw the status, looking again by itself while the model is loading."""
    is_moving = services.engine_status() in ("cold", "loading")

    @st.fragment(run_every=_LOOK_AGAIN_SECONDS if is_moving else None)
    def watch() -> None:
        status = services.engine_status()
        device = services.engine_device() if status == "ready" else ""
        words, tone = messages.of_engine(status, device)
        show(
            element(
                "span",
                element("i", aria_hidden="true"),
                t(words),
                cls=f"co-status {tone} {status}",
                role="status",
                data_testid="model-status",
                data_status=status,
            )
        )

    with st.container(key="co-model-status", width="content"):
        watch()
