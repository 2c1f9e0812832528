"""De-identify: the case in view made ready to leave the hospital, after a person has looked."""

import streamlit as st

from dashboard import keeping, messages, site, state
from dashboard.components import deidentify
from dashboard.components.waiting import empty_state, error_state
from dashboard.language import say, t
from mmcore.errors import StoreError

work = state.active()
if work is None:
    empty_state(messages.NO_CASE, messages.NO_CASE_MORE)
    st.page_link(site.page("intake"), label=t("Go to cases"), icon=":material/arrow_back:")
    st.stop()

st.subheader(t("De-identify"))
st.write(
    t(
        "Every file is written anew from what is known to be needed, or stays here with a reason. "
        "That lowers the risk that the patient is recognised; it does not rule it out."
    )
)
try:
    has_files = keeping.has_files(work)
except StoreError as error:
    error_state(messages.of_error(error))
    st.stop()
if not has_files:
    empty_state(
        say("The files of this case are not kept"),
        say("Add them once more on the Cases page; then the case can be de-identified."),
    )
    st.page_link(site.page("intake"), label=t("Go to cases"), icon=":material/arrow_back:")
    st.stop()
deidentify.workbench(work)
