"""An archive scored once: every study has one line per pack, however often the run is stopped.

Knows nothing of Ray: ``spread`` is handed in. Whatever scores studies only returns lines; this
process alone writes them, so work that is done twice after a failure is still written once.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mmcore.language import say
from mmcore.records import PackIdentity
from mmcore.scale.rows import NOT_SCORED, Parts, Row, not_scored
from mmcore.scale.studies import Source, StudyAt

PART_ROWS = 1000
PART_SECONDS = 60.0
DIED = say("its scoring ended the process twice; it may need more memory than there is")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one study. row: None if it may succeed another time, for ``problem``."""

    key: str
    row: Row | None
    problem: str = ""


Spread = Callable[[Sequence[StudyAt], int], Iterable[Outcome]]
"""Scores studies, so many at once in one process, in any order; leaves out what a process died of.

The second argument is the number of studies that share a process's fate.
"""


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in numbers. before: done by earlier runs. left: for another run, as they may succeed.

    seconds: of this run.
    """

    before: int
    scored: int
    not_scored: int
    left: int
    seconds: float


def score_archive(
    source: Source,
    parts: Parts,
    pack: PackIdentity,
    spread: Spread,
    *,
    batch: int = 8,
    part_rows: int = PART_ROWS,
    part_seconds: float = PART_SECONDS,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Summary:
    """Score every study of ``source`` that has no line for ``pack`` yet.

    Studies whose process died are tried once more, each by itself, and then get a line that says
    so. Raises ``ArchiveError`` and ``PeerError``.
    """
    started = time.perf_counter()
    done = parts.done(pack.digest)
    before = len(done)
    todo = {study.key: study for study in source.studies() if study.key not in done}
    tally = {NOT_SCORED: 0}
    left: set[str] = set()

    def noted(outcomes: Iterable[Outcome]) -> Iterator[Row]:
        for outcome in outcomes:
            if outcome.key in waiting:
                waiting.discard(outcome.key)
                if outcome.row is None:
                    left.add(outcome.key)
                    continue
                status = outcome.row["status"]
                tally[status] = tally.get(status, 0) + 1
                on_progress(len(todo) - len(waiting), len(todo))
                yield outcome.row

    def lines() -> Iterator[Row]:
        yield from noted(spread(list(todo.values()), batch))
        again = [todo[key] for key in sorted(waiting)]
        if again:
            yield from noted(spread(again, 1))
        died = [Outcome(key, not_scored(todo[key], pack, DIED)) for key in sorted(waiting)]
        yield from noted(died)

    waiting = set(todo)
    rows: list[Row] = []
    written = time.monotonic()
    try:
        for row in lines() if todo else ():
            rows.append(row)
            if len(rows) >= part_rows or time.monotonic() - written > part_seconds:
                parts.write(rows)
                rows, written = [], time.monotonic()
    finally:
        if rows:
            parts.write(rows)
    failed = tally.pop(NOT_SCORED)
    return Summary(before, sum(tally.values()), failed, len(left), time.perf_counter() - started)
