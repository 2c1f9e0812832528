"""Can somebody tell who was trained on? The likelihood-ratio attack, and the one by the loss alone.

Many models are trained on random halves of the same patients. Of each model the attacker asks, for
every patient: is what it says of them more like models that knew them, or like models that did not?
The attacker knows labels, the way of training and all other models; this is more than anybody real
would, so that what is not told apart here is not told apart.

Source: Carlini et al. 2022 (LiRA, online, one variance for all models of a kind); Yeom et al. 2018
(the loss alone).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from mmcore.evaluate.metrics import auroc, finding_statistic
from mmcore.evaluate.resample import Figure, FloatArray, resample
from mmcore.federated.judging import answers, truths
from mmcore.model.network import FusionNetwork
from mmcore.train.dataset import TrainingSet

LEAST_MODELS = 4
SPREAD = 1e-3  # the least standard deviation of a patient's signal over models

Mask = npt.NDArray[np.bool_]
Train = Callable[[TrainingSet, int], FusionNetwork]
"""From some patients and the number of the model to a trained network."""


@dataclass(frozen=True, slots=True)
class Attack:
    """How well the attacker does: AUROC over patients and models, 0.5 is by chance.

    ratio: of the likelihood ratio. loss: of the loss alone. models, patients: how many. gap: macro
    AUROC on the model's own patients minus that on the others, mean over models.
    """

    ratio: Figure
    loss: Figure
    models: int
    patients: int
    gap: float


def attack(patients: TrainingSet, train: Train, *, models: int, seed: int = 0) -> Attack:
    """Train ``models`` networks on random halves of ``patients`` and attack each by the others.

    Halves come in pairs that exclude each other, so that every patient is known to half of the
    models. Raises ``ValueError`` for fewer than ``LEAST_MODELS`` or an odd number of them.
    """
    if models < LEAST_MODELS or models % 2:
        raise ValueError(f"{models} models; an even number of at least {LEAST_MODELS} is needed")
    rng = np.random.default_rng(seed)
    count = len(patients)
    known = np.zeros((models, count), dtype=bool)
    for first in range(0, models, 2):
        known[first, rng.permutation(count)[: count // 2]] = True
        known[first + 1] = ~known[first]
    truth = truths(patients)
    said = []
    for number, rows in enumerate(known):
        network = train(patients.subset(np.flatnonzero(rows).tolist()), number)
        said.append(answers(network.cpu(), patients))
    return judge_attack(np.stack(said), truth, known)


def judge_attack(said: FloatArray, truth: FloatArray, known: Mask) -> Attack:
    """Return how well models (S) give away whom (S, N) they know.

    said: (S, N, F) logits of the findings. truth: (N, F), NaN where unknown.
    """
    models, count = known.shape
    told = np.isfinite(truth)
    signal: FloatArray = np.where(truth > 0.5, said, -said)  # of what is true
    losses = (np.logaddexp(0.0, -signal) * told).sum(axis=2) / np.maximum(told.sum(axis=1), 1)
    ratio = np.stack([_ratio(signal, told, known, number) for number in range(models)])
    who = np.tile(np.arange(count), models)
    labels = known.ravel().astype(np.float64)
    return Attack(
        ratio=_figure(labels, ratio.ravel(), who),
        loss=_figure(labels, -losses.ravel(), who),
        models=models,
        patients=count,
        gap=float(np.mean([_gap(said[m], truth, known[m]) for m in range(models)])),
    )


def _ratio(signal: FloatArray, told: Mask, known: Mask, number: int) -> FloatArray:
    """Return (N,) log-likelihood ratios of having been known to model ``number``.

    Findings are taken as independent; each patient has a mean of their own among models that know
    them and among those that do not, and all patients share the spread. ``told`` (N, F): labels
    that are known. The model's twin, which learned from the other half, is left out with it: else
    of whom it knows one model fewer would be left, and the count alone would tell.
    """
    others = np.arange(len(signal)) // 2 != number // 2
    inside = _moments(signal[others], told, known[others])
    outside = _moments(signal[others], told, ~known[others])
    own = signal[number]
    terms = stats.norm.logpdf(own, *inside) - stats.norm.logpdf(own, *outside)
    result: FloatArray = (terms * told).sum(axis=1)
    return result


def _moments(signal: FloatArray, told: Mask, chosen: Mask) -> tuple[FloatArray, FloatArray]:
    """Return (N, F) means over the chosen models, and (F,) spreads that all patients share."""
    weight = chosen[:, :, None].astype(np.float64)
    mean = (signal * weight).sum(axis=0) / weight.sum(axis=0)
    square = ((signal - mean) ** 2 * weight * told).sum(axis=(0, 1))
    spread = np.sqrt(square / np.maximum((weight * told).sum(axis=(0, 1)), 1.0))
    return mean, np.maximum(spread, SPREAD)


def _figure(labels: FloatArray, scores: FloatArray, who: npt.NDArray[np.int64]) -> Figure:
    statistic = finding_statistic(labels, scores, operating_point=0.5, names=("auroc",))
    return resample(statistic, rows=len(labels), groups=who)["auroc"].figure()


def _gap(said: FloatArray, truth: FloatArray, known: Mask) -> float:
    inside, outside = (
        np.nanmean([auroc(truth[rows, k], said[rows, k]) for k in range(truth.shape[1])])
        for rows in (known, ~known)
    )
    return float(inside - outside)
