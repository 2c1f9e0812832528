"""Where the sources of one case disagree about a finding, and where a note says otherwise.

Two facts are worth saying aloud, because a single probability hides both: inputs that pull a
finding in opposite directions with comparable weight, and a clause of the note that denies what is
called present, or names what is called absent. The first rests on contributions, the second on the
rules of ``mmcore.explain.assertions``; neither says who is right.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mmcore.explain.relations import Relation, relation_in
from mmcore.records import (
    Contribution,
    Explanation,
    Interaction,
    Modality,
    PartItem,
    TargetPrediction,
)

SAID_FROM = 0.2
"""Logits that the weaker of two opposed inputs must have moved: a factor of 1.2 on the odds. What
is less is left to the table of interactions, so that the line is read when it appears."""
SHARE_FROM = 1.0 / 3.0
"""What all inputs of the weaker direction moved, over those of the stronger. Below it nobody who
weighs the sources would call them divided: at over 99 % a small push against is no disagreement."""

_OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "consolidation": ("pneumonia",),
    "edema": ("oedema",),
    "effusion": ("pleural fluid",),
    "cardiomegaly": ("enlarged heart",),
}
_NO_NAME = frozenset({"pulmonary", "pleural", "lung", "chest", "heart", "cardiac", "acute"})
_OTHER_PLACES = frozenset(
    """abdominal ankle ankles brain breast cerebral elbow extremities extremity facial hepatic hip
    joint knee leg legs limb limbs liver macular pedal pericardial periorbital peripheral peritoneal
    pitting renal scrotal thyroid""".split()  # noqa: SIM905 # a list of words reads as one
)
"""Where else a sign of the same name may be: a pericardial effusion is not a pleural one."""
_WORD = re.compile(r"[a-z]{4,}")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What speaks against what, of one target.

    raising, lowering: inputs in conflict with one of the other side, strongest first; both empty or
        neither. clauses: of the note, against the call.
    """

    raising: tuple[Modality, ...] = ()
    lowering: tuple[Modality, ...] = ()
    clauses: tuple[PartItem, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.raising or self.clauses)


def disagreement_of(
    display: str,
    *,
    is_called: bool | None,
    contributions: Sequence[Contribution],
    interactions: Sequence[Interaction],
    clauses: Sequence[PartItem] = (),
) -> Disagreement:
    """Return what speaks against what, of a target called present, absent or, None, neither.

    clauses: of the note that the model read, with their marks.
    """
    signed = {c.modality: c.signed for c in contributions}
    opposed: set[Modality] = set()
    for pair in interactions:
        is_conflict = relation_in(contributions, pair) is Relation.CONFLICT
        if is_conflict and min(abs(signed[pair.a]), abs(signed[pair.b])) >= SAID_FROM:
            opposed |= {pair.a, pair.b}
    if not _is_divided(signed.values()):
        opposed = set()
    ordered = sorted(opposed, key=lambda m: -abs(signed[m]))
    return Disagreement(
        raising=tuple(m for m in ordered if signed[m] > 0.0),
        lowering=tuple(m for m in ordered if signed[m] < 0.0),
        clauses=() if is_called is None else _against(display, clauses, is_called=is_called),
    )


def disagreement_in(target: TargetPrediction, explanation: Explanation) -> Disagreement:
    """Return what speaks against what in one ledger; of a note whose parts passed, its clauses."""
    note = explanation.parts.get(Modality.NOTE)
    return disagreement_of(
        target.display,
        is_called=target.is_positive,
        contributions=explanation.contributions,
        interactions=explanation.interactions,
        clauses=note.items if note is not None and note.passed else (),
    )


def names_of(display: str) -> tuple[str, ...]:
    """Return the words, in lower case, by which a clause may name a finding."""
    words = [w for w in _WORD.findall(display.lower()) if w not in _NO_NAME]
    return tuple(name for word in words for name in (word, *_OTHER_NAMES.get(word, ())))


def _is_divided(signed: Collection[float]) -> bool:
    raised = sum(value for value in signed if value > 0.0)
    lowered = -sum(value for value in signed if value < 0.0)
    return min(raised, lowered) >= SHARE_FROM * max(raised, lowered)


def _against(display: str, clauses: Sequence[PartItem], *, is_called: bool) -> tuple[PartItem, ...]:
    mark = "negated" if is_called else ""
    named = re.compile("|".join(rf"\b{re.escape(n)}s?\b" for n in names_of(display)) or r"(?!)")
    own = set(_WORD.findall(display.lower())) & _NO_NAME  # "pleural" in "pleural effusion"
    found = [
        c
        for c in clauses
        if c.mark == mark
        and c.where
        and named.search(c.what.lower())
        and not _is_elsewhere(set(re.findall(r"[a-z]+", c.what.lower())), own)
    ]
    return tuple(sorted(found, key=lambda clause: int(clause.where[0])))


def _is_elsewhere(words: set[str], own: set[str]) -> bool:
    """Whether a clause speaks of another part of the body, and not of this one as well."""
    return bool(words & _OTHER_PLACES) and not words & own
