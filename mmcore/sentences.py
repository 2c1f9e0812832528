"""What each chart of a result says of this patient, and what it does not, in a sentence each.

Pure functions of records. Page and PDF show these very words, so they can not disagree; they rest
on nothing that a result document does not hold.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from mmcore.calls import call_sentence
from mmcore.courses import courses_of, place_of
from mmcore.explain.relations import Relation, relation_in
from mmcore.language import Text, capitalised, filled, joined, lowered, say, word
from mmcore.records import Contribution, Interaction, Modality, Observation, PartItem, Place
from mmcore.wording import (
    NO_CLAIM,
    observation_text,
    odds_text,
    probability_text,
    signed_text,
    unit_text,
)

STANDS_OUT_FROM = 0.05
"""Logits, or a value's unit: what moved the odds by less than 5 % does not stand out."""
OUTSIDE_WARNING = 0.25
"""Share of one direction's evidence outside lungs and mediastinum from which a warning is due."""
LONGEST_QUOTE = 90

LEDGER_SAYS_NOT = say(
    "It does not say that the evidence caused the disease, nor that the finding is there: only "
    "what moved this model for this patient, against a patient of whom it knows nothing."
)
_SAYS_NOT: Mapping[Modality, str] = {
    Modality.IMAGE: say(
        "It does not outline disease: it marks regions, some millimetres wide, that "
        "moved this model. What it leaves unmarked is not thereby normal."
    ),
    Modality.NOTE: say(
        "It does not say that a phrase is true or was understood, nor what the result "
        "would be without it."
    ),
    Modality.OBSERVATIONS: say(
        "It does not say that a value is abnormal or causes the finding: a "
        "normal value may move the model too."
    ),
    Modality.RECORDING: say(
        "It names no crackle or wheeze: only when, and at which pitch, the sound moved this model."
    ),
    Modality.VARIANTS: NO_CLAIM,
}
_SAYS_NOT_OF_OTHERS = say("It says what moved this model, not what is true of the patient.")
_INTERACTIONS_SAY_NOT = say(
    "It does not say that these inputs are related in medicine, nor which of two in conflict is "
    "right. Interactions are held by the contributions already and add nothing to the sum."
)
_OF_MARK = {
    "negated": say(
        "The strongest support is a clause that denies: the model may have read its words "
        "and not the denial."
    ),
    "history": say(
        "The strongest support is a clause on the past or on a relative: it need not hold today."
    ),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a chart says of this patient, with its numbers, and what it does not say."""

    says: str
    says_not: str


class Target(Protocol):
    """What is told of a target: a prediction or its row in a result document."""

    @property
    def display(self) -> str:
        """Its name."""

    @property
    def kind(self) -> Literal["finding", "regression"]:
        """Whether it has a probability or a value."""

    @property
    def unit(self) -> str:
        """Unit of a value."""

    @property
    def probability(self) -> float | None:
        """In (0, 1); None for a value."""

    @property
    def operating_point(self) -> float | None:
        """Probability at and above which it is called present."""


def of_ledger(
    target: Target, *, base: float, logit: float, interval: tuple[float, float],
    contributions: Sequence[Contribution], missing: Collection[Modality],
) -> Told:  # fmt: skip
    """Read the waterfall aloud; ``missing`` inputs took no step and are left out."""
    given = [c for c in contributions if c.modality not in missing]
    told = [
        say("{input} {moved}", input=lowered(c.modality.display), moved=_moved(c.signed, target))
        for c in sorted(given, key=lambda c: -abs(c.signed))
    ]
    start, end = _level(base, target), _level(logit, target)
    if not told:
        words = say(
            "The model says {level}, its starting point; no input of this case moved it.", level=end
        )
        return Told(words, LEDGER_SAYS_NOT)
    says = say(
        "From {start} for a patient it knows nothing of to {end} for this one: {steps}.",
        start=start,
        end=end,
        steps=joined(told, ", "),
    )
    called = call_sentence(target.probability, interval, target.operating_point)
    return Told(joined([says, called]) if called else says, LEDGER_SAYS_NOT)


def of_part(
    modality: Modality, target: Target, signed: float, items: Sequence[PartItem],
    names: Mapping[tuple[float | str, ...], str] | None = None,
) -> Told:  # fmt: skip
    """Say what inside one modality moved the target most, for and against.

    signed: the modality's contribution. items: of parts that passed. names: other words for an
    item, by its place; see ``observation_names``.
    """
    told = [_as_a_whole(modality, target, signed)]
    best, worst = strongest(items, is_for=True), strongest(items, is_for=False)
    if best is not None:
        told.append(say("most for it: {what}", what=_quote(best, modality, names or {})))
    if worst is not None:
        told.append(say("most against it: {what}", what=_quote(worst, modality, names or {})))
    if best is None and worst is None:
        told.append(say("nothing in it stands out"))
    says = [say("{clauses}.", clauses=joined(told, "; "))]
    if modality is Modality.NOTE and best is not None and best.mark in _OF_MARK:
        says.append(_OF_MARK[best.mark])
    rest = [i.signed for i in items if not i.where]
    largest = max((abs(i.signed) for i in (best, worst) if i is not None), default=0.0)
    if rest and abs(rest[0]) > max(largest, STANDS_OUT_FROM):
        says.append(
            say(
                "More of it than in any one place is spread elsewhere ({signed}).",
                signed=signed_text(rest[0]),
            )
        )
    return Told(joined(says), _SAYS_NOT.get(modality, _SAYS_NOT_OF_OTHERS))


def _as_a_whole(modality: Modality, target: Target, signed: float) -> Text:
    subject, name = capitalised(modality.subject), word(target.display)
    if signed_text(signed) == signed_text(0.0):
        return say("{input} as a whole hardly moved {target}", input=subject, target=name)
    moved = _moved(signed, target)
    if signed > 0:
        return say(
            "{input} as a whole raised {target}: {moved}", input=subject, target=name, moved=moved
        )
    return say(
        "{input} as a whole lowered {target}: {moved}", input=subject, target=name, moved=moved
    )


def of_interactions(
    contributions: Sequence[Contribution], interactions: Sequence[Interaction]
) -> Told | None:
    """Name the strongest interaction and every pair in conflict; None where there is no pair."""
    if not interactions:
        return None
    signed = {c.modality: c.signed for c in contributions}
    most = max(interactions, key=lambda i: abs(i.value))
    told = [
        say(
            "Strongest interaction: {pair} {value}, {meaning}",
            pair=pair_text(most),
            value=signed_text(most.value),
            meaning=together_text(most.value),
        )
    ]
    relation = relation_in(contributions, most)
    if relation:
        larger = max((most.a, most.b), key=lambda m: abs(signed.get(m, 0.0)))
        told.append(filled(_RELATION_WORDS[relation], larger=lowered(larger.display)))
    says = [say("{clauses}.", clauses=joined(told, "; "))]
    clashes = [i for i in interactions if relation_in(contributions, i) is Relation.CONFLICT]
    if clashes:
        pairs = [
            say(
                "{pair} ({first} and {second})",
                pair=pair_text(i),
                first=signed_text(signed[i.a]),
                second=signed_text(signed[i.b]),
            )
            for i in sorted(clashes, key=lambda i: -min(abs(signed[i.a]), abs(signed[i.b])))
        ]
        says.append(say("In conflict: {pairs}.", pairs=joined(pairs, ", ")))
    else:
        says.append(say("No two inputs are in conflict."))
    return Told(joined(says), _INTERACTIONS_SAY_NOT)


_RELATION_WORDS = {
    Relation.AGREE: say("the two agree"),
    Relation.CONFLICT: say("the two are in conflict"),
    Relation.REDUNDANT: say("the two are redundant: one says much of what the other says"),
    Relation.ONE_DECIDES: say("of the two, {larger} decides"),
}


def pair_text(interaction: Interaction) -> str:
    """Return the two modalities of an interaction, such as "image with clinical note"."""
    return say(
        "{first} with {second}",
        first=lowered(interaction.a.display),
        second=lowered(interaction.b.display),
    )


def together_text(value: float) -> str:
    """Return what an interaction index in logits means for the two inputs together."""
    if signed_text(value) == signed_text(0.0):
        return say("together they give the result of the two alone, added up")
    if value > 0:
        return say("together they give a higher result than the two alone would, added up")
    return say("together they give a lower result than the two alone would, added up")


def of_places(places: Sequence[Place]) -> tuple[str, str]:
    """Return where in the patient an image's evidence lies, and a warning; "" where there is none.

    Of the evidence for, and of that against where it is more. The warning is due where more than a
    quarter of one of them lies outside lungs and mediastinum: models may learn from markers.
    """
    in_favour = {place.name: place.positive for place in places}
    against = {place.name: -place.negative for place in places}
    outside = {place.name for place in places if place.is_outside}
    told, warnings = [], []
    for way, amounts in (("for", in_favour), ("against", against)):
        total = sum(amounts.values())
        if not total >= STANDS_OUT_FROM or (way == "against" and total <= sum(in_favour.values())):
            continue
        most = max(amounts, key=lambda name: amounts[name])
        apart = sum(amounts[name] for name in outside) / total
        is_region = not most.startswith(("outside", "beside"))
        told.append(
            filled(
                _LIES[way, is_region],
                share=_share(amounts[most] / total),
                place=word(most),
                apart=_share(apart),
            )
        )
        if apart > OUTSIDE_WARNING:
            warnings.append(filled(_LIES_OUTSIDE[way], share=_share(apart)))
    return (joined(told) if told else ""), (joined(warnings) if warnings else "")


_LIES = {
    ("for", True): say(
        "{share} of the evidence for lies in the {place}; {apart} lies outside the lungs and "
        "mediastinum."
    ),
    ("for", False): say(
        "{share} of the evidence for lies {place}; {apart} lies outside the lungs and mediastinum."
    ),
    ("against", True): say(
        "{share} of the evidence against lies in the {place}; {apart} lies outside the lungs and "
        "mediastinum."
    ),
    ("against", False): say(
        "{share} of the evidence against lies {place}; {apart} lies outside the lungs and "
        "mediastinum."
    ),
}
_LIES_OUTSIDE = {
    "for": say(
        "{share} of the evidence for lies outside the lungs and mediastinum, where no finding of "
        "the chest can be: do not rely on this map."
    ),
    "against": say(
        "{share} of the evidence against lies outside the lungs and mediastinum, where no finding "
        "of the chest can be: do not rely on this map."
    ),
}


def strongest(items: Sequence[PartItem], *, is_for: bool) -> PartItem | None:
    """Return the strongest item with a place that raises, or that lowers; None if none stands out.

    An item that rounds to less than ``STANDS_OUT_FROM`` does not.
    """
    sign = 1.0 if is_for else -1.0
    placed = [i for i in items if i.where and sign * i.signed >= STANDS_OUT_FROM]
    return max(placed, key=lambda item: sign * item.signed, default=None)


def observation_names(
    observations: Sequence[Observation],
) -> dict[tuple[float | str, ...], str]:
    """Return the latest value of each code in words, by the code and time an item points to.

    Items that point to an earlier time tell of a course, and keep their own words.
    """
    return {
        place_of(course.latest): say(
            "{test} {value}",
            test=word(course.latest.display),
            value=observation_text(course.latest),
        )
        for course in courses_of(observations)
    }


def _quote(item: PartItem, modality: Modality, names: Mapping[tuple[float | str, ...], str]) -> str:
    what = names.get(item.where, item.what)
    if modality is Modality.NOTE:
        what = f"\u201c{shortened(what).strip(' .,;:')}\u201d"
    elif not isinstance(what, Text):
        what = word(shortened(what))
    signed = signed_text(item.signed)
    if item.mark:
        return say("{what} ({mark}, {signed})", what=what, mark=word(item.mark), signed=signed)
    return say("{what} ({signed})", what=what, signed=signed)


def shortened(words: str) -> str:
    """Return words in one line, cut to what a sentence can quote."""
    line = " ".join(words.split())
    return line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1].rstrip() + "\u2026"


def _moved(signed: float, target: Target) -> str:
    if target.kind == "finding":
        return say("{signed} ({odds})", signed=signed_text(signed), odds=odds_text(signed))
    return _with_unit(signed_text(signed), target)


def _level(value: float, target: Target) -> str:
    if target.kind == "finding":
        return probability_text(1.0 / (1.0 + math.exp(-max(value, -700.0))))
    return _with_unit(signed_text(value).removeprefix("+"), target)


def _with_unit(number: str, target: Target) -> str:
    unit = unit_text(target.unit)
    return say("{value} {unit}", value=number, unit=unit) if unit else number


def _share(fraction: float) -> str:
    return f"{100.0 * fraction:.0f}%"
