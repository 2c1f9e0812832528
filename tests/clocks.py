"""How long something is computed, whoever else uses the machine at the time."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmcore.intake.worker import POOL

_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def computed_within(seconds: float, *processes: int | None, what: str = "it") -> Iterator[None]:
    """Fail where what is done inside is computed for longer, here or in a decoding process.

    processes: further ones that work for it. The clock on the wall is not asked: on a busy machine
    it tells of others.
    """
    started = _computed(processes)
    yield
    took = _computed(processes) - started
    assert took < seconds, f"{what} was computed for {took:.2f} seconds"


def _computed(processes: Sequence[int | None]) -> float:
    """Return the seconds of processor time of this process and of those that work for it."""
    own = os.times()
    ended = own.children_user + own.children_system
    working = [worker.process_id for worker in POOL._idle]
    return time.process_time() + ended + sum(_of(one) for one in (*processes, *working) if one)


def _of(process: int) -> float:
    try:
        words = (
            Path(f"/proc/{process}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        )
    except OSError:  # it has ended, and is counted among those
        return 0.0
    return (int(words[11]) + int(words[12])) / _TICKS
