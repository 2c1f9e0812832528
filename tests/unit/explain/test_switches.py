"""Inputs switched off: which of the coalitions is read."""

from itertools import combinations

import numpy as np
import pytest

from mmcore.explain.shapley import interaction_index, shapley_values
from mmcore.explain.switches import difference_of, switch_off
from mmcore.records import Contribution, Explanation, Interaction, Modality

INPUTS = (Modality.IMAGE, Modality.NOTE, Modality.OBSERVATIONS)
NOTE = Modality.NOTE


def explained(values: list[float]) -> Explanation:
    return Explanation("x", values[0], values[-1], INPUTS, (), (), np.array(values))


# image 1, note 2, labs 4: the value of a coalition is ten times its number
TABLE = explained([0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0])


def test_the_answer_without_an_input_is_that_of_the_coalition_of_the_others() -> None:
    assert switch_off(TABLE, [Modality.NOTE]).logit == 50.0  # image and labs: 1 + 4
    assert switch_off(TABLE, [Modality.NOTE]).change == -20.0
    assert switch_off(TABLE, [Modality.IMAGE, Modality.OBSERVATIONS]).logit == 20.0


def test_every_subset_has_its_own_place_in_the_table() -> None:
    found = {switch_off(TABLE, out).logit for n in range(4) for out in combinations(INPUTS, n)}
    assert found == set(TABLE.coalitions)


def test_nothing_left_out_is_the_answer_itself_and_everything_is_the_base() -> None:
    assert switch_off(TABLE, ()).logit == TABLE.logit
    assert switch_off(TABLE, ()).change == 0.0
    assert switch_off(TABLE, INPUTS).logit == TABLE.base


def test_inputs_are_named_in_the_order_of_the_model() -> None:
    out = switch_off(TABLE, [Modality.OBSERVATIONS, Modality.IMAGE]).left_out
    assert out == (Modality.IMAGE, Modality.OBSERVATIONS)


def test_an_input_the_model_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="recording"):
        switch_off(TABLE, [Modality.RECORDING])


def test_a_table_that_is_not_whole_is_refused() -> None:
    with pytest.raises(ValueError, match="need 8"):
        switch_off(explained([0.0, 1.0, 2.0, 3.0]), ())


def ledger_of(values: list[float]) -> Explanation:
    """Return an explanation whose contributions and interactions are those of its table."""
    table = np.array(values)
    signed, index = shapley_values(table), interaction_index(table)
    return Explanation(
        "x", values[0], values[-1], INPUTS,
        tuple(
            Contribution(m, float(v), 0.0, (0.0, 0.0))
            for m, v in zip(INPUTS, signed, strict=True)
        ),
        tuple(
            Interaction(INPUTS[a], INPUTS[b], float(index[a, b]))
            for a, b in combinations(range(len(INPUTS)), 2)
        ),
        table,
    )  # fmt: skip


def test_without_interactions_what_is_taken_away_is_the_contribution() -> None:
    found = difference_of(ledger := ledger_of(list(TABLE.coalitions)), switch_off(ledger, [NOTE]))
    assert found.taken == pytest.approx(20.0)
    assert found.contributed == pytest.approx(20.0)
    assert (found.of_pairs, found.rest) == pytest.approx((0.0, 0.0))


def test_of_a_pair_who_leaves_takes_the_whole_interaction_and_the_ledger_halves_it() -> None:
    # image 1 and note 2 alone, 5 together: an interaction of 2, so contributions of 2 and 3
    ledger = ledger_of([0.0, 1.0, 2.0, 5.0, 0.0, 1.0, 2.0, 5.0])
    found = difference_of(ledger, switch_off(ledger, [NOTE]))
    assert found.contributed == pytest.approx(3.0)
    assert found.taken == pytest.approx(4.0)
    assert found.of_pairs == pytest.approx(1.0)
    assert found.rest == pytest.approx(0.0)
    assert found.strongest is not None
    assert {found.strongest.a, found.strongest.b} == {Modality.IMAGE, NOTE}


def test_an_interaction_within_what_is_off_is_no_part_of_the_difference() -> None:
    ledger = ledger_of([0.0, 1.0, 2.0, 5.0, 0.0, 1.0, 2.0, 5.0])
    found = difference_of(ledger, switch_off(ledger, [Modality.IMAGE, NOTE]))
    assert found.taken == pytest.approx(found.contributed) == pytest.approx(5.0)
    assert found.of_pairs == pytest.approx(0.0)


def test_what_three_do_together_is_told_apart_from_pairs() -> None:
    ledger = ledger_of([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 6.0])
    found = difference_of(ledger, switch_off(ledger, [NOTE]))
    assert found.contributed == pytest.approx(2.0)  # a third of the 6 that all three make
    assert found.taken == pytest.approx(6.0)
    assert found.of_pairs == pytest.approx(3.0)  # two indices of 3, halved
    assert found.rest == pytest.approx(1.0)
