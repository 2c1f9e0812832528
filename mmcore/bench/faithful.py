"""Whether what an explanation names is what the network uses: take it away, or show it alone.

The order is the explanation's own, the elements that speak most for the contribution first. An
image is filled in with its own blur, everything else with its baseline. Levels are g, the
modality's Shapley-weighted marginal, from 0 at the filled-in input to 1 at the patient's own.

Source: deletion and insertion, Petsiuk, Das and Saenko 2018.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from mmcore.bench.elements import Elements
from mmcore.bench.metrics import NAN, curve_area
from mmcore.explain.marginal import Ledger, weighted_marginal
from mmcore.records import Modality

STEPS = 16
BLUR = 10.0 / 224.0  # standard deviation of the blur of an image, of its side
LEAST = 0.5  # logits between both ends; areas in shares of less are mostly noise


@dataclass(frozen=True, slots=True)
class Areas:
    """Areas under both curves, in shares of the contribution; NaN where it is too small.

    deletion: lower is better. insertion: higher is better.
    """

    deletion: float
    insertion: float


def areas(ledger: Ledger, modality: Modality, elements: Elements) -> Areas:
    """Return the areas under deletion and insertion of one modality in this order."""
    network = ledger.network
    own = ledger.embedded[modality]
    with torch.no_grad():
        blank = blank_of(ledger, modality)
        g = weighted_marginal(ledger, modality, network.encode)
        ends = _ask(g, torch.cat([blank, own]), ledger.internal_batch_size)
        span = float(ends[1] - ends[0])
        if not abs(span) >= LEAST or not len(elements.scores):
            return Areas(NAN, NAN)
        taken = _taken(elements.scores * np.sign(span), elements.owner, own)
        without = torch.where(taken, blank, own)
        alone = torch.where(taken, own, blank)
        levels = _ask(g, torch.cat([without, alone]), ledger.internal_batch_size)
    levels = (levels - ends[0]) / span
    return Areas(curve_area(levels[: STEPS + 1]), curve_area(levels[STEPS + 1 :]))


def blank_of(ledger: Ledger, modality: Modality) -> Tensor:
    """Return (1, ...): the embedded input in which nothing particular is left."""
    own = ledger.embedded[modality]
    if modality is Modality.IMAGE and own.ndim == 4:
        deviation = BLUR * own.shape[-1]
        blurred = gaussian_filter(own.cpu().numpy(), deviation, axes=(-2, -1), mode="nearest")
        return torch.from_numpy(blurred).to(own)
    baseline = ledger.network.baseline(modality)[None].to(own.device)
    return ledger.network.embed(modality, baseline)


def _taken(scores: npt.NDArray[np.float64], owner: npt.NDArray[np.intp], like: Tensor) -> Tensor:
    """Return (STEPS + 1, ...): what is taken at each step, the highest scores first."""
    rank = np.empty(len(scores) + 1)
    rank[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    rank[-1] = np.inf  # of owner -1, which is never taken
    by_value = torch.from_numpy(rank[owner]).to(like.device)
    counts = torch.linspace(0.0, float(len(scores)), STEPS + 1, device=like.device)
    shape = [-1] + [1] * by_value.ndim
    return (by_value[None] < counts.round().reshape(shape)).expand(-1, *by_value.shape)


def _ask(g: Callable[[Tensor], Tensor], points: Tensor, batch: int) -> npt.NDArray[np.float64]:
    answers = [g(points[start : start + batch]) for start in range(0, len(points), batch)]
    return np.asarray(torch.cat(answers).double().cpu().numpy(), np.float64)
