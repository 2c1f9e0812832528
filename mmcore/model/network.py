"""The whole forward pass: encoders -> fusion -> heads.

``presence`` says which modalities are the patient's own. An absent modality is replaced by its
baseline input, a stored buffer, before encoding: "absent", "baseline" and the network's trained
behaviour on missing input are the same thing (docs/method.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from mmcore.modalities import Encoder, channel_of
from mmcore.modalities.image import ImageEncoder
from mmcore.model.config import ModelConfig
from mmcore.model.fusion import build_fusion
from mmcore.model.segmentation import SegmentationHead
from mmcore.records import Modality

Tokens = dict[Modality, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """What one forward pass gives.

    logits: (B, K). partial: (B, C, K) of the coalitions that were asked about. regions:
    (B, R, h, w) logits of the segmentation, None without one; rows whose image is absent hold
    zeros. tokens: (B, T, D) by modality, as the fusion got them.
    """

    logits: Tensor
    regions: Tensor | None
    tokens: Tokens
    partial: Tensor | None = None


class FusionNetwork(nn.Module):
    """M modalities in, K logits out.

    Inputs have the shapes that the encoders document. Baselines are buffers of the same shapes
    without B, part of the weights file.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.modalities = config.modalities
        dim = config.fusion.embed_dim
        encoders: dict[str, Encoder] = {}
        for modality in self.modalities:
            encoder = channel_of(modality).encoder(config.inputs[modality], dim)
            encoders[modality.value] = encoder
            self.register_buffer(f"baseline_{modality.value}", encoder.baseline_input())
        self.encoders = nn.ModuleDict(encoders)
        self.fusion = build_fusion(config.fusion, self.modalities, len(config.targets))
        self.head_weight = nn.Parameter(torch.randn(len(config.targets), dim) * dim**-0.5)
        self.head_bias = nn.Parameter(torch.zeros(len(config.targets)))
        self.segmentation: SegmentationHead | None = None
        if config.segmentation is not None:
            image = cast(ImageEncoder, encoders[Modality.IMAGE.value])
            self.segmentation = SegmentationHead(config.segmentation, image, dim)
        self.token_dropout: Mapping[Modality, float] = {}
        """While training, the chance of each token of a modality to be that of its baseline."""
        self._speakers = _speakers(config)
        self._groups = _groups(config)

    def encoder(self, modality: Modality) -> Encoder:
        """Return the encoder of ``modality``."""
        return cast(Encoder, self.encoders[modality.value])

    def baseline(self, modality: Modality) -> Tensor:
        """Return the stored baseline input of ``modality``, without a batch axis."""
        return cast(Tensor, getattr(self, f"baseline_{modality.value}"))

    def embed(self, modality: Modality, inputs: Tensor) -> Tensor:
        """Return the continuous form of ``inputs``, where attribution paths are walked."""
        return self.encoder(modality).embed(inputs)

    def tokenise(self, modality: Modality, embedded: Tensor) -> Tensor:
        """Return the encoder's tokens (B, T, D) of one modality."""
        return cast(Tensor, self.encoder(modality)(embedded))

    def project(self, modality: Modality, tokens: Tensor) -> Tensor:
        """Return what the fusion needs of one modality's tokens; looks at no other modality."""
        return self.fusion.project(modality, tokens)

    def encode(self, modality: Modality, embedded: Tensor) -> Tensor:
        """Return ``project`` of ``tokenise``: from an embedded input to what the fusion needs."""
        return self.project(modality, self.tokenise(modality, embedded))

    def summarise(self, modality: Modality, inputs: Tensor, tokens: Tensor) -> Tensor:
        """Return (B, 2D): mean and spread of the tokens that are the patient's own.

        Padding of a note and observations that are missing are left out, so that an input is not
        taken for an unusual one because there is little of it.
        """
        own = self.encoder(modality).own_tokens(inputs, tokens)
        weight = own / own.sum(1, keepdim=True).clamp(min=1)
        mean = torch.einsum("btd,bt->bd", tokens, weight)
        square = torch.einsum("btd,bt->bd", (tokens - mean[:, None]) ** 2, weight)
        return torch.cat([mean, square.sqrt()], dim=1)

    def decide(
        self, encoded: Mapping[Modality, Tensor], baseline: Mapping[Modality, Tensor]
    ) -> Tensor:
        """Return (B, K) logits for encoded modalities.

        ``baseline`` holds the encoded baseline inputs (1, T, F): they stand in for the modalities
        that may not speak of a target.
        """
        logits: list[Tensor | None] = [None] * len(self.config.targets)
        for speakers, columns in self._speakers.items():
            heard = {
                m: x if m in speakers else baseline[m].expand_as(x) for m, x in encoded.items()
            }
            vectors = self.fusion(heard)  # (B, K, D)
            raw = torch.einsum("bkd,kd->bk", vectors, self.head_weight) + self.head_bias
            for column in columns:
                logits[column] = raw[:, column]
        return self._grouped(torch.stack([x for x in logits if x is not None], dim=1))

    def decide_each(
        self,
        variants: Mapping[Modality, Tensor],
        choice: Tensor,
        baseline: Mapping[Modality, Tensor],
        *,
        column: int | None = None,
    ) -> Tensor:
        """Return (R, K) logits of R rows that read few different inputs of every modality.

        variants: encoded (V, T, F) by modality. choice: (R, M), which of them a row reads.
        ``column``: the one target that is asked about; the others may then be NaN, unless it is
        one of a group. The same as ``decide`` on the rows laid out, but for rounding.
        """
        asked = range(len(self.config.targets)) if column is None else self._group_of(column)
        raw = [torch.full((len(choice),), torch.nan, device=choice.device)] * len(
            self.config.targets
        )
        for speakers, columns in self._speakers.items():
            wanted = [c for c in columns if c in asked]
            if not wanted:
                continue
            heard = {m: x if m in speakers else baseline[m] for m, x in variants.items()}
            silent = torch.tensor([m not in speakers for m in self.modalities])
            vectors = self.fusion.forward_each(
                heard, choice.masked_fill(silent.to(choice.device), 0), wanted
            )
            for place, c in enumerate(wanted):
                raw[c] = vectors[:, place] @ self.head_weight[c] + self.head_bias[c]
        return self._grouped(torch.stack(raw, dim=1))

    def _group_of(self, column: int) -> list[int]:
        """Return the columns that the answer for ``column`` is made of."""
        return next((group for group in self._groups if column in group), [column])

    def _grouped(self, joined: Tensor) -> Tensor:
        """Return (B, K) logits with those of exclusive findings as log-odds against their rest."""
        for columns in self._groups:
            joined = joined.index_copy(
                1, torch.tensor(columns, device=joined.device), log_odds(joined[:, columns])
            )
        return joined

    def forward(
        self,
        inputs: Mapping[Modality, Tensor],
        presence: Tensor,
        coalitions: Tensor | None = None,
    ) -> Outputs:
        """Run the whole network; ``presence`` is (B, M) bool in the order of ``modalities``.

        ``coalitions``: (B, C, M), subsets of each row's presence that the fusion is asked about
        too, from the same encodings. An encoder never mixes rows, so encoding the baseline once
        for all absent rows is the same as putting the baseline input into each, and cheaper.
        """
        tokens: Tokens = {}
        encoded: Tokens = {}
        baseline: Tokens = {}
        regions: Tensor | None = None
        for column, modality in enumerate(self.modalities):
            present = presence[:, column]
            blank = self.tokenise(modality, self.embed(modality, self.baseline(modality)[None]))
            joined = blank.repeat(len(presence), 1, 1)
            own, maps = None, None
            if bool(present.any()):
                embedded = self.embed(modality, inputs[modality][present])
                if modality is Modality.IMAGE and self.segmentation is not None:
                    own, maps = self.image_with_maps(embedded)
                else:
                    own = self.tokenise(modality, embedded)
                joined[present] = own.to(joined.dtype)
            if modality is Modality.IMAGE and self.segmentation is not None:
                regions = self.segmentation.blank(len(presence), blank)
                if own is not None and maps is not None:
                    regions[present] = self.segmentation(own, maps).to(regions.dtype)
            tokens[modality] = joined
            encoded[modality] = self.project(modality, self._thinned(modality, joined, blank))
            baseline[modality] = self.project(modality, blank)
        logits = self.decide(encoded, baseline)
        partial = None if coalitions is None else self._partial(encoded, baseline, coalitions)
        return Outputs(logits, regions, tokens, partial)

    def _thinned(self, modality: Modality, tokens: Tensor, blank: Tensor) -> Tensor:
        """Return (B, T, D) tokens of which some are lost while training; see ``token_dropout``."""
        rate = self.token_dropout.get(modality, 0.0)
        if not (self.training and rate):
            return tokens
        is_lost = torch.rand(tokens.shape[:2], device=tokens.device) < rate
        return torch.where(is_lost[..., None], blank, tokens)

    def _partial(self, encoded: Tokens, baseline: Tokens, coalitions: Tensor) -> Tensor:
        """Return (B, C, K) logits when only some of a row's modalities are its own."""
        count = coalitions.shape[1]
        shown = coalitions.flatten(0, 1)
        mixed = {
            m: torch.where(
                shown[:, column, None, None], encoded[m].repeat_interleave(count, 0), baseline[m]
            )
            for column, m in enumerate(self.modalities)
        }
        return self.decide(mixed, baseline).reshape(len(coalitions), count, -1)

    def image_with_maps(self, embedded: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return image tokens (B, T, D) and the feature maps that the segmentation reads."""
        return cast(ImageEncoder, self.encoder(Modality.IMAGE)).forward_with_maps(embedded)


def log_odds(scores: Tensor) -> Tensor:
    """Return (B, C) log-odds of each class against the rest under a softmax of (B, C) scores."""
    count = scores.shape[1]
    others = [[j for j in range(count) if j != i] for i in range(count)]
    rest = torch.stack([scores[:, index].logsumexp(1) for index in others], dim=1)
    return scores - rest


def _speakers(config: ModelConfig) -> dict[tuple[Modality, ...], list[int]]:
    """Return the target columns by the modalities that may speak of them."""
    result: dict[tuple[Modality, ...], list[int]] = {}
    for column, target in enumerate(config.targets):
        result.setdefault(config.inputs_of(target), []).append(column)
    return result


def _groups(config: ModelConfig) -> list[list[int]]:
    """Return the columns of every group of findings that exclude each other."""
    names = dict.fromkeys(t.group for t in config.targets if t.group)
    return [[i for i, t in enumerate(config.targets) if t.group == name] for name in names]
