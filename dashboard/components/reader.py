"""The reader's own part: the reading before the model's answer, and the decision after it."""

from typing import Any

import streamlit as st

from dashboard import formatting, messages, reading, state
from dashboard.attention import Finding
from dashboard.components import signing
from dashboard.language import say, t
from dashboard.markup import element, show
from dashboard.state import CaseWork, Entry
from mmcore import holding, wording
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
            "h2", t("Your reading"), element("small", t("before the model's answer")),
            cls="co-panel-title",
        )
    )  # fmt: skip
    mode = found.reading.mode
    show(element("p", t(messages.HOW_TO_READ[mode]), cls="co-muted", data_testid="how-to-read"))
    with st.container(key="co-reading", gap=None):
        for target in targets:
            with st.container(
                key=f"co-read-{target.name}", horizontal=True, vertical_alignment="center"
            ):
                display = t(target.display)
                show(element("span", display, cls="co-name"))
                st.space("stretch")
                key = f"{work.case.digest[:16]}-{work.pack_name}-{found.history.round}"
                _impression(found.entry(target.name), display, key=f"{key}-{target.name}")
    so_far = reading.progress(found, targets)
    if so_far.begun:
        words = t(
            "{read} of {all} findings read, {begun} not complete.",
            read=so_far.read, all=so_far.of, begun=so_far.begun,
        )  # fmt: skip
    else:
        words = t("{read} of {all} findings read.", read=so_far.read, all=so_far.of)
    show(element("p", words, cls="co-muted", role="status", data_testid="reading-progress"))
    reveals = st.button(
        t(messages.REVEAL[mode]), type="primary", disabled=not so_far.may_reveal, key="reveal"
    )
    if reveals:
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
        t("Your decision on {display}", display=t(target.display)),
        expanded=not is_folded or entry != Entry(),
        key=f"co-decision-{work.case.digest[:16]}-{target.name}",
    ):
        told = holding.held_text(found.reading, target.name, finding.call)
        show(
            element(
                "p", t("You hold:"), " ", element("b", t(told)),
                data_testid="reader-holds",
            )
        )  # fmt: skip
        if not signing.locked(work):
            drawn = f"{len(past)}-{found.history.round}"
            key = f"{work.case.digest[:16]}-{work.pack_name}-{target.name}-{drawn}"
            _decision(work, entry, target.name, t(target.display), key=key)
            problem = reading.problem_of(work, target.name)
            if st.button(t("Record my decision"), key=f"decide-{key}", disabled=bool(problem)):
                reading.record(work, target.name)
                st.rerun()
            if problem and entry.response is not None:
                show(element("p", t(problem), cls="co-muted", role="status"))
        if past:
            items = [element("li", _told(decision)) for decision in past]
            show(element("ol", *items, cls="co-decisions", data_testid="decisions"))


def _impression(entry: Entry, display: str, *, key: str) -> None:
    st.segmented_control(
        t("{display}: what do you see?", display=display), list(Presence), default=entry.presence,
        format_func=lambda presence: t(messages.PRESENCE[presence]), key=f"presence-{key}",
        label_visibility="collapsed", on_change=_keep, args=(entry, "presence", f"presence-{key}"),
    )  # fmt: skip
    _confidence(entry, display, key=key)


def _confidence(entry: Entry, display: str, *, key: str) -> None:
    st.segmented_control(
        t("{display}: how sure, from 1, a guess, to 5, certain", display=display), CONFIDENCES,
        default=entry.confidence, key=f"confidence-{key}", label_visibility="collapsed",
        on_change=_keep, args=(entry, "confidence", f"confidence-{key}"),
    )  # fmt: skip


def _decision(work: CaseWork, entry: Entry, name: str, display: str, *, key: str) -> None:
    held, turned = reading.desk(work).reading.held(name), reading.turned_by(work, name)
    words = {
        Response.AGREE: say("I agree"),
        Response.CHANGE: say("I change my reading")
        if held is not None
        else say("I read it otherwise"),
        Response.REJECT: say("I reject the answer"),
    }
    st.segmented_control(
        t("{display}: what do you make of the model's answer?", display=display), list(Response),
        default=entry.response, format_func=lambda response: t(words[response]),
        key=f"response-{key}", label_visibility="collapsed", on_change=_keep,
        args=(entry, "response", f"response-{key}"),
    )  # fmt: skip
    if entry.response is None:
        return
    if entry.response is Response.CHANGE:
        with st.container(horizontal=True):
            _impression(entry, t("{display}, now", display=display), key=f"after-{key}")
    is_agreement = entry.response is Response.AGREE
    if is_agreement and held is not None and turned is not None:
        told = t(
            "You hold {held}, and the model calls it {call}. To agree is to change your reading "
            "to {call}: say how sure you are now, and why.",
            held=t(wording.PRESENCE_WORDS[held.presence]), call=t(wording.PRESENCE_WORDS[turned]),
        )  # fmt: skip
        show(element("p", told, cls="co-note caution", role="note", data_testid="agree-changes"))
        _confidence(entry, t("{display}, now", display=display), key=f"agreed-{key}")
    if not is_agreement or turned is not None:
        reasons = list(DecisionReason)
        st.selectbox(
            t("Reason"), reasons,
            index=None if entry.reason is None else reasons.index(entry.reason),
            format_func=lambda reason: t(wording.REASONS[reason]), key=f"reason-{key}",
            placeholder=t("Choose a reason"), on_change=_keep,
            args=(entry, "reason", f"reason-{key}"),
        )  # fmt: skip
    st.text_input(
        t("In your own words"), value=entry.text, max_chars=_MOST_WORDS, key=f"text-{key}",
        on_change=_keep, args=(entry, "text", f"text-{key}"),
    )  # fmt: skip


def _keep(entry: Entry, name: str, key: str) -> None:
    """Keep with the case what a widget holds: the widget forgets it when its page is left."""
    value: Any = state.entered(key)
    setattr(entry, name, value)


def _told(decision: ReaderDecision) -> str:
    at, made = formatting.clock(decision.decided_at), t(messages.RESPONSE[decision.response])
    told = t("{time} UTC: {decision}", time=at, decision=made)
    if decision.response is Response.CHANGE:
        told = t(
            "{time} UTC: {decision}, from {before} to {after}", time=at, decision=made,
            before=t(wording.impression_text(decision.before)),
            after=t(wording.impression_text(decision.after)),
        )  # fmt: skip
    more = [t(wording.REASONS[decision.reason])] if decision.reason is not None else []
    if decision.text:
        return t(". ").join([told, *more, decision.text])
    return t("{words}.", words=t(". ").join([told, *more]))
