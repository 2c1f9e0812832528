"""What every page carries: whose report it is, what it may be used for, and what it came from."""

from PIL import Image
from reportlab.lib.utils import ImageReader

from mmcore.gate.simulated import is_simulated
from mmcore.language import Text, say
from mmcore.report.pdf.fonts import BOLD
from mmcore.report.pdf.sheet import (
    CAUTION,
    CONTENT_WIDTH,
    MARGIN,
    NAVY,
    NOTE,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    SMALL,
    STRONG,
    Sheet,
    Style,
    clip,
)
from mmcore.report.reading import ReportedResult
from mmcore.report.template import Template
from mmcore.wording import person_name

PRODUCT = "Consilium"
KIND = say("Explainable multimodal case report")
USE = say("Research use only \u2013 not a medical device")
DRAFT = say("DRAFT \u2013 unsigned")
FINAL = say("FINAL \u2013 signed")
AMENDED = say("FINAL \u2013 with addenda")
PRELIMINARY = say("PRELIMINARY \u2013 signed")
SUBSTITUTION = say("Characters that this report's font can not set are given as [U+code point].")

_BAND = 40.0
_STRIP = 16.0
TOP = PAGE_HEIGHT - _BAND - _STRIP - 6.0
"""Where the content of a page begins."""

_STATUS_WIDTH = 120.0
_LOGO_WIDTH, _LOGO_HEIGHT = 120.0, 30.0
_WHITE = "#ffffff"
_FAINT = "#d7e1ea"
_WATERMARK = "#f5efe6"


def status_of(result: ReportedResult) -> Text:
    """Return whether the report is a draft, preliminary, final, or final with addenda."""
    if result.signature is None:
        return DRAFT
    if not result.is_final:
        return PRELIMINARY
    return AMENDED if result.addenda else FINAL


def draw_head(sheet: Sheet, result: ReportedResult, template: Template) -> None:
    """Draw the head of a page: whose letterhead, status and intended use."""
    band = PAGE_HEIGHT - _BAND
    right = PAGE_WIDTH - MARGIN
    if result.signature is None:
        _draw_watermark(sheet)
    sheet.box(0.0, band, PAGE_WIDTH, _BAND, fill=NAVY)
    if template.department:
        _draw_letterhead(sheet, template, band)
    else:
        with sheet.tags.content("H1"):
            big = Style(size=17.0, font=BOLD, color=_WHITE)
            width = sheet.text(MARGIN, band + 14.0, PRODUCT, big)
            small = Style(size=8.6, color=_FAINT)
            sheet.text(MARGIN + width + 10.0, band + 14.0, KIND, small)
    sheet.box(right - _STATUS_WIDTH, band + 11.0, _STATUS_WIDTH, 17.0, stroke=_WHITE)
    sheet.text(
        right - _STATUS_WIDTH / 2, band + 16.4, status_of(result),
        Style(size=8.6, font=BOLD, color=_WHITE), align="center",
    )  # fmt: skip
    sheet.box(0.0, band - _STRIP, PAGE_WIDTH, _STRIP, fill="#fdf0d5")
    sheet.text(MARGIN, band - _STRIP + 5.0, USE, Style(size=7.6, font=BOLD, color=CAUTION))
    if result.pack.is_simulated:
        _draw_kin(sheet, band, say("Model trained on simulated patients only"))
    elif is_simulated(result.case.patient):
        _draw_kin(sheet, band, say("Simulated patient, model trained on real ones"))


def _draw_kin(sheet: Sheet, band: float, words: str) -> None:
    """Draw beside the intended use that model and patient are not of one kind."""
    right = PAGE_WIDTH - MARGIN
    style = Style(size=7.6, font=BOLD, color=CAUTION)
    sheet.text(right, band - _STRIP + 5.0, words, style, align="right")


def _draw_watermark(sheet: Sheet) -> None:
    """Draw across the page, below everything else, that it is a draft."""
    with sheet.tags.artifact():
        sheet.canvas.saveState()
        sheet.canvas.translate(PAGE_WIDTH / 2, PAGE_HEIGHT / 2)
        sheet.canvas.rotate(50.0)
        style = Style(size=120.0, font=BOLD, color=_WATERMARK)
        sheet.text(0.0, -40.0, say("DRAFT"), style, align="center")
        sheet.canvas.restoreState()


def _draw_letterhead(sheet: Sheet, template: Template, band: float) -> None:
    """Draw logo, department and address; the address takes up to two lines with what this is."""
    x = MARGIN
    if template.logo is not None:
        rows, columns = template.logo.shape[:2]
        scale = min(_LOGO_WIDTH / columns, _LOGO_HEIGHT / rows)
        width, height = columns * scale, rows * scale
        y = band + (_BAND - height) / 2
        sheet.box(x - 2.0, y - 2.0, width + 4.0, height + 4.0, fill=_WHITE)
        with sheet.figure(template.department):
            logo = ImageReader(Image.fromarray(template.logo))
            sheet.canvas.drawImage(logo, x, y, width, height)
        x += width + 10.0
    room = PAGE_WIDTH - MARGIN - _STATUS_WIDTH - 12.0 - x
    with sheet.tags.content("H1"):
        name = Style(size=11.0, font=BOLD, color=_WHITE)
        sheet.clipped(x, band + 25.0, template.department, room, name)
    small = Style(size=6.6, color=_FAINT)
    address = " \u00b7 ".join(template.address)
    sheet.clipped(x, band + 15.0, address, room, small)
    kind = say("{kind} \u00b7 {product}", kind=KIND, product=PRODUCT)
    sheet.clipped(x, band + (6.5 if address else 15.0), kind, room, small)


def draw_foot(
    sheet: Sheet, result: ReportedResult, template: Template, digest: str, *, pages: int
) -> None:
    """Draw the foot of a page whose content is complete: patient, page number and origin."""
    sheet.rule(MARGIN, 50.5, CONTENT_WIDTH)
    patient = result.case.patient
    whose = say(
        "ID {identifier} \u00b7 {name}",
        identifier=clip(patient.patient_id or say("unknown"), STRONG, 150.0),
        name=person_name(patient.name) or say("name unknown"),
    )
    sheet.clipped(MARGIN, 41.5, whose, CONTENT_WIDTH - 70.0, STRONG)
    right = PAGE_WIDTH - MARGIN
    sheet.text(
        right,
        41.5,
        say("Page {page} of {pages}", page=sheet.page, pages=pages),
        STRONG,
        align="right",
    )
    drawn = say("Drawn from result document SHA-256 {digest}", digest=digest)
    sheet.text(MARGIN, 32.5, drawn, SMALL)
    pack = say(
        "Scored by model pack {pack} {version}, SHA-256 {digest}",
        pack=result.pack.name,
        version=result.pack.version,
        digest=result.pack.digest,
    )
    sheet.clipped(MARGIN, 24.0, pack, CONTENT_WIDTH, SMALL)
    if template.footer:
        sheet.clipped(MARGIN, 15.5, template.footer, CONTENT_WIDTH, SMALL)
    if sheet.is_substituted:
        sheet.text(MARGIN, 53.0, SUBSTITUTION, NOTE)
