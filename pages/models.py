"""Models: what the model is, what it was trained on, how well it does, and what it is not for."""

import streamlit as st

from dashboard import messages, services, state
from dashboard.components import model_card
from dashboard.components.waiting import empty_state, wait_for
from dashboard.language import say, t

installed = services.packs()
current = services.pack()
if current is None:
    empty_state(messages.NO_PACK, messages.NO_PACK_MORE)
    st.stop()

if len(installed) > 1:
    names = {pack.name: pack.display for pack in installed}
    chosen = st.segmented_control(
        t("Model in use"),
        list(names),
        default=current.name,
        format_func=lambda name: t(names[name]),
        required=True,
        key="pack",
    )
    if chosen is not None and chosen != current.name:
        state.choose_pack(chosen)
        st.rerun()

job = services.engine_job()
if job is None or not wait_for(job, say("Loading the model"), key="engine") or job.result is None:
    st.stop()
engine = job.result
model_card.show_card(current, engine.card_markdown, engine.card_facts, engine.target_names)
