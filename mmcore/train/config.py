"""A training run as a YAML file: what to build, on which patients, how."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mmcore.errors import ConfigError
from mmcore.model.config import ModelConfig, read_section


@dataclass(frozen=True, slots=True)
class CohortConfig:
    """Simulated patients: training ones from ``seed``, validation ones from ``seed + 1``."""

    seed: int
    train: int
    validation: int


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """The optimisation.

    modality_dropout: probability that a modality of a training patient is replaced by its
        baseline, each on its own. severity_weight and location_weight: of the squared
        error of regressions (in units of their scale) and of the per-token lesion loss, beside the
        binary cross-entropy of the findings. ema_decay: of the averaged weights that are shipped.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    warmup_steps: int
    ema_decay: float
    modality_dropout: float
    severity_weight: float
    location_weight: float
    gradient_clip: float
    seed: int

    def __post_init__(self) -> None:
        if not (self.epochs > 0 and self.batch_size > 0):
            raise ConfigError(key="training.epochs", problem="epochs and batch_size must exceed 0")
        if not 0.0 <= self.modality_dropout < 1.0:
            raise ConfigError(key="training.modality_dropout", problem="must lie in [0, 1)")


CARD_WORDS = ("intended_use", "not_for", "training_data", "limits", "licence")


def _read_card(values: object) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise ConfigError(key="card", problem="must be a mapping")
    for key in CARD_WORDS:
        if not values.get(key):
            raise ConfigError(key=f"card.{key}", problem="a model without it can not be shipped")
    return dict(values)


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Everything one ``train`` command needs."""

    name: str
    version: str
    display: str
    cohort: CohortConfig
    model: ModelConfig
    training: TrainingConfig
    card: dict[str, Any]


def read_run(path: Path) -> RunConfig:
    """Read a run from YAML. Raises ``ConfigError`` naming the key at fault."""
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(key=path.name, problem=str(error)) from error
    if not isinstance(values, Mapping):
        raise ConfigError(key=path.name, problem="must be a mapping")
    expected = {"name", "version", "display", "cohort", "model", "training", "card"}
    if wrong := sorted(expected.symmetric_difference(values)):
        raise ConfigError(key=wrong[0], problem="missing or unknown at the top level")
    head: dict[str, Any] = {key: str(values[key]) for key in ("name", "version", "display")}
    return RunConfig(
        **head,
        cohort=read_section(CohortConfig, values["cohort"], where="cohort"),
        model=ModelConfig.from_mapping(values["model"]),
        training=read_section(TrainingConfig, values["training"], where="training"),
        card=_read_card(values["card"]),
    )
