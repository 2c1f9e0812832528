"""Losses that pull the modalities of one patient together, as pre-training or beside the tasks.

They work on pairs of modalities that a patient has. Absent modalities, which the network reads as
baseline inputs, have no part in them: there is nothing in common between a patient and an empty
note. Projection heads serve training only and are not packed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmcore.errors import ConfigError
from mmcore.records import Modality

AlignmentKind = Literal["none", "contrastive", "joint"]

_SHARPEST = 100.0  # the largest 1 / temperature, as in CLIP


@dataclass(frozen=True, slots=True)
class AlignmentConfig:
    """How modalities are aligned. The loss's factor is ``LossConfig.weights["alignment"]``.

    kind: "contrastive" tells each patient's partner from those of others, "joint" makes distances
        within a patient small. dim: of the space in which they are compared, reached by a head per
        modality; 0 compares the vectors themselves, for the "aligned" fusion.
    temperature: of "contrastive", at first; fixed unless ``learn_temperature``.
    spread: of "joint", the factor of the term that keeps all patients from becoming one point.
    epochs_before: of alignment alone, before any task is learned. batch_before: patients among whom
        each looks for its partner in them. rate_before: factor of the learning rate in them; from
        chance weights, all points become one where it is too high.
    """

    kind: AlignmentKind = "none"
    dim: int = 64
    temperature: float = 0.07
    learn_temperature: bool = True
    spread: float = 1.0
    epochs_before: int = 0
    batch_before: int = 64
    rate_before: float = 0.25

    def __post_init__(self) -> None:
        if self.kind not in get_args(AlignmentKind):
            problem = f"{self.kind!r} is unknown; known: {', '.join(get_args(AlignmentKind))}"
            raise ConfigError(key="alignment.kind", problem=problem)
        if not self.dim >= 0:
            raise ConfigError(key="alignment.dim", problem="must not be negative")
        if not self.temperature >= 1.0 / _SHARPEST:
            raise ConfigError(key="alignment.temperature", problem=f"is below {1 / _SHARPEST}")
        if not self.spread >= 0.0:
            raise ConfigError(key="alignment.spread", problem="must not be negative")
        if not self.epochs_before >= 0:
            raise ConfigError(key="alignment.epochs_before", problem="must not be negative")
        if not (self.batch_before >= 2 and self.rate_before > 0.0):
            problem = "at least 2 patients and a rate above 0 are needed"
            raise ConfigError(key="alignment.batch_before", problem=problem)
        if self.epochs_before and self.kind == "none":
            raise ConfigError(key="alignment.epochs_before", problem="there is no alignment")


class Alignment(nn.Module):
    """The mean of a loss over all pairs of modalities that at least two patients of a batch have.

    Where there is no such pair it is exactly 0 and still part of the graph.
    """

    def __init__(
        self, config: AlignmentConfig, modalities: Sequence[Modality], embed_dim: int
    ) -> None:
        super().__init__()
        self.config = config
        self.modalities = tuple(modalities)
        self.heads = nn.ModuleDict({m.value: _head(embed_dim, config.dim) for m in self.modalities})

    def forward(
        self,
        vectors: Mapping[Modality, Tensor],
        presence: Tensor,
        patients: Tensor | None = None,
    ) -> Tensor:
        """Return one number for (B, T, D) tokens, whose mean is taken, or (B, D) vectors.

        ``presence`` is (B, M) bool, its columns in the order of ``modalities``. ``patients`` (B,)
        are numbers that say whose examination each row is: two of one patient are no strangers.
        """
        points = {m: self.embed(m, vectors[m]) for m in self.modalities}
        total = torch.stack([p.sum() for p in points.values()]).sum() * 0.0
        costs = []
        for a, b, both in self._pairs(presence.to(total.device)):
            same = None if patients is None else patients.to(total.device)[both]
            costs.append(self.cost(points[a][both], points[b][both], same))
        return torch.stack(costs).mean() if costs else total

    def embed(self, modality: Modality, vectors: Tensor) -> Tensor:
        """Return (B, dim) points of length 1, in float32."""
        pooled = vectors.mean(dim=1) if vectors.ndim == 3 else vectors
        with torch.autocast(pooled.device.type, enabled=False):
            projected = self.heads[modality.value](pooled.float())
            return functional.normalize(projected, dim=1)

    def cost(self, a: Tensor, b: Tensor, patients: Tensor | None) -> Tensor:
        """Return the loss of (n, dim) points of one pair of modalities, n at least 2."""
        raise NotImplementedError

    def _pairs(self, presence: Tensor) -> Iterator[tuple[Modality, Modality, Tensor]]:
        columns = dict(zip(self.modalities, presence.unbind(dim=1), strict=True))
        for a, b in combinations(self.modalities, 2):
            both = columns[a] & columns[b]
            if int(both.sum()) >= 2:
                yield a, b, both


class ContrastiveAlignment(Alignment):
    """Symmetric InfoNCE: which note of the batch belongs to this image, and the reverse.

    Sources: van den Oord et al. 2018; CLIP, Radford et al. 2021; for radiographs and reports
    ConVIRT, Zhang et al. 2022.
    """

    def __init__(
        self, config: AlignmentConfig, modalities: Sequence[Modality], embed_dim: int
    ) -> None:
        super().__init__(config, modalities, embed_dim)
        self.sharpness = nn.Parameter(  # log of 1 / temperature
            torch.tensor(-math.log(config.temperature)), requires_grad=config.learn_temperature
        )

    def cost(self, a: Tensor, b: Tensor, patients: Tensor | None) -> Tensor:
        """Return the mean of both directions' cross-entropy, log n for points that say nothing."""
        scores = a @ b.T * self.sharpness.exp().clamp(max=_SHARPEST)
        own = torch.arange(len(a), device=a.device)
        if patients is not None:
            # Another examination of the same patient is neither partner nor stranger.
            same = (patients[:, None] == patients) & (own[:, None] != own)
            scores = scores.masked_fill(same, -torch.inf)
        one, other = functional.cross_entropy(scores, own), functional.cross_entropy(scores.T, own)
        return (one + other) / 2.0


