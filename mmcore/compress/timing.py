"""How long work takes, compared in one run: processor time or the clock, in turns."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median

import torch

ROUNDS = 15


def seconds_of(
    work: Mapping[str, Callable[[], object]],
    *,
    rounds: int = ROUNDS,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, float]:
    """Return the median time of each piece of work, taken in turns after one warm-up.

    Processor time by default: what else runs on the machine moves it less than it moves a clock.
    """
    taken: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, run in work.items():
            started = clock()
            run()
            if number:
                taken[name].append(clock() - started)
    return {name: median(seconds) for name, seconds in taken.items()}


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch compute with so many threads while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
