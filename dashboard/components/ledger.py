"""The ledger of one finding: from what the model assumes to what it says, step by step."""

from collections.abc import Sequence

import streamlit as st

from dashboard import charts, formatting, messages
from dashboard.markup import Markup, element, show, table
from mmcore import wording
from mmcore.records import Explanation, TargetPrediction


def ledger_chart(
    explanation: Explanation,
    target: TargetPrediction,
    explained: Sequence[Explanation],
    *,
    has_fixed_scale: bool,
    key: str,
) -> None:
    """Draw the steps and the sentence that reads them aloud."""
    extent = charts.ledger_extent(explained) if has_fixed_scale else None
    figure = charts.waterfall(explanation, target, extent=extent)
    sentence = in_words(explanation, target)
    st.plotly_chart(figure, theme=None, config=charts.CONFIG, key=key, alt=sentence)
    show(
        element(
            "p", sentence, element("small", messages.SAYS_NOT), cls="co-says",
            data_testid="ledger-sentence",
        )
    )  # fmt: skip


def in_words(explanation: Explanation, target: TargetPrediction) -> str:
    """Return what the ledger says, in one or two sentences."""
    pushes = sorted(explanation.contributions, key=lambda c: -abs(c.signed))
    told = []
    for c in pushes:
        name = wording.MODALITY_NAMES[c.modality].lower()
        if target.kind == "finding":
            told.append(f"{name} {wording.signed_text(c.signed)} ({wording.odds_text(c.signed)})")
        else:
            told.append(f"{name} {wording.signed_text(c.signed)}")
    start, end = _level(explanation.base, target), _level(explanation.logit, target)
    if not told:
        return f"The model says {end}, its starting point; no input of this case moved it."
    return (
        f"From {start} for a patient it knows nothing of to {end} for this one: {', '.join(told)}."
    )


def ledger_tables(explanation: Explanation, target: TargetPrediction) -> None:
    """Draw the same numbers as tables: contributions, checks of the parts, interactions."""
    rows = [("Starting point", _level(explanation.base, target), "", "", "")]
    for c in explanation.contributions:
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
                wording.MODALITY_NAMES[c.modality],
                wording.signed_text(c.signed),
                band,
                formatting.share(c.share),
                check,
            )
        )
    rows.append(("This patient", _level(explanation.logit, target), "", "", ""))
    show(element("h3", f"Ledger of {target.display}", cls="co-subtitle"))
    headers = ("Step", "Moves the result by", "Against reference patients", "Share", "Its parts")
    show(table(headers, rows, caption=f"Ledger of {target.display}"))
    if explanation.interactions:
        show(_interactions(explanation))


def _interactions(explanation: Explanation) -> Markup:
    rows = [
        (
            f"{wording.MODALITY_NAMES[i.a]} with {wording.MODALITY_NAMES[i.b].lower()}",
            wording.signed_text(i.value),
            "each makes the other count more towards the finding"
            if i.value > 0
            else "together they count for less than each alone",
        )
        for i in sorted(explanation.interactions, key=lambda i: -abs(i.value))
    ]
    return table(
        ("Together", "Interaction", "What it means"), rows, caption="Interactions of modalities"
    )


def _level(value: float, target: TargetPrediction) -> str:
    if target.kind == "finding":
        return wording.probability_text(formatting.probability_of(value))
    return f"{formatting.number(value)} {formatting.unit(target.unit)}".strip()
