"""The benchmarks' own arithmetic: ratios by round, records kept whole, what is worse is said."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import harness, page
from benchmarks.__main__ import slower
from benchmarks.harness import Clock, Record, Row, ratio, side_by_side, single


def record(*rows: Row, yardstick: float = 100.0) -> Record:
    return Record("2026-01-02T03:04:05+00:00", "abc1234", {"cores": 2}, yardstick, rows)


def test_a_ratio_is_the_median_over_rounds_and_not_of_medians() -> None:
    row = ratio("g", "theirs", [10.0, 40.0, 90.0], [1.0, 2.0, 30.0], "ours", "ms")
    assert row.value == 40.0
    assert row.ratio == pytest.approx(10.0)
    assert row.ratio_low == pytest.approx(6.5)
    assert row.ratio_high == pytest.approx(15.0)


def test_works_take_turns_and_the_first_round_does_not_count() -> None:
    done: list[str] = []
    works = {name: lambda name=name: done.append(name) for name in ("ours", "theirs")}
    rows = side_by_side("g", works, rounds=3, clock=Clock.WALL)
    assert done == ["ours", "theirs"] * 4
    assert [(row.name, row.against, row.rounds) for row in rows] == [
        ("ours", "", 3), ("theirs", "ours", 3),
    ]  # fmt: skip


def test_a_record_comes_back_as_it_was_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(harness, "HISTORY", tmp_path)
    made = record(single("g", "ours", [1.0, 2.0, 4.0], "ms", x=3.0))
    harness.keep(made)
    assert harness.history() == (made,)


def test_of_two_records_a_worse_ratio_is_pointed_out_whatever_the_milliseconds() -> None:
    ours = single("g", "ours", [10.0], "ms")
    before = record(ours, ratio("g", "theirs", [100.0], [10.0], "ours", "ms"))
    same = record(replace(ours, value=11.0), ratio("g", "theirs", [110.0], [11.0], "ours", "ms"))
    worse = record(ours, ratio("g", "theirs", [50.0], [10.0], "ours", "ms"))
    assert slower(same, before) == []
    assert [line.split()[0] for line in slower(worse, before)] == ["theirs"]


def test_milliseconds_of_another_machine_are_compared_by_its_arithmetic() -> None:
    before = record(single("g", "ours", [10.0], "ms"), yardstick=100.0)
    slow = record(single("g", "ours", [20.0], "ms"), yardstick=200.0)
    assert slower(slow, before) == []
    assert len(slower(replace(slow, yardstick=100.0), before)) == 1


def test_the_page_tells_every_figure_with_its_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(page, "PICTURES", tmp_path / "benchmarks")
    grown = [single(page.INPUTS, f"{n}", [100.0 * n], "ms", x=n) for n in (1, 2, 5)]
    compared = ratio("explaining", "the recipe", [900.0], [100.0], "whole case", "ms")
    machine = {
        "cores": 2,
        "threads": 1,
        "processor": "P",
        "torch": "T",
        "python": "3.11",
        "load": 1.0,
    }
    made = replace(record(*grown, compared), machine=machine)
    page.write_page([made, made])
    text = page.PAGE.read_text("utf-8")
    assert "| the recipe | 900 ms | 900 to 900 | whole case | 9.00 (9.00 to 9.00) |" in text
    assert "commit abc1234, P, 2 cores" in text
    assert {path.name for path in page.PICTURES.iterdir()} == {
        "inputs-of-a-case.svg", "history.svg",
    }  # fmt: skip
