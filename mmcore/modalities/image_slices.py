"""CT series: slices through one 2D backbone, pooled by attention into one grid of tokens."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from mmcore.explain.regions import MAX_REGIONS, blend_overlay, name_regions
from mmcore.gate.suitability import choose_series, judge_series, slices_of
from mmcore.language import say, sentence
from mmcore.modalities.channel import Box, Evidence, FloatArray64, Preparation
from mmcore.modalities.erasing import edges_and_centre
from mmcore.modalities.image import ImageConfig, ImageEncoder
from mmcore.orientation import Side, sides_of
from mmcore.records import Case, FloatArray, Instance, PartItem


@dataclass(frozen=True, slots=True, eq=False)
class PreparedSlices:
    """Model input of one CT series.

    values: (S, H, W) float32, standardised. box: as of ``PreparedImage``, the same for all slices.
    numbers: which slice of the series, from 1 on, is the middle of each; count: of the series.
    digests: of the instances with these numbers.
    """

    values: FloatArray
    box: Box
    numbers: tuple[int, ...]
    count: int
    digests: tuple[str, ...]
    sides: tuple[Side, Side] | None = None

    def name_parts(self, attribution: FloatArray64) -> Evidence:
        """Name the strongest regions of the strongest slices of an (S, rows, columns) stack."""
        found = []
        for number, overlay in zip(self.numbers, attribution, strict=True):
            for item in name_regions(overlay, box=self.box, sides=self.sides)[:-1]:
                words = say(
                    "slice {number} of {count}, {place}",
                    number=number,
                    count=self.count,
                    place=item.what,
                )
                found.append(PartItem(words, (*item.where, float(number)), item.signed))
        found.sort(key=lambda item: -abs(item.signed))
        items = found[:MAX_REGIONS]
        rest = float(attribution.sum()) - sum(item.signed for item in items)
        return Evidence(
            (*items, PartItem(say("rest of the slices"), (), rest)),
            overlay_box=self.box,
            overlay_stack=attribution.astype(np.float32),
            overlay_of=self.digests,
        )


def slab_weights(count: int, slabs: int) -> npt.NDArray[np.float32]:
    """Return (slabs, count): how much of each of ``count`` slices lies in each of equal slabs.

    Rows sum to 1. All slices count alike, so nothing small between two slabs is passed over.
    """
    edges = np.arange(slabs + 1) * count / slabs
    low = np.maximum(edges[:-1, None], np.arange(count))
    high = np.minimum(edges[1:, None], np.arange(1, count + 1))
    share = np.maximum(high - low, 0.0)
    return cast(FloatArray, (share / share.sum(1, keepdims=True)).astype(np.float32))


def prepare_series(slices: tuple[Instance, ...], config: ImageConfig) -> PreparedSlices:
    """Return the model input of axial slices of one size in HU, in the order they lie in.

    Each is windowed, padded to a square with what is darkest and resampled with an antialiasing
    filter; then equal slabs of the series are averaged to ``config.slices``.
    """
    low = config.window[0] - config.window[1] / 2
    rows, columns = slices[0].pixels.shape[1:3]
    side = max(rows, columns)
    top, left = (side - rows) // 2, (side - columns) // 2
    weights = slab_weights(len(slices), config.slices)
    unit = np.zeros((config.slices, config.size, config.size), np.float32)
    for column, instance in enumerate(slices):
        padded = np.zeros((side, side), np.float32)
        shown = (instance.pixels[0].astype(np.float32) - low) / config.window[1]
        padded[top : top + rows, left : left + columns] = shown.clip(0.0, 1.0)
        small = Image.fromarray(padded).resize(
            (config.size, config.size), Image.Resampling.BILINEAR
        )
        for slab in np.flatnonzero(weights[:, column]):
            unit[slab] += weights[slab, column] * np.asarray(small)
    middles = (np.arange(config.slices) + 0.5) * len(slices) / config.slices
    indices = [int(middle) for middle in middles]
    return PreparedSlices(
        values=((unit - config.mean) / config.std).astype(np.float32),
        box=(float(-top), float(-left), float(side), float(side)),
        numbers=tuple(index + 1 for index in indices),
        count=len(slices),
        digests=tuple(slices[index].digest for index in indices),
        sides=sides_of(slices[0]),
    )


def prepare_slices(case: Case, config: ImageConfig) -> Preparation:
    """Choose the CT series of the case that the model reads, and read it."""
    series, why = choose_series(case.studies)
    if series is None:
        return Preparation(None, (sentence(why),) if case.instances else ())
    slices = slices_of(series)
    others = sum(len(study.series) for study in case.studies) - 1
    notices = []
    if others:
        notices.append(say("The model read one of {count} image series.", count=others + 1))
    if len(slices) > config.slices:
        notices.append(
            say(
                "The model read the {slices} slices as {averages} averages of neighbours.",
                slices=len(slices),
                averages=config.slices,
            )
        )
    left_out = len(series.instances) - len(slices)
    if left_out == 1:
        notices.append(say("The model left out 1 image of another size in the series."))
    elif left_out:
        notices.append(
            say("The model left out {n} images of another size in the series.", n=left_out)
        )
    return Preparation(prepare_series(slices, config), tuple(notices), judge_series(series).doubts)


class SlicesEncoder(ImageEncoder):
    """Every slice through the same 2D backbone; at each place of its grid attention over slices.

    Input (B, S, H, W) float32, standardised; tokens (B, h * w, D), row by row: what stands at a
    place in the body, seen from above, taken from the slices that matter there.
    """

    def __init__(self, config: ImageConfig, embed_dim: int) -> None:
        super().__init__(config, embed_dim)
        self._shape = (config.slices, config.size, config.size)
        self._channels = config.in_chans
        self.level = nn.Parameter(torch.zeros(1, config.slices, 1, embed_dim))
        nn.init.trunc_normal_(self.level, std=0.02)
        self.relevance = nn.Sequential(
            nn.Linear(embed_dim, embed_dim), nn.Tanh(), nn.Linear(embed_dim, 1, bias=False)
        )

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (B, T, D) tokens for (B, S, H, W) slices."""
        read, weight = self._read(embedded)
        return (weight * read).sum(1)

    def slice_weights(self, embedded: Tensor) -> Tensor:
        """Return (B, S): the share of attention that each slice gets over all places; sums to 1."""
        return self._read(embedded)[1].mean((2, 3))

    def _read(self, embedded: Tensor) -> tuple[Tensor, Tensor]:
        """Return (B, S, T, D) tokens of every slice and (B, S, T, 1) attention over slices."""
        images = embedded.flatten(0, 1)[:, None].expand(-1, self._channels, -1, -1)
        tokens = self._tokens(self.backbone.forward_features(images))
        read = tokens.reshape(*embedded.shape[:2], *tokens.shape[1:]) + self.level
        # Attention of several slices at one place (Ilse et al. 2018).
        return read, self.relevance(read).softmax(1)

    def forward_with_maps(self, embedded: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Refuse: an outline on one image has no meaning for a series."""
        raise NotImplementedError("a series of slices has no segmentation")

    def own_pieces(self, own: Tensor, baseline: Tensor) -> Tensor:
        """Return (S, h, w) that every cell of every slice is the patient's."""
        return torch.ones((self._shape[0], *self._cells), dtype=torch.bool)

    def content_free(self, own: Tensor) -> tuple[FloatArray64, ...]:
        """Return, for all slices, how sharp each cell is and how near to the centre."""
        maps = [edges_and_centre(own[:, i : i + 1], self._cells) for i in range(own.shape[1])]
        sharp, near = zip(*maps, strict=True)
        return np.stack(sharp), np.stack(near)

    def blend(self, by_input: FloatArray64, by_token: FloatArray64) -> FloatArray64:
        """Return (S, rows, columns) overlays that sum to the attribution.

        Tokens say which place in the plane counts, but not at which level: there, what they say is
        shared out among the slices as the pixels' magnitudes are.
        """
        assert self.grid is not None  # an image encoder has one
        count, rows, columns = by_input.shape
        h, w = self.grid
        inside = (count, h, rows // h, w, columns // w)
        share = np.abs(by_input).reshape(inside).sum((2, 4))
        total = share.sum(0)
        share = np.where(total > 0, share / np.where(total > 0, total, 1.0), 1.0 / count)
        tokens = by_token.sum(1).reshape(self.grid) * share
        stack = [blend_overlay(own, level) for own, level in zip(by_input, tokens, strict=True)]
        return np.stack(stack)
