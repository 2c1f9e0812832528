"""Gather the parts of an explanation into what a reader reads: words, phrases, sections, rows.

Sums are kept: words sum to the clauses of the core, phrases are sums of words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mmcore.records import Observation, PartItem, Parts, Variant

_WORD = re.compile(r"\S+")
# Fainter words, below this part of the strongest, are left plain so that the eye finds its way.
SHADED_FROM = 0.15
# Log-odds (or a value's unit) at which shading may reach full strength: what moved the odds by less
# than 5 % in all is not drawn as if it were strong.
FULL_STRENGTH_FROM = 0.05


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``start`` to ``end`` (exclusive) of a note and their contribution in logits.

    mark: of the clause it stands in, see ``mmcore.records.PartItem``.
    strength: ``|signed|`` of its strongest word over that of the note's strongest word, or over
        ``FULL_STRENGTH_FROM`` where that is more; in [0, 1].
    """

    start: int
    end: int
    signed: float
    strength: float = 0.0
    mark: str = ""


def words(text: str, items: Sequence[PartItem]) -> tuple[Span, ...]:
    """Return every word of ``text`` with the sum of its tokens' contributions.

    A token that reaches over several words is divided by the characters it has in each; one on no
    word (whitespace only) goes to the nearest word, so that nothing is lost.
    """
    bounds = [match.span() for match in _WORD.finditer(text)]
    if not bounds:
        return ()
    sums = [0.0] * len(bounds)
    marks = [""] * len(bounds)
    for item in items:
        start, end = int(item.where[0]), int(item.where[1])
        overlaps = [max(0, min(end, b) - max(start, a)) for a, b in bounds]
        total = sum(overlaps)
        if total:
            for index, overlap in enumerate(overlaps):
                sums[index] += item.signed * overlap / total
                if overlap and item.mark:
                    marks[index] = item.mark
        else:
            nearest = min(range(len(bounds)), key=lambda i: abs(bounds[i][0] - start))
            sums[nearest] += item.signed
    strongest = max(FULL_STRENGTH_FROM, *map(abs, sums))
    return tuple(
        Span(a, b, value, abs(value) / strongest, mark)
        for (a, b), value, mark in zip(bounds, sums, marks, strict=True)
    )


def is_worth_a_map(parts: Parts) -> bool:
    """Return whether its places weigh enough in all for a map to mean anything."""
    return sum(abs(item.signed) for item in parts.items) >= FULL_STRENGTH_FROM


def phrases(text: str, spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return the shaded phrases: neighbouring strong words of the same direction, as one."""
    merged: list[Span] = []
    for span in spans:
        if span.strength < SHADED_FROM:
            continue
        last = merged[-1] if merged else None
        gap = text[last.end : span.start] if last else ""
        same_way = last is not None and last.signed * span.signed > 0
        if (
            last
            and same_way
            and last.mark == span.mark
            and gap.isspace()
            and "\n" not in gap
            and text[last.end - 1] not in ".;"
        ):
            merged[-1] = Span(
                last.start, span.end, last.signed + span.signed,
                max(last.strength, span.strength), span.mark,
            )  # fmt: skip
        else:
            merged.append(span)
    return tuple(merged)


def of_observations(
    observations: Sequence[Observation], items: Sequence[PartItem]
) -> tuple[tuple[Observation, float | None], ...]:
    """Return every observation with its contribution, or ``None`` if the model did not use it.

    Ordered by size of contribution, then as given.
    """
    by_place: dict[tuple[str, str], float] = {}
    for item in items:
        place = (str(item.where[0]), str(item.where[1]) if len(item.where) > 1 else "")
        by_place[place] = by_place.get(place, 0.0) + item.signed
    rows = []
    for observation in observations:
        time = observation.time.isoformat() if observation.time else ""
        rows.append((observation, by_place.get((observation.loinc, time))))
    return tuple(sorted(rows, key=lambda row: -abs(row[1] or 0.0)))


def of_variants(
    variants: Sequence[Variant], items: Sequence[PartItem]
) -> tuple[tuple[Variant, float | None], ...]:
    """Return every called variant with its contribution, or ``None`` if the model did not use it.

    Ordered by size of contribution, then as given; those not used come last.
    """
    by_id = {item.where[0]: item.signed for item in items if item.where}
    rows = [(v, by_id.get(v.variant_id)) for v in variants if v.copies > 0]
    return tuple(sorted(rows, key=lambda row: (row[1] is None, -abs(row[1] or 0.0))))


def strongest_places(items: Sequence[PartItem], most: int = 4) -> tuple[PartItem, ...]:
    """Return the strongest items that have a place: at most so many for, then so many against."""
    placed = sorted((i for i in items if len(i.where) == 2), key=lambda item: -abs(item.signed))
    in_favour = [item for item in placed if item.signed > 0][:most]
    return (*in_favour, *[item for item in placed if item.signed < 0][:most])


def flag(observation: Observation) -> str:
    """Return "low", "high" or "" against the reference range the observation carries."""
    low, high = observation.reference_low, observation.reference_high
    if low is not None and observation.value < low:
        return "low"
    if high is not None and observation.value > high:
        return "high"
    return ""
