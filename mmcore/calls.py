"""What a finding is called, in a word and in a sentence with the threshold that decides it.

A call compares a probability with the operating point of its finding, which may be far from 50 %:
the pack chose it for sensitivity and specificity. "Present" beside 3 % would read as an error, so
the words also look at which is more likely (docs/decisions/0045).
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from mmcore.language import Text, filled, say
from mmcore.wording import interval_text, percentage, probability_beside

EVEN = 50.0
"""Per cent, as displayed, from which a finding is held at least as likely present as absent."""


class Call(StrEnum):
    """What a finding is called.

    PRESENT, FLAGGED: at or above the operating point, and from 50 % on, or below it. BORDERLINE:
    below the operating point, with an interval that reaches it. UNFLAGGED, ABSENT: else, from 50 %
    on, or below it.
    """

    PRESENT = "present"
    FLAGGED = "flagged"
    BORDERLINE = "borderline"
    UNFLAGGED = "not flagged"
    ABSENT = "absent"


CALL_WORDS: Mapping[Call, Text] = MappingProxyType(
    {
        Call.PRESENT: say("Present"),
        Call.FLAGGED: say("Flagged"),
        Call.BORDERLINE: say("Borderline"),
        Call.UNFLAGGED: say("Not flagged"),
        Call.ABSENT: say("Absent"),
    }
)
_IN_A_SENTENCE: Mapping[Call, Text] = MappingProxyType(
    {
        Call.PRESENT: say("called present"),
        Call.FLAGGED: say("flagged"),
        Call.BORDERLINE: say("called borderline"),
        Call.UNFLAGGED: say("not flagged"),
        Call.ABSENT: say("called absent"),
    }
)
_SENTENCES: Mapping[Call, Text] = MappingProxyType(
    {
        Call.PRESENT: say("Called present: at or above its operating point of {point}."),
        Call.FLAGGED: say(
            "Flagged: at or above its operating point of {point}, yet below 50%: the model holds "
            "it more likely absent than present."
        ),
        Call.BORDERLINE: say(
            "Called borderline: {below}, which its 90% interval ({interval}) reaches."
        ),
        Call.UNFLAGGED: say(
            "Not flagged: {below}, yet not below 50%: the model holds it at least as likely "
            "present as absent."
        ),
        Call.ABSENT: say("Called absent: {below}."),
    }
)


def call_of(
    probability: float | None, interval: tuple[float, float] | None, operating_point: float | None
) -> Call | None:
    """Return what a finding is called; None for a value and where no score may be told.

    50 % is judged at the whole percentage that is displayed.
    """
    if probability is None or interval is None or operating_point is None:
        return None
    is_even = percentage(probability) >= EVEN
    if probability >= operating_point:
        return Call.PRESENT if is_even else Call.FLAGGED
    if interval[0] <= operating_point <= interval[1]:
        return Call.BORDERLINE
    return Call.UNFLAGGED if is_even else Call.ABSENT


def called_at(probability: float, interval: tuple[float, float], operating_point: float) -> Text:
    """Return the call and its threshold, such as "flagged at an operating point of 2%"."""
    call = call_of(probability, interval, operating_point)
    assert call is not None  # all three are given
    return say(
        "{called} at an operating point of {point}",
        called=_IN_A_SENTENCE[call],
        point=probability_beside(probability, operating_point)[1],
    )


def call_sentence(
    probability: float | None, interval: tuple[float, float] | None, operating_point: float | None
) -> str:
    """Return why a finding is called what it is called; "" for a value."""
    call = call_of(probability, interval, operating_point)
    if call is None or probability is None or interval is None or operating_point is None:
        return ""
    shown, point = probability_beside(probability, operating_point)
    below = say("below its operating point of {point}", point=point)
    if shown == point:
        below = say("just below its operating point of {point}", point=point)
    template = _SENTENCES[call]
    values = {"point": point, "below": below, "interval": interval_text(*interval)}
    return filled(template, **{k: v for k, v in values.items() if f"{{{k}}}" in template.template})
