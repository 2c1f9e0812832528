"""What each chart of a result says of this patient, and what it does not, in a sentence each.

Pure functions of records. Page and PDF show these very words, so they can not disagree; they rest
on nothing that a result document does not hold.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from mmcore.courses import courses_of, place_of
from mmcore.explain.relations import Relation, relation_in
from mmcore.records import Contribution, Interaction, Modality, Observation, PartItem, Place
from mmcore.wording import (
    NO_CLAIM,
    call_sentence,
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

LEDGER_SAYS_NOT = (
    "It does not say that the evidence caused the disease, nor that the finding is there: only "
    "what moved this model for this patient, against a patient of whom it knows nothing."
)
_SAYS_NOT: Mapping[Modality, str] = {
    Modality.IMAGE: "It does not outline disease: it marks regions, some millimetres wide, that "
    "moved this model. What it leaves unmarked is not thereby normal.",
    Modality.NOTE: "It does not say that a phrase is true or was understood, nor what the result "
    "would be without it.",
    Modality.OBSERVATIONS: "It does not say that a value is abnormal or causes the finding: a "
    "normal value may move the model too.",
    Modality.RECORDING: "It names no crackle or wheeze: only when, and at which pitch, the sound "
    "moved this model.",
    Modality.VARIANTS: NO_CLAIM,
}
_INTERACTIONS_SAY_NOT = (
    "It does not say that these inputs are related in medicine, nor which of two in conflict is "
    "right. Interactions are held by the contributions already and add nothing to the sum."
)
_OF_MARK = {
    "negated": "The strongest support is a clause that denies: the model may have read its words "
    "and not the denial.",
    "history": "The strongest support is a clause on the past or on a relative: it need not hold "
    "today.",
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
        f"{c.modality.display.lower()} {_moved(c.signed, target)}"
        for c in sorted(given, key=lambda c: -abs(c.signed))
    ]
    start, end = _level(base, target), _level(logit, target)
    if not told:
        words = f"The model says {end}, its starting point; no input of this case moved it."
        return Told(words, LEDGER_SAYS_NOT)
    says = (
        f"From {start} for a patient it knows nothing of to {end} for this one: {', '.join(told)}. "
        + call_sentence(target.probability, interval, target.operating_point)
    )
    return Told(says.rstrip(), LEDGER_SAYS_NOT)


def of_part(
    modality: Modality, target: Target, signed: float, items: Sequence[PartItem],
    names: Mapping[tuple[float | str, ...], str] | None = None,
) -> Told:  # fmt: skip
    """Say what inside one modality moved the target most, for and against.

    signed: the modality's contribution. items: of parts that passed. names: other words for an
    item, by its place; see ``observation_names``.
    """
    subject = modality.subject[:1].upper() + modality.subject[1:]
    if signed_text(signed) == signed_text(0.0):
        says = f"{subject} as a whole hardly moved {target.display}"
    else:
        way = "raised" if signed > 0 else "lowered"
        says = f"{subject} as a whole {way} {target.display}: {_moved(signed, target)}"
    best, worst = strongest(items, is_for=True), strongest(items, is_for=False)
    told = [
        f"most {way} it: {_quote(item, modality, names or {})}"
        for way, item in (("for", best), ("against", worst))
        if item is not None
    ]
    says += f"; {'; '.join(told)}." if told else "; nothing in it stands out."
    if modality is Modality.NOTE and best is not None and best.mark in _OF_MARK:
        says += f" {_OF_MARK[best.mark]}"
    rest = [i.signed for i in items if not i.where]
    largest = max((abs(i.signed) for i in (best, worst) if i is not None), default=0.0)
    if rest and abs(rest[0]) > max(largest, STANDS_OUT_FROM):
        says += f" More of it than in any one place is spread elsewhere ({signed_text(rest[0])})."
    default = "It says what moved this model, not what is true of the patient."
    return Told(says, _SAYS_NOT.get(modality, default))


def of_interactions(
    contributions: Sequence[Contribution], interactions: Sequence[Interaction]
) -> Told | None:
    """Name the strongest interaction and every pair in conflict; None where there is no pair."""
    if not interactions:
        return None
    signed = {c.modality: c.signed for c in contributions}
    most = max(interactions, key=lambda i: abs(i.value))
    says = f"Strongest interaction: {pair_text(most)} {signed_text(most.value)}, "
    says += together_text(most.value)
    relation = relation_in(contributions, most)
    larger = max((most.a, most.b), key=lambda m: abs(signed.get(m, 0.0))).display.lower()
    says += f"; {_RELATION_WORDS[relation].format(larger=larger)}." if relation else "."
    clashes = [i for i in interactions if relation_in(contributions, i) is Relation.CONFLICT]
    if clashes:
        told = [
            f"{pair_text(i)} ({signed_text(signed[i.a])} and {signed_text(signed[i.b])})"
            for i in sorted(clashes, key=lambda i: -min(abs(signed[i.a]), abs(signed[i.b])))
        ]
        says += f" In conflict: {', '.join(told)}."
    else:
        says += " No two inputs are in conflict."
    return Told(says, _INTERACTIONS_SAY_NOT)


_RELATION_WORDS = {
    Relation.AGREE: "the two agree",
    Relation.CONFLICT: "the two are in conflict",
    Relation.REDUNDANT: "the two are redundant: one says much of what the other says",
    Relation.ONE_DECIDES: "of the two, {larger} decides",
}


def pair_text(interaction: Interaction) -> str:
    """Return the two modalities of an interaction, such as "image with clinical note"."""
    return f"{interaction.a.display.lower()} with {interaction.b.display.lower()}"


def together_text(value: float) -> str:
    """Return what an interaction index in logits means for the two inputs together."""
    if signed_text(value) == signed_text(0.0):
        return "together they give the result of the two alone, added up"
    size = "higher" if value > 0 else "lower"
    return f"together they give a {size} result than the two alone would, added up"


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
        preposition = "" if most.startswith(("outside", "beside")) else "in the "
        told.append(
            f"{_share(amounts[most] / total)} of the evidence {way} lies {preposition}{most}; "
            f"{_share(apart)} lies outside the lungs and mediastinum."
        )
        if apart > OUTSIDE_WARNING:
            warnings.append(
                f"{_share(apart)} of the evidence {way} lies outside the lungs and mediastinum, "
                "where no finding of the chest can be: do not rely on this map."
            )
    return " ".join(told), " ".join(warnings)


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
        place_of(course.latest): f"{course.latest.display} {observation_text(course.latest)}"
        for course in courses_of(observations)
    }


def _quote(item: PartItem, modality: Modality, names: Mapping[tuple[float | str, ...], str]) -> str:
    what = " ".join(names.get(item.where, item.what).split())
    if len(what) > LONGEST_QUOTE:
        what = what[: LONGEST_QUOTE - 1].rstrip() + "\u2026"
    if modality is Modality.NOTE:
        what = f"\u201c{what.strip(' .,;:')}\u201d"
    mark = f"{item.mark}, " if item.mark else ""
    return f"{what} ({mark}{signed_text(item.signed)})"


def _moved(signed: float, target: Target) -> str:
    if target.kind == "finding":
        return f"{signed_text(signed)} ({odds_text(signed)})"
    return f"{signed_text(signed)} {unit_text(target.unit)}".rstrip()


def _level(value: float, target: Target) -> str:
    if target.kind == "finding":
        return probability_text(1.0 / (1.0 + math.exp(-max(value, -700.0))))
    return f"{signed_text(value).removeprefix('+')} {unit_text(target.unit)}".rstrip()


def _share(fraction: float) -> str:
    return f"{100.0 * fraction:.0f}%"
