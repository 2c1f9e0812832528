"""The list of findings: what the model says, how sure, and whether it may be trusted here."""

from collections.abc import Sequence

import streamlit as st

from dashboard import formatting, messages
from dashboard.attention import Finding
from dashboard.language import t
from dashboard.markup import Markup, element, show, table
from mmcore import wording
from mmcore.language import lowered


def findings_list(findings: Sequence[Finding], selected: str | None, *, key: str) -> str | None:
    """Draw the findings, one selectable row each; return the one that was just chosen."""
    chosen = None
    common = _common_reason(findings)
    if common:
        note = element("strong", t("All findings are withheld."))
        show(
            element(
                "div", note, " ", common,
                cls="co-note withheld", data_testid="all-withheld", role="note",
            )
        )  # fmt: skip
    for finding in findings:
        name = finding.prediction.name
        state = "on" if name == selected else "off"
        with st.container(key=f"co-finding-{state}-{name}", gap=None):
            why = "" if common else _gate_words(finding)
            show(_row(finding, why=why, is_selected=name == selected))
            if st.button(_spoken(finding), key=f"{key}-finding-{name}", width="stretch"):
                chosen = name
    return chosen


def findings_table(findings: Sequence[Finding]) -> None:
    """Draw the same numbers as a plain table."""
    rows = [
        (
            t(finding.prediction.display),
            t(messages.called(finding)),
            "—" if finding.is_withheld else _value(finding),
            "—" if finding.is_withheld else _interval(finding),
            "—" if finding.is_withheld else t(wording.set_text(finding.prediction.prediction_set)),
            messages.operating_point(finding.prediction) or "—",
            _gate_words(finding),
        )
        for finding in findings
    ]
    headers = (
        t("Finding"),
        t("Called"),
        t("Model says"),
        t("90% interval"),
        t("What can be excluded"),
        t("Operating point"),
        t("May it be scored"),
    )
    show(element("h3", t("All findings"), cls="co-subtitle"))
    show(table(headers, rows, caption=t("All findings with their intervals and verdicts")))


def set_note(finding: Finding) -> None:
    """Draw what a set of both or neither means; nothing for what is plain or withheld."""
    told = "" if finding.is_withheld else wording.set_sentence(finding.prediction.prediction_set)
    if told:
        show(element("div", t(told), cls="co-note", data_testid="set-note", role="note"))


def gate_note(finding: Finding) -> None:
    """Draw why a finding was scored with caution or withheld; nothing for a plain score."""
    words, tone = messages.GATE[finding.gate.verdict]
    if tone != "good":
        display = t(finding.prediction.display)
        called = t("{display}: {verdict}.", display=display, verdict=t(lowered(words)))
        show(
            element(
                "div",
                element("strong", called),
                " ",
                _gate_words(finding),
                cls=f"co-note {tone}",
                data_testid="gate-reason",
                role="note",
            )
        )


def _common_reason(findings: Sequence[Finding]) -> str:
    """Return the words for why every one of several findings is withheld; "" if they differ."""
    reasons = {_gate_words(finding) for finding in findings}
    is_common = len(findings) > 1 and len(reasons) == 1 and all(f.is_withheld for f in findings)
    return reasons.pop() if is_common else ""


def _row(finding: Finding, *, why: str, is_selected: bool) -> Markup:
    called = messages.called(finding)
    tone = _tone(finding)
    gate_word, gate_tone = messages.GATE[finding.gate.verdict]
    target = finding.prediction
    badge = (
        element("span", t(gate_word), cls=f"co-badge {gate_tone}", title=_gate_words(finding))
        if gate_tone == "caution"
        else ""
    )
    if finding.is_withheld:
        excluded = ""
        middle = element("span", why, cls="co-why")
        right = element("span", "—", cls="co-value")
    else:
        told = t(wording.set_text(target.prediction_set))
        excluded = element("small", told, cls="co-set") if told else ""
        middle = element("span", *_scale(finding), cls="co-scale")
        words = (
            formatting.unit(target.unit)
            if target.probability is None
            else t(wording.probability_words(target.probability))
        )
        right = element(
            "span", element("b", _value(finding, with_unit=False)),
            element("small", words), cls="co-value",
        )  # fmt: skip
    point = messages.operating_point(target) if finding.call is not None else ""
    return element(
        "div",
        element("span", t(target.display), badge, excluded, cls="co-name"),
        middle,
        right,
        element(
            "span",
            element("span", t(called), cls=f"co-called {tone}"),
            element("small", t("operating point {point}", point=point)) if point else "",
            cls="co-call",
            title=t(messages.of_call(target)) if point else None,
        ),
        cls="co-finding" + (" selected" if is_selected else "") + f" {tone}",
        data_testid=f"finding-{target.name}",
        data_called=str(called).lower(),
        data_gate=str(finding.gate.verdict),
        data_selected=str(is_selected).lower(),
    )


def _scale(finding: Finding) -> tuple[Markup, ...]:
    """Return the small bar: interval as a band, value as a dot, operating point as a tick."""
    target = finding.prediction
    interval = t("90% interval {interval}", interval=_interval(finding))
    if target.probability is None:
        return (element("small", interval),)
    low, high = (100 * min(max(v, 0.0), 1.0) for v in target.interval)
    marks = [
        element("i", cls="band", style=f"left:{low:.1f}%;width:{max(high - low, 1):.1f}%"),
        element("i", cls="dot", style=f"left:{100 * target.probability:.1f}%"),
    ]
    if target.operating_point is not None:
        marks.append(element("i", cls="tick", style=f"left:{100 * target.operating_point:.1f}%"))
    description = t("{value}, {words}", value=_value(finding), words=interval)
    return (
        element("span", *marks, cls="co-track", role="img", aria_label=description),
        element("small", interval),
    )


def _value(finding: Finding, *, with_unit: bool = True) -> str:
    target = finding.prediction
    if target.probability is None:
        unit = formatting.unit(target.unit) if with_unit else ""
        return f"{formatting.number(target.logit)} {unit}".strip()
    if target.operating_point is not None:
        return wording.probability_beside(target.probability, target.operating_point)[0]
    return wording.probability_text(target.probability)


def _interval(finding: Finding) -> str:
    target = finding.prediction
    return formatting.interval(
        *target.interval,
        of_probability=target.probability is not None,
        unit_text=formatting.unit(target.unit),
    )


def _gate_words(finding: Finding) -> str:
    gate = finding.gate
    return t(messages.of_gate(gate.verdict, gate.reason, gate.helps_most))


def _spoken(finding: Finding) -> str:
    """Return the row in words: the label of the button that covers it."""
    called = t(lowered(messages.called(finding)))
    told = t("{display}, {called}", display=t(finding.prediction.display), called=called)
    if finding.is_withheld:
        return told
    if finding.call is None:
        return t("{words}, {value}", words=told, value=_value(finding))
    return t(
        "{words} at an operating point of {point}, {value}",
        words=told, point=messages.operating_point(finding.prediction), value=_value(finding),
    )  # fmt: skip


def _tone(finding: Finding) -> str:
    """Return the class of a row: its call in one word."""
    if finding.is_withheld:
        return "withheld"
    return "value" if finding.call is None else str(finding.call).replace(" ", "-")
