"""The axes of the ledger."""

from itertools import pairwise

import pytest

from dashboard.charts import probability_ticks
from dashboard.formatting import logit_of


@pytest.mark.parametrize("span", [1.0, 3.0, 7.5, 15.0, 40.0])
def test_labels_of_probabilities_have_room_and_lie_on_the_axis(span: float) -> None:
    places = [logit_of(p) for p in probability_ticks(span)]
    assert places == sorted(places)
    assert 0.0 in places
    assert all(abs(place) < span for place in places)
    assert all(b - a >= 0.1 * span for a, b in pairwise(places))


def test_a_usual_axis_names_all_of_them() -> None:
    assert probability_ticks(8.0) == [0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999]
