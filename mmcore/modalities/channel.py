"""What the core asks of every modality: a configuration, a preparation, an encoder, evidence.

A modality is one ``Channel`` that is registered once. Intake, engine, ledger, training and reports
only ever go through it, so a new kind of input is a new file here and a reader in intake.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mmcore.explain.regions import blend_overlay
from mmcore.records import Case, FloatArray, Modality, PartItem, Place

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FloatArray64 = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The named parts of one modality's attribution; see ``mmcore.records.Parts``."""

    items: tuple[PartItem, ...]
    overlay: FloatArray | None = None
    overlay_box: Box | None = None
    overlay_stack: FloatArray | None = None
    overlay_of: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()


class Prepared(Protocol):
    """One modality of one case as the network reads it, with where each number came from."""

    @property
    def values(self) -> npt.NDArray[np.generic]:
        """The network's input, without a batch axis."""

    def name_parts(self, attribution: FloatArray64) -> Evidence:
        """Name the parts of an attribution.

        ``attribution`` has the shape of the embedded input, or that of ``Encoder.blend`` where the
        encoder's tokens form a ``grid``.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Preparation:
    """The outcome of reading one modality of a case.

    prepared: None where the case has nothing of it. notices: sentences on what was left aside.
    doubts: sentences that turn a score into one with caution.
    """

    prepared: Prepared | None
    notices: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


class Encoder(nn.Module):
    """Maps one modality's input to tokens (B, T, D), in two steps.

    ``embed`` turns the input into a continuous tensor, in which a straight path from the baseline
    to the patient's own input makes sense (pixels, word embeddings, standardised values with their
    mask); ``forward`` turns that into tokens. Integrated Gradients walk the path in between. No
    row of a batch may influence another.

    grid: (rows, columns) of the tokens where they tile the input like an image, else None.
    """

    grid: tuple[int, int] | None = None

    def baseline_input(self) -> Tensor:
        """Return the input, without a batch axis, that means "there is none"."""
        raise NotImplementedError

    def embed(self, inputs: Tensor) -> Tensor:
        """Return the continuous form of ``inputs``: by default the inputs themselves."""
        return inputs

    def own_tokens(self, inputs: Tensor, tokens: Tensor) -> Tensor:
        """Return (B, T): 1 for tokens that stand for something of the patient's, 0 for padding."""
        return torch.ones(tokens.shape[:2], device=tokens.device)

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Return the inputs (B, ...) as another examination of the same patients might give."""
        return inputs

    def blend(self, by_input: FloatArray64, by_token: FloatArray64) -> FloatArray64:
        """Return one attribution of two with the same sum; asked of encoders with a ``grid``.

        by_input: in the shape of the embedded input; by_token: (T, D).
        """
        assert self.grid is not None  # else nobody walks the tokens
        return blend_overlay(by_input.sum(0), by_token.sum(1).reshape(self.grid))

    def pieces(self, attribution: FloatArray64) -> FloatArray64:
        """Return the attribution summed over pieces that can be erased one by one.

        ``attribution`` as in ``Prepared.name_parts``. By default the last axis is one piece.
        """
        return attribution.sum(-1) if attribution.ndim > 1 else attribution

    def own_pieces(self, own: Tensor, baseline: Tensor) -> Tensor:
        """Return which pieces of the embedded input ``own`` (1, ...) are the patient's: bool."""
        differs = own[0] != baseline[0]
        return differs.any(-1) if differs.ndim > 1 else differs

    def erase(self, own: Tensor, baseline: Tensor, masks: Tensor) -> Tensor:
        """Return (n, ...) embedded inputs, in each of which the pieces of one mask are erased.

        ``masks``: (n, *pieces) in [0, 1]. By default the baseline stands in for what is erased.
        """
        masks = masks[..., None] if masks.ndim < own.ndim else masks
        return own + masks * (baseline - own)

    def scatter(self, noise: FloatArray64) -> FloatArray64:
        """Return noise of the shape of the pieces, as coarse as attributions of them are."""
        return noise

    def content_free(self, own: Tensor) -> tuple[FloatArray64, ...]:
        """Return scores of the pieces that any input suggests, whatever it shows."""
        return ()

    def leave_out(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Return the inputs with an ordinary part of each missing, or the same object."""
        return inputs


@dataclass(frozen=True, slots=True)
class Channel:
    """One modality as the core knows it.

    config: dataclass of its section in a model's configuration. encoder: builds the encoder from
    that section and the embedding size. prepare: reads a case; the tokenizer is that of the pack.
    first_steps: quadrature points that its path starts with.
    """

    modality: Modality
    config: type[Any]
    encoder: Callable[[Any, int], Encoder]
    prepare: Callable[[Case, Any, "Tokenizer | None"], Preparation]
    first_steps: int = 9


_CHANNELS: dict[Modality, Channel] = {}


def register(channel: Channel) -> None:
    """Make a modality known to every part of the core. Raises ``ValueError`` if it is already."""
    if channel.modality in _CHANNELS:
        raise ValueError(f"{channel.modality} has a channel already")
    _CHANNELS[channel.modality] = channel


def channels() -> Mapping[Modality, Channel]:
    """Return every registered channel by its modality."""
    return dict(_CHANNELS)


def channel_of(modality: Modality) -> Channel:
    """Return the channel of ``modality``. Raises ``KeyError`` if none is registered."""
    return _CHANNELS[modality]
