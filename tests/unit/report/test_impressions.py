"""The reader's record: what may be recorded, and that it survives the document and the PDF."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jsonschema
import pytest
from pypdf import PdfReader

from mmcore.errors import ResultFormatError
from mmcore.records import (
    DecisionReason,
    GateVerdict,
    Impression,
    Presence,
    ReaderDecision,
    Reading,
    ReadingMode,
    Response,
    TargetGate,
)
from mmcore.report import render_pdf, result_document
from mmcore.report.reading import read_document
from tests.unit.report.factories import (
    make_explanation,
    make_full_result,
    make_result,
    make_target,
)
from tests.unit.report.test_storage import SCHEMA

T = datetime(2026, 3, 3, 14, 5, 7, 250, tzinfo=UTC)


def impression(presence: Presence = Presence.ABSENT, confidence: int = 4, **more) -> Impression:
    values = {"target": "pneumonia", "recorded_at": T, "is_blind": True} | more
    return Impression(presence=presence, confidence=confidence, **values)


def change(before: Impression | None, after: Impression, **more) -> ReaderDecision:
    values = {
        "response": Response.CHANGE, "reason": DecisionReason.OVERLOOKED, "text": "",
        "decided_at": T + timedelta(minutes=3),
    } | more  # fmt: skip
    return ReaderDecision(target=after.target, before=before, after=after, **values)


def reading() -> Reading:
    first, then = impression(), impression(Presence.PRESENT, 3, is_blind=False)
    hidden = Reading(ReadingMode.READ_FIRST)
    return hidden.reveal((first,), T).decide(change(first, then, text="small, at the base"))


def document() -> dict:
    return dict(result_document(replace(make_result(), reading=reading())))


def test_a_reading_is_read_back_as_it_was_recorded() -> None:
    found = document()
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert read_document(found).reading == reading()


def test_a_result_without_a_reading_is_what_it_was_before_there_were_any() -> None:
    plain = result_document(make_result())
    assert "reading" not in plain
    empty = replace(make_result(), reading=Reading(ReadingMode.CONCURRENT))
    assert result_document(empty) == plain
    assert read_document(plain).reading is None


def test_a_change_of_mind_keeps_what_was_held_before() -> None:
    (decision,) = reading().decisions
    assert decision.before == impression()
    assert reading().impressions == (impression(),)
    assert reading().held("pneumonia") == decision.after


@pytest.mark.parametrize(
    "made",
    [
        lambda: impression(confidence=6),
        lambda: impression(confidence=0),
        lambda: impression(recorded_at=datetime(2026, 3, 3)),
        lambda: change(None, impression(), reason=None),
        lambda: change(None, impression(), reason=DecisionReason.OTHER),
        lambda: change(impression(), impression()),
        lambda: change(None, impression(), response=Response.REJECT),
        lambda: change(None, impression(), response=Response.AGREE, reason=None),
        lambda: change(impression(target="nodule"), impression()),
        lambda: Reading(ReadingMode.READ_FIRST).decide(change(None, impression())),
        lambda: Reading(ReadingMode.SECOND_READER).reveal((), T),
        lambda: reading().reveal((impression(),), T),
        lambda: reading().decide(change(impression(), impression(confidence=1))),
    ],
)
def test_a_record_that_contradicts_itself_is_never_made(made: Callable[[], object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - every leaf has its own words
        made()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("mode",), "afterwards"),
        (("revealed_at",), None),
        (("impressions", 0, "confidence"), 9),
        (("impressions", 0, "target"), "hernia"),
        (("impressions", 0, "recorded_at"), "2026-03-03T14:05:07"),
        (("decisions", 0, "reason"), None),
        (("decisions", 0, "before", "confidence"), 5),
    ],
)
def test_a_forged_reading_is_refused(path: tuple, value: object) -> None:
    found = document()
    *way, last = path
    place = found["reading"]
    for step in way:
        place = place[step]
    place[last] = value
    with pytest.raises(ResultFormatError, match="reading"):
        read_document(found)


def text_of(result: dict) -> str:
    pages = PdfReader(io.BytesIO(render_pdf(result))).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_the_pdf_tells_before_decision_after_and_why() -> None:
    told = text_of(document())
    for words in (
        "Read before the model's answer was shown, at 2026-03-03 14:05 UTC",
        "Absent, confidence 4 of 5", "change", "Present, confidence 3 of 5",
        "I had overlooked it: small, at the base", "2026-03-03 14:08 UTC",
    ):  # fmt: skip
        assert words in told


def test_nothing_stands_after_a_decision_that_is_not_made_yet() -> None:
    only_read = Reading(ReadingMode.READ_FIRST).reveal((impression(),), T)
    told = text_of(dict(result_document(replace(make_result(), reading=only_read))))
    assert "none yet" in told
    assert told.count("Absent, confidence 4 of 5") == 1


def test_who_agrees_without_a_reading_of_their_own_holds_the_models_call() -> None:
    decision = ReaderDecision(
        target="pneumonia", response=Response.AGREE, reason=None, text="", before=None, after=None,
        decided_at=T,
    )  # fmt: skip
    plain = Reading(ReadingMode.CONCURRENT).decide(decision)
    told = text_of(dict(result_document(replace(make_result(), reading=plain))))
    assert "Present, as the model calls it" in told


def test_without_a_reading_the_pdf_has_no_section_on_it() -> None:
    assert "Who read is not recorded" not in text_of(dict(result_document(make_result())))


def test_the_fullest_case_with_every_finding_read_still_takes_three_pages() -> None:
    targets = tuple(make_target(f"finding_{i}", 2.5 - 0.3 * i) for i in range(25))
    names = [t.name for t in targets]
    gates = {n: TargetGate(n, GateVerdict.CAUTION, "Beyond the range. " * 9) for n in names}
    ledger = {t.name: make_explanation(t, (1.0, 0.6, 0.8, 0.2, 0.2)) for t in targets}
    full = make_full_result(targets=targets, gates=gates, explanations=ledger)
    every = tuple(impression(target=name) for name in names)
    made = Reading(ReadingMode.SECOND_READER).reveal(every, T)
    for first in every:
        then = replace(first, presence=Presence.PRESENT)
        made = made.decide(change(first, then, text="words " * 60))
    found = dict(result_document(replace(full, reading=made)))
    assert len(PdfReader(io.BytesIO(render_pdf(found))).pages) <= 3
