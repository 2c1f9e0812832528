"""Which patients an epoch sees: by hand, in expectation, and the same again after a resume."""

import math

import pytest
import torch
from torch import Tensor

from mmcore.train.imbalance import (
    CAP,
    balanced_weights,
    draw,
    independent_weights,
    order_of_epoch,
    pos_weights,
)

NAN = math.nan


def share(labels: Tensor, weights: Tensor, among: Tensor) -> float:
    """Return the weighted share of positives of one label among some rows where it is known."""
    rows = among & ~labels.isnan()
    return float((weights[rows] * labels[rows]).sum() / weights[rows].sum())


def confounded(count: int = 2000, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return (N, 3) labels, two of which are commoner in stratum 1, and the strata."""
    generator = torch.Generator().manual_seed(seed)
    strata = (torch.rand(count, generator=generator) < 0.3).long()
    chances = torch.tensor([[0.05, 0.2, 0.3], [0.25, 0.5, 0.3]])[strata]
    labels = (torch.rand(count, 3, generator=generator) < chances).float()
    labels[torch.rand(count, 3, generator=generator) < 0.2] = NAN
    return labels, strata


# --- weights of positives ---


def test_a_positive_weighs_as_many_negatives_as_there_are_per_positive() -> None:
    labels = torch.tensor([[1.0, 1.0], [0.0, NAN], [0.0, 0.0], [0.0, 1.0], [NAN, NAN]])
    assert pos_weights(labels).tolist() == pytest.approx([3.0, 0.5])


def test_the_weight_of_a_positive_is_capped_on_both_sides() -> None:
    labels = torch.zeros(100, 2)
    labels[0, 0], labels[1:, 1] = 1.0, 1.0
    assert pos_weights(labels, cap=20.0).tolist() == pytest.approx([20.0, 0.05])
    assert pos_weights(labels, cap=1.0).tolist() == [1.0, 1.0]


def test_where_nothing_can_be_balanced_the_weight_is_one() -> None:
    labels = torch.tensor([[0.0, 1.0, NAN], [0.0, 1.0, NAN]])
    assert pos_weights(labels).tolist() == [1.0, 1.0, 1.0]


# --- balanced sampling ---


def test_both_values_of_a_single_label_are_drawn_equally_often() -> None:
    labels = torch.tensor([[1.0], [0.0], [0.0], [0.0]])
    # One positive of four: 2 for it, 2/3 for each other.
    assert balanced_weights(labels).tolist() == pytest.approx([2.0, 2 / 3, 2 / 3, 2 / 3])


def test_a_patient_without_labels_is_worth_the_average() -> None:
    weights = balanced_weights(torch.tensor([[1.0], [0.0], [0.0], [NAN]]))
    assert float(weights[3]) == pytest.approx(1.0)
    assert float(weights.mean()) == pytest.approx(1.0)


def test_rare_labels_come_closer_to_one_half() -> None:
    labels, _ = confounded()
    weights, everyone = balanced_weights(labels), torch.ones(len(labels), dtype=torch.bool)
    for column in labels.unbind(dim=1):
        plain = share(column, torch.ones(len(labels)), everyone)
        assert abs(share(column, weights, everyone) - 0.5) < abs(plain - 0.5)


# --- labels that shall not depend on a confounder ---


def test_one_label_and_two_strata_by_hand() -> None:
    # Stratum 0: 3 without, 1 with. Stratum 1: 1 without, 3 with. Independent cells hold 2 each.
    labels = torch.tensor([0.0, 0, 0, 1, 0, 1, 1, 1])[:, None]
    strata = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    weights = independent_weights(labels, strata)
    thirds = [2 / 3] * 3
    assert weights.tolist() == pytest.approx([*thirds, 2.0, 2.0, *thirds])


def test_no_label_depends_on_the_stratum() -> None:
    labels, strata = confounded()
    weights = independent_weights(labels, strata)
    for column in labels.unbind(dim=1):
        assert share(column, weights, strata == 0) == pytest.approx(
            share(column, weights, strata == 1), abs=1e-6
        )


def test_labels_and_strata_stay_as_common_as_they_were() -> None:
    labels, strata = confounded()
    weights, before = independent_weights(labels, strata), torch.ones(len(labels))
    everyone = torch.ones(len(labels), dtype=torch.bool)
    for column in labels.unbind(dim=1):
        assert share(column, weights, everyone) == pytest.approx(
            share(column, before, everyone), abs=1e-3
        )
    assert share(strata.float(), weights, everyone) == pytest.approx(
        share(strata.float(), before, everyone), abs=5e-3
    )


def test_what_is_independent_already_stays_as_it_is() -> None:
    labels = torch.tensor([0.0, 1, 0, 1])[:, None]
    weights = independent_weights(labels, torch.tensor([0, 0, 1, 1]))
    assert weights.tolist() == pytest.approx([1.0] * 4)


def test_a_stratum_where_all_are_alike_is_left_as_it_is() -> None:
    labels = torch.tensor([0.0, 0, 0, 1, 0, 1, 1, 1, 0, 0])[:, None]
    strata = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 2, 2])
    weights = independent_weights(labels, strata)
    assert weights[8:].tolist() == pytest.approx([1.0, 1.0])
    assert share(labels[:, 0], weights, strata == 0) == pytest.approx(0.5)


def test_balance_and_independence_go_together() -> None:
    labels, strata = confounded()
    base = balanced_weights(labels)
    weights = independent_weights(labels, strata, base=base)
    for column in labels.unbind(dim=1):
        among = [share(column, weights, strata == stratum) for stratum in (0, 1)]
        assert among[0] == pytest.approx(among[1], abs=1e-3)
        everyone = torch.ones(len(labels), dtype=torch.bool)
        assert among[0] == pytest.approx(share(column, base, everyone), abs=0.02)


def test_no_weight_runs_away() -> None:
    labels = torch.zeros(1000, 1)
    strata = torch.zeros(1000, dtype=torch.long)
    strata[:500], labels[0], labels[501:] = 1, 1.0, 1.0
    weights = independent_weights(labels, strata)
    assert float(weights.max()) <= 2 * CAP


# --- the epoch ---


def test_a_row_is_seen_as_often_as_its_weight_says() -> None:
    weights = torch.tensor([2.5, 0.5, 1.0, 0.0])
    seen = torch.zeros(4)
    for seed in range(400):
        rows = draw(weights, torch.Generator().manual_seed(seed))
        counts = torch.bincount(rows, minlength=4)
        assert bool((counts >= weights.floor()).all())
        assert bool((counts <= weights.ceil()).all())
        seen += counts
    assert (seen / 400).tolist() == pytest.approx(weights.tolist(), abs=0.08)


@pytest.mark.parametrize("mode", ["shuffle", "balanced"])
@pytest.mark.parametrize("is_stratified", [False, True])
def test_an_epoch_is_a_function_of_seed_and_number(mode: str, is_stratified: bool) -> None:
    labels, strata = confounded(200)

    def order(seed: int, epoch: int) -> Tensor:
        return order_of_epoch(
            labels, seed=seed, epoch=epoch, mode=mode,
            strata=strata if is_stratified else None,
        )  # fmt: skip

    torch.manual_seed(1)
    first = order(7, 3)
    torch.manual_seed(2)  # the global state has no part in it
    assert torch.equal(order(7, 3), first)
    assert not torch.equal(order(7, 4), first)
    assert not torch.equal(order(8, 3), first)
    assert first.dtype == torch.long
    assert first.shape == (200,)


def test_a_shuffled_epoch_sees_every_patient_once_in_the_order_of_earlier_runs() -> None:
    rows = order_of_epoch(torch.zeros(50, 1), seed=7, epoch=2)
    assert rows.sort().values.tolist() == list(range(50))
    expected = torch.randperm(50, generator=torch.Generator().manual_seed(7 * 1_000 + 2))
    assert torch.equal(rows, expected)


def test_a_balanced_epoch_sees_a_rare_finding_half_of_the_time() -> None:
    labels = torch.zeros(1000, 1)
    labels[:150] = 1.0
    rows = order_of_epoch(labels, seed=1, epoch=0, mode="balanced")
    assert float(labels[rows].mean()) == pytest.approx(0.5, abs=0.01)
    assert len(rows.unique()) > 600


def test_stratified_epochs_show_every_finding_alike_in_both_strata() -> None:
    labels, strata = confounded()
    epochs = [order_of_epoch(labels, seed=1, epoch=e, strata=strata) for e in range(30)]
    rows = torch.cat(epochs)
    for column in labels.unbind(dim=1):
        seen, among = column[rows], strata[rows]
        once = torch.ones(len(rows))
        assert share(seen, once, among == 0) == pytest.approx(
            share(seen, once, among == 1), abs=0.01
        )


def test_an_unknown_way_of_sampling_is_refused() -> None:
    with pytest.raises(ValueError, match="shuffle, balanced"):
        order_of_epoch(torch.zeros(3, 1), seed=0, epoch=0, mode="random")
