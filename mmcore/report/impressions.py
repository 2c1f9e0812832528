"""A reader's impressions and decisions in the result document: written, and read back strictly."""

from collections.abc import Collection
from datetime import datetime

from mmcore.records import (
    DecisionReason,
    Impression,
    Presence,
    ReaderDecision,
    Reading,
    ReadingMode,
    Response,
)
from mmcore.report.case_document import Document
from mmcore.report.node import Node


def reading_document(reading: Reading) -> Document:
    """Return a reading as plain values; times in ISO 8601 with their zone."""
    return {
        "mode": str(reading.mode),
        "revealed_at": None if reading.revealed_at is None else reading.revealed_at.isoformat(),
        "impressions": [_impression(i) for i in reading.impressions],
        "decisions": [_decision(d) for d in reading.decisions],
    }


def reading_of(node: Node, targets: Collection[str]) -> Reading:
    """Return a reading on some of ``targets``; raises ``ResultFormatError`` where it is at odds."""
    revealed = node.field("revealed_at")
    reading = Reading(
        mode=node.field("mode").word(ReadingMode),
        impressions=tuple(_impression_of(n, targets) for n in node.field("impressions").items()),
        revealed_at=None if revealed.is_null else _moment(revealed),
    )
    if not reading.is_revealed:
        raise node.error("a filed reading needs the time at which the answer was shown")
    for item in node.field("decisions").items():
        try:
            reading = reading.decide(_decision_of(item, targets))
        except ValueError as error:
            raise item.error(str(error)) from error
    return reading


def _impression(impression: Impression) -> Document:
    return {
        "target": impression.target,
        "presence": str(impression.presence),
        "confidence": impression.confidence,
        "recorded_at": impression.recorded_at.isoformat(),
        "is_blind": impression.is_blind,
    }


def _decision(decision: ReaderDecision) -> Document:
    return {
        "target": decision.target,
        "response": str(decision.response),
        "reason": None if decision.reason is None else str(decision.reason),
        "text": decision.text,
        "before": None if decision.before is None else _impression(decision.before),
        "after": None if decision.after is None else _impression(decision.after),
        "decided_at": decision.decided_at.isoformat(),
    }


def _impression_of(node: Node, targets: Collection[str]) -> Impression:
    try:
        return Impression(
            target=_target(node, targets),
            presence=node.field("presence").word(Presence),
            confidence=node.field("confidence").count(),
            recorded_at=_moment(node.field("recorded_at")),
            is_blind=node.field("is_blind").flag(),
        )
    except ValueError as error:
        raise node.error(str(error)) from error


def _decision_of(node: Node, targets: Collection[str]) -> ReaderDecision:
    before, after = node.field("before"), node.field("after")
    return ReaderDecision(
        target=_target(node, targets),
        response=node.field("response").word(Response),
        reason=node.field("reason").maybe_word(DecisionReason),
        text=node.field("text").text(),
        before=None if before.is_null else _impression_of(before, targets),
        after=None if after.is_null else _impression_of(after, targets),
        decided_at=_moment(node.field("decided_at")),
    )


def _target(node: Node, targets: Collection[str]) -> str:
    target = node.field("target")
    if target.text() not in targets:
        raise target.error("no such target in this result")
    return target.text()


def _moment(node: Node) -> datetime:
    moment = node.maybe_time()
    if moment is None or moment.tzinfo is None:
        raise node.error("expected a time with its zone")
    return moment
