"""What a reader holds, also where an older record contradicts itself."""

from datetime import UTC, datetime

import pytest

from mmcore.calls import Call
from mmcore.holding import after_text, held_text, note_on, presence_of
from mmcore.records import (
    DecisionReason,
    Impression,
    Presence,
    ReaderDecision,
    Reading,
    ReadingMode,
    Response,
)

AT = datetime(2024, 3, 3, 15, tzinfo=UTC)
ABSENT = Impression("effusion", Presence.ABSENT, 4, AT, is_blind=True)


def read(response: Response = Response.AGREE, own: Impression | None = ABSENT) -> Reading:
    """Return a reading as earlier versions recorded it: an agreement changed nothing."""
    first = Reading(ReadingMode.READ_FIRST, (own,) if own else (), AT)
    reason = None if response is Response.AGREE else DecisionReason.EVIDENCE
    return first.decide(ReaderDecision("effusion", response, reason, "", own, own, AT))


def test_who_agreed_with_the_opposite_is_read_as_agreeing_and_told_what_was_recorded() -> None:
    told = "Present, as agreed with the model (was recorded as: Absent, confidence 4 of 5)"
    reading = read()
    assert after_text(reading, "effusion", Call.PRESENT) == told
    assert held_text(reading, "effusion", Call.PRESENT) == told
    assert presence_of(reading, "effusion", Call.PRESENT) is Presence.PRESENT
    assert reading.held("effusion") is ABSENT, "the record itself stays as it was made"


@pytest.mark.parametrize("call", [Call.ABSENT, Call.BORDERLINE, Call.FLAGGED, None])
def test_an_agreement_that_contradicts_nothing_is_read_as_it_is(call: Call | None) -> None:
    assert note_on(read(), "effusion", call) == ""
    assert after_text(read(), "effusion", call) == "Absent, confidence 4 of 5"
    assert presence_of(read(), "effusion", call) is Presence.ABSENT


def test_a_rejection_keeps_the_own_reading_and_contradicts_nothing() -> None:
    rejected = read(Response.REJECT)
    assert note_on(rejected, "effusion", Call.PRESENT) == ""
    assert presence_of(rejected, "effusion", Call.PRESENT) is Presence.ABSENT


def test_who_held_nothing_agrees_with_the_call_in_its_own_word() -> None:
    silent = read(own=None)
    assert after_text(silent, "effusion", Call.FLAGGED) == "Flagged, as the model calls it"
    assert presence_of(silent, "effusion", Call.PRESENT) is None
    assert after_text(Reading(ReadingMode.CONCURRENT), "effusion", Call.PRESENT) == ""
