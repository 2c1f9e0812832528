"""How two ways to score the same cases agree: calls, verdicts, numbers, and AUROC with interval."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from tqdm import tqdm

from mmcore.datasets.labelled import LabelledCase
from mmcore.errors import NothingToScoreError
from mmcore.evaluate.compare import Difference, compare_statistics
from mmcore.evaluate.metrics import finding_statistic
from mmcore.evaluate.resample import FloatArray, Statistic
from mmcore.records import Case, Prediction

Score = Callable[[Case], Prediction]
SAME_CALLS = 0.99  # of findings that a compact pack and the whole one call alike, at least


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What one way to score said of N cases.

    logits: (N, F) calibrated, of findings. points: (F,) probabilities at which they are called
    present. values: (N, V) of regressions, in their units. verdicts: (N, K) of the gate. labels:
    (N, F) 1, 0 or NaN for unknown. patients: (N,) whose case each is.
    """

    findings: tuple[str, ...]
    logits: FloatArray
    points: FloatArray
    values: FloatArray
    verdicts: npt.NDArray[np.str_]
    labels: FloatArray
    patients: npt.NDArray[np.str_]

    @property
    def probabilities(self) -> FloatArray:
        """(N, F) of findings."""
        result: FloatArray = expit(self.logits)
        return result

    @property
    def calls(self) -> npt.NDArray[np.bool_]:
        """(N, F) whether each finding is called present."""
        called: npt.NDArray[np.bool_] = self.probabilities >= self.points
        return called

    def instead(self, other: "Scores", rows: npt.NDArray[np.bool_]) -> "Scores":
        """Return these scores with those of ``other`` for the cases ``rows`` (N,)."""
        chosen = rows[:, None]
        return replace(
            self,
            logits=np.where(chosen, other.logits, self.logits),
            values=np.where(chosen, other.values, self.values),
            verdicts=np.where(chosen, other.verdicts, self.verdicts),
        )


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a second way to score compares with a first.

    cases, calls: how many cases, and findings of them, were called. same: the part of the calls
    that is alike. verdicts: the part of the gate's verdicts that is. mean, largest: difference of
    probabilities. mean_logit, largest_logit: of log-odds. auroc: macro AUROC of both with the
    paired difference, NaN where a finding is never or always there or nothing is labelled.
    """

    cases: int
    calls: int
    same: float
    verdicts: float
    mean: float
    largest: float
    mean_logit: float
    largest_logit: float
    auroc: Difference


def score_all(
    scores: Sequence[Score], cases: Iterable[LabelledCase], *, total: int | None = None
) -> list[Scores]:
    """Return what each way to score says of the same cases, which are read once.

    A case that holds nothing for the model is passed over. Raises ``ValueError`` if none is left.
    """
    rows: list[list[Prediction]] = [[] for _ in scores]
    labels: list[Mapping[str, float]] = []
    patients: list[str] = []
    for one in tqdm(cases, total=total, desc="comparing", unit=" cases"):
        try:
            found = [score(one.case) for score in scores]
        except NothingToScoreError:
            continue
        for row, prediction in zip(rows, found, strict=True):
            row.append(prediction)
        labels.append(one.labels)
        patients.append(one.patient)
    if not patients:
        raise ValueError("there is no case to compare on")
    return [_gathered(row, labels, patients) for row in rows]


def _gathered(
    predictions: Sequence[Prediction], labels: Sequence[Mapping[str, float]], patients: list[str]
) -> Scores:
    kinds = [target.kind for target in predictions[0].targets]
    columns = [k for k, kind in enumerate(kinds) if kind == "finding"]
    logits = np.array([[t.logit for t in one.targets] for one in predictions])
    names = [t.name for t in predictions[0].targets]
    points = [t.operating_point for t in predictions[0].targets]
    return Scores(
        findings=tuple(names[k] for k in columns),
        logits=logits[:, columns],
        points=np.array([points[k] for k in columns], dtype=np.float64),
        values=logits[:, [k for k in range(len(kinds)) if k not in columns]],
        verdicts=np.array([[str(gate.verdict) for gate in one.gate] for one in predictions]),
        labels=np.array([[row.get(names[k], np.nan) for k in columns] for row in labels]),
        patients=np.array(patients),
    )


def agreement(first: Scores, second: Scores) -> Agreement:
    """Return how ``second`` agrees with ``first`` on the same cases."""
    logits = np.abs(second.logits - first.logits)
    gaps = np.abs(second.probabilities - first.probabilities)
    return Agreement(
        cases=len(logits),
        calls=logits.size,
        same=float((first.calls == second.calls).mean()),
        verdicts=float((first.verdicts == second.verdicts).mean()),
        mean=float(gaps.mean()),
        largest=float(gaps.max()),
        mean_logit=float(logits.mean()),
        largest_logit=float(logits.max()),
        auroc=compare_statistics(
            _macro_auroc(first), _macro_auroc(second),
            rows=len(logits), groups=first.patients,
        )["auroc"],
    )  # fmt: skip


def _macro_auroc(scores: Scores) -> Statistic:
    """Return the mean AUROC over findings as a function of (W, N) weights, for ``resample``."""
    single = [
        finding_statistic(
            scores.labels[:, k], scores.logits[:, k], operating_point=0.5, names=("auroc",)
        )
        for k in range(len(scores.findings))
    ]

    def statistic(weights: FloatArray) -> dict[str, FloatArray]:
        return {"auroc": np.mean([one(weights)["auroc"] for one in single], axis=0)}

    return statistic
