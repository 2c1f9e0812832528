"""The folder of a training, held by one run at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmcore.errors import WorkFolderBusyError

LOCK = ".training-lock"


@contextmanager
def held(work: Path) -> Iterator[None]:
    """Hold ``work`` for the block, made if need be; whoever dies lets it go.

    Of the processes of ``torchrun`` the first one holds it for all. Raises ``WorkFolderBusyError``
    while another run holds it.
    """
    if os.environ.get("RANK", "0") != "0":
        yield
        return
    work.mkdir(parents=True, exist_ok=True)
    with (work / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WorkFolderBusyError(folder=str(work)) from error
        yield
