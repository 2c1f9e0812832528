"""Encoders of labs and vitals: per code, all together, by attention, or as time series."""

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from mmcore.modalities.channel import Encoder, FloatArray64

if TYPE_CHECKING:
    from mmcore.modalities.observations import ObservationsConfig

VALUE, OBSERVED, AGE = 0, 1, 2  # columns of the input
P_NO_HISTORY = 0.3  # of patients in training come with their latest values alone
P_LEFT_OUT = 0.1  # of codes, and of courses of a code, are left out in training


class ObservationsEncoder(Encoder):
    """What all encoders of observations share.

    Input (B, J, S, 3), latest slot first: value (0 where unobserved), mask (1 observed, 0 not),
    age. In the slots behind the first the value is the change from an earlier value to the latest.
    """

    def __init__(self, config: "ObservationsConfig") -> None:
        super().__init__()
        self._shape = (len(config.codes), config.history, 3)

    def baseline_input(self) -> Tensor:
        """Return "nothing observed"."""
        return torch.zeros(self._shape)

    def own_tokens(self, inputs: Tensor, tokens: Tensor) -> Tensor:
        """Leave codes out that were not observed."""
        return (inputs[..., OBSERVED].amax(2) > 0).to(tokens.dtype)

    def pieces(self, attribution: FloatArray64) -> FloatArray64:
        """Return the attribution by code: a course without its latest value is no input."""
        return cast(FloatArray64, attribution.sum((1, 2)))

    def own_pieces(self, own: Tensor, baseline: Tensor) -> Tensor:
        """Return which codes were observed."""
        return (own[0] != baseline[0]).any(-1).any(-1)

    def erase(self, own: Tensor, baseline: Tensor, masks: Tensor) -> Tensor:
        """Return (n, J, S, 3) observations, some of whose codes were never observed."""
        return own + masks[..., None, None] * (baseline - own)

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Return the values jittered, and some codes and some courses missing."""
        kept = torch.rand(inputs.shape[:2], generator=generator) > P_LEFT_OUT
        jitter = torch.randn(inputs.shape[:3], generator=generator) * 0.05
        moved = inputs.clone()
        moved[..., VALUE] += jitter * inputs[..., OBSERVED]
        if self._shape[1] > 1:
            has_course = torch.rand(inputs.shape[:2], generator=generator) > P_LEFT_OUT
            has_course &= torch.rand(len(inputs), 1, generator=generator) >= P_NO_HISTORY
            moved[:, :, 1:] *= has_course[..., None, None]
        return moved * kept[..., None, None]

    def leave_out(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Return a random share of the observed codes, at least one of each patient's."""
        draws = torch.rand(inputs.shape[:2], generator=generator)
        draws = draws + (inputs[..., OBSERVED].amax(2) == 0)  # what is not there can not be kept
        kept = draws <= torch.rand(len(inputs), 1, generator=generator)
        kept[torch.arange(len(inputs)), draws.argmin(1)] = True
        return inputs * kept[..., None, None]


class TokensObservationsEncoder(ObservationsEncoder):
    """One token per kind of observation, from its last values and their masks.

    Tokens (B, J, D): an own small network per code, then one layer in which codes see each other.
    """

    def __init__(self, config: "ObservationsConfig", embed_dim: int) -> None:
        super().__init__(config)
        count, hidden, width = len(config.codes), config.hidden, 3 * config.history
        self.weight_in = nn.Parameter(torch.randn(count, width, hidden) * 0.5 * (3 / width) ** 0.5)
        self.bias_in = nn.Parameter(torch.zeros(count, hidden))
        self.weight_out = nn.Parameter(torch.randn(count, hidden, embed_dim) * hidden**-0.5)
        self.name = nn.Parameter(torch.randn(count, embed_dim) * 0.02)
        self.mixer = _mixer(embed_dim)

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (B, J, D) tokens for (B, J, S, 3) values, masks and ages."""
        hidden = torch.einsum("bji,jih->bjh", embedded.flatten(2), self.weight_in) + self.bias_in
        tokens = torch.einsum("bjh,jhd->bjd", nn.functional.silu(hidden), self.weight_out)
        return cast(Tensor, self.mixer(tokens + self.name))


class MlpObservationsEncoder(ObservationsEncoder):
    """One token for all observations together, from a perceptron of two hidden layers."""

    def __init__(self, config: "ObservationsConfig", embed_dim: int) -> None:
        super().__init__(config)
        width = len(config.codes) * config.history * 3
        self.layers = nn.Sequential(
            nn.Linear(width, config.hidden), nn.SiLU(),
            nn.Linear(config.hidden, config.hidden), nn.SiLU(),
            nn.Linear(config.hidden, embed_dim),
        )  # fmt: skip

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (B, 1, D) tokens for (B, J, S, 3) values, masks and ages."""
        return cast(Tensor, self.layers(embedded.flatten(1)))[:, None]

    def own_tokens(self, inputs: Tensor, tokens: Tensor) -> Tensor:
        """Count the one token as the patient's own."""
        return torch.ones(tokens.shape[:2], device=tokens.device)


