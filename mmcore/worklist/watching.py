"""A folder that is watched: what has come in and stopped growing is kept as a case, once.

Each entry of the folder, a file, a zip or a folder, is one case, or one for each patient whom its
files name; what then names nobody is in none, and the note beside the entry says so. Sources are
read and at most moved aside, never deleted or altered. What becomes of an entry is noted in the
store by its content, so that it is read once whatever it is called, and after any kill the next
look goes on: a case is kept before it is noted, and noted before its source is moved.
"""

import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from mmcore.errors import RefusalCode, StoreError, WatchError
from mmcore.intake import RawFile, SortedFiles, cases_from_files
from mmcore.intake.one_patient import NOBODYS
from mmcore.intake.several import PatientFiles
from mmcore.language import say
from mmcore.records import FileVerdict, SourceFile
from mmcore.store import KeptFile, Store
from mmcore.wording import person_name
from mmcore.worklist.facts import facts_of

DONE, REFUSED = "consilium-done", "consilium-refused"
"""Folders inside the watched one that entries are moved to, if they are."""

NOTE = ".consilium.json"
"""What a note beside an entry is called, after the entry's own name."""

MOST_BYTES = 2**30  # of one entry: it is held in memory while it is read
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", NOTE)

Clock = Callable[[], float]
_Print = tuple[tuple[str, int, int], ...]


