"""Images: a frontal radiograph as a square of pixels; see ``image_slices`` for CT series."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from mmcore.errors import ConfigError
from mmcore.explain.anatomy import Anatomy, build_anatomy
from mmcore.explain.regions import OVERLAY_CELL, blend_overlay, name_regions
from mmcore.gate.quality import tones_of
from mmcore.gate.suitability import choose_image, judge_image
from mmcore.language import say, sentence
from mmcore.modalities.channel import (
    Box,
    Channel,
    Encoder,
    Evidence,
    FloatArray64,
    Preparation,
)
from mmcore.modalities.erasing import edges_and_centre, erase_cells, scatter_cells
from mmcore.modalities.image_backbone import build_backbone
from mmcore.orientation import Side, sides_of
from mmcore.records import Case, FloatArray, Instance, Modality

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LUNG_WINDOW = (-600.0, 1500.0)  # HU, center and width
ASYMMETRY_CELLS = 7  # rows and columns in which left and right are compared
PERCENTILES = (1.0, 99.0)
AUGMENT: Mapping[str, float] = MappingProxyType(
    {
        "rotate": 0.08,  # radians, both ways
        "zoom": 0.07,
        "shift": 0.08,  # of half the side
        "contrast": 0.2,
        "brightness": 0.3,  # of a standard deviation
        "gamma": 0.0,  # of the exponent's logarithm
        "noise": 0.08,
        "flip": 0.0,  # chance of a mirrored image
        "erase": 0.0,  # chance that one rectangle is blanked
    }
)
"""Largest change of a training image, per kind, where a configuration does not say otherwise."""


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The image encoder.

    name: "cnn" (a plain stack of convolutions, ``channels`` among its arguments), or any timm model
        that yields a feature map. arguments: of ``timm.create_model``; the own argument ``smooth``
        asks for group norm and SiLU.
    size: rows and columns of the model's input.
    slices: 1 for a radiograph; more for a CT series, which is resampled to so many slices.
    window: center and width in HU of what the model sees of a CT.
    augment: how far training images are changed; see ``AUGMENT``, whose values are the defaults.
    mirror: whether the fusion, once trained, reads the tokens of the mirrored image too
        (docs/decisions/0019).
    """

    name: str
    size: int
    in_chans: int
    arguments: dict[str, Any]
    mean: float
    std: float
    augment: dict[str, float] = field(default_factory=dict)
    slices: int = 1
    window: tuple[float, ...] = LUNG_WINDOW
    mirror: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "window", tuple(float(x) for x in self.window))
        if not self.slices >= 1:
            raise ConfigError(key="image.slices", problem="must be at least 1")
        if not (len(self.window) == 2 and self.window[1] > 0):
            raise ConfigError(key="image.window", problem="must be a center and a width above 0")
        if self.mirror and self.slices > 1:
            raise ConfigError(key="image.mirror", problem="is for radiographs, not for slices")
        if unknown := sorted(set(self.augment) - set(AUGMENT)):
            raise ConfigError(key="image.augment", problem=f"{unknown[0]!r} is unknown")

    def reach(self, name: str) -> float:
        """Return how far augmentation ``name`` goes."""
        return float(self.augment.get(name, AUGMENT[name]))


@dataclass(frozen=True, slots=True, eq=False)
class PreparedImage:
    """Model input of one image.

    values: (C, H, W) float32, standardised.
    box: (row, column, rows, columns) of the stored image that the square covers; it reaches beyond
        the image where a side was padded.
    sides: which side of the patient lies at the left and right edge, where the file says so.
    lungs: (h, w) probability of lung over the square, where the model outlines it.
    tones: how the stored grey values are spread, see ``mmcore.gate.quality``; of radiographs.
    asymmetry: (D, 7, 7) how what a model sees differs from what it sees in the mirror.
    """

    values: FloatArray
    box: Box
    sides: tuple[Side, Side] | None = None
    lungs: FloatArray | None = None
    tones: FloatArray | None = None
    asymmetry: FloatArray | None = None

    def name_parts(self, attribution: npt.NDArray[np.float64]) -> Evidence:
        """Name the strongest regions of the overlay and, with an outline, sum it by place."""
        anatomy = self.anatomy()
        items = name_regions(attribution, box=self.box, sides=self.sides, anatomy=anatomy)
        places = anatomy.sum_places(attribution) if anatomy is not None else ()
        return Evidence(items, attribution.astype(np.float32), self.box, places=places)

    def anatomy(self) -> Anatomy | None:
        """Return the places of the chest, or None without a plausible outline of two lungs."""
        if self.lungs is None:
            return None
        return build_anatomy(self.lungs, image=self.values, box=self.box, sides=self.sides)


