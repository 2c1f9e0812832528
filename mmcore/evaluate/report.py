"""The figures of a pack: by target, subset of inputs and subgroup, as JSON and as Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from mmcore.engine import Engine
from mmcore.evaluate import regression
from mmcore.evaluate.aggregate import multilabel_figures
from mmcore.evaluate.compare import SubgroupReport, subgroup_figures
from mmcore.evaluate.metrics import EVERY, HEADLINE, finding_figures
from mmcore.evaluate.outputs import Outputs
from mmcore.evaluate.regression import regression_figures
from mmcore.evaluate.resample import Figure
from mmcore.evaluate.segmentation import mean_figure
from mmcore.explain.shapley import coalition_presence

Named = Mapping[str, Figure]
RESERVED = ("subgroups", "average", "outlines", "counts")
"""Keys of the JSON beside the subsets of inputs."""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """Every figure of one run.

    subsets: by subset of inputs ("all", "image+note", ...), target and name. inputs: how many
    modalities each subset has. subgroups: by name such as "view" and finding. macro, micro: over
    the findings, by name. outlines: "dice" and "iou" by region.
    """

    subsets: Mapping[str, Mapping[str, Named]]
    inputs: Mapping[str, int]
    subgroups: Mapping[str, Mapping[str, SubgroupReport]]
    macro: Named
    micro: Named
    outlines: Mapping[str, Named]
    counts: Mapping[str, int]


def figures(engine: Engine, outputs: Outputs) -> Report:
    """Measure everything that the labels allow, with intervals over patients."""
    targets = engine.pack.config.targets
    subsets: dict[str, dict[str, Named]] = {}
    inputs: dict[str, int] = {}
    for key, coalition, count in _subsets(engine):
        inputs[key] = count
        names = EVERY if key == "all" else HEADLINE
        subsets[key] = {}
        for column, target in enumerate(targets):
            values, labels = outputs.values[:, coalition, column], outputs.labels[:, column]
            point = engine.pack.calibration[target.name].operating_point
            if np.isnan(labels).all():
                continue
            subsets[key][target.name] = (
                regression_figures(
                    labels, values, groups=outputs.patients, names=regression.EVERY
                )
                if point is None
                else finding_figures(
                    labels, expit(values), operating_point=point, groups=outputs.patients,
                    names=names,
                )
            )  # fmt: skip
    columns = [i for i, t in enumerate(targets) if t.kind == "finding" and t.name in subsets["all"]]
    average = multilabel_figures(
        outputs.labels[:, columns],
        expit(outputs.values[:, -1, columns]),
        operating_points={
            targets[i].name: engine.pack.calibration[targets[i].name].operating_point or 0.5
            for i in columns
        },
        groups=outputs.patients,
    )
    return Report(
        subsets=subsets,
        inputs=inputs,
        subgroups=_by_subgroup(engine, outputs, columns),
        macro=average.macro,
        micro=average.micro,
        outlines={
            region: {
                "dice": mean_figure(overlap.dice, groups=overlap.patients),
                "iou": mean_figure(overlap.iou, groups=overlap.patients),
            }
            for region, overlap in outputs.outlines.items()
        },
        counts={
            "cases": len(outputs.labels),
            "patients": len(set(outputs.patients.tolist())),
            "skipped": outputs.skipped,
            **{f"labelled {t.name}": int((~np.isnan(outputs.labels[:, i])).sum())
               for i, t in enumerate(targets)},
            **{f"outlined {name}": len(o.dice) for name, o in outputs.outlines.items()},
        },
    )  # fmt: skip


def _subsets(engine: Engine) -> Iterator[tuple[str, int, int]]:
    """Yield name, coalition and size of all inputs, each one left out, and each one alone.

    With three inputs these are all subsets; with five the others would fill a book.
    """
    modalities = engine.modalities
    presence = coalition_presence(len(modalities))
    total = len(modalities)
    for coalition in range(len(presence) - 1, 0, -1):
        chosen = [m.value for m, own in zip(modalities, presence[coalition], strict=True) if own]
        if len(chosen) in (1, total - 1, total):
            yield "all" if len(chosen) == total else "+".join(chosen), coalition, len(chosen)


def _by_subgroup(
    engine: Engine, outputs: Outputs, columns: Sequence[int]
) -> dict[str, dict[str, SubgroupReport]]:
    targets = engine.pack.config.targets
    result: dict[str, dict[str, SubgroupReport]] = {}
    for name, words in outputs.subgroups.items():
        kinds = sorted(set(words.tolist()) - {""})
        if len(kinds) < 2:
            continue
        result[name] = {}
        for column in columns:
            labels = outputs.labels[:, column]
            masks: dict[str, npt.NDArray[np.bool_]] = {
                kind: words == kind for kind in kinds if (~np.isnan(labels[words == kind])).any()
            }
            if len(masks) < 2:
                continue
            point = engine.pack.calibration[targets[column].name].operating_point
            result[name][targets[column].name] = subgroup_figures(
                labels, expit(outputs.values[:, -1, column]), masks,
                operating_point=point or 0.5, groups=outputs.patients,
            )  # fmt: skip
    return {name: reports for name, reports in result.items() if reports}


def as_json(report: Report) -> dict[str, object]:
    """Return plain values; a figure that is not defined is null."""
    subsets = {
        subset: {target: _plain(named) for target, named in targets.items()}
        for subset, targets in report.subsets.items()
    }
    subgroups = {
        name: {
            target: {
                **{
                    group.name: {
                        "n": group.n, "n_positive": group.n_positive, **_plain(group.figures)
                    }
                    for group in found.subgroups
                },
            }
            for target, found in reports.items()
        }
        for name, reports in report.subgroups.items()
    }  # fmt: skip
    return {
        **subsets,
        "average": {"macro": _plain(report.macro), "micro": _plain(report.micro)},
        "subgroups": subgroups,
        "outlines": {region: _plain(named) for region, named in report.outlines.items()},
        "counts": dict(report.counts),
    }


def _plain(named: Named) -> dict[str, dict[str, float | None]]:
    return {
        name: {k: (round(v, 5) if np.isfinite(v) else None) for k, v in asdict(figure).items()}
        for name, figure in named.items()
    }


def as_markdown(report: Report) -> str:
    """Return the tables of a card: every target, the subgroups, and what each input is worth."""
    lines: list[str] = []
    whole = report.subsets["all"]
    findings = {t: f for t, f in whole.items() if "auroc" in f}
    if findings:
        rows = [[t, *(_cell(f[n]) for n in HEADLINE)] for t, f in findings.items()]
        if len(findings) > 1:
            rows.append(["macro average", *(_cell(report.macro[n]) for n in HEADLINE)])
            rows.append(["micro average", *(_cell(report.micro[n]) for n in HEADLINE)])
        lines += [*_table(["Finding", *HEADLINE], rows), ""]
    values = {t: f for t, f in whole.items() if t not in findings}
    if values:
        names = list(next(iter(values.values())))
        rows = [[t, *(_cell(f[n]) for n in names)] for t, f in values.items()]
        lines += [*_table(["Value", *names], rows), ""]
    if report.outlines:
        rows = [[r, *(_cell(f[n]) for n in ("dice", "iou"))] for r, f in report.outlines.items()]
        lines += [*_table(["Outline", "dice", "iou"], rows), ""]
    for name, reports in report.subgroups.items():
        rows = [
            [target, group.name, str(group.n), str(group.n_positive),
             _cell(group.figures["auroc"]), _cell(group.figures["ece"])]
            for target, found in reports.items()
            for group in found.subgroups
        ]  # fmt: skip
        lines += [*_table(["Finding", name, "n", "positive", "auroc", "ece"], rows), ""]
    subsets = list(report.subsets)
    if findings and len(subsets) > 1:
        rows = [[t, *(_value(report.subsets[s][t]["auroc"]) for s in subsets)] for t in findings]
        lines += _table(["AUROC with", *subsets], rows)
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(figure: Figure) -> str:
    if not np.isfinite(figure.low) or not np.isfinite(figure.value):
        return _value(figure)
    return f"{_value(figure)} ({figure.low:.3f} to {figure.high:.3f})"


def _value(figure: Figure) -> str:
    return f"{figure.value:.3f}" if np.isfinite(figure.value) else "n/a"
