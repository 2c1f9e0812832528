"""Whose turn the machine is: whoever waits at a page goes before what is done in the background.

The engine has one lock, and a lock knows no order. So the background asks before each case whether
anybody waits; who comes while a case is being scored waits for that one case at most.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Desk:
    """How many people wait for an answer or are being given one."""

    waiting: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)


_DESK = _Desk()


@contextmanager
def first() -> Iterator[None]:
    """Do something that somebody at a page waits for; the background stands back meanwhile."""
    with _DESK.changed:
        _DESK.waiting += 1
    try:
        yield
    finally:
        with _DESK.changed:
            _DESK.waiting -= 1
            _DESK.changed.notify_all()


def wait(seconds: float | None = None) -> bool:
    """Wait until nobody at a page waits, at most so long; return whether that is so."""
    with _DESK.changed:
        return _DESK.changed.wait_for(lambda: _DESK.waiting == 0, seconds)
