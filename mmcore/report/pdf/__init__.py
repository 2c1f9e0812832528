"""The PDF report, drawn from a result document alone: what the document lacks it can not say."""

import io
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

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
    draw_key_finding,
    draw_summary,
    further_findings,
    key_target,
)
from mmcore.report.pdf.gaps_section import draw_gaps
from mmcore.report.pdf.input_sections import draw_recording, draw_variants
from mmcore.report.pdf.key_image_section import draw_key_images
from mmcore.report.pdf.page import TOP, draw_foot, draw_head
from mmcore.report.pdf.reading_section import draw_reading
from mmcore.report.pdf.sheet import Sheet
from mmcore.report.pdf.signing_section import draw_signing
from mmcore.report.reading import ReportedResult, read_document
from mmcore.report.template import PLAIN, Section, Template

MAX_PAGES = 2
"""No further finding begins beyond it, unless a later page is drawn anyway and has room."""

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

        def draw(plan: _Plan) -> tuple[bytes, _Plan]:
            return _draw(result, template, digest, language, plan)

        data, plan = _settled(draw, _Plan())
        if plan.follow < len(further_findings(result)):
            with_more, wider = _settled(draw, _Plan(last_page=plan.pages))
            if wider.pages == plan.pages and wider.follow > plan.follow:
                data = with_more
    return data


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a report says of itself before it is drawn.

    pages: how many it has. follow: how many further findings have their evidence in it. most: at
    most so many. last_page: on which one may begin, where a later page is not drawn anyway.
    """

    pages: int = 0
    follow: int = 0
    most: int = 1000
    last_page: int = MAX_PAGES


def _settled(draw: Callable[[_Plan], tuple[bytes, _Plan]], plan: _Plan) -> tuple[bytes, _Plan]:
    """Draw a report until it is what it says of itself, with fewer findings where it never is."""
    while True:  # ends: whenever fewer fit than are named, fewer are asked for
        data, found = draw(plan)
        if found == plan:
            return data, plan
        # What is said of a finding takes room: one that fitted before it was said must not return.
        most = found.follow if found.follow < plan.follow else plan.most
        plan = replace(found, most=most)


def _draw(
    result: ReportedResult, template: Template, digest: str, language: str, plan: _Plan
) -> tuple[bytes, _Plan]:
    """Draw the whole report and return it with what the plan should have said."""
    buffer = io.BytesIO()
    canvas = Canvas(
        buffer, pagesize=A4, invariant=1, pageCompression=1, lang=language,
        initialFontName=fonts.REGULAR,
    )  # fmt: skip
    write_facts(canvas, _facts(result, digest, language))

    def head(sheet: Sheet) -> None:
        draw_head(sheet, result, template)

    def foot(sheet: Sheet) -> None:
        draw_foot(sheet, result, template, digest, pages=plan.pages)

    sheet = Sheet(canvas, head=head, foot=foot, top=TOP)
    follow = _draw_sections(sheet, result, template.sections, plan)
    sheet.finish_page()
    sheet.tags.write()
    canvas.save()
    return with_ends_of_lines(buffer.getvalue()), replace(plan, pages=sheet.page, follow=follow)


def _draw_sections(
    sheet: Sheet, result: ReportedResult, sections: Collection[Section], plan: _Plan
) -> int:
    """Draw every section and return how many further findings are among them."""
    key = key_target(result)
    draw_case_identity(sheet, result)
    if Section.QUESTION in sections:
        draw_question(sheet, result)
    if Section.TECHNIQUE in sections:
        draw_technique(sheet, result)
    draw_conclusion(sheet, result)
    draw_summary(sheet, result)
    if Section.EVIDENCE in sections:
        draw_key_finding(sheet, result, follow=plan.follow if Section.FURTHER in sections else None)
    has_further = {Section.EVIDENCE, Section.FURTHER} <= set(sections)
    drawn, most = 0, plan.most
    if has_further:
        drawn = draw_further_findings(sheet, result, skip=0, most=most, last_page=1)
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
        last = max(plan.last_page, sheet.page)
        drawn = draw_further_findings(sheet, result, skip=drawn, most=most, last_page=last)
    if Section.KEY_IMAGES in sections:
        draw_key_images(sheet, result)
    draw_signing(sheet, result)
    return drawn


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
