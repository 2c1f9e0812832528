"""Files that came in together, told apart by patient: a case for each, nothing by guess.

What names nobody, or fits more than one of them, is nobody's until a person says whose it is.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mmcore.errors import FileRefusedError
from mmcore.intake import archive
from mmcore.intake.assemble import assemble
from mmcore.intake.cases import RawFile, read_files
from mmcore.intake.columns import Mappings
from mmcore.intake.one_patient import tell_apart
from mmcore.intake.parts import ImagePart
from mmcore.intake.read_file import ReadFile
from mmcore.intake.reading import Progress
from mmcore.intake.sniff import Content, sniff
from mmcore.intake.timing import takes_later
from mmcore.records import Case, FileVerdict, SourceFile


@dataclass(frozen=True, slots=True)
class PatientFiles:
    """One patient's case. files: what it was read from, and is read from again."""

    case: Case
    files: tuple[RawFile, ...]


@dataclass(frozen=True, slots=True)
class NobodysFile:
    """A file that is in no case. series: Series Instance UID of an image, else ""."""

    source: SourceFile
    file: RawFile
    series: str = ""


@dataclass(frozen=True, slots=True)
class SortedFiles:
    """What files that came in together turned out to be.

    patients: in the order of the names of their files; at least one. One alone has every file that
        came in, whatever became of it.
    nobodys: can be read, and do not say which of several patients they are about.
    unread: of several patients' files, those that could not be used for another reason.
    """

    patients: tuple[PatientFiles, ...]
    nobodys: tuple[NobodysFile, ...] = ()
    unread: tuple[NobodysFile, ...] = ()


def cases_from_files(
    files: Sequence[RawFile],
    *,
    progress: Progress | None = None,
    take_later: bool | None = None,
    mappings: Mappings | None = None,
) -> SortedFiles:
    """Return a case for each patient whom the files name; arguments as of ``case_from_files``.

    Where they name one patient or none, that is the case that ``case_from_files`` returns. The
    files of several patients are taken out of archives, so that no case holds another's.
    """
    read = read_files(files, progress=progress, mappings=mappings)
    takes = takes_later() if take_later is None else take_later
    people, _ = tell_apart(read)
    if len(people) < 2:
        return SortedFiles((PatientFiles(assemble(read, take_later=takes), tuple(files)),))
    contents = dict(_contents(files))
    names = {file.source.digest: file.source.name for file in read if file.part is not None}
    people.sort(key=lambda person: min(names[digest] for digest in person.digests))
    patients = []
    for person in people:
        theirs = [f for f in read if f.part is not None and f.source.digest in person.digests]
        case = assemble(theirs, take_later=takes)
        patients.append(PatientFiles(case, tuple(_raw(file, contents) for file in theirs)))
    taken = set().union(*(person.digests for person in people))
    others = [f for f in read if f.part is None or f.source.digest not in taken]
    return SortedFiles(
        tuple(patients),
        tuple(_nobodys(file, contents) for file in others if file.part is not None),
        tuple(
            _nobodys(file, contents)
            for file in others
            if file.part is None and not _is_opened_archive(file.source)
        ),
    )


def _nobodys(file: ReadFile, contents: dict[str, bytes]) -> NobodysFile:
    series = file.part.series_uid if isinstance(file.part, ImagePart) else ""
    return NobodysFile(file.source, _raw(file, contents), series)


def _raw(file: ReadFile, contents: dict[str, bytes]) -> RawFile:
    return RawFile(file.source.name, contents.get(file.source.digest, b""))


def _is_opened_archive(source: SourceFile) -> bool:
    return source.kind == "archive" and source.verdict is FileVerdict.KEPT_ASIDE


def _contents(files: Sequence[RawFile]) -> Iterator[tuple[str, bytes]]:
    """Yield digest and bytes of every file, of an archive those of the files in it."""
    for file in files:
        yield hashlib.sha256(file.data).hexdigest(), file.data
        if sniff(file.data) is not Content.ARCHIVE:
            continue
        try:
            for entry in archive.expand(file.data):
                yield hashlib.sha256(entry.data).hexdigest(), entry.data
        except FileRefusedError:
            continue  # it is listed with the same refusal
