"""What a finding is called: by its operating point, in words that do not deny the probability."""

import pytest

from mmcore.calls import CALL_WORDS, Call, call_of, call_sentence, called_at

NARROW = (0.0, 0.01)


@pytest.mark.parametrize(
    ("probability", "interval", "point", "call"),
    [
        (0.98, (0.97, 0.99), 0.50, Call.PRESENT),
        (0.50, (0.40, 0.60), 0.50, Call.PRESENT),
        (0.03, (0.00, 0.08), 0.013, Call.FLAGGED),
        (0.494, (0.30, 0.60), 0.34, Call.FLAGGED),
        (0.496, (0.30, 0.60), 0.34, Call.PRESENT),  # displayed as 50%
        (0.06, (0.03, 0.11), 0.095, Call.BORDERLINE),
        (0.67, (0.09, 0.70), 0.70, Call.BORDERLINE),
        (0.67, (0.09, 0.68), 0.70, Call.UNFLAGGED),
        (0.06, (0.05, 0.08), 0.19, Call.ABSENT),
    ],
)
def test_a_call_looks_at_the_operating_point_and_at_what_is_more_likely(
    probability: float, interval: tuple[float, float], point: float, call: Call
) -> None:
    assert call_of(probability, interval, point) is call


def test_present_is_never_the_word_for_what_is_more_likely_absent_nor_absent_the_other_way() -> (
    None
):
    for percent in range(1, 100):
        for point in (0.01, 0.2, 0.5, 0.7, 0.99):
            call = call_of(percent / 100, NARROW, point)
            assert call is not None
            assert not (call is Call.PRESENT and percent < 50)
            assert not (call is Call.ABSENT and percent >= 50)
            is_reached = percent / 100 >= point
            assert is_reached is (call in (Call.PRESENT, Call.FLAGGED))


def test_a_value_and_a_withheld_score_are_called_nothing() -> None:
    assert call_of(None, (3.0, 5.0), None) is None
    assert call_of(None, None, 0.5) is None
    assert call_sentence(None, (3.0, 5.0), None) == ""


def test_every_sentence_names_the_threshold() -> None:
    assert call_sentence(0.03, (0.0, 0.08), 0.013) == (
        "Flagged: at or above its operating point of 1%, yet below 50%: the model holds it more "
        "likely absent than present."
    )
    assert call_sentence(0.67, (0.09, 0.68), 0.70) == (
        "Not flagged: below its operating point of 70%, yet not below 50%: the model holds it at "
        "least as likely present as absent."
    )
    assert call_sentence(0.06, (0.05, 0.08), 0.19) == (
        "Called absent: below its operating point of 19%."
    )
    assert called_at(0.04, (0.0, 0.12), 0.013) == "flagged at an operating point of 1%"


def test_what_lies_just_below_its_point_is_not_said_to_be_at_it() -> None:
    assert call_sentence(0.7899, (0.7, 0.78), 0.79).startswith(
        "Not flagged: just below its operating point of 79%"
    )


def test_every_call_has_a_word_of_its_own() -> None:
    assert len({*CALL_WORDS.values()}) == len(Call)
