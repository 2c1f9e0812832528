"""The ledger of one finding: from what the model assumes to what it says, step by step."""

from collections.abc import Collection, Sequence

import streamlit as st

from dashboard import charts, formatting, messages
from dashboard.markup import Markup, element, join, show, table
from mmcore import wording
from mmcore.records import Explanation, Interaction, Modality, TargetPrediction

MOST_INTERACTIONS = 4


def ledger_chart(
    explanation: Explanation,
    target: TargetPrediction,
    *,
    extent: float | None,
    missing: Collection[Modality],
    key: str,
) -> None:
    """Draw the steps and the sentence that reads them aloud; ``missing`` inputs are so called."""
    figure = charts.waterfall(explanation, target, extent=extent, missing=missing)
    sentence = in_words(explanation, target, missing)
    st.plotly_chart(figure, theme=None, config=charts.CONFIG, key=key, alt=sentence)
    show(
        element(
            "p", sentence, element("small", messages.SAYS_NOT), cls="co-says",
            data_testid="ledger-sentence", data_target=target.name,
        )
    )  # fmt: skip


def in_words(
    explanation: Explanation, target: TargetPrediction, missing: Collection[Modality] = ()
) -> str:
    """Return what the ledger says, in one or two sentences."""
    given = [c for c in explanation.contributions if c.modality not in missing]
    pushes = sorted(given, key=lambda c: -abs(c.signed))
    told = []
    for c in pushes:
        name = c.modality.display.lower()
        if target.kind == "finding":
            told.append(f"{name} {wording.signed_text(c.signed)} ({wording.odds_text(c.signed)})")
        else:
            told.append(f"{name} {wording.signed_text(c.signed)}")
    start, end = _level(explanation.base, target), _level(explanation.logit, target)
    if not told:
        return f"The model says {end}, its starting point; no input of this case moved it."
    moved = f"From {start} for a patient it knows nothing of to {end} for this one"
    return f"{moved}: {', '.join(told)}. {messages.of_call(target)}".rstrip()


def ledger_tables(
    explanation: Explanation, target: TargetPrediction, missing: Collection[Modality] = ()
) -> None:
    """Draw the same numbers as tables: contributions, checks of the parts, interactions."""
    rows = [("Starting point", _ledger_level(explanation.base, target), "", "", "")]
    for c in explanation.contributions:
        if c.modality in missing:
            rows.append((c.modality.display, messages.NOT_GIVEN, "", "", ""))
            continue
        part = explanation.parts.get(c.modality)
        check = "not explained further"
        if part is not None:
            check = (
                f"passed; parts miss the sum by {abs(part.completeness_error):.3f}"
                if part.passed
                else messages.of_withheld_part(c.modality, part.reason)
            )
        band = f"{wording.signed_text(c.band[0])} to {wording.signed_text(c.band[1])}"
        rows.append(
            (
                c.modality.display,
                wording.signed_text(c.signed),
                band,
                formatting.share(c.share),
                check,
            )
        )
    rows.append(("This patient", _ledger_level(explanation.logit, target), "", "", ""))
    show(element("h3", f"Ledger of {target.display}", cls="co-subtitle"))
    scale = "log-odds" if target.kind == "finding" else formatting.unit(target.unit) or "value"
    headers = (
        "Step",
        f"Moves the result by ({scale})",
        "Against reference patients",
        "Share",
        "Its parts",
    )
    show(table(headers, rows, caption=f"Ledger of {target.display}"))
    interactions = [i for i in explanation.interactions if not {i.a, i.b} & {*missing}]
    if interactions:
        show(_interactions(interactions))


def _interactions(interactions: Sequence[Interaction]) -> Markup:
    strongest = sorted(interactions, key=lambda i: -abs(i.value))
    rows = [
        (
            f"{i.a.display} with {i.b.display.lower()}",
            wording.signed_text(i.value),
            _together(i.value),
        )
        for i in strongest[:MOST_INTERACTIONS]
    ]
    headers = ("Together", "Interaction", "What it means")
    drawn = table(headers, rows, caption="Interactions of modalities")
    weaker = strongest[MOST_INTERACTIONS:]
    if not weaker:
        return drawn
    words = f"{len(weaker)} further pairs interact by {abs(weaker[0].value):.2f} or less."
    return join(drawn, element("p", words, cls="co-muted"))


def _together(value: float) -> str:
    if wording.signed_text(value) == wording.signed_text(0.0):
        return "each counts as much as it would alone"
    if value > 0:
        return "each makes the other count more towards the finding"
    return "together they count for less than each alone"


def _ledger_level(value: float, target: TargetPrediction) -> str:
    """Return a level in the unit of the steps, so that a reader can add the column up."""
    if target.kind == "finding":
        return f"{wording.signed_text(value)} ({_level(value, target)})"
    return _level(value, target)


def _level(value: float, target: TargetPrediction) -> str:
    if target.kind == "finding":
        return wording.probability_text(formatting.probability_of(value))
    return f"{formatting.number(value)} {formatting.unit(target.unit)}".strip()
