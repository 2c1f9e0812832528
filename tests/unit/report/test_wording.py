"""The words for numbers that page and report share."""

import math

import pytest

from mmcore.wording import (
    interval_text,
    odds_text,
    person_name,
    probability_beside,
    probability_text,
    probability_words,
    signed_text,
)


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.0, "very unlikely"), (0.09, "very unlikely"), (0.10, "unlikely"), (0.32, "unlikely"),
        (0.33, "possible"), (0.66, "possible"), (0.67, "likely"), (0.89, "likely"),
        (0.90, "very likely"), (1.0, "very likely"),
    ],
)  # fmt: skip
def test_words_change_at_the_documented_bounds(probability, words):
    assert probability_words(probability) == words


def test_words_and_displayed_percentage_never_disagree():
    # 89.6 % is displayed as 90%, and 90% is "very likely".
    assert probability_text(0.896) == "90%"
    assert probability_words(0.896) == "very likely"


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.0, "<1%"), (0.004, "<1%"), (0.01, "1%"), (0.5, "50%"), (0.99, "99%"), (0.996, ">99%")],
)
def test_certainty_is_never_displayed(probability, text):
    assert probability_text(probability) == text


def test_a_call_that_the_rounding_would_hide_gets_more_decimals():
    assert probability_beside(0.87, 0.5) == ("87%", "50%")
    assert probability_beside(0.496, 0.5) == ("49.6%", "50.0%")
    assert probability_beside(0.2761, 0.28) == ("27.6%", "28.0%")
    assert probability_beside(0.5, 0.5)[0] == probability_beside(0.5, 0.5)[1]


def test_no_probability_has_more_decimals_than_one():
    assert probability_beside(0.28004, 0.28) == ("28%", "28%")
    assert probability_beside(0.4996, 0.5) == ("50%", "50%")


@pytest.mark.parametrize("bad", [math.nan, -0.01, 1.01, math.inf])
def test_what_is_no_probability_gets_no_words(bad):
    for function in (probability_words, probability_text):
        with pytest.raises(ValueError, match="probability"):
            function(bad)


def test_intervals_are_written_with_one_sign():
    assert interval_text(0.78, 0.93) == "78\u201393%"
    assert interval_text(0.001, 0.04) == "<1\u20134%"
    assert interval_text(0.5, 0.501) == "50%"


def test_signed_logits_carry_a_true_sign_unless_they_round_to_zero():
    assert signed_text(0.84) == "+0.84"
    assert signed_text(-0.123) == "\u22120.12"
    assert signed_text(-0.004) == "0.00"
    with pytest.raises(ValueError, match="finite"):
        signed_text(math.nan)


def test_a_logit_multiplies_the_odds_by_its_exponential():
    assert odds_text(math.log(2.0)) == "odds \u00d72.0"
    assert odds_text(-math.log(4.0)) == "odds \u00f74.0"
    assert odds_text(math.log(40.0)) == "odds \u00d740"


def test_a_dicom_name_reads_as_people_write_it() -> None:
    assert person_name("Doe^Jane^Q^Dr^") == "Doe, Dr Jane Q"
    assert person_name("Jane Doe") == "Jane Doe"
    assert person_name(None) == ""
