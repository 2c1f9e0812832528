"""What a model is made of, as written in ``pack.yaml`` and in the training presets.

Every dataclass refuses unknown keys and missing values by name, so that a pack either says
completely what it is or does not load.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeVar, get_args

from mmcore.errors import ConfigError
from mmcore.loinc import OBSERVATION_TYPES
from mmcore.records import Modality

Section = TypeVar("Section")
TargetKind = Literal["finding", "regression"]


def read_section(cls: type[Section], values: object, *, where: str) -> Section:
    """Build the dataclass ``cls`` from a mapping. Raises ``ConfigError`` naming the key."""
    if not isinstance(values, Mapping):
        raise ConfigError(key=where, problem="must be a mapping")
    known = {f.name for f in fields(cls)}  # type: ignore[arg-type] # cls is always a dataclass
    for key in values:
        if key not in known:
            raise ConfigError(key=f"{where}.{key}", problem=f"unknown; known: {sorted(known)}")
    try:
        return cls(**values)
    except TypeError as error:
        raise ConfigError(key=where, problem=str(error)) from error


@dataclass(frozen=True, slots=True)
class TargetConfig:
    """One thing the model predicts.

    unit, low, high: of a regression; ``low`` and ``high`` are the ends of its scale.
    """

    name: str
    display: str
    kind: TargetKind = "finding"
    unit: str = ""
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(TargetKind):
            raise ConfigError(key=f"targets.{self.name}.kind", problem=f"{self.kind!r} is unknown")
        if not self.high > self.low:
            raise ConfigError(key=f"targets.{self.name}.high", problem="must exceed low")


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The image encoder: any timm model that yields a feature map.

    size: rows and columns of the model's input. ``arguments`` go to ``timm.create_model``.
    """

    name: str
    size: int
    in_chans: int
    arguments: dict[str, Any]
    mean: float
    std: float


@dataclass(frozen=True, slots=True)
class NoteConfig:
    """The note encoder: a transformers BERT, described by its configuration values.

    max_tokens: fixed length; shorter notes are padded with visible ``[PAD]`` tokens, so that an
        empty note is one well-defined input for notes of every length.
    """

    max_tokens: int
    bert: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ObservationsConfig:
    """The observations encoder: one token per LOINC code.

    codes: LOINC codes in token order. scales: per code, ["linear" | "log", mean, standard
        deviation] of the training patients, the mean and deviation taken after the logarithm.
    """

    codes: list[str]
    scales: dict[str, list[Any]]
    hidden: int = 64

    def __post_init__(self) -> None:
        for code in self.codes:
            if code not in OBSERVATION_TYPES:
                raise ConfigError(key="observations.codes", problem=f"{code} is not a known code")


FusionKind = Literal[
    "attention", "concat", "weighted_sum", "mean", "late", "gated", "bilinear", "aligned"
]
PoolingKind = Literal["attention", "mean"]


@dataclass(frozen=True, slots=True)
class FusionConfig:
    """How the tokens of all modalities become one vector per target (mmcore/model/fusion).

    depth: layers; of cross-attention, or of the perceptron that follows where vectors are joined.
    pooling: how a modality's tokens become a vector, for every kind but "attention". rank: of the
        "bilinear" kind.
    """

    embed_dim: int
    depth: int = 2
    num_heads: int = 4
    dropout: float = 0.0
    kind: FusionKind = "attention"
    pooling: PoolingKind = "attention"
    rank: int = 4

    def __post_init__(self) -> None:
        for key, kinds in (("kind", FusionKind), ("pooling", PoolingKind)):
            if (value := getattr(self, key)) not in get_args(kinds):
                problem = f"{value!r} is unknown; known: {', '.join(get_args(kinds))}"
                raise ConfigError(key=f"fusion.{key}", problem=problem)
        if not (self.num_heads > 0 and self.embed_dim > 0 and self.rank > 0):
            raise ConfigError(key="fusion", problem="embed_dim, num_heads and rank must exceed 0")
        if self.embed_dim % self.num_heads:
            raise ConfigError(key="fusion.num_heads", problem="must divide embed_dim")
        if not self.depth >= (1 if self.kind == "attention" else 0):
            raise ConfigError(key="fusion.depth", problem=f"{self.depth} is too few")
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(key="fusion.dropout", problem="must lie in [0, 1)")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A whole architecture. A modality without a section is not an input of the model."""

    targets: tuple[TargetConfig, ...]
    fusion: FusionConfig
    image: ImageConfig | None = None
    note: NoteConfig | None = None
    observations: ObservationsConfig | None = None

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The model's inputs in their fixed order, which is also the order of coalition bits."""
        return tuple(m for m in Modality if getattr(self, m.value) is not None)

    @property
    def findings(self) -> tuple[str, ...]:
        """Names of the targets that are findings, in order."""
        return tuple(t.name for t in self.targets if t.kind == "finding")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "ModelConfig":
        """Build from parsed YAML. Raises ``ConfigError`` naming the key at fault."""
        sections = {
            "image": ImageConfig,
            "note": NoteConfig,
            "observations": ObservationsConfig,
            "fusion": FusionConfig,
        }
        for key in values:
            if key not in {*sections, "targets"}:
                raise ConfigError(key=f"model.{key}", problem="unknown section")
        for key in ("targets", "fusion"):
            if not values.get(key):
                raise ConfigError(key=f"model.{key}", problem="missing")
        built: dict[str, Any] = {
            key: read_section(section, values[key], where=f"model.{key}")
            for key, section in sections.items()
            if values.get(key) is not None
        }
        targets = tuple(
            read_section(TargetConfig, target, where="model.targets")
            for target in values["targets"]
        )
        config = cls(targets=targets, **built)
        if not config.modalities:
            raise ConfigError(key="model", problem="names no modality")
        return config

    def to_mapping(self) -> dict[str, Any]:
        """Return plain values that ``from_mapping`` reads back to an equal configuration."""
        values = {k: v for k, v in asdict(self).items() if v is not None}
        values["targets"] = list(values["targets"])
        return values
