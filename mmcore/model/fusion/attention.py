"""Cross-attention: one query per target reads the tokens of all modalities."""

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from mmcore.model.config import FusionConfig
from mmcore.model.fusion.base import Fusion
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
        return self._rest(queries, seen)

    def _rest(self, queries: Tensor, seen: Tensor, asked: Sequence[int] | None = None) -> Tensor:
        """Return (B, Q, D): the layer behind its attention to tokens ``seen`` (B, H, Q, d).

        ``asked``: the queries that are wanted, (B, len(asked), D); all, if None.
        """
        queries = queries + self.to_out(seen.transpose(1, 2).flatten(2))
        normed = self.norm_self(queries)
        own = normed
        if asked is not None:
            queries, own = queries[:, asked], normed[:, asked]
        queries = queries + self.self_attention(own, normed, normed, need_weights=False)[0]
        result: Tensor = queries + self.mlp(self.norm_mlp(queries))
        return result

    def forward_each(
        self,
        queries: Tensor,
        keys: Sequence[Tensor],
        values: Sequence[Tensor],
        orders: Sequence[Tensor],
        asked: Sequence[int] | None = None,
    ) -> Tensor:
        """Return what ``forward`` returns for rows that share keys and values.

        queries: (R, K, D), or (1, K, D) where all rows still ask the same. keys, values: (V, T, D)
        of each modality; orders: (V, R / V) the rows that read each variant. ``asked``: the
        queries that are wanted; all, if None. Attention over all tokens is the attention over
        each modality's own, weighed by the sums of its exponentials.
        """
        looking = self._heads(self.to_query(self.norm_query(queries)))
        attend = self._attend_alike if len(looking) == 1 else self._attend
        parts = [attend(looking, *own) for own in zip(keys, values, orders, strict=True)]
        weights = torch.stack([mass for _, mass in parts]).softmax(0)
        seen = sum(
            part * weight[..., None] for (part, _), weight in zip(parts, weights, strict=True)
        )
        return self._rest(queries, cast(Tensor, seen), asked)

    def _attend(
        self, asked: Tensor, keys: Tensor, values: Tensor, order: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return (R, H, K, d) means of one modality's values, and (R, H, K) logs of their mass."""
        rows, heads, count, dim = asked.shape
        sorted_ = asked[order].transpose(1, 2).flatten(2, 3)  # (V, H, R / V * K, d)
        means, mass = self._means(sorted_, keys, values)
        back = order.flatten().argsort()
        shape = (len(order), heads, order.shape[1], count)
        means = means.reshape(*shape, dim).transpose(1, 2).reshape(rows, heads, count, dim)
        mass = mass.reshape(shape).transpose(1, 2).reshape(rows, heads, count)
        return means[back], mass[back]

    def _attend_alike(
        self, asked: Tensor, keys: Tensor, values: Tensor, order: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return what ``_attend`` does where all rows ask the same: (1, H, K, d) ``asked``."""
        means, mass = self._means(asked, keys, values)
        variant = order.flatten().argsort() // order.shape[1]
        return means[variant], mass[variant]

    def _means(self, asked: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return (V, H, Q, d) means of ``values`` as (V or 1, H, Q, d) see them, and their mass.

        As logsumexp and softmax, with one exponential for both.
        """
        scores = asked @ self._heads(keys).transpose(2, 3) * asked.shape[3] ** -0.5
        highest = scores.detach().amax(3, keepdim=True)
        shares = (scores - highest).exp()
        total = shares.sum(3, keepdim=True)
        return (shares @ self._heads(values)) / total, (highest + total.log())[..., 0]

    def looks(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Return (B, Q, T): where queries look, the mean over heads; sums to 1 over tokens."""
        asked = self._heads(self.to_query(self.norm_query(queries)))
        scores = asked @ self._heads(keys).transpose(2, 3) * asked.shape[3] ** -0.5
        shares: Tensor = scores.softmax(dim=3)
        return shares.mean(dim=1)

    def _heads(self, x: Tensor) -> Tensor:
        """Return (B, heads, T, D / heads) for (B, T, D)."""
        batch, tokens, dim = x.shape
        return x.reshape(batch, tokens, self.num_heads, dim // self.num_heads).transpose(1, 2)


class CrossAttentionFusion(Fusion):
    """One learned query per target attends to the tokens of every modality.

    After Perceiver (Jaegle et al. 2021) and Query2Label (Liu et al. 2021): tokens are read, never
    updated, so keys and values of a modality depend on that modality alone and are computed once.
    """

    def __init__(
        self, config: FusionConfig, modalities: tuple[Modality, ...], num_targets: int
    ) -> None:
        super().__init__(config, modalities, num_targets)
        dim = config.embed_dim
        self.queries = nn.Parameter(torch.randn(1, num_targets, dim) * 0.02)
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

    def forward(self, projected: Mapping[Modality, Tensor]) -> Tensor:
        """Return (B, K, D), one vector per target."""
        queries, keys, values = self._prepare(projected)
        for layer, key, value in zip(self.layers, keys, values, strict=True):
            queries = layer(queries, key, value)
        result: Tensor = self.norm(queries)
        return result

    def forward_each(
        self,
        variants: Mapping[Modality, Tensor],
        choice: Tensor,
        asked: Sequence[int] | None = None,
    ) -> Tensor:
        """Return (R, K, D) without laying out every row's tokens, where rows are shared evenly.

        The queries of the first layer are the same in every row, so it looks once per variant. The
        last layer is finished for the targets that are asked about only.
        """
        orders = []
        for column, modality in enumerate(self.modalities):
            count = len(variants[modality])
            if len(choice) % count:
                return super().forward_each(variants, choice, asked)
            order = choice[:, column].argsort(stable=True).reshape(count, -1)
            if not torch.equal(choice[order, column], _numbers(count, choice).expand_as(order)):
                return super().forward_each(variants, choice, asked)
            orders.append(order)
        parts = [variants[m].chunk(2 * len(self.layers), dim=2) for m in self.modalities]
        queries: Tensor = self.queries
        for depth, layer in enumerate(self.layers):
            keys, values = [p[2 * depth] for p in parts], [p[2 * depth + 1] for p in parts]
            wanted = asked if depth == len(self.layers) - 1 else None
            queries = cast(CrossAttentionLayer, layer).forward_each(
                queries, keys, values, orders, wanted
            )
        return cast(Tensor, self.norm(queries))

    def weights(self, projected: Mapping[Modality, Tensor]) -> dict[Modality, Tensor]:
        """Return the attention that each modality's tokens get; sums to 1 over modalities.

        The mean over heads and layers. A modality with many tokens gets more of it.
        """
        queries, keys, values = self._prepare(projected)
        looks = []
        for layer, key, value in zip(self.layers, keys, values, strict=True):
            looks.append(cast(CrossAttentionLayer, layer).looks(queries, key))
            queries = layer(queries, key, value)
        lengths = [tokens.shape[1] for tokens in self.in_order(projected)]
        parts = torch.split(torch.stack(looks).mean(dim=0), lengths, dim=2)
        return {m: part.sum(dim=2) for m, part in zip(self.modalities, parts, strict=True)}

    def _prepare(
        self, projected: Mapping[Modality, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return (B, K, D) queries, and (B, T, D) keys and values per layer."""
        joined = torch.cat(self.in_order(projected), dim=1)
        chunks = joined.chunk(2 * len(self.layers), dim=2)
        queries = self.queries.expand(joined.shape[0], -1, -1)
        return queries, chunks[0::2], chunks[1::2]


def _numbers(count: int, like: Tensor) -> Tensor:
    """Return (count, 1): 0, 1, 2, ..."""
    return torch.arange(count, device=like.device, dtype=like.dtype)[:, None]
