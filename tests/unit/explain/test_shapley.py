"""Exact Shapley values: the axioms, and one game worked by hand."""

import numpy as np
import pytest

from mmcore.explain.shapley import coalition_presence, interaction_index, shapley_values


def game(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=2**count)


def test_coalition_number_five_of_three_holds_the_first_and_the_third() -> None:
    assert coalition_presence(3)[5].tolist() == [True, False, True]


def test_a_two_player_game_worked_by_hand() -> None:
    # v() = 1, v(a) = 3, v(b) = 0, v(ab) = 6: a brings 2 first and 6 last, b brings -1 and 3.
    values = np.array([1.0, 3.0, 0.0, 6.0])
    assert shapley_values(values).tolist() == [4.0, 1.0]
    assert interaction_index(values)[0, 1] == 6.0 - 3.0 - 0.0 + 1.0


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_values_sum_to_the_difference_between_all_and_none(count: int) -> None:
    values = game(count)
    assert shapley_values(values).sum() == pytest.approx(values[-1] - values[0], abs=1e-12)


def test_a_player_that_changes_nothing_gets_nothing_and_interacts_with_nobody() -> None:
    values = game(3)
    for coalition in range(8):
        values[coalition | 2] = values[coalition & ~2]
    assert shapley_values(values)[1] == pytest.approx(0.0, abs=1e-12)
    assert np.abs(interaction_index(values)[1]).max() == pytest.approx(0.0, abs=1e-12)


def test_twins_get_the_same() -> None:
    values = game(3)
    for coalition in range(8):  # swap players 0 and 1
        swapped = (coalition & 4) | (coalition & 1) << 1 | (coalition & 2) >> 1
        values[swapped] = values[coalition]
    a, b, _ = shapley_values(values)
    assert a == pytest.approx(b, abs=1e-12)


def test_an_additive_game_has_no_interactions() -> None:
    weights = np.array([0.5, -2.0, 3.0])
    values = coalition_presence(3) @ weights
    assert shapley_values(values) == pytest.approx(weights)
    assert np.abs(interaction_index(values)).max() == pytest.approx(0.0, abs=1e-12)


def test_further_axes_are_carried_along() -> None:
    both = np.stack([game(3, 1), game(3, 2)], axis=1)
    assert shapley_values(both)[:, 1] == pytest.approx(shapley_values(game(3, 2)))


def test_a_table_that_is_no_power_of_two_is_refused() -> None:
    with pytest.raises(ValueError, match="got 6"):
        shapley_values(np.zeros(6))
