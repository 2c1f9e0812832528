"""Parts that fusions of vectors share: from tokens to vectors, and what follows the joining."""

from typing import cast

import torch
from torch import Tensor, nn

from mmcore.model.config import FusionConfig


class AttentionPool(nn.Module):
    """Learned queries look at the tokens of one modality (Lee et al. 2019, PMA)."""

    def __init__(self, config: FusionConfig, num_queries: int = 1) -> None:
        super().__init__()
        dim = config.embed_dim
        self.num_heads = config.num_heads
        self.norm = nn.LayerNorm(dim)
        self.query = nn.Parameter(torch.randn(num_queries, dim))
        self.to_keys_values = nn.Linear(dim, 2 * dim)
        self.to_out = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (B, queries, D) for (B, T, D) tokens."""
        keys, values = self.to_keys_values(self.norm(tokens)).chunk(2, dim=2)
        query = self.query.expand(len(tokens), -1, -1)
        seen = nn.functional.scaled_dot_product_attention(
            self._heads(query), self._heads(keys), self._heads(values)
        )
        return cast(Tensor, self.to_out(seen.transpose(1, 2).flatten(2)))

    def _heads(self, x: Tensor) -> Tensor:
        """Return (B, heads, T, D / heads) for (B, T, D)."""
        batch, tokens, dim = x.shape
        return x.reshape(batch, tokens, self.num_heads, dim // self.num_heads).transpose(1, 2)


class MeanPool(nn.Module):
    """The mean of the tokens of one modality, then a linear map.

    Empty tokens count as much as any: the padding of a short note outweighs its words. Pooling by
    attention learns to look past them.
    """

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.embed_dim)
        self.to_out = nn.Linear(config.embed_dim, config.embed_dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (B, 1, D) for (B, T, D) tokens."""
        return cast(Tensor, self.to_out(self.norm(tokens).mean(dim=1, keepdim=True)))


def build_pool(config: FusionConfig, num_queries: int = 1) -> nn.Module:
    """Return the pooling that ``config`` names, of one modality."""
    if config.pooling == "mean":
        return MeanPool(config)
    return AttentionPool(config, num_queries)


class Perceptron(nn.Module):
    """``depth`` residual layers with GELU, and a last norm; vectors (..., D) stay (..., D)."""

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        dim = config.embed_dim
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.GELU(),
                nn.Dropout(config.dropout), nn.Linear(2 * dim, dim),
            )
            for _ in range(config.depth)
        )  # fmt: skip
        self.norm = nn.LayerNorm(dim)

    def forward(self, vectors: Tensor) -> Tensor:
        """Return (..., D); every vector is treated on its own."""
        for layer in self.layers:
            vectors = vectors + layer(vectors)
        return cast(Tensor, self.norm(vectors))
