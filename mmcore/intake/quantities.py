"""From a value with a unit, wherever it came from, to an observation or to a question."""

from collections.abc import Sequence
from typing import Literal

from mmcore.intake.moments import Moment, stated
from mmcore.intake.plausible import question_of
from mmcore.intake.units import Quantity, quotable_unit, to_canonical
from mmcore.language import joined, say
from mmcore.loinc import ObservationType
from mmcore.records import Observation

_SHOWN_QUESTIONS = 5


def make_observation(
    kind: ObservationType,
    quantity: Quantity,
    *,
    time: Moment | None,
    reference: tuple[float | None, float | None],
    digest: str,
) -> Observation | str:
    """Return the observation in canonical units, or a question that ends a sentence.

    quantity:  with its unit as the source states it.
    reference: (low, high) in the same unit; dropped where the order is impossible.
    """
    value = to_canonical(kind, quantity.value, quantity.unit)
    if value is None:
        return say(
            "{display} has {found}; {unit} was expected",
            display=kind.display,
            found=quotable_unit(quantity.unit),
            unit=kind.unit,
        )
    if question := question_of(kind, quantity, value, reference):
        return question
    bounds = [None if end is None else to_canonical(kind, end, quantity.unit) for end in reference]
    if bounds[0] is not None and bounds[1] is not None and bounds[0] > bounds[1]:
        bounds = [None, None]
    comparator: Literal["<", ">"] | None = quantity.comparator
    at, precision = stated(time)
    return Observation(
        loinc=kind.loinc,
        display=kind.display,
        value=value,
        unit=kind.unit,
        time=at,
        precision=precision,
        comparator=comparator,
        reference_low=bounds[0],
        reference_high=bounds[1],
        given=f"{comparator or ''}{quantity.value:g} {quantity.unit}",
        digest=digest,
    )


def summarise(questions: Sequence[str]) -> str:
    """Return the first questions as one sentence for the file's reason."""
    shown = joined(questions[:_SHOWN_QUESTIONS], "; ")
    rest = len(questions) - _SHOWN_QUESTIONS
    return say("{problems}; and {rest} more", problems=shown, rest=rest) if rest > 0 else shown
