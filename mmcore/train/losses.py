"""What each task costs. A label that is not known is NaN and costs nothing.

Every loss returns one number, a mean over what is known, in the natural unit of its task (nats,
squared units of a scale). Where nothing at all is known it is exactly 0 and still part of the
graph, so that a batch without labels needs no special case and moves no weight.
"""

from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from mmcore.errors import ConfigError

FindingLoss = Literal["bce", "focal"]
RegressionLoss = Literal["mse", "huber"]
TeacherLoss = Literal["probability", "log_odds"]
Balance = Literal["fixed", "uncertainty", "gradnorm"]

TASKS = ("findings", "classes", "regressions", "segmentation", "attribution", "alignment")
"""What a network may be trained for; "classes" are groups of findings that exclude each other."""

STEEPEST = 2.0  # log-odds of error beyond which more of it pulls no harder
_SMOOTHEST = 1e-12  # the least base of a power, whose slope at 0 may be infinite


@dataclass(frozen=True, slots=True)
class LossConfig:
    """The losses of one run, and how they are joined (mmcore/train/balance.py).

    finding: "bce", or "focal" with ``focal_gamma`` and ``focal_alpha`` (None: classes weigh alike).
    label_smoothing: each finding's label is moved by half of it towards the other class.
    pos_weight_cap: the largest weight of a rare class under "bce"; 1 turns weighting off.
    teacher: how a teacher's log-odds are learned where the data have one (``taught_loss``). taught:
        the share of that in the loss of findings, the rest being that of the labels.
    regression: "mse", or "huber" that is linear beyond ``huber_delta`` of the target's scale.
    dice: the share of soft Dice in the segmentation's loss, the rest being cross-entropy.
    attribution: the outlined region in which the evidence of a finding is to lie, by the finding
        (mmcore/train/attribution.py). Learned while training only; validation says 0.
    balance: "fixed" factors, or learned ones. weights: the factor of a task, 1 if not named.
    gradnorm_alpha: how strongly GradNorm favours tasks that lag behind.
    """

    finding: FindingLoss = "bce"
    focal_gamma: float = 2.0
    focal_alpha: float | None = None
    label_smoothing: float = 0.0
    pos_weight_cap: float = 1.0
    teacher: TeacherLoss = "log_odds"
    taught: float = 1.0
    regression: RegressionLoss = "mse"
    huber_delta: float = 0.1
    dice: float = 0.5
    attribution: dict[str, str] = field(default_factory=dict)
    balance: Balance = "fixed"
    weights: dict[str, float] = field(default_factory=dict)
    gradnorm_alpha: float = 1.5

    def __post_init__(self) -> None:
        for key, kinds in (
            ("finding", FindingLoss), ("teacher", TeacherLoss), ("regression", RegressionLoss),
            ("balance", Balance),
        ):  # fmt: skip
            if (value := getattr(self, key)) not in get_args(kinds):
                problem = f"{value!r} is unknown; known: {', '.join(get_args(kinds))}"
                raise ConfigError(key=f"loss.{key}", problem=problem)
        if unknown := sorted(set(self.weights) - set(TASKS)):
            problem = f"no such task; known: {', '.join(TASKS)}"
            raise ConfigError(key=f"loss.weights.{unknown[0]}", problem=problem)
        alpha = 0.5 if self.focal_alpha is None else self.focal_alpha
        for key, is_sound, problem in (
            ("focal_gamma", self.focal_gamma >= 0.0, "must not be negative"),
            ("focal_alpha", 0.0 < alpha < 1.0, "must lie between 0 and 1"),
            ("label_smoothing", 0.0 <= self.label_smoothing < 1.0, "must lie in [0, 1)"),
            ("pos_weight_cap", self.pos_weight_cap >= 1.0, "must be at least 1"),
            ("taught", 0.0 < self.taught <= 1.0, "must lie in (0, 1]"),
            ("huber_delta", self.huber_delta > 0.0, "must exceed 0"),
            ("dice", 0.0 <= self.dice <= 1.0, "must lie in [0, 1]"),
            ("weights", all(w >= 0.0 for w in self.weights.values()), "must not be negative"),
            ("gradnorm_alpha", self.gradnorm_alpha >= 0.0, "must not be negative"),
        ):
            if not is_sound:
                raise ConfigError(key=f"loss.{key}", problem=problem)


