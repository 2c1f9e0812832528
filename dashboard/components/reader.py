"""The reader's own part: the reading before the model's answer, and the decision after it."""

from typing import Any

import streamlit as st

from dashboard import formatting, messages, reading, state
from dashboard.attention import Finding
from dashboard.markup import element, show
from dashboard.state import CaseWork, Desk, Entry
from mmcore import wording
from mmcore.records import (
    CONFIDENCES,
    DecisionReason,
    Prediction,
    Presence,
    ReaderDecision,
    ReadingMode,
    Response,
)

_MOST_WORDS = 500  # characters of a reason


def reading_panel(work: CaseWork, prediction: Prediction) -> None:
    """Ask for the reader's own impression of every finding; nothing here is the model's."""
    found, targets = reading.desk(work), reading.asked(prediction)
    show(
        element(
            "h2", "Your reading", element("small", "before the model's answer"),
            cls="co-panel-title",
        )
    )  # fmt: skip
    mode = found.reading.mode
    show(element("p", messages.HOW_TO_READ[mode], cls="co-muted", data_testid="how-to-read"))
    with st.container(key="co-reading", gap=None):
        for target in targets:
            with st.container(
                key=f"co-read-{target.name}", horizontal=True, vertical_alignment="center"
            ):
                show(element("span", target.display, cls="co-name"))
                st.space("stretch")
                key = f"{work.case.digest[:16]}-{work.pack_name}-{target.name}"
                _impression(found.entry(target.name), target.display, key=key)
    so_far = reading.progress(found, targets)
    words = f"{so_far.read} of {so_far.of} findings read"
    words += f", {so_far.begun} not complete" if so_far.begun else ""
    show(element("p", f"{words}.", cls="co-muted", role="status", data_testid="reading-progress"))
    if st.button(messages.REVEAL[mode], type="primary", disabled=not so_far.may_reveal):
        reading.reveal(work, targets)
        st.rerun()


def decision_panel(work: CaseWork, finding: Finding) -> None:
    """Ask what the reader makes of the answer on one finding, and list what was recorded.

    Nothing for what is withheld, which has no answer, and for what the reader is not asked about.
    """
    found, target = reading.desk(work), finding.prediction
    is_asked = work.prediction is not None and target in reading.asked(work.prediction)
    if finding.is_withheld or not is_asked:
        return
    past = reading.decisions_on(found.reading, target.name)
    is_folded = found.reading.mode is ReadingMode.CONCURRENT and not past
    entry = found.entry(target.name)
    with st.expander(
        f"Your decision on {target.display}", expanded=not is_folded or entry != Entry(),
        key=f"co-decision-{work.case.digest[:16]}-{target.name}",
    ):  # fmt: skip
        held = found.reading.held(target.name)
        show(
            element(
                "p", "You hold: ", element("b", wording.impression_text(held)),
                data_testid="reader-holds",
            )
        )  # fmt: skip
        key = f"{work.case.digest[:16]}-{work.pack_name}-{target.name}-{len(past)}"
        _decision(found, entry, target.name, target.display, key=key)
        problem = reading.problem_of(found, target.name)
        if st.button("Record my decision", key=f"decide-{key}", disabled=bool(problem)):
            reading.record(work, target.name)
            st.rerun()
        if problem and entry.response is not None:
            show(element("p", problem, cls="co-muted", role="status"))
        if past:
            items = [element("li", _told(decision)) for decision in past]
            show(element("ol", *items, cls="co-decisions", data_testid="decisions"))


def _impression(entry: Entry, display: str, *, key: str) -> None:
    st.segmented_control(
        f"{display}: what do you see?", list(Presence), default=entry.presence,
        format_func=lambda presence: presence.value.capitalize(), key=f"presence-{key}",
        label_visibility="collapsed", on_change=_keep, args=(entry, "presence", f"presence-{key}"),
    )  # fmt: skip
    st.segmented_control(
        f"{display}: how sure, from 1, a guess, to 5, certain", CONFIDENCES,
        default=entry.confidence, key=f"confidence-{key}", label_visibility="collapsed",
        on_change=_keep, args=(entry, "confidence", f"confidence-{key}"),
    )  # fmt: skip


def _decision(found: Desk, entry: Entry, name: str, display: str, *, key: str) -> None:
    has_own = found.reading.held(name) is not None
    words = {
        Response.AGREE: "I agree",
        Response.CHANGE: "I change my reading" if has_own else "I read it otherwise",
        Response.REJECT: "I reject the answer",
    }
    st.segmented_control(
        f"{display}: what do you make of the model's answer?", list(Response),
        default=entry.response, format_func=lambda response: words[response],
        key=f"response-{key}", label_visibility="collapsed", on_change=_keep,
        args=(entry, "response", f"response-{key}"),
    )  # fmt: skip
    if entry.response is None:
        return
    if entry.response is Response.CHANGE:
        with st.container(horizontal=True):
            _impression(entry, f"{display}, now", key=f"after-{key}")
    if entry.response is not Response.AGREE:
        reasons = list(DecisionReason)
        st.selectbox(
            "Reason", reasons, index=None if entry.reason is None else reasons.index(entry.reason),
            format_func=lambda reason: wording.REASONS[reason], key=f"reason-{key}",
            placeholder="Choose a reason", on_change=_keep, args=(entry, "reason", f"reason-{key}"),
        )  # fmt: skip
    st.text_input(
        "In your own words", value=entry.text, max_chars=_MOST_WORDS, key=f"text-{key}",
        on_change=_keep, args=(entry, "text", f"text-{key}"),
    )  # fmt: skip


def _keep(entry: Entry, name: str, key: str) -> None:
    """Keep with the case what a widget holds: the widget forgets it when its page is left."""
    value: Any = state.entered(key)
    setattr(entry, name, value)


def _told(decision: ReaderDecision) -> str:
    told = f"{formatting.clock(decision.decided_at)} UTC: {decision.response}"
    if decision.response is Response.CHANGE:
        before, after = map(wording.impression_text, (decision.before, decision.after))
        told += f", from {before} to {after}"
    if decision.reason is not None:
        told += f". {wording.REASONS[decision.reason]}"
    return f"{told}. {decision.text}" if decision.text else f"{told}."
