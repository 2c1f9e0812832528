"""Measuring works side by side, and the record that a run leaves.

A ratio is taken within one round, in which every work runs once, and the median over rounds is
told: a machine that is busy for a while slows both sides of it alike. Seconds of one machine say
little about another; ratios do.
"""

import gc
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from statistics import median, quantiles

import numpy as np
import torch

HISTORY = Path(__file__).with_name("history")
ROOT = Path(__file__).resolve().parents[1]
_YARDSTICK_SIZE = 512  # rows of the matrices that are multiplied

Work = Callable[[], object]


class Clock(StrEnum):
    """CPU seconds of this process, for what computes in it; wall seconds for all else."""

    CPU = "cpu"
    WALL = "wall"

    def now(self) -> float:
        """Return the time in seconds."""
        return time.process_time() if self is Clock.CPU else time.perf_counter()


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one run.

    value, low, high: median and quartiles in ``unit``. ratio, ratio_low, ratio_high: how many times
    as much it takes as the row named ``against``, as median and quartiles over rounds; None where
    there is nothing to compare with. x: where it stands on an axis, of what is measured at several
    sizes.
    """

    group: str
    name: str
    value: float
    low: float
    high: float
    unit: str
    rounds: int
    against: str = ""
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    x: float | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What names the same figure in another run."""
        return self.group, self.name


@dataclass(frozen=True, slots=True)
class Record:
    """One run. yardstick: ms of a fixed piece of arithmetic, to compare runs of two machines.

    machine: what it is; ``load``: how many processes wanted to run in the minute before the end.
    """

    at: str
    commit: str
    machine: Mapping[str, str | int | float]
    yardstick: float
    rows: tuple[Row, ...]


def side_by_side(
    group: str,
    works: Mapping[str, Work],
    *,
    rounds: int,
    clock: Clock = Clock.CPU,
    x: float | None = None,
    first_is_slow: bool = True,
) -> list[Row]:
    """Return a row for each work in milliseconds; all but the first are compared with the first.

    ``first_is_slow``: every work runs once before it counts, for what it keeps or loads.
    """
    if first_is_slow:
        for work in works.values():
            work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            gc.collect()
            started = clock.now()
            work()
            times[name].append(1000.0 * (clock.now() - started))
    ours = next(iter(works))
    return [
        _row(group, name, found, times[ours], "" if name == ours else ours, x)
        for name, found in times.items()
    ]


def single(
    group: str, name: str, values: Sequence[float], unit: str, *, x: float | None = None
) -> Row:
    """Return a row for figures that were measured elsewhere."""
    low, high = _quartiles(values)
    return Row(group, name, median(values), low, high, unit, len(values), x=x)


def ratio(
    group: str, name: str, values: Sequence[float], others: Sequence[float], against: str, unit: str
) -> Row:
    """Return a row for figures that were measured elsewhere, pair by pair with another row's."""
    return _row(group, name, values, others, against, None, unit)


def _row(
    group: str,
    name: str,
    found: Sequence[float],
    others: Sequence[float],
    against: str,
    x: float | None,
    unit: str = "ms",
) -> Row:
    low, high = _quartiles(found)
    row = Row(group, name, median(found), low, high, unit, len(found), x=x)
    if not against:
        return row
    ratios = [own / other for own, other in zip(found, others, strict=True)]
    ratio_low, ratio_high = _quartiles(ratios)
    values = asdict(row) | {
        "against": against, "ratio": median(ratios), "ratio_low": ratio_low,
        "ratio_high": ratio_high,
    }  # fmt: skip
    return Row(**values)


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high


def record(rows: Iterable[Row]) -> Record:
    """Return the record of a run with these rows, here and now."""
    found = tuple(rows)
    return Record(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=_commit(),
        machine={
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)),
            "threads": torch.get_num_threads(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "load": round(os.getloadavg()[0], 1),
        },
        yardstick=_yardstick(),
        rows=found,
    )


def keep(made: Record) -> Path:
    """Write a record into the history; return its file."""
    HISTORY.mkdir(exist_ok=True)
    path = HISTORY / f"{made.at[:19].replace(':', '')}-{made.commit}.json"
    path.write_text(json.dumps(asdict(made), indent=1) + "\n", "utf-8")
    return path


def history() -> tuple[Record, ...]:
    """Return the records that were kept, oldest first."""
    found = []
    for path in sorted(HISTORY.glob("*.json")):
        plain = json.loads(path.read_text("utf-8"))
        plain["rows"] = tuple(Row(**row) for row in plain["rows"])
        found.append(Record(**plain))
    return tuple(found)


def _commit() -> str:
    answer = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return answer.stdout.strip() or "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), "")


def _yardstick() -> float:
    """Return the milliseconds of ten products of matrices on one thread, the best of many tries."""
    draw = np.random.default_rng(0)
    a = draw.standard_normal((_YARDSTICK_SIZE, _YARDSTICK_SIZE)).astype(np.float32)
    one, tries = torch.from_numpy(a), []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(20):
            started = time.process_time()
            for _ in range(10):
                one @ one
            tries.append(1000.0 * (time.process_time() - started))
    finally:
        torch.set_num_threads(threads)
    return min(tries)
