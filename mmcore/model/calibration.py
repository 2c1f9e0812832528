"""From a target's raw network output to the number that is reported.

One formula serves every kind, so that the ledger can explain the calibrated number itself:

    z(raw) = -rise * softplus(-raw) + fall * softplus(raw) + intercept,    rise, fall > 0

- beta calibration (Kull, Silva Filho and Flach 2017) of the probability 1 / (1 + exp(-raw)). Its
  slope goes smoothly from ``rise`` at very low outputs to ``fall`` at very high ones;
- Platt scaling (Platt 1999) where rise = fall: z = rise * raw + intercept;
- temperature scaling (Guo et al. 2017) where moreover intercept = 0;
- the straight line of a regression where rise = fall, in the target's unit instead of log-odds.

It is computed as ``rise * raw + (fall - rise) * softplus(raw) + intercept``, which is the same,
smooth everywhere, exact for a line, and does not overflow. z rises with raw always: calibration
never turns a finding round and never changes the order of patients.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mmcore.errors import ConfigError
from mmcore.model.conformal import FindingSets, PredictionSet, ValueBand

FloatArray = npt.NDArray[np.float64]
CalibrationKind = Literal["temperature", "platt", "beta", "linear"]
DEFAULT_POINT = "youden"
EXACT_SOFTPLUS = (
    50.0  # above it softplus(x) is x in double precision; torch's default is off by 2e-9
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.low <= self.high and math.isfinite(self.low)):
            raise ConfigError(key="estimate", problem=f"{self} is unusable")
        if not math.isfinite(self.high):
            raise ConfigError(key="estimate", problem=f"{self} is unusable")


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A probability at and above which a finding is called present, and what it does.

    threshold: in (0, 1). threshold_interval: 95 % bootstrap interval over validation patients.
    sensitivity, specificity: on the validation patients on whom it was chosen, so they flatter;
        the card has them on patients that nothing was chosen on. None in packs that did not say.
    """

    threshold: float
    threshold_interval: tuple[float, float] | None = None
    sensitivity: Estimate | None = None
    specificity: Estimate | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold < 1.0:
            raise ConfigError(key="threshold", problem=f"{self.threshold} is not in (0, 1)")
        if self.threshold_interval is not None:
            low, high = self.threshold_interval
            if not 0.0 <= low <= high <= 1.0:
                raise ConfigError(key="threshold_interval", problem=f"{low} to {high} is unusable")


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """How one target's raw network output becomes the reported number.

    kind: "linear" for a regression, else of a finding. rise, fall, intercept: see the module.
    bootstrap: (R, 3) rise, fall and intercept refitted on resampled validation patients. A refit
        may be freer than ``kind``: a simple kind was chosen, which does not make it certain.
    operating_points: by name, "youden" among them; empty for a regression.
    residual: 90 % half-width of the validation residuals of a regression, else 0.
    effects: mean ``|contribution|`` of each modality over validation patients, in calibrated units.
    conformal: prediction sets of a finding or bands of a regression by coalition: entry ``c`` is
        for patients who have exactly the modalities whose bits are set in ``c``. May be empty.
    """

    kind: CalibrationKind
    rise: float
    fall: float
    intercept: float
    bootstrap: FloatArray
    operating_points: Mapping[str, OperatingPoint]
    residual: float
    effects: Mapping[str, float]
    conformal: tuple[FindingSets, ...] | tuple[ValueBand, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.kind not in get_args(CalibrationKind):
            raise ConfigError(key="kind", problem=f"{self.kind!r} is unknown")
        if self.bootstrap.ndim != 2 or self.bootstrap.shape[1] != 3 or not len(self.bootstrap):
            raise ConfigError(key="bootstrap", problem=f"is {self.bootstrap.shape}, not (R, 3)")
        _check_parameters(self.kind, np.array([self.rise, self.fall, self.intercept]))
        for row in self.bootstrap:
            _check_parameters("linear" if self.kind == "linear" else "beta", row)
        if not (math.isfinite(self.residual) and self.residual >= 0.0):
            raise ConfigError(key="residual", problem=f"{self.residual} is unusable")
        for name, effect in self.effects.items():
            if not (math.isfinite(effect) and effect >= 0.0):
                raise ConfigError(key=f"effects.{name}", problem=f"{effect} is unusable")
        if self.is_finding != (DEFAULT_POINT in self.operating_points):
            problem = f"a finding needs {DEFAULT_POINT!r}, a regression has none"
            raise ConfigError(key="operating_points", problem=problem)
        expected = FindingSets if self.is_finding else ValueBand
        if not all(isinstance(entry, expected) for entry in self.conformal):
            raise ConfigError(key="conformal", problem=f"does not fit {self.kind} calibration")

    @property
    def is_finding(self) -> bool:
        """Whether the calibrated number is log-odds; else it is a value in the target's unit."""
        return self.kind != "linear"

    @property
    def operating_point(self) -> float | None:
        """The default operating point as a probability, None for a regression."""
        return self.operating_points[DEFAULT_POINT].threshold if self.is_finding else None

    def apply(self, raw: FloatArray) -> FloatArray:
        """Return calibrated numbers of raw outputs of any shape."""
        return _curve(self.rise, self.fall, self.intercept, raw)

    def apply_tensor(self, raw: Tensor) -> Tensor:
        """Return the same of a tensor, differentiable, in its precision and on its device."""
        bend = torch.nn.functional.softplus(raw, threshold=EXACT_SOFTPLUS)
        return self.rise * raw + (self.fall - self.rise) * bend + self.intercept

    def refits(self, raw: float) -> FloatArray:
        """Return the (R,) calibrated numbers of one raw output under every bootstrap refit."""
        rise, fall, intercept = self.bootstrap.T
        return _curve(rise, fall, intercept, np.full(len(rise), raw))

    def probability(self, raw: float) -> float:
        """Return the calibrated probability of a finding."""
        return _probability(float(self.apply(np.array(raw))))

    def probability_interval(self, raw: float) -> tuple[float, float]:
        """Return the 5th and 95th percentile of a finding's probability over the refits.

        Widened to the reported probability where that lies outside. It covers the uncertainty of
        the calibration's few parameters and nothing else.
        """
        low, high = np.percentile(self.refits(raw), [5, 95])
        value = float(self.apply(np.array(raw)))
        return _probability(min(float(low), value)), _probability(max(float(high), value))

    def prediction_set(self, raw: float, *, coalition: int) -> PredictionSet | None:
        """Return a finding's conformal set for a patient with these modalities, None if unknown."""
        sets = self.conformal[coalition] if self.conformal else None
        return sets.predict(raw) if isinstance(sets, FindingSets) else None

    def value_interval(self, value: float, *, coalition: int) -> tuple[float, float]:
        """Return the interval of a regression's calibrated value, uncut; infinite if unbounded."""
        band = self.conformal[coalition] if self.conformal else None
        if isinstance(band, ValueBand):
            return band.interval(value)
        return value - self.residual, value + self.residual

    def to_mapping(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {
            "kind": self.kind,
            "rise": self.rise,
            "fall": self.fall,
            "intercept": self.intercept,
            "bootstrap": self.bootstrap.tolist(),
            "operating_points": {n: _point_values(p) for n, p in self.operating_points.items()},
            "residual": self.residual,
            "effects": dict(self.effects),
            "conformal": [{k: getattr(e, k) for k in e.__slots__} for e in self.conformal],
        }

    @classmethod
    def from_mapping(
        cls, values: object, *, where: str, modalities: Sequence[str], is_finding: bool
    ) -> "Calibration":
        """Read what ``to_mapping`` wrote. Raises ``ConfigError`` naming the key.

        modalities: of the model; ``effects`` must name exactly these, and ``conformal`` be empty or
        have one entry for each of their coalitions. Files of packs written before there were kinds
        (slope, intercept, one operating point) are read as Platt scaling or a line.
        """
        try:
            entry = _keys(values, ENTRY_KEYS, key="entry", former=FORMER_KEYS)
            if "slope" in entry:
                entry = _from_former(entry, is_finding=is_finding)
            if is_finding == (entry["kind"] == "linear"):
                raise _unfit(entry["kind"])
            return cls._from_entry(entry, modalities)
        except ConfigError as error:
            raise ConfigError(key=f"{where}.{error.key}", problem=error.problem) from error

    @classmethod
    def _from_entry(cls, entry: Mapping[str, Any], modalities: Sequence[str]) -> "Calibration":
        effects = _keys(entry["effects"], set(modalities), key="effects")
        bands, points = entry["conformal"], entry["operating_points"]
        if not isinstance(bands, list) or len(bands) not in (0, 2 ** len(modalities)):
            raise ConfigError(key="conformal", problem="needs one entry for every coalition")
        if not isinstance(points, Mapping):
            raise ConfigError(key="operating_points", problem="must be a mapping")
        conformal: tuple[FindingSets, ...] | tuple[ValueBand, ...] = (
            tuple(_band_of(band) for band in bands)
            if entry["kind"] == "linear"
            else tuple(_sets_of(band) for band in bands)
        )
        return cls(
            kind=entry["kind"],
            rise=_number(entry, "rise"),
            fall=_number(entry, "fall"),
            intercept=_number(entry, "intercept"),
            bootstrap=_rows(entry["bootstrap"], 3),
            operating_points={str(n): _read_point(p, str(n)) for n, p in points.items()},
            residual=_number(entry, "residual"),
            effects={m: _number(effects, m) for m in modalities},
            conformal=conformal,
        )


ENTRY_KEYS = {
    "kind", "rise", "fall", "intercept", "bootstrap", "operating_points", "residual", "effects",
    "conformal",
}  # fmt: skip
FORMER_KEYS = {"slope", "intercept", "bootstrap", "operating_point", "residual", "effects"}


def _curve(
    rise: float | FloatArray, fall: float | FloatArray, intercept: float | FloatArray,
    raw: FloatArray,
) -> FloatArray:  # fmt: skip
    result: FloatArray = rise * raw + (fall - rise) * np.logaddexp(0.0, raw) + intercept
    return result


def _probability(logit: float) -> float:
    small = math.exp(-abs(logit))  # does not overflow
    return (1.0 if logit >= 0 else small) / (1.0 + small)


def _check_parameters(kind: CalibrationKind, row: FloatArray) -> None:
    rise, fall, intercept = (float(x) for x in row)
    if not (0.0 < rise < math.inf and 0.0 < fall < math.inf and math.isfinite(intercept)):
        raise ConfigError(key="rise, fall, intercept", problem=f"{rise}, {fall}, {intercept}")
    if kind != "beta" and rise != fall:
        raise ConfigError(key="fall", problem=f"must equal rise in {kind} calibration")
    if kind == "temperature" and intercept != 0.0:
        raise ConfigError(key="intercept", problem="must be 0 in temperature scaling")


def _unfit(kind: object) -> ConfigError:
    return ConfigError(key="kind", problem=f"{kind!r} does not fit the kind of the target")


def _from_former(entry: Mapping[str, Any], *, is_finding: bool) -> dict[str, Any]:
    """Return the entry of a pack from before there were kinds in today's form."""
    slope, point = _number(entry, "slope"), entry["operating_point"]
    if is_finding == (point is None):
        raise ConfigError(key="operating_point", problem=f"{point!r} does not fit the target")
    return {
        "kind": "platt" if is_finding else "linear",
        "rise": slope,
        "fall": slope,
        "intercept": entry["intercept"],
        "bootstrap": [[a, a, b] for a, b in _rows(entry["bootstrap"], 2).tolist()],
        "operating_points": {DEFAULT_POINT: {"threshold": point}} if is_finding else {},
        "residual": entry["residual"],
        "effects": entry["effects"],
        "conformal": [],
    }


def _point_values(point: OperatingPoint) -> dict[str, Any]:
    def plain(estimate: Estimate | None) -> list[float] | None:
        return None if estimate is None else [estimate.value, estimate.low, estimate.high]

    interval = point.threshold_interval
    return {
        "threshold": point.threshold,
        "threshold_interval": None if interval is None else list(interval),
        "sensitivity": plain(point.sensitivity),
        "specificity": plain(point.specificity),
    }


def _read_point(values: object, name: str) -> OperatingPoint:
    known = {"threshold", "threshold_interval", "sensitivity", "specificity"}
    entry = _keys(values, known, key=f"operating_points.{name}", former={"threshold"})

    def numbers(key: str, count: int) -> list[float] | None:
        value = entry.get(key)
        if value is None:
            return None
        row: list[float] = _rows([value], count)[0].tolist()
        return row

    interval = numbers("threshold_interval", 2)
    sensitivity, specificity = numbers("sensitivity", 3), numbers("specificity", 3)
    return OperatingPoint(
        _number(entry, "threshold"),
        None if interval is None else (interval[0], interval[1]),
        None if sensitivity is None else Estimate(*sensitivity),
        None if specificity is None else Estimate(*specificity),
    )


def _sets_of(values: object) -> FindingSets:
    entry = _keys(values, set(FindingSets.__slots__), key="conformal")
    return FindingSets(
        alpha=_number(entry, "alpha"),
        least_present=_bound(entry, "least_present"),
        most_absent=_bound(entry, "most_absent"),
        n_present=_count(entry, "n_present"),
        n_absent=_count(entry, "n_absent"),
    )


def _band_of(values: object) -> ValueBand:
    entry = _keys(values, set(ValueBand.__slots__), key="conformal")
    return ValueBand(
        alpha=_number(entry, "alpha"),
        half_width=_bound(entry, "half_width"),
        n=_count(entry, "n"),
    )


def _keys(
    values: object, known: set[str], *, key: str, former: set[str] | None = None
) -> Mapping[str, Any]:
    """Return the mapping if its keys are exactly ``known``, or exactly ``former``."""
    if not isinstance(values, Mapping):
        raise ConfigError(key=key, problem="must be a mapping")
    if values.keys() != known and (former is None or values.keys() != former):
        raise ConfigError(key=key, problem=f"has {sorted(values)}, not {sorted(known)}")
    return values


def _number(entry: Mapping[str, Any], key: str) -> float:
    value = entry[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(key=key, problem=f"{value!r} is not a finite number")
    return float(value)


def _bound(entry: Mapping[str, Any], key: str) -> float | None:
    return None if entry[key] is None else _number(entry, key)


def _count(entry: Mapping[str, Any], key: str) -> int:
    value = entry[key]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(key=key, problem=f"{value!r} is not a count")
    return value


def _rows(values: object, columns: int) -> FloatArray:
    rows = values if isinstance(values, list) else []
    if not rows or not all(isinstance(row, list) and len(row) == columns for row in rows):
        raise ConfigError(key="bootstrap", problem=f"is not a list of rows of {columns}")
    return np.array([[_number({"row": x}, "row") for x in row] for row in rows], dtype=np.float64)
