"""Operating points: at and above which probability a finding is called present, and what it does.

Several are named, because the right one depends on what a missed finding costs. The rules see
validation patients only, and what they achieve there flatters them a little.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from mmcore.evaluate.curves import wilson
from mmcore.evaluate.metrics import rank
from mmcore.evaluate.resample import Groups, patient_weights, ratio
from mmcore.model.calibration import Estimate, OperatingPoint

FloatArray = npt.NDArray[np.float64]
Cuts = npt.NDArray[np.int64]
NEAREST = 1e-6  # a threshold keeps this distance from 0 and 1

Rule = Callable[[FloatArray, FloatArray], Cuts]
"""From (W, T + 1) sensitivities and specificities, at rising numbers of calls, to (W,) cuts."""


def _youden(sensitivity: FloatArray, specificity: FloatArray) -> Cuts:
    gain = (sensitivity + specificity)[:, 1:]  # calling nobody is no operating point
    cuts: Cuts = 1 + gain.argmax(1)
    return cuts


def _sensitive(level: float) -> Rule:
    def rule(sensitivity: FloatArray, _specificity: FloatArray) -> Cuts:
        cuts: Cuts = (sensitivity >= level - 1e-12).argmax(1)
        return cuts

    return rule


def _specific(level: float) -> Rule:
    def rule(_sensitivity: FloatArray, specificity: FloatArray) -> Cuts:
        cuts: Cuts = (specificity >= level - 1e-12).sum(1) - 1
        return cuts

    return rule


RULES: Mapping[str, Rule] = {
    "youden": _youden,
    "sensitive_90": _sensitive(0.90),
    "sensitive_95": _sensitive(0.95),
    "specific_90": _specific(0.90),
    "specific_95": _specific(0.95),
}
"""youden: largest sensitivity + specificity (Youden 1950). sensitive_90: the highest threshold with
a sensitivity of at least 90 %. specific_90: the lowest with a specificity of at least 90 %."""


def operating_points(
    probabilities: FloatArray,
    labels: FloatArray,
    *,
    groups: Groups | None = None,
    seed: int = 0,
) -> dict[str, OperatingPoint]:
    """Return every named operating point of one finding on N rows with known labels.

    The interval of the threshold is from resamples of patients that hold both classes; those of
    sensitivity and specificity are Wilson's, which take rows as independent.
    """
    chosen = choose_thresholds(probabilities, labels)
    thresholds = cut_thresholds(probabilities)
    drawn: dict[str, list[Cuts]] = {name: [] for name in RULES}
    for weights in patient_weights(rows=len(labels), groups=groups, seed=seed):
        for name, cuts in _choose(probabilities, labels, weights).items():
            drawn[name].append(cuts)
    points = {}
    for name, threshold in chosen.items():
        resampled = thresholds[np.concatenate(drawn[name])]
        low, high = np.percentile(resampled, [2.5, 97.5])
        called, present = probabilities >= threshold, labels > 0.5
        points[name] = OperatingPoint(
            threshold=threshold,
            threshold_interval=(float(low), float(high)),
            sensitivity=_share(called[present]),
            specificity=_share(~called[~present]),
        )
    return points


def choose_thresholds(probabilities: FloatArray, labels: FloatArray) -> dict[str, float]:
    """Return the threshold of every rule on N rows with known labels of both classes."""
    if not 0 < (labels > 0.5).sum() < len(labels):
        raise ValueError("operating points need rows with and rows without the finding")
    thresholds = cut_thresholds(probabilities)
    chosen = _choose(probabilities, labels, np.ones((1, len(labels))))
    return {name: float(thresholds[cuts[0]]) for name, cuts in chosen.items()}


def cut_thresholds(probabilities: FloatArray) -> FloatArray:
    """Return the (T + 1,) thresholds that call the T distinct probabilities one after another.

    Each lies halfway between the last that is called and the next below; the first calls nobody,
    the last is the lowest probability itself.
    """
    ranked = np.unique(probabilities)[::-1]
    above, below = np.append(1.0, ranked), np.append(ranked, ranked[-1])
    thresholds: FloatArray = np.clip((above + below) / 2.0, NEAREST, 1.0 - NEAREST)
    return thresholds


def _choose(probabilities: FloatArray, labels: FloatArray, weights: FloatArray) -> dict[str, Cuts]:
    sample = rank(labels, probabilities, weights)
    both = (sample.present > 0) & (sample.absent > 0)
    sensitivity = ratio(sample.hits, sample.present[:, None])[both]
    specificity = 1.0 - ratio(sample.alarms, sample.absent[:, None])[both]
    return {name: rule(sensitivity, specificity) for name, rule in RULES.items()}


def _share(rightly: npt.NDArray[np.bool_]) -> Estimate:
    hits, total = int(rightly.sum()), len(rightly)
    return Estimate(hits / total, *wilson(hits, total))
