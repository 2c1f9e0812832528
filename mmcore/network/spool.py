"""Studies that are arriving: every instance on the disk before the sender is told so.

One folder per sender and study, one file per instance, sealed with the site's key where it has one.
A study is complete when nothing came for a while; it is then filed as a case like any dropped one,
and its folder goes. What a killed process left is filed by the next.
"""

import fcntl
import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mmcore.errors import StoreUnavailableError
from mmcore.store.blobs import Blobs, make_folder
from mmcore.store.place import Place
from mmcore.store.sealing import Seal

MAX_STUDY_BYTES = 4 * 2**30
MAX_INSTANCES = 20_000
LEAST_FREE_BYTES = 2**30


class SpoolFullError(Exception):
    """No more of a study, or of anything, is taken for want of space."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A complete study. files: name for display, and content."""

    folder: Path
    files: tuple[tuple[str, bytes], ...]


class Spool:
    """Where received instances lie until their study is complete.

    For any number of threads and processes. A study may come by several at once: who lets a filed
    one go is alone with it.
    """

    def __init__(self, place: Place, *, clock: Callable[[], float] = time.time) -> None:
        """Open the spool of a place; raises ``StoreUnavailableError`` where nothing is kept."""
        if place.keep_days == 0:
            raise StoreUnavailableError(
                problem="this site keeps nothing, so nothing can be received"
            )
        self._folder = place.folder / "inbox"
        self._seal = Seal(place.key)
        self._clock = clock
        self._counting = threading.Lock()
        self._sizes: dict[str, tuple[int, int]] = {}

    def put(self, sender: str, study_uid: str, data: bytes) -> None:
        """Write one instance; when this returns it survives a crash of the machine.

        Raises ``SpoolFullError`` and ``StoreUnavailableError``.
        """
        name = hashlib.sha256(f"{sender}\0{study_uid}".encode()).hexdigest()[:32]
        folder = self._folder / name
        with self._holding(alone=False):
            make_folder(folder)
            self._take_space(folder, len(data))
            Blobs(folder, self._seal).put(data)
            now = self._clock()
            os.utime(folder, (now, now))

    def complete(self, quiet_seconds: float) -> tuple[Path, ...]:
        """Return the folders of studies to which nothing came for so long."""
        before = self._clock() - quiet_seconds
        if not self._folder.exists():
            return ()
        found = []
        for folder in self._folder.iterdir():
            with suppress(FileNotFoundError):  # another process has just filed it
                if folder.stat().st_mtime <= before:
                    found.append(folder)
        return tuple(sorted(found))

    def load(self, folder: Path) -> Arrived:
        """Return the instances of a study.

        Raises ``StoreKeyError`` without their key and ``StoredFileDamagedError``.
        """
        blobs = Blobs(folder, self._seal)
        files = (
            (f"{number:04d}.dcm", blobs.get(digest))
            for number, digest in enumerate(blobs.digests(), start=1)
        )
        return Arrived(folder, tuple(files))

    def remove(self, arrived: Arrived) -> None:
        """Let a filed study go; an instance that came meanwhile keeps its folder."""
        blobs = Blobs(arrived.folder, self._seal)
        for _, data in arrived.files:  # one that is sent again at this moment is in the case
            blobs.discard(hashlib.sha256(data).hexdigest())
        with self._holding(alone=True):
            with self._counting:
                self._sizes.pop(arrived.folder.name, None)
            if not any(blobs.digests()):
                for inside in arrived.folder.iterdir():
                    with suppress(OSError):  # what a killed process left half written is in it
                        inside.rmdir()
                with suppress(OSError):
                    arrived.folder.rmdir()

    @contextmanager
    def _holding(self, *, alone: bool) -> Iterator[None]:
        """Hold the inbox: many may put into it at once, one lets go. Ends with the process."""
        try:
            make_folder(self._folder)
            with self._folder.with_name("inbox.lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
                yield
        except OSError as error:
            problem = f"inbox, {type(error).__name__}: {error.strerror or ''}"
            raise StoreUnavailableError(problem=problem) from error

    def _take_space(self, folder: Path, n_bytes: int) -> None:
        """Count one instance of a study, or raise ``SpoolFullError``; one sent twice counts so."""
        with self._counting:
            if folder.name not in self._sizes:
                sizes = [path.stat().st_size for path in folder.glob("??/*")]
                self._sizes[folder.name] = (len(sizes), sum(sizes))
            count, total = self._sizes[folder.name]
            if count >= MAX_INSTANCES or total + n_bytes > MAX_STUDY_BYTES:
                raise SpoolFullError("the study is larger than allowed")
            if shutil.disk_usage(folder).free - n_bytes < LEAST_FREE_BYTES:
                raise SpoolFullError("the disk is nearly full")
            self._sizes[folder.name] = (count + 1, total + n_bytes)