def finding_loss(
    logits: Tensor,
    labels: Tensor,
    config: LossConfig,
    *,
    pos_weight: Tensor | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Return the loss of (B, K) findings that ``config`` names; ``pos_weight`` (K,) is of "bce".

    ``weights`` (K,) are how much a finding counts in the mean.
    """
    labels = smooth(labels, config.label_smoothing)
    if config.finding == "focal":
        return focal_loss(
            logits, labels,
            gamma=config.focal_gamma, alpha=config.focal_alpha, weights=weights,
        )  # fmt: skip
    return binary_cross_entropy(logits, labels, pos_weight=pos_weight, weights=weights)


def taught_loss(
    logits: Tensor, log_odds: Tensor, kind: TeacherLoss, *, weights: Tensor | None = None
) -> Tensor:
    """Return how far (B, K) logits are from the log-odds of a teacher, NaN where it says nothing.

    "probability": the cross-entropy against the teacher's probability, which is never 0 between 0
    and 1 but is least there. "log_odds": half the squared error in log-odds up to ``STEEPEST``,
    beyond it linear with that slope (Huber 1964); contributions are made of log-odds, and at
    probabilities near 0 and 1 the cross-entropy hardly feels them. ``weights`` as above.
    """
    if kind == "probability":
        return binary_cross_entropy(logits, log_odds.sigmoid(), weights=weights)
    known = ~log_odds.isnan()
    truth = torch.where(known, log_odds, 0.0)
    costs = functional.huber_loss(logits, truth, delta=STEEPEST, reduction="none")
    return _mean(costs, known if weights is None else known * weights)


def smooth(labels: Tensor, amount: float) -> Tensor:
    """Return labels in [0, 1] moved towards one half: 0 becomes amount / 2, 1 becomes 1 - that.

    Source: Szegedy et al. 2016. NaN stays NaN.
    """
    return labels * (1.0 - amount) + amount / 2.0


def binary_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    *,
    pos_weight: Tensor | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Return the mean of -(w y log p + (1 - y) log(1 - p)) over known labels.

    ``logits`` and ``labels`` are (B, K), labels in [0, 1]. ``pos_weight`` (K,) is w: how much more
    a positive costs. ``weights`` (K,) are how much a target counts in the mean.
    """
    known = ~labels.isnan()
    costs = functional.binary_cross_entropy_with_logits(
        logits, torch.where(known, labels, 0.0), pos_weight=pos_weight, reduction="none"
    )
    return _mean(costs, known if weights is None else known * weights)


def focal_loss(
    logits: Tensor,
    labels: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Return the mean of -a (1 - q)^gamma log q over known (B, K) labels.

    q is the probability of the true class. ``alpha`` is a for positives, 1 - alpha for negatives;
    None leaves a = 1. A label between 0 and 1 mixes both classes in each factor.
    Source: Lin et al. 2017.
    """
    known = ~labels.isnan()
    truth = torch.where(known, labels, 0.0)
    costs = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    wrong = truth * (-logits).sigmoid() + (1.0 - truth) * logits.sigmoid()
    costs = costs * wrong.clamp(min=_SMOOTHEST) ** gamma
    if alpha is not None:
        costs = costs * (truth * alpha + (1.0 - truth) * (1.0 - alpha))
    return _mean(costs, known if weights is None else known * weights)


def group_cross_entropy(
    logits: Tensor, labels: Tensor, *, class_weights: Tensor | None = None
) -> Tensor:
    """Return the mean of -log p of the true class over patients in whom it is known.

    ``logits`` (B, C) are the columns of one group of findings that exclude each other, as the
    network gives them: log-odds log(p / (1 - p)) of each class of one softmax. ``labels`` (B, C)
    are 1 for the true class, or shares that sum to 1; a row without a true class (NaN, or all 0)
    costs nothing. ``class_weights`` (C,) are how much a class counts in the mean. Columns of
    several groups side by side give the mean over patients and groups.

    As log p = -log(1 + exp(-log-odds)), no softmax is needed, and the value and its gradient are
    those of the cross-entropy on the scores before it.
    """
    truth = labels.nan_to_num(nan=0.0)
    return _mean(
        functional.softplus(-logits), truth if class_weights is None else truth * class_weights
    )


def regression_error(
    values: Tensor,
    labels: Tensor,
    *,
    scale: Tensor | float = 1.0,
    kind: RegressionLoss = "mse",
    delta: float = 0.1,
    weights: Tensor | None = None,
) -> Tensor:
    """Return the mean error of known (B, R) labels, in units of ``scale`` (R,).

    "mse": squared error. "huber" (Huber 1964): half the squared error up to ``delta`` of the scale,
    beyond it linear with the same slope. A target's scale is its ``high - low``.
    """
    known = ~labels.isnan()
    error = torch.where(known, values - torch.where(known, labels, 0.0), 0.0) / scale
    counted = known if weights is None else known * weights
    if kind == "mse":
        return _mean(error.square(), counted)
    zero = torch.zeros_like(error)
    return _mean(functional.huber_loss(error, zero, delta=delta, reduction="none"), counted)


def segmentation_loss(
    logits: Tensor, masks: Tensor, *, weights: Tensor | None = None, dice: float = 0.5
) -> Tensor:
    """Return (1 - dice) * cross-entropy + dice * (1 - soft Dice), the mean over known outlines.

    ``logits`` and ``masks`` are (B, R, h, w); masks hold the fraction of each pixel that is
    covered, and NaN where that is not known, be it a pixel, a region or a whole patient.
    ``weights`` (R,) are how much a region counts.

    Both parts are taken per outline and then averaged, so a small region counts as much as a large
    one. Dice is 2 <p, y> / (<p, p> + <y, y>), each side plus 1 pixel so that an empty outline is
    defined; with squares it is largest at p = y for fractions too (Milletari et al. 2016).
    """
    known = ~masks.isnan()
    truth = torch.where(known, masks, 0.0)
    pixels = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    count = known.sum((2, 3))
    entropy = (pixels * known).sum((2, 3)) / count.clamp(min=1)
    p = logits.sigmoid() * known
    overlap = 2.0 * (p * truth).sum((2, 3)) + 1.0
    missed = 1.0 - overlap / (p.square().sum((2, 3)) + truth.square().sum((2, 3)) + 1.0)
    outlines = count > 0
    return _mean(
        (1.0 - dice) * entropy + dice * missed, outlines if weights is None else outlines * weights
    )


def _mean(costs: Tensor, weights: Tensor) -> Tensor:
    """Return the mean weighted by ``weights``, which are 0 where a label is not known."""
    weights = weights.to(costs.dtype).expand_as(costs)
    total = weights.sum()
    return (costs * weights).sum() / torch.where(total > 0, total, 1.0)
