"""One switch per input: what the model would say without it."""

from collections.abc import Sequence

import streamlit as st

from dashboard import desks, formatting, messages, people
from dashboard.language import say, t
from dashboard.markup import Markup, element, show
from dashboard.state import CaseWork
from mmcore import sentences, wording
from mmcore.explain.switches import Difference, Switched, difference_of, switch_off
from mmcore.language import joined, lowered
from mmcore.records import Explanation, Modality, TargetPrediction
from mmcore.sentences import STANDS_OUT_FROM

_WITH_NONE = say("With no input of this patient")


@people.fragment()
def switches_panel(
    work: CaseWork, explanation: Explanation, target: TargetPrediction, given: Sequence[Modality]
) -> None:
    """Draw a switch for each of the ``given`` inputs, and the answer of those that are on.

    What is off is kept with the case, and holds for all its findings.
    """
    show(
        element(
            "h3", t("Without an input"),
            element("small", t("switch inputs off to see the model's answer")),
            cls="co-panel-title",
        )
    )  # fmt: skip
    key = work.case.digest[:16]
    off = set()
    with st.container(key="co-switches", horizontal=True, gap="medium"):
        for modality in given:
            name = t(wording.short_name(modality))
            is_on = st.toggle(
                name, value=modality not in work.left_out, key=f"switch-{key}-{modality}",
                width="content",
            )  # fmt: skip
            if not is_on:
                off.add(modality)
    work.left_out = frozenset(off)
    desks.save(work)  # the page itself is not run again
    switched = switch_off(explanation, off)
    show(_answer(switched, explanation, target, given))


def _answer(
    switched: Switched, explanation: Explanation, target: TargetPrediction,
    given: Sequence[Modality],
) -> Markup:  # fmt: skip
    """Return the answer in words; a screen reader is told of it whenever it changes."""
    everything = _level(explanation.logit, target)
    if not switched.left_out:
        says = t("{words}.", words=everything)
        if len(given) > 1:
            says = t("With all {n} inputs: {level}.", n=len(given), level=everything)
    else:
        on = [t(lowered(m.display)) for m in given if m not in switched.left_out]
        who = t("With {inputs} alone", inputs=_listed(on)) if on else t(_WITH_NONE)
        unit = t("log-odds") if target.kind == "finding" else formatting.unit(target.unit)
        says = t(
            "{who}: {level}, {change} against {everything} with all.", who=who,
            level=_level(switched.logit, target), everything=everything,
            change=f"{wording.signed_text(switched.change)} {unit}".rstrip(),
        )  # fmt: skip
    why = _why(difference_of(explanation, switched)) if switched.left_out else ""
    return element(
        "p",
        element("span", says, role="status", aria_live="polite", data_testid="switched"),
        element("small", why, data_testid="switched-why") if why else "",
        element("small", t(messages.SWITCHED_SAYS_NOT)),
        cls="co-says",
    )


def _why(found: Difference) -> str:
    """Return why the change is not the contribution of the ledger; "" where it is."""
    beyond = found.taken - found.contributed
    if wording.signed_text(beyond) == wording.signed_text(0.0):
        return ""
    told = [
        say(
            "The ledger counts {contributed} for what is off, and switching it off takes away "
            "{taken}: a contribution is the mean over all combinations of inputs, this is one of "
            "them. Of the {beyond} between the two, {pairs} is half of its interactions with the "
            "inputs that are on and {rest} is what three or more inputs do together.",
            contributed=wording.signed_text(found.contributed),
            taken=wording.signed_text(found.taken), beyond=wording.signed_text(beyond),
            pairs=wording.signed_text(found.of_pairs), rest=wording.signed_text(found.rest),
        )
    ]  # fmt: skip
    most = found.strongest
    if most is not None and abs(most.value) >= STANDS_OUT_FROM:
        told.append(
            say("The strongest is {pair}, {value}.", pair=sentences.pair_text(most),
                value=wording.signed_text(most.value))
        )  # fmt: skip
    return t(joined(told))


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    if not first:
        return last
    return t("{first} and {last}", first=t(", ").join(first), last=last)


def _level(value: float, target: TargetPrediction) -> str:
    if target.kind == "finding":
        shown = wording.probability_text(formatting.probability_of(value))
        return f"{shown} ({wording.signed_text(value)})"
    return f"{formatting.number(value)} {formatting.unit(target.unit)}".rstrip()
