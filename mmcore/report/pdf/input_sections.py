"""The sections on sound and genes: what came in, and what of it moved the key finding."""

from collections.abc import Sequence
from dataclasses import replace

from mmcore.language import joined, say, word
from mmcore.records import Modality, PartItem, Variant
from mmcore.report.case_reading import ReportedRecording
from mmcore.report.pdf.evidence_sections import told_of
from mmcore.report.pdf.figures import Frame, draw_marker
from mmcore.report.pdf.sheet import (
    BODY,
    CAUTION,
    CONTENT_WIDTH,
    MARGIN,
    NOTE,
    SMALL,
    STRONG,
    Sheet,
)
from mmcore.report.pdf.sound_figure import AXIS, draw_cells, draw_map_scale, draw_spectrogram
from mmcore.report.reading import ReportedPart, ReportedResult, ReportedTarget
from mmcore.wording import NO_CLAIM, copies_text, effect_text, signed_text, sound_text

MAX_CELLS = 3
"""Cells for, and as many against; the result document holds more."""
MAX_VARIANTS = 10

_GUTTER = 18.0
_HALF = (CONTENT_WIDTH - _GUTTER) / 2
_PICTURE_HEIGHT = 76.0
_COLUMNS = (0.0, 60.0, 190.0, 240.0, 400.0)
_HEADS = (say("Gene"), say("Variant"), say("Genotype"), say("Effect as the file states it"))


def draw_recording(sheet: Sheet, result: ReportedResult, target: ReportedTarget | None) -> None:
    """Draw the spectrogram without and with the map of one finding, and its strongest cells."""
    recording = result.case.key_recording
    if recording is None:
        return
    part = target.parts.get(Modality.RECORDING) if target else None
    items = _strongest(part)
    lines = max([sum(i.signed > 0 for i in items), sum(i.signed < 0 for i in items)])
    sheet.need(15.0 + _PICTURE_HEIGHT + 44.0 + 11.0 * lines)
    sheet.heading(say("Sound recording \u2013 {facts}", facts=_facts(recording, result)))
    if recording.picture is not None:
        _draw_pictures(sheet, recording, part, items, target)
    if part is not None and not part.passed:
        words = say("\u25a0 Evidence withheld. {reason}", reason=word(part.reason))
        sheet.paragraph(words, replace(NOTE, color=CAUTION), max_lines=2)
    _draw_cells(sheet, items)
    told = told_of(target, Modality.RECORDING, result) if target else None
    if told is not None:
        sheet.paragraph(joined([told.says, told.says_not]), NOTE)


def draw_variants(sheet: Sheet, result: ReportedResult, target: ReportedTarget | None) -> None:
    """Draw the called variants with what each contributed to one finding, strongest first."""
    panel = result.case.panel
    if panel is None:
        return
    part = target.parts.get(Modality.VARIANTS) if target else None
    signed = {item.where: item.signed for item in part.top if item.where} if part else {}
    variants = sorted(
        result.case.variants, key=lambda v: -abs(signed.get((v.variant_id,), 0.0))
    )[:MAX_VARIANTS]  # fmt: skip
    sheet.need(15.0 + 11.0 * (len(variants) + 1) + 3 * NOTE.leading)
    counted = say("1 variant") if panel.called == 1 else say("{n} variants", n=panel.called)
    title = say("Gene panel \u2013 {variants}", variants=counted)
    if panel.loci > panel.called:
        title = say(
            "Gene panel \u2013 {variants} at {loci} loci reported",
            variants=counted,
            loci=panel.loci,
        )
    sheet.heading(title)
    if part is not None and not part.passed:
        words = say("\u25a0 Evidence withheld. {reason}", reason=word(part.reason))
        sheet.paragraph(words, replace(NOTE, color=CAUTION), max_lines=2)
    with sheet.tags.group("Table"):
        if variants:
            _draw_variant_heads(sheet, target)
        for variant in variants:
            value = signed.get((variant.variant_id,))
            _draw_variant(sheet, variant, "\u2013" if value is None else signed_text(value))
    rest = [item for item in part.top if not item.where] if part else []
    for item in rest:
        sheet.y -= 10.5
        sheet.clipped(MARGIN, sheet.y + 2.4, word(item.what), 390.0)
        amount = signed_text(item.signed)
        sheet.text(MARGIN + CONTENT_WIDTH, sheet.y + 2.4, amount, STRONG, align="right")
    if panel.called > len(variants):
        more = say(
            "and {n} more variants that moved it less or not at all",
            n=panel.called - len(variants),
        )
        sheet.paragraph(more, NOTE)
    told = told_of(target, Modality.VARIANTS, result) if target else None
    sheet.paragraph(joined([told.says, told.says_not]) if told else NO_CLAIM, NOTE)


