"""Report: what will be filed, its download as PDF and JSON, its sign-off and addenda."""

import json

import streamlit as st

from dashboard import exporting, messages, reading, reporting, services, signing, site, state
from dashboard.components import cosigning, deidentify, filing, report
from dashboard.components import signing as signing_parts
from dashboard.components.review import is_ready
from dashboard.components.waiting import empty_state, error_state
from dashboard.language import say, t
from mmcore.errors import MMCoreError

work = state.active()
if work is None:
    empty_state(messages.NO_CASE, messages.NO_CASE_MORE)
    st.page_link(site.page("intake"), label=t("Go to cases"), icon=":material/arrow_back:")
    st.stop()

if not reading.is_revealed(work):
    empty_state(messages.READ_FIRST, messages.READ_FIRST_MORE)
    st.page_link(site.page("review"), label=t("Go to the reading"), icon=":material/arrow_back:")
    st.stop()

try:
    if cosigning.panel(work):
        st.stop()
    final = signing.signed(work)
except MMCoreError as error:
    error_state(messages.of_error(error))
    st.stop()
if final is None:
    job = services.predict(work)
    if job is None:
        empty_state(messages.NO_PACK, messages.NO_PACK_MORE)
        st.stop()
    if not is_ready(work, job, say("Scoring the case")):
        st.stop()
    signing_parts.conclusion(work)
writing = reporting.write(work)
if writing is None or not is_ready(work, writing, say("Writing the report")):
    st.stop()
if work.document is None or work.pdf is None:
    st.stop()

with st.container(horizontal=True, vertical_alignment="bottom"):
    st.subheader(t("Report"))
    st.space("stretch")
    exporting.button(
        t("Download PDF"),
        work.pdf,
        work,
        what="PDF",
        file_name=reporting.file_name(work.document, "pdf"),
        mime="application/pdf",
        key="report-pdf",
        is_primary=True,
    )
    exporting.button(
        t("Download JSON"),
        json.dumps(work.document, indent=2, ensure_ascii=False).encode(),
        work,
        what="JSON",
        file_name=reporting.file_name(work.document, "json"),
        mime="application/json",
        key="report-json",
    )
    exporting.note_for_others()
report.preview(work.document)
if final is None:
    signing_parts.sign_off(work)
else:
    signing_parts.addenda(work, final)
filing.section(work)
deidentify.link()
