"""A training run as a YAML file: what to build, on which patients, how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from mmcore.errors import ConfigError
from mmcore.model.config import ModelConfig, read_section
from mmcore.private.config import PrivacyConfig
from mmcore.records import Modality
from mmcore.train.alignment import AlignmentConfig
from mmcore.train.losses import LossConfig

DataKind = Literal["phantom", "thorax"]
Teacher = Literal["", "causal"]
Sampler = Literal["shuffle", "balanced"]
HUB = "hf-hub:"  # how a name starts that is no local path


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Whom the model learns from.

    kind: "phantom", simulated patients: ``train`` of them from ``seed`` and ``validation`` from
        ``seed + 1``. "thorax": a folder of open radiographs (mmcore/datasets/thorax.py), of which
        one patient in ``parts`` is kept for validation by a hash of ``seed`` and who they are.
    repeat: how often a training examination is seen in an epoch if it has the named label or
        outline, such as the few with an expert score; 1 for all others.
    permuted: whether training examinations get the labels and outlines of others, at random: such a
        model has nothing to learn, and its maps must not look like those of one that had.
    teacher: "causal" for log-odds of simulated patients by the causal model that they were drawn
        from (mmcore/train/teacher.py), of every coalition that is learned; "" for labels alone.
        ``loss.teacher`` and ``loss.taught`` say how they are learned.
    """

    kind: DataKind
    seed: int
    train: int = 0
    validation: int = 0
    parts: int = 5
    repeat: dict[str, int] = field(default_factory=dict)
    permuted: bool = False
    teacher: Teacher = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(DataKind):
            raise ConfigError(key="data.kind", problem=f"{self.kind!r} is unknown")
        if self.kind == "phantom" and not (self.train > 0 and self.validation > 0):
            raise ConfigError(key="data.train", problem="train and validation must exceed 0")
        if self.teacher not in get_args(Teacher):
            raise ConfigError(key="data.teacher", problem=f"{self.teacher!r} is unknown")
        if self.teacher and self.kind != "phantom":
            problem = "only of simulated patients is it known what each input says"
            raise ConfigError(key="data.teacher", problem=problem)
        if self.parts < 2:
            raise ConfigError(key="data.parts", problem="must be at least 2")


@dataclass(frozen=True, slots=True)
class StartConfig:
    """What training starts from instead of chance. Paths are local; nothing is fetched by itself.

    pack: a folder, or the name of an embedded pack, whose weights are taken over where name and
        shape agree, below ``modules``.
    image: a checkpoint of the image section's timm model, a file of safetensors or of PyTorch.
    note: a folder of a transformers BERT, with its ``config.json``, ``model.safetensors`` and
        ``tokenizer.json``, which is then the tokenizer of the run.
    text_epochs: of masked-language pre-training of the note encoder on all texts of the data.
    hub: whether ``image`` and ``note`` may name a repository of a hub, as
        ``hf-hub:OWNER/NAME@REVISION``. Only then does training ever use the network.
    """

    pack: str = ""
    modules: tuple[str, ...] = ("encoders",)
    image: str = ""
    note: str = ""
    text_epochs: int = 0
    hub: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "modules", _words("start.modules", self.modules))
        if not self.text_epochs >= 0:
            raise ConfigError(key="start.text_epochs", problem="must not be negative")
        for key, value in (("image", self.image), ("note", self.note)):
            if value.startswith(HUB) and self.hub is not True:
                problem = f"{value!r} would be fetched from a hub; allow it with start.hub: true"
                raise ConfigError(key=f"start.{key}", problem=problem)


