"""From what a user drops in to one case in which every file has a verdict."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.assemble import assemble
from mmcore.intake.columns import Mappings
from mmcore.intake.read_file import ReadFile
from mmcore.intake.reading import Pending, Progress, read_all
from mmcore.intake.timing import takes_later
from mmcore.intake.worker import MAX_FILE_BYTES
from mmcore.language import say
from mmcore.records import Case


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file as it came in. name: for display only."""

    name: str
    data: bytes


def case_from_files(
    files: Sequence[RawFile],
    *,
    progress: Progress | None = None,
    take_later: bool | None = None,
    mappings: Mappings | None = None,
) -> Case:
    """Return the case that the files make, in whatever order they come.

    A file that can not be used is listed with its code and reason and costs no other file.
    ``progress`` is called with the number of files done and in all; archives grow the latter.
    ``take_later``: read items later than the image too; ``None`` for what the site has set.
    ``mappings``: what a person said of the columns of tables; others are guessed.
    """
    return _case(read_files(files, progress=progress, mappings=mappings), take_later)


def read_files(
    files: Sequence[RawFile], *, progress: Progress | None, mappings: Mappings | None
) -> list[ReadFile]:
    """Return the outcome of every file by itself, before anything is put together."""
    pending = [Pending(file.name, _constant(file.data)) for file in files]
    return read_all(pending, progress=progress, mappings=mappings or {})


def case_from_paths(
    paths: Sequence[Path], *, progress: Progress | None = None, take_later: bool | None = None
) -> Case:
    """Return the case that files, zip archives and folders make.

    Folders are read in full, in sorted order; links inside them are refused, not followed.

    Progress and later items: as in ``case_from_files``.

    Raises ``FileNotFoundError`` if a path does not exist.
    """
    pending = [found for path in paths for found in _walk(Path(path))]
    return _case(read_all(pending, progress=progress, mappings={}), take_later)


def _constant(data: bytes) -> Callable[[], bytes]:
    return lambda: data


def _walk(path: Path) -> Iterator[Pending]:
    if not path.exists():
        raise FileNotFoundError(path)
    if not path.is_dir():
        yield _pending(path, path.name)
        return
    for folder, folders, names in os.walk(path, followlinks=False):
        folders.sort()
        here = Path(folder)
        for name in sorted([*names, *(name for name in folders if (here / name).is_symlink())]):
            shown = (here / name).relative_to(path.parent if path.name else path)
            yield _pending(here / name, str(shown), is_inside=True)


def _pending(path: Path, name: str, *, is_inside: bool = False) -> Pending:
    refusal: FileRefusedError | None = None
    if is_inside and path.is_symlink():
        refusal = FileRefusedError(RefusalCode.BAD_ENTRY, say("links in a folder are not followed"))
    elif not path.is_file():
        refusal = FileRefusedError(RefusalCode.BAD_ENTRY, say("this is not a plain file"))
    elif path.stat().st_size > MAX_FILE_BYTES:
        refusal = _too_large()
    return Pending(name, path.read_bytes, refusal)


def _too_large() -> FileRefusedError:
    return FileRefusedError(
        RefusalCode.TOO_LARGE,
        say("the file is larger than {megabytes} MB", megabytes=MAX_FILE_BYTES >> 20),
    )


def _case(read: Sequence[ReadFile], take_later: bool | None) -> Case:
    return assemble(read, take_later=takes_later() if take_later is None else take_later)
