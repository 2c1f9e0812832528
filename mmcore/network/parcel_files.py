"""The notes of parcels on the disk: one sealed file each, with a lock beside it."""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmcore.errors import StoreKeyError, StoreUnavailableError
from mmcore.network.parcels import Parcel, from_plain, to_plain
from mmcore.store.blobs import make_folder, write_whole
from mmcore.store.sealing import Seal

_STRAY_SECONDS = 3600.0  # a temporary file older than this belongs to a process that was killed
_Stamp = tuple[int, int, int]


class ParcelFiles:
    """One folder of notes. For any number of threads and processes.

    Every method raises ``StoreUnavailableError`` where the disk fails.
    """

    def __init__(self, folder: Path, seal: Seal) -> None:
        self._folder, self._seal = folder, seal
        self._known: dict[str, tuple[_Stamp, Parcel]] = {}

    def all(self) -> tuple[list[Parcel], int]:
        """Return every parcel that can be read, and how many can not.

        Raises ``StoreKeyError`` where there are some and the key opens none.
        """
        found, damaged, refused = [], 0, None
        with _translated():
            names = sorted(path.stem for path in self._folder.glob("*.json"))
        for name in names:
            try:
                parcel = self.read(name)
            except StoreKeyError as error:
                parcel, refused = None, error
            if parcel is None:
                damaged += 1
            else:
                found.append(parcel)
        if refused is not None and not found:
            raise refused
        return found, damaged

    def read(self, parcel_id: str) -> Parcel | None:
        """Return one parcel, None where there is none or it is damaged.

        Raises ``StoreKeyError``.
        """
        path = self._path(parcel_id)
        with _translated():
            try:
                facts = path.stat()
                stamp = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
                before = self._known.get(parcel_id)
                if before is not None and before[0] == stamp:
                    return before[1]
                text = path.read_text("utf-8")
            except FileNotFoundError:
                self._known.pop(parcel_id, None)
                return None
            except UnicodeDecodeError:
                text = ""
        try:
            parcel = from_plain(self._seal.open_json(text, where=parcel_id))
        except (ValueError, KeyError, TypeError):
            logging.getLogger(__name__).warning("the note of parcel %s is damaged", parcel_id)
            return None
        self._known[parcel_id] = (stamp, parcel)
        return parcel

    def write(self, parcel: Parcel) -> None:
        """Write a note whole, so that it is on the disk."""
        text = self._seal.seal_json(to_plain(parcel), where=parcel.id)
        with _translated():
            make_folder(self._folder)
            write_whole(self._path(parcel.id), text.encode())

    def remove(self, parcel_id: str) -> None:
        """Remove a note and what lies beside it, while its lock is held."""
        with _translated():
            for suffix in (".json", ".stop", ".lock"):
                self._path(parcel_id).with_suffix(suffix).unlink(missing_ok=True)
        self._known.pop(parcel_id, None)

    def stop(self, parcel_id: str) -> None:
        """Ask whoever sends a parcel to end."""
        with _translated():
            make_folder(self._folder)
            self._path(parcel_id).with_suffix(".stop").touch()

    def is_stopped(self, parcel_id: str) -> bool:
        """Whether somebody wants a parcel not to be sent any more."""
        return self._path(parcel_id).with_suffix(".stop").exists()

    def go_on(self, parcel_id: str) -> None:
        """End what ``stop`` began."""
        with _translated():
            self._path(parcel_id).with_suffix(".stop").unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove what a process that was killed left half written."""
        with _translated():
            for stray in self._folder.glob(".*"):
                if time.time() - stray.stat().st_mtime > _STRAY_SECONDS:
                    stray.unlink(missing_ok=True)

    @contextmanager
    def locked(self, name: str, *, waits: bool = True) -> Iterator[bool]:
        """Hold a lock, which ends with the process; give False where somebody else has it."""
        while True:
            path = self._path(name).with_suffix(".lock")
            with _translated():
                make_folder(self._folder)
                lock = path.open("a")
            with lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
                except BlockingIOError:
                    yield False
                    return
                if _is_at(path, lock.fileno()):  # else it went with its parcel while we waited
                    yield True
                    return

    def _path(self, parcel_id: str) -> Path:
        if not (parcel_id.isascii() and parcel_id.isalnum()):
            raise ValueError("a parcel's id has letters and digits alone")
        return self._folder / f"{parcel_id}.json"


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = f"outbox, {type(error).__name__}: {error.strerror or ''}"
        raise StoreUnavailableError(problem=problem) from error
