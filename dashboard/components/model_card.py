"""Model facts as the pack states them: use, data, figures with intervals, limits."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import messages
from dashboard.markup import Markup, element, join, show, table
from dashboard.services import PackFacts

_FIRST = ("intended_use", "not_for", "training_data", "figures", "limits", "licence")


def show_card(pack: PackFacts, markdown: str, facts: Mapping[str, Any]) -> None:
    """Draw the facts on the left as tables and the card's prose on the right."""
    show(
        element(
            "div",
            element("h2", pack.display),
            element("p", f"Pack {pack.name}, version {pack.version}", cls="co-muted"),
            cls="co-case",
            data_testid="model-head",
        )
    )
    if pack.is_simulated:
        show(
            element(
                "div",
                messages.SIMULATED.format(pack=pack.display),
                cls="co-note caution",
                role="note",
            )
        )
    tables, prose = st.columns([7, 5], gap="large")
    keys = [k for k in _FIRST if k in facts] + [k for k in facts if k not in _FIRST]
    with tables:
        for key in keys:
            tone = "co-panel not-for" if key == "not_for" else "co-panel"
            show(
                element(
                    "section", element("h3", _title(key)), _block(facts[key], _title(key)),
                    cls=tone, data_testid=f"fact-{key}",
                )
            )  # fmt: skip
    with prose, st.container(key="co-prose"):
        st.markdown(markdown)


def _block(value: Any, title: str) -> Markup:
    """Return any plain YAML value as readable markup: tables where it is tabular, lists else."""
    if isinstance(value, Mapping):
        if value and all(isinstance(v, Mapping) for v in value.values()):
            rows = [{"": _title(str(name)), **entry} for name, entry in value.items()]
            return _rows(rows, title)
        if any(isinstance(v, Mapping) or _is_rows(v) for v in value.values()):
            return join(
                *(
                    element("div", element("h4", _title(str(k))), _block(v, _title(str(k))))
                    for k, v in value.items()
                )
            )
        pairs: list[tuple[str, ...]] = [(_title(str(k)), _text(v)) for k, v in value.items()]
        return table(("Fact", "Value"), pairs, caption=title)
    if _is_rows(value):
        return _rows(value, title)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return element("ul", *(element("li", _text(item)) for item in value))
    return element("p", _text(value))


def _rows(rows: Sequence[Mapping[str, Any]], title: str) -> Markup:
    if any(isinstance(v, Mapping) or _is_rows(v) for row in rows for v in row.values()):
        return join(
            *(
                element(
                    "div",
                    element("h4", _text(next(iter(row.values()), ""))),
                    _block(dict(list(row.items())[1:]), title),
                )
                for row in rows
            )
        )
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells: list[tuple[str, ...]] = [tuple(_text(row.get(c, "—")) for c in columns) for row in rows]
    return table(tuple(_title(str(c)) for c in columns), cells, caption=title)


def _is_rows(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(isinstance(item, Mapping) for item in value)
    )


def _title(key: str) -> str:
    words = key.replace("_", " ")
    return words[:1].upper() + words[1:]


def _text(value: Any) -> str:
    """Return a value as text; a pair of numbers is an interval."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) == 2 and all(isinstance(v, int | float) for v in value):
            return f"{_text(value[0])} to {_text(value[1])}"
        return ", ".join(_text(v) for v in value)
    return str(value)
