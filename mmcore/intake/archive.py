"""Open zip archives whose claims are checked before anything is inflated.

Sizes, overlaps, methods and names are judged from the central directory; inflating stops at the
announced size. Nothing is ever written: entries become bytes in memory under a name that is only
shown. Python 3.11.7 itself inflates overlapping entries (CVE-2024-0450).
"""

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.language import say

MAX_ENTRIES = 10_000
MAX_DIRECTORY_BYTES = 4 * 2**20
MAX_EXPANDED_BYTES = 1 * 2**30
MAX_NAME_PART = 200
# Constant images deflate a thousandfold, so the ratio only counts where it could hurt.
MAX_RATIO, RATIO_FREE_BYTES = 200, 64 * 2**20

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_END_RECORD = b"PK\x05\x06"
_ZIP64_LOCATOR = b"PK\x06\x07"
_CONTENT_TYPES = "[Content_Types].xml"
_ENCRYPTED = 0x1
# Controls, zero-width and direction marks: they make one name look like another.
_DECEPTIVE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive: its bytes, or why it was refused."""

    name: str
    data: bytes
    refusal: FileRefusedError | None = None


def expand(data: bytes) -> Iterator[Entry]:
    """Yield every file of the archive; one bad entry does not cost the others.

    Raises ``FileRefusedError`` (ARCHIVE_BOMB, ARCHIVE_TOO_MANY, ARCHIVE_DUPLICATE,
    CORRUPT_ARCHIVE or UNKNOWN_KIND) if the archive as a whole can not be trusted.
    """
    archive = _open(data)
    with archive:
        infos = [info for info in archive.infolist() if not _is_folder(info)]
        _refuse_office(infos)
        _check_claims(infos, archive.infolist(), end=archive.start_dir)
        for info in infos:
            try:
                yield Entry(shown_name(info.filename), _read(archive, info))
            except FileRefusedError as refusal:
                yield Entry(shown_name(info.filename), b"", refusal)


def read_members(data: bytes, is_wanted: Callable[[str], bool], *, limit: int) -> dict[str, bytes]:
    """Return the wanted files of a document that is a zip, by name; of the others not a byte.

    limit: the most bytes of each.

    Raises ``FileRefusedError`` as ``expand`` does, and with TOO_LARGE.
    """
    with _open(data) as archive:
        infos = [info for info in archive.infolist() if not _is_folder(info)]
        _check_claims(infos, archive.infolist(), end=archive.start_dir)
        wanted = [info for info in infos if is_wanted(info.filename)]
        if any(info.file_size > limit for info in wanted):
            raise FileRefusedError(
                RefusalCode.TOO_LARGE,
                say("a part of the document has more than {megabytes} MB", megabytes=limit >> 20),
            )
        return {info.filename: _read(archive, info) for info in wanted}


def shown_name(name: str) -> str:
    """Return a name that is safe to show: no controls, no direction marks, not endless."""
    clean = _DECEPTIVE.sub("\N{REPLACEMENT CHARACTER}", name)
    clean = clean.encode("utf-8", errors="replace").decode("utf-8")
    return clean if len(clean) <= 255 else f"{clean[:120]}…{clean[-120:]}"


def _open(data: bytes) -> zipfile.ZipFile:
    _check_directory(data)
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, struct.error, UnicodeError,
            NotImplementedError) as error:  # fmt: skip
        raise _corrupt(say("the archive's directory can not be read")) from error


def is_office(data: bytes) -> bool:
    """Whether a zip is an Office document, judged by the names it holds."""
    return _CONTENT_TYPES.encode() in directory_of(data)


def directory_of(data: bytes) -> bytes:
    """Return the bytes of the central directory, where the names of this archive alone stand.

    The names of an archive that lies inside it, stored as it is, are elsewhere. Empty for what is
    cut off.
    """
    end = data.rfind(_END_RECORD, max(0, len(data) - 65_557))
    if end < 0 or end + 22 > len(data):
        return b""
    (size,) = struct.unpack_from("<I", data, end + 12)
    return data[max(0, end - min(size, MAX_DIRECTORY_BYTES)) : end]


def office_refusal() -> FileRefusedError:
    """Return the refusal of an Office document that is no Word text."""
    return FileRefusedError(
        RefusalCode.UNKNOWN_KIND,
        say("the file is an Office document; export it as text or CSV"),
    )


def _refuse_office(infos: list[zipfile.ZipInfo]) -> None:
    if any(info.filename == _CONTENT_TYPES for info in infos):
        raise office_refusal()


def _corrupt(detail: str) -> FileRefusedError:
    return FileRefusedError(RefusalCode.CORRUPT_ARCHIVE, detail)


def _check_directory(data: bytes) -> None:
    """Refuse a directory that would take long to parse, before it is parsed. APPNOTE 4.3.16."""
    end = data.rfind(_END_RECORD, max(0, len(data) - 65_557))
    if end < 0 or end + 22 > len(data):
        raise _corrupt(say("the archive is cut off"))
    count, size = struct.unpack_from("<HI", data, end + 10)
    # A ZIP64 record outranks what stands here, and only archives this large need one.
    has_more = end >= 20 and data[end - 20 : end - 16] == _ZIP64_LOCATOR
    if count > MAX_ENTRIES or size > MAX_DIRECTORY_BYTES or has_more:
        raise FileRefusedError(
            RefusalCode.ARCHIVE_TOO_MANY,
            say("the archive holds more than {max_entries:,} files", max_entries=MAX_ENTRIES),
        )


def _check_claims(infos: list[zipfile.ZipInfo], every: list[zipfile.ZipInfo], *, end: int) -> None:
    names = [info.filename for info in infos]
    if len(every) > MAX_ENTRIES:
        raise FileRefusedError(
            RefusalCode.ARCHIVE_TOO_MANY,
            say("the archive holds more than {max_entries:,} files", max_entries=MAX_ENTRIES),
        )
    if len(set(names)) < len(names):
        raise FileRefusedError(
            RefusalCode.ARCHIVE_DUPLICATE, say("two files in the archive have the same name")
        )
    if sum(info.file_size for info in infos) > MAX_EXPANDED_BYTES:
        raise FileRefusedError(
            RefusalCode.ARCHIVE_BOMB,
            say(
                "the archive expands to more than {megabytes} MB",
                megabytes=MAX_EXPANDED_BYTES >> 20,
            ),
        )
    position = 0
    for info in sorted(every, key=lambda info: info.header_offset):
        start = info.header_offset
        stop = start + 30 + _name_length(info) + info.compress_size
        if start < position or stop > end:
            raise FileRefusedError(RefusalCode.ARCHIVE_BOMB, say("entries of the archive overlap"))
        position = stop
        too_dense = info.file_size > MAX_RATIO * max(info.compress_size, 1)
        if too_dense and info.file_size > RATIO_FREE_BYTES:
            raise FileRefusedError(
                RefusalCode.ARCHIVE_BOMB,
                say("an entry grows more than {max_ratio}-fold", max_ratio=MAX_RATIO),
            )


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith("/")  # ZipInfo.is_dir fails on a file without a name


def _name_length(info: zipfile.ZipInfo) -> int:
    is_utf8 = info.flag_bits & 0x800
    return len(info.orig_filename.encode("utf-8" if is_utf8 else "cp437", errors="replace"))


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    _check_name(info)
    if info.flag_bits & _ENCRYPTED:
        raise FileRefusedError(
            RefusalCode.ARCHIVE_METHOD, say("the file is locked with a password; unlock it first")
        )
    if info.compress_type not in _METHODS:
        raise FileRefusedError(
            RefusalCode.ARCHIVE_METHOD, say("only stored and deflated files are read from archives")
        )
    try:
        with archive.open(info) as stream:
            data = stream.read(info.file_size + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError,
            NotImplementedError, struct.error) as error:  # fmt: skip
        raise _corrupt(say("the file can not be unpacked")) from error
    if len(data) != info.file_size:
        raise _corrupt(say("the file unpacks to another size than announced"))
    return data


def _check_name(info: zipfile.ZipInfo) -> None:
    # The name as stored: ZipInfo cuts ``filename`` at the first NUL.
    name = info.orig_filename
    parts = re.split(r"[/\\]", name)
    mode = info.external_attr >> 16
    wrong = (
        not name
        or name.startswith(("/", "\\"))
        or re.match(r"[A-Za-z]:", name)
        or ".." in parts
        or _DECEPTIVE.search(name)
        or any(len(part) > MAX_NAME_PART for part in parts)
        or (mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG))
    )
    if wrong:
        raise FileRefusedError(
            RefusalCode.BAD_ENTRY, say("the file's name in the archive is not that of a plain file")
        )
