"""Rows of cases and their files: what the store does with them inside one transaction."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from mmcore.store.records import CaseState, Progress, StoredCase
from mmcore.store.sealing import Seal
from mmcore.store.tables import case_files, cases, desk_files, drafts, readings, signatures

_AT_A_TIME = 500  # values in one IN list


def write_case(
    connection: Connection, seal: Seal, case: StoredCase, files: Sequence[tuple[str, str, int]]
) -> set[str]:
    """Write a case anew or again, with the name, digest and size of its files.

    Keeps when it was first written, and what readers recorded, unless it had been removed. Returns
    the digests of files that it referred to before and may refer to no longer.
    """
    before = blobs_of(connection, [case.digest])
    row = _row(connection, case.digest)
    if row is not None and row.state == CaseState.REMOVED:
        delete_cases(connection, [case.digest])
        row = None
    values = {
        "label": seal.seal_json(case.label, where=f"label {case.digest}"),
        "person": seal.seal_json(case.person, where=f"person {case.digest}"),
        "pack_name": case.pack_name,
        "state": str(CaseState.OPEN),
        "opened_at": case.opened_at,
        "changed_at": case.changed_at,
        "removed_at": None,
    }
    if row is None:
        values |= {"digest": case.digest, "created_at": case.created_at}
        connection.execute(insert(cases).values(**values))
    else:
        connection.execute(update(cases).where(cases.c.digest == case.digest).values(**values))
    connection.execute(delete(case_files).where(case_files.c.case_digest == case.digest))
    if files:
        connection.execute(
            insert(case_files),
            [
                {
                    "case_digest": case.digest,
                    "position": position,
                    "name": seal.seal_json(name, where=_where_name(case.digest, position)),
                    "blob_digest": blob,
                    "size_bytes": size,
                }
                for position, (name, blob, size) in enumerate(files)
            ],
        )
    return before - {blob for _, blob, _ in files}


def file_rows(connection: Connection, seal: Seal, digest: str) -> list[tuple[str, str]]:
    """Return name and blob of each file of a case, in the order they came in."""
    found = connection.execute(
        select(case_files.c.position, case_files.c.name, case_files.c.blob_digest)
        .where(case_files.c.case_digest == digest)
        .order_by(case_files.c.position)
    )
    return [
        (seal.open_json(row.name, where=_where_name(digest, row.position)), row.blob_digest)
        for row in found
    ]


def change_case(connection: Connection, digest: str, **values: Any) -> bool:
    """Change columns of a case; return whether there is such a case."""
    done = connection.execute(update(cases).where(cases.c.digest == digest).values(**values))
    return done.rowcount == 1


def bring_back(connection: Connection, digest: str) -> None:
    """Put a removed case back among those in use."""
    removed = (cases.c.digest == digest) & (cases.c.state == str(CaseState.REMOVED))
    values = {"state": str(CaseState.CLOSED), "removed_at": None}
    connection.execute(update(cases).where(removed).values(**values))


def find_case(connection: Connection, start: str) -> str | None:
    """Return the digest of the one case that begins so and was not removed, else None."""
    found = connection.scalars(
        select(cases.c.digest)
        .where(cases.c.digest >= start, cases.c.digest < start + "g")
        .where(cases.c.state != str(CaseState.REMOVED))
        .limit(2)
    ).all()
    return found[0] if len(found) == 1 else None


def read_cases(
    connection: Connection,
    seal: Seal,
    reader: str,
    *,
    states: Collection[CaseState],
    most: int,
    digest: str | None = None,
) -> tuple[StoredCase, ...]:
    """Return cases in some states, or the one of a digest, last opened first."""
    wanted = select(cases).where(cases.c.state.in_([str(state) for state in states]))
    if digest is not None:
        wanted = wanted.where(cases.c.digest == digest)
    rows = connection.execute(
        wanted.order_by(cases.c.opened_at.desc(), cases.c.digest).limit(most)
    ).all()
    progress = _progress(connection, [row.digest for row in rows], reader)
    return tuple(
        StoredCase(
            digest=row.digest,
            label=seal.open_json(row.label, where=f"label {row.digest}"),
            person=seal.open_json(row.person, where=f"person {row.digest}"),
            pack_name=row.pack_name,
            state=CaseState(row.state),
            created_at=row.created_at,
            opened_at=row.opened_at,
            changed_at=row.changed_at,
            removed_at=row.removed_at,
            progress=progress.get(row.digest, {}),
        )
        for row in rows
    )


def digests_before(
    connection: Connection, *, removed: datetime | None = None, changed: datetime | None = None
) -> list[str]:
    """Return the cases removed, or last changed, before a time."""
    wanted = select(cases.c.digest)
    if removed is not None:
        wanted = wanted.where(
            cases.c.state == str(CaseState.REMOVED), cases.c.removed_at <= removed
        )
    if changed is not None:
        wanted = wanted.where(cases.c.changed_at <= changed)
    return list(connection.scalars(wanted))


def delete_cases(connection: Connection, digests: Sequence[str]) -> set[str]:
    """Delete cases with all that hangs on them; return the digests of files they referred to."""
    blobs = blobs_of(connection, digests)
    for some in _portions(digests):
        connection.execute(delete(cases).where(cases.c.digest.in_(some)))
    return blobs


def blobs_of(connection: Connection, digests: Sequence[str]) -> set[str]:
    """Return the digests of the files of cases, and of what readers attached and signed."""
    found: set[str] = set()
    for some in _portions(digests):
        for table in (case_files, desk_files, signatures):
            wanted = select(table.c.blob_digest).where(table.c.case_digest.in_(some))
            found.update(connection.scalars(wanted))
    return found


def unreferred(connection: Connection, blobs: Collection[str]) -> set[str]:
    """Return those of ``blobs`` that no case refers to."""
    left = set(blobs)
    for some in _portions(sorted(blobs)):
        for table in (case_files, desk_files, signatures):
            wanted = select(table.c.blob_digest).where(table.c.blob_digest.in_(some))
            left.difference_update(connection.scalars(wanted))
    return left


def _progress(
    connection: Connection, digests: Sequence[str], reader: str
) -> dict[str, dict[str, Progress]]:
    found: dict[str, dict[str, Progress]] = {}
    joined = drafts.outerjoin(
        readings,
        (readings.c.case_digest == drafts.c.case_digest)
        & (readings.c.pack_name == drafts.c.pack_name)
        & (readings.c.reader == drafts.c.reader),
    ).outerjoin(
        signatures,
        (signatures.c.case_digest == drafts.c.case_digest)
        & (signatures.c.pack_name == drafts.c.pack_name)
        & (signatures.c.reader == drafts.c.reader),
    )
    for some in _portions(digests):
        rows = connection.execute(
            select(
                drafts.c.case_digest, drafts.c.pack_name, drafts.c.begun, drafts.c.asked,
                readings.c.decided, readings.c.revealed_at, signatures.c.signed_at,
            )
            .select_from(joined)
            .where(drafts.c.case_digest.in_(some), drafts.c.reader == reader)
        )  # fmt: skip
        for row in rows:
            found.setdefault(row.case_digest, {})[row.pack_name] = Progress(
                row.begun, row.asked, row.decided or 0, row.revealed_at, row.signed_at
            )
    return found


def _row(connection: Connection, digest: str) -> Row[Any] | None:
    return connection.execute(select(cases.c.state).where(cases.c.digest == digest)).first()


def _where_name(digest: str, position: int) -> str:
    return f"file name {digest} {position}"


def _portions(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _AT_A_TIME):
        yield values[start : start + _AT_A_TIME]