class Became(StrEnum):
    """What became of an entry."""

    KEPT = "kept"
    KNOWN = "known"  # the same content, or the same case, was here before
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one entry of the folder, or of one of the patients whose files are in it.

    Holds no name: names of files may name a patient. content: SHA-256 over the digests of the
    entry's files. case_digest: "" where no case came of it. refused: files that could not be used;
    of several patients' entry, those that are in no case are counted with the first.
    """

    became: Became
    content: str
    case_digest: str = ""
    files: int = 0
    refused: int = 0


@dataclass(slots=True)
class Watcher:
    """Looks at one folder, again and again.

    settle: seconds for which an entry must not have changed. moves: whether entries are moved aside
    when they are done with. pack_name: the model that reads the cases, None for the site's own.
    """

    folder: Path
    store: Store
    settle: float = 10.0
    moves: bool = False
    pack_name: str | None = None
    clock: Clock = time.monotonic
    _seen: dict[str, tuple[_Print, float]] = field(default_factory=dict)
    _over: dict[str, _Print] = field(default_factory=dict)

    def look(self) -> Iterator[Entry]:
        """Take in what has stopped growing; yield what became of each such entry and patient.

        Raises ``StoreError`` where nothing can be stored; the entry at hand is then looked at again
        the next time. Raises ``WatchError`` where the folder can not be read, and at the end where
        something could not be written beside an entry; such an entry, and one that can not be read
        for a reason that nobody foresaw, holds up no other and waits until it changes.
        """
        problem: WatchError | None = None
        for path in self._entries():
            found = _print_of(path)
            if not found or self._over.get(path.name) == found:
                continue
            before = self._seen.get(path.name)
            if before is None or before[0] != found:
                self._seen[path.name] = (found, self.clock())
                continue
            if self.clock() - before[1] < self.settle:
                continue
            try:
                entries = self._take(path, found)
            except StoreError:
                raise
            except WatchError as error:
                problem, entries = error, None
                self._over[path.name] = found
            except Exception as error:  # noqa: BLE001 - one bad entry must not hold up the others
                # The message of a foreign error may quote a file.
                kind = type(error).__name__
                logging.getLogger("consilium").warning("an entry could not be read: %s", kind)
                entries = None
                self._over[path.name] = found
            if entries is not None:
                self._over[path.name] = found
                yield from entries
        if problem is not None:
            raise problem

    def _entries(self) -> list[Path]:
        try:
            names = sorted(path.name for path in self.folder.iterdir())
        except OSError as error:
            raise WatchError(problem=f"{type(error).__name__}: {error.strerror}") from error
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}
        self._over = {name: over for name, over in self._over.items() if name in names}
        return [
            self.folder / name
            for name in names
            if not name.startswith(".")
            and not name.endswith(_UNFINISHED)
            and name not in (DONE, REFUSED)
            and not (self.folder / name).is_symlink()
        ]

    def _take(self, path: Path, found: _Print) -> list[Entry] | None:
        """Read one entry; None if it changed meanwhile or can not be read just now."""
        if sum(size for _, size, _ in found) > MOST_BYTES:
            return [self._refuse_whole(path, found)]
        try:
            files = [
                RawFile(_shown(path, name), _content_of_file(path / name, size))
                for name, size, _ in found
            ]
        except OSError:
            return None
        if _print_of(path) != found:
            return None
        content = _content_of(files)
        known = self.store.watched.case_of(content)
        if known is not None:
            became = Became.KNOWN if known else Became.REFUSED
            self._put_aside(path, content, is_refused=not known)
            return [Entry(became, content, known, len(files))]
        return self._keep(path, content, cases_from_files(files))

    def _keep(self, path: Path, content: str, found: SortedFiles) -> list[Entry]:
        in_no_case = len(found.nobodys) + len(found.unread)
        entries = [self._keep_case(content, one) for one in found.patients]
        first = entries[0]
        entries[0] = replace(
            first, files=first.files + in_no_case, refused=first.refused + in_no_case
        )
        digests = [entry.case_digest for entry in entries if entry.case_digest]
        self.store.watched.note(content, digests[0] if digests else "")
        if len(entries) > 1 or entries[0].refused or not digests:
            self._note(path, digests, found)
        self._put_aside(path, content, is_refused=not digests)
        return entries

    def _keep_case(self, content: str, found: PatientFiles) -> Entry:
        """Keep the case of one patient, unless it is known or has nothing to use."""
        case, files = found.case, found.files
        refused = sum(file.verdict is FileVerdict.REFUSED for file in case.files)
        if not case.has_used_files:
            return Entry(Became.REFUSED, content, "", len(files), refused)
        if self.store.case(case.digest) is not None:
            return Entry(Became.KNOWN, content, case.digest, len(files), refused)
        single = files[0].name if len(files) == 1 else str(say("{n} files", n=len(files)))
        self.store.keep_case(
            case.digest,
            [KeptFile(file.name, file.data) for file in files],
            label=single,
            person=person_name(case.patient.name) or case.patient.patient_id or "",
            pack_name=self.pack_name,
            by="",  # nobody: the folder did
            facts=facts_of(case),
        )
        return Entry(Became.KEPT, content, case.digest, len(files), refused)

    def _refuse_whole(self, path: Path, found: _Print) -> Entry:
        words = say("it is larger than {megabytes} MB", megabytes=MOST_BYTES >> 20)
        content = hashlib.sha256(repr(found).encode()).hexdigest()
        _write_note(self._note_path(path), {"case": None, "reason": str(words), "files": []})
        self._put_aside(path, content, is_refused=True)
        return Entry(Became.REFUSED, content, files=len(found), refused=len(found))

    def _note(self, path: Path, digests: list[str], found: SortedFiles) -> None:
        """Write beside an entry what became of its files, each refusal with its reason."""
        several = len(found.patients) > 1
        files = [
            _said(file) | ({"case": one.case.digest} if several else {})
            for one in found.patients
            for file in one.case.files
        ]
        files += [_said(one.source) for one in found.unread]
        files += [
            _said(replace(one.source, verdict=FileVerdict.REFUSED,
                          code=RefusalCode.PATIENT_MISMATCH, reason=NOBODYS))
            for one in found.nobodys
        ]  # fmt: skip
        note: dict[str, object] = {"case": digests[0] if digests else None, "files": files}
        _write_note(self._note_path(path), note | ({"cases": digests} if several else {}))

    def _note_path(self, path: Path) -> Path:
        return path.with_name(path.name + NOTE)

    def _put_aside(self, path: Path, content: str, *, is_refused: bool) -> None:
        if not self.moves:
            return
        target = self.folder / (REFUSED if is_refused else DONE)
        try:
            target.mkdir(exist_ok=True)
            name = path.name
            if (target / name).exists():  # another one of that name, which stays as it is
                name = f"{content[:12]}-{time.time_ns()}-{path.name}"
            note = self._note_path(path)
            if note.exists():
                note.rename(target / (name + NOTE))
            path.rename(target / name)
        except OSError as error:
            raise WatchError(problem=f"{type(error).__name__}: {error.strerror}") from error


def _said(file: SourceFile) -> dict[str, object]:
    return {
        "name": file.name,
        "verdict": str(file.verdict),
        "code": None if file.code is None else str(file.code),
        "reason": str(file.reason),
    }


def _print_of(path: Path) -> _Print:
    """Return name, size and time of every file of an entry; empty for none, or while it changes."""
    found = []
    try:
        if path.is_file():
            return (("", path.stat().st_size, path.stat().st_mtime_ns),)
        for folder, _, names in os.walk(path, followlinks=False):
            for name in names:
                file = Path(folder) / name
                if file.is_symlink() or not file.is_file():
                    continue
                if name.endswith(_UNFINISHED):
                    return ()
                facts = file.stat()
                relative = str(file.relative_to(path))
                found.append((relative, facts.st_size, facts.st_mtime_ns))
    except OSError:  # it goes or comes at this moment
        return ()
    return tuple(sorted(found))


def _content_of_file(path: Path, size: int) -> bytes:
    """Return what is in a plain file, at most one byte more than it had: then it has changed.

    Others may write into the folder: a link or a pipe in the file's place is not followed.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(size + 1)


def _shown(path: Path, name: str) -> str:
    return f"{path.name}/{name}" if name else path.name


def _content_of(files: list[RawFile]) -> str:
    digests = sorted(hashlib.sha256(file.data).digest() for file in files)
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _write_note(path: Path, note: dict[str, object]) -> None:
    """Write a note whole or not at all, readable for its owner alone."""
    text = json.dumps(note, indent=1, ensure_ascii=False)
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise WatchError(problem=f"{type(error).__name__}: {error.strerror}") from error
