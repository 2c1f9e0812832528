"""What is said below each chart; every number is one of the case."""

from dataclasses import replace

import pytest

from mmcore import sentences
from mmcore.calls import Call, call_sentence
from mmcore.dissent import of_disagreement
from mmcore.explain.disagreement import Disagreement
from mmcore.records import Contribution, Interaction, Modality, PartItem, PartTest, Place
from mmcore.wording import passed_text, set_sentence, set_text
from tests.unit.report.factories import (
    IMAGE,
    NOTE,
    OBSERVATIONS,
    VARIANTS,
    make_observation,
    make_severity,
    make_target,
)

TARGET = make_target("pneumonia", 1.9)


def said(modality: Modality, items: tuple[PartItem, ...], signed: float = 0.8) -> str:
    return sentences.of_part(modality, TARGET, signed, items).says


def test_the_strongest_for_and_against_are_told_with_their_numbers() -> None:
    items = (
        PartItem("left lower zone", (1.0, 2.0), 1.3),
        PartItem("right upper zone", (3.0, 4.0), -0.4),
        PartItem("rest of the image", (), -0.1),
    )
    assert said(IMAGE, items) == (
        "The image as a whole raised Pneumonia: +0.80 (odds \u00d72.2); most for it: "
        "left lower zone (+1.30); most against it: right upper zone (\u22120.40)."
    )
    assert "not thereby normal" in sentences.of_part(IMAGE, TARGET, 0.8, items).says_not


def test_what_moved_next_to_nothing_is_said_to_stand_out_in_nothing() -> None:
    items = (PartItem("left lower zone", (1.0, 2.0), 0.004),)
    assert said(IMAGE, items, 0.004) == (
        "The image as a whole hardly moved Pneumonia; nothing in it stands out."
    )


def test_evidence_that_is_spread_is_not_told_as_one_place() -> None:
    items = (PartItem("left lower zone", (1.0, 2.0), 0.2), PartItem("rest", (), 0.9))
    assert "More of it than in any one place is spread elsewhere (+0.90)." in said(IMAGE, items)


@pytest.mark.parametrize(
    ("mark", "words"),
    [("negated", "a clause that denies"), ("history", "a clause on the past")],
)
def test_a_denied_or_past_clause_that_is_the_strongest_support_is_said_to_be(
    mark: str, words: str
) -> None:
    denied = PartItem("no pneumonia.", (0, 13), 0.6, mark)
    plain = PartItem("cough,", (14, 20), 0.4)
    assert f"“no pneumonia” ({mark}, +0.60)" in said(NOTE, (denied, plain))
    assert words in said(NOTE, (denied, plain))
    assert words not in said(NOTE, (denied, replace(plain, signed=0.7)))
    assert words not in said(NOTE, (replace(denied, signed=-0.6), plain)), "it speaks against"


def test_observations_are_named_with_value_and_unit() -> None:
    observation = make_observation()
    names = sentences.observation_names((observation,))
    (where,) = names
    told = sentences.of_part(
        OBSERVATIONS, TARGET, 0.5, (PartItem("C-reactive protein", where, 0.5),), names
    )
    assert "C-reactive protein 184 mg/L (+0.50)" in told.says


def test_a_quote_of_any_length_is_cut() -> None:
    assert len(said(NOTE, (PartItem("word " * 500, (0, 2500), 0.6),))) < 300


def test_the_ledger_is_read_from_start_to_end_and_an_input_not_given_took_no_step() -> None:
    ledger = [
        Contribution(m, v, 0.5, (0.0, 0.0)) for m, v in ((IMAGE, 1.0), (NOTE, -0.5), (VARIANTS, 0))
    ]
    told = sentences.of_ledger(
        TARGET, base=1.4, logit=1.9, interval=(0.78, 0.93), contributions=ledger,
        missing=(VARIANTS,),
    )  # fmt: skip
    assert told.says == (
        "From 80% for a patient it knows nothing of to 87% for this one: "
        "image +1.00 (odds \u00d72.7), clinical note \u22120.50 (odds \u00f71.6). "
        "Called present: at or above its operating point of 50%."
    )
    value = make_severity(4.2)
    plain = sentences.of_ledger(
        value, base=3.0, logit=4.2, interval=(3.1, 5.5), contributions=ledger[:1], missing=()
    )
    assert plain.says == (
        "From 3.00 points for a patient it knows nothing of to 4.20 points for this one: "
        "image +1.00 points."
    )


def test_a_borderline_finding_is_not_called_absent_without_saying_so() -> None:
    assert call_sentence(0.45, (0.38, 0.53), 0.5) == (
        "Called borderline: below its operating point of 50%, "
        "which its 90% interval (38\u201353%) reaches."
    )
    assert call_sentence(0.2, (0.1, 0.3), 0.5) == "Called absent: below its operating point of 50%."
    assert call_sentence(None, (3.0, 5.0), None) == ""