class TransformerObservationsEncoder(ObservationsEncoder):
    """Every value is a token of its own, (B, J * S, D), in two layers of attention.

    The mask multiplies what a value adds to the name of its place, so a place without a value is
    its name alone, at any age.
    """

    def __init__(self, config: "ObservationsConfig", embed_dim: int) -> None:
        super().__init__(config)
        count = len(config.codes)
        self.weight = nn.Parameter(torch.randn(count, 3, embed_dim) * 0.5)
        self.name = nn.Parameter(torch.randn(count, 1, embed_dim) * 0.02)
        self.slot = nn.Parameter(torch.randn(config.history, embed_dim) * 0.02)
        self.layers = nn.Sequential(_mixer(embed_dim), _mixer(embed_dim))

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (B, J * S, D) tokens for (B, J, S, 3) values, masks and ages."""
        observed = embedded[..., OBSERVED : OBSERVED + 1]
        read = torch.einsum("bjsi,jid->bjsd", embedded, self.weight) * observed
        return cast(Tensor, self.layers((read + self.name + self.slot).flatten(1, 2)))

    def own_tokens(self, inputs: Tensor, tokens: Tensor) -> Tensor:
        """Leave places out that hold no value."""
        return (inputs[..., OBSERVED].flatten(1) > 0).to(tokens.dtype)


class GruObservationsEncoder(ObservationsEncoder):
    """Every code's values as a time series, oldest to latest; its last state is its token.

    Tokens (B, J, D). One cell serves all codes and knows which it reads. A slot without a value
    leaves the state as it was, so that two values mean the same whatever ``history`` is.
    """

    def __init__(self, config: "ObservationsConfig", embed_dim: int) -> None:
        super().__init__(config)
        self.kind = nn.Parameter(torch.randn(len(config.codes), config.hidden) * 0.5)
        self.cell = nn.GRUCell(3 + config.hidden, config.hidden)
        self.projection = nn.Linear(config.hidden, embed_dim)
        self.name = nn.Parameter(torch.randn(len(config.codes), embed_dim) * 0.02)
        self.mixer = _mixer(embed_dim)

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (B, J, D) tokens for (B, J, S, 3) values, masks and ages."""
        batch, codes, slots, _ = embedded.shape
        kind = self.kind.expand(batch, -1, -1).flatten(0, 1)
        state = torch.zeros_like(kind)
        for slot in reversed(range(slots)):  # the latest is slot 0
            step = embedded[:, :, slot].flatten(0, 1)
            after = self.cell(torch.cat([step, kind], dim=1), state)
            state = state + step[:, OBSERVED, None] * (after - state)
        tokens = self.projection(state).unflatten(0, (batch, codes))
        return cast(Tensor, self.mixer(tokens + self.name))


def _mixer(embed_dim: int) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(
        embed_dim, 4, dim_feedforward=2 * embed_dim, dropout=0.0, activation="gelu",
        batch_first=True, norm_first=True,
    )  # fmt: skip


OBSERVATIONS_ENCODERS: dict[str, Any] = {
    "tokens": TokensObservationsEncoder,
    "mlp": MlpObservationsEncoder,
    "transformer": TransformerObservationsEncoder,
    "gru": GruObservationsEncoder,
}
