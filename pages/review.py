"""Review: image, findings and what moved them, on one screen."""

import streamlit as st

from dashboard import attention, messages, reading, services, site, state
from dashboard.components import others, reader, review
from dashboard.components.waiting import empty_state, error_state
from dashboard.language import say, t

work = state.active()
if work is None:
    empty_state(messages.NO_CASE, messages.NO_CASE_MORE)
    st.page_link(site.page("intake"), label=t("Go to cases"), icon=":material/arrow_back:")
    st.stop()
if not work.case.has_used_files:
    error_state(messages.NOTHING_TO_REVIEW)
    st.page_link(site.page("intake"), label=t("Go to cases"), icon=":material/arrow_back:")
    st.stop()

picture, answer = st.columns([56, 44], gap="small")
finding = explanation = None
findings: tuple[attention.Finding, ...] = ()

with answer:
    job = services.predict(work)
    if job is None:
        empty_state(messages.NO_PACK, messages.NO_PACK_MORE)
    elif review.is_ready(work, job, say("Scoring the case")) and work.prediction is not None:
        if not reading.is_revealed(work):
            reader.reading_panel(work, work.prediction)
        else:
            findings = attention.ordered(work.prediction)
            if work.target not in [f.prediction.name for f in findings]:
                first = attention.first_to_look_at(findings) or findings[0]
                work.target = first.prediction.name
            finding = next(f for f in findings if f.prediction.name == work.target)
            review.findings_panel(work, findings)
            explanation = review.explanation_panel(work, finding)
            reader.decision_panel(work, finding)
            others.panel(work)

with picture:
    above, image = st.container(), st.container()  # so that the viewer keeps its place in the page
    with above:
        overlay = review.overlay_of(work, finding, explanation)
    with image:
        review.image_panel(work, overlay)
    review.image_caption(work, finding, explanation, overlay)
    review.notices(work)

review.details(work, findings, finding, explanation)
