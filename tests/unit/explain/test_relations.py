"""What two contributions and their interaction are called."""

import math

import pytest

from mmcore.explain.relations import Relation, relation_in, relation_of
from mmcore.records import Contribution, Interaction, Modality

AGREE, CONFLICT = Relation.AGREE, Relation.CONFLICT
REDUNDANT, ONE = Relation.REDUNDANT, Relation.ONE_DECIDES


@pytest.mark.parametrize(
    ("first", "second", "interaction", "expected"),
    [
        (0.8, 0.6, 0.0, AGREE),
        (-0.8, -0.6, 0.0, AGREE),
        (0.8, 0.6, 0.9, AGREE),  # each makes the other count more
        (0.8, -0.6, 0.0, CONFLICT),
        (0.8, -0.6, -0.9, CONFLICT),  # signs decide, whatever the interaction
        (0.9, 0.6, -0.40, REDUNDANT),  # 0.8 alone, 0.4 after the other: half is gone
        (0.9, 0.6, -0.39, AGREE),
        (-0.9, -0.6, 0.40, REDUNDANT),  # against: a positive interaction takes away
        (-0.9, -0.6, -0.40, AGREE),
        (1.0, 0.09, 0.0, ONE),
        (1.0, -0.09, 0.0, ONE),
        (1.0, 0.10, 0.0, AGREE),
        (0.049, 0.049, 0.0, None),
        (0.049, -0.049, 0.0, None),
        (0.06, -0.04, 0.0, None),  # opposite, but one of them moves nothing: no conflict
        (0.06, 0.04, 0.0, AGREE),
        (0.0, 0.0, 0.0, None),
        (math.nan, 0.5, 0.0, None),
    ],
)
def test_the_relation_follows_from_signs_sizes_and_interaction(
    first: float, second: float, interaction: float, expected: Relation | None
) -> None:
    assert relation_of(first, second, interaction) is expected
    assert relation_of(second, first, interaction) is expected, "the order does not matter"


def test_turning_every_sign_round_changes_no_relation() -> None:
    steps = [n / 10 for n in range(-10, 11)]
    for first in steps:
        for second in steps:
            for interaction in steps:
                turned = relation_of(-first, -second, -interaction)
                assert turned is relation_of(first, second, interaction)


def test_the_contributions_of_the_two_modalities_count_and_no_others() -> None:
    image, note, labs = Modality.IMAGE, Modality.NOTE, Modality.OBSERVATIONS
    ledger = [
        Contribution(m, signed, 0.3, (0.0, 0.0))
        for m, signed in ((image, 1.0), (note, -0.5), (labs, 0.4))
    ]
    assert relation_in(ledger, Interaction(image, note, 0.0)) is CONFLICT
    assert relation_in(ledger, Interaction(image, labs, 0.0)) is AGREE
    assert relation_in(ledger, Interaction(image, Modality.VARIANTS, 0.0)) is None
