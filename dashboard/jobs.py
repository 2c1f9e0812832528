"""Work that takes longer than a page may: done in a background thread, watched from the page.

A Streamlit script that computes for seconds is cut off by the next click. A job is not: the page
draws what it has, looks at the job a few times a second, and draws the rest when it is done.
"""

import logging
import threading
import traceback
from collections.abc import Callable
from typing import Generic, TypeVar

from mmcore.errors import MMCoreError

Result = TypeVar("Result")
Tell = Callable[[float, str], None]


class Job(Generic[Result]):
    """One piece of work, its progress, and then its result or its error.

    fraction: done so far, in [0, 1].
    doing:    what it is doing, in words.
    """

    def __init__(self) -> None:
        self.fraction = 0.0
        self.doing = ""
        self.error: BaseException | None = None
        self._results: list[Result] = []
        self._finished = threading.Event()

    @property
    def is_done(self) -> bool:
        """Whether there is a result or an error."""
        return self._finished.is_set()

    @property
    def result(self) -> Result | None:
        """The result, or ``None`` while there is none or after an error."""
        return self._results[0] if self._results else None

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the job is done, at most ``seconds``; return whether it is."""
        return self._finished.wait(seconds)

    def tell(self, fraction: float, doing: str) -> None:
        """Note progress; called by the work itself."""
        self.fraction = min(max(fraction, 0.0), 1.0)
        self.doing = doing

    def run(self, work: Callable[[Tell], Result]) -> None:
        """Do the work here and now, keeping its result or its error."""
        try:
            self._results.append(work(self.tell))
        except BaseException as error:  # noqa: BLE001 - kept whole; the page chooses the words
            self.error = error
            if not isinstance(error, MMCoreError):
                _log(error)
        finally:
            self._finished.set()


def start(work: Callable[[Tell], Result]) -> Job[Result]:
    """Start ``work`` in a daemon thread and return its job at once."""
    job: Job[Result] = Job()
    threading.Thread(target=job.run, args=(work,), name="consilium-job", daemon=True).start()
    return job


def _log(error: BaseException) -> None:
    """Log an unforeseen error by kind and place only: its message may name a patient."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown place"
    logging.getLogger("consilium").error("%s at %s", type(error).__name__, place)
