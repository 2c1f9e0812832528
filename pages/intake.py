"""Cases: drop files in or open a demonstration patient, see what became of every file."""

import streamlit as st

from dashboard import keeping, messages, services, several, site, state
from dashboard.components import columns, deidentify, intake, stored
from dashboard.components import several as drawn
from dashboard.components.waiting import empty_state, error_state, wait_for
from dashboard.language import say, t

current = state.session()
if current.intake is not None:
    if wait_for(current.intake, say("Reading the case"), key="intake"):
        several.take()
        st.rerun()
    if current.intake.error is not None:
        current.intake = None

add, look = st.columns([5, 7], gap="large")

with add:
    st.subheader(t("Add a case"))
    files = intake.drop_zone(current.uploader_round)
    words = t("Read 1 file") if len(files) == 1 else t("Read {n} files", n=len(files))
    is_asking = current.several is not None and current.several.is_waiting
    if files and st.button(
        words, type="primary", width="stretch", key="read", disabled=is_asking,
        help=t("First say whose the files are that came in before.") if is_asking else None,
    ):  # fmt: skip
        several.read(files)
        st.rerun()
    stored.cases_list()
    demos = services.demo_cases()
    if demos:
        st.subheader(t("Demonstration patients"))
        demo = intake.demo_cards(demos)
        if demo is not None:
            services.read_demo(demo)
            st.rerun()

with look:
    if current.several is not None:
        drawn.patients(current.several)
    work = state.active()
    if work is None:
        if current.several is None:
            empty_state(messages.NO_CASE_YET, messages.NO_CASE_YET_MORE)
        st.stop()
    is_case = work.case.has_used_files
    if is_case:
        intake.case_summary(work.case)
    elif work.case.files:
        intake.nothing_used(work)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            t("Review this case"),
            key="review",
            type="primary",
            icon=":material/arrow_forward:",
            disabled=not is_case or current.intake is not None,  # or another one takes its place
        ):
            st.switch_page(site.page("review"))
        if st.button(t("Close this case"), key="close"):
            stored.attempt(keeping.put_aside, work)
            st.rerun()
        if is_case:
            deidentify.link()
    if work.case.files:
        intake.files_table(work.case.files)
        columns.tables_to_name(work)
    else:
        error_state(messages.NOTHING_READ)
