"""The last section: who stands for the report, and what was added to it since."""

from collections.abc import Sequence
from datetime import datetime

from mmcore.language import Text, say
from mmcore.records import Addendum, Cosignature, Signature
from mmcore.report.pdf.examination_section import draw_lines
from mmcore.report.pdf.sheet import (
    BODY,
    CAUTION,
    CONTENT_WIDTH,
    MARGIN,
    NOTE,
    SMALL,
    STRONG,
    TINT,
    Sheet,
    Style,
)
from mmcore.report.reading import ReportedResult

UNSIGNED = say(
    "Nobody has signed this report. It is a draft and may change; it must not be filed as final."
)
AWAITED = say("A co-signature is asked for and awaited: the report is preliminary.")
SIGNED = say(
    "The digests tell whether a result document is still the one that was signed and added to. "
    "They are no cryptographic signature: that a person signed is known from the store of the site."
)


def draw_signing(sheet: Sheet, result: ReportedResult) -> None:
    """Draw the sign-off, or that there is none, who co-signed, and the addenda."""
    signature = result.signature
    sheet.need(90.0 if signature else 15.0 + 3 * BODY.leading)
    sheet.heading(say("Sign-off"))
    if signature is None:
        sheet.paragraph(UNSIGNED, Style(color=CAUTION))
        return
    _draw_signature(sheet, signature)
    if not result.is_final:
        sheet.paragraph(AWAITED, Style(color=CAUTION))
    for cosignature in result.cosignatures:
        _draw_cosignature(sheet, cosignature)
    for number, addendum in enumerate(result.addenda, start=1):
        _draw_addendum(sheet, number, addendum)


def _draw_signature(sheet: Sheet, signature: Signature) -> None:
    facts = [
        (say("Signed by"), signature.name),
        (say("Signed at"), when(signature.signed_at)),
        (say("Result SHA-256"), signature.document_digest),
        (say("Case SHA-256"), signature.case_digest),
    ]
    if signature.account is not None:
        facts.insert(1, (say("Account"), signature.account))
    _draw_box(sheet, facts)
    sheet.paragraph(SIGNED, NOTE)


def _draw_cosignature(sheet: Sheet, cosignature: Cosignature) -> None:
    sheet.need(6 * BODY.leading)
    facts = [
        (say("Co-signed by"), cosignature.name),
        (say("Account"), cosignature.account),
        (say("Co-signed at"), when(cosignature.cosigned_at)),
        (say("Result SHA-256"), cosignature.document_digest),
    ]
    if cosignature.addenda:
        facts.append((say("Addenda covered"), str(cosignature.addenda)))
    _draw_box(sheet, facts)


def _draw_box(sheet: Sheet, facts: Sequence[tuple[Text, str]]) -> None:
    height = len(facts) * BODY.leading + 8.0
    top = sheet.y - 2.0
    sheet.box(MARGIN - 6.0, top - height, CONTENT_WIDTH + 12.0, height, fill=TINT)
    sheet.y = top - 2.0
    sheet.facts(facts, x=MARGIN, width=CONTENT_WIDTH, label_width=80.0)
    sheet.y = top - height - 2.0


def _draw_addendum(sheet: Sheet, number: int, addendum: Addendum) -> None:
    sheet.need(15.0 + 4 * BODY.leading)
    sheet.heading(say("Addendum {n}", n=number))
    by = say("{name}, {time}", name=addendum.name, time=when(addendum.added_at))
    sheet.paragraph(by, STRONG, max_lines=2)
    draw_lines(sheet, addendum.text)
    follows = say("Follows SHA-256 {digest}", digest=addendum.follows)
    sheet.paragraph(follows, SMALL)


def when(moment: datetime) -> str:
    """Return a time as the report writes it, to the second and with its zone."""
    return moment.strftime("%Y-%m-%d %H:%M:%S %Z").strip()
