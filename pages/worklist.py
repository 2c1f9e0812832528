"""Worklist: the cases that wait, found, sorted, assigned and opened."""

import streamlit as st

from dashboard import keeping, messages, site, worklist
from dashboard.components import cosigning
from dashboard.components import worklist as drawn
from dashboard.components.waiting import empty_state, error_state
from dashboard.language import say, t
from mmcore.errors import ConfigError, StoreError

if worklist.has_opened():
    st.switch_page(site.page("review"))
store = keeping.store()
try:
    site.triage()
    is_empty = store is None or worklist.is_empty(store)
    st.subheader(t("Worklist"))
    cosigning.link()
    if store is None or is_empty:
        empty_state(
            say("No case is stored yet"),
            say("Cases come in on the Cases page, or from a folder that is watched."),
        )
        st.page_link(site.page("intake"), label=t("Go to cases"), icon=":material/arrow_forward:")
    else:
        drawn.listing(store)
except ConfigError as error:
    error_state(messages.of_error(error))
except StoreError as error:
    drawn.broken(error)
