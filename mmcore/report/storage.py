"""Result documents on disk: strict JSON, written whole or not at all."""

import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mmcore.errors import ResultFormatError
from mmcore.report.reading import read_document

MAX_BYTES = 64 * 1024 * 1024
"""A larger file is no result document: ten overlays and the case's image stay below 4 MiB, twelve
key images of a reader below 40 MiB."""


def write_result(document: Mapping[str, object], path: Path) -> None:
    """Validate the document and write it atomically: a reader sees the old file or the new one.

    Raises ``ResultFormatError`` for a document that could not be read back, and then writes
    nothing.
    """
    read_document(document)
    text = json.dumps(dict(document), allow_nan=False, indent=1)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_result(path: Path) -> dict[str, object]:
    """Return the document in a file.

    Raises ``ResultFormatError`` for anything that is not a valid ``consilium.result/1`` document:
    no JSON, NaN or infinity, a name given twice, a member missing, a ledger that does not add up.
    Raises ``OSError`` where the file can not be read.
    """
    where = "result file"
    if path.stat().st_size > MAX_BYTES:
        raise ResultFormatError(where=where, problem=f"larger than {MAX_BYTES} bytes")
    try:
        document = json.loads(
            path.read_bytes().decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:  # JSONDecodeError, UnicodeDecodeError
        raise ResultFormatError(where=where, problem="not strict JSON in UTF-8") from error
    if not isinstance(document, dict):
        raise ResultFormatError(where=where, problem="expected an object")
    read_document(document)
    return document


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ResultFormatError(where="result file", problem="a name is given twice in one object")
    return members


def _refuse_constant(name: str) -> float:
    raise ResultFormatError(where="result file", problem=f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ResultFormatError(where="result file", problem="a number is too large")
    return value