class JointAlignment(Alignment):
    """The mean squared distance between two modalities of a patient, plus a term for spread.

    Distance alone is least when every patient is one point. The second term is that of VICReg
    (Bardes et al. 2022): it costs where the standard deviation over the batch of a coordinate,
    times the root of ``dim``, is below 1, which is what points spread evenly on the sphere have.
    """

    def cost(self, a: Tensor, b: Tensor, patients: Tensor | None) -> Tensor:
        """Return distance and spread; two examinations of one patient count like any other."""
        distance = (a - b).square().sum(dim=1).mean()
        return distance + self.config.spread * (_crowding(a) + _crowding(b)) / 2.0


def build_alignment(
    config: AlignmentConfig, modalities: Sequence[Modality], embed_dim: int
) -> Alignment | None:
    """Return the alignment that ``config.kind`` names, or None for "none"."""
    match config.kind:
        case "contrastive":
            return ContrastiveAlignment(config, modalities, embed_dim)
        case "joint":
            return JointAlignment(config, modalities, embed_dim)
        case "none":
            return None


def _head(embed_dim: int, dim: int) -> nn.Module:
    if dim == 0:
        return nn.Identity()
    return nn.Sequential(
        nn.LayerNorm(embed_dim), nn.Linear(embed_dim, embed_dim), nn.GELU(),
        nn.Linear(embed_dim, dim),
    )  # fmt: skip


def _crowding(points: Tensor) -> Tensor:
    """Return 0 for (n, dim) points spread over the sphere, 1 where all are one."""
    deviation = (points.var(dim=0, correction=0) + 1e-6).sqrt() * points.shape[1] ** 0.5
    return cast(Tensor, (1.0 - deviation).clamp(min=0.0).mean())
