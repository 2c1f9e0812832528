"""Rates with exact intervals, and what is counted of random weights."""

import pytest

from mmcore.bench.randomised import TOO_SMALL, Judged, explain_randomly, refusals, simulated_pairs
from mmcore.engine import Engine
from mmcore.evaluate.rates import rate, rates_markdown
from tests.tiny import tiny_pack


def test_the_interval_of_all_is_that_of_clopper_and_pearson() -> None:
    found = rate([True] * 100)
    assert found["value"] == 1.0
    assert found["low"] == pytest.approx(0.025 ** (1 / 100), abs=1e-6)
    assert found["high"] == 1.0


def test_none_of_nothing_is_no_rate() -> None:
    assert rate([])["value"] is None
    assert rates_markdown({"none": rate([])})[-1] == "| none | | | 0 |"


def test_a_rate_is_written_with_its_count() -> None:
    assert "50.0 %" in rates_markdown({"half": rate([True, False])})[-1]
    assert "1 of 2" in rates_markdown({"half": rate([True, False])})[-1]


def test_release_alone_is_no_help_without_it() -> None:
    rows = [
        Judged(0, "image", passed=False, caught_by=("release",)),
        Judged(0, "note", passed=False, caught_by=("release", "stability")),
        Judged(1, "image", passed=False, caught_by=("release", TOO_SMALL)),
        Judged(1, "note", passed=True, caught_by=()),
    ]
    found = {name: (r["count"], r["cases"]) for name, r in refusals(rows).items()}
    assert found["every part refused"] == (1, 2)
    assert found["a part refused"] == (3, 4)
    assert found["every part refused, without release"] == (0, 2)
    assert found["a part refused, without release"] == (2, 4)
    assert found["image refused, without release"] == (1, 2)
    assert found["refused by: release"] == (3, 4)


def test_a_pack_that_stores_its_answers_refuses_every_part_of_random_weights() -> None:
    engine = Engine.load(tiny_pack())
    pairs = simulated_pairs(engine, seed=31, cases=1)
    judged = explain_randomly(engine, pairs, seeds=2)
    assert {row.case for row in judged} == {0, 1}
    assert len(judged) == 10
    assert not any(row.passed for row in judged)
    assert all("release" in row.caught_by for row in judged)
