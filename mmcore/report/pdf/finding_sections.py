"""The sections on what the model says: every target in short, the main one with its evidence."""

import math
from dataclasses import replace

from mmcore.explain.relations import RELATION_WORDS, Relation
from mmcore.language import capitalised, joined, lowered, say, word
from mmcore.records import GateVerdict, Interaction, Modality
from mmcore.report.pdf.evidence_sections import (
    Evidence,
    draw_evidence,
    draw_reading_aid,
    evidence_height,
    evidence_of,
    reading_aid,
    reading_aid_height,
)
from mmcore.report.pdf.figures import (
    Frame,
    called_of,
    describe,
    draw_image,
    draw_interval,
    draw_overlay_legend,
    draw_regions,
    draw_waterfall,
    image_frame,
    waterfall_height,
)
from mmcore.report.pdf.sheet import (
    BODY,
    CAUTION,
    CONTENT_WIDTH,
    FOR,
    MARGIN,
    MUTED,
    NOTE,
    RULE,
    SMALL,
    STRONG,
    TINT,
    Sheet,
    wrap,
)
from mmcore.report.reading import ReportedResult, ReportedTarget
from mmcore.sentences import pair_text
from mmcore.wording import (
    interval_text,
    probability_beside,
    probability_text,
    probability_words,
    set_sentence,
    set_text,
    signed_text,
)

MAX_TARGETS = 20
MAX_PAIRS = 3
_COLUMNS = (0.0, 112.0, 146.0, 206.0, 296.0, 346.0, 394.0, 442.0)
_HEADS = (
    say("Finding"), say("Prob."), say("In words"), say("90% interval"), "", say("Op. point"),
    say("Called"), say("Trust"),
)  # fmt: skip
_TRUST = {
    GateVerdict.SCORED: say("\u25cf scored"),
    GateVerdict.CAUTION: say("\u25b2 with caution"),
    GateVerdict.WITHHELD: say("\u25a0 withheld"),
}
_IMAGE_WIDTH, _IMAGE_HEIGHT = 134.0, 164.0
_GAP = 8.0


def draw_summary(sheet: Sheet, result: ReportedResult) -> None:
    """Draw one row for every target: score, interval, operating point, call and trust verdict."""
    sheet.heading(say("AI summary"))
    ranked = sorted(result.targets, key=_rank)
    findings = [t for t in ranked if t.kind == "finding"]
    others = [t for t in ranked if t.kind != "finding"][:MAX_TARGETS]
    with sheet.tags.group("Table"):
        sheet.y -= 9.5
        with sheet.row(is_head=True):
            for x, head in zip(_COLUMNS, _HEADS, strict=True):
                if head:
                    sheet.text(MARGIN + x, sheet.y + 2.0, head, SMALL)
        sheet.rule(MARGIN, sheet.y - 1.0, CONTENT_WIDTH)
        sheet.y -= 2.0
        for target in findings[: MAX_TARGETS - len(others)] + others:
            _draw_row(sheet, target, is_dense=len(ranked) > 12)
    for words in dict.fromkeys(set_sentence(target.prediction_set) for target in ranked):
        if words:
            sheet.paragraph(words, NOTE, max_lines=2)
    scored = {target.name for target in ranked}
    unscored = [gate for gate in result.gates if gate.target not in scored]
    if unscored:
        names = joined((word(gate.target.replace("_", " ")) for gate in unscored), ", ")
        none = say("\u25a0 No score for: {findings}.", findings=names)
        sheet.paragraph(none, replace(BODY, color=CAUTION), max_lines=3)
        for reason in dict.fromkeys(gate.reason for gate in unscored[:3]):
            sheet.paragraph(
                word(reason), NOTE, x=MARGIN + 12.0, width=CONTENT_WIDTH - 12.0, max_lines=2
            )
    if len(ranked) > MAX_TARGETS:
        words = say("and {n} more targets, in the result document", n=len(ranked) - MAX_TARGETS)
        sheet.paragraph(words, NOTE)


