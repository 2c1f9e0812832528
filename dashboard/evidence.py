"""Gather the parts of an explanation into what a reader reads: words, phrases, sections, rows.

Sums are kept: words sum to the clauses of the core, phrases are sums of words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mmcore.courses import Course, courses_of, place_of
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


@dataclass(frozen=True, slots=True)
class Run:
    """Characters ``start`` to ``end`` (exclusive) of a note whose clauses carry one mark."""

    start: int
    end: int
    mark: str


def marked_runs(
    text: str, items: Sequence[PartItem], shaded: Sequence[Span] = ()
) -> tuple[Run, ...]:
    """Return the marked clauses in order, neighbours of one mark as one.

    A run takes in whole every shaded phrase that it touches, so that none is cut.
    """
    found: list[Run] = []
    marked = [item for item in items if item.mark and len(item.where) == 2]
    for item in sorted(marked, key=lambda item: int(item.where[0])):
        start, end = int(item.where[0]), int(item.where[1])
        touched = [s for s in shaded if s.start < end and s.end > start]
        start = min([start, *(s.start for s in touched)])
        end = max([end, *(s.end for s in touched)])
        last = found[-1] if found else None
        if last and start < last.end:
            found[-1] = Run(last.start, max(end, last.end), last.mark)
        elif last and last.mark == item.mark and text[last.end : start].isspace():
            found[-1] = Run(last.start, end, last.mark)
        else:
            found.append(Run(start, end, item.mark))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class ObservationRow:
    """All values of one code, and what the model made of the latest and of how it came about.

    value: contribution of the latest value in logits, or None if the model did not use it.
    trend: the item on the course, with its own words, or None where no course was read.
    """

    course: Course
    value: float | None
    trend: PartItem | None

    @property
    def weight(self) -> float:
        """How much value and course moved the target, in logits."""
        return abs(self.value or 0.0) + abs(self.trend.signed if self.trend else 0.0)


def of_observations(
    observations: Sequence[Observation], items: Sequence[PartItem]
) -> tuple[ObservationRow, ...]:
    """Return one row per code; an item that points to an earlier value tells of the course.

    Ordered by what matters: how much it moved the target, then values out of their range, then as
    given.
    """
    by_code: dict[str, list[PartItem]] = {}
    for item in items:
        by_code.setdefault(str(item.where[0]), []).append(item)
    rows = []
    for course in courses_of(observations):
        place = place_of(course.latest)
        found = by_code.get(place[0], [])
        values = [i.signed for i in found if i.where == place]
        trends = [i for i in found if i.where != place]
        trend = None
        if trends:
            trend = replace(trends[0], signed=sum(item.signed for item in trends))
        rows.append(ObservationRow(course, sum(values) if values else None, trend))
    is_out = {"high", "low"}
    return tuple(
        sorted(rows, key=lambda row: (-row.weight, range_mark(row.course.latest) not in is_out))
    )


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


def range_mark(observation: Observation) -> Literal["low", "high", "in range", ""]:
    """Return where a value lies against the reference range that it carries; "" if unknown.

    A bound ("<120") is in range only if every value it allows is.
    """
    low, high = observation.reference_low, observation.reference_high
    value, comparator = observation.value, observation.comparator
    if low is not None and value < low and comparator != ">":
        return "low"
    if high is not None and value > high and comparator != "<":
        return "high"
    if low is None and high is None:
        return ""
    may_be_low = low is not None and (value < low or (comparator == "<" and low > 0))
    may_be_high = high is not None and (value > high or comparator == ">")
    return "" if may_be_low or may_be_high else "in range"
