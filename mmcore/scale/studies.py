"""Where the studies of an archive are: a folder, or a DICOMweb peer.

In a folder, DICOM files are told apart by their Study Instance UID, wherever they lie. Other files,
such as notes and labs, go along with the images of their own folder if these are of one study.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from mmcore.errors import ArchiveError, FileRefusedError
from mmcore.intake import RawFile
from mmcore.intake.sniff import Content, sniff
from mmcore.intake.worker import MAX_FILE_BYTES, MAX_WORKERS, read_head

UNREADABLE = "file:"
"""What the key of a DICOM file begins with whose study is not known, before its SHA-256."""
_MOST_DAYS = 366 * 30


@dataclass(frozen=True, slots=True)
class StudyAt:
    """One study and where it is.

    key: its Study Instance UID. where: of its first file, from the folder of the archive, or the
    name of the peer. files: as ``where``; empty for a peer.
    """

    key: str
    where: str
    files: tuple[str, ...] = ()


class Source(Protocol):
    """An archive. Is sent to other processes, so it is plain data."""

    def studies(self) -> Iterator[StudyAt]:
        """Yield every study once. Raises ``ArchiveError`` and ``PeerError``."""

    def load(self, study: StudyAt) -> Sequence[RawFile]:
        """Return the files of one. Raises ``FileRefusedError``, ``OSError`` and ``PeerError``."""


@dataclass(frozen=True, slots=True)
class FolderSource:
    """All plain files below a folder; links are not followed."""

    root: Path

    def studies(self) -> Iterator[StudyAt]:
        """Yield every study in the order of where its first file lies."""
        if not self.root.is_dir():
            raise ArchiveError(problem=f"{self.root} is no folder")
        uids: dict[str, list[str]] = {}
        others: dict[Path, list[str]] = {}
        of_folder: dict[Path, set[str]] = {}
        with ThreadPoolExecutor(MAX_WORKERS) as pool:
            for path, uid in pool.map(_looked_at, _files(self.root)):
                name = path.relative_to(self.root).as_posix()
                if uid is None:
                    others.setdefault(path.parent, []).append(name)
                else:
                    uids.setdefault(uid, []).append(name)
                    of_folder.setdefault(path.parent, set()).add(uid)
        for folder, names in others.items():
            studies = {u for u in of_folder.get(folder, ()) if not u.startswith(UNREADABLE)}
            if len(studies) == 1:
                uids[studies.pop()].extend(names)
        for uid, names in uids.items():
            yield StudyAt(uid, names[0], tuple(names))

    def load(self, study: StudyAt) -> Sequence[RawFile]:
        """Return the files of a study; of one that is too large as much as gets it refused."""
        return [RawFile(name, _start_of(self.root / name)) for name in study.files]


@dataclass(frozen=True, slots=True)
class WebSource:
    """The studies of a DICOMweb peer of some days, day by day.

    first, last: both included. modality: as the peer is asked, such as "DX"; "" for any.
    """

    peer: str
    first: date
    last: date
    modality: str = ""

    def studies(self) -> Iterator[StudyAt]:
        """Yield every study once, the first days first."""
        from mmcore.network.found import Query
        from mmcore.network.peers import find_peer, site_peers
        from mmcore.network.web import find_all

        peer, seen = find_peer(site_peers(), self.peer), set[str]()
        for number in range((self.last - self.first).days + 1):
            day = self.first + timedelta(days=number)
            for found in find_all(peer, Query(date=f"{day:%Y%m%d}", modality=self.modality)):
                if found.study_uid and found.study_uid not in seen:
                    seen.add(found.study_uid)
                    yield StudyAt(found.study_uid, self.peer)

    def load(self, study: StudyAt) -> Sequence[RawFile]:
        """Return the instances of a study, fetched by WADO-RS."""
        from mmcore.network.peers import find_peer, site_peers
        from mmcore.network.web import fetch

        found = fetch(find_peer(site_peers(), self.peer), study.key)
        return [RawFile(f"{number}.dcm", data) for number, data in enumerate(found)]


def days(text: str) -> tuple[date, date]:
    """Return the first and last day of "20240101-20240331" or "20240101".

    Raises ``ArchiveError``.
    """
    first, _, last = text.partition("-")
    try:
        found = tuple(date.fromisoformat(day) for day in (first, last or first))
    except ValueError as error:
        problem = f"{text!r} is no range of days such as 20240101-20240331"
        raise ArchiveError(problem=problem) from error
    if not 0 <= (found[1] - found[0]).days <= _MOST_DAYS:
        raise ArchiveError(problem=f"{text!r} ends before it begins, or spans 30 years")
    return found[0], found[1]


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root, followlinks=False):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


def _looked_at(path: Path, read: Callable[[bytes], dict[str, object]] = read_head) -> tuple[
    Path, str | None
]:  # fmt: skip
    """Return the study of a DICOM file, a key of its own if it does not say, None for any other."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
            if sniff(start) is not Content.DICOM or path.stat().st_size > MAX_FILE_BYTES:
                return path, None
            data = start + file.read()
    except OSError:
        return path, None
    try:
        values = read(data)["values"]
    except FileRefusedError:
        values = {}
    found = values.get("StudyInstanceUID") if isinstance(values, dict) else None
    uid = str(found[0]).strip() if found else ""
    return path, uid or UNREADABLE + hashlib.sha256(data).hexdigest()
