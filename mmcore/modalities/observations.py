"""Labs and vitals: the latest value of every known LOINC code, and how it came to be that.

An earlier value is read as the change from it to the latest one, so that what a model makes of a
level and of a trend are two things, and each is evidence of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmcore.errors import ConfigError
from mmcore.language import filled, say
from mmcore.loinc import OBSERVATION_TYPES
from mmcore.modalities.channel import Channel, Encoder, Evidence, Preparation
from mmcore.modalities.observations_encoders import OBSERVATIONS_ENCODERS, OBSERVED, VALUE
from mmcore.records import Case, FloatArray, Modality, Observation, PartItem

if TYPE_CHECKING:
    from tokenizers import Tokenizer

STANDARD_RANGE = 5.0  # standardised observations are held within this many standard deviations
HOURS = 24.0  # an observation a day older than the latest has age log(2)
STEADY = 0.3  # a change of less than this many standard deviations of training patients

_STEADY = say("{test}, steady over {hours} h")
_RISING = say("{test}, rising over {hours} h")
_FALLING = say("{test}, falling over {hours} h")


@dataclass(frozen=True, slots=True)
class ObservationsConfig:
    """The observations encoder: one token per LOINC code.

    codes: LOINC codes in token order. scales: per code, ["linear" | "log", mean, standard
        deviation] of the training patients, the mean and deviation taken after the logarithm.
    history: how many of the last values of a code are read; 1 is the latest alone.
    history_hours: an earlier value is read if it is at most so much older than the code's latest.
    name: "tokens" (an own small network per code), "mlp" (one for all), "transformer" (every value
        a token), "gru" (every code a time series over ``history`` values).
    """

    codes: list[str]
    scales: dict[str, list[Any]]
    hidden: int = 64
    history: int = 1
    history_hours: float = 72.0
    name: str = "tokens"

    def __post_init__(self) -> None:
        for code in self.codes:
            if code not in OBSERVATION_TYPES:
                raise ConfigError(key="observations.codes", problem=f"{code} is not a known code")
        if self.name not in OBSERVATIONS_ENCODERS:
            problem = f"{self.name!r} is unknown; known: {', '.join(OBSERVATIONS_ENCODERS)}"
            raise ConfigError(key="observations.name", problem=problem)
        if self.history < 1:
            raise ConfigError(key="observations.history", problem="must be at least 1")
        if not self.history_hours > 0:
            raise ConfigError(key="observations.history_hours", problem="must be above 0")


@dataclass(frozen=True, slots=True, eq=False)
class PreparedObservations:
    """Model input of the observations.

    values: (J, S, 3) float32, latest first: standardised value, mask, and age in log days before
        the patient's latest observation; in the slots of earlier values, in place of the value,
        the change from it to the code's latest. used: the observation behind each slot, or None.
    """

    values: FloatArray
    used: tuple[tuple[Observation | None, ...], ...]

    def name_parts(self, attribution: npt.NDArray[np.float64]) -> Evidence:
        """Name every latest value that was read, and every course by which way it went."""
        items: list[PartItem] = []
        for row, slots in enumerate(self.used):
            latest = slots[0]
            if latest is None:
                continue
            name = OBSERVATION_TYPES[latest.loinc].display
            own = float(attribution[row, 0].sum())
            items.append(PartItem(name, (latest.loinc, _iso(latest)), own))
            last = max(slot for slot, o in enumerate(slots) if o is not None)
            earliest = slots[last]
            if last == 0 or earliest is None:
                continue
            change = float(self.values[row, last, VALUE])
            way = _STEADY if abs(change) < STEADY else _RISING if change > 0 else _FALLING
            hours = ((_seconds(latest) or 0.0) - (_seconds(earliest) or 0.0)) / 3600.0
            items.append(
                PartItem(
                    filled(way, test=name, hours=max(round(hours), 1)),
                    (latest.loinc, _iso(earliest)),
                    float(attribution[row, 1:].sum()),
                )
            )
        return Evidence(tuple(sorted(items, key=lambda item: -abs(item.signed))))


def standardise(value: float, scale: Sequence[object]) -> float:
    """Return ``value`` in training standard deviations, held within ``STANDARD_RANGE``."""
    return _held(_z_score(value, scale))


def encode_values(
    values: Sequence[tuple[float, float]], scale: Sequence[object], *, history: int
) -> FloatArray:
    """Return (history, 3) float32 model input of one code's values, as ``PreparedObservations``.

    ``values``: at most ``history``, the latest first, each with its age in seconds before the
    patient's latest observation.
    """
    rows = np.zeros((history, 3), dtype=np.float32)
    scores = [_z_score(value, scale) for value, _ in values]
    for slot, (_, seconds) in enumerate(values):
        days = max(seconds, 0.0) / 3600.0 / HOURS
        age = math.log1p(days) if history > 1 else 0.0
        shown = scores[0] - scores[slot] if slot else scores[0]
        rows[slot] = _held(shown), 1.0, min(age, STANDARD_RANGE)
    return rows


def _z_score(value: float, scale: Sequence[object]) -> float:
    kind, mean, deviation = scale
    if kind == "log":
        value = math.log(max(value, 1e-6))
    return (value - float(mean)) / float(deviation)  # type: ignore[arg-type] # numbers by ObservationsConfig


def _held(z: float) -> float:
    return min(max(z, -STANDARD_RANGE), STANDARD_RANGE)


def prepare_observations(
    observations: Sequence[Observation], config: ObservationsConfig
) -> PreparedObservations:
    """Return latest values, changes, masks and ages of every code that the model reads.

    Of dated values of a code the latest is read, and those before it within ``history_hours``;
    without a dated one the last in the file, which has no course.
    """
    by_code: dict[str, list[Observation]] = {code: [] for code in config.codes}
    for observation in observations:
        if observation.loinc in by_code:
            by_code[observation.loinc].append(observation)
    values = np.zeros((len(config.codes), config.history, 3), dtype=np.float32)
    used: list[tuple[Observation | None, ...]] = []
    moments = [t for o in observations if (t := _seconds(o)) is not None]
    newest = max(moments, default=0.0)
    for row, code in enumerate(config.codes):
        read = _course(by_code[code], config)
        if read:
            ages = [newest - (newest if (t := _seconds(o)) is None else t) for o in read]
            course = [(o.value, age) for o, age in zip(read, ages, strict=True)]
            values[row] = encode_values(course, config.scales[code], history=config.history)
        used.append((*read, *[None] * (config.history - len(read))))
    return PreparedObservations(values, tuple(used))


def _course(observations: Sequence[Observation], config: ObservationsConfig) -> list[Observation]:
    """Return which values of one code are read, the latest first."""
    dated = sorted(
        ((moment, o) for o in observations if (moment := _seconds(o)) is not None),
        key=lambda pair: -pair[0],
    )
    if not dated:
        return list(observations[-1:])
    latest, reach = dated[0][0], config.history_hours * 3600.0
    earlier = [o for moment, o in dated if 0.0 < latest - moment <= reach]
    return [dated[0][1], *earlier][: config.history]


def _iso(observation: Observation) -> str:
    return observation.time.isoformat() if observation.time is not None else ""


def _seconds(observation: Observation) -> float | None:
    """Return wall-clock seconds; timestamp() fails on the year 1, which systems also write."""
    if observation.time is None or not observation.is_dated:
        return None
    moment = observation.time.replace(tzinfo=None)
    return moment.toordinal() * 86400.0 + moment.hour * 3600 + moment.minute * 60 + moment.second


def prepare(case: Case, config: ObservationsConfig, tokenizer: "Tokenizer | None") -> Preparation:
    """Read the observations of the case, if the model knows any of them."""
    known = prepare_observations(case.observations, config)
    return Preparation(known if known.values[..., OBSERVED].any() else None)


def build(config: ObservationsConfig, embed_dim: int) -> Encoder:
    """Return the encoder that the configuration names."""
    encoder: Encoder = OBSERVATIONS_ENCODERS[config.name](config, embed_dim)
    return encoder


CHANNEL = Channel(Modality.OBSERVATIONS, ObservationsConfig, build, prepare)
