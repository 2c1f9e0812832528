"""The page of figures, ``docs/benchmarks.md``, written from the records that were kept."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from benchmarks.growing import FINDINGS, INPUTS, NOTES, SEVERAL, SLICES, STACKS, THREADS, WORDS
from benchmarks.harness import ROOT, Record, Row
from mmcore.evaluate.svg import Axis, Chart

PAGE = ROOT / "docs" / "benchmarks.md"
PICTURES = ROOT / "docs" / "benchmarks"
_GROWING = {
    INPUTS: ("inputs", (1, 2, 3, 4, 5)),
    NOTES: ("words", WORDS),
    STACKS: ("slices", SLICES),
    SEVERAL: ("findings", FINDINGS),
    THREADS: ("threads", (1, 2)),
}
_INTRO = """\
# Benchmarks

Written by `make bench`, which measures and keeps a record in `benchmarks/history/`; do not edit.
What is a ratio was measured side by side in one run, and holds on other machines; milliseconds do
not. A ratio is how many times as much something takes as the row that it is compared with, as the
median over rounds with quartiles. Medians and quartiles elsewhere too.

| command | what it does |
|---|---|
| `make bench` | measures everything, keeps the record, writes this page |
| `python -m benchmarks GROUP ...` | measures some groups and prints them beside the last record |
| `python benchmarks/quadrature.py` | points that an attribution path needs, by rule |
| `python benchmarks/many_readers.py --readers 12 --minutes 10` | twelve people at one server |
| `python benchmarks/intake_fuzz.py --minutes 40` | broken files |
| `python -m benchmarks.killing` | scoring, sending and listening killed at random |
| `python -m benchmarks.sizing phantom thorax` | seconds of a case, for [sizing](scaling.md) |
| `python benchmarks/gpu.py` | everything that needs a GPU |
"""


def write_page(records: Sequence[Record]) -> Path:
    """Write the page and its pictures from records, oldest first, the last one in full."""
    last = records[-1]
    PICTURES.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(_lines(last, records)) + "\n", "utf-8")
    return PAGE


def _lines(last: Record, records: Sequence[Record]) -> Iterator[str]:
    machine = last.machine
    yield _INTRO
    yield (
        f"Last record: {last.at[:10]}, commit {last.commit}, {machine['processor']}, "
        f"{machine['cores']} cores, {machine['threads']} threads for torch {machine['torch']}, "
        f"Python {machine['python']}; {machine['load']} processes wanted to run at its end (1 is a "
        f"calm machine). Ten products of 512 x 512 matrices take "
        f"{last.yardstick:.0f} ms of one core here."
    )
    for group, found in groupby(last.rows, key=lambda row: row.group):
        rows = list(found)
        yield f"\n## {group[0].upper()}{group[1:]}\n"
        if group in _GROWING:
            name = f"{group.replace(' ', '-')}.svg"
            (PICTURES / name).write_text(_growth(group, rows), "utf-8")
            yield f"![{group}](benchmarks/{name})\n"
        yield from table(rows)
    if len(records) > 1:
        yield "\n## History\n"
        yield "Ratios of the records that were kept, oldest first.\n"
        (PICTURES / "history.svg").write_text(_history(records), "utf-8")
        yield "![ratios over time](benchmarks/history.svg)"


def table(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield "| | median | quartiles | beside | times |"
    yield "|---|---|---|---|---|"
    for row in rows:
        quartiles = f"{_number(row.low)} to {_number(row.high)}"
        times = ""
        if row.ratio is not None and row.ratio_low is not None and row.ratio_high is not None:
            span = f"{_number(row.ratio_low)} to {_number(row.ratio_high)}"
            times = f"{_number(row.ratio)} ({span})"
        yield (
            f"| {row.name} | {_number(row.value)} {row.unit} | {quartiles} | {row.against} | "
            f"{times} |"
        )


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _growth(group: str, rows: Sequence[Row]) -> str:
    label, ticks = _GROWING[group]
    x = [row.x or 0.0 for row in rows]
    highest = max(row.high for row in rows)
    unit = rows[0].unit
    chart = Chart(
        f"A case by {label}",
        "; ".join(f"{row.x:g} {label}: {_number(row.value)} {unit}" for row in rows),
        x=Axis(label, 0.0, 1.05 * max(x), ticks=tuple(float(t) for t in ticks)),
        y=Axis(f"scored and explained, {unit}", 0.0, 1.1 * highest),
        height=300,
    )
    chart.band(x, [row.low for row in rows], [row.high for row in rows])
    chart.line(x, [row.value for row in rows])
    for row in rows:
        chart.dot(row.x or 0.0, row.value, hint=f"{_number(row.value)} {unit}")
    return chart.render()


def _history(records: Sequence[Record]) -> str:
    """Draw each ratio that the last record shares with others, as a part of its first value."""
    last = {row.key: row for row in records[-1].rows if row.ratio is not None}
    series: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for index, record in enumerate(records):
        for row in record.rows:
            if row.key in last and row.ratio is not None:
                series.setdefault(row.key, []).append((index, row.ratio))
    shown = [found for found in series.values() if len(found) > 1]
    parts = [[value / found[0][1] for _, value in found] for found in shown]
    highest = max((max(part) for part in parts), default=1.0)
    chart = Chart(
        "Ratios over time",
        f"{len(shown)} ratios of {len(records)} records, each as a part of its first value",
        x=Axis("record", 0.0, float(max(len(records) - 1, 1))),
        y=Axis("part of the first value", 0.0, 1.1 * max(highest, 1.0)),
        height=300,
    )
    for found, part in zip(shown, parts, strict=True):
        chart.line([float(i) for i, _ in found], part)
    return chart.render()
