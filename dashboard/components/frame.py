"""What surrounds every page: brand, navigation, case switcher, model status and the banner."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import messages, services, state
from dashboard.markup import element, join, show

_LOOK_AGAIN_SECONDS = 1.0


def header(pages: Sequence[Any]) -> None:
    """Draw the brand, the pages, the open cases and the model's status in one line."""
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
                st.page_link(page, width="content")
        st.space("stretch")
        _case_switcher()
        _model_status()


def banner() -> None:
    """Draw what this is not, on every page."""
    pack = services.pack()
    words = [element("strong", messages.RESEARCH_USE)]
    if pack is None:
        words.append(join(" ", messages.NO_PACK))
    elif pack.is_simulated:
        words.append(join(" ", messages.SIMULATED.format(pack=pack.display)))
    show(element("div", *words, cls="co-banner", role="note", data_testid="research-banner"))


def _case_switcher() -> None:
    current = state.session()
    if not current.cases:
        return
    digests = list(current.cases)
    chosen = st.selectbox(
        "Open case",
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


def _model_status() -> None:
    """Draw the status, looking again by itself while the model is loading."""
    is_moving = services.engine_status() in ("cold", "loading")

    @st.fragment(run_every=_LOOK_AGAIN_SECONDS if is_moving else None)
    def watch() -> None:
        status = services.engine_status()
        words, tone = messages.ENGINE_STATUS[status]
        device = services.engine_device() if status == "ready" else ""
        show(
            element(
                "span",
                element("i", aria_hidden="true"),
                words.format(device=device),
                cls=f"co-status {tone} {status}",
                role="status",
                data_testid="model-status",
                data_status=status,
            )
        )

    with st.container(key="co-model-status", width="content"):
        watch()