def key_target(result: ReportedResult) -> ReportedTarget | None:
    """Return the finding that the report explains: those called first, then most probable."""
    explained = [t for t in result.targets if t.kind == "finding" and t.contributions]
    return min(explained, key=_rank, default=None)


def draw_key_finding(sheet: Sheet, result: ReportedResult, *, follow: int | None) -> None:
    """Draw images, waterfall and the evidence for and against the most important finding.

    follow: how many of the further findings are drawn with their evidence later on; None where the
        site leaves them out.
    """
    target = key_target(result)
    if target is None:
        sheet.heading(say("Evidence"))
        sheet.paragraph(say("No finding of this case was explained."), NOTE)
        return
    _draw_finding(sheet, result, target, is_key=True)
    further = [word(t.display) for t in further_findings(result)]
    if follow:
        words = say(
            "Also at or above their operating points: {findings}. The evidence follows.",
            findings=joined(further[:follow], ", "),
        )
        sheet.paragraph(words, NOTE, max_lines=2)
    lacking = joined(further[follow or 0 :], ", ")
    if lacking:
        words = say(
            "Also at or above their operating points: {findings}. The evidence is on the page and "
            "in the result document only, for want of room here.",
            findings=lacking,
        )
        if follow is None:
            words = say(
                "Also at or above their operating points: {findings}. The evidence is on the page "
                "and in the result document only.",
                findings=lacking,
            )
        sheet.paragraph(words, NOTE, max_lines=2)


def draw_further_findings(
    sheet: Sheet, result: ReportedResult, *, skip: int, most: int, last_page: int
) -> int:
    """Draw the other findings called present but the first ``skip``, while they fit.

    Returns how many are drawn by now, at most ``most``; none is begun beyond ``last_page``.
    """
    further = further_findings(result)[:most]
    for count, target in enumerate(further[skip:], start=skip):
        height = _finding_height(result, target)
        if sheet.page > last_page or (sheet.page == last_page and sheet.room < height):
            return count
        sheet.need(height)
        _draw_finding(sheet, result, target, is_key=False)
    return len(further)


def further_findings(result: ReportedResult) -> list[ReportedTarget]:
    """Return the findings called present besides the key finding, the most probable first."""
    key = key_target(result)
    others = [t for t in result.targets if t.called and t.contributions and t is not key]
    return sorted(others, key=_rank)


def _picture_height(result: ReportedResult, target: ReportedTarget) -> float:
    pictures = _IMAGE_HEIGHT + 22.0 if result.case.key_image else 0.0
    failed = sum(not part.passed for part in target.parts.values())
    return max(pictures, waterfall_height(target) + 46.0 + failed * 3 * NOTE.leading)


def _finding_height(result: ReportedResult, target: ReportedTarget) -> float:
    return (
        28.0
        + _picture_height(result, target)
        + evidence_height(evidence_of(target, result.case.observations))
        + reading_aid_height(reading_aid(target, result, has_limits=False))
    )


def _draw_finding(
    sheet: Sheet, result: ReportedResult, target: ReportedTarget, *, is_key: bool
) -> None:
    sheet.need(28.0 + _picture_height(result, target))
    name, score = word(target.display), describe(target)
    sheet.heading(
        say("Key finding: {finding} \u2013 {score}", finding=name, score=score)
        if is_key
        else say("Further finding: {finding} \u2013 {score}", finding=name, score=score)
    )
    evidence = evidence_of(target, result.case.observations)
    top = sheet.y - 4.0
    x = MARGIN
    bottom = top
    if result.case.key_image is not None:
        bottom = _draw_images(sheet, result, target, evidence, top)
        x += 2 * (_IMAGE_WIDTH + _GAP) + 4.0
    width = MARGIN + CONTENT_WIDTH - x
    sheet.y = top
    title = say("How the score adds up (logits, with 5\u201395% band)")
    sheet.paragraph(title, SMALL, x=x, width=width)
    with sheet.tags.group("Table"):
        draw_waterfall(sheet, target, x=x, width=width)
    for words in _ledger_facts(target):
        sheet.paragraph(words, SMALL, x=x, width=width, max_lines=2)
    for modality, part in target.parts.items():
        if not part.passed:
            words = say(
                "\u25a0 {input}: evidence withheld. {reason}",
                input=modality.display,
                reason=word(part.reason),
            )
            sheet.paragraph(words, replace(NOTE, color=CAUTION), x=x, width=width, max_lines=3)
    sheet.y = min(bottom, sheet.y) - 2.0
    draw_evidence(sheet, evidence)
    draw_reading_aid(sheet, reading_aid(target, result, has_limits=is_key))


