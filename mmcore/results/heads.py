"""The headers of the files that a result speaks of, found again by their SHA-256."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mmcore.errors import FileRefusedError
from mmcore.intake import archive
from mmcore.intake.sniff import Content, sniff
from mmcore.intake.worker import MAX_FILE_BYTES, read_head
from mmcore.report import Document
from mmcore.results.records import Head


def images_used(document: Document) -> frozenset[str]:
    """Return the digests of the DICOM files that the result was made from."""
    case = document["case"]
    files = case["files"] if isinstance(case, dict) else []
    return frozenset(
        str(file["digest"])
        for file in files
        if file["kind"] == "dicom" and file["verdict"] == "used"
    )


def heads_in(files: Iterable[bytes], wanted: Iterable[str]) -> Mapping[str, Head]:
    """Return the headers of those ``files`` whose digest is ``wanted``, by digest.

    Archives are opened one level deep. A file that can not be read is left out: whoever needs it
    says so.
    """
    left = set(wanted)
    found: dict[str, Head] = {}
    for data in _opened(files):
        digest = hashlib.sha256(data).hexdigest()
        if digest in left:
            left.discard(digest)
            try:
                found[digest] = _head(digest, data)
            except FileRefusedError:
                continue
        if not left:
            break
    return found


def files_in(path: Path) -> Iterator[bytes]:
    """Yield the content of a file, or of every plain file in a folder; links are not followed."""
    inside = sorted(path.rglob("*")) if path.is_dir() else [path]
    for one in inside:
        if one.is_file() and not one.is_symlink() and one.stat().st_size <= MAX_FILE_BYTES:
            yield one.read_bytes()


def _opened(files: Iterable[bytes]) -> Iterator[bytes]:
    for data in files:
        if sniff(data) is not Content.ARCHIVE:
            yield data
            continue
        try:
            yield from (entry.data for entry in archive.expand(data) if entry.refusal is None)
        except FileRefusedError:
            continue


def _head(digest: str, data: bytes) -> Head:
    found = read_head(data)
    values = {name: tuple(plain) for name, plain in found["values"].items()}

    def text(keyword: str) -> str:
        return str(values[keyword][0]) if keyword in values else ""

    def count(keyword: str, default: int) -> int:
        return int(values[keyword][0]) if keyword in values else default

    return Head(
        digest=digest,
        study_uid=text("StudyInstanceUID"),
        series_uid=text("SeriesInstanceUID"),
        sop_class_uid=text("SOPClassUID"),
        sop_instance_uid=text("SOPInstanceUID"),
        dicom_modality=text("Modality"),
        rows=count("Rows", 0),
        columns=count("Columns", 0),
        frames=max(1, count("NumberOfFrames", 1)),
        values=values,
        has_modality_lut=bool(found["has_modality_lut"]),
    )
