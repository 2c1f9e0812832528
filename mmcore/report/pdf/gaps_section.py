"""The section on what the model had to do without."""

from mmcore.language import joined, say, word
from mmcore.records import Modality
from mmcore.report.pdf.sheet import BODY, Sheet
from mmcore.report.reading import ReportedResult


def draw_gaps(sheet: Sheet, result: ReportedResult) -> None:
    """Draw what the model had to do without, and what would help which finding most."""
    helped: dict[Modality, list[str]] = {}
    for target in result.targets:
        if target.gate.helps_most is not None:
            helped.setdefault(target.gate.helps_most, []).append(word(target.display))
    sheet.need(30.0 + (1 + len(helped)) * 2 * BODY.leading)
    sheet.heading(say("Missing inputs and what would help"))
    words = say("No input is missing.")
    if result.missing:
        words = say(
            "Missing: {inputs}. The model used the baseline input in place of each.",
            inputs=joined((m.display for m in result.missing), ", "),
        )
    sheet.paragraph(words)
    for modality, displays in helped.items():
        helps = say(
            "{input} would help most for: {findings}.",
            input=modality.display,
            findings=joined(displays, ", "),
        )
        sheet.paragraph(helps, max_lines=2)