def _ledger_facts(target: ReportedTarget) -> list[str]:
    """Return what the ledger says beside its steps: what is missed without each input, and sums."""
    facts: list[str] = []
    everything = max(target.coalitions, key=len, default=frozenset())
    without = [
        say(
            "{input} {probability}",
            input=lowered(m.display),
            probability=probability_text(_logistic(target.coalitions[rest])),
        )
        for m in target.parts
        if (rest := everything - {m}) in target.coalitions
    ]
    if without:
        facts.append(say("Score without: {inputs}", inputs=joined(without, ", ")))
    for relation, interaction in _notable(target):
        facts.append(
            say(
                "{pair}: {relation} (interaction {value})",
                pair=capitalised(pair_text(interaction)),
                relation=RELATION_WORDS[relation],
                value=signed_text(interaction.value),
            )
        )
    errors = [
        p.completeness_error for p in target.parts.values() if p.completeness_error is not None
    ]
    if errors:
        worst = max(errors, key=abs)
        facts.append(say("Evidence sums to each contribution within {error:.3f}", error=abs(worst)))
    return facts


def _notable(target: ReportedTarget) -> list[tuple[Relation, Interaction]]:
    """Return the pairs in conflict, then redundant ones, then the others; at most three."""
    order = (Relation.CONFLICT, Relation.REDUNDANT, Relation.AGREE, Relation.ONE_DECIDES)
    pairs = zip(target.relations, target.interactions, strict=True)
    known = [(relation, i) for relation, i in pairs if relation is not None]
    return sorted(known, key=lambda pair: (order.index(pair[0]), -abs(pair[1].value)))[:MAX_PAIRS]


def _logistic(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit)) if logit > -700.0 else 0.0


def _rank(target: ReportedTarget) -> tuple[bool, bool, bool, float]:
    """Order targets: findings before regressions, withheld last, called first, most probable."""
    return (
        target.kind != "finding",
        target.is_withheld,
        not target.called,
        -(target.probability or 0.0),
    )


def _draw_row(sheet: Sheet, target: ReportedTarget, *, is_dense: bool) -> None:
    told: str = word(target.gate.reason)
    if possible := set_text(target.prediction_set):
        told = say("{set}. {reason}", set=capitalised(possible), reason=told)
    reason = wrap(told, NOTE, CONTENT_WIDTH - 12.0, max_lines=1 if is_dense else 2)
    row = 11.0 if is_dense else 13.0
    sheet.need(row + len(reason) * NOTE.leading)
    sheet.y -= row
    y = sheet.y + 3.2
    style = STRONG if target.called else BODY
    trust = SMALL if target.gate.verdict is GateVerdict.SCORED else replace(SMALL, color=CAUTION)
    with sheet.row():
        sheet.clipped(MARGIN, y, word(target.display), 108.0, style)
        if target.is_withheld:
            none = say("no score: withheld")
            sheet.text(MARGIN + _COLUMNS[1], y, none, replace(BODY, color=MUTED))
        elif target.kind == "regression":
            _draw_regression(sheet, target, y)
        else:
            _draw_probability(sheet, target, y)
        sheet.text(MARGIN + _COLUMNS[7], y, _TRUST[target.gate.verdict], trust)
        with sheet.tags.content("TD"):
            for line in reason:
                sheet.y -= NOTE.leading
                sheet.text(MARGIN + 12.0, sheet.y + 2.4, line, NOTE)
    sheet.is_substituted |= "[U+" in "".join(reason)
    sheet.rule(MARGIN, sheet.y, CONTENT_WIDTH, color="#e3e7ea")


