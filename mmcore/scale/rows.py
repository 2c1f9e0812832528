"""One study's line in an archive's tables, and the Parquet parts that hold them. Door to pyarrow.

A part is written beside its place and moved there whole, so that what is there is complete. Only
one process writes into a folder, and only it says what is done: a study is in one part or in none.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mmcore.errors import ArchiveError
from mmcore.records import Case, FileVerdict, PackIdentity, Prediction
from mmcore.scale.studies import StudyAt

SCORED, NOT_SCORED = "scored", "not scored"
Row = dict[str, Any]

TARGET = pa.struct(
    [
        ("name", pa.string()),
        ("kind", pa.string()),
        ("verdict", pa.string()),
        ("reason", pa.string()),
        ("helps_most", pa.string()),
        ("value", pa.float64()),
        ("probability", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("operating_point", pa.float64()),
        ("is_positive", pa.bool_()),
    ]
)
SCHEMA = pa.schema(
    [
        pa.field("study_uid", pa.string(), nullable=False),
        pa.field("pack_digest", pa.string(), nullable=False),
        ("pack_name", pa.string()),
        ("pack_version", pa.string()),
        ("is_simulated", pa.bool_()),
        ("where", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("case_digest", pa.string()),
        ("files_used", pa.int32()),
        ("files_refused", pa.int32()),
        ("notices", pa.list_(pa.string())),
        ("targets", pa.list_(TARGET)),
        ("device", pa.string()),
        ("seconds", pa.float64()),
        ("scored_at", pa.timestamp("us", tz="UTC")),
    ]
)
"""What a line says; docs/scaling.md tells it in words."""


def scored(study: StudyAt, case: Case, prediction: Prediction, *, seconds: float) -> Row:
    """Return the line of a study that was scored. Withheld targets say why and have no numbers."""
    known = {target.name: target for target in prediction.targets}
    targets = []
    for gate in prediction.gate:
        target = known.get(gate.target)
        line: Row = {
            "name": gate.target,
            "kind": None if target is None else target.kind,
            "verdict": gate.verdict.value,
            "reason": str(gate.reason),
            "helps_most": None if gate.helps_most is None else gate.helps_most.value,
        }
        if target is not None and gate.verdict.value != "withheld":
            line |= {
                "value": target.logit, "probability": target.probability,
                "low": target.interval[0], "high": target.interval[1],
                "operating_point": target.operating_point, "is_positive": target.is_positive,
            }  # fmt: skip
        targets.append(line)
    return {
        **_of_case(study, prediction.pack, case),
        "status": SCORED,
        "reason": "",
        "notices": [str(notice) for notice in (*case.notices, *prediction.notices)],
        "targets": targets,
        "device": prediction.device,
        "seconds": seconds,
    }


def not_scored(study: StudyAt, pack: PackIdentity, reason: str, *, case: Case | None = None) -> Row:
    """Return the line of a study that can not be scored; ``reason`` holds no patient text."""
    return {**_of_case(study, pack, case), "status": NOT_SCORED, "reason": str(reason)}


def _of_case(study: StudyAt, pack: PackIdentity, case: Case | None) -> Row:
    verdicts = [] if case is None else [file.verdict for file in case.files]
    return {
        "study_uid": study.key,
        "pack_digest": pack.digest,
        "pack_name": pack.name,
        "pack_version": pack.version,
        "is_simulated": pack.is_simulated,
        "where": study.where,
        "case_digest": None if case is None else case.digest,
        "files_used": verdicts.count(FileVerdict.USED),
        "files_refused": verdicts.count(FileVerdict.REFUSED),
        "scored_at": datetime.now(UTC),
    }


class Parts:
    """The tables of an archive in one folder, held by one process; see ``held``."""

    def __init__(self, folder: Path) -> None:
        """Look into a folder that ``held`` has made."""
        self._folder = folder

    def done(self, pack_digest: str) -> set[str]:
        """Return the keys of the studies that have their line for this pack.

        Raises ``ArchiveError`` for a part that is damaged, and for a study that has two lines.
        """
        found: set[str] = set()
        for path in sorted(self._folder.glob("part-*.parquet")):
            try:
                table = pq.read_table(path, columns=["study_uid", "pack_digest"])
            except (OSError, pa.ArrowException) as error:
                problem = f"{path.name} can not be read; move it away to score its studies again"
                raise ArchiveError(problem=problem) from error
            lines = table.to_pylist()
            keys = [line["study_uid"] for line in lines if line["pack_digest"] == pack_digest]
            if len(set(keys)) < len(keys) or found.intersection(keys):
                raise ArchiveError(problem=f"{path.name} holds a study that has its line already")
            found.update(keys)
        return found

    def write(self, rows: Sequence[Row]) -> Path:
        """Write a new part, on the disk and whole when this returns. Raises ``ArchiveError``."""
        keys = "\n".join(f"{row['study_uid']} {row['pack_digest']}" for row in rows)
        path = self._folder / f"part-{hashlib.sha256(keys.encode()).hexdigest()[:32]}.parquet"
        partial = self._folder / f".{path.name}.partial"
        try:
            with partial.open("wb") as file:
                pq.write_table(pa.Table.from_pylist(list(rows), SCHEMA), file, compression="zstd")
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            problem = f"a part can not be written ({error.strerror})"
            raise ArchiveError(problem=problem) from error
        return path


@contextmanager
def held(folder: Path) -> Iterator[Parts]:
    """Make the folder if need be and hold it for the block; whoever dies lets it go.

    Raises ``ArchiveError`` while another process holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        problem = f"the folder can not be written ({error.strerror})"
        raise ArchiveError(problem=problem) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ArchiveError(problem="another run writes into this folder") from error
        for partial in folder.glob(".part-*.partial"):
            partial.unlink()
        yield Parts(folder)
