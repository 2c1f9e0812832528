"""The whole forward pass: encoders -> fusion -> heads.

``presence`` says which modalities are the patient's own. An absent modality is replaced by its
baseline input, a stored buffer, before encoding: "absent", "baseline" and the network's trained
behaviour on missing input are the same thing (docs/method.md).
"""

from typing import cast

import torch
from torch import Tensor, nn

from mmcore.model.config import ModelConfig
from mmcore.model.encoders import ImageEncoder, NoteEncoder, ObservationsEncoder
from mmcore.model.fusion import CrossAttentionFusion
from mmcore.records import Modality


class FusionNetwork(nn.Module):
    """M modalities in, K logits out.

    Inputs: image (B, C, H, W) float32; note (B, T) int64; observations (B, J, 2) float32.
    Baselines are buffers of the same shapes without B, part of the weights file.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.modalities = config.modalities
        dim = config.fusion.embed_dim
        encoders: dict[str, nn.Module] = {}
        if config.image is not None:
            encoders[Modality.IMAGE] = ImageEncoder(config.image, dim)
            shape = (config.image.in_chans, config.image.size, config.image.size)
            self.register_buffer("baseline_image", torch.zeros(shape))
        if config.note is not None:
            encoders[Modality.NOTE] = NoteEncoder(config.note, dim)
            empty = torch.zeros(config.note.max_tokens, dtype=torch.long)
            self.register_buffer("baseline_note", empty)
        if config.observations is not None:
            encoders[Modality.OBSERVATIONS] = ObservationsEncoder(config.observations, dim)
            unobserved = torch.zeros(len(config.observations.codes), 2)
            self.register_buffer("baseline_observations", unobserved)
        self.encoders = nn.ModuleDict(encoders)
        self.fusion = CrossAttentionFusion(config.fusion, self.modalities, len(config.targets))
        self.head_weight = nn.Parameter(torch.randn(len(config.targets), dim) * dim**-0.5)
        self.head_bias = nn.Parameter(torch.zeros(len(config.targets)))
        # Where on the image a finding lies, per image token: trained beside the main task when the
        # lesion is known, it makes the tokens that the fusion reads spatially honest.
        self.locate = nn.Linear(dim, len(config.findings)) if config.image is not None else None

    def baseline(self, modality: Modality) -> Tensor:
        """Return the stored baseline input of ``modality``, without a batch axis."""
        return cast(Tensor, getattr(self, f"baseline_{modality.value}"))

    def embed(self, modality: Modality, inputs: Tensor) -> Tensor:
        """Return the continuous form of ``inputs``, where attribution paths are walked."""
        return cast(Tensor, self.encoders[modality.value].embed(inputs))  # type: ignore[operator]

    def tokenise(self, modality: Modality, embedded: Tensor) -> Tensor:
        """Return the encoder's tokens (B, T, D) of one modality."""
        return cast(Tensor, self.encoders[modality.value](embedded))

    def encode(self, modality: Modality, embedded: Tensor) -> Tensor:
        """Return what the fusion needs of one modality, (B, T, F); looks at no other modality."""
        return self.fusion.project(modality, self.tokenise(modality, embedded))

    def summarise(self, modality: Modality, inputs: Tensor, encoded: Tensor) -> Tensor:
        """Return (B, 2F): mean and spread of the encoded tokens that are the patient's own.

        Padding of a note and observations that are missing are left out, so that an input is not
        taken for an unusual one because there is little of it.
        """
        own = torch.ones(encoded.shape[:2], device=encoded.device)
        if modality is Modality.NOTE:
            own = (inputs != self.baseline(modality)).to(encoded.dtype)
        elif modality is Modality.OBSERVATIONS:
            own = (inputs[..., 1] > 0).to(encoded.dtype)
        weight = own / own.sum(1, keepdim=True).clamp(min=1)
        mean = torch.einsum("btf,bt->bf", encoded, weight)
        square = torch.einsum("btf,bt->bf", (encoded - mean[:, None]) ** 2, weight)
        return torch.cat([mean, square.sqrt()], dim=1)

    def decide(self, encoded: dict[Modality, Tensor]) -> Tensor:
        """Return (B, K) logits for encoded modalities."""
        vectors = self.fusion(encoded)  # (B, K, D)
        return torch.einsum("bkd,kd->bk", vectors, self.head_weight) + self.head_bias

    def tokens(self, modality: Modality, inputs: Tensor, present: Tensor) -> Tensor:
        """Return (B, T, D) tokens; rows that are not ``present`` (B,) are those of the baseline.

        An encoder never mixes rows, so encoding the baseline once for all absent rows is the same
        as putting the baseline input into each of them, and cheaper.
        """
        encoder = self.encoders[modality.value]
        baseline = encoder(self.embed(modality, self.baseline(modality)[None]))
        tokens: Tensor = baseline.repeat(len(inputs), 1, 1)
        if bool(present.any()):
            own = encoder(self.embed(modality, inputs[present]))
            tokens[present] = own.to(tokens.dtype)
        return tokens

    def forward(
        self, inputs: dict[Modality, Tensor], presence: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Return (B, K) logits and, with an image, (B, T, findings) location logits.

        ``presence`` is (B, M) bool in the order of ``self.modalities``.
        """
        encoded: dict[Modality, Tensor] = {}
        location: Tensor | None = None
        for column, modality in enumerate(self.modalities):
            tokens = self.tokens(modality, inputs[modality], presence[:, column])
            if modality is Modality.IMAGE and self.locate is not None:
                location = self.locate(tokens)
            encoded[modality] = self.fusion.project(modality, tokens)
        return self.decide(encoded), location