def _draw_regression(sheet: Sheet, target: ReportedTarget, y: float) -> None:
    if target.logit is None or target.interval is None:
        return
    low, high = target.interval
    value = f"{target.logit:.1f}"
    words = say(
        "{value} (90% interval {low:.1f}\u2013{high:.1f})",
        value=joined([value, word(target.unit)]) if target.unit else value,
        low=low,
        high=high,
    )
    sheet.clipped(MARGIN + _COLUMNS[1], y, words, 320.0)


def _draw_probability(sheet: Sheet, target: ReportedTarget, y: float) -> None:
    if target.probability is None or target.interval is None or target.operating_point is None:
        return
    style = STRONG if target.called else BODY
    shown, point = probability_beside(target.probability, target.operating_point)
    x = [MARGIN + column for column in _COLUMNS]
    sheet.text(x[1], y, shown, style)
    sheet.text(x[2], y, probability_words(target.probability), style)
    draw_interval(
        sheet, Frame(x[3], y - 2.4, 80.0, 10.0), point=target.probability,
        interval=target.interval, operating_point=target.operating_point,
        called=bool(target.called),
    )  # fmt: skip
    sheet.text(x[4], y, interval_text(*target.interval), replace(BODY, size=7.0))
    sheet.text(x[5], y, point)
    called = replace(STRONG, color=FOR) if target.called else replace(BODY, color=MUTED)
    sheet.text(x[6], y, called_of(target), called)


def _draw_images(
    sheet: Sheet, result: ReportedResult, target: ReportedTarget, evidence: list[Evidence],
    top: float,
) -> float:  # fmt: skip
    """Draw the key image without and with overlay; return where they end."""
    image = result.case.key_image
    if image is None:
        return top
    size = {"width": _IMAGE_WIDTH, "height": _IMAGE_HEIGHT}
    left = image_frame(image, x=MARGIN, top=top, **size)
    right = image_frame(image, x=MARGIN + _IMAGE_WIDTH + _GAP, top=top, **size)
    with sheet.figure(say("Image of the case as displayed, without overlay")):
        draw_image(sheet, image, left)
    part = target.parts.get(Modality.IMAGE)
    caption = left.y - 8.5
    sheet.clipped(left.x, caption, say("Image as displayed, no overlay"), _IMAGE_WIDTH, SMALL)
    scale = say("pixel size unknown: no scale")
    if image.spacing_mm:
        scale = say("scale as the file states it")
    sheet.clipped(left.x, caption - 8.5, scale, _IMAGE_WIDTH, SMALL)
    if part is not None and part.overlay is not None:
        regions = [e.item for e in evidence if e.number is not None]
        words = say("What moved the score")
        if regions:
            words = say("What moved the score; rings: see below")
        moved = say(
            "The same image with what moved the score of {finding}", finding=word(target.display)
        )
        with sheet.figure(moved):
            draw_image(sheet, image, right, part.overlay)
            draw_regions(sheet, image, right, regions)
        sheet.clipped(right.x, caption, words, _IMAGE_WIDTH, SMALL)
        draw_overlay_legend(sheet, right.x, caption - 8.5, right.width)
    else:
        sheet.box(right.x, right.y, right.width, right.height, fill=TINT, stroke=RULE)
        reason = say("not part of the explanation")
        if part and part.reason:
            reason = word(part.reason)
        sheet.y = right.y + right.height / 2 + 24.0
        sheet.paragraph(
            say("No overlay: {reason}", reason=reason), NOTE, x=right.x + 6.0,
            width=right.width - 12.0, max_lines=6,
        )  # fmt: skip
    return caption - 12.0
