"""What inside the inputs moved a finding, and in sentences what each figure says of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mmcore import sentences
from mmcore.dissent import of_disagreement
from mmcore.language import joined, lowered, say, word
from mmcore.records import Modality, Observation, PartItem, PartTest
from mmcore.report.pdf.figures import draw_marker
from mmcore.report.pdf.sheet import (
    BODY,
    CAUTION,
    CONTENT_WIDTH,
    MARGIN,
    NOTE,
    SMALL,
    STRONG,
    Sheet,
    Style,
    wrap,
)
from mmcore.report.reading import ReportedResult, ReportedTarget
from mmcore.sentences import Told, observation_names
from mmcore.wording import passed_text, short_name, signed_text

MAX_EVIDENCE = 6
"""Items for, and as many against, in the report; the result document holds more."""

_TAGS = {
    Modality.IMAGE: say("image"),
    Modality.NOTE: say("note"),
    Modality.OBSERVATIONS: say("lab/vital"),
    Modality.RECORDING: say("sound"),
    Modality.VARIANTS: say("gene"),
}
_HALF = (CONTENT_WIDTH - 18.0) / 2
_ELSEWHERE = (Modality.RECORDING, Modality.VARIANTS)
"""Modalities with a section of their own, where their sentences stand."""


def told_of(target: ReportedTarget, modality: Modality, result: ReportedResult) -> Told | None:
    """Return the sentences on one modality's evidence; None where it has none that passed."""
    part = target.parts.get(modality)
    signed = next((c.signed for c in target.contributions if c.modality == modality), None)
    if part is None or not part.passed or signed is None:
        return None
    names = observation_names(result.case.observations)
    return sentences.of_part(modality, target, signed, part.top, names)


def reading_aid(
    target: ReportedTarget, result: ReportedResult, *, has_limits: bool
) -> list[tuple[str, Style]]:
    """Return the paragraphs that read a finding's figures aloud; without limits what they say.

    A contradiction between the sources comes first.
    """
    told: list[tuple[str, Told]] = []
    if target.base is not None and target.logit is not None and target.interval is not None:
        ledger = sentences.of_ledger(
            target, base=target.base, logit=target.logit, interval=target.interval,
            contributions=target.contributions, missing=result.missing,
        )  # fmt: skip
        told.append((say("Score"), ledger))
    aloud = sentences.of_interactions(target.contributions, target.interactions)
    if aloud is not None:
        told.append((say("Interactions"), aloud))
    for modality in target.parts:
        found = None if modality in _ELSEWHERE else told_of(target, modality, result)
        if found is not None:
            told.append((short_name(modality), found))
    paragraphs: list[tuple[str, Style]] = []
    contradiction = of_disagreement(
        target.display, target.disagreement, target.contributions, call=target.call
    )
    if contradiction is not None:
        marked = say("\u25b2 {notice}", notice=contradiction)
        paragraphs.append((marked, replace(BODY, color=CAUTION)))
    for label, one in told:
        words = joined([one.says, one.says_not]) if has_limits else one.says
        paragraphs.append((say("{label}: {words}", label=label, words=words), NOTE))
    return paragraphs + _checks(target)


def _checks(target: ReportedTarget) -> list[tuple[str, Style]]:
    """Return the places of the image's evidence and the tests of every part, in a line each."""
    lines: list[tuple[str, Style]] = []
    for modality, part in target.parts.items():
        where, warning = sentences.of_places(part.places)
        if where:
            label = short_name(modality)
            lines.append((say("{label}: {words}", label=label, words=where), NOTE))
        if warning:
            marked = say("\u25b2 {notice}", notice=warning)
            lines.append((marked, replace(BODY, color=CAUTION)))
        if part.tests:
            lines.append((_tests(short_name(modality), part.tests), NOTE))
    return lines


def _tests(label: str, tests: Sequence[PartTest]) -> str:
    passed = passed_text(tests)
    failed = [word(test.words) for test in tests if test.passed is False]
    if not failed:
        return say("{label}: {passed}.", label=label, passed=passed)
    return say(
        "{label}: {passed}; failed: {failed}",
        label=label,
        passed=passed,
        failed=joined(failed, "; "),
    )


