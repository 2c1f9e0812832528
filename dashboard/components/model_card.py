"""Model facts as the pack states them: use, data, figures with intervals, limits."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.language import say, t, word
from dashboard.markup import Markup, element, join, show, table
from dashboard.services import PackFacts
from mmcore import wording
from mmcore.language import capitalised, filled, joined, lowered
from mmcore.records import Modality

_ACRONYMS = ("auroc", "auprc", "f1", "ece", "mae", "rmse")
_IN_THE_HEAD = ("name", "version", "display")
_OF_TARGETS = {"labelled": say("Labelled {name}"), "outlined": say("Outlined {name}")}
WORDS = (
    say("Intended use"), say("Not for"), say("Training data"), say("Figures"), say("Limits"),
    say("Licence"), say("Training"), say("Training patients"), say("Training examinations"),
    say("Validation patients"), say("Validation examinations"), say("Seed"), say("Epochs"),
    say("Parts"), say("Started from"), say("Hours"), say("Machine"), say("Torch"),
    say("Figures measured on"), say("AUROC"), say("AUPRC"), say("F1"), say("ECE"), say("MAE"),
    say("RMSE"), say("Accuracy"), say("Balanced accuracy"), say("Precision"), say("Sensitivity"),
    say("Specificity"), say("Sensitivity at specificity 90"), say("Sensitivity at specificity 95"),
    say("Specificity at sensitivity 90"), say("Specificity at sensitivity 95"), say("Brier"),
    say("Log loss"), say("Ece adaptive"), say("Calibration slope"), say("Calibration intercept"),
    say("Bias"), say("Correlation"), say("Spearman"), say("R2"), say("Average"), say("Macro"),
    say("Micro"), say("Subgroups"), say("Sex"), say("Age"), say("Under 40"),
    say("40 to 59"), say("60 and over"), say("View"),
    say("N positive"), say("Outlines"), say("Lungs"), say("Dice"), say("Iou"), say("Counts"),
    say("Cases"), say("Patients"), say("Skipped"), say("lungs"),
    say("Gate"), say("How"), say("Films"), say("Stopped"), say("Named"), say("Good"),
    say("Inverted"), say("Turned"), say("Upside down"), say("Mirrored"), say("Cropped"),
    say("Small"), say("Overexposed"), say("Underexposed"), say("Noisy"), say("Blurred"),
    say("Screenshot"), say("No chest"), say("Any fault"),
)  # fmt: skip
"""The headings and names that cards are known to use; others stay as the pack writes them."""
_MOST_COLUMNS = 10
"""What fits a window of 1280 pixels, each as wide as an interval."""
_FIRST = ("intended_use", "not_for", "training_data", "figures", "limits", "licence")


def show_card(
    pack: PackFacts, markdown: str, facts: Mapping[str, Any], names: Mapping[str, str]
) -> None:
    """Draw the facts of the card as panels and tables, and the card's prose folded below.

    ``names``: what a reader is shown for each target. The pack's own words are looked up in the
    message files like ours; they hold nothing of a patient.
    """
    facts_of_pack = t("Pack {name}, version {version}", name=pack.name, version=pack.version)
    show(
        element(
            "div",
            element("h2", t(pack.display)),
            element("p", facts_of_pack, cls="co-muted"),
            cls="co-case",
            data_testid="model-head",
        )
    )
    keys = [k for k in _FIRST if k in facts] + [k for k in facts if k not in _FIRST]
    for key in keys:
        if key in _IN_THE_HEAD:
            continue
        tone = "co-panel not-for" if key == "not_for" else "co-panel"
        show(
            element(
                "section", element("h3", _title(key)), _block(facts[key], _title(key), names),
                cls=tone, data_testid=f"fact-{key}",
            )
        )  # fmt: skip
    with st.expander(t("The model card as text")), st.container(key="co-prose"):
        st.markdown(markdown)


def _block(value: Any, title: str, names: Mapping[str, str]) -> Markup:
    """Return any plain YAML value as readable markup: tables where it is tabular, lists else."""
    if isinstance(value, Mapping):
        if all(_is_row(v) for v in value.values()):
            tables = (
                [{title: t(names.get(str(k), _title(str(k)))), **v} for k, v in alike.items()]
                for alike in _alike(value)
            )
            return join(*(_rows(rows, title) for rows in tables))
        if any(isinstance(v, Mapping) or _is_rows(v) for v in value.values()):
            return join(
                *(
                    element(
                        "details",
                        element("summary", _title(str(k))),
                        _block(v, _title(str(k)), names),
                        open="" if n == 0 else None,
                    )
                    for n, (k, v) in enumerate(value.items())
                )
            )
        pairs = [(_title(str(k)), _text(v)) for k, v in value.items()]
        return table((t("Fact"), t("Value")), pairs, caption=title)
    if _is_rows(value):
        return _rows(value, title)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return element("ul", *(element("li", _text(item)) for item in value))
    return element("p", _text(value))


def _rows(rows: Sequence[Mapping[str, Any]], title: str) -> Markup:
    """Return rows as a table that fits the page: turned round where it has many columns."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    headers = [_title(str(column)) for column in columns]
    cells = [[_cell(row[c]) if c in row else "—" for c in columns] for row in rows]
    if len(columns) > max(_MOST_COLUMNS, len(rows) + 1):
        (headers, *cells) = map(list, zip(headers, *cells, strict=True))
    drawn = table(tuple(headers), [tuple(row) for row in cells], caption=title)
    if len(headers) <= _MOST_COLUMNS:
        return drawn
    return element("div", drawn, cls="co-scrolled", tabindex="0", role="region", aria_label=title)


