"""The PDF report, drawn from a result document alone: what the document lacks it can not say."""

import io
import threading
from collections.abc import Collection, Mapping

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from mmcore.language import ENGLISH, LANGUAGES, say, translate
from mmcore.report.canonical import document_digest
from mmcore.report.document import SCHEMA
from mmcore.report.pdf import fonts
from mmcore.report.pdf.archive import UNDATED, Facts, with_ends_of_lines, write_facts
from mmcore.report.pdf.case_sections import (
    draw_case_identity,
    draw_files,
    draw_model,
    draw_observations,
)
from mmcore.report.pdf.examination_section import (
    draw_conclusion,
    draw_question,
    draw_technique,
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
from mmcore.report.pdf.signing_section import draw_signing
from mmcore.report.reading import ReportedResult, read_document
from mmcore.report.template import PLAIN, Section, Template

MAX_PAGES = 2
"""No further finding begins beyond it; what is always told may take a third page."""

_LOCK = threading.Lock()
"""reportlab keeps fonts and image caches for the process; one report is drawn at a time."""


def render_pdf(
    document: Mapping[str, object], language: str = ENGLISH, template: Template = PLAIN
) -> bytes:
    """Return the report as PDF/A-1b; the same document and template give the same bytes.

    It says of itself on every page whether it is a draft or signed. One to three A4 pages, and
    those that a reader's key images, conclusion and addenda need.

    language: in which the report's own words are drawn, one of ``LANGUAGES``; what a patient's
    files say stays as it is. template: of the site. Raises ``ResultFormatError`` for a document
    that is not a valid ``consilium.result/1``, and ``KeyError`` for another language.
    """
    if language not in LANGUAGES:
        raise KeyError(language)
    result = read_document(document)
    digest = document_digest(document)
    with _LOCK, fonts.written_in(language):
        fonts.register()
        _, pages = _draw(result, template, digest, language, pages=0)
        data, _ = _draw(result, template, digest, language, pages=pages)
    return data


def _draw(
    result: ReportedResult, template: Template, digest: str, language: str, *, pages: int
) -> tuple[bytes, int]:
    """Draw the whole report and return it with its number of pages; ``pages`` is what it states."""
    buffer = io.BytesIO()
    canvas = Canvas(
        buffer, pagesize=A4, invariant=1, pageCompression=1, lang=language,
        initialFontName=fonts.REGULAR,
    )  # fmt: skip
    write_facts(canvas, _facts(result, digest, language))

    def head(sheet: Sheet) -> None:
        draw_head(sheet, result, template)

    def foot(sheet: Sheet) -> None:
        draw_foot(sheet, result, template, digest, pages=pages)

    sheet = Sheet(canvas, head=head, foot=foot, top=TOP)
    _draw_sections(sheet, result, template.sections)
    sheet.finish_page()
    sheet.tags.write()
    canvas.save()
    return with_ends_of_lines(buffer.getvalue()), sheet.page


def _draw_sections(sheet: Sheet, result: ReportedResult, sections: Collection[Section]) -> None:
    key = key_target(result)
    draw_case_identity(sheet, result)
    if Section.QUESTION in sections:
        draw_question(sheet, result)
    if Section.TECHNIQUE in sections:
        draw_technique(sheet, result)
    draw_conclusion(sheet, result)
    draw_summary(sheet, result)
    if Section.EVIDENCE in sections:
        draw_key_finding(sheet, result)
    has_further = {Section.EVIDENCE, Section.FURTHER} <= set(sections)
    drawn = draw_further_findings(sheet, result, skip=0, last_page=1) if has_further else 0
    if Section.READER in sections:
        draw_reading(sheet, result)
    draw_gaps(sheet, result)
    if Section.SOUND in sections:
        draw_recording(sheet, result, key)
    if Section.GENES in sections:
        draw_variants(sheet, result, key)
    if Section.LABS in sections:
        draw_observations(sheet, result)
    draw_model(sheet, result)
    if Section.FILES in sections:
        draw_files(sheet, result)
    if has_further:
        draw_further_findings(sheet, result, skip=drawn, last_page=max(MAX_PAGES, sheet.page))
    if Section.KEY_IMAGES in sections:
        draw_key_images(sheet, result)
    draw_signing(sheet, result)


def _facts(result: ReportedResult, digest: str, language: str) -> Facts:
    title = say("Consilium case report {digest} (draft)", digest=result.case.digest[:16])
    if result.signature is not None:
        title = say("Consilium case report {digest} (signed)", digest=result.case.digest[:16])
    subject = say("Drawn from result document SHA-256 {digest}", digest=digest)
    last = [addendum.added_at for addendum in result.addenda]
    last += [cosignature.cosigned_at for cosignature in result.cosignatures]
    last += [result.signature.signed_at] if result.signature else [UNDATED]
    return Facts(
        title=translate(title, language),
        subject=translate(subject, language),
        keywords=f"{SCHEMA}; {result.pack.name} {result.pack.version}",
        language=language,
        at=max(last),
    )
