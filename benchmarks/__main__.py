"""``python -m benchmarks``: measure, print beside the last record, and keep if asked to."""

import importlib
import warnings
from collections.abc import Sequence
from typing import Annotated

import torch
import typer

from benchmarks import harness, page
from benchmarks.harness import Record, Row

GROUPS = (
    "loading", "scoring", "explaining", "growing", "reporting", "memory", "opening", "painting",
)  # fmt: skip
SLOWER = 1.25  # times as much as in the last record, before it is pointed out
_MARK = "   <- was "


def main(
    groups: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(GROUPS)}.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each work is run.")] = 5,
    threads: Annotated[int, typer.Option(min=1, help="Of torch.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Into benchmarks/history, and the page.")] = (
        False
    ),
) -> None:
    """Measure what Consilium costs, beside what somebody would use instead."""
    unknown = set(groups or ()) - set(GROUPS)
    if unknown:
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: not one of {', '.join(GROUPS)}")
    warnings.simplefilter("ignore")
    torch.set_num_threads(threads)
    kept = harness.history()
    rows: list[Row] = []
    for name in groups or GROUPS:
        for row in importlib.import_module(f"benchmarks.{name}").rows(rounds):
            if not rows or rows[-1].group != row.group:
                typer.echo(f"\n{row.group}")
            typer.echo(line(row))
            rows.append(row)
    made = harness.record(rows)
    if kept:
        typer.echo("\n" + "\n".join(slower(made, kept[-1]) or ["nothing slower than it was"]))
    if keep:
        if set(groups or GROUPS) != set(GROUPS):
            raise typer.BadParameter("only a record of all groups is kept")
        typer.echo(f"\n{harness.keep(made)}\n{page.write_page(harness.history())}")


def line(row: Row) -> str:
    """Return one figure as it is printed."""
    times = "" if row.ratio is None else f"  {row.ratio:6.2f} x {row.against}"
    return f"  {row.name:48} {row.value:9.2f} {row.unit}{times}"


def slower(made: Record, before: Record) -> Sequence[str]:
    """Return a line for each figure that is worse than in another record.

    A ratio is compared as it is. Milliseconds are compared by the arithmetic that each machine did
    in them, and only where there is no ratio.
    """
    known = {row.key: row for row in before.rows}
    lines = []
    for row in made.rows:
        old = known.get(row.key)
        if old is None:
            continue
        if row.ratio is not None and old.ratio:
            change, words = old.ratio / row.ratio, f"{old.ratio:.2f} x {row.against}"
        elif row.ratio is None and row.unit == "ms":
            change = (row.value / made.yardstick) / (old.value / before.yardstick)
            words = f"{old.value:.2f} ms at {before.yardstick:.0f} ms of arithmetic"
        elif row.ratio is None:
            change, words = row.value / old.value if old.value else 1.0, f"{old.value:.2f}"
        else:
            continue
        if change > SLOWER:
            lines.append(line(row) + _MARK + words)
    return lines


if __name__ == "__main__":
    typer.run(main)
