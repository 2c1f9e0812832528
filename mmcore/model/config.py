"""What a model is made of, as written in ``pack.yaml`` and in the training presets.

Every dataclass refuses unknown keys and missing values by name, so that a pack either says
completely what it is or does not load.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, TypeVar, get_args

from mmcore.errors import ConfigError
from mmcore.modalities import channels
from mmcore.modalities.image import ImageConfig
from mmcore.modalities.note import NoteConfig
from mmcore.modalities.observations import ObservationsConfig
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
    group: findings of one group exclude each other: one softmax over them, each reported as the
        log-odds of it against the rest.
    inputs: the modalities that may speak of this target; empty means all. A target that was only
        ever labelled in patients without notes must not be moved by one.
    weight: how much the target counts among those of its task in training.
    label: what the data call the truth of this target, where that is not its name; so one truth
        may be asked of the image alone, of the note alone and of both.
    """

    name: str
    display: str
    kind: TargetKind = "finding"
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    group: str = ""
    inputs: tuple[str, ...] = ()
    weight: float = 1.0
    label: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(TargetKind):
            raise ConfigError(key=f"targets.{self.name}.kind", problem=f"{self.kind!r} is unknown")
        object.__setattr__(self, "inputs", tuple(self.inputs))
        if self.group and self.kind != "finding":
            raise ConfigError(key=f"targets.{self.name}.group", problem="only findings form groups")
        if not self.weight > 0.0:
            raise ConfigError(key=f"targets.{self.name}.weight", problem="must exceed 0")
        if not self.high > self.low:
            raise ConfigError(key=f"targets.{self.name}.high", problem="must exceed low")

    @property
    def truth(self) -> str:
        """The name under which the data hold the true value."""
        return self.label or self.name


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
class SegmentationConfig:
    """The segmentation head, on the image encoder's feature maps.

    regions: what is outlined, in order. width: channels in which the maps are joined. weights: how
        much a region counts in training, 1 where it is not named.
    """

    regions: tuple[str, ...]
    width: int = 32
    weights: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "regions", tuple(self.regions))
        if not self.regions or len(set(self.regions)) != len(self.regions):
            raise ConfigError(key="segmentation.regions", problem="must be named, each once")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A whole architecture.

    inputs: the section of every modality that the model reads, as its channel defines it.
    """

    targets: tuple[TargetConfig, ...]
    fusion: FusionConfig
    inputs: Mapping[Modality, Any]
    segmentation: SegmentationConfig | None = None

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ConfigError(key="model", problem="names no modality")
        names = [target.name for target in self.targets]
        if len(set(names)) != len(names):
            raise ConfigError(key="model.targets", problem="two targets have the same name")
        for target in self.targets:
            if unknown := [m for m in target.inputs if m not in self.inputs]:
                raise ConfigError(
                    key=f"targets.{target.name}.inputs", problem=f"{unknown[0]} is no input"
                )
        if self.segmentation is not None and Modality.IMAGE not in self.inputs:
            raise ConfigError(key="model.segmentation", problem="needs an image")
        if self.segmentation is not None and self.image is not None and self.image.slices > 1:
            raise ConfigError(key="model.segmentation", problem="needs one image, not slices")

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The model's inputs in their fixed order, which is also the order of coalition bits."""
        return tuple(m for m in Modality if m in self.inputs)

    @property
    def findings(self) -> tuple[str, ...]:
        """Names of the targets that are findings, in order."""
        return tuple(t.name for t in self.targets if t.kind == "finding")

    @property
    def image(self) -> ImageConfig | None:
        """The image section, or None."""
        return self.inputs.get(Modality.IMAGE)

    @property
    def note(self) -> NoteConfig | None:
        """The note section, or None."""
        return self.inputs.get(Modality.NOTE)

    @property
    def observations(self) -> ObservationsConfig | None:
        """The observations section, or None."""
        return self.inputs.get(Modality.OBSERVATIONS)

    def inputs_of(self, target: TargetConfig) -> tuple[Modality, ...]:
        """Return the modalities that may speak of ``target``, in the model's order."""
        return tuple(m for m in self.modalities if not target.inputs or m in target.inputs)

    def with_input(self, modality: Modality, section: object) -> "ModelConfig":
        """Return the same architecture with another section for one modality."""
        return replace(self, inputs={**self.inputs, modality: section})

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "ModelConfig":
        """Build from parsed YAML. Raises ``ConfigError`` naming the key at fault."""
        known = {m.value: channel for m, channel in channels().items()}
        for key in values:
            if key not in {*known, "targets", "fusion", "segmentation"}:
                raise ConfigError(key=f"model.{key}", problem="unknown section")
        for key in ("targets", "fusion"):
            if not values.get(key):
                raise ConfigError(key=f"model.{key}", problem="missing")
        segmentation = values.get("segmentation")
        return cls(
            targets=tuple(
                read_section(TargetConfig, target, where="model.targets")
                for target in values["targets"]
            ),
            fusion=read_section(FusionConfig, values["fusion"], where="model.fusion"),
            inputs={
                channel.modality: read_section(channel.config, values[key], where=f"model.{key}")
                for key, channel in known.items()
                if values.get(key) is not None
            },
            segmentation=None
            if segmentation is None
            else read_section(SegmentationConfig, segmentation, where="model.segmentation"),
        )

    def to_mapping(self) -> dict[str, Any]:
        """Return plain values that ``from_mapping`` reads back to an equal configuration."""
        values: dict[str, Any] = {
            "targets": [plain(target) for target in self.targets],
            **{m.value: plain(self.inputs[m]) for m in self.modalities},
            "fusion": plain(self.fusion),
        }
        if self.segmentation is not None:
            values["segmentation"] = plain(self.segmentation)
        return values


def plain(section: Any) -> dict[str, Any]:
    """Return a section as values that YAML and JSON know, tuples as lists.

    Fields that speak of this machine alone, such as a folder to start from, are left out.
    """
    local = {f.name for f in fields(section) if f.metadata.get("is_local")}
    return {
        k: list(v) if isinstance(v, tuple) else v
        for k, v in asdict(section).items()
        if k not in local
    }
