"""What a method of attribution is, what it is given, and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mmcore.explain.marginal import Ledger, weighted_marginal
from mmcore.modalities import Encoder, Prepared
from mmcore.records import Modality

FloatArray64 = npt.NDArray[np.float64]
Marginal = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One attribution that is asked for.

    ledger, modality: whose g_m. prepared: where the numbers of its input came from. inputs: the
    patient's embedded input (1, ...), ready for a gradient; start: the baseline, of the same shape.
    change: g_m at ``inputs`` minus g_m at ``start``, in logits. seed: of everything that is drawn.
    """

    ledger: Ledger
    modality: Modality
    prepared: Prepared
    inputs: Tensor
    start: Tensor
    change: float
    seed: int

    @property
    def encoder(self) -> Encoder:
        """The encoder of the modality."""
        return self.ledger.network.encoder(self.modality)

    @property
    def marginal(self) -> Marginal:
        """g_m up to a constant: (n, ...) embedded inputs to (n,) logits."""
        return weighted_marginal(self.ledger, self.modality, self.ledger.network.encode)

    def references(self) -> Tensor:
        """Return the embedded inputs (R, ...) of the pack's reference patients."""
        return embedded_references(self.ledger, self.modality).to(self.inputs)


@dataclass(frozen=True, slots=True, eq=False)
class Attributed:
    """What a method found.

    values: in the shape of the embedded input, or that of the overlay where the input has one.
    change: what the values should sum to, if the method looked from elsewhere than its request.
    miss: the largest error that the sum hides, as where two results were blended. n_steps:
    quadrature points.
    """

    values: FloatArray64
    change: float | None = None
    miss: float | None = None
    n_steps: int = 0


def always(ledger: Ledger, modality: Modality) -> str:
    """Say nothing against a method: it applies to every modality."""
    return ""


@dataclass(frozen=True, slots=True)
class Method:
    """One method of attribution.

    name: in code and on the command line. display: for readers. source: whose it is. is_complete:
    by its construction the values sum to the change of g_m. run: does the work. applies_to: "" or
    the reason why it does not apply. uses_baseline: whether the choice of baseline matters to it.
    """

    name: str
    display: str
    source: str
    is_complete: bool
    run: Callable[[Request], Attributed]
    applies_to: Callable[[Ledger, Modality], str] = always
    uses_baseline: bool = True


def embedded_references(ledger: Ledger, modality: Modality) -> Tensor:
    """Return the embedded inputs (R, ...) of the reference patients; R is 0 without any."""
    stored = ledger.network.baseline(modality)
    array = ledger.reference_inputs.get(modality)
    if array is None:
        return ledger.network.embed(modality, stored[None])[:0].detach()
    inputs = torch.from_numpy(np.asarray(array)).to(stored.device, stored.dtype)
    with torch.no_grad():
        return ledger.network.embed(modality, inputs)


def as_array(attributed: Tensor) -> FloatArray64:
    """Return the (1, ...) result of captum as an array without its batch axis."""
    values: FloatArray64 = attributed[0].detach().double().cpu().numpy()
    return values
