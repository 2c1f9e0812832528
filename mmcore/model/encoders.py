"""Encoders: each maps one modality's input to tokens (B, T, D).

Every encoder has two steps. ``embed`` turns the input into a continuous tensor, in which a straight
path from the baseline to the patient's own input makes sense (pixels, word embeddings, standardised
values with their mask); ``forward`` turns that into tokens. Integrated Gradients walk the path in
between. Transformers and timm are imported here only.
"""

from typing import cast

import torch
from torch import Tensor, nn

from mmcore.model.config import ImageConfig, NoteConfig, ObservationsConfig
from mmcore.model.vision import import_timm


class ImageEncoder(nn.Module):
    """A timm backbone; every cell of its last feature map becomes a token.

    Input (B, in_chans, H, W) float32, standardised; tokens (B, h * w, D), row by row.
    """

    def __init__(self, config: ImageConfig, embed_dim: int) -> None:
        super().__init__()
        timm = import_timm()
        arguments = dict(config.arguments)
        if arguments.pop("smooth", False):
            # Group norm does not mix patients of a batch, and SiLU has a continuous derivative:
            # the quadrature of Integrated Gradients converges in fewer steps than with ReLU.
            from functools import partial

            arguments["norm_layer"] = partial(timm.layers.GroupNorm, num_groups=4)
            arguments["act_layer"] = nn.SiLU
        self.backbone = timm.create_model(
            config.name, pretrained=False, in_chans=config.in_chans, num_classes=0, **arguments
        )
        # timm's own reduction says how far the last feature map is strided.
        self.grid = config.size // int(self.backbone.feature_info[-1]["reduction"])
        self.projection = nn.Linear(self.backbone.num_features, embed_dim)
        self.position = nn.Parameter(torch.zeros(1, self.grid * self.grid, embed_dim))
        nn.init.trunc_normal_(self.position, std=0.02)

    def embed(self, image: Tensor) -> Tensor:
        """Return the image itself: its pixels are already continuous."""
        return image

    def forward(self, image: Tensor) -> Tensor:
        """Return (B, T, D) tokens for (B, in_chans, H, W) images."""
        features = self.backbone.forward_features(image)  # (B, F, h, w)
        return cast(Tensor, self.projection(features.flatten(2).transpose(1, 2)) + self.position)


class NoteEncoder(nn.Module):
    """A BERT over a fixed number of tokens, padding visible.

    Padding is not masked: an empty note is then the same input for every note length, so that
    "no note", "baseline note" and the start of the attribution path are one thing (ADR 0003).
    """

    def __init__(self, config: NoteConfig, embed_dim: int) -> None:
        super().__init__()
        from transformers import BertConfig, BertModel

        self.bert = BertModel(
            BertConfig(max_position_embeddings=config.max_tokens, **config.bert),
            add_pooling_layer=False,
        )
        self.projection = nn.Linear(self.bert.config.hidden_size, embed_dim)

    def embed(self, token_ids: Tensor) -> Tensor:
        """Return (B, T, E) word embeddings for (B, T) token ids."""
        return cast(Tensor, self.bert.embeddings.word_embeddings(token_ids))

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (B, T, D) tokens for (B, T, E) word embeddings."""
        hidden = self.bert(inputs_embeds=embedded).last_hidden_state
        return cast(Tensor, self.projection(hidden))


class ObservationsEncoder(nn.Module):
    """One token per kind of observation, from its standardised value and its mask.

    Input (B, J, 2): value (0 where unobserved) and mask (1 observed, 0 not); tokens (B, J, D).
    """

    def __init__(self, config: ObservationsConfig, embed_dim: int) -> None:
        super().__init__()
        count, hidden = len(config.codes), config.hidden
        self.weight_in = nn.Parameter(torch.randn(count, 2, hidden) * 0.5)
        self.bias_in = nn.Parameter(torch.zeros(count, hidden))
        self.weight_out = nn.Parameter(torch.randn(count, hidden, embed_dim) * hidden**-0.5)
        self.name = nn.Parameter(torch.randn(count, embed_dim) * 0.02)
        self.mixer = nn.TransformerEncoderLayer(
            embed_dim, 4, dim_feedforward=2 * embed_dim, dropout=0.0, activation="gelu",
            batch_first=True, norm_first=True,
        )  # fmt: skip

    def embed(self, observations: Tensor) -> Tensor:
        """Return the values and masks themselves: they are already continuous."""
        return observations

    def forward(self, observations: Tensor) -> Tensor:
        """Return (B, J, D) tokens for (B, J, 2) values and masks."""
        hidden = torch.einsum("bji,jih->bjh", observations, self.weight_in) + self.bias_in
        tokens = torch.einsum("bjh,jhd->bjd", nn.functional.silu(hidden), self.weight_out)
        return cast(Tensor, self.mixer(tokens + self.name))