def square_image(pixels: npt.NDArray[np.generic], *, size: int, is_inverted: bool) -> PreparedImage:
    """Return a (1, size, size) image in [0, 1] from a grey frame (rows, columns).

    MONOCHROME1 is turned, the shorter side padded with the darkest value, the result resampled with
    an antialiasing filter and scaled from its 1st to its 99th percentile, so that neither window
    nor exposure decides what the network sees.
    """
    frame = pixels.astype(np.float32)
    if is_inverted:
        frame = frame.max() - frame
    rows, columns = frame.shape
    side = max(rows, columns)
    top, left = (side - rows) // 2, (side - columns) // 2
    padded = np.full((side, side), frame.min(), dtype=np.float32)
    padded[top : top + rows, left : left + columns] = frame
    resampled = np.asarray(
        Image.fromarray(padded).resize((size, size), Image.Resampling.BILINEAR), dtype=np.float32
    )
    low, high = np.percentile(resampled, PERCENTILES)
    scale = float(high - low) or 1.0
    scaled = ((resampled - low) / scale).clip(0.0, 1.0).astype(np.float32)
    return PreparedImage(scaled[None], (float(-top), float(-left), float(side), float(side)))


def prepare_image(instance: Instance, config: ImageConfig) -> PreparedImage:
    """Return the model input of the first frame of a grey ``instance``.

    Raises ``ValueError`` for colour: the caller decides what the model may look at.
    """
    if instance.is_color:
        raise ValueError("the model reads grey images only")
    square = square_image(instance.pixels[0], size=config.size, is_inverted=instance.is_inverted)
    values = (square.values - config.mean) / config.std
    repeated = np.repeat(values, config.in_chans, axis=0)
    tones = tones_of(instance.pixels[0])
    return PreparedImage(repeated, square.box, sides_of(instance), tones=tones)


def prepare(case: Case, config: ImageConfig, tokenizer: "Tokenizer | None") -> Preparation:
    """Choose the image or the CT series of the case that the model reads, and read it."""
    if config.slices > 1:
        from mmcore.modalities.image_slices import prepare_slices  # it builds on this module

        return prepare_slices(case, config)
    instance, why = choose_image(case.instances)
    if instance is None:
        return Preparation(None, (sentence(why),) if case.instances else ())
    count = len(case.instances)
    notices = (say("The model read one of {count} images.", count=count),) if count > 1 else ()
    return Preparation(prepare_image(instance, config), notices, judge_image(instance).doubts)


