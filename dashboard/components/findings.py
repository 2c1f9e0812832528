"""The list of findings: what the model says, how sure, and whether it may be trusted here."""

from collections.abc import Sequence

import streamlit as st

from dashboard import formatting, messages
from dashboard.attention import Attention, Finding
from dashboard.markup import Markup, element, show, table
from mmcore import wording

_TONE = {Attention.VALUE: "value"}  # the rest are styled by their word


def findings_list(findings: Sequence[Finding], selected: str | None, *, key: str) -> str | None:
    """Draw the findings, one selectable row each; return the one that was just chosen."""
    chosen = None
    common = _common_reason(findings)
    if common:
        note = element("strong", "All findings are withheld. ")
        show(
            element(
                "div", note, common,
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
            finding.prediction.display,
            messages.CALLED[finding.attention],
            "—" if finding.is_withheld else _value(finding),
            "—" if finding.is_withheld else _interval(finding),
            "—" if finding.is_withheld else wording.set_text(finding.prediction.prediction_set),
            messages.operating_point(finding.prediction) or "—",
            _gate_words(finding),
        )
        for finding in findings
    ]
    headers = (
        "Finding",
        "Called",
        "Model says",
        "90% interval",
        "What can be excluded",
        "Operating point",
        "May it be scored",
    )
    show(element("h3", "All findings", cls="co-subtitle"))
    show(table(headers, rows, caption="All findings with their intervals and verdicts"))


def gate_note(finding: Finding) -> None:
    """Draw why a finding was scored with caution or withheld; nothing for a plain score."""
    words, tone = messages.GATE[finding.gate.verdict]
    if tone != "good":
        show(
            element(
                "div",
                element("strong", f"{finding.prediction.display}: {words.lower()}. "),
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
    called = messages.CALLED[finding.attention]
    tone = _TONE.get(finding.attention, called.lower())
    gate_word, gate_tone = messages.GATE[finding.gate.verdict]
    target = finding.prediction
    badge = (
        element("span", gate_word, cls=f"co-badge {gate_tone}", title=_gate_words(finding))
        if gate_tone == "caution"
        else ""
    )
    if finding.is_withheld:
        excluded = ""
        middle = element("span", why, cls="co-why")
        right = element("span", "—", cls="co-value")
    else:
        told = wording.set_text(target.prediction_set)
        excluded = element("small", told, cls="co-set") if told else ""
        middle = element("span", *_scale(finding), cls="co-scale")
        words = (
            formatting.unit(target.unit)
            if target.probability is None
            else messages.of_probability(target)
        )
        right = element(
            "span", element("b", _value(finding, with_unit=False)),
            element("small", words, title=messages.of_call(target) or None),
            cls="co-value",
        )  # fmt: skip
    return element(
        "div",
        element("span", target.display, badge, excluded, cls="co-name"),
        middle,
        right,
        element("span", called, cls=f"co-called {tone}"),
        cls="co-finding" + (" selected" if is_selected else "") + f" {tone}",
        data_testid=f"finding-{target.name}",
        data_called=called.lower(),
        data_gate=str(finding.gate.verdict),
        data_selected=str(is_selected).lower(),
    )


def _scale(finding: Finding) -> tuple[Markup, ...]:
    """Return the small bar: interval as a band, value as a dot, operating point as a tick."""
    target = finding.prediction
    if target.probability is None:
        return (element("small", f"90% interval {_interval(finding)}"),)
    low, high = (100 * min(max(v, 0.0), 1.0) for v in target.interval)
    marks = [
        element("i", cls="band", style=f"left:{low:.1f}%;width:{max(high - low, 1):.1f}%"),
        element("i", cls="dot", style=f"left:{100 * target.probability:.1f}%"),
    ]
    if target.operating_point is not None:
        marks.append(element("i", cls="tick", style=f"left:{100 * target.operating_point:.1f}%"))
    description = f"{_value(finding)}, 90% interval {_interval(finding)}"
    return (
        element("span", *marks, cls="co-track", role="img", aria_label=description),
        element("small", f"90% interval {_interval(finding)}"),
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
    return messages.of_gate(gate.verdict, gate.reason, gate.helps_most)


def _spoken(finding: Finding) -> str:
    """Return the row in words: the label of the button that covers it."""
    called = messages.CALLED[finding.attention].lower()
    if finding.is_withheld:
        return f"{finding.prediction.display}, withheld"
    return f"{finding.prediction.display}, {called}, {_value(finding)}"
