"""The note as text: its sections, what its clauses deny, and what in it moved a finding."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from dashboard import evidence, formatting, stepper
from dashboard.components.evidence import bar, mark, withheld
from dashboard.evidence import Run, Span
from dashboard.language import ours, t
from dashboard.markup import Markup, element, join, show, table
from mmcore import wording
from mmcore.explain.phrases import sum_by_section
from mmcore.records import Case, Note, PartItem, Parts
from mmcore.sentences import STANDS_OUT_FROM

MOST_DRAWN = 60_000
"""Characters of a note; a model reads far fewer, and a page of millions is slow to use."""
_MOST_PHRASES = 6
_SIGNS = {"negated": "⊘", "history": "↶", "hedged": "≈"}


def note_view(case: Case, seen: Note | None, parts: Parts | None, *, scale: str) -> None:
    """Draw the notes; the one the model read with its evidence shaded where that may be shown."""
    if not case.notes:
        show(element("p", t("The case holds no note."), cls="co-muted"))
        return
    first = seen or case.notes[0]
    others = [note for note in case.notes if note is not first]
    is_shaded = parts is not None and parts.passed
    if parts is not None and not parts.passed:
        withheld(parts)
    if is_shaded and parts is not None:
        words = evidence.words(first.text, parts.items)
        phrases = evidence.phrases(first.text, words)
        text, strongest = st.columns([7, 5], gap="medium")
        with text:
            show(_legend())
            stepper.show(first.digest[:16], len(phrases), key=f"phrases-{first.digest[:16]}")
            mass = sum(abs(word.signed) for word in words) or 1.0
            _draw(first, phrases, parts.items, mass, scale)
        with strongest:
            show(_strongest(parts.items, scale))
    else:
        _draw(first, (), ())
    for note in others:
        told = t("This further note was not read by the model.")
        show(element("p", told, cls="co-muted"))
        _draw(note, (), ())


def _draw(
    note: Note,
    phrases: Sequence[Span],
    items: Sequence[PartItem],
    mass: float = 1.0,
    scale: str = "",
) -> None:
    """Draw a note from its start on, and say how much of a very long one is left out."""
    rest = len(note.text) - MOST_DRAWN
    if rest <= 0:
        show(_text(note, phrases, items, mass, scale))
        return
    sections = tuple(section for section in note.sections if section.start < MOST_DRAWN)
    start = replace(note, text=note.text[:MOST_DRAWN], sections=sections)
    phrases = [phrase for phrase in phrases if phrase.end <= MOST_DRAWN]
    items = [item for item in items if len(item.where) != 2 or int(item.where[1]) <= MOST_DRAWN]
    show(_text(start, phrases, items, mass, scale))
    told = t("The note goes on for {n} characters that are not shown here.", n=f"{rest:,}")
    show(element("p", told, cls="co-muted", data_testid="note-rest"))


def _legend() -> Markup:
    return element(
        "p",
        element("mark", t("for"), cls="co-ev for", style="--strength:.75"),
        " ",
        t("raises the result, solid line"),
        " · ",
        element("mark", t("against"), cls="co-ev against", style="--strength:.75"),
        " ",
        t("lowers it, dashed line"),
        " · ",
        t("a fuller shade is stronger"),
        " · ",
        t("point at a phrase for its number"),
        cls="co-muted co-legend",
    )


def _strongest(items: Sequence[PartItem], scale: str) -> Markup:
    """Return the strongest clauses of both directions, each with what it does with its words."""
    ordered = sorted(items, key=lambda item: -abs(item.signed))
    standing = [item for item in ordered if abs(item.signed) >= STANDS_OUT_FROM]
    both = [item for item in standing if item.signed > 0][:_MOST_PHRASES]
    both += [item for item in standing if item.signed < 0][:_MOST_PHRASES]
    if not both:
        return element("p", t("No phrase stands out."), cls="co-muted")
    top = max(evidence.FULL_STRENGTH_FROM, *(abs(item.signed) for item in both))
    rows: list[tuple[str, ...]] = [
        (join(ours(item.what), mark(item.mark)), bar(item.signed, top))
        for item in sorted(both, key=lambda item: -item.signed)
    ]
    headers = (t("Phrase"), t("Contribution ({scale})", scale=scale))
    caption = t("Strongest phrases for and against")
    return table(headers, rows, caption=caption, cls="co-phrases")


def _text(
    note: Note,
    phrases: Sequence[Span],
    items: Sequence[PartItem],
    mass: float = 1.0,
    scale: str = "",
) -> Markup:
    """Return a note section by section, marked where there is evidence.

    mass: absolute contributions of all words, of which each phrase has a share.
    """
    sums = {s.start: s.signed for s in sum_by_section(items, note.sections) if s.kind}
    runs = evidence.marked_runs(note.text, items, phrases)
    ranks = {
        phrase.start: rank
        for rank, phrase in enumerate(sorted(phrases, key=lambda phrase: -abs(phrase.signed)))
    }

    def shaded(phrase: Span) -> Markup:
        return _phrase(note, phrase, mass, ranks[phrase.start], scale)

    def stretch(start: int, end: int) -> Markup:
        """Return plain text with its phrases shaded."""
        pieces: list[str] = []
        for phrase in phrases:
            if start <= phrase.start < end:
                pieces += [note.text[start : phrase.start], shaded(phrase)]
                start = phrase.end
        return join(*pieces, note.text[start:end])

    def body(start: int, end: int) -> Markup:
        pieces: list[str] = []
        for run in runs:
            if start <= run.start < end:
                pieces += [stretch(start, run.start), _clause(stretch(run.start, run.end), run)]
                start = run.end
        return join(*pieces, stretch(start, end))

    edges = [*(section.start for section in note.sections), len(note.text)]
    drawn = [body(0, edges[0])]
    for section, end in zip(note.sections, edges[1:], strict=True):
        words, start = section.title, section.start
        is_heading = bool(words) and note.text[start:].startswith(words) and words.isascii()
        is_plain = not any(p.start < start + len(words) and p.end > start for p in phrases)
        head: list[str] = []
        if section.start in sums:
            head.append(_sum(sums[section.start], section.title or t(section.kind)))
        if is_heading and is_plain:
            head.append(element("b", words))
            start += len(words)
        drawn.append(element("div", *head, body(start, end), cls="co-note-section"))
    return element(
        "div", *drawn, cls="co-note-text", data_testid="note-text", data_note=note.digest[:16]
    )


def _sum(signed: float, title: str) -> Markup:
    return element(
        "span",
        wording.signed_text(signed),
        cls=f"co-section {'for' if signed > 0 else 'against'}",
        title=t("All of {section}", section=title),
    )


def _clause(text: Markup, run: Run) -> Markup:
    """Return clauses with the word for what they do with what they name."""
    sign = element("span", f"{_SIGNS.get(run.mark, '△')} ", aria_hidden="true")
    tag = element("small", sign, t(run.mark), cls="co-clause-mark")
    return element("span", text, tag, cls="co-clause", data_mark=run.mark)


def _phrase(note: Note, phrase: Span, mass: float, rank: int, scale: str) -> Markup:
    way = "for" if phrase.signed > 0 else "against"
    text = note.text[phrase.start : phrase.end]
    signed = t("{signed} {scale}", signed=wording.signed_text(phrase.signed), scale=scale)
    share = formatting.share(abs(phrase.signed) / mass)
    tip = f"{signed} · " + t("{share} of the note's weight", share=share)
    tip += f" · {t(phrase.mark)}" if phrase.mark else ""
    return element(
        "mark",
        text,
        cls=f"co-ev {way}",
        style=f"--strength:{phrase.strength:.2f}",
        tabindex="0",
        role="note",
        data_tip=tip,
        data_signed=f"{phrase.signed:.4f}",
        data_rank=rank,
        aria_label=f"{text}: {t(way)}, {tip}",
    )
