"""From token attributions to clauses, sentences and sections of a note, which a reader can check.

Every step is a sum over the step before: tokens to clauses, clauses to sentences and sections.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmcore.explain.assertions import assertions
from mmcore.records import PartItem, Section

# A clause ends at a line break, at ; or :, at a full stop or comma that is not inside a number, and
# before a word after which the opposite may hold: what is denied stands apart from what is not.
_TURN = r"(?<=\s)(?=(?:but|however|although|though|and (?:no|denies|without))\b)"
_WITHOUT = r"(?<=\s)(?<!or\s)(?<!and\s)(?<!but\s)(?=without\b)"
_BREAK = re.compile(rf"[\n;]+|:(?=\s)|[.,!?](?=\s|$)|{_TURN}|{_WITHOUT}", re.IGNORECASE)
# "CT last month without a nodule" is one statement: the study says nothing without its result.
_NAMES_A_STUDY = re.compile(
    r"\b(?:ct|mri|pet|x-?ray|radiograph|film|ultrasound|echo|echocardiogram|ecg|scan|exam|"
    r"examination|lungs|chest|abdomen|heart)\b[^.,;:!?\n]*$",
    re.IGNORECASE,
)
_SENTENCE_BREAK = re.compile(r"\n+|[.!?](?=\s|$)")


@dataclass(frozen=True, slots=True)
class TextSum:
    """Characters ``start`` to ``end`` (exclusive) of a note and their contribution in logits.

    title, kind: of a section, see ``mmcore.records.Section``; "" for a sentence and for what stands
    in no section.
    """

    start: int
    end: int
    signed: float
    title: str = ""
    kind: str = ""


def clause_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Return (start, end) of every clause of ``text``, without surrounding white space."""
    spans: list[tuple[int, int]] = []
    for start, end in _spans(text, _BREAK):
        is_rest = text[start : start + 7].lower() == "without"
        if is_rest and spans and _NAMES_A_STUDY.search(text[slice(*spans[-1])]):
            start = spans.pop()[0]
        spans.append((start, end))
    return tuple(spans)


def sum_by_clause(
    text: str, spans: Sequence[tuple[int, int]], signed: npt.NDArray[np.float64]
) -> tuple[PartItem, ...]:
    """Return one item per clause that holds a token; together they hold every token once.

    ``spans`` are the characters of each token and ``signed`` its logits. ``what`` quotes the note,
    ``mark`` says whether it denies, hedges or tells of the past (``mmcore.explain.assertions``).
    """
    if not spans:
        return ()
    last = _BREAK.search(text, spans[-1][1])
    read = text[: last.end()] if last else text  # a note may be far longer
    clauses = clause_spans(read)
    marks = dict(zip(clauses, assertions(read, clauses), strict=True))
    sums: dict[tuple[int, int], float] = {}
    current = 0
    for (start, _), value in zip(spans, signed, strict=True):
        while current + 1 < len(clauses) and start >= clauses[current + 1][0]:
            current += 1
        sums[clauses[current]] = sums.get(clauses[current], 0.0) + float(value)
    items = [
        PartItem(text[start:end], (start, end), total, marks[start, end])
        for (start, end), total in sums.items()
    ]
    return tuple(sorted(items, key=lambda item: -abs(item.signed)))


def sum_by_sentence(text: str, items: Sequence[PartItem]) -> tuple[TextSum, ...]:
    """Return the sentences of ``text`` that hold a clause, in order, with the sum of their clauses.

    Where nothing of the note was read there is none. ``items`` are those of ``sum_by_clause``.
    """
    reach = max((int(item.where[1]) for item in items), default=0)
    found = _SENTENCE_BREAK.search(text, max(reach - 1, 0))
    spans = _spans(text[: found.end()] if found else text, _SENTENCE_BREAK)
    sums = _gather(items, [start for start, _ in spans])
    return tuple(
        TextSum(*spans[number], value) for number, value in sorted(sums.items()) if number >= 0
    )


def sum_by_section(items: Sequence[PartItem], sections: Sequence[Section]) -> tuple[TextSum, ...]:
    """Return the sections that hold a clause, in order, with the sum of their clauses.

    What stands before the first section, or in a note without any, is one entry without title, so
    that the entries sum to the items. ``sections`` are in order and follow upon each other.
    """
    sums = _gather(items, [section.start for section in sections])
    found = []
    for number, value in sorted(sums.items()):
        if number < 0:
            outside = [
                i.where for i in items if not sections or int(i.where[0]) < sections[0].start
            ]
            ends = [int(where[1]) for where in outside]
            found.append(TextSum(min(int(where[0]) for where in outside), max(ends), value))
        else:
            section = sections[number]
            found.append(TextSum(section.start, section.end, value, section.title, section.kind))
    return tuple(found)


def _spans(text: str, pattern: re.Pattern[str]) -> tuple[tuple[int, int], ...]:
    edges = [0, *(match.end() for match in pattern.finditer(text)), len(text)]
    spans = []
    for start, end in itertools.pairwise(edges):
        piece = text[start:end]
        left = start + len(piece) - len(piece.lstrip())
        right = start + len(piece.rstrip())
        if right > left:
            spans.append((left, right))
    return tuple(spans)


def _gather(items: Sequence[PartItem], starts: Sequence[int]) -> dict[int, float]:
    """Return the sum of the items after each of the rising starts, by its number; -1 is before."""
    sums: dict[int, float] = {}
    for item in items:
        number = int(np.searchsorted(starts, item.where[0], side="right")) - 1
        sums[number] = sums.get(number, 0.0) + item.signed
    return sums
