"""The sections on what was asked, what was done to answer it, and what the reader concludes."""

import textwrap
from datetime import datetime

from mmcore.language import joined, say, word
from mmcore.report.case_reading import ReportedCase
from mmcore.report.pdf.sheet import BODY, CONTENT_WIDTH, Sheet, wrap
from mmcore.report.reading import ReportedResult
from mmcore.wording import sound_text

_AT_ONCE = 1500  # characters: longer texts are cut where they are set


def draw_question(sheet: Sheet, result: ReportedResult) -> None:
    """Draw why the patient was examined, where a note of the case says it."""
    question = result.case.question
    if question is None:
        return
    sheet.need(15.0 + 3 * BODY.leading)
    sheet.heading(say("Question"))
    sheet.paragraph(question.text, max_lines=5)


def draw_technique(sheet: Sheet, result: ReportedResult) -> None:
    """Draw what was examined and how, one sentence for each kind of input."""
    sheet.need(15.0 + 4 * BODY.leading)
    sheet.heading(say("Technique"))
    sheet.paragraph(joined(_technique(result)), max_lines=8)


def draw_conclusion(sheet: Sheet, result: ReportedResult) -> None:
    """Draw what the reader concludes in their own words; nothing where they wrote none."""
    if not result.conclusion.strip():
        return
    sheet.need(15.0 + 4 * BODY.leading)
    sheet.heading(say("Conclusion of the reader"))
    draw_lines(sheet, result.conclusion)


def draw_lines(sheet: Sheet, text: str) -> None:
    """Draw what a person wrote, line by line, over as many pages as it takes."""
    for line in text.splitlines():
        for piece in textwrap.wrap(line, _AT_ONCE):
            for part in wrap(piece, BODY, CONTENT_WIDTH):
                sheet.need(BODY.leading)
                sheet.paragraph(part)


def _technique(result: ReportedResult) -> list[str]:
    case = result.case
    lines = [_image(case), *_notes(case), _observations(case), *_sounds(case), _genes(case)]
    told: list[str] = [line for line in lines if line]
    read = say(
        "Read by the model: {inputs}.",
        inputs=joined((word(m.display) for m in result.present), ", ") or say("nothing"),
    )
    return [*told, read]


def _image(case: ReportedCase) -> str:
    image = case.key_image
    if image is None:
        return ""
    rows, columns = image.stored
    view = (image.dicom_modality, image.body_part, image.view_position)
    facts = [" ".join(part for part in view if part), f"{columns} \u00d7 {rows}"]
    if image.spacing_mm is not None:
        down, across = image.spacing_mm
        facts.append(f"{across:.3g} \u00d7 {down:.3g} mm")
    if image.acquired_at is not None:
        facts.append(_when(image.acquired_at))
    count = sum(study.instances for study in case.studies)
    if count > 1:
        facts.append(say("one of {n} images", n=count))
    return say("Image: {facts}.", facts=joined(facts, ", "))


def _notes(case: ReportedCase) -> list[str]:
    lines: list[str] = []
    for note in case.notes:
        facts = [note.title] if note.title else []
        if note.authored_at is not None:
            facts.append(_when(note.authored_at))
        facts.append(say("{n} characters", n=note.characters))
        lines.append(say("Note: {facts}.", facts=joined(facts, ", ")))
    return lines[:2]


def _observations(case: ReportedCase) -> str:
    if not case.observations:
        return ""
    count, codes = len(case.observations), len({one.loinc for one in case.observations})
    times = sorted(one.time for one in case.observations if one.time is not None)
    if not times:
        return say("Labs and vitals: {n} values of {codes} kinds.", n=count, codes=codes)
    first, last = _when(times[0]), _when(times[-1])
    when = first if first == last else say("{first} to {last}", first=first, last=last)
    return say("Labs and vitals: {n} values of {codes} kinds, {when}.",
               n=count, codes=codes, when=when)  # fmt: skip


def _sounds(case: ReportedCase) -> list[str]:
    return [
        say(
            "Sound: {facts}.",
            facts=joined(
                [sound_text(one.seconds, one.sample_rate_hz), one.site or say("site not stated")],
                ", ",
            ),
        )
        for one in case.recordings[:2]
    ]


def _genes(case: ReportedCase) -> str:
    if case.panel is None:
        return ""
    return say("Genes: a panel of {loci} loci.", loci=case.panel.loci)


def _when(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")
