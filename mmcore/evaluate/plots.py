"""The charts of a model card, as SVG text: ``figures/*.svg`` beside ``card.md``."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from mmcore.evaluate.curves import Agreement, Curve, ReliabilityBin
from mmcore.evaluate.resample import Figure, FloatArray
from mmcore.evaluate.svg import Axis, Chart

SHARE_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
BAR_SHARE = 0.14  # of the height, for the tallest bar of the histogram under a reliability diagram
ROW_HEIGHT = 26


def reliability_svg(
    bins: Sequence[ReliabilityBin], *, title: str, error: Figure | None = None
) -> str:
    """Return the reliability diagram: what was so over what was said, and how often it was said."""
    total = sum(b.count for b in bins)
    chart = Chart(
        title,
        "Share of patients who have the finding over the mean predicted probability, in "
        f"{len(bins)} bins of {total} patients, with 95 % Wilson intervals. On the dashed diagonal "
        "the probability is right. Bars show how many patients are in each bin. "
        + " ".join(f"Said {b.mean_score:.2f}, was {b.observed.value:.2f}." for b in bins),
        x=Axis("Predicted probability", 0.0, 1.0, SHARE_TICKS),
        y=Axis("Share with the finding", 0.0, 1.0, SHARE_TICKS),
    )
    most = max((b.count for b in bins), default=1)
    for b in bins:
        chart.bar(b.low, b.high, BAR_SHARE * b.count / most)
    chart.line([0.0, 1.0], [0.0, 1.0], guide=True)
    chart.line([b.mean_score for b in bins], [b.observed.value for b in bins])
    for b in bins:
        chart.whisker(b.mean_score, b.observed.low, b.observed.high)
        hint = f"said {b.mean_score:.2f}, was {_words(b.observed)}, {b.count} patients"
        chart.dot(b.mean_score, b.observed.value, hint=hint)
    said = f"{total} patients" + (f", calibration error {_words(error)}" if error else "")
    return chart.render(subtitle=said)


def roc_svg(curve: Curve, *, title: str) -> str:
    """Return the ROC curve with its band."""
    area = _words(curve.area)
    chart = Chart(
        title,
        f"Sensitivity over 1 minus specificity. Area under the curve {area}. The band is the 95 % "
        "bootstrap interval over patients; on the dashed diagonal a model knows nothing.",
        x=Axis("1 - specificity", 0.0, 1.0, SHARE_TICKS),
        y=Axis("Sensitivity", 0.0, 1.0, SHARE_TICKS),
    )
    chart.line([0.0, 1.0], [0.0, 1.0], guide=True)
    chart.band(curve.x.tolist(), curve.low.tolist(), curve.high.tolist())
    chart.line(curve.x.tolist(), curve.y.tolist())
    return chart.render(subtitle=f"Area under the curve {area}")


def precision_recall_svg(curve: Curve, *, title: str) -> str:
    """Return the precision-recall curve with its band."""
    area = _words(curve.area)
    chart = Chart(
        title,
        f"Precision over recall. Average precision {area}. The band is the 95 % bootstrap interval "
        f"over patients; the dashed line is the prevalence, {curve.chance:.2f}, which a model that "
        "knows nothing reaches.",
        x=Axis("Recall (sensitivity)", 0.0, 1.0, SHARE_TICKS),
        y=Axis("Precision", 0.0, 1.0, SHARE_TICKS),
    )
    chart.line([0.0, 1.0], [curve.chance, curve.chance], guide=True)
    chart.band(curve.x.tolist(), curve.low.tolist(), curve.high.tolist())
    chart.line(curve.x.tolist(), curve.y.tolist())
    return chart.render(subtitle=f"Average precision {area}; prevalence {curve.chance:.2f}")


def missing_inputs_svg(
    figures: Mapping[str, Figure], inputs: Mapping[str, int], *, title: str, label: str
) -> str:
    """Return how a figure falls as inputs are missing: one point per subset of inputs.

    figures: by subset. inputs: how many inputs each subset has. The line joins the means.
    """
    counts = sorted(set(inputs.values()))
    by_count = {n: [s for s in figures if inputs[s] == n] for n in counts}
    means = [float(np.mean([figures[s].value for s in by_count[n]])) for n in counts]
    chart = Chart(
        title,
        f"{label} with 95 % interval for every subset of inputs, by how many inputs it has. The "
        "line joins the means. " + " ".join(f"{s}: {_words(figures[s])}." for s in figures),
        x=Axis("Inputs given", counts[0] - 0.5, counts[-1] + 0.5,
               tuple(map(float, counts)), tuple(map(str, counts))),
        y=Axis(label, *_span(figures.values(), top=1.0)),
    )  # fmt: skip
    chart.line([float(n) for n in counts], means)
    for n, subsets in by_count.items():
        spread = min(0.5, 0.08 * (len(subsets) - 1))
        for k, subset in enumerate(subsets):
            x = n + (spread * (k / (len(subsets) - 1) - 0.5) if len(subsets) > 1 else 0.0)
            figure = figures[subset]
            chart.whisker(x, figure.low, figure.high)
            chart.dot(x, figure.value, hint=f"{subset}: {_words(figure)}")
    return chart.render(subtitle="Every subset of inputs; the line joins the means")


def figure_rows_svg(
    figures: Mapping[str, Figure], *, title: str, label: str, subtitle: str = ""
) -> str:
    """Return one row per name (subgroup, subset of inputs, model) with point and interval."""
    names = list(figures)
    rows = [float(len(names) - k) for k in range(len(names))]
    chart = Chart(
        title,
        f"{label} with 95 % interval. " + " ".join(f"{n}: {_words(figures[n])}." for n in names),
        x=Axis(label, *_span(figures.values(), top=1.0)),
        y=Axis("", 0.4, len(names) + 0.6, tuple(rows), tuple(names)),
        height=120 + ROW_HEIGHT * max(3, len(names)),
    )
    for row, name in zip(rows, names, strict=True):
        figure = figures[name]
        chart.whisker(row, figure.low, figure.high, across=True)
        chart.dot(figure.value, row, hint=f"{name}: {_words(figure)}")
    return chart.render(subtitle=subtitle)


def agreement_svg(agreement: Agreement, *, title: str, unit: str = "") -> str:
    """Return the Bland-Altman plot: error over size, with bias and limits of agreement."""
    named = f" ({unit})" if unit else ""
    limits = f"{agreement.bias:.2f} ({agreement.lower:.2f} to {agreement.upper:.2f})"
    low, high = _ends(agreement.means)
    finite = [v for v in (agreement.lower, agreement.upper) if math.isfinite(v)]
    y = _ends(np.concatenate([agreement.differences, finite, [0.0]]))
    chart = Chart(
        title,
        f"Predicted minus true value over their mean, for {len(agreement.means)} patients. Bias "
        f"and limits of agreement: {limits}{named}.",
        x=Axis(f"Mean of predicted and true{named}", low, high),
        y=Axis(f"Predicted minus true{named}", *y),
    )
    for mean, difference in zip(agreement.means, agreement.differences, strict=True):
        chart.dot(float(mean), float(difference), faint=True)
    chart.line([low, high], [agreement.bias] * 2)
    for limit in (agreement.lower, agreement.upper):
        chart.line([low, high], [limit] * 2, guide=True)
    return chart.render(subtitle=f"Bias and limits of agreement {limits}{named}")


def scatter_svg(
    labels: FloatArray, values: FloatArray, *, title: str, unit: str = "", subtitle: str = ""
) -> str:
    """Return predicted over true values; on the dashed diagonal the prediction is right."""
    known = ~np.isnan(labels)
    truth, given = labels[known], values[known]
    named = f" ({unit})" if unit else ""
    low, high = _ends(np.concatenate([truth, given]))
    chart = Chart(
        title,
        f"Predicted over true value of {len(truth)} patients{named}; the diagonal is agreement.",
        x=Axis(f"True{named}", low, high),
        y=Axis(f"Predicted{named}", low, high),
    )
    chart.line([low, high], [low, high], guide=True)
    for x, y in zip(truth, given, strict=True):
        chart.dot(float(x), float(y), faint=True)
    return chart.render(subtitle=subtitle)


def _words(figure: Figure) -> str:
    if not math.isfinite(figure.value):
        return "not defined"
    interval = f" ({figure.low:.3f} to {figure.high:.3f})" if math.isfinite(figure.low) else ""
    return f"{figure.value:.3f}{interval}"


def _span(figures: Iterable[Figure], *, top: float) -> tuple[float, float]:
    """Return axis ends at tenths that hold every interval, up to ``top`` where that is reached."""
    ends = [v for f in figures for v in (f.value, f.low, f.high) if math.isfinite(v)] or [0.0, 1.0]
    low, high = math.floor(min(ends) * 10 - 0.2) / 10, math.ceil(max(ends) * 10 + 0.2) / 10
    return low, min(high, top) if max(ends) <= top else high


def _ends(values: FloatArray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room
