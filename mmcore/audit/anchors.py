"""Heads of the chain noted in a file, so that a chain that was cut off or made anew is found out.

The file is only of use where whoever alters the database can not alter it too: on another machine,
a disk that is written once, or a printed page.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mmcore.audit.chain import Head
from mmcore.errors import AuditError

ANCHORS = "CONSILIUM_AUDIT_ANCHORS"
_FILE_NAME = "audit.anchors"
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Noted:
    """A head, and when it was noted, in UTC."""

    head: Head
    at: datetime


def file_of(folder: Path, environment: Mapping[str, str] | None = None) -> Path:
    """Return the file of noted heads: the one that the site has set, else one beside the data."""
    found = os.environ if environment is None else environment
    words = found.get(ANCHORS, "").strip()
    return Path(words).expanduser() if words else folder / _FILE_NAME


def note(file: Path, head: Head, at: datetime) -> None:
    """Add a head to the file; it is on the disk when this returns. Raises ``AuditError``."""
    line = {"at": at.astimezone(UTC).isoformat(), "seq": head.seq, "hash": head.hash}
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _PRIVATE)
        try:
            os.write(descriptor, (json.dumps(line) + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise AuditError(problem=f"a head can not be noted: {error.strerror}") from error


def noted(file: Path) -> tuple[Noted, ...]:
    """Return the heads of a file, none where there is no file. Raises ``AuditError``."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeError) as error:
        raise AuditError(problem="the file of noted heads can not be read") from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            said = json.loads(line)
            head = Head(int(said["seq"]), str(said["hash"]))
            found.append(Noted(head, datetime.fromisoformat(said["at"])))
        except (ValueError, KeyError, TypeError) as error:
            problem = f"line {number} of the file of noted heads is none"
            raise AuditError(problem=problem) from error
    return tuple(found)