@dataclass(frozen=True, slots=True)
class RelabelConfig:
    """Cross-fitted soft labels (mmcore/train/relabel.py).

    folds: parts of the training patients; 0 leaves labels alone. epochs: of each part's model.

    share: of the cross-fitted answer in the label of a finding; regressions are never touched.
    """

    folds: int = 0
    epochs: int = 10
    share: float = 0.3

    def __post_init__(self) -> None:
        if self.folds == 1 or self.folds < 0:
            raise ConfigError(key="relabel.folds", problem="must be 0 or at least 2")
        if not (self.epochs > 0 and 0.0 <= self.share < 1.0):
            problem = "epochs must exceed 0 and share lie in [0, 1)"
            raise ConfigError(key="relabel.share", problem=problem)


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """The optimisation.

    accumulate: batches whose gradients make one step. modality_dropout: probability that a
        modality of a training patient is replaced by its baseline, each on its own. coalitions: how
        many random subsets of a patient's modalities are learned beside all of them, from the same
        encodings (mmcore/train/coalitions.py). token_dropout: by modality, the chance of each of
        its tokens to be lost before the fusion, so that none becomes a place to keep what others
        saw (docs/decisions/0023). ema_decay: of the averaged weights that are shipped. amp:
        bfloat16 in the forward pass where there is a GPU. patience: epochs without a better
        validation loss after which training stops; 0 never.
    sampler: "shuffle", or "balanced" (rare labels oftener). strata: subgroup, such as "view", that
        the balanced sampler makes independent of the labels.
    rates: factor of the learning rate by prefix of a parameter's name, the longest that fits.
    freeze: patterns (mmcore/train/adapt.py) of parameters that stay as they are. lora: patterns of
        modules that learn only by adapters of ``lora_rank``, scaled by ``lora_alpha`` / rank.
    tensorboard: whether the log is also written for TensorBoard, which is to be installed.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    warmup_steps: int
    ema_decay: float
    modality_dropout: float
    gradient_clip: float
    seed: int
    coalitions: int = 0
    token_dropout: dict[str, float] = field(default_factory=dict)
    accumulate: int = 1
    amp: bool = False
    patience: int = 0
    sampler: Sampler = "shuffle"
    strata: str = ""
    rates: dict[str, float] = field(default_factory=dict)
    freeze: tuple[str, ...] = ()
    lora: tuple[str, ...] = ()
    lora_rank: int = 0
    lora_alpha: float = 16.0
    tensorboard: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "freeze", _words("training.freeze", self.freeze))
        object.__setattr__(self, "lora", _words("training.lora", self.lora))
        if self.lora and not (self.lora_rank > 0 and self.lora_alpha > 0.0):
            problem = "lora_rank and lora_alpha must exceed 0 where something is adapted"
            raise ConfigError(key="training.lora_rank", problem=problem)
        for name, rate in self.token_dropout.items():
            if name not in set(Modality) or not 0.0 <= rate < 1.0:
                problem = "must name modalities, with chances in [0, 1)"
                raise ConfigError(key=f"training.token_dropout.{name}", problem=problem)
        for prefix, rate in self.rates.items():
            if not rate > 0.0:
                problem = "must exceed 0; to keep parameters as they are, freeze them"
                raise ConfigError(key=f"training.rates.{prefix}", problem=problem)
        if not (self.epochs > 0 and self.batch_size > 0 and self.accumulate > 0):
            problem = "epochs, batch_size and accumulate must exceed 0"
            raise ConfigError(key="training.epochs", problem=problem)
        if not 0.0 <= self.modality_dropout < 1.0:
            raise ConfigError(key="training.modality_dropout", problem="must lie in [0, 1)")
        if self.coalitions < 0:
            raise ConfigError(key="training.coalitions", problem="must be at least 0")
        if self.sampler not in get_args(Sampler):
            raise ConfigError(key="training.sampler", problem=f"{self.sampler!r} is unknown")


def _words(key: str, values: object) -> tuple[str, ...]:
    """Return a list of words as a tuple; one word alone would become its letters."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise ConfigError(key=key, problem="must be a list")
    return tuple(str(value) for value in values)


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
    """Everything one ``train`` command needs.

    privacy: what a training may tell of any one patient (mmcore/private); None for no promise.
    """

    name: str
    version: str
    display: str
    data: DataConfig
    model: ModelConfig
    training: TrainingConfig
    card: dict[str, Any]
    loss: LossConfig = field(default_factory=LossConfig)
    alignment: AlignmentConfig = field(default_factory=AlignmentConfig)
    relabel: RelabelConfig = field(default_factory=RelabelConfig)
    start: StartConfig = field(default_factory=StartConfig)
    privacy: PrivacyConfig | None = None


REQUIRED = ("name", "version", "display", "data", "model", "training", "card")
OPTIONAL = ("loss", "alignment", "relabel", "start", "privacy")


def read_run(path: Path) -> RunConfig:
    """Read a run from YAML. Raises ``ConfigError`` naming the key at fault."""
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(key=path.name, problem=str(error)) from error
    if not isinstance(values, Mapping):
        raise ConfigError(key=path.name, problem="must be a mapping")
    return run_from(values)


def run_from(values: Mapping[str, Any]) -> RunConfig:
    """Build a run from parsed YAML. Raises ``ConfigError`` naming the key at fault."""
    wrong = set(REQUIRED) - set(values) | set(values) - set(REQUIRED) - set(OPTIONAL)
    if wrong:
        raise ConfigError(key=min(wrong), problem="missing or unknown at the top level")
    head: dict[str, Any] = {key: str(values[key]) for key in ("name", "version", "display")}
    return RunConfig(
        **head,
        data=read_section(DataConfig, values["data"], where="data"),
        model=ModelConfig.from_mapping(values["model"]),
        training=read_section(TrainingConfig, values["training"], where="training"),
        card=_read_card(values["card"]),
        loss=read_section(LossConfig, values.get("loss", {}), where="loss"),
        alignment=read_section(AlignmentConfig, values.get("alignment", {}), where="alignment"),
        relabel=read_section(RelabelConfig, values.get("relabel", {}), where="relabel"),
        start=read_section(StartConfig, values.get("start", {}), where="start"),
        privacy=read_section(PrivacyConfig, values["privacy"], where="privacy")
        if "privacy" in values
        else None,
    )
