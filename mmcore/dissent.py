"""What is said aloud where the sources disagree about a target, for page and PDF alike."""

from collections.abc import Mapping, Sequence

from mmcore.calls import Call
from mmcore.explain.disagreement import Disagreement
from mmcore.language import Text, joined, lowered, say, word
from mmcore.records import Contribution, Modality
from mmcore.sentences import shortened
from mmcore.wording import signed_text


def of_disagreement(
    display: str, found: Disagreement, contributions: Sequence[Contribution], *, call: Call | None
) -> Text | None:
    """Say who contradicts whom about a target, and who outweighs whom; None where nobody does.

    call: what the target is called; None for a value.
    """
    told: list[Text] = []
    if found.raising:
        signed = {c.modality: c.signed for c in contributions}
        raised = sum(value for value in signed.values() if value > 0.0)
        lowered_by = sum(value for value in signed.values() if value < 0.0)
        told.append(
            say(
                "The sources disagree about {display}: {raising} against {lowering}.",
                display=word(display),
                raising=_weights(found.raising, signed),
                lowering=_weights(found.lowering, signed),
            )
        )
        sides = {"up": signed_text(raised), "down": signed_text(lowered_by)}
        told.append(
            say("In all {up} outweighs {down}: the result is above the starting point.", **sides)
            if raised + lowered_by > 0.0
            else say(
                "In all {down} outweighs {up}: the result is below the starting point.", **sides
            )
        )
    quotes = joined(
        (say("\u201c{quote}\u201d", quote=shortened(c.what).strip(" .,;:")) for c in found.clauses),
        ", ",
    )
    if found.clauses and call is not None:
        told.append(_of_note(call, quotes))
    return joined(told) if told else None


def _of_note(call: Call, quotes: Text) -> Text:
    if call is Call.PRESENT:
        return say("It is called present, yet the note denies it: {quotes}.", quotes=quotes)
    if call is Call.FLAGGED:
        return say("It is flagged, yet the note denies it: {quotes}.", quotes=quotes)
    if call is Call.ABSENT:
        return say("It is called absent, yet the note names it: {quotes}.", quotes=quotes)
    return say("It is not called present, yet the note names it: {quotes}.", quotes=quotes)


def _weights(modalities: Sequence[Modality], signed: Mapping[Modality, float]) -> Text:
    return joined(
        (
            say("{input} {value}", input=lowered(m.display), value=signed_text(signed[m]))
            for m in modalities
        ),
        ", ",
    )
