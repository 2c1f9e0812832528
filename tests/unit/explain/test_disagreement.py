"""What is said aloud when sources disagree, and what is too little to be said."""

import pytest

from mmcore.explain.disagreement import SAID_FROM, Disagreement, disagreement_of, names_of
from mmcore.records import Contribution, Interaction, Modality, PartItem

IMAGE, NOTE, LABS = Modality.IMAGE, Modality.NOTE, Modality.OBSERVATIONS


def found(
    signed: dict[Modality, float], *clauses: PartItem, is_called: bool | None = None
) -> Disagreement:
    steps = [Contribution(m, value, 0.0, (value, value)) for m, value in signed.items()]
    order = list(signed)
    pairs = [Interaction(a, b, 0.0) for n, a in enumerate(order) for b in order[n + 1 :]]
    return disagreement_of(
        "Pleural effusion", is_called=is_called, contributions=steps, interactions=pairs,
        clauses=clauses,
    )  # fmt: skip


def clause(words: str, mark: str = "", start: int = 0) -> PartItem:
    return PartItem(words, (start, start + len(words)), 0.1, mark)


def test_inputs_that_pull_apart_are_on_two_sides_strongest_first() -> None:
    told = found({NOTE: -0.4, IMAGE: 1.0, LABS: -0.6})
    assert told.raising == (IMAGE,)
    assert told.lowering == (LABS, NOTE)
    assert told


@pytest.mark.parametrize(
    "signed",
    [
        {IMAGE: 1.0, NOTE: 0.5},  # agree
        {IMAGE: 1.0, NOTE: -(SAID_FROM - 0.01)},  # too little to be said aloud
        {IMAGE: 9.0, NOTE: -0.8},  # one of them decides
        {IMAGE: 3.0, NOTE: -0.6, LABS: 1.0},  # outweighed: 0.6 is less than a third of 4
        {IMAGE: 1.0},
    ],
)
def test_nothing_is_said_where_no_one_of_weight_disagrees(signed: dict[Modality, float]) -> None:
    assert not found(signed)


def test_all_that_pulls_one_way_is_weighed_together() -> None:
    assert found({IMAGE: 3.0, NOTE: -0.6, LABS: -0.4}).lowering == (NOTE, LABS)


def test_a_clause_that_denies_what_is_called_present_is_told() -> None:
    denied = clause("No pleural effusion.", "negated")
    assert found({}, denied, is_called=True).clauses == (denied,)
    assert not found({}, denied, is_called=False)
    assert not found({}, denied, is_called=None), "a regression is not called"


def test_a_clause_that_names_what_is_called_absent_is_told() -> None:
    named = clause("Small effusions on both sides.")
    assert found({}, named, is_called=False).clauses == (named,)
    assert not found({}, named, is_called=True)


@pytest.mark.parametrize("mark", ["hedged", "history"])
def test_the_past_and_what_is_hedged_contradict_nothing(mark: str) -> None:
    for is_called in (True, False):
        assert not found({}, clause("pleural effusion", mark), is_called=is_called)


def test_another_finding_and_a_longer_word_are_not_this_one() -> None:
    for words in ("No pleural thickening.", "No transfusioneffusionlike shadow."):
        assert not found({}, clause(words, "negated"), is_called=True)


@pytest.mark.parametrize("words", ["No pericardial effusion.", "no effusion of the left knee"])
def test_the_same_sign_of_another_part_of_the_body_is_not_this_one(words: str) -> None:
    assert not found({}, clause(words, "negated"), is_called=True)


def test_a_clause_on_both_parts_of_the_body_is_told() -> None:
    both = clause("No pleural or pericardial effusion.", "negated")
    assert found({}, both, is_called=True).clauses == (both,)


def test_clauses_come_in_the_order_of_the_note() -> None:
    later, first = clause("no effusion", "negated", 50), clause("Effusion ruled out", "negated", 3)
    assert found({}, later, first, is_called=True).clauses == (first, later)


def test_a_finding_is_known_by_the_words_that_name_it_alone() -> None:
    assert names_of("Pulmonary edema") == ("edema", "oedema")
    assert names_of("Lung") == ()
    assert not disagreement_of(
        "Lung", is_called=True, contributions=(), interactions=(),
        clauses=[clause("no anything", "negated")],
    )  # fmt: skip
