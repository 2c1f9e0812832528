"""Split-conformal prediction: sets of findings and intervals of values that hold what they promise.

A promise about the next patient, without any assumption on the network: whoever has the finding is
in a set that holds "present" in at least ``1 - alpha`` of cases, and whoever lacks it in one that
holds "absent". It needs only that the next patient and the calibration patients come from one
population (exchangeability) and that the network never saw the calibration patients. It is a
statement about patients of each class on average, not about one patient.

Sets of findings are class-conditional (Mondrian): each class has its own quantile, so that a rare
finding is covered as often as a common one. The score is the network's raw output itself. Its order
is all that counts, and calibration never changes the order; so the patients on whom the calibration
was fitted may be used here too, and no half of them has to be set aside.

Sources: Vovk, Gammerman and Shafer 2005; Vovk 2012 (class-conditional); Lei et al. 2018 (intervals,
normalised); Angelopoulos and Bates 2021.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from mmcore.errors import ConfigError

FloatArray = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
ALPHA = 0.1


class PredictionSet(StrEnum):
    """What can not be excluded. BOTH: the model can not tell. NEITHER: it is like neither class."""

    PRESENT = "present"
    ABSENT = "absent"
    BOTH = "both"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class FindingSets:
    """Which of present and absent stays in the set at a raw output of the network.

    alpha: share of each class that may be missed. least_present: raw output at and above which
        "present" is in the set, None if it always is (too few present patients to exclude it).
        most_absent: raw output at and below which "absent" is in the set, or None.
        n_present, n_absent: calibration patients of each class.
    """

    alpha: float
    least_present: float | None
    most_absent: float | None
    n_present: int
    n_absent: int

    def __post_init__(self) -> None:
        _check_alpha(self.alpha)
        _check_bound("least_present", self.least_present, self.n_present)
        _check_bound("most_absent", self.most_absent, self.n_absent)

    def holds(self, raw: FloatArray) -> tuple[Flags, Flags]:
        """Return for every raw output whether the set holds present, and whether it holds absent.

        Raises ``ValueError`` for an output that is not finite: it is like no patient at all.
        """
        if not np.isfinite(raw).all():
            raise ValueError("a raw output is not a finite number")
        everywhere = np.ones(raw.shape, dtype=bool)
        present = everywhere if self.least_present is None else raw >= self.least_present
        absent = everywhere if self.most_absent is None else raw <= self.most_absent
        return present, absent

    def predict(self, raw: float) -> PredictionSet:
        """Return the set for one raw output."""
        present, absent = self.holds(np.array([raw]))
        if present[0]:
            return PredictionSet.BOTH if absent[0] else PredictionSet.PRESENT
        return PredictionSet.ABSENT if absent[0] else PredictionSet.NEITHER


@dataclass(frozen=True, slots=True)
class ValueBand:
    """An interval around a predicted value that holds the true one in ``1 - alpha`` of cases.

    half_width: in the target's unit, or in multiples of the difficulty if one was given in fitting;
    None if there were too few patients for any. n: calibration patients.
    """

    alpha: float
    half_width: float | None
    n: int

    def __post_init__(self) -> None:
        _check_alpha(self.alpha)
        _check_bound("half_width", self.half_width, self.n)
        if self.half_width is not None and not self.half_width >= 0.0:
            raise ConfigError(key="conformal.half_width", problem="must not be below 0")

    def interval(self, value: float, *, difficulty: float = 1.0) -> tuple[float, float]:
        """Return the interval of one predicted value, of which nothing is cut off."""
        half = math.inf if self.half_width is None else self.half_width * difficulty
        return value - half, value + half


def fit_finding_sets(raw: FloatArray, labels: FloatArray, *, alpha: float = ALPHA) -> FindingSets:
    """Return the sets from (N,) raw outputs and labels, one row per patient; NaN is unknown."""
    present, absent = raw[labels > 0.5], raw[labels <= 0.5]
    least = conformal_quantile(-present, alpha)
    return FindingSets(
        alpha=alpha,
        least_present=None if least is None else -least,
        most_absent=conformal_quantile(absent, alpha),
        n_present=len(present),
        n_absent=len(absent),
    )


def fit_value_band(
    residuals: FloatArray, *, difficulty: FloatArray | None = None, alpha: float = ALPHA
) -> ValueBand:
    """Return the band from (N,) residuals of patients that the fit did not see, NaN is unknown.

    difficulty: (N,) how far off a prediction is expected to be, above 0; the interval of a new
    patient then widens with that patient's difficulty.
    """
    if difficulty is not None and not (difficulty > 0).all():
        raise ValueError("a difficulty must be above 0")
    misses = np.abs(residuals if difficulty is None else residuals / difficulty)
    misses = misses[~np.isnan(misses)]
    return ValueBand(alpha, conformal_quantile(misses, alpha), len(misses))


def conformal_quantile(scores: FloatArray, alpha: float) -> float | None:
    """Return the ceil((n + 1)(1 - alpha))-th smallest of n scores, None if there are too few."""
    _check_alpha(alpha)
    if not np.isfinite(scores).all():
        raise ValueError("a score is not a finite number")
    place = math.ceil((len(scores) + 1) * (1.0 - alpha) - 1e-9)
    return float(np.sort(scores)[place - 1]) if place <= len(scores) else None


def _check_alpha(alpha: float) -> None:
    if not 0.0 < alpha < 1.0:
        raise ConfigError(key="conformal.alpha", problem=f"{alpha} is not between 0 and 1")


def _check_bound(key: str, bound: float | None, count: int) -> None:
    if bound is not None and not math.isfinite(bound):
        raise ConfigError(key=f"conformal.{key}", problem="is not a finite number")
    if not count >= (0 if bound is None else 1):
        raise ConfigError(key=f"conformal.{key}", problem=f"can not come from {count} patients")
