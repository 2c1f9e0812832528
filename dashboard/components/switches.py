"""One switch per input: what the model would say without it."""

from collections.abc import Sequence

import streamlit as st

from dashboard import formatting, messages
from dashboard.markup import Markup, element, show
from dashboard.state import CaseWork
from mmcore import wording
from mmcore.explain.switches import Switched, switch_off
from mmcore.records import Explanation, Modality, TargetPrediction


@st.fragment
def switches_panel(
    work: CaseWork, explanation: Explanation, target: TargetPrediction, given: Sequence[Modality]
) -> None:
    """Draw a switch for each of the ``given`` inputs, and the answer of those that are on.

    What is off is kept with the case, and holds for all its findings.
    """
    show(
        element(
            "h3", "Without an input",
            element("small", "switch inputs off to see the model's answer"), cls="co-panel-title",
        )
    )  # fmt: skip
    key = work.case.digest[:16]
    off = set()
    with st.container(key="co-switches", horizontal=True, gap="medium"):
        for modality in given:
            name = wording.short_name(modality)
            is_on = st.toggle(
                name, value=modality not in work.left_out, key=f"switch-{key}-{modality}",
                width="content",
            )  # fmt: skip
            if not is_on:
                off.add(modality)
    work.left_out = frozenset(off)
    switched = switch_off(explanation, off)
    show(_answer(switched, explanation, target, given))


def _answer(
    switched: Switched, explanation: Explanation, target: TargetPrediction,
    given: Sequence[Modality],
) -> Markup:  # fmt: skip
    """Return the answer in words; a screen reader is told of it whenever it changes."""
    everything = _level(explanation.logit, target)
    if not switched.left_out:
        says = (
            f"With all {len(given)} inputs: {everything}." if len(given) > 1 else f"{everything}."
        )
    else:
        on = [m.display.lower() for m in given if m not in switched.left_out]
        who = f"With {_listed(on)} alone" if on else "With no input of this patient"
        unit = "log-odds" if target.kind == "finding" else formatting.unit(target.unit)
        change = f"{wording.signed_text(switched.change)} {unit}".rstrip()
        says = f"{who}: {_level(switched.logit, target)}, {change} against {everything} with all."
    return element(
        "p",
        element("span", says, role="status", aria_live="polite", data_testid="switched"),
        element("small", messages.SWITCHED_SAYS_NOT),
        cls="co-says",
    )


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _level(value: float, target: TargetPrediction) -> str:
    if target.kind == "finding":
        shown = wording.probability_text(formatting.probability_of(value))
        return f"{shown} ({wording.signed_text(value)})"
    return f"{formatting.number(value)} {formatting.unit(target.unit)}".rstrip()