class ImageEncoder(Encoder):
    """A timm backbone; every cell of its last feature map becomes a token.

    Input (B, in_chans, H, W) float32, standardised; tokens (B, h * w, D), row by row, then, where
    the configuration asks for ``mirror``, as many of the image seen in a mirror.

    maps: (channels, rows) of every feature map of the backbone, finest first.
    """

    def __init__(self, config: ImageConfig, embed_dim: int) -> None:
        super().__init__()
        backbone = build_backbone(config.name, in_chans=config.in_chans, arguments=config.arguments)
        self.backbone = backbone
        # The reductions say how far each feature map is strided.
        levels = backbone.feature_info
        side = config.size // int(levels[-1]["reduction"])
        self.grid = (side, side)
        self.maps = tuple(
            (int(level["num_chs"]), config.size // int(level["reduction"])) for level in levels
        )
        self._shape = (config.in_chans, config.size, config.size)
        self._cells = (config.size // OVERLAY_CELL, config.size // OVERLAY_CELL)
        self._config = config
        self.projection = nn.Linear(backbone.num_features, embed_dim)
        self.position = nn.Parameter(torch.zeros(1, side * side, embed_dim))
        nn.init.trunc_normal_(self.position, std=0.02)

    def baseline_input(self) -> Tensor:
        """Return a blank image; training puts the mean training image in its place."""
        return torch.zeros(self._shape)

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (B, T, D) tokens for (B, in_chans, H, W) images."""
        tokens = self._tokens(self.backbone.forward_features(embedded))
        if not self._has_mirror:
            return tokens
        mirrored = self._tokens(self.backbone.forward_features(embedded.flip(-1)))
        return torch.cat([tokens, mirrored], dim=1)

    def forward_with_maps(self, embedded: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the tokens and the backbone's feature maps (B, C_i, h_i, w_i), finest first."""
        last, maps = self.backbone.forward_intermediates(embedded)
        if not self._has_mirror:
            return self._tokens(last), maps
        mirrored = self._tokens(self.backbone.forward_features(embedded.flip(-1)))
        return torch.cat([self._tokens(last), mirrored], dim=1), maps

    @property
    def _has_mirror(self) -> bool:
        """Whether both views are seen: training sees one, mirrored at random if it is asked to."""
        return self._config.mirror and not self.training

    def as_seen(self, tokens: Tensor) -> Tensor:
        """Return (B, h * w, D): the tokens of the image itself, without those of its mirror."""
        assert self.grid is not None  # an image encoder has one
        return tokens[:, : self.grid[0] * self.grid[1]]

    def asymmetry(self, embedded: Tensor, tokens: Tensor) -> Tensor:
        """Return (B, D, 7, 7): tokens less those of the image seen in a mirror, in mean cells.

        ``tokens``: those of ``embedded``. Of a mirrored image the sign is the other one.
        """
        assert self.grid is not None  # an image encoder has one
        own = self.as_seen(tokens)
        mirrored = tokens[:, own.shape[1] :]
        if not self._has_mirror:
            mirrored = self._tokens(self.backbone.forward_features(embedded.flip(-1)))
        difference = (own - mirrored).transpose(1, 2)
        maps = difference.reshape(*difference.shape[:2], *self.grid)
        return functional.adaptive_avg_pool2d(maps, ASYMMETRY_CELLS)

    def blend(self, by_input: FloatArray64, by_token: FloatArray64) -> FloatArray64:
        """Return the overlay; what both views of a place say is added."""
        assert self.grid is not None  # an image encoder has one
        per_view = by_token.sum(1).reshape(-1, *self.grid)
        tokens = per_view[0] + sum(view[:, ::-1] for view in per_view[1:])
        return blend_overlay(by_input.sum(0), tokens)

    def _tokens(self, features: Tensor) -> Tensor:
        return cast(Tensor, self.projection(features.flatten(2).transpose(1, 2)) + self.position)

    def pieces(self, attribution: FloatArray64) -> FloatArray64:
        """Return the overlay itself: its cells are erased one by one."""
        return attribution

    def own_pieces(self, own: Tensor, baseline: Tensor) -> Tensor:
        """Return (h, w) that every cell of the overlay is the patient's."""
        return torch.ones(self._cells, dtype=torch.bool)

    def erase(self, own: Tensor, baseline: Tensor, masks: Tensor) -> Tensor:
        """Return (n, C, H, W) images whose erased cells show the mean of all training images.

        A black patch would be a finding, and a blur keeps what is large, such as an effusion.
        """
        return erase_cells(own, baseline, masks)

    def scatter(self, noise: FloatArray64) -> FloatArray64:
        """Return noise as smooth as an overlay."""
        return scatter_cells(noise)

    def content_free(self, own: Tensor) -> tuple[FloatArray64, ...]:
        """Return how sharp the image is in each cell, and how near each is to the centre."""
        return edges_and_centre(own, self._cells)

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Return the images with other contrast, brightness and noise; see ``warp`` for shape."""
        count, reach = len(inputs), self._config.reach

        def spread(name: str) -> Tensor:
            return (torch.rand(count, 1, 1, 1, generator=generator) * 2.0 - 1.0) * reach(name)

        unit = inputs * self._config.std + self._config.mean
        if reach("gamma"):
            unit = unit.clamp(0.0, 1.0) ** spread("gamma").exp()
        changed = (unit - self._config.mean) / self._config.std
        changed = changed * (1.0 + spread("contrast")) + spread("brightness")
        noise = torch.randn(inputs.shape, generator=generator) * spread("noise").abs()
        return self._erase(changed + noise, generator)

    def _erase(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Blank one rectangle of some images, so that no single place decides."""
        chance, side = self._config.reach("erase"), images.shape[-1]
        for row in range(len(images) if chance else 0):
            draw = torch.rand(5, generator=generator)
            if float(draw[0]) < chance:
                high, wide = (int(side * (0.1 + 0.25 * float(x))) for x in draw[1:3])
                top, left = (
                    int(float(x) * (side - n)) for x, n in zip(draw[3:], (high, wide), strict=True)
                )
                images[row, :, top : top + high, left : left + wide] = 0.0
        return images

    def draw_warp(self, count: int, generator: torch.Generator) -> Tensor:
        """Return (count, 2, 3) affine maps: rotation, zoom, shift, and mirrored now and then."""
        reach = self._config.reach

        def spread(name: str, *shape: int) -> Tensor:
            return (torch.rand(shape or (count,), generator=generator) * 2.0 - 1.0) * reach(name)

        angle, zoom = spread("rotate"), 1.0 + spread("zoom")
        theta = torch.zeros(count, 2, 3)
        theta[:, 0, 0], theta[:, 0, 1] = zoom * angle.cos(), -zoom * angle.sin()
        theta[:, 1, 0], theta[:, 1, 1] = zoom * angle.sin(), zoom * angle.cos()
        theta[:, :, 2] = spread("shift", count, 2)
        mirrored = torch.rand(count, generator=generator) < reach("flip")
        theta[mirrored, :, 0] *= -1.0
        return theta


def warp(maps: Tensor, theta: Tensor, *, padding: str) -> Tensor:
    """Return (B, C, H, W) maps moved by the affine maps ``theta`` (B, 2, 3)."""
    grid = functional.affine_grid(theta, list(maps.shape), align_corners=False)
    return functional.grid_sample(maps, grid, padding_mode=padding, align_corners=False)


def build(config: ImageConfig, embed_dim: int) -> Encoder:
    """Return the encoder that the configuration asks for."""
    if config.slices > 1:
        from mmcore.modalities.image_slices import SlicesEncoder  # it builds on this module

        return SlicesEncoder(config, embed_dim)
    return ImageEncoder(config, embed_dim)


CHANNEL = Channel(Modality.IMAGE, ImageConfig, build, prepare, first_steps=6)
