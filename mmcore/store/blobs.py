"""Files by the SHA-256 of their content: written whole, once, and checked when they are read."""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mmcore.errors import StoredFileDamagedError, StoreKeyError, StoreUnavailableError
from mmcore.store.sealing import Seal

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
_ZEROS = 1 << 20  # bytes written at once over a file that goes
_STRAY_SECONDS = 3600.0  # a temporary file older than this belongs to a process that was killed


class Blobs:
    """A folder of files named by the SHA-256 of their content, before it was sealed."""

    def __init__(self, folder: Path, seal: Seal) -> None:
        self._folder, self._seal = folder, seal

    def put(self, data: bytes) -> str:
        """Write ``data`` unless it is there already; return its digest.

        When this returns, the file survives a crash of the machine: the content and then its name
        are forced to the disk. Raises ``StoreUnavailableError`` where it can not be written.
        """
        digest = hashlib.sha256(data).hexdigest()
        try:
            if not self._path(digest).exists():
                self._write(digest, self._seal.seal(data, where=digest))
        except OSError as error:
            raise StoreUnavailableError(problem=_kind(error)) from error
        return digest

    def put_stored(self, digest: str, stored: bytes) -> None:
        """Write a file as another store has it on its disk, sealed or not.

        One that is there already gives way unless it is the very same: left by a store of another
        key, nobody could open it.
        """
        try:
            path = self._path(digest)
            if not path.exists() or path.read_bytes() != stored:
                self._write(digest, stored)
        except OSError as error:
            raise StoreUnavailableError(problem=_kind(error)) from error

    def link_all(self, folder: Path) -> list[str]:
        """Give every file a second name in ``folder``, so that it outlives its removal here."""
        try:
            digests = list(self.digests())
            for digest in digests:
                try:
                    os.link(self._path(digest), folder / digest)
                except OSError:  # a disk without links
                    shutil.copyfile(self._path(digest), folder / digest)
        except OSError as error:
            raise StoreUnavailableError(problem=_kind(error)) from error
        return digests

    def _write(self, digest: str, stored: bytes) -> None:
        path = self._path(digest)
        make_folder(path.parent)
        write_whole(path, stored)

    def get(self, digest: str) -> bytes:
        """Return the content of a file.

        Raises ``StoredFileDamagedError`` if it is gone or altered, ``StoreKeyError`` without its
        key.
        """
        try:
            stored = self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise StoredFileDamagedError(digest=digest, problem="it is gone") from error
        except OSError as error:
            raise StoreUnavailableError(problem=_kind(error)) from error
        if hashlib.sha256(stored).hexdigest() == digest:
            return stored
        data = self._seal.open(stored, where=digest)
        if data is not stored and hashlib.sha256(data).hexdigest() == digest:
            return data
        raise StoredFileDamagedError(digest=digest, problem="its content was altered")

    def seal_anew(self, digest: str, old: Seal) -> bool:
        """Seal a file that another key, or none, sealed; whether there was anything to do.

        Raises ``StoredFileDamagedError`` and ``StoreKeyError`` as ``get`` does.
        """
        with suppress(StoreKeyError):
            stored = self._path(digest).read_bytes()
            if self._seal.open(stored, where=digest) is not stored:
                return False
        data = Blobs(self._folder, old).get(digest)
        try:
            self._write(digest, self._seal.seal(data, where=digest))
        except OSError as error:
            raise StoreUnavailableError(problem=_kind(error)) from error
        return True

    def discard(self, digest: str) -> None:
        """Remove a file, if it is there, after zeros were written over it.

        That erases it on disks that write in place; flash, and file systems that copy on writing or
        take snapshots, may keep the old blocks, and there encryption has to do it.
        """
        try:
            path = self._path(digest)
            with suppress(FileNotFoundError):
                _overwrite(path)
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnavailableError(problem=_kind(error)) from error

    def digests(self) -> Iterator[str]:
        """Yield the digest of every file; remove what a killed process left half written."""
        for path in sorted(self._folder.glob("??/*")):
            if not path.name.startswith("."):
                yield path.name
                continue
            with suppress(FileNotFoundError):  # another process has just finished with it
                if time.time() - path.stat().st_mtime > _STRAY_SECONDS:
                    path.unlink()

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


def make_folder(folder: Path) -> None:
    """Make a folder and what is missing above it, each for its owner alone, forced to the disk."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for wanted in reversed(missing):  # one by one: the mode is the last one's alone
        wanted.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        force(wanted.parent)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, or a new content of it, whole or not at all; then it survives a crash."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".")  # mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    force(path.parent)


def _overwrite(path: Path) -> None:
    with path.open("r+b", buffering=0) as file:
        found = os.fstat(file.fileno())
        if found.st_nlink > 1:  # a backup is reading the same blocks
            return
        left = found.st_size
        while left:
            left -= file.write(bytes(min(left, _ZEROS)))
        os.fsync(file.fileno())


def force(folder: Path) -> None:
    """Force the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _kind(error: OSError) -> str:
    return f"{type(error).__name__}: {error.strerror or 'no further words'}"
