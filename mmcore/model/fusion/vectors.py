"""Fusions of one vector per modality: concatenated, summed, gated, multiplied or aligned.

Modalities are stacked in the order of their names, so the weights do not depend on the order in
which a model lists them.
"""

import math
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from mmcore.model.config import FusionConfig
from mmcore.model.fusion.base import Fusion
from mmcore.model.fusion.pooling import Perceptron, build_pool
from mmcore.records import Modality


class VectorFusion(Fusion):
    """Pool each modality to a vector, join the vectors, and let a perceptron follow.

    A subclass says how vectors are joined, in ``join``.
    """

    def __init__(
        self, config: FusionConfig, modalities: tuple[Modality, ...], num_targets: int
    ) -> None:
        super().__init__(config, tuple(sorted(modalities)), num_targets)
        self.pools = nn.ModuleDict({m.value: build_pool(config) for m in self.modalities})
        self.perceptron = Perceptron(config)

    def project(self, modality: Modality, tokens: Tensor) -> Tensor:
        """Return (B, 1, D), the pooled vector of ``tokens`` (B, T, D)."""
        return cast(Tensor, self.pools[modality.value](tokens))

    def join(self, vectors: Tensor) -> Tensor:
        """Return (B, 1 or K, D) for (B, M, D) vectors."""
        raise NotImplementedError

    def forward(self, projected: Mapping[Modality, Tensor]) -> Tensor:
        """Return (B, K, D), one vector per target."""
        joined = self.join(torch.cat(self.in_order(projected), dim=1))
        vectors: Tensor = self.perceptron(joined)
        return vectors.expand(-1, self.num_targets, -1)

    def named(self, shares: Tensor) -> dict[Modality, Tensor]:
        """Return (B, K) per modality for (B, K or 1, M) shares."""
        columns = shares.expand(-1, self.num_targets, -1).unbind(dim=2)
        return dict(zip(self.modalities, columns, strict=True))


class ConcatFusion(VectorFusion):
    """Early fusion: all vectors side by side into one perceptron."""

    def __init__(
        self, config: FusionConfig, modalities: tuple[Modality, ...], num_targets: int
    ) -> None:
        super().__init__(config, modalities, num_targets)
        dim = config.embed_dim
        self.mix = nn.Sequential(
            nn.Linear(len(modalities) * dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim)
        )

    def join(self, vectors: Tensor) -> Tensor:
        """Return (B, 1, D) for (B, M, D) vectors."""
        return cast(Tensor, self.mix(vectors.flatten(1)))[:, None]


class MeanFusion(VectorFusion):
    """The plain mean of the vectors: the joining has nothing to learn."""

    def join(self, vectors: Tensor) -> Tensor:
        """Return (B, 1, D) for (B, M, D) vectors."""
        return vectors.mean(dim=1, keepdim=True)

    def weights(self, projected: Mapping[Modality, Tensor]) -> dict[Modality, Tensor]:
        """Return 1 / M for every modality."""
        first, count = self.in_order(projected)[0], len(self.modalities)
        return self.named(first.new_full((len(first), 1, count), 1.0 / count))


class WeightedSumFusion(VectorFusion):
    """A sum of the vectors whose weights are learned per target, positive and sum to 1."""

    def __init__(
        self, config: FusionConfig, modalities: tuple[Modality, ...], num_targets: int
    ) -> None:
        super().__init__(config, modalities, num_targets)
        self.importance = nn.Parameter(torch.zeros(num_targets, len(modalities)))

    def join(self, vectors: Tensor) -> Tensor:
        """Return (B, K, D) for (B, M, D) vectors."""
        return torch.einsum("km,bmd->bkd", self.importance.softmax(dim=1), vectors)

    def weights(self, projected: Mapping[Modality, Tensor]) -> dict[Modality, Tensor]:
        """Return the learned weights, the same for every patient."""
        rows = len(self.in_order(projected)[0])
        return self.named(self.importance.softmax(dim=1).expand(rows, -1, -1))


