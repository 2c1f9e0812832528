"""The ledger of one finding: from what the model assumes to what it says, step by step."""

from collections.abc import Collection, Sequence

import streamlit as st

from dashboard import charts, formatting, messages
from dashboard.components.captions import caption
from dashboard.markup import Markup, element, join, show, table
from mmcore import sentences, wording
from mmcore.explain.relations import Relation, relation_in
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
    told = sentences.of_ledger(
        target, base=explanation.base, logit=explanation.logit, interval=target.interval,
        contributions=explanation.contributions, missing=missing,
    )  # fmt: skip
    st.plotly_chart(figure, theme=None, config=charts.CONFIG, key=key, alt=told.says)
    show(
        element(
            "p", told.says, element("small", told.says_not), cls="co-says",
            data_testid="ledger-sentence", data_target=target.name,
        )
    )  # fmt: skip


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
        show(_interactions(explanation, interactions))
        told = sentences.of_interactions(explanation.contributions, interactions)
        if told is not None:
            caption(told, name="interactions")


def _interactions(explanation: Explanation, interactions: Sequence[Interaction]) -> Markup:
    strongest = sorted(interactions, key=lambda i: -abs(i.value))
    rows: list[tuple[str, ...]] = []
    for interaction in strongest[:MOST_INTERACTIONS]:
        relation = relation_in(explanation.contributions, interaction)
        tone = "caution" if relation is Relation.CONFLICT else ""
        rows.append(
            (
                sentences.pair_text(interaction).capitalize(),
                element("span", relation, cls=f"co-badge {tone}".strip()) if relation else "\u2014",
                wording.signed_text(interaction.value),
                sentences.together_text(interaction.value),
            )
        )
    headers = ("Inputs", "How they stand", "Interaction", "What it means")
    drawn = table(headers, rows, caption="Interactions of modalities")
    weaker = strongest[MOST_INTERACTIONS:]
    if not weaker:
        return drawn
    words = f"{len(weaker)} further pairs interact by {abs(weaker[0].value):.2f} or less."
    return join(drawn, element("p", words, cls="co-muted"))


def _ledger_level(value: float, target: TargetPrediction) -> str:
    """Return a level in the unit of the steps, so that a reader can add the column up."""
    if target.kind == "finding":
        return f"{wording.signed_text(value)} ({_level(value, target)})"
    return _level(value, target)


def _level(value: float, target: TargetPrediction) -> str:
    if target.kind == "finding":
        return wording.probability_text(formatting.probability_of(value))
    return f"{formatting.number(value)} {formatting.unit(target.unit)}".strip()
