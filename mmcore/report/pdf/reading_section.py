"""The section on what the reader said, before and after the model's answer was shown."""

from dataclasses import replace
from datetime import datetime

from mmcore.holding import after_text, note_on
from mmcore.language import joined, say, word
from mmcore.records import Reading, Signature
from mmcore.report.pdf.sheet import BODY, CAUTION, CONTENT_WIDTH, MARGIN, NOTE, SMALL, Sheet
from mmcore.report.reading import ReportedResult, ReportedTarget
from mmcore.wording import MODE_WORDS, REASONS, RESPONSE_WORDS, impression_text

MAX_ROWS = 14
_COLUMNS = (0.0, 112.0, 246.0, 300.0, 434.0)
_HEADS = (say("Finding"), say("Before"), say("Decision"), say("After"), say("Decided"))


def draw_reading(sheet: Sheet, result: ReportedResult) -> None:
    """Draw one row for every finding on which something was recorded, with its last decision."""
    reading = result.reading
    if reading is None or reading.is_empty:
        return
    names = [t.name for t in result.targets if _is_told(reading, t.name)]
    targets = {t.name: t for t in result.targets}
    shown = names[:MAX_ROWS]
    sheet.need(46.0 + min(len(shown), 3) * 2 * BODY.leading)
    sheet.heading(say("Reader"))
    sheet.paragraph(_how(reading, result.signature), NOTE)
    sheet.y -= 9.5
    with sheet.tags.group("Table"):
        with sheet.row(is_head=True):
            for x, head in zip(_COLUMNS, _HEADS, strict=True):
                sheet.text(MARGIN + x, sheet.y + 2.0, head, SMALL)
        sheet.rule(MARGIN, sheet.y - 1.0, CONTENT_WIDTH)
        sheet.y -= 2.0
        for name in shown:
            _draw_row(sheet, reading, targets[name])
    if len(names) > len(shown):
        words = say("and {n} more findings, in the result document", n=len(names) - len(shown))
        sheet.paragraph(words, NOTE)


def _is_told(reading: Reading, target: str) -> bool:
    told = [i.target for i in reading.impressions] + [d.target for d in reading.decisions]
    return target in told


def _how(reading: Reading, signature: Signature | None) -> str:
    read = say("Read {mode}.", mode=MODE_WORDS[reading.mode])
    if reading.revealed_at is not None:
        read = say(
            "Read {mode}, at {time}.",
            mode=MODE_WORDS[reading.mode],
            time=_when(reading.revealed_at),
        )
    said = [read]
    if not all(impression.is_blind for impression in reading.impressions):
        said.append(say("A model's answer on this case had been shown earlier."))
    if signature is None:
        said.append(say("Who read is not recorded before the report is signed."))
    else:
        said.append(say("Read by {name}.", name=signature.name))
    return joined(said)


def _draw_row(sheet: Sheet, reading: Reading, about: ReportedTarget) -> None:
    target, display = about.name, word(about.display)
    decisions = [d for d in reading.decisions if d.target == target]
    first = next((i for i in reading.impressions if i.target == target), None)
    reason: str = ""
    if decisions and decisions[-1].reason is not None:
        reason = REASONS[decisions[-1].reason]
    if decisions and decisions[-1].text:
        text = decisions[-1].text
        reason = say("{reason}: {text}", reason=reason, text=text) if reason else text
    if note := note_on(reading, target, about.call):  # the column has no room for all of it
        reason = joined([note, reason], "; ") if reason else note
    sheet.need(BODY.leading + (2 * NOTE.leading if reason else 0.0))
    sheet.y -= BODY.leading + 1.0
    y, x = sheet.y + 2.6, [MARGIN + column for column in _COLUMNS]
    response = RESPONSE_WORDS[decisions[-1].response] if decisions else say("none yet")
    if len(decisions) > 1:
        response = say("{response} ({count})", response=response, count=len(decisions))
    style = BODY if decisions else replace(BODY, color=CAUTION)
    with sheet.row():
        sheet.clipped(x[0], y, display, 108.0)
        sheet.clipped(x[1], y, impression_text(first), 130.0)
        sheet.clipped(x[2], y, response, 52.0, style)
        sheet.clipped(x[3], y, after_text(reading, target, about.call), 130.0)
        sheet.clipped(x[4], y, _when(decisions[-1].decided_at) if decisions else "", 78.0, SMALL)
        if reason:
            with sheet.tags.content("TD"):
                width = CONTENT_WIDTH - _COLUMNS[1]
                sheet.paragraph(reason, NOTE, x=x[1], width=width, max_lines=2)


def _when(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M %Z").strip()