def _draw_variant_heads(sheet: Sheet, target: ReportedTarget | None) -> None:
    sheet.y -= 9.5
    moved = say("Moved {target}", target=word(target.display)) if target else ""
    with sheet.row(is_head=True):
        for x, head in zip(_COLUMNS, _HEADS, strict=False):
            sheet.text(MARGIN + x, sheet.y + 2.0, head, SMALL)
        sheet.text(MARGIN + CONTENT_WIDTH, sheet.y + 2.0, moved, SMALL, align="right")


def _draw_variant(sheet: Sheet, variant: Variant, amount: str) -> None:
    sheet.y -= 10.5
    y = sheet.y + 2.4
    cells = (variant.gene or "\u2013", variant.variant_id, copies_text(variant.copies),
             effect_text(variant) or "\u2013")  # fmt: skip
    with sheet.row():
        for text, x, end in zip(cells, _COLUMNS, _COLUMNS[1:], strict=False):
            sheet.clipped(MARGIN + x, y, text, end - x - 6.0)
        sheet.text(MARGIN + CONTENT_WIDTH, y, amount, STRONG, align="right")
    sheet.rule(MARGIN, sheet.y, CONTENT_WIDTH, color="#e3e7ea")


def _facts(recording: ReportedRecording, result: ReportedResult) -> str:
    facts = [sound_text(recording.seconds, recording.sample_rate_hz)]
    facts.append(recording.site or say("site not stated"))
    if len(result.case.recordings) > 1:
        facts.append(say("one of {count}", count=len(result.case.recordings)))
    return joined(facts, ", ")


def _draw_pictures(
    sheet: Sheet, recording: ReportedRecording, part: ReportedPart | None,
    items: Sequence[PartItem], target: ReportedTarget | None,
) -> None:  # fmt: skip
    shown = recording.picture
    if shown is None:
        return
    bottom = sheet.y - 4.0 - _PICTURE_HEIGHT
    width = _HALF - AXIS
    left = Frame(MARGIN + AXIS, bottom, width, _PICTURE_HEIGHT)
    with sheet.figure(say("Spectrogram of the recording")):
        draw_spectrogram(sheet, shown, left)
    caption = bottom - 16.0
    words = say("Loudness: white is loudest, black {range:.0f} dB below", range=shown.range_db)
    if shown.seconds < recording.seconds:
        words = say(
            "Loudness (first {seconds:g} s): white is loudest, black {range:.0f} dB below",
            seconds=shown.seconds,
            range=shown.range_db,
        )
    sheet.clipped(left.x, caption, words, width, SMALL)
    over = part.overlay.sound if part is not None and part.overlay is not None else None
    right = Frame(MARGIN + _HALF + _GUTTER + AXIS, bottom, width, _PICTURE_HEIGHT)
    if over is not None and target is not None:
        cells = [(float(i.where[0]), float(i.where[1]), i.signed > 0) for i in items]
        words = say("What moved {target}; rings: see below", target=word(target.display))
        with sheet.figure(words):
            peak = draw_spectrogram(sheet, shown, right, over)
            draw_cells(sheet, shown, right, cells)
        sheet.clipped(right.x, caption, words, width, SMALL)
        draw_map_scale(sheet, right.x, caption - 8.5, width - 30.0, peak=peak)
    elif part is not None:
        words = word(part.reason) if part.reason else say("the recording has no map")
        sheet.y = bottom + _PICTURE_HEIGHT / 2 + 10.0
        sheet.paragraph(
            say("No map: {reason}", reason=words), NOTE, x=right.x, width=width, max_lines=5
        )
    sheet.y = caption - 10.0


def _strongest(part: ReportedPart | None) -> list[PartItem]:
    """Return the cells that have a place: the strongest for, then the strongest against."""
    placed = [i for i in part.top if len(i.where) == 2 and i.signed != 0.0] if part else []
    ordered = sorted(placed, key=lambda item: -abs(item.signed))
    in_favour = [item for item in ordered if item.signed > 0][:MAX_CELLS]
    return in_favour + [item for item in ordered if item.signed < 0][:MAX_CELLS]


def _draw_cells(sheet: Sheet, items: Sequence[PartItem]) -> None:
    top = lowest = sheet.y
    numbered = list(enumerate(items, start=1))
    for column, is_for in enumerate((True, False)):
        sheet.y = top
        x = MARGIN + column * (_HALF + _GUTTER)
        for number, item in numbered:
            if (item.signed > 0) is is_for:
                sheet.y -= 11.0
                y = sheet.y + 2.6
                draw_marker(sheet, x + 5.0, y + 2.4, number, is_for=is_for)
                sheet.text(x + 13.0, y, say("for") if is_for else say("against"), SMALL)
                sheet.clipped(x + 44.0, y, word(item.what), _HALF - 80.0, BODY)
                sheet.text(x + _HALF, y, signed_text(item.signed), STRONG, align="right")
        lowest = min(lowest, sheet.y)
    sheet.y = lowest
