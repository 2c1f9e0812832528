"""Inputs switched off: which of the coalitions is read."""

from itertools import combinations

import numpy as np
import pytest

from mmcore.explain.switches import switch_off
from mmcore.records import Explanation, Modality

INPUTS = (Modality.IMAGE, Modality.NOTE, Modality.OBSERVATIONS)


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
