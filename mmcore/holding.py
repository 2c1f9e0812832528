"""What a reader holds of a finding after their decisions, for page, PDF and what is filed.

Before agreement was asked about, who agreed with a call kept their own reading, also one that said
the opposite. Such a record stays as it was made; read, it means what agreeing means, and says what
was recorded.
"""

from mmcore.calls import CALL_WORDS, Call
from mmcore.language import say
from mmcore.records import Impression, Presence, ReaderDecision, Reading, Response
from mmcore.wording import impression_text

_MEANT = {Call.PRESENT: Presence.PRESENT, Call.ABSENT: Presence.ABSENT}


def agreed_against(decision: ReaderDecision, call: Call | None) -> Impression | None:
    """Return the reading that an agreement with ``call`` left standing though it is another."""
    if decision.response is not Response.AGREE or decision.after is None or call not in _MEANT:
        return None
    return None if decision.after.presence is _MEANT[call] else decision.after


def presence_of(reading: Reading, target: str, call: Call | None) -> Presence | None:
    """Return what the reader holds of a target now; None where they recorded nothing."""
    last = _last(reading, target)
    if last is not None and call in _MEANT and agreed_against(last, call) is not None:
        return _MEANT[call]
    held = reading.held(target)
    return None if held is None else held.presence


def note_on(reading: Reading, target: str, call: Call | None) -> str:
    """Return that the last decision was recorded otherwise than it is read; "" where it was not."""
    last = _last(reading, target)
    found = None if last is None else agreed_against(last, call)
    if found is None or call is None:
        return ""
    return say(
        "{call}, as agreed with the model (was recorded as: {impression})",
        call=CALL_WORDS[call],
        impression=impression_text(found),
    )


def held_text(reading: Reading, target: str, call: Call | None) -> str:
    """Return what the reader holds of a target now, in words."""
    return note_on(reading, target, call) or impression_text(reading.held(target))


def after_text(reading: Reading, target: str, call: Call | None) -> str:
    """Return what the reader holds of a target since their decision; "" before there is one.

    call: what the model calls it; None for a value. It is what somebody agreed with who had
    recorded nothing of their own.
    """
    last = _last(reading, target)
    if last is None:
        return ""
    if last.after is None and last.response is Response.AGREE and call is not None:
        return say("{call}, as the model calls it", call=CALL_WORDS[call])
    return held_text(reading, target, call)


def _last(reading: Reading, target: str) -> ReaderDecision | None:
    return next((d for d in reversed(reading.decisions) if d.target == target), None)
