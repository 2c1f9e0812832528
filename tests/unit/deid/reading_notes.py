"""How much of what identifies in marked notes goes, and how much else goes with it."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mmcore.deid.notes import Known, scrub

_MARK = re.compile(r"\{\{(?:(\w)\|)?(.*?)\}\}", re.DOTALL)
_TITLES = frozenset(
    "Dr Mr Mrs Ms Miss Prof Sister Nurse Fr RN GP SpR SN HCA CNS".split()  # noqa: SIM905
)
"""Words that go with a name."""
_GONE = 0.7  # share of its letters and digits by which an identifier counts as gone


@dataclass
class Figures:
    """planted, found: identifiers by the letter of their kind. words, wrong: all others."""

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    missed: list[tuple[str, str]] = field(default_factory=list)
    words: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Share of identifiers that are gone."""
        return self.found.total() / self.planted.total()

    @property
    def lost(self) -> float:
        """Share of other words that go too."""
        return len(self.wrong) / self.words


def unmarked(note: str) -> tuple[str, list[tuple[int, int, str]]]:
    """Return a note without its braces; where they stood, and the letter of each."""
    text, spans, at = "", [], 0
    for match in _MARK.finditer(note):
        text += note[at : match.start()]
        spans.append((len(text), len(text) + len(match[2]), match[1] or ""))
        text, at = text + match[2], match.end()
    return text + note[at:], spans


def figures(notes: Sequence[str], known: Known) -> Figures:
    """Scrub notes and count what went."""
    result = Figures()
    for note in notes:
        text, spans = unmarked(note)
        gone = np.zeros(len(text), bool)
        for span in scrub(text, known).spans:
            gone[span.start : span.end] = True
        for start, end, kind in spans:
            letters = [i for i in range(start, end) if text[i].isalnum()]
            result.planted[kind] += 1
            if gone[letters].mean() > _GONE:
                result.found[kind] += 1
            else:
                result.missed.append((kind, text[start:end]))
        for word in re.finditer(r"[^\W\u3400-\u9fff]+|[\u3400-\u9fff]", text):
            is_planted = any(start <= word.start() < end for start, end, _ in spans)
            if not is_planted and word[0] not in _TITLES:
                result.words += 1
                if gone[word.start()]:
                    result.wrong.append(word[0])
    return result
