"""What is measured of models that join the same modalities of the same patients in other ways.

Every figure comes with the bootstrap over patients of ``mmcore.evaluate.resample``. All models are
resampled with the same seed, so that a difference of two is a paired one. Nothing here is
calibrated: an AUROC and a correlation do not change when logits are stretched or moved.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from mmcore.errors import ConfigError
from mmcore.evaluate.aggregate import multiclass_figures
from mmcore.evaluate.compare import Difference, compare_statistics
from mmcore.evaluate.metrics import finding_statistic
from mmcore.evaluate.regression import regression_figures
from mmcore.evaluate.resample import Figure, FloatArray, Statistic, resample
from mmcore.explain.shapley import coalition_presence
from mmcore.model.config import TargetConfig

SEED = 0  # of every bootstrap here: the same patients are drawn for every model


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What one model said of N held-out patients, before any figure.

    modalities: its M inputs, in the order of the coalition bits. values: (N, 2^M, K) raw outputs of
    every coalition. truth: (N, K), NaN where unknown. noisy: (N, K) outputs with all inputs, by
    what was done to them.
    """

    targets: tuple[TargetConfig, ...]
    modalities: tuple[str, ...]
    values: FloatArray
    truth: FloatArray
    noisy: Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True)
class About:
    """Which model it is and what it takes.

    digest: of everything in its run file that decides what is trained. minutes: of training on
    ``threads`` threads. ms: median over single cases of encoding every input once and deciding for
    every subset of them, on one thread. ms_ratio: median of its time over the default's for the
    same case, measured in turns.
    """

    name: str
    display: str
    digest: str
    fusion: str
    parameters: int
    minutes: float
    threads: int
    ms: float
    ms_ratio: float


@dataclass(frozen=True, slots=True)
class Row:
    """One model's line in the comparison.

    inputs: its modalities. auroc: macro over the findings that all models have. difference: to the
        default, None where the default's own outputs are not at hand.
    missing: by number of missing inputs, the mean over the subsets that lack so many. subsets:
        value by the inputs that are left. noise: with all inputs, by what was done to them.
    tasks: figures of targets that not all models have, by a word for them.
    """

    about: About
    inputs: tuple[str, ...]
    auroc: Figure
    per_finding: dict[str, float]
    difference: Difference | None
    missing: tuple[Figure, ...]
    subsets: dict[str, float]
    noise: dict[str, Figure]
    tasks: dict[str, Figure]

    def to_mapping(self) -> dict[str, Any]:
        """Return values that JSON keeps; figures that are not defined stay NaN as null."""
        plain: dict[str, Any] = _rounded(asdict(self))
        return plain

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "Row":
        """Read what ``to_mapping`` wrote. Raises ``ConfigError`` if it is something else."""
        try:
            difference = values["difference"]
            return cls(
                about=About(**values["about"]),
                inputs=tuple(values["inputs"]),
                auroc=_figure(values["auroc"]),
                per_finding=dict(values["per_finding"]),
                difference=None if difference is None else Difference(**_nans(difference)),
                missing=tuple(_figure(x) for x in values["missing"]),
                subsets=dict(values["subsets"]),
                noise={k: _figure(x) for k, x in values["noise"].items()},
                tasks={k: _figure(x) for k, x in values["tasks"].items()},
            )
        except (KeyError, TypeError) as error:
            raise ConfigError(key="figures.json", problem=f"not a comparison: {error}") from error


def compared(measured: Measured, findings: tuple[str, ...]) -> list[int]:
    """Return the columns of the findings that all models have.

    Raises ``ConfigError`` if one is not there, or is not free to be asked of every input.
    """
    free = {t.name: k for k, t in enumerate(measured.targets) if not (t.inputs or t.group)}
    if absent := [name for name in findings if name not in free]:
        raise ConfigError(key="model.targets", problem=f"{absent[0]} is what all are compared by")
    return [free[name] for name in findings]


def scores(measured: Measured, findings: tuple[str, ...]) -> FloatArray:
    """Return (N, F) logits of the compared findings with all inputs."""
    return measured.values[:, -1][:, compared(measured, findings)]


def make_row(
    about: About, measured: Measured, *, findings: tuple[str, ...], default: FloatArray | None
) -> Row:
    """Return the line of one model.

    ``default``: the default's ``scores`` of the same patients, where they are at hand.
    """
    columns = compared(measured, findings)
    truth, own = measured.truth[:, columns], scores(measured, findings)
    drawn = resample(_curve(measured, columns), rows=len(truth), seed=SEED)
    difference = None
    if default is not None:
        pair = (_all_inputs(truth, default), _all_inputs(truth, own))
        difference = compare_statistics(*pair, rows=len(truth), seed=SEED)["macro"]
    return Row(
        about=about,
        inputs=measured.modalities,
        auroc=drawn["missing 0"].figure(),
        per_finding={name: drawn[f"finding {name}"].value for name in findings},
        difference=difference,
        missing=tuple(drawn[f"missing {n}"].figure() for n in range(len(measured.modalities))),
        subsets={words: drawn[f"with {words}"].value for words, _ in _subsets(measured.modalities)},
        noise={
            kind: _macro_figure(truth, said[:, columns]) for kind, said in measured.noisy.items()
        },
        tasks=_tasks(measured, columns),
    )


