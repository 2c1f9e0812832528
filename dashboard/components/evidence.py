"""What inside the note moved a finding as shaded text, and pieces that all evidence shares."""

from collections.abc import Sequence

import streamlit as st

from dashboard import evidence, formatting, messages
from dashboard.evidence import Span
from dashboard.language import ours, t
from dashboard.markup import Markup, element, join, show, table
from mmcore import wording
from mmcore.explain.phrases import TextSum, sum_by_section
from mmcore.records import Case, Modality, Note, PartItem, Parts

_MOST_PHRASES = 6


def note_view(case: Case, seen: Note | None, parts: Parts | None) -> None:
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
        spans = evidence.words(first.text, parts.items)
        text, strongest = st.columns([7, 5], gap="medium")
        with text:
            show(_legend())
            show(_shaded(first, spans, sum_by_section(parts.items, first.sections)))
        with strongest:
            show(_strongest(parts.items))
    else:
        show(_plain(first))
    for note in others:
        words = t("This further note was not read by the model.")
        show(element("p", words, cls="co-muted"))
        show(_plain(note))


def withheld(parts: Parts) -> None:
    """Draw why a part's evidence is not shown."""
    show(
        element(
            "div",
            element("strong", t("Withheld.")),
            " ",
            t(messages.of_withheld_part(parts.modality, parts.reason)),
            cls="co-note withheld",
            data_testid=f"withheld-{parts.modality}",
            role="note",
        )
    )


def items_view(modality: Modality, held: str, parts: Parts | None) -> None:
    """Draw the evidence of a modality that has no view of its own: its items, as they are."""
    if not held:
        words = t("The case has {absent}.", absent=t(modality.absent))
        show(element("p", words, cls="co-muted"))
        return
    show(element("p", t("The case holds {held}.", held=held), cls="co-muted"))
    if parts is None:
        return
    if not parts.passed:
        withheld(parts)
        return
    caption = t("{display} with its contributions", display=t(modality.display))
    contributions_table([("", item) for item in parts.items], caption=caption)


def contributions_table(rows: Sequence[tuple[str, PartItem]], *, caption: str) -> None:
    """Draw items with their contributions; each row may have a number on a map."""
    top = max(evidence.FULL_STRENGTH_FROM, *(abs(item.signed) for _, item in rows), 0.0)
    cells: list[tuple[str, ...]] = [
        (
            join(
                element("b", f"{number} ", cls="co-number") if number else "",
                ours(item.what),
                mark(item.mark),
            ),
            bar(item.signed, top),
        )
        for number, item in rows
    ]
    headers = (t("Where"), t("Contribution (log-odds)"))
    show(table(headers, cells, caption=caption, cls="co-phrases"))


def bar(signed: float | None, strongest: float) -> Markup:
    """Return a contribution as a small bar with its number, or that the model did not use it."""
    if signed is None:
        return element("span", t("not used"), cls="co-muted")
    way = "for" if signed > 0 else "against"
    width = 50 * abs(signed) / strongest
    side = "left:50%" if signed > 0 else f"left:{50 - width:.1f}%"
    return join(
        element(
            "span",
            element("i", cls=way, style=f"{side};width:{width:.1f}%"),
            cls="co-diverging",
            aria_hidden="true",
        ),
        element("span", wording.signed_text(signed), cls=f"co-signed {way}"),
    )


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


def _strongest(items: Sequence[PartItem]) -> Markup:
    """Return the strongest clauses of both directions, each with what it does with its words."""
    ordered = sorted(items, key=lambda item: -abs(item.signed))
    both = [item for item in ordered if item.signed > 0][:_MOST_PHRASES]
    both += [item for item in ordered if item.signed < 0][:_MOST_PHRASES]
    if not both:
        return element("p", t("No phrase stands out."), cls="co-muted")
    top = max(evidence.FULL_STRENGTH_FROM, *(abs(item.signed) for item in both))
    rows: list[tuple[str, ...]] = [
        (join(ours(item.what), mark(item.mark)), bar(item.signed, top))
        for item in sorted(both, key=lambda item: -item.signed)
    ]
    headers = (t("Phrase"), t("Contribution (log-odds)"))
    caption = t("Strongest phrases for and against")
    return table(headers, rows, caption=caption, cls="co-phrases")


def mark(words: str) -> Markup:
    """Return what must be known of an item as a badge beside it; nothing for no mark."""
    return join(" ", element("span", t(words), cls="co-badge caution")) if words else join()


def _shaded(note: Note, spans: tuple[Span, ...], sections: tuple[TextSum, ...]) -> Markup:
    mass = sum(abs(s.signed) for s in spans) or 1.0
    sums = {section.start: section for section in sections if section.kind}
    pieces: list[str] = []
    position = 0

    def plain(upto: int) -> None:
        nonlocal position
        inside = [start for start in sums if position <= start <= upto]
        for start in sorted(inside):
            section = sums.pop(start)
            pieces.append(note.text[position:start])
            pieces.append(
                element(
                    "span",
                    wording.signed_text(section.signed),
                    cls=f"co-section {'for' if section.signed > 0 else 'against'}",
                    title=t("All of {section}", section=section.title or t(section.kind)),
                )
            )
            position = start
        pieces.append(note.text[position:upto])
        position = upto

    for phrase in evidence.phrases(note.text, spans):
        plain(phrase.start)
        pieces.append(_phrase(note.text[phrase.start : phrase.end], phrase, mass))
        position = phrase.end
    plain(len(note.text))
    return element("div", *pieces, cls="co-note-text", data_testid="note-text")


def _phrase(text: str, phrase: Span, mass: float) -> Markup:
    way = "for" if phrase.signed > 0 else "against"
    signed = t("{signed} log-odds", signed=wording.signed_text(phrase.signed))
    share = formatting.share(abs(phrase.signed) / mass)
    tip = f"{signed} · " + t("{share} of the note's weight", share=share)
    tip += f" · {t(phrase.mark)}" if phrase.mark else ""
    return element(
        "mark",
        text,
        cls=f"co-ev {way}",
        style=f"--strength:{phrase.strength:.2f}",
        tabindex="0",
        data_tip=tip,
        data_signed=f"{phrase.signed:.4f}",
        aria_label=f"{text}: {t(way)}, {tip}",
    )


def _plain(note: Note) -> Markup:
    return element("div", note.text, cls="co-note-text", data_testid="note-text")
