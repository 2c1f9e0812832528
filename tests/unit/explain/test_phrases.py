"""Clauses of a note: what a reader can check, and every token in exactly one of them."""

import numpy as np
import pytest

from mmcore.explain.phrases import (
    clause_spans,
    sum_by_clause,
    sum_by_section,
    sum_by_sentence,
)
from mmcore.records import Section
from tests.clocks import computed_within

TEXT = "Exam: no wheeze, stony dullness at the right base. CRP 12.5 mg/L\nPlan: drain"


def quoted(text: str) -> list[str]:
    return [text[start:end] for start, end in clause_spans(text)]


def test_clauses_end_at_commas_colons_full_stops_and_lines_but_not_inside_numbers() -> None:
    assert quoted(TEXT) == [
        "Exam:",
        "no wheeze,",
        "stony dullness at the right base.",
        "CRP 12.5 mg/L",
        "Plan:",
        "drain",
    ]


def test_a_note_of_white_space_has_no_clause() -> None:
    assert clause_spans(" \n\t ") == ()


def test_every_token_is_counted_once_in_the_clause_it_stands_in() -> None:
    spans = [(start, start + 1) for start, char in enumerate(TEXT) if not char.isspace()]
    values = np.random.default_rng(0).normal(size=len(spans))
    items = sum_by_clause(TEXT, spans, values)
    assert sum(i.signed for i in items) == pytest.approx(values.sum())
    (dullness,) = (i for i in items if i.what.startswith("stony"))
    start, end = dullness.where
    inside = [v for (s, _), v in zip(spans, values, strict=True) if start <= s < end]
    assert dullness.signed == pytest.approx(sum(inside))


def test_the_strongest_clause_comes_first() -> None:
    text = "one, two, three"
    items = sum_by_clause(text, [(0, 3), (5, 8), (10, 15)], np.array([0.1, -2.0, 0.5]))
    assert [i.what for i in items] == ["two,", "three", "one,"]


def test_a_clause_that_the_model_did_not_read_has_no_item_rather_than_nought() -> None:
    items = sum_by_clause("one, two, three", [(0, 3)], np.array([0.1]))
    assert [i.what for i in items] == ["one,"]


def test_only_as_much_of_a_long_note_is_cut_into_clauses_as_was_read() -> None:
    short, long = "one, two, three", "one, two, three" + ", more" * 1_000_000
    spans, signed = [(0, 3), (5, 8)], np.array([0.1, 0.2])
    with computed_within(0.2):
        items = sum_by_clause(long, spans, signed)
    assert items == sum_by_clause(short, spans, signed)
    assert sum_by_clause(short, [], np.array([])) == ()


NOTE = """Seen at night.
HISTORY
Cough, no fever. Pain
PLAN: await film; then
drain
"""
SECTIONS = (
    Section("", "other", 0, 15),
    Section("HISTORY", "history", 15, 45),
    Section("PLAN", "plan", 45, len(NOTE)),
)


def tokens_of(text: str) -> tuple[list[tuple[int, int]], np.ndarray]:
    spans = [(start, start + 1) for start, char in enumerate(text) if not char.isspace()]
    return spans, np.random.default_rng(7).normal(size=len(spans))


def test_tokens_clauses_sentences_and_sections_all_have_the_same_sum() -> None:
    spans, values = tokens_of(NOTE)
    items = sum_by_clause(NOTE, spans, values)
    sentences, sections = sum_by_sentence(NOTE, items), sum_by_section(items, SECTIONS)
    assert len(spans) > len(items) > len(sentences) > len(sections) == 3
    for sums in (items, sentences, sections):
        assert sum(entry.signed for entry in sums) == pytest.approx(values.sum(), abs=1e-9)


def test_each_sentence_and_section_holds_its_own_tokens() -> None:
    spans, values = tokens_of(NOTE)
    items = sum_by_clause(NOTE, spans, values)
    for entry in (*sum_by_sentence(NOTE, items), *sum_by_section(items, SECTIONS)):
        inside = [
            v for (s, _), v in zip(spans, values, strict=True) if entry.start <= s < entry.end
        ]
        assert entry.signed == pytest.approx(sum(inside))
    assert [entry.title for entry in sum_by_section(items, SECTIONS)] == ["", "HISTORY", "PLAN"]
    quotes = [NOTE[s.start : s.end] for s in sum_by_sentence(NOTE, items)]
    assert quotes[:3] == ["Seen at night.", "HISTORY", "Cough, no fever."]


def test_what_stands_in_no_section_is_kept_in_one_without_a_title() -> None:
    spans, values = tokens_of(NOTE)
    items = sum_by_clause(NOTE, spans, values)
    (whole,) = sum_by_section(items, ())
    assert whole.signed == pytest.approx(values.sum())
    assert (whole.title, whole.start) == ("", 0)
    first, *_ = sum_by_section(items, SECTIONS[1:])
    assert (first.title, first.start, first.end) == ("", 0, 14)
    assert sum_by_section((), SECTIONS) == sum_by_sentence(NOTE, ()) == ()


def test_a_clause_that_denies_stands_apart_and_says_so() -> None:
    text = "Cough but no fever"
    items = sum_by_clause(text, [(0, 5), (10, 12), (13, 18)], np.array([1.0, 0.2, 0.3]))
    assert [(i.what, i.signed, i.mark) for i in items] == [
        ("Cough", 1.0, ""), ("but no fever", 0.5, "negated")
    ]  # fmt: skip


def test_a_study_and_what_it_did_not_find_are_one_clause() -> None:
    assert quoted("Screening CT without nodule. Wet cough without fever") == [
        "Screening CT without nodule.", "Wet cough", "without fever"
    ]  # fmt: skip