def _macro_figure(truth: FloatArray, said: FloatArray) -> Figure:
    return resample(_all_inputs(truth, said), rows=len(truth), seed=SEED)["macro"].figure()


def _subsets(modalities: tuple[str, ...]) -> list[tuple[str, int]]:
    """Return every subset but the empty one, in words, and the row of its coalition."""
    presence = coalition_presence(len(modalities))
    return [
        ("+".join(m for m, own in zip(modalities, present, strict=True) if own), row)
        for row, present in enumerate(presence)
        if present.any()
    ]


def _macro(truth: FloatArray, said: FloatArray, weights: FloatArray) -> FloatArray:
    """Return (W,) means over findings of the AUROC under (W, N) weights."""
    each = [
        finding_statistic(truth[:, k], said[:, k], operating_point=0.5, names=("auroc",))(weights)
        for k in range(truth.shape[1])
    ]
    mean: FloatArray = np.mean([values["auroc"] for values in each], axis=0)
    return mean


def _all_inputs(truth: FloatArray, said: FloatArray) -> Statistic:
    return lambda weights: {"macro": _macro(truth, said, weights)}


def _curve(measured: Measured, columns: list[int]) -> Statistic:
    """Return macro AUROC by subset and by number of missing inputs, and AUROC by finding."""
    truth, count = measured.truth[:, columns], len(measured.modalities)
    subsets = _subsets(measured.modalities)

    def statistic(weights: FloatArray) -> dict[str, FloatArray]:
        by_subset = {
            words: _macro(truth, measured.values[:, row][:, columns], weights)
            for words, row in subsets
        }
        result = {f"with {words}": value for words, value in by_subset.items()}
        for missing in range(count):
            left = [v for words, v in by_subset.items() if words.count("+") + 1 == count - missing]
            result[f"missing {missing}"] = np.mean(left, axis=0)
        for place, column in enumerate(columns):
            said = measured.values[:, -1, column][:, None]
            name = measured.targets[column].name
            result[f"finding {name}"] = _macro(truth[:, place : place + 1], said, weights)
        return result

    return statistic


def _tasks(measured: Measured, columns: list[int]) -> dict[str, Figure]:
    """Return figures of the targets beyond the compared ones, with all inputs."""
    said, truth = measured.values[:, -1], measured.truth
    others = {k: t for k, t in enumerate(measured.targets) if k not in columns}
    result: dict[str, Figure] = {}
    for k, target in others.items():
        if target.kind == "regression":
            figures = regression_figures(truth[:, k], said[:, k], names=("correlation",), seed=SEED)
            result[f"{target.name}: correlation"] = figures["correlation"]
    for group in dict.fromkeys(t.group for t in others.values() if t.group):
        members = [k for k, t in others.items() if t.group == group]
        result |= _classes(group, said[:, members], truth[:, members])
    for inputs in dict.fromkeys(t.inputs for t in others.values() if t.inputs and not t.group):
        members = [k for k, t in others.items() if t.inputs == inputs and t.kind == "finding"]
        figure = _macro_figure(truth[:, members], said[:, members])
        result[f"{'+'.join(inputs)} task: macro AUROC"] = figure
    return result


def _classes(group: str, log_odds: FloatArray, truth: FloatArray) -> dict[str, Figure]:
    """Return accuracy and macro AUROC of one group of (N, C) log-odds of each against the rest."""
    # log p = -log(1 + exp(-log-odds)); they sum to 1 up to rounding.
    probabilities: npt.NDArray[np.float64] = softmax(-np.logaddexp(0.0, -log_odds), axis=1)
    figures = multiclass_figures(
        truth.argmax(1).astype(np.float64), probabilities,
        classes=[str(k) for k in range(truth.shape[1])], seed=SEED,
    ).figures  # fmt: skip
    return {
        f"{group} class: accuracy": figures["accuracy"],
        f"{group} class: macro AUROC": figures["macro_auroc"],
    }


def _rounded(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {key: _rounded(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [_rounded(value) for value in values]
    if isinstance(values, float):
        return round(values, 5) if np.isfinite(values) else None
    return values


def _nans(values: Mapping[str, float | None]) -> dict[str, float]:
    return {key: float("nan") if value is None else value for key, value in values.items()}


def _figure(values: Mapping[str, float | None]) -> Figure:
    return Figure(**_nans(values))
