"""Two packs on the same patients: differences with paired intervals, target by target."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import expit

from mmcore.datasets.labelled import LabelledCase
from mmcore.engine import Engine
from mmcore.errors import ConfigError
from mmcore.evaluate.compare import (
    Difference,
    compare_findings,
    compare_regressions,
    delong_test,
)
from mmcore.evaluate.outputs import Outputs, run

Cases = Callable[[], Iterator[LabelledCase]]


def versus_markdown(first: Engine, second: Engine, cases: Cases) -> str:
    """Return a table of every target that both packs have: ``second`` minus ``first``.

    AUROC by DeLong's test, the other figures by the paired bootstrap over patients. ``cases``
    yields the same cases each time it is called. Raises ``ConfigError`` if the packs share no
    target, or if one of them could score cases that the other could not.
    """
    outputs = run(first, cases()), run(second, cases())
    if outputs[0].patients.tolist() != outputs[1].patients.tolist():
        raise ConfigError(key="against", problem="the packs do not read the same cases")
    names = [[t.name for t in e.pack.config.targets] for e in (first, second)]
    shared = [name for name in names[0] if name in names[1]]
    if not shared:
        raise ConfigError(key="against", problem="the packs share no target")
    lines = [
        f"{second.identity.name} {second.identity.version} against {first.identity.name} "
        f"{first.identity.version}, on {len(outputs[0].labels)} cases.",
        "",
        "| Target | figure | first | second | difference (95 %) | p |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in shared:
        columns = names[0].index(name), names[1].index(name)
        for figure, difference in _differences(first, second, outputs, name, columns).items():
            lines.append(_row(name, figure, difference))
    return "\n".join(lines) + "\n"


def _differences(
    first: Engine,
    second: Engine,
    outputs: tuple[Outputs, Outputs],
    name: str,
    columns: tuple[int, int],
) -> dict[str, Difference]:
    labels, patients = outputs[0].labels[:, columns[0]], outputs[0].patients
    if np.isnan(labels).all():
        return {}
    values = [o.values[:, -1, column] for o, column in zip(outputs, columns, strict=True)]
    points = [e.pack.calibration[name].operating_point for e in (first, second)]
    if points[0] is None or points[1] is None:
        return compare_regressions(labels, values[0], values[1], groups=patients)
    scores = expit(values[0]), expit(values[1])
    figures = compare_findings(
        labels, *scores, operating_points=(points[0], points[1]), groups=patients
    )
    return {**figures, "auroc": delong_test(labels, *scores)}


def _row(name: str, figure: str, difference: Difference) -> str:
    def text(value: float) -> str:
        return f"{value:.3f}" if np.isfinite(value) else "n/a"

    interval = f"{difference.value:+.3f} ({text(difference.low)} to {text(difference.high)})"
    cells = (name, figure, text(difference.first), text(difference.second), interval,
             text(difference.p_value))  # fmt: skip
    return "| " + " | ".join(cells) + " |"
