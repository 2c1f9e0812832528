"""Entries of the audit, each with the hash of the one before it.

The hash of an entry is over its canonical JSON: members sorted, no spaces, ASCII, times in UTC with
microseconds. With a key it is an HMAC (RFC 2104): whoever has the database but not the key can not
make a chain anew. A chain says nothing of entries cut off at its end; a head that was noted
elsewhere does.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64
"""What the first entry has in the place of the hash before it."""

PLAIN, KEYED = "sha256", "hmac-sha256"
_FORMAT = "consilium.audit/1"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. seq: 1, 2, 3, ... without gaps.

    actor: an account's id, "local" where nobody signs in, "" for the program itself or somebody
    unknown. roles: of the actor at the time. kind: a value of ``EventKind``. case_digest and
    pack_name: "" where there is none. details: JSON values, never of a patient. method: how the
    hash is made.
    """

    seq: int
    at: datetime
    actor: str
    roles: str
    kind: str
    case_digest: str = ""
    pack_name: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    method: str = PLAIN
    previous: str = GENESIS
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """Number and hash of one entry, noted where whoever alters the database can not reach it."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the chain at one place.

    kind: "changed" (the entry is not what its hash is of), "removed" (entries before it are
    missing), "moved" (it stood elsewhere), "inserted" (two entries with one number), "cut" (the end
    is missing that a noted head names), "replaced" (a noted head names another entry of this
    number), "without key" (made without the site's key where the chain had one).
    """

    kind: str
    seq: int


def linked(entry: Entry, previous: Head | None, key: bytes | None) -> Entry:
    """Return an entry as the next one of a chain. key: of the chain, if it has one."""
    placed = replace(
        entry,
        seq=1 if previous is None else previous.seq + 1,
        previous=GENESIS if previous is None else previous.hash,
        method=PLAIN if key is None else KEYED,
    )
    return replace(placed, hash=hash_of(placed, key))


def hash_of(entry: Entry, key: bytes | None) -> str:
    """Return the hash of an entry as it stands, whatever hash it has. Raises ``ValueError``."""
    data = canonical(entry)
    if entry.method == PLAIN:
        return hashlib.sha256(data).hexdigest()
    if entry.method != KEYED:
        raise ValueError("no such way to make a hash")
    if key is None:
        raise ValueError("its key is needed")
    return hmac.new(key, data, hashlib.sha256).hexdigest()


def _is_whole(entry: Entry, key: bytes | None) -> bool:
    """Return whether an entry is what its hash is of."""
    if entry.method == KEYED and key is None:
        raise ValueError("its key is needed")
    try:
        return hmac.compare_digest(hash_of(entry, key).encode(), entry.hash.encode())
    except ValueError:  # a method or a number that no entry has
        return False


def canonical(entry: Entry) -> bytes:
    """Return the bytes that the hash of an entry is of: everything but the hash itself."""
    said = {
        "format": _FORMAT,
        "seq": entry.seq,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "roles": entry.roles,
        "kind": entry.kind,
        "case": entry.case_digest,
        "pack": entry.pack_name,
        "details": entry.details,
        "method": entry.method,
        "previous": entry.previous,
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def verify(
    entries: Iterable[Entry],
    *,
    key: bytes | None = None,
    keyed_from: int | None = None,
    noted: Iterable[Head] = (),
) -> tuple[int, list[Fault]]:
    """Return how many entries there are and what is wrong with them, in the order of their numbers.

    entries: sorted by their numbers. key: of the chain, if it has one. keyed_from: the number from
    which on every entry is made with it, so that nobody makes the chain anew without one. noted:
    heads that were noted elsewhere. Raises ``ValueError`` where the key is needed and not given.
    """
    heads: dict[int, set[str]] = {}
    for head in noted:
        heads.setdefault(head.seq, set()).add(head.hash)
    faults: list[Fault] = []
    before: Head | None = None
    numbers: dict[str, int] = {GENESIS: 0}
    count, is_keyed = 0, False
    for entry in entries:
        count += 1
        expected = 1 if before is None else before.seq + 1
        wanted = GENESIS if before is None else before.hash
        if entry.seq < expected:
            faults.append(Fault("inserted", entry.seq))
        elif entry.seq > expected:
            faults.append(Fault("removed", expected))
        if not _is_whole(entry, key):
            place = numbers.get(entry.previous)
            is_moved = place is not None and _is_whole(replace(entry, seq=place + 1), key)
            faults.append(Fault("moved" if is_moved else "changed", entry.seq))
        elif entry.seq == expected and entry.previous != wanted:
            faults.append(Fault("moved", entry.seq))
        if entry.method == KEYED:
            is_keyed = True
        elif is_keyed or (keyed_from is not None and entry.seq >= keyed_from):
            faults.append(Fault("without key", entry.seq))
        if entry.seq in heads and heads[entry.seq] != {entry.hash}:
            faults.append(Fault("replaced", entry.seq))
        numbers[entry.hash] = entry.seq
        before = Head(entry.seq, entry.hash)
    last = 0 if before is None else before.seq
    missing = [seq for seq in sorted(heads) if seq > last]
    if missing:
        faults.append(Fault("cut", last + 1))
    return count, faults
