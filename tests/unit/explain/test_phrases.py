"""Clauses of a note: what a reader can check, and every token in exactly one of them."""

import time

import numpy as np
import pytest

from mmcore.explain.phrases import clause_spans, sum_by_clause

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
    started = time.perf_counter()
    items = sum_by_clause(long, spans, signed)
    assert time.perf_counter() - started < 0.2
    assert items == sum_by_clause(short, spans, signed)
    assert sum_by_clause(short, [], np.array([])) == ()
