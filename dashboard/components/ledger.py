"""The ledger of one finding: from what the model assumes to what it says, step by step."""

from collections.abc import Collection, Sequence

import streamlit as st

from dashboard import charts, formatting, messages
from dashboard.components.captions import caption
from dashboard.language import t
from dashboard.markup import Markup, element, join, show, table
from mmcore import sentences, wording
from mmcore.calls import call_of
from mmcore.dissent import of_disagreement
from mmcore.explain.disagreement import disagreement_in
from mmcore.explain.relations import Relation, relation_in
from mmcore.language import capitalised
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
    st.plotly_chart(figure, theme=None, config=charts.CONFIG, key=key, alt=t(told.says))
    show(
        element(
            "p", t(told.says), element("small", t(told.says_not)), cls="co-says",
            data_testid="ledger-sentence", data_target=target.name,
        )
    )  # fmt: skip


def contradiction(explanation: Explanation, target: TargetPrediction) -> None:
    """Draw in one line which sources disagree about a target, and what in the note denies it."""
    told = of_disagreement(
        target.display, disagreement_in(target, explanation), explanation.contributions,
        call=call_of(target.probability, target.interval, target.operating_point),
    )  # fmt: skip
    if told is not None:
        cls = "co-note co-against"
        show(element("div", t(told), cls=cls, data_testid="contradiction", role="note"))


def ledger_tables(
    explanation: Explanation, target: TargetPrediction, missing: Collection[Modality] = ()
) -> None:
    """Draw the same numbers as tables: contributions, checks of the parts, interactions."""
    rows = [(t("Starting point"), ledger_level(explanation.base, target), "", "", "")]
    for c in explanation.contributions:
        if c.modality in missing:
            rows.append((t(c.modality.display), t(messages.NOT_GIVEN), "", "", ""))
            continue
        part = explanation.parts.get(c.modality)
        check = t("not explained further")
        if part is not None and part.passed:
            error = f"{abs(part.completeness_error):.3f}"
            check = t("passed; parts miss the sum by {error}", error=error)
        elif part is not None:
            check = t(messages.of_withheld_part(c.modality, part.reason))
        low, high = map(wording.signed_text, c.band)
        rows.append(
            (
                t(c.modality.display),
                wording.signed_text(c.signed),
                t("{low} to {high}", low=low, high=high),
                formatting.share(c.share),
                check,
            )
        )
    rows.append((t("This patient"), ledger_level(explanation.logit, target), "", "", ""))
    title = t("Ledger of {display}", display=t(target.display))
    show(element("h3", title, cls="co-subtitle"))
    headers = (
        t("Step"),
        t("Moves the result by ({scale})", scale=formatting.scale_of(target)),
        t("Against reference patients"),
        t("Share"),
        t("Its parts"),
    )
    show(table(headers, rows, caption=title))
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
                t(capitalised(sentences.pair_text(interaction))),
                element("span", t(messages.RELATION[relation]), cls=f"co-badge {tone}".strip())
                if relation
                else "\u2014",
                wording.signed_text(interaction.value),
                t(sentences.together_text(interaction.value)),
            )
        )
    headers = (t("Inputs"), t("How they stand"), t("Interaction"), t("What it means"))
    drawn = table(headers, rows, caption=t("Interactions of modalities"))
    weaker = strongest[MOST_INTERACTIONS:]
    if not weaker:
        return drawn
    words = t(
        "{n} further pairs interact by {value} or less.",
        n=len(weaker), value=f"{abs(weaker[0].value):.2f}",
    )  # fmt: skip
    return join(drawn, element("p", words, cls="co-muted"))


def ledger_level(value: float, target: TargetPrediction) -> str:
    """Return a level in the unit of the steps, so that a reader can add the column up."""
    if target.kind == "finding":
        return f"{wording.signed_text(value)} ({_level(value, target)})"
    return _level(value, target)


def _level(value: float, target: TargetPrediction) -> str:
    if target.kind == "finding":
        return wording.probability_text(formatting.probability_of(value))
    return f"{formatting.number(value)} {formatting.unit(target.unit)}".strip()
