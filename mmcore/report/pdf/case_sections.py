"""The sections on the case itself: patient and study, measurements, files, the model's facts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time

from mmcore.courses import Course, courses_of
from mmcore.language import joined, say, word
from mmcore.records import FileVerdict, Observation, SourceFile
from mmcore.report.case_reading import KeyImage
from mmcore.report.document import SCHEMA
from mmcore.report.pdf.sheet import (
    BODY,
    BOTTOM,
    CAUTION,
    CONTENT_WIDTH,
    MARGIN,
    NOTE,
    SMALL,
    STRONG,
    TINT,
    Sheet,
    wrap,
)
from mmcore.report.reading import ReportedResult
from mmcore.wording import VERDICT_WORDS, is_used_in_part, observation_text, person_name, short_name

MAX_NOTICES = 4
MAX_OBSERVATIONS = 18
MAX_FILES = 8

LIMITS = (
    say(
        "The 90% interval is the bootstrap of the calibration; it does not cover what the network "
        "may have learned wrongly."
    ),
    say(
        "Contributions say how each input moved this model's score from its baseline case. They "
        "are not causes of disease, and an input the model ignores may still matter."
    ),
    say(
        "Evidence inside an input is shown only if it passed its tests, adding up among them; "
        "what failed is withheld, with the reason. Passing does not make it the right evidence."
    ),
    say(
        "The overlay is smoothed for display and cleared below 15% of its peak. A finding not "
        "listed was not assessed."
    ),
)

_SEXES = {"F": say("female"), "M": say("male"), "O": say("other")}
_GUTTER = 18.0
_HALF = (CONTENT_WIDTH - _GUTTER) / 2


def draw_case_identity(sheet: Sheet, result: ReportedResult) -> None:
    """Draw who and what was examined, side by side, and the notices on the case."""
    top = sheet.y
    height = 6 * BODY.leading + 9.0
    sheet.box(MARGIN - 6.0, top - height, CONTENT_WIDTH + 12.0, height, fill=TINT)
    sheet.y = top - 2.0
    sheet.facts(_patient_facts(result), x=MARGIN, width=_HALF, label_width=58.0)
    sheet.y = top - 2.0
    sheet.facts(_study_facts(result), x=MARGIN + _HALF + _GUTTER, width=_HALF, label_width=58.0)
    sheet.y = top - height - 1.0
    case = result.case
    notices = case.notices + result.notices
    notices += case.key_image.notices if case.key_image else ()
    notices += case.key_recording.notices if case.key_recording else ()
    if result.addenda:
        words = say("This report has addenda, which stand at its end.")
        if len(result.addenda) == 1:
            words = say("This report has an addendum, which stands at its end.")
        sheet.paragraph(say("\u25b2 {notice}", notice=words), replace(STRONG, color=CAUTION))
    for notice in notices[:MAX_NOTICES]:
        style = replace(BODY, color=CAUTION)
        sheet.paragraph(say("\u25b2 {notice}", notice=word(notice)), style, max_lines=2)
    if len(notices) > MAX_NOTICES:
        more = say("and {n} more notices, in the result document", n=len(notices) - MAX_NOTICES)
        sheet.paragraph(more, NOTE)


def draw_observations(sheet: Sheet, result: ReportedResult) -> None:
    """Draw the latest value of every test in two columns, those outside their range first."""
    courses = sorted(courses_of(result.case.observations), key=lambda c: not _flag(c.latest))
    shown = courses[:MAX_OBSERVATIONS]
    if not shown:
        return
    rows = (len(shown) + 1) // 2
    sheet.need(22.0 + rows * BODY.leading + 10.0)
    sheet.heading(say("Labs and vitals, latest values as received"))
    top = sheet.y
    for column, part in enumerate((shown[:rows], shown[rows:])):
        sheet.y = top
        x = MARGIN + column * (_HALF + _GUTTER)
        with sheet.tags.group("Table"):
            for course in part:
                _draw_course(sheet, course, x)
    sheet.y = top - rows * BODY.leading
    if len(courses) > len(shown):
        more = say("and {n} more values, in the result document", n=len(courses) - len(shown))
        sheet.paragraph(more, NOTE)


def _draw_course(sheet: Sheet, course: Course, x: float) -> None:
    observation = course.latest
    sheet.y -= BODY.leading
    style = STRONG if _flag(observation) else BODY
    with sheet.row():
        sheet.clipped(x, sheet.y + 2.0, word(observation.display), 102.0, style)
        sheet.clipped(x + 104.0, sheet.y + 2.0, _value(observation), 64.0, style)
        sheet.clipped(x + 170.0, sheet.y + 2.0, _reference(course), _HALF - 170.0, SMALL)


def draw_model(sheet: Sheet, result: ReportedResult) -> None:
    """Draw the limits of the report beside the facts of the model."""
    width = CONTENT_WIDTH - 196.0
    bullets = [say("\u2022 {limit}", limit=limit) for limit in LIMITS]
    limits = [line for bullet in bullets for line in wrap(bullet, NOTE, width)]
    sheet.need(20.0 + len(limits) * NOTE.leading)
    top = sheet.y
    sheet.heading(say("Limits of this report"), width=width)
    for bullet in bullets:
        sheet.paragraph(bullet, NOTE, width=width)
    end = sheet.y
    sheet.y = top
    x = MARGIN + width + _GUTTER
    sheet.heading(say("Model"), x=x, width=196.0 - _GUTTER)
    pack = result.pack
    seconds = sum(result.timings.values())
    facts = [
        (say("Pack"), f"{pack.name} {pack.version}"),
        ("SHA-256", pack.digest),
        (say("Findings"), f"{sum(one.kind == 'finding' for one in result.targets)}"),
        (say("Device"), result.device),
        (say("Computed in"), f"{seconds:.2f} s" if result.timings else say("not recorded")),
        (say("Result"), SCHEMA),
    ]
    sheet.facts(facts, x=x, width=196.0 - _GUTTER, label_width=46.0)
    sheet.y = min(end, sheet.y)


def draw_files(sheet: Sheet, result: ReportedResult) -> None:
    """Draw every source file with what became of it and its digest; refused ones first."""
    order = {FileVerdict.REFUSED: 0, FileVerdict.KEPT_ASIDE: 1, FileVerdict.USED: 2}
    files = sorted(result.case.files, key=lambda file: order[file.verdict])
    sheet.need(34.0 + BODY.leading)
    sheet.heading(say("Source files"))
    shown = 0
    with sheet.tags.group("Table"):
        for file in files[:MAX_FILES]:
            reason = wrap(word(file.reason), NOTE, CONTENT_WIDTH - 12.0, max_lines=1)
            if sheet.room < BODY.leading * (1 + len(reason)) + SMALL.leading:
                break
            shown += 1
            with sheet.row():
                _draw_file(sheet, file)
    if not files:
        sheet.paragraph(say("None recorded."), NOTE)
    if shown < len(files):
        more = say("and {n} more files, in the result document", n=len(files) - shown)
        sheet.paragraph(more, NOTE)
    sheet.y = max(sheet.y, BOTTOM)


def _draw_file(sheet: Sheet, file: SourceFile) -> None:
    sheet.y -= BODY.leading
    is_partial = is_used_in_part(file)
    verdict = say("used in part") if is_partial else VERDICT_WORDS[file.verdict]
    if file.code:
        verdict = say("{verdict} ({code})", verdict=verdict, code=str(file.code))
    style = BODY if file.verdict is FileVerdict.USED and not is_partial else STRONG
    sheet.clipped(MARGIN, sheet.y + 2.0, file.name, 134.0, style)
    sheet.clipped(MARGIN + 138.0, sheet.y + 2.0, verdict, 142.0, style)
    digest = f"SHA-256 {file.digest}"
    sheet.clipped(MARGIN + 284.0, sheet.y + 2.0, digest, 227.0, replace(SMALL, size=5.0))
    with sheet.tags.content("TD"):
        sheet.paragraph(
            word(file.reason), NOTE, x=MARGIN + 12.0, width=CONTENT_WIDTH - 12.0, max_lines=1
        )


def _patient_facts(result: ReportedResult) -> Sequence[tuple[str, str]]:
    patient = result.case.patient
    unknown = say("unknown")
    years = patient.age_years
    age = unknown if years is None else say("{years:.0f} years", years=years)
    sex = _SEXES[patient.sex] if patient.sex else say("sex unknown")
    return (
        (say("Patient"), person_name(patient.name) or unknown),
        (say("Patient ID"), patient.patient_id or unknown),
        (say("Born"), patient.birth_date.isoformat() if patient.birth_date else unknown),
        (say("Age, sex"), joined([age, sex], ", ")),
        (say("Inputs"), joined(map(short_name, result.present), ", ") or say("none")),
        (say("Missing"), joined(map(short_name, result.missing), ", ") or say("none")),
    )


def _study_facts(result: ReportedResult) -> Sequence[tuple[str, str]]:
    image = result.case.key_image
    study = result.case.studies[0] if result.case.studies else None
    named = (study.description or say("no description")) if study else say("no image study")
    if len(result.case.studies) > 1:
        named = say("{study} (and {n} more studies)", study=named, n=len(result.case.studies) - 1)
    return (
        (say("Study"), named),
        (say("Accession"), (study.accession_number or say("unknown")) if study else "\u2013"),
        (say("Image"), _view(image) if image else say("none")),
        (say("Acquired"), _when(image.acquired_at if image else None)),
        (say("Started"), _when(study.started_at if study else None)),
        (say("Case SHA-256"), result.case.digest),
    )


def _view(image: KeyImage) -> str:
    known = (image.dicom_modality, image.body_part, image.view_position, image.laterality)
    return ", ".join(part for part in known if part) or say("unknown")


def _when(moment: datetime | None) -> str:
    if moment is None:
        return say("unknown")
    # Midnight to the second stands for a day without a clock.
    return moment.strftime("%Y-%m-%d" if moment.time() == time() else "%Y-%m-%d %H:%M")


def _value(observation: Observation) -> str:
    flag = _flag(observation)
    number = observation_text(observation)
    return say("{value} {flag}", value=number, flag=flag) if flag else number


def _flag(observation: Observation) -> str:
    """Return "H" or "L" for a value outside the reference range that the source gave."""
    low, high = observation.reference_low, observation.reference_high
    if high is not None and observation.value > high and observation.comparator != "<":
        return "H"
    if low is not None and observation.value < low and observation.comparator != ">":
        return "L"
    return ""


def _reference(course: Course) -> str:
    """Return the reference range, and the value before where there is one."""
    low, high = course.latest.reference_low, course.latest.reference_high
    if low is None and high is None:
        known = say("ref. not given")
    elif low is None:
        known = say("ref. up to {high:g}", high=high)
    elif high is None:
        known = say("ref. from {low:g}", low=low)
    else:
        known = say("ref. {low:g}\u2013{high:g}", low=low, high=high)
    if not course.earlier:
        return known
    return say("{reference}, was {value:g}", reference=known, value=course.earlier[-1].value)