def _cell(value: Any) -> str:
    """Return a value for a cell, an interval below its figure."""
    if not _is_figure(value) or None in value.values():
        return _text(value)
    low, high = (_number(value[end]) for end in ("low", "high"))
    interval = t("{low} to {high}", low=low, high=high)
    return join(_number(value["value"]), " ", element("small", interval))


def _number(value: float) -> str:
    return f"{value:.3f}".replace("-", wording.MINUS)


def _alike(rows: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Mapping[str, Any]]]:
    """Part rows that share no column: findings and values are not measured by the same figures."""
    groups: list[dict[str, Mapping[str, Any]]] = []
    for name, row in rows.items():
        fitting = [g for g in groups if any(set(row) & set(other) for other in g.values())]
        if fitting:
            fitting[0][name] = row
        else:
            groups.append({name: row})
    return groups


def _is_figure(value: Any) -> bool:
    """Whether this is one figure with its interval."""
    return isinstance(value, Mapping) and {"value", "low", "high"} == set(value)


def _is_row(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and not _is_figure(value)
        and all(_is_figure(v) or not isinstance(v, Mapping) for v in value.values())
    )


def _is_rows(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(_is_row(item) for item in value)
    )


def _title(key: str) -> str:
    if key in _ACRONYMS:
        return t(key.upper())
    known = {"all": say("all inputs"), **{m.value: lowered(m.display) for m in Modality}}
    inputs = key.split("+")
    if all(name in known for name in inputs):
        return t(capitalised(joined((known[name] for name in inputs), " and ")))
    first, _, rest = key.partition(" ")
    if rest and first in _OF_TARGETS:
        return t(filled(_OF_TARGETS[first], name=word(rest.replace("_", " "))))
    return t(capitalised(key.replace("_", " ")))


def _figure(value: float | None, low: float | None, high: float | None) -> str:
    """Return a figure with its interval, as far as there were patients enough to know it."""
    if value is None:
        return t("not known")
    if low is None or high is None:
        return _number(value)
    text = t("{value:.3f} ({low:.3f} to {high:.3f})", value=value, low=low, high=high)
    return text.replace("-", wording.MINUS)


def _text(value: Any) -> str:
    """Return a value as text; a figure or a pair of numbers shows its interval."""
    if _is_figure(value):
        return _figure(**value)
    if isinstance(value, Mapping):
        return t("; ").join(f"{_title(str(k)).lower()} {_text(v)}" for k, v in value.items())
    if isinstance(value, bool):
        return t("yes") if value else t("no")
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) == 2 and all(isinstance(v, int | float) for v in value):
            return t("{low} to {high}", low=_text(value[0]), high=_text(value[1]))
        return t(", ").join(_text(v) for v in value)
    return t(str(value))
