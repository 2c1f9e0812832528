"""Labs and vitals: the last values of every known LOINC code, as one token per code."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmcore.errors import ConfigError
from mmcore.loinc import OBSERVATION_TYPES
from mmcore.modalities.channel import Channel, Encoder, Evidence, Preparation
from mmcore.modalities.observations_encoders import OBSERVATIONS_ENCODERS, OBSERVED
from mmcore.records import Case, FloatArray, Modality, Observation, PartItem

if TYPE_CHECKING:
    from tokenizers import Tokenizer

STANDARD_RANGE = 5.0  # standardised observations are held within this many standard deviations
HOURS = 24.0  # an observation a day older than the latest has age log(2)


@dataclass(frozen=True, slots=True)
class ObservationsConfig:
    """The observations encoder: one token per LOINC code.

    codes: LOINC codes in token order. scales: per code, ["linear" | "log", mean, standard
        deviation] of the training patients, the mean and deviation taken after the logarithm.
    history: how many of the last values of a code are read; 1 is the latest alone.
    name: "tokens" (an own small network per code), "mlp" (one for all), "transformer" (every value
        a token), "gru" (every code a time series over ``history`` values).
    """

    codes: list[str]
    scales: dict[str, list[Any]]
    hidden: int = 64
    history: int = 1
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


@dataclass(frozen=True, slots=True, eq=False)
class PreparedObservations:
    """Model input of the observations.

    values: (J, S, 3) float32: standardised value, mask, and age in log days before the patient's
        latest observation, latest first. used: the observation behind each value, or None.
    """

    values: FloatArray
    used: tuple[tuple[Observation | None, ...], ...]

    def name_parts(self, attribution: npt.NDArray[np.float64]) -> Evidence:
        """Name every value that was read; earlier ones of a code stand beside the latest."""
        items = tuple(
            PartItem(
                OBSERVATION_TYPES[o.loinc].display + (", earlier value" if slot else ""),
                (o.loinc, o.time.isoformat() if o.time is not None else ""),
                float(attribution[row, slot].sum()),
            )
            for row, slots in enumerate(self.used)
            for slot, o in enumerate(slots)
            if o is not None
        )
        return Evidence(tuple(sorted(items, key=lambda item: -abs(item.signed))))


def standardise(value: float, scale: Sequence[object]) -> float:
    """Return ``value`` in training standard deviations, held within ``STANDARD_RANGE``."""
    kind, mean, deviation = scale
    if kind == "log":
        value = math.log(max(value, 1e-6))
    z = (value - float(mean)) / float(deviation)  # type: ignore[arg-type] # numbers by ObservationsConfig
    return min(max(z, -STANDARD_RANGE), STANDARD_RANGE)


def prepare_observations(
    observations: Sequence[Observation], config: ObservationsConfig
) -> PreparedObservations:
    """Return values, masks and ages of the last observations of every code the model reads."""
    by_code: dict[str, list[Observation]] = {code: [] for code in config.codes}
    for observation in observations:
        if observation.loinc in by_code:
            by_code[observation.loinc].append(observation)
    values = np.zeros((len(config.codes), config.history, 3), dtype=np.float32)
    used: list[tuple[Observation | None, ...]] = []
    moments = [t for o in observations if (t := _seconds(o)) is not None]
    newest = max(moments, default=0.0)
    for row, code in enumerate(config.codes):
        # Dated ones first, the latest of them first; of undated ones the last in the file wins.
        dated = sorted((o for o in by_code[code] if o.time is not None), key=_recency)
        undated = [o for o in reversed(by_code[code]) if o.time is None]
        ordered = [*dated, *undated][: config.history]
        for slot, observation in enumerate(ordered):
            moment = _seconds(observation)
            days = 0.0 if moment is None else max(newest - moment, 0.0) / 3600.0 / HOURS
            z = standardise(observation.value, config.scales[code])
            age = math.log1p(days) if config.history > 1 else 0.0
            values[row, slot] = z, 1.0, min(age, STANDARD_RANGE)
        used.append((*ordered, *[None] * (config.history - len(ordered))))
    return PreparedObservations(values, tuple(used))


def _seconds(observation: Observation) -> float | None:
    """Return wall-clock seconds; timestamp() fails on the year 1, which systems also write."""
    if observation.time is None:
        return None
    moment = observation.time.replace(tzinfo=None)
    return moment.toordinal() * 86400.0 + moment.hour * 3600 + moment.minute * 60 + moment.second


def _recency(observation: Observation) -> float:
    moment = _seconds(observation)
    return math.inf if moment is None else -moment


def prepare(case: Case, config: ObservationsConfig, tokenizer: "Tokenizer | None") -> Preparation:
    """Read the observations of the case, if the model knows any of them."""
    known = prepare_observations(case.observations, config)
    return Preparation(known if known.values[..., OBSERVED].any() else None)


def build(config: ObservationsConfig, embed_dim: int) -> Encoder:
    """Return the encoder that the configuration names."""
    encoder: Encoder = OBSERVATIONS_ENCODERS[config.name](config, embed_dim)
    return encoder


CHANNEL = Channel(Modality.OBSERVATIONS, ObservationsConfig, build, prepare)
