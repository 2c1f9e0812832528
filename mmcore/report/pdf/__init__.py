"""The PDF report, drawn from a result document alone: what the document lacks it can not say."""

import io
import threading
from collections.abc import Mapping

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from mmcore.language import ENGLISH, LANGUAGES, say, translate
from mmcore.report.canonical import document_digest
from mmcore.report.pdf import fonts
from mmcore.report.pdf.case_sections import (
    draw_case_identity,
    draw_files,
    draw_model,
    draw_observations,
)
from mmcore.report.pdf.finding_sections import (
    draw_further_findings,
    draw_gaps,
    draw_key_finding,
    draw_summary,
    key_target,
)
from mmcore.report.pdf.input_sections import draw_recording, draw_variants
from mmcore.report.pdf.key_image_section import draw_key_images
from mmcore.report.pdf.page import TOP, draw_foot, draw_head
from mmcore.report.pdf.reading_section import draw_reading
from mmcore.report.pdf.sheet import Sheet
from mmcore.report.reading import ReportedResult, read_document

MAX_PAGES = 2
"""No further finding begins beyond it; what is always told may take a third page."""

_LOCK = threading.Lock()
"""reportlab keeps fonts and image caches for the process; one report is drawn at a time."""


def render_pdf(document: Mapping[str, object], language: str = ENGLISH) -> bytes:
    """Return the report as PDF; the same document gives the same bytes.

    One to three A4 pages, and those that a reader's key images need, four to a page.

    language: in which the report's own words are drawn, one of ``LANGUAGES``; what a patient's
    files say stays as it is. Raises ``ResultFormatError`` for a document that is not a valid
    ``consilium.result/1``, and ``KeyError`` for another language.
    """
    if language not in LANGUAGES:
        raise KeyError(language)
    result = read_document(document)
    digest = document_digest(document)
    with _LOCK, fonts.written_in(language):
        fonts.register()
        _, pages = _draw(result, digest, language, pages=0)
        data, _ = _draw(result, digest, language, pages=pages)
    return data


def _draw(result: ReportedResult, digest: str, language: str, *, pages: int) -> tuple[bytes, int]:
    """Draw the whole report and return it with its number of pages; ``pages`` is what it states."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1, pageCompression=1, lang=language)
    title = say("Consilium case report {digest} (draft)", digest=result.case.digest[:16])
    canvas.setTitle(translate(title, language))
    canvas.setAuthor("Consilium")
    subject = say("Drawn from result document SHA-256 {digest}", digest=digest)
    canvas.setSubject(translate(subject, language))
    canvas.setCreator("Consilium")

    def head(sheet: Sheet) -> None:
        draw_head(sheet, result)

    def foot(sheet: Sheet) -> None:
        draw_foot(sheet, result, digest, pages=pages)

    sheet = Sheet(canvas, head=head, foot=foot, top=TOP)
    draw_case_identity(sheet, result)
    draw_summary(sheet, result)
    draw_key_finding(sheet, result)
    drawn = draw_further_findings(sheet, result, skip=0, last_page=1)
    draw_reading(sheet, result)
    draw_gaps(sheet, result)
    draw_recording(sheet, result, key_target(result))
    draw_variants(sheet, result, key_target(result))
    draw_observations(sheet, result)
    draw_model(sheet, result)
    draw_files(sheet, result)
    draw_further_findings(sheet, result, skip=drawn, last_page=max(MAX_PAGES, sheet.page))
    draw_key_images(sheet, result)
    sheet.finish_page()
    canvas.save()
    return buffer.getvalue(), sheet.page