def test_conflicts_are_named_however_weak_their_interaction() -> None:
    ledger = [
        Contribution(m, v, 0.3, (0.0, 0.0))
        for m, v in ((IMAGE, 1.0), (NOTE, -0.5), (OBSERVATIONS, 0.05))
    ]
    pairs = [Interaction(IMAGE, NOTE, 0.01), Interaction(IMAGE, OBSERVATIONS, -0.3)]
    told = sentences.of_interactions(ledger, pairs)
    assert told is not None
    assert told.says == (
        "Strongest interaction: image with labs and vitals \u22120.30, together they give a "
        "lower result than the two alone would, added up; of the two, image decides. "
        "In conflict: image with clinical note (+1.00 and \u22120.50)."
    )
    calm = sentences.of_interactions(ledger, pairs[1:])
    assert calm is not None
    assert calm.says.endswith("No two inputs are in conflict.")
    assert sentences.of_interactions(ledger, ()) is None


def test_who_contradicts_whom_is_said_in_one_line() -> None:
    ledger = [Contribution(m, v, 0.3, (0.0, 0.0)) for m, v in ((IMAGE, 1.0), (NOTE, -0.5))]
    clause = PartItem("No pleural\n effusion.", (3, 24), -0.4, "negated")
    found = Disagreement((IMAGE,), (NOTE,), (clause,))
    told = of_disagreement("Pneumonia", found, ledger, call=Call.PRESENT)
    assert told == (
        "The sources disagree about Pneumonia: image +1.00 against clinical note \u22120.50. "
        "In all +1.00 outweighs \u22120.50: the result is above the starting point. "
        "It is called present, yet the note denies it: \u201cNo pleural effusion\u201d."
    )
    named = Disagreement(clauses=(clause,))
    assert of_disagreement("Pneumonia", named, ledger, call=Call.ABSENT) == (
        "It is called absent, yet the note names it: \u201cNo pleural effusion\u201d."
    )
    assert of_disagreement("Pneumonia", Disagreement(), ledger, call=Call.PRESENT) is None


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (Call.FLAGGED, "It is flagged, yet the note denies it"),
        (Call.BORDERLINE, "It is not called present, yet the note names it"),
        (Call.UNFLAGGED, "It is not called present, yet the note names it"),
    ],
)
def test_a_clause_against_a_call_is_not_said_to_be_against_another(call: Call, words: str) -> None:
    clause = PartItem("Pleural effusion.", (3, 20), -0.4)
    told = of_disagreement("Pleural effusion", Disagreement(clauses=(clause,)), (), call=call)
    assert told is not None
    assert told.startswith(words)


def test_the_side_that_outweighs_the_other_is_named_with_all_that_it_moved() -> None:
    ledger = [
        Contribution(m, v, 0.3, (0.0, 0.0))
        for m, v in ((IMAGE, 1.0), (NOTE, -2.0), (OBSERVATIONS, -0.25))
    ]
    told = of_disagreement("Edema", Disagreement((IMAGE,), (NOTE,)), ledger, call=None)
    assert told is not None
    assert told.endswith(
        "In all \u22122.25 outweighs +1.00: the result is below the starting point."
    )


def test_places_are_shares_of_what_speaks_for_the_finding() -> None:
    places = (
        Place("left lower zone", 0.71, -0.2),
        Place("right upper zone", 0.25, 0.0),
        Place("text marker", 0.04, 0.0, is_outside=True),
    )
    assert sentences.of_places(places) == (
        "71% of the evidence for lies in the left lower zone; "
        "4% lies outside the lungs and mediastinum.",
        "",
    )


def test_more_than_a_quarter_outside_is_a_warning_and_a_quarter_is_not() -> None:
    def outside(share: float) -> str:
        places = (Place("left lower zone", 1.0 - share, 0.0),
                  Place("outside the lungs", share, 0.0, is_outside=True))  # fmt: skip
        return sentences.of_places(places)[1]

    assert outside(0.25) == ""
    assert "26% of the evidence for" in outside(0.26)
    told, _ = sentences.of_places((Place("outside the lungs", 1.0, 0.0, is_outside=True),))
    assert told.startswith("100% of the evidence for lies outside the lungs;")


def test_evidence_against_has_its_place_where_it_is_more() -> None:
    told, warning = sentences.of_places((Place("text marker", 0.0, -0.5, is_outside=True),))
    assert told.startswith("100% of the evidence against lies in the text marker")
    assert "evidence against" in warning
    assert sentences.of_places(()) == ("", "")
    assert sentences.of_places((Place("left lower zone", 0.01, -0.01),)) == ("", "")


def test_a_test_that_says_nothing_is_neither_passed_nor_failed() -> None:
    tests = [PartTest("a", passed, 0.0, 0.0, "") for passed in (True, True, False, None)]
    assert passed_text(tests) == "passed 2 of 3 tests, 1 not applicable"
    assert passed_text(tests[:1]) == "passed 1 of 1 test"
    assert passed_text(()) == ""


def test_a_set_of_both_says_that_the_model_can_not_tell() -> None:
    assert set_text("both") == "the model can not tell at 90% coverage"
    assert set_text("neither") == "neither can be kept at 90% coverage"
    assert set_text(None) == ""


def test_a_set_that_names_no_single_label_is_explained_and_a_plain_one_is_not() -> None:
    assert "9 in 10 with the finding scored higher" in set_sentence("neither")
    assert "had scores like this one" in set_sentence("both")
    assert set_sentence("present") == set_sentence("absent") == set_sentence(None) == ""