class GatedFusion(VectorFusion):
    """Gated multimodal units (Arevalo et al. 2017).

    Every modality has a gate per dimension that sees all vectors: a modality that another one makes
    doubtful, or that is at its baseline, can be shut out.
    """

    def __init__(
        self, config: FusionConfig, modalities: tuple[Modality, ...], num_targets: int
    ) -> None:
        super().__init__(config, modalities, num_targets)
        dim, count = config.embed_dim, len(modalities)
        self.contents = nn.ModuleList(nn.Linear(dim, dim) for _ in modalities)
        self.to_gates = nn.Linear(count * dim, count * dim)

    def gates(self, vectors: Tensor) -> Tensor:
        """Return (B, M, D) in (0, 1) for (B, M, D) vectors."""
        opened: Tensor = self.to_gates(vectors.flatten(1)).sigmoid()
        return opened.reshape(vectors.shape)

    def join(self, vectors: Tensor) -> Tensor:
        """Return (B, 1, D) for (B, M, D) vectors."""
        pairs = zip(self.contents, vectors.unbind(dim=1), strict=True)
        content = torch.stack([linear(vector).tanh() for linear, vector in pairs], dim=1)
        return (self.gates(vectors) * content).sum(dim=1, keepdim=True)

    def weights(self, projected: Mapping[Modality, Tensor]) -> dict[Modality, Tensor]:
        """Return how far each gate is open, the mean over its dimensions; they need not sum to 1.

        Gates are shared by all targets.
        """
        opened = self.gates(torch.cat(self.in_order(projected), dim=1)).mean(dim=2)
        return self.named(opened[:, None])


class BilinearFusion(VectorFusion):
    """Low-rank multimodal fusion (Liu et al. 2018): products of modalities, in ``rank`` terms.

    The outer product of all vectors, each with a 1 appended, mapped by a tensor of low rank. It
    needs neither product nor tensor: sum over r of a_r * product over m of (W_rm x_m + c_rm). A
    factor depends on one modality alone, so it is computed in ``project``. The constants start at
    1, where the products are sums of single modalities plus small interactions.
    """

    def __init__(
        self, config: FusionConfig, modalities: tuple[Modality, ...], num_targets: int
    ) -> None:
        super().__init__(config, modalities, num_targets)
        dim, rank = config.embed_dim, config.rank
        self.factors = nn.ModuleDict({m.value: nn.Linear(dim, rank * dim) for m in self.modalities})
        for factor in self.factors.values():
            nn.init.ones_(cast(Tensor, factor.bias))
        self.rank_weights = nn.Parameter(torch.randn(rank) * rank**-0.5)
        self.bias = nn.Parameter(torch.zeros(dim))

    def project(self, modality: Modality, tokens: Tensor) -> Tensor:
        """Return (B, rank, D): the modality's factor of every term."""
        vector = super().project(modality, tokens)[:, 0]
        factor: Tensor = self.factors[modality.value](vector)
        return factor.reshape(len(tokens), self.config.rank, self.config.embed_dim)

    def forward(self, projected: Mapping[Modality, Tensor]) -> Tensor:
        """Return (B, K, D), one vector per target."""
        terms = math.prod(self.in_order(projected), start=self.rank_weights[:, None])
        vectors: Tensor = self.perceptron(terms.sum(dim=1, keepdim=True) + self.bias)
        return vectors.expand(-1, self.num_targets, -1)


class AlignedFusion(MeanFusion):
    """A joint embedding: every modality becomes a unit vector in one space, and these are averaged.

    Meant for training with a loss that pulls the unit vectors of one patient together
    (mmcore/train/alignment.py), which takes what ``project`` returns.
    """

    def __init__(
        self, config: FusionConfig, modalities: tuple[Modality, ...], num_targets: int
    ) -> None:
        super().__init__(config, modalities, num_targets)
        dim = config.embed_dim
        self.to_joint = nn.ModuleDict({m.value: nn.Linear(dim, dim) for m in self.modalities})

    def project(self, modality: Modality, tokens: Tensor) -> Tensor:
        """Return (B, 1, D), a vector of length 1 in the joint space."""
        vector: Tensor = self.to_joint[modality.value](super().project(modality, tokens))
        # Smooth at 0 too, unlike a maximum with the norm.
        return vector * (vector.square().sum(dim=2, keepdim=True) + 1e-12).rsqrt()