def reading_aid_height(paragraphs: Sequence[tuple[str, Style]]) -> float:
    """Return the height that ``draw_reading_aid`` needs, in points."""
    return 4.0 + sum(
        style.leading * len(wrap(text, style, CONTENT_WIDTH)) for text, style in paragraphs
    )


def draw_reading_aid(sheet: Sheet, paragraphs: Sequence[tuple[str, Style]]) -> None:
    """Draw the sentences below the figures that they read."""
    sheet.y -= 4.0
    for text, style in paragraphs:
        sheet.need(style.leading * len(wrap(text, style, CONTENT_WIDTH)))
        sheet.paragraph(text, style, x=MARGIN)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One item of evidence; ``number`` is its marker on the overlay, or None."""

    modality: Modality
    item: PartItem
    number: int | None


def evidence_of(target: ReportedTarget, observations: Sequence[Observation]) -> list[Evidence]:
    """Return the strongest items for and against of all parts that passed, largest first.

    An observation is named with its value, found by the code and time that the item points to.
    """
    values = observation_names(observations)
    every = [
        (modality, replace(item, what=values.get(item.where, item.what)))
        for modality, part in target.parts.items()
        if part.passed
        for item in part.top
        if item.signed != 0.0
    ]
    every.sort(key=lambda pair: -abs(pair[1].signed))
    chosen = [pair for pair in every if pair[1].signed > 0][:MAX_EVIDENCE]
    chosen += [pair for pair in every if pair[1].signed < 0][:MAX_EVIDENCE]
    return list(_numbered(chosen))


def _numbered(chosen: list[tuple[Modality, PartItem]]) -> Iterator[Evidence]:
    number = 0
    for modality, item in chosen:
        is_place = modality is Modality.IMAGE and len(item.where) == 2
        number += is_place
        yield Evidence(modality, item, number if is_place else None)


def evidence_height(evidence: list[Evidence]) -> float:
    """Return the height that ``draw_evidence`` needs, in points."""
    against = sum(entry.item.signed < 0 for entry in evidence)
    return 18.0 + 11.0 * max(1, against, len(evidence) - against)


def draw_evidence(sheet: Sheet, evidence: list[Evidence]) -> None:
    """Draw the evidence for beside that against; a mark such as "negated" comes first."""
    sides = (
        (say("Evidence for (logits)"), [e for e in evidence if e.item.signed > 0]),
        (say("Evidence against (logits)"), [e for e in evidence if e.item.signed < 0]),
    )
    height = evidence_height(evidence)
    sheet.need(height)
    top = sheet.y
    for column, (title, items) in enumerate(sides):
        sheet.y = top
        x = MARGIN + column * (_HALF + 18.0)
        sheet.heading(title, x=x, width=_HALF)
        if not items:
            sheet.paragraph(say("None that passed its test."), NOTE, x=x, width=_HALF)
        with sheet.tags.group("Table"):
            for entry in items:
                sheet.y -= 11.0
                with sheet.row():
                    _draw_evidence_row(sheet, entry, x)
    sheet.y = top - height


def _draw_evidence_row(sheet: Sheet, entry: Evidence, x: float) -> None:
    y = sheet.y + 2.6
    if entry.number is not None:
        draw_marker(sheet, x + 5.0, y + 2.4, entry.number, is_for=entry.item.signed > 0)
    tag = _TAGS.get(entry.modality, lowered(entry.modality.display))
    sheet.clipped(x + 13.0, y, tag, 33.0, SMALL)
    what = entry.item.what
    if entry.modality is not Modality.NOTE:
        what = word(what)
    elif not what.startswith(("\u201c", '"')):
        what = f"\u201c{what}\u201d"
    if entry.item.mark:  # first, so that it is never what is cut
        what = say("[{mark}] {what}", mark=word(entry.item.mark), what=what)
    sheet.clipped(x + 48.0, y, what, _HALF - 48.0 - 34.0)
    sheet.text(x + _HALF, y, signed_text(entry.item.signed), STRONG, align="right")
