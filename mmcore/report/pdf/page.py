"""What every page carries: whose report it is, what it may be used for, and what it came from."""

from mmcore.language import say
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
from mmcore.wording import person_name

PRODUCT = "Consilium"
USE = say("Research use only \u2013 not a medical device")
STATUS = say("DRAFT \u2013 unsigned")
SUBSTITUTION = say("Characters that this report's font can not set are given as [U+code point].")

_BAND = 40.0
_STRIP = 16.0
TOP = PAGE_HEIGHT - _BAND - _STRIP - 6.0
"""Where the content of a page begins."""


def draw_head(sheet: Sheet, result: ReportedResult) -> None:
    """Draw the head of a page: product, status and intended use."""
    band = PAGE_HEIGHT - _BAND
    sheet.box(0.0, band, PAGE_WIDTH, _BAND, fill=NAVY)
    width = sheet.text(MARGIN, band + 14.0, PRODUCT, Style(size=17.0, font=BOLD, color="#ffffff"))
    sheet.text(
        MARGIN + width + 10.0, band + 14.0, say("Explainable multimodal case report"),
        Style(size=8.6, color="#d7e1ea"),
    )  # fmt: skip
    right = PAGE_WIDTH - MARGIN
    sheet.canvas.setLineWidth(0.8)
    sheet.box(right - 104.0, band + 11.0, 104.0, 17.0, stroke="#ffffff")
    sheet.text(
        right - 52.0, band + 16.4, STATUS, Style(size=8.6, font=BOLD, color="#ffffff"),
        align="center",
    )  # fmt: skip
    sheet.box(0.0, band - _STRIP, PAGE_WIDTH, _STRIP, fill="#fdf0d5")
    sheet.text(MARGIN, band - _STRIP + 5.0, USE, Style(size=7.6, font=BOLD, color=CAUTION))
    if result.pack.is_simulated:
        words = say("Model trained on simulated patients only")
        sheet.text(
            right, band - _STRIP + 5.0, words, Style(size=7.6, font=BOLD, color=CAUTION),
            align="right",
        )  # fmt: skip


def draw_foot(sheet: Sheet, result: ReportedResult, digest: str, *, pages: int) -> None:
    """Draw the foot of a page whose content is complete: patient, page number and origin."""
    sheet.rule(MARGIN, 42.0, CONTENT_WIDTH)
    patient = result.case.patient
    whose = say(
        "ID {identifier} \u00b7 {name}",
        identifier=clip(patient.patient_id or say("unknown"), STRONG, 150.0),
        name=person_name(patient.name) or say("name unknown"),
    )
    sheet.clipped(MARGIN, 33.0, whose, CONTENT_WIDTH - 70.0, STRONG)
    right = PAGE_WIDTH - MARGIN
    sheet.text(
        right,
        33.0,
        say("Page {page} of {pages}", page=sheet.page, pages=pages),
        STRONG,
        align="right",
    )
    drawn = say("Drawn from result document SHA-256 {digest}", digest=digest)
    sheet.text(MARGIN, 23.5, drawn, SMALL)
    pack = say(
        "Scored by model pack {pack} {version}, SHA-256 {digest}",
        pack=result.pack.name,
        version=result.pack.version,
        digest=result.pack.digest,
    )
    sheet.clipped(MARGIN, 15.0, pack, CONTENT_WIDTH, SMALL)
    if sheet.is_substituted:
        sheet.text(MARGIN, 44.5, SUBSTITUTION, NOTE)
