"""Gene panels: one token per locus of the panel. No claim about any variant is made or stored."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mmcore.errors import ConfigError
from mmcore.language import joined, say
from mmcore.modalities.channel import Channel, Encoder, Evidence, Preparation
from mmcore.records import Case, FloatArray, Modality, PartItem, Variant
from mmcore.wording import copies_text, effect_text

if TYPE_CHECKING:
    from tokenizers import Tokenizer

COPIES, COVERED = 0, 1  # columns of the input


@dataclass(frozen=True, slots=True)
class VariantsConfig:
    """The gene panel encoder.

    loci: identifiers as in ``Variant.variant_id``, in token order.
    name: "tokens" (one token per locus) or "mlp" (one token for the whole panel).
    """

    loci: list[str]
    hidden: int = 16
    name: str = "tokens"

    def __post_init__(self) -> None:
        if self.name not in ENCODERS:
            problem = f"{self.name!r} is unknown; known: {', '.join(ENCODERS)}"
            raise ConfigError(key="variants.name", problem=problem)
        if not self.loci or len(set(self.loci)) != len(self.loci):
            raise ConfigError(key="variants.loci", problem="must name loci, each once")


@dataclass(frozen=True, slots=True, eq=False)
class PreparedVariants:
    """Model input of a gene panel.

    values: (L, 2) float32: copies of the alternate allele / 2, and 1 for a locus that was covered.
    used: the variant at each locus, None where it is reference.
    """

    values: FloatArray
    used: tuple[Variant | None, ...]

    def name_parts(self, attribution: npt.NDArray[np.float64]) -> Evidence:
        """Name every variant that is there; all loci without one are one item."""
        totals = attribution.sum(1)
        items = [
            PartItem(_words(variant), (variant.variant_id,), float(total))
            for variant, total in zip(self.used, totals, strict=True)
            if variant is not None
        ]
        items.sort(key=lambda item: -abs(item.signed))
        reference = [t for v, t in zip(self.used, totals, strict=True) if v is None]
        if reference:
            words = say("no variant at the other {count} loci", count=len(reference))
            items.append(PartItem(words, (), float(sum(reference))))
        return Evidence(tuple(items))


def _words(variant: Variant) -> str:
    parts = [f"{variant.gene} {variant.variant_id}".strip()]
    if effect := effect_text(variant):
        parts.append(effect)
    return joined([*parts, copies_text(variant.copies)], ", ")


def prepare(case: Case, config: VariantsConfig, tokenizer: "Tokenizer | None") -> Preparation:
    """Read the variants of the case at the loci that the model knows."""
    if not case.variants:
        return Preparation(None)
    by_id = {v.variant_id: v for v in case.variants}
    used = tuple(
        v if (v := by_id.get(locus)) is not None and v.copies > 0 else None for locus in config.loci
    )
    known = sum(v.variant_id in config.loci for v in case.variants)
    total = len(case.variants)
    if not known:
        return Preparation(None, (say("The model knows none of the variants of the gene panel."),))
    notices = (
        ()
        if known == total
        else (say("The model knows {known} of {total} variants.", known=known, total=total),)
    )
    # A file that reports reference calls lists every locus that could be called; one that lists
    # variants alone means reference everywhere else.
    unlisted = -1 if any(v.copies == 0 for v in case.variants) else 0
    copies = [by_id[locus].copies if locus in by_id else unlisted for locus in config.loci]
    values = panel_values(np.array(copies, dtype=np.int8)[None])[0]
    return Preparation(PreparedVariants(values, used), notices)


def panel_values(copies: npt.NDArray[np.int8]) -> FloatArray:
    """Return (N, L, 2) network inputs of (N, L) copies, -1 where a locus was not covered."""
    values = np.zeros((*copies.shape, 2), dtype=np.float32)
    values[..., COPIES] = np.maximum(copies, 0) / 2.0
    values[..., COVERED] = copies >= 0
    return values


class VariantsEncoder(Encoder):
    """What all encoders of gene panels share: input (B, L, 2), copies and coverage."""

    def __init__(self, config: VariantsConfig) -> None:
        super().__init__()
        self._shape = (len(config.loci), 2)

    def baseline_input(self) -> Tensor:
        """Return "no locus covered"."""
        return torch.zeros(self._shape)

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Return the panels with 5 % of their loci not covered."""
        kept = torch.rand(inputs.shape[:2], generator=generator) > 0.05
        return inputs * kept[..., None]

    def leave_out(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Return the panels with up to half of their loci not covered."""
        share = 0.5 * torch.rand(len(inputs), 1, generator=generator)
        return inputs * (torch.rand(inputs.shape[:2], generator=generator) >= share)[..., None]


class TokensVariantsEncoder(VariantsEncoder):
    """One token per locus from its own small network: tokens (B, L, D)."""

    def __init__(self, config: VariantsConfig, embed_dim: int) -> None:
        super().__init__(config)
        count, hidden = len(config.loci), config.hidden
        self.weight_in = nn.Parameter(torch.randn(count, 2, hidden) * 0.5)
        self.bias_in = nn.Parameter(torch.zeros(count, hidden))
        self.weight_out = nn.Parameter(torch.randn(count, hidden, embed_dim) * hidden**-0.5)
        self.name = nn.Parameter(torch.randn(count, embed_dim) * 0.02)
        self.norm = nn.LayerNorm(embed_dim)

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (B, L, D) tokens for (B, L, 2) copies and coverage."""
        hidden = torch.einsum("bli,lih->blh", embedded, self.weight_in) + self.bias_in
        tokens = torch.einsum("blh,lhd->bld", nn.functional.silu(hidden), self.weight_out)
        return cast(Tensor, self.norm(tokens + self.name))

    def own_tokens(self, inputs: Tensor, tokens: Tensor) -> Tensor:
        """Leave loci out that were not covered."""
        return inputs[..., COVERED].to(tokens.dtype)


class MlpVariantsEncoder(VariantsEncoder):
    """One token for the whole panel, from a perceptron that sees loci together: (B, 1, D)."""

    def __init__(self, config: VariantsConfig, embed_dim: int) -> None:
        super().__init__(config)
        self.layers = nn.Sequential(
            nn.Linear(2 * len(config.loci), config.hidden), nn.SiLU(),
            nn.Linear(config.hidden, config.hidden), nn.SiLU(),
            nn.Linear(config.hidden, embed_dim),
        )  # fmt: skip

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (B, 1, D) tokens for (B, L, 2) copies and coverage."""
        return cast(Tensor, self.layers(embedded.flatten(1)))[:, None]


ENCODERS: dict[str, Any] = {"tokens": TokensVariantsEncoder, "mlp": MlpVariantsEncoder}


def build(config: VariantsConfig, embed_dim: int) -> Encoder:
    """Return the encoder that the configuration names."""
    encoder: Encoder = ENCODERS[config.name](config, embed_dim)
    return encoder


CHANNEL = Channel(Modality.VARIANTS, VariantsConfig, build, prepare)
