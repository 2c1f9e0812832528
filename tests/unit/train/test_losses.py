"""What each task costs: worked by hand, and free of charge where nothing is known."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from mmcore.errors import ConfigError
from mmcore.model.config import SegmentationConfig, TargetConfig, read_section
from mmcore.train.losses import (
    LossConfig,
    binary_cross_entropy,
    finding_loss,
    focal_loss,
    group_cross_entropy,
    regression_error,
    segmentation_loss,
    smooth,
)
from mmcore.train.tasks import TaskLosses

NAN = math.nan
LUNGS = SegmentationConfig(regions=("lungs",))
LOG_3 = math.log(3.0)  # the logit of 3/4


def log_odds(scores: Tensor) -> Tensor:
    p = scores.softmax(dim=1)
    return p.log() - (1.0 - p).log()


Loss = Callable[[Tensor, Tensor], Tensor]
LOSSES: dict[str, Loss] = {
    "cross-entropy": binary_cross_entropy,
    "weighted": lambda x, y: binary_cross_entropy(x, y, pos_weight=torch.tensor([2.0, 3.0])),
    "focal": lambda x, y: focal_loss(x, y, gamma=0.5, alpha=0.25),
    "smoothed": lambda x, y: finding_loss(x, y, LossConfig(label_smoothing=0.2)),
    "group": group_cross_entropy,
    "squared": regression_error,
    "huber": lambda x, y: regression_error(x, y, kind="huber"),
    "segmentation": lambda x, y: segmentation_loss(
        x[:, :, None, None].expand(-1, -1, 4, 4), y[:, :, None, None].expand(-1, -1, 4, 4)
    ),
}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())


@every_loss
def test_a_batch_in_which_nothing_is_known_costs_exactly_nothing(loss: Loss) -> None:
    logits = torch.randn(3, 2, requires_grad=True)
    cost = loss(logits, torch.full((3, 2), NAN))
    assert float(cost.detach()) == 0.0
    cost.backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad, torch.zeros(3, 2))


@every_loss
def test_a_patient_of_whom_nothing_is_known_has_no_influence(loss: Loss) -> None:
    logits, labels = torch.randn(3, 2), torch.tensor([[1.0, 0.0], [0.0, 1.0], [NAN, NAN]])
    moved = logits.clone()
    moved[2] = 40.0
    assert torch.equal(loss(logits, labels), loss(moved, labels))
    assert torch.allclose(loss(logits, labels), loss(logits[:2], labels[:2]))


@every_loss
def test_the_order_of_the_patients_does_not_matter(loss: Loss) -> None:
    logits, labels = torch.randn(3, 2), torch.tensor([[1.0, 0.0], [NAN, NAN], [0.0, 1.0]])
    turned = torch.tensor([2, 0, 1])
    assert torch.allclose(loss(logits, labels), loss(logits[turned], labels[turned]))


@every_loss
def test_extreme_logits_stay_finite(loss: Loss) -> None:
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    cost = loss(logits, torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    cost.backward()
    assert bool(cost.isfinite())
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())


# --- findings ---


def test_cross_entropy_is_the_mean_over_known_labels() -> None:
    # -log(3/4) of a positive, -log(3/4) of a negative, one not known.
    logits = torch.tensor([[LOG_3, -LOG_3, 9.0]])
    cost = binary_cross_entropy(logits, torch.tensor([[1.0, 0.0, NAN]]))
    assert float(cost) == pytest.approx(math.log(4 / 3))


def test_a_positive_weight_multiplies_the_cost_of_positives_only() -> None:
    logits = torch.tensor([[0.0], [0.0]])
    cost = binary_cross_entropy(
        logits, torch.tensor([[1.0], [0.0]]), pos_weight=torch.tensor([5.0])
    )
    assert float(cost) == pytest.approx((5 + 1) / 2 * math.log(2))


def test_target_weights_enter_the_mean() -> None:
    logits = torch.tensor([[0.0, LOG_3]])
    cost = binary_cross_entropy(logits, torch.ones(1, 2), weights=torch.tensor([3.0, 1.0]))
    assert float(cost) == pytest.approx((3 * math.log(2) + math.log(4 / 3)) / 4)


def test_focal_loss_without_focus_is_cross_entropy() -> None:
    logits, labels = torch.randn(5, 3), torch.randint(0, 2, (5, 3)).float()
    assert torch.allclose(
        focal_loss(logits, labels, gamma=0.0), binary_cross_entropy(logits, labels)
    )


def test_focal_loss_turns_from_what_is_already_right() -> None:
    # Right with 3/4: (1/4)^2 * 0.25 * log(4/3). A negative, wrong with 3/4: (3/4)^2 * 0.75 * log 4.
    right = focal_loss(torch.tensor([[LOG_3]]), torch.ones(1, 1), gamma=2.0, alpha=0.25)
    wrong = focal_loss(torch.tensor([[LOG_3]]), torch.zeros(1, 1), gamma=2.0, alpha=0.25)
    assert float(right) == pytest.approx(0.25 / 16 * math.log(4 / 3))
    assert float(wrong) == pytest.approx(0.75 * 9 / 16 * math.log(4))


def test_smoothing_moves_labels_towards_one_half() -> None:
    moved = smooth(torch.tensor([0.0, 1.0, 0.5, NAN]), 0.2)
    assert moved[:3].tolist() == pytest.approx([0.1, 0.9, 0.5])
    assert math.isnan(moved[3])


# --- classes that exclude each other ---


def test_the_cost_of_a_class_is_minus_the_logarithm_of_its_probability() -> None:
    probabilities = torch.tensor([[0.5, 0.3, 0.2]])
    logits = (probabilities / (1 - probabilities)).log()
    cost = group_cross_entropy(logits, torch.tensor([[0.0, 0.0, 1.0]]))
    assert float(cost) == pytest.approx(-math.log(0.2))


def test_a_group_learns_as_from_the_cross_entropy_of_its_softmax() -> None:
    scores = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
    truth = torch.tensor([0, 3, 1, 2, 2, 0])
    ours = group_cross_entropy(log_odds(scores), functional.one_hot(truth, 4).double())
    usual = functional.cross_entropy(scores, truth)
    assert float(ours.detach()) == pytest.approx(float(usual.detach()))
    (a,), (b,) = torch.autograd.grad(ours, scores), torch.autograd.grad(usual, scores)
    assert torch.allclose(a, b, atol=1e-12)


def test_class_weights_are_those_of_torch() -> None:
    scores, truth = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 1, 0])
    weights = torch.tensor([1.0, 2.0, 5.0])
    ours = group_cross_entropy(
        log_odds(scores), functional.one_hot(truth, 3).float(), class_weights=weights
    )
    assert torch.allclose(ours, functional.cross_entropy(scores, truth, weight=weights), atol=1e-6)


# --- regressions ---


def test_errors_are_counted_in_units_of_the_scale() -> None:
    values, labels = torch.tensor([[4.0, 250.0]]), torch.tensor([[2.0, 200.0]])
    cost = regression_error(values, labels, scale=torch.tensor([10.0, 100.0]))
    assert float(cost) == pytest.approx((0.2**2 + 0.5**2) / 2)


def test_huber_is_linear_beyond_delta() -> None:
    values = torch.tensor([[0.05], [0.30]])
    cost = regression_error(values, torch.zeros(2, 1), kind="huber", delta=0.1)
    assert float(cost) == pytest.approx((0.05**2 / 2 + 0.1 * (0.30 - 0.05)) / 2)


# --- outlines ---


def test_dice_of_half_an_overlap() -> None:
    # Four pixels, two covered, the network sure of two of which one is right:
    # 1 - (2 * 1 + 1) / (2 + 2 + 1) = 0.4.
    masks = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    logits = torch.tensor([[[[60.0, -60.0], [60.0, -60.0]]]])
    assert float(segmentation_loss(logits, masks, dice=1.0)) == pytest.approx(0.4)


def test_pixel_entropy_is_the_mean_over_known_pixels() -> None:
    masks = torch.tensor([[[[1.0, NAN], [NAN, 0.0]]]])
    logits = torch.tensor([[[[LOG_3, 50.0], [-50.0, 0.0]]]])
    cost = segmentation_loss(logits, masks, dice=0.0)
    assert float(cost) == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)


def test_a_small_outline_counts_as_much_as_a_large_one() -> None:
    # One region known in a single pixel, one in all four.
    masks = torch.full((1, 2, 2, 2), 1.0)
    masks[0, 0].view(-1)[1:] = NAN
    logits = torch.zeros(1, 2, 2, 2)
    logits[0, 1] = LOG_3
    cost = segmentation_loss(logits, masks, dice=0.0)
    assert float(cost) == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)
    weighted = segmentation_loss(logits, masks, dice=0.0, weights=torch.tensor([0.0, 1.0]))
    assert float(weighted) == pytest.approx(math.log(4 / 3))


@pytest.mark.parametrize("dice", [0.0, 0.5, 1.0])
def test_the_covered_fraction_itself_is_the_best_answer(dice: float) -> None:
    masks = torch.rand(1, 1, 4, 4, dtype=torch.float64) * 0.8 + 0.1
    best = masks.logit().requires_grad_()
    (slope,) = torch.autograd.grad(segmentation_loss(best, masks, dice=dice), best)
    assert float(slope.abs().max()) < 1e-9


def test_an_outline_that_is_empty_is_learned_too() -> None:
    empty = torch.zeros(1, 1, 4, 4)
    nothing = segmentation_loss(torch.full((1, 1, 4, 4), -9.0), empty, dice=1.0)
    something = segmentation_loss(torch.full((1, 1, 4, 4), 2.0), empty, dice=1.0)
    assert float(nothing) < 1e-5 < float(something)


# --- which column belongs to which task ---

TARGETS = (
    TargetConfig("effusion", "Effusion"),
    TargetConfig("severity", "Severity", kind="regression", unit="of 10", high=10.0),
    TargetConfig("viral", "Viral", group="cause"),
    TargetConfig("nodule", "Nodule"),
    TargetConfig("bacterial", "Bacterial", group="cause"),
    TargetConfig("other", "Other cause", group="cause"),
)
LOGITS = torch.tensor([[LOG_3, 0.5, 0.0, 0.0, 0.0, 0.0]])
LABELS = torch.tensor([[1.0, 0.3, 0.0, 0.0, 1.0, 0.0]])


def test_every_column_costs_what_its_kind_costs() -> None:
    losses = TaskLosses(TARGETS, LossConfig())(LOGITS, LABELS, None, None)
    assert {name: float(cost) for name, cost in losses.items()} == pytest.approx(
        {
            "findings": (math.log(4 / 3) + math.log(2)) / 2,
            "classes": math.log(2),
            "regressions": 0.2**2,
        }
    )


def test_a_model_has_the_tasks_that_its_targets_ask_for() -> None:
    assert TaskLosses(TARGETS, LossConfig()).tasks == ("findings", "classes", "regressions")
    assert TaskLosses(TARGETS[:1], LossConfig(), segmentation=LUNGS).tasks == (
        "findings", "segmentation",
    )  # fmt: skip


def test_the_positive_weight_of_a_column_follows_it() -> None:
    weights = torch.tensor([1.0, 9.0, 9.0, 4.0, 9.0, 9.0])
    labels = torch.tensor([[NAN, NAN, NAN, 1.0, NAN, NAN]])
    losses = TaskLosses(TARGETS, LossConfig(), pos_weight=weights)(LOGITS, labels, None, None)
    assert float(losses["findings"]) == pytest.approx(4 * math.log(2))


def test_groups_are_smoothed_over_their_own_classes() -> None:
    # 0.3 shared by three: 0.8 for the true class, 0.1 for each other.
    logits = torch.tensor([[0.0, 0.0, -LOG_3, 0.0, LOG_3, -LOG_3]])
    losses = TaskLosses(TARGETS, LossConfig(label_smoothing=0.3))(logits, LABELS, None, None)
    assert float(losses["classes"]) == pytest.approx(0.8 * math.log(4 / 3) + 0.2 * math.log(4))


def test_groups_count_by_what_is_known_of_each() -> None:
    targets = [TargetConfig(n, n, group=n[0]) for n in ("a1", "a2", "b1", "b2")]
    logits = torch.tensor([[LOG_3, -LOG_3, 0.0, 0.0]])
    half_known = torch.tensor([[1.0, 0.0, NAN, NAN]])
    losses = TaskLosses(targets, LossConfig())(logits, half_known, None, None)
    assert float(losses["classes"]) == pytest.approx(math.log(4 / 3))


def test_outlines_without_masks_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="regions and masks"):
        TaskLosses(TARGETS, LossConfig(), segmentation=LUNGS)(LOGITS, LABELS, None, None)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"finding": "hinge"}, "known: bce, focal"),
        ({"regression": "l1"}, "known: mse, huber"),
        ({"balance": "dwa"}, "known: fixed, uncertainty, gradnorm"),
        ({"focal_alpha": 1.0}, "between 0 and 1"),
        ({"label_smoothing": NAN}, r"\[0, 1\)"),
        ({"weights": {"finding": 2.0}}, "weights.finding: no such task"),
        ({"weights": {"findings": -1.0}}, "must not be negative"),
        ({"gamma": 2.0}, "unknown"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(
    values: dict[str, object], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        read_section(LossConfig, values, where="loss")


def test_a_region_counts_as_much_as_it_is_said_to() -> None:
    both = SegmentationConfig(regions=("lungs", "heart"), weights={"lungs": 3.0})
    losses = TaskLosses(TARGETS[:1], LossConfig(dice=0.0), segmentation=both)
    regions = torch.zeros(1, 2, 4, 4)
    regions[:, 0] = LOG_3
    masks = torch.ones(1, 2, 4, 4)
    cost = losses(torch.zeros(1, 1), torch.zeros(1, 1), regions, masks)["segmentation"]
    expected = (3.0 * math.log(4.0 / 3.0) + 1.0 * math.log(2.0)) / 4.0
    assert float(cost) == pytest.approx(expected)


def test_a_target_counts_as_much_as_it_is_said_to() -> None:
    targets = [TargetConfig("a", "A", weight=3.0), TargetConfig("b", "B")]
    losses = TaskLosses(targets, LossConfig())
    cost = losses(torch.tensor([[LOG_3, 0.0]]), torch.ones(1, 2), None, None)["findings"]
    assert float(cost) == pytest.approx((3.0 * math.log(4.0 / 3.0) + math.log(2.0)) / 4.0)
