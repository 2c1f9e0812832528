"""From token attributions to the clauses of a note, which is what a reader can check."""

import itertools
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mmcore.records import PartItem

# A clause ends at a line break, at ; or :, and at a full stop or comma that is not inside a number.
_BREAK = re.compile(r"[\n;]+|:(?=\s)|[.,!?](?=\s|$)")


def clause_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Return (start, end) of every clause of ``text``, without surrounding white space."""
    edges = [0, *(match.end() for match in _BREAK.finditer(text)), len(text)]
    spans = []
    for start, end in itertools.pairwise(edges):
        clause = text[start:end]
        left = start + len(clause) - len(clause.lstrip())
        right = start + len(clause.rstrip())
        if right > left:
            spans.append((left, right))
    return tuple(spans)


def sum_by_clause(
    text: str, spans: Sequence[tuple[int, int]], signed: npt.NDArray[np.float64]
) -> tuple[PartItem, ...]:
    """Return one item per clause that holds a token; together they hold every token once.

    ``spans`` are the characters of each token and ``signed`` its logits. ``what`` quotes the note.
    """
    if not spans:
        return ()
    last = _BREAK.search(text, spans[-1][1])
    clauses = clause_spans(text[: last.end()] if last else text)  # a note may be far longer
    sums: dict[tuple[int, int], float] = {}
    current = 0
    for (start, _), value in zip(spans, signed, strict=True):
        while current + 1 < len(clauses) and start >= clauses[current + 1][0]:
            current += 1
        sums[clauses[current]] = sums.get(clauses[current], 0.0) + float(value)
    items = [PartItem(text[start:end], (start, end), total) for (start, end), total in sums.items()]
    return tuple(sorted(items, key=lambda item: -abs(item.signed)))
