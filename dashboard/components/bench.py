"""The scorecard of a pack: one chart and one sentence per figure, controls beside the methods."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import charts
from dashboard.language import Text, say, t
from dashboard.markup import element, show, table
from dashboard.services import PackFacts
from mmcore import wording
from mmcore.records import Modality

OWN = "ledger"
CONTROL = "control_"
FIGURES: Mapping[str, tuple[Text, Text]] = {
    "pointing": (
        say("Peak in the truth"),
        say(
            "How often the strongest cell for the finding lies where the finding truly is. "
            "It does not say that the rest of the map is right."
        ),
    ),
    "top": (
        say("Strongest item is true"),
        say(
            "How often the strongest named item truly speaks for the finding. "
            "It does not say that the others do not."
        ),
    ),
    "mass": (
        say("Evidence in the truth"),
        say(
            "Which part of the evidence for the finding lies in the truth. "
            "The rest need not be wrong: other signs of a disease lie elsewhere."
        ),
    ),
    "overlap": (
        say("Best overlap"),
        say(
            "Intersection over union at the best cut. "
            "It is an upper bound: the cut knows the truth."
        ),
    ),
    "in_lungs": (
        say("Evidence in the lungs"),
        say(
            "Which part of the evidence for the target lies in the lungs. "
            "What lies outside need not be wrong: the heart and the pleura do."
        ),
    ),
    "order": (
        say("Order of the parts"),
        say(
            "Rank correlation of the parts with what each value or genotype truly says. "
            "It does not say that sizes agree."
        ),
    ),
    "deletion": (
        say("Deletion (low is better)"),
        say(
            "Area under the contribution while elements are taken away, strongest first. "
            "Below 0: what is left speaks against. It is no statement about the disease."
        ),
    ),
    "insertion": (
        say("Insertion (high is better)"),
        say(
            "Area under the contribution while elements are shown alone, strongest first. "
            "Above 1: evidence against comes last. It is no statement about the disease."
        ),
    ),
    "stability": (
        say("Stability"),
        say(
            "Rank correlation of the parts before and after 1 % of noise. "
            "It does not say what larger changes do."
        ),
    ),
    "completeness": (
        say("Missed by the sum (low is better)"),
        say(
            "How far the parts miss the contribution, relative to it. "
            "Parts that add up can still be in the wrong place."
        ),
    ),
    "withheld": (
        say("Withheld (low is better)"),
        say("How often the parts failed their own test and would not be shown."),
    ),
    "forwards": (
        say("Passes through the encoder (low is better)"),
        say("What one explanation of this input costs, on any machine."),
    ),
}
METHODS = (
    say("The ledger's own"),
    say("The ledger's own values in random places"),
    say("A blob at the centre of each lung"),
    say("The edges of the image"),
    say("Where the truth of other patients lies"),
)
"""What scorecards call our method and the controls; the rest are names of methods."""
_COSTS = {
    "milliseconds": say("Milliseconds"),
    "backwards": say("Backwards"),
    "change": say("Change"),
}
_STAGES = {
    "head": say("Head"),
    "fusion": say("Head and fusion"),
    "encoders": say("Head, fusion and encoders"),
    "permuted_labels": say("Model of permuted labels"),
}


def head(card: Mapping[str, Any], pack: PackFacts) -> None:
    """Say what was measured, on what, and whether it is this version of the pack."""
    data, measured = card["data"], card["pack"]
    if data["kind"] == "simulated":
        whom = t("{n} simulated patients of seed {seed}", n=card["patients"], seed=data["seed"])
    else:
        whom = t(
            "{images} radiographs of {n} patients with readers' outlines",
            images=data["images"], n=card["patients"],
        )  # fmt: skip
    words = t(
        "Version {version}: {n} targets that were there and called, in {whom}. "
        "Means with 95 % intervals over patients.",
        version=measured["version"], n=card["explained"], whom=whom,
    )  # fmt: skip
    title = t("What explanations of {pack} are worth", pack=t(pack.display))
    show(
        element(
            "div",
            element("h2", title),
            element("p", words, cls="co-muted"),
            cls="co-case",
            data_testid="bench-head",
        )
    )
    if measured["version"] != pack.version:
        st.warning(
            t(
                "Measured on version {measured}; version {installed} is installed.",
                measured=measured["version"], installed=pack.version,
            )
        )  # fmt: skip


def methods(card: Mapping[str, Any]) -> None:
    """Draw every figure of one input, chosen by the reader."""
    rows = card["rows"]
    present = [m for m in Modality if any(row["modality"] == m.value for row in rows)]
    if not present:
        st.info(t("No target was there and called, so there is nothing to show."))
        return
    st.subheader(t("Inside an input"))
    chosen = st.segmented_control(
        t("Input"),
        present,
        default=present[0],
        format_func=lambda m: t(m.display),
        required=True,
        key="bench-input",
    )
    rows = [row for row in rows if row["modality"] == chosen]
    st.caption(t("● the ledger's own method, ◆ other methods, □ controls that know no model"))
    left, right = st.columns(2, gap="large")
    names = [name for name in FIGURES if any(name in row["figures"] for row in rows)]
    for number, name in enumerate(names):
        title, meaning = FIGURES[name]
        shown = [row for row in rows if has_value(row["figures"].get(name))]
        if not shown:
            continue
        with (left, right)[number % 2]:
            st.markdown(f"**{t(title)}**")
            st.plotly_chart(
                charts.dots([_dot(row, name) for row in shown]),
                config=charts.CONFIG,
                key=f"bench-{chosen}-{name}",
            )
            st.caption(t(meaning))
    with st.expander(t("All figures as a table")):
        _all_figures(rows)


def shares(card: Mapping[str, Any]) -> None:
    """Draw mean shares of model and causal model side by side, and how far they differ."""
    found = card["shares"]
    if found is None:
        return
    st.subheader(t("Between the inputs"))
    figures = found["figures"]
    dots = []
    for name in found["modalities"]:
        display = t(Modality(name).display)
        model, causal = (_interval(figures[f"mean_{kind}_{name}"]) for kind in ("model", "causal"))
        dots.append(charts.Dot(t("{input}, model", input=display), *model, "own"))
        dots.append(charts.Dot(t("{input}, truth", input=display), *causal, "control"))
    st.plotly_chart(charts.dots(dots), config=charts.CONFIG, key="bench-shares")
    st.caption(
        t(
            "Mean share of each input: ● as the model takes it, □ as the causal model of the "
            "simulator does. Agreement of means does not say that single patients agree; the "
            "table does."
        )
    )
    rows = [
        (
            t(Modality(name).display),
            _text(figures[f"error_{name}"]),
            _text(figures[f"correlation_{name}"]),
        )
        for name in found["modalities"]
    ]
    rows.append((t("All inputs"), _text(figures["error"]), ""))
    headers = (
        t("Input"), t("Mean error of the share"), t("Correlation of signed contributions")
    )  # fmt: skip
    show(table(headers, rows, caption=t("Shares against the causal model")))
    st.caption(
        t(
            "Every share within 0.1 in {share} of findings, present or absent. How clearly a film "
            "shows a lesion is an assumption, so shares of the image hang on it.",
            share=_percent(figures["recovered"]),
        )
    )


def release(card: Mapping[str, Any]) -> None:
    """Draw what randomised weights do to the maps, and whether what may not speak is silent."""
    found = card["release"]
    rows = [*found["randomised"], *found.get("permuted_labels", [])]
    st.subheader(t("Does the map hang on what was learned?"))
    if rows:
        cells = [
            (
                t(_STAGES.get(row["method"], row["method"])),
                t(Modality(row["modality"]).display),
                _text(row["figures"].get("signed")),
                _text(row["figures"].get("absolute")),
            )
            for row in rows
        ]
        headers = (t("Randomised"), t("Input"), t("Rank correlation"), t("... of sizes"))
        show(table(headers, cells, caption=t("Maps before and after randomised weights")))
        st.caption(
            t(
                "Towards 0 is right: a map that stays as it was shows the input, not the model. "
                "It does not say that the map of the trained model is right."
            )
        )
    null = found["null"]
    st.caption(
        t(
            "An input that may not speak of a target, or is not there: at most {largest:g} "
            "log-odds in {n} contributions. It must be 0.",
            largest=null["largest"], n=null["checked"],
        )
    )  # fmt: skip


def command(card: Mapping[str, Any]) -> None:
    """Say how to measure all of it again."""
    st.subheader(t("Measure it again"))
    st.code(card["command"], language="bash")
    st.caption(
        t(
            "It took {minutes:.0f} minutes on {device}. Figures are explained in {document}.",
            minutes=card["seconds"] / 60, device=card["device"], document="docs/bench.md",
        )
    )  # fmt: skip


def has_value(figure: Mapping[str, Any] | None) -> bool:
    """Say whether there is a number to show."""
    return figure is not None and figure["value"] is not None


def _dot(row: Mapping[str, Any], name: str) -> charts.Dot:
    kind: charts.DotKind = "other"
    if row["method"] == OWN:
        kind = "own"
    elif row["method"].startswith(CONTROL):
        kind = "control"
    return charts.Dot(_display(row), *_interval(row["figures"][name]), kind)


def _display(row: Mapping[str, Any]) -> str:
    method: str = row["display"]
    return t(method)


def _interval(figure: Mapping[str, Any]) -> tuple[float, float, float]:
    value = float(figure["value"])
    low, high = (figure[end] if figure[end] is not None else value for end in ("low", "high"))
    return value, float(low), float(high)


def _all_figures(rows: Sequence[Mapping[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row["figures"]))
    cells = [(_display(row), *(_text(row["figures"].get(name)) for name in names)) for row in rows]
    headers = (t("Method"), *(t(FIGURES[n][0] if n in FIGURES else _COSTS[n]) for n in names))
    show(table(headers, cells, caption=t("All figures of this input")))


def _text(figure: Mapping[str, Any] | None) -> str:
    if figure is None or figure["value"] is None:
        return ""
    text = f"{figure['value']:.3g}"
    if figure["low"] is not None and figure["high"] is not None:
        low, high = (f"{figure[end]:.3g}" for end in ("low", "high"))
        text = t("{value} ({low} to {high})", value=text, low=low, high=high)
    return text.replace("-", wording.MINUS)


def _percent(figure: Mapping[str, Any]) -> str:
    value, low, high = _interval(figure)
    return t(
        "{value:.0f} % ({low:.0f} to {high:.0f})", value=100 * value, low=100 * low, high=100 * high
    )
