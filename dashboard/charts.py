"""The charts, as plotly figures built from records. The only module that knows plotly."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

from dashboard import formatting, messages, theme
from dashboard.language import t
from mmcore import wording
from mmcore.records import Explanation, Modality, TargetPrediction

# What matters most comes first: of two labels without room for both the first one stays.
_PROBABILITY_TICKS = (0.5, 0.01, 0.99, 0.2, 0.8, 0.001, 0.999, 0.05, 0.95)
_TICK_ROOM = 0.1  # of half the axis
CONFIG = {"displayModeBar": False, "responsive": True}


def _font(size: int = 13) -> dict[str, Any]:
    family = '"Source Sans", system-ui, sans-serif'
    return {"family": family, "size": size, "color": theme.colors().text}


def ledger_extent(explanations: Sequence[Explanation]) -> float:
    """Return the half-width of an axis on which all these ledgers fit, in logits."""
    reach = [3.0]
    for explanation in explanations:
        level = explanation.base
        reach += [abs(level), abs(explanation.logit)]
        for c in explanation.contributions:
            reach += [abs(level + edge) for edge in (c.signed, *c.band)]
            level += c.signed
    return max(reach) * 1.18


def waterfall(
    explanation: Explanation,
    target: TargetPrediction,
    *,
    extent: float | None,
    missing: Collection[Modality] = (),
) -> go.Figure:
    """Return the ledger as steps from the base through each modality to the result.

    extent: half-width of the axis in logits, or ``None`` to fit this ledger alone. A finding has a
    second axis on top in probability; a regression has one axis, in its unit. An input that is
    ``missing`` is named as such: it is no contribution of zero.
    """
    look = theme.colors()
    is_finding = target.kind == "finding"
    absent = {t(modality.display) for modality in missing}
    names, starts, values, texts, colors, patterns = [], [], [], [], [], []
    up: list[float] = []
    down: list[float] = []
    level = explanation.base
    steps: list[tuple[str, float, float, tuple[float, float] | None]] = [
        (t("Starting point"), 0.0, level, None)
    ]
    for c in explanation.contributions:
        steps.append((t(c.modality.display), level, c.signed, c.band))
        level += c.signed
    steps.append((t("This patient"), 0.0, explanation.logit, None))
    for name, start, value, band in steps:
        names.append(name)
        starts.append(start)
        values.append(value)
        if band is None:
            colors.append(look.muted)
            patterns.append("")
            texts.append(_level_text(value, is_finding=is_finding))
        else:
            colors.append(look.in_favour if value > 0 else look.against)
            patterns.append("" if value > 0 else "/")
            texts.append(t(messages.NOT_GIVEN) if name in absent else wording.signed_text(value))
        up.append(0.0 if band is None else max(band[1] - value, 0.0))
        down.append(0.0 if band is None else max(value - band[0], 0.0))
    figure = go.Figure()
    for is_step in (True, False):
        rows = [i for i, step in enumerate(steps) if (step[3] is not None) == is_step]
        figure.add_bar(
            orientation="h", width=0.6, y=[names[i] for i in rows], x=[values[i] for i in rows],
            base=[starts[i] for i in rows], customdata=[texts[i] for i in rows],
            marker={"color": [colors[i] for i in rows], "line": {"width": 0},
                    "pattern": {"shape": [patterns[i] for i in rows], "solidity": 0.35,
                                "fgcolor": look.background}},
            error_x={"type": "data", "symmetric": False, "color": look.text, "thickness": 1.2,
                     "width": 4, "array": [up[i] for i in rows],
                     "arrayminus": [down[i] for i in rows]} if is_step else None,
            hovertemplate="%{y}: %{customdata}<extra></extra>",
        )  # fmt: skip
    span = extent or ledger_extent([explanation])
    _label(figure, names, steps, texts, up, down, span)
    _frame(figure, names, span, is_finding=is_finding, unit=target.unit)
    return figure


def _label(
    figure: go.Figure,
    names: list[str],
    steps: list[tuple[str, float, float, tuple[float, float] | None]],
    texts: list[str],
    up: list[float],
    down: list[float],
    span: float,
) -> None:
    """Write each value beside its bar, on the side away from the error bar and inside the chart."""
    for name, (_, start, value, _band), text, more, less in zip(
        names, steps, texts, up, down, strict=True
    ):
        right = max(start, start + value, start + value + more)
        left = min(start, start + value, start + value - less)
        fits_right = right + 0.3 * span < span
        figure.add_annotation(
            x=right if fits_right else left, y=name, text=text, showarrow=False,
            xanchor="left" if fits_right else "right", xshift=7 if fits_right else -7,
            font=_font(),
        )  # fmt: skip


def _frame(
    figure: go.Figure, names: list[str], span: float, *, is_finding: bool, unit: str
) -> None:
    look = theme.colors()
    axis: dict[str, Any] = {
        "range": [-span, span], "zeroline": True, "zerolinecolor": look.border_strong,
        "gridcolor": look.border, "fixedrange": True, "tickfont": {"color": look.muted},
        "title": {"text": t("log-odds") if is_finding else formatting.unit(unit) or t("value"),
                  "font": {"color": look.muted, "size": 12}, "standoff": 4},
    }  # fmt: skip
    figure.update_layout(
        xaxis=axis, showlegend=False, bargap=0.3, font=_font(), height=_height(len(names)),
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 4, "r": 8, "t": 30 if is_finding else 8, "b": 34},
        barmode="overlay",
        yaxis={"autorange": "reversed", "categoryorder": "array", "categoryarray": names,
               "fixedrange": True, "automargin": True,
               "ticksuffix": "  "},
        hoverlabel={"bgcolor": look.raised, "font": _font()},
    )  # fmt: skip
    if is_finding:
        ticks = probability_ticks(span)
        figure.add_scatter(x=[None], y=[None], xaxis="x2", hoverinfo="skip")
        figure.update_layout(
            xaxis2={
                "overlaying": "x", "side": "top", "range": [-span, span], "fixedrange": True,
                "tickvals": [formatting.logit_of(p) for p in ticks], "showgrid": False,
                "ticktext": [f"{p * 100:g}%" for p in ticks], "zeroline": False,
                "tickfont": {"color": look.muted}, "tickangle": 0,
            }
        )  # fmt: skip


def probability_ticks(span: float) -> list[float]:
    """Return the probabilities named along an axis of log-odds from -span to span, with room."""
    ticks: list[float] = []
    for p in _PROBABILITY_TICKS:
        at = formatting.logit_of(p)
        distances = (abs(at - formatting.logit_of(other)) for other in ticks)
        if abs(at) < span and all(d >= _TICK_ROOM * span for d in distances):
            ticks.append(p)
    return sorted(ticks)


def _height(rows: int) -> int:
    """Return the height of a ledger in pixels: roomy while it has few steps, legible with many."""
    return max(240, 64 + 26 * rows)


DotKind = Literal["own", "other", "control"]


@dataclass(frozen=True, slots=True)
class Dot:
    """One figure with its interval; ``kind`` decides the marker, by shape and by colour."""

    label: str
    value: float
    low: float
    high: float
    kind: DotKind


def dots(rows: Sequence[Dot]) -> go.Figure:
    """Return figures as dots with intervals, one line each, in the order given."""
    look = theme.colors()
    markers: Mapping[DotKind, tuple[str, str]] = {
        "own": ("circle", look.accent),
        "other": ("diamond", look.in_favour),
        "control": ("square-open", look.muted),
    }
    figure = go.Figure()
    for kind, (symbol, color) in markers.items():
        some = [row for row in rows if row.kind == kind]
        if some:
            figure.add_scatter(
                x=[r.value for r in some], y=[r.label for r in some], mode="markers",
                marker={"symbol": symbol, "color": color, "size": 10, "line": {"width": 2}},
                error_x={"type": "data", "symmetric": False, "color": color, "thickness": 1.5,
                         "array": [r.high - r.value for r in some],
                         "arrayminus": [r.value - r.low for r in some]},
                customdata=[
                    t("{low} to {high}", low=f"{r.low:.3g}", high=f"{r.high:.3g}") for r in some
                ],
                hovertemplate="%{y}: %{x:.3g} (%{customdata})<extra></extra>",
            )  # fmt: skip
    ends = [end for row in rows for end in (row.low, row.high)]
    low, high = min(0.0, *ends), max(1.0, *ends)
    margin = 0.04 * (high - low)
    figure.update_layout(
        xaxis={"range": [low - margin, high + margin], "gridcolor": look.border,
               "zerolinecolor": look.border_strong, "fixedrange": True,
               "tickfont": {"color": look.muted}},
        yaxis={"autorange": "reversed", "categoryorder": "array", "automargin": True,
               "categoryarray": [r.label for r in rows], "fixedrange": True, "ticksuffix": "  "},
        showlegend=False, font=_font(), height=58 + 30 * len(rows),
        margin={"l": 4, "r": 8, "t": 6, "b": 30},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        hoverlabel={"bgcolor": look.raised, "font": _font()},
    )  # fmt: skip
    return figure


def _level_text(level: float, *, is_finding: bool) -> str:
    if not is_finding:
        return formatting.number(level)
    probability = wording.probability_text(formatting.probability_of(level))
    return f"{wording.signed_text(level)} · {probability}"
