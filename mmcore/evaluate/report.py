"""Evaluate a pack: every target, with all modalities and with every subset of them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from tqdm import tqdm

from mmcore.datasets.labelled import LabelledCase
from mmcore.engine import Engine
from mmcore.evaluate.metrics import Figure, finding_figures, regression_figures
from mmcore.explain.shapley import coalition_presence

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """What a pack said of N labelled patients.

    values: (N, 2^M, K) calibrated values of every coalition. labels: (N, K).
    """

    values: FloatArray
    labels: FloatArray


def run(engine: Engine, cases: Iterable[LabelledCase], *, total: int | None = None) -> Outputs:
    """Score every case with every subset of its modalities."""
    names = [t.truth for t in engine.pack.config.targets]
    values, labels = [], []
    for labelled in tqdm(cases, total=total, desc="evaluating", unit="case"):
        values.append(engine.coalition_values(labelled.case))
        labels.append([labelled.labels[name] for name in names])
    return Outputs(np.stack(values), np.array(labels))


def figures(engine: Engine, outputs: Outputs) -> dict[str, dict[str, dict[str, Figure]]]:
    """Return figure by subset of modalities, target and name; "all" is the full subset."""
    modalities = engine.modalities
    result: dict[str, dict[str, dict[str, Figure]]] = {}
    presence = coalition_presence(len(modalities))
    for coalition in range(len(presence) - 1, 0, -1):
        chosen = [m.value for m, own in zip(modalities, presence[coalition], strict=True) if own]
        key = "all" if len(chosen) == len(modalities) else "+".join(chosen)
        result[key] = {}
        for column, target in enumerate(engine.pack.config.targets):
            values, labels = outputs.values[:, coalition, column], outputs.labels[:, column]
            point = engine.pack.calibration[target.name].operating_point
            if target.kind == "finding" and point is not None:
                scores = expit(values)
                result[key][target.name] = finding_figures(labels, scores, operating_point=point)
            else:
                result[key][target.name] = regression_figures(labels, values)
    return result


def as_json(all_figures: Mapping[str, Mapping[str, Mapping[str, Figure]]]) -> dict[str, object]:
    """Return plain values; a figure that is not defined is null."""

    def plain(figure: Figure) -> dict[str, float | None]:
        return {k: (round(v, 5) if np.isfinite(v) else None) for k, v in asdict(figure).items()}

    return {
        subset: {t: {n: plain(f) for n, f in named.items()} for t, named in targets.items()}
        for subset, targets in all_figures.items()
    }


def as_markdown(all_figures: Mapping[str, Mapping[str, Mapping[str, Figure]]]) -> str:
    """Return one table of every figure with all modalities and one of AUROC by subset."""
    lines = []
    findings = {t: f for t, f in all_figures["all"].items() if "auroc" in f}
    names = list(next(iter(findings.values()))) if findings else []
    if findings:
        lines += [_row(["Finding", *names]), _row(["---"] * (len(names) + 1))]
        lines += [_row([t, *(_cell(f[n]) for n in names)]) for t, f in findings.items()]
        lines.append("")
    for target, named in all_figures["all"].items():
        if target not in findings:
            text = ", ".join(f"{name} {_cell(figure)}" for name, figure in named.items())
            lines += [f"{target}: {text}", ""]
    subsets = list(all_figures)
    if findings:
        lines += [_row(["AUROC with", *subsets]), _row(["---"] * (len(subsets) + 1))]
        lines += [
            _row([t, *(_value(all_figures[s][t]["auroc"]) for s in subsets)]) for t in findings
        ]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(figure: Figure) -> str:
    if not np.isfinite(figure.value):
        return "n/a"
    return f"{_value(figure)} ({figure.low:.3f} to {figure.high:.3f})"


def _value(figure: Figure) -> str:
    return f"{figure.value:.3f}" if np.isfinite(figure.value) else "n/a"
