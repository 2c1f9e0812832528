"""What the parts of one modality are put to for this very case, before anyone is shown them.

Deletion and insertion (Petsiuk et al. 2018): the pieces that speak most for the modality's own
direction are erased, then shown alone, and g, the modality's Shapley-weighted marginal, is asked
again. Half the sum of both changes is the Shapley value of these pieces against all others: what
they add, be it first or last. It has to beat that of as many random pieces and, of an image, to do
no worse than pieces that follow from no finding at all: its edges and its centre. What is erased is
filled in by the encoder (the mean image, the quiet background of a sound, the baseline elsewhere),
never black.

Stability: a little noise on the input must not make another map of it (Alvarez-Melis and
Jaakkola 2018).

Everything that hangs on the case alone, the erased controls above all, is encoded once per case and
serves all of its targets.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import rankdata
from torch import Tensor

from mmcore.language import say
from mmcore.modalities import Encoder
from mmcore.records import PartTest

ERASING, STABILITY = say("deletion and insertion"), say("stability")  # names of the tests
FRACTION = 0.1  # of the pieces are erased or shown
RANDOM_CONTROLS = 4
SPARED = 0.1  # of the contribution, by which edges or centre may do better than the map
FEWEST_PIECES = 4  # with fewer there is nothing else to choose
LEAST = 0.05  # logits: what moved the score by less has no parts to speak of
NOISE = 0.02  # of the spread of the input
STABLE = 0.7  # rank correlation of the two maps

FloatArray64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One modality of one encoded case, as its parts are tried.

    own, baseline: (1, ...) embedded inputs. ask: (n, ...) embedded inputs to (C, n, K) what the
    network says of all targets. weigh: from there to (n,) values of g for this target. outlines:
    (n, ...) embedded inputs to a rough attribution of each, any shape. kept: what belongs to the
    case and is used again by its targets.
    """

    encoder: Encoder
    own: Tensor
    baseline: Tensor
    ask: Callable[[Tensor], Tensor]
    weigh: Callable[[Tensor], Tensor]
    outlines: Callable[[Tensor], list[FloatArray64]]
    kept: dict[str, Tensor]


def try_parts(trial: Trial, attribution: FloatArray64, contribution: float) -> tuple[PartTest, ...]:
    """Return the tests of parts that sum to ``contribution``, each passed, failed or not held.

    ``attribution``: as ``Prepared.name_parts`` takes it.
    """
    if not abs(contribution) >= LEAST:
        words = say(
            "it moved the score by {contribution:+.3f}: too little to test its parts",
            contribution=contribution,
        )
        return _not_held(ERASING, words), _not_held(STABILITY, words)
    return _erasing(trial, attribution, contribution), _stability(trial)


def _erasing(trial: Trial, attribution: FloatArray64, contribution: float) -> PartTest:
    with torch.no_grad():
        pieces = trial.encoder.pieces(attribution)
        own = trial.encoder.own_pieces(trial.own, trial.baseline).numpy(force=True)
        count = max(1, round(FRACTION * int(own.sum())))
        if own.sum() < FEWEST_PIECES:
            words = say("{n} pieces leave nothing to compare with", n=int(own.sum()))
            return _not_held(ERASING, words)
        sign = math.copysign(1.0, contribution)
        speaking = np.where(own, sign * pieces, -np.inf)
        chosen = torch.from_numpy(_strongest(speaking, count) & (speaking > 0))
        masks = _controls(trial, own, count)
        if "controls" not in trial.kept:
            everything = torch.ones_like(masks[:1])
            tried = [_erase(trial, m) for m in (masks, 1.0 - masks, everything)]
            trial.kept["controls"] = trial.ask(torch.cat([*tried, trial.own]))
        mine = chosen.to(masks)[None]
        own_two = trial.ask(torch.cat([_erase(trial, mine), _erase(trial, 1.0 - mine)]))
        answers = trial.weigh(torch.cat([own_two, trial.kept["controls"]], dim=1)).double()
        erased_own, shown_own, *rest = (answers * sign / abs(contribution)).tolist()
        erased, shown, (none, full) = rest[: len(masks)], rest[len(masks) : -2], rest[-2:]
    taken = full - np.array([erased_own, *erased])
    made = np.array([shown_own, *shown]) - none
    return _compared(taken, made)


def _controls(trial: Trial, own: npt.NDArray[np.bool_], count: int) -> Tensor:
    """Return (n, *pieces) masks of ``count`` pieces that no finding had a part in choosing."""
    draw = np.random.default_rng(0)
    scores = [trial.encoder.scatter(draw.random(own.shape)) for _ in range(RANDOM_CONTROLS)]
    scores += list(trial.encoder.content_free(trial.own))
    masks = [_strongest(np.where(own, score, -np.inf), count) for score in scores]
    return torch.from_numpy(np.stack(masks)).to(trial.own)


def _erase(trial: Trial, masks: Tensor) -> Tensor:
    return trial.encoder.erase(trial.own, trial.baseline, masks)


def _strongest(scores: FloatArray64, count: int) -> npt.NDArray[np.bool_]:
    """Return where the ``count`` largest scores are, the first of equal ones."""
    order = np.argsort(-scores, axis=None, kind="stable")[:count]
    chosen = np.zeros(scores.size, dtype=bool)
    chosen[order] = True
    return chosen.reshape(scores.shape)


def _compared(taken: FloatArray64, made: FloatArray64) -> PartTest:
    """Judge the first pieces by the others; all numbers are parts of the contribution.

    What makes all of it is not outdone by what makes more than all.
    """
    values = (taken + made) / 2
    own, random, known = values[0], values[1 : 1 + RANDOM_CONTROLS], values[1 + RANDOM_CONTROLS :]
    limit = float(random.max())
    numbers = {
        "part": FRACTION, "taken": float(taken[0]), "made": float(made[0]), "random": limit
    }  # fmt: skip
    words = say(
        "the strongest {part:.0%} of its pieces take {taken:.0%} of the contribution away and make "
        "{made:.0%} of it alone; random ones reach {random:.0%} of it at most",
        **numbers,
    )
    passed = bool(own >= limit)  # NaN does not pass
    if len(known):
        content_free = float(known.max())
        words = say(
            "the strongest {part:.0%} of its pieces take {taken:.0%} of the contribution away and "
            "make {made:.0%} of it alone; random ones reach {random:.0%} of it at most, its edges "
            "or centre {content_free:.0%}",
            **numbers,
            content_free=content_free,
        )
        least = min(content_free, 1.0) - SPARED
        passed = passed and bool(own >= least)
        limit = max(limit, least)
    return PartTest(ERASING, passed, float(own), limit, words)


def _stability(trial: Trial) -> PartTest:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(trial.own.shape, generator=generator).to(trial.own)
    differs = (trial.own != trial.baseline).to(trial.own)
    spread = (trial.own - trial.baseline).std()
    noisy = trial.own + NOISE * spread * noise * differs
    before, after = trial.outlines(torch.cat([trial.own, noisy]))
    value = _rank_correlation(before.ravel(), after.ravel())
    words = say(
        "with a little noise on the input the map keeps a rank correlation of {value:.2f}",
        value=value,
    )
    return PartTest(STABILITY, bool(value >= STABLE), value, STABLE, words)


def _rank_correlation(a: FloatArray64, b: FloatArray64) -> float:
    """Return Spearman's correlation; NaN where one of them is constant."""
    if a.size < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def _not_held(name: str, words: str) -> PartTest:
    return PartTest(name, None, float("nan"), float("nan"), words)
