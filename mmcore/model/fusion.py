"""Fusion: from the tokens of all modalities to one vector per target.

A fusion has two steps so that coalitions are cheap. ``project`` prepares one modality's tokens and
does not look at any other modality; the engine runs it once per modality. ``forward`` joins what
was prepared; the engine runs it for all 2^M coalitions in one batch.
"""

import torch
from torch import Tensor, nn

from mmcore.model.config import FusionConfig
from mmcore.records import Modality


class CrossAttentionLayer(nn.Module):
    """Queries look at all modalities' tokens, then at each other, then pass an MLP."""

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        dim = config.embed_dim
        self.num_heads = config.num_heads
        self.norm_query, self.norm_self, self.norm_mlp = (nn.LayerNorm(dim) for _ in range(3))
        self.to_query, self.to_out = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.self_attention = nn.MultiheadAttention(dim, config.num_heads, batch_first=True)
        self.mlp = nn.Sequential(
            nn.Linear(dim, 2 * dim), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(2 * dim, dim)
        )

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Return (B, Q, D) updated queries; keys and values are (B, T, D)."""
        asked = self._heads(self.to_query(self.norm_query(queries)))
        seen = nn.functional.scaled_dot_product_attention(
            asked, self._heads(keys), self._heads(values)
        )
        queries = queries + self.to_out(seen.transpose(1, 2).flatten(2))
        normed = self.norm_self(queries)
        queries = queries + self.self_attention(normed, normed, normed, need_weights=False)[0]
        result: Tensor = queries + self.mlp(self.norm_mlp(queries))
        return result

    def _heads(self, x: Tensor) -> Tensor:
        """Return (B, heads, T, D / heads) for (B, T, D)."""
        batch, tokens, dim = x.shape
        return x.reshape(batch, tokens, self.num_heads, dim // self.num_heads).transpose(1, 2)


class CrossAttentionFusion(nn.Module):
    """One learned query per target attends to the tokens of every modality.

    After Perceiver (Jaegle et al. 2021) and Query2Label (Liu et al. 2021): tokens are read, never
    updated, so keys and values of a modality depend on that modality alone and are computed once.
    """

    def __init__(
        self, config: FusionConfig, modalities: tuple[Modality, ...], num_queries: int
    ) -> None:
        super().__init__()
        dim = config.embed_dim
        self.queries = nn.Parameter(torch.randn(1, num_queries, dim) * 0.02)
        self.norms = nn.ModuleDict({m.value: nn.LayerNorm(dim) for m in modalities})
        self.kinds = nn.ParameterDict(
            {m.value: nn.Parameter(torch.randn(1, 1, dim) * 0.02) for m in modalities}
        )
        self.to_keys_values = nn.Linear(dim, 2 * config.depth * dim)
        self.layers = nn.ModuleList(CrossAttentionLayer(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(dim)

    def project(self, modality: Modality, tokens: Tensor) -> Tensor:
        """Return (B, T, 2 * depth * D): keys and values of ``tokens`` (B, T, D) for all layers."""
        named = self.norms[modality.value](tokens) + self.kinds[modality.value]
        result: Tensor = self.to_keys_values(named)
        return result

    def forward(self, projected: dict[Modality, Tensor]) -> Tensor:
        """Return (B, Q, D), one vector per target."""
        joined = torch.cat(list(projected.values()), dim=1)
        chunks = joined.chunk(2 * len(self.layers), dim=2)
        queries = self.queries.expand(joined.shape[0], -1, -1)
        for layer, keys, values in zip(self.layers, chunks[0::2], chunks[1::2], strict=True):
            queries = layer(queries, keys, values)
        result: Tensor = self.norm(queries)
        return result
