"""The pictures of a card: reliability, ROC, agreement and what missing inputs cost, as SVG."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.special import expit

from mmcore.engine import Engine
from mmcore.evaluate import plots
from mmcore.evaluate.curves import agreement, reliability, roc_curve
from mmcore.evaluate.outputs import Outputs
from mmcore.evaluate.report import Report

FOLDER = "figures"
LEAST = 10  # labelled rows of each class below which a curve says nothing


def write_figures(
    folder: Path, engine: Engine, outputs: Outputs, report: Report
) -> Mapping[str, str]:
    """Write the SVG files below ``folder`` / figures; return their relative paths by title."""
    (folder / FOLDER).mkdir(exist_ok=True)
    for old in (folder / FOLDER).glob("*.svg"):
        old.unlink()
    written: dict[str, str] = {}

    def write(name: str, title: str, svg: str) -> None:
        (folder / FOLDER / f"{name}.svg").write_text(svg, "utf-8")
        written[title] = f"{FOLDER}/{name}.svg"

    for column, target in enumerate(engine.pack.config.targets):
        labels, values = outputs.labels[:, column], outputs.values[:, -1, column]
        known = ~np.isnan(labels)
        if target.kind == "regression":
            if known.sum() >= LEAST:
                title = f"{target.display}: agreement"
                pairs = agreement(labels[known], values[known])
                write(f"{target.name}-agreement", title,
                      plots.agreement_svg(pairs, title=title, unit=target.unit))  # fmt: skip
            continue
        present = labels[known] > 0.5
        if min(present.sum(), (~present).sum()) < LEAST:
            continue
        scores = expit(values)
        title = f"{target.display}: reliability"
        error = report.subsets["all"][target.name]["ece"]
        bins = reliability(labels[known], scores[known])
        write(f"{target.name}-reliability", title,
              plots.reliability_svg(bins, title=title, error=error))  # fmt: skip
        title = f"{target.display}: ROC"
        curve = roc_curve(labels[known], scores[known], groups=outputs.patients[known])
        write(f"{target.name}-roc", title, plots.roc_svg(curve, title=title))
    names = [t for t, f in report.subsets["all"].items() if "auroc" in f]
    if len(report.subsets) > 1 and names:
        first = names[0]
        title = f"{engine.target_names[first]}: what missing inputs cost"
        curve_of = {s: report.subsets[s][first]["auroc"] for s in report.subsets}
        write("missing-inputs", title, plots.missing_inputs_svg(
            curve_of, report.inputs, title=title, label="AUROC"))  # fmt: skip
    return written
