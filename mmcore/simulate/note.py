"""The admission note of a simulated patient, with the place of every statement that counts.

The author's view of each finding is drawn from ``causal.ASSERTION_TABLE``; the rest is the usual
text around it. Old and family history mentions the same findings equally often in the sick and the
well, so it is a distractor and nothing else.
"""

from dataclasses import dataclass

import numpy as np

from mmcore.simulate.causal import (
    ASSERTION_TABLE,
    FINDINGS,
    NOTE_STATUSES,
    Assertion,
    Disease,
    Finding,
    NoteStatus,
)
from mmcore.simulate.lesions import nodule_diameter_mm
from mmcore.simulate.phrases import ADJECTIVES, FILLER, PHRASES, SectionKey

P_HISTORY = 0.15  # of a distractor per finding: about one in a note

_HEADINGS: dict[SectionKey, str] = {
    "indication": "Indication",
    "hpi": "History of present illness",
    "history": "Past medical history",
    "medication": "Medications",
    "exam": "Examination",
    "tests": "Bedside tests",
    "assessment": "Assessment",
    "plan": "Plan",
}
# Neutral sentences per section, (at least, at most).
_FILLING: dict[SectionKey, tuple[int, int]] = {
    "indication": (1, 1),
    "hpi": (3, 5),
    "history": (2, 3),
    "medication": (2, 4),
    "exam": (3, 5),
    "tests": (1, 3),
    "assessment": (1, 2),
    "plan": (2, 4),
}


@dataclass(frozen=True, slots=True)
class TruthPhrase:
    """A statement about a finding: characters ``start`` to ``end`` (exclusive) of the note."""

    start: int
    end: int
    finding: Finding
    assertion: Assertion


@dataclass(frozen=True, slots=True)
class _Statement:
    text: str
    finding: Finding | None = None
    assertion: Assertion = "asserted"


def compose_note(rng: np.random.Generator, disease: Disease) -> tuple[str, tuple[TruthPhrase, ...]]:
    """Write the note and say where it speaks of which finding."""
    sections: dict[SectionKey, list[_Statement]] = {key: [] for key in _HEADINGS}
    for finding in FINDINGS:
        status = _sample_status(rng, is_present=disease.states[finding].present)
        if status != "omitted":
            _say(rng, sections, disease, finding, status)
        if rng.random() < P_HISTORY:
            _say(rng, sections, disease, finding, "history")
    smoking = "active smoker" if disease.latents["smoker"] else "never smoked"
    sections["history"].append(_Statement(smoking))
    for key, (low, high) in _FILLING.items():
        count = int(rng.integers(low, high + 1))
        for text in rng.permutation(np.array(FILLER[key], dtype=object))[:count]:
            sections[key].append(_Statement(str(text)))
    person = "woman" if disease.sex == "F" else "man"
    header = f"ADMISSION NOTE (simulated patient)\n{disease.age_years}-year-old {person}.\n"
    return _lay_out(rng, header, sections)


def _sample_status(rng: np.random.Generator, *, is_present: bool) -> NoteStatus:
    at = np.searchsorted(np.cumsum(ASSERTION_TABLE[is_present]), rng.random(), side="right")
    return NOTE_STATUSES[min(int(at), len(NOTE_STATUSES) - 1)]


def _say(
    rng: np.random.Generator,
    sections: dict[SectionKey, list[_Statement]],
    disease: Disease,
    finding: Finding,
    assertion: Assertion,
) -> None:
    state = disease.states[finding]
    wordings = PHRASES[finding][assertion]
    section, template = wordings[int(rng.integers(len(wordings)))]
    # A statement without a lesion behind it sounds like any other.
    strength = state.strength if state.present else float(rng.uniform(0.2, 0.9))
    size = nodule_diameter_mm(state) if state.visual > 0.1 else 12 + 18 * strength
    text = template.format(
        side=state.side,
        other="left" if state.side == "right" else "right",
        zone={"upper": "upper", "middle": "mid", "lower": "lower"}[state.zone],
        mm=round(size),
        adjective=ADJECTIVES[finding][0 if strength < 0.45 else 1 if strength < 0.7 else 2],
        year=int(rng.integers(1996, 2021)),
    )
    sections[section].append(_Statement(text, finding, assertion))


def _lay_out(
    rng: np.random.Generator, header: str, sections: dict[SectionKey, list[_Statement]]
) -> tuple[str, tuple[TruthPhrase, ...]]:
    text = header
    phrases: list[TruthPhrase] = []
    for key, heading in _HEADINGS.items():
        text += f"\n{heading}:\n"
        statements = sections[key]
        for number, at in enumerate(rng.permutation(len(statements))):
            statement = statements[int(at)]
            text += " " if number else ""
            start = len(text)
            text += statement.text[0].upper() + statement.text[1:]
            if statement.finding is not None:
                phrases.append(
                    TruthPhrase(start, len(text), statement.finding, statement.assertion)
                )
            text += "."
        text += "\n"
    return text, tuple(phrases)
