"""A chain of hashes: worked by hand, and every way of tampering found by name."""

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mmcore.audit import GENESIS, Entry, Fault, Head, linked, verify
from mmcore.audit.chain import canonical, hash_of

AT = datetime(2026, 3, 1, 9, 0, 0, 250, tzinfo=UTC)
KEY = bytes(range(32))


def chain(number: int, key: bytes | None = None) -> list[Entry]:
    made: list[Entry] = []
    for n in range(number):
        entry = Entry(0, AT + timedelta(seconds=n), "a1", "reader", "opened", "c" * 64, "phantom",
                      {"what": f"number {n}"})  # fmt: skip
        before = Head(made[-1].seq, made[-1].hash) if made else None
        made.append(linked(entry, before, key))
    return made


def kinds(faults: list[Fault]) -> list[tuple[str, int]]:
    return [(fault.kind, fault.seq) for fault in faults]


def test_the_hash_is_of_the_canonical_json_as_worked_by_hand() -> None:
    (first,) = chain(1)
    by_hand = (
        '{"actor":"a1","at":"2026-03-01T09:00:00.000250+00:00","case":"' + "c" * 64 + '",'
        '"details":{"what":"number 0"},"format":"consilium.audit/1","kind":"opened",'
        '"method":"sha256","pack":"phantom","previous":"' + "0" * 64 + '","roles":"reader","seq":1}'
    )
    assert canonical(first).decode() == by_hand
    assert first.hash == hashlib.sha256(by_hand.encode()).hexdigest()
    assert (first.seq, first.previous) == (1, GENESIS)
    (keyed,) = chain(1, KEY)
    by_hand = by_hand.replace('"sha256"', '"hmac-sha256"')
    assert keyed.hash == hmac.new(KEY, by_hand.encode(), hashlib.sha256).hexdigest()


def test_the_same_moment_in_another_zone_has_the_same_hash() -> None:
    (first,) = chain(1)
    elsewhere = replace(first, at=AT.astimezone(timezone(timedelta(hours=8))))
    assert hash_of(elsewhere, None) == first.hash


@pytest.mark.parametrize("key", [None, KEY])
def test_a_chain_that_nobody_touched_has_no_fault(key: bytes | None) -> None:
    entries = chain(5, key)
    noted = [Head(entry.seq, entry.hash) for entry in entries]
    assert verify(entries, key=key, noted=noted) == (5, [])
    assert verify([], key=key) == (0, [])


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize(
    "change",
    [
        {"actor": "b2"}, {"roles": "admin"}, {"kind": "closed"}, {"case_digest": "d" * 64},
        {"pack_name": "thorax"}, {"details": {"what": "other"}}, {"at": AT + timedelta(1)},
        {"hash": "f" * 64},
    ],
)  # fmt: skip
def test_any_column_that_is_changed_is_found(change: dict[str, object], key: bytes | None) -> None:
    entries = chain(5, key)
    entries[2] = replace(entries[2], **change)  # type: ignore[arg-type] # column by column
    _, faults = verify(entries, key=key)
    assert ("changed", 3) in kinds(faults)


def test_a_changed_entry_whose_hash_was_made_anew_breaks_the_link_after_it() -> None:
    entries = chain(5)
    forged = replace(entries[2], actor="b2")
    entries[2] = replace(forged, hash=hash_of(forged, None))
    assert kinds(verify(entries)[1]) == [("moved", 4)]


def test_a_removed_entry_leaves_a_gap() -> None:
    entries = chain(5)
    del entries[2]
    assert kinds(verify(entries)[1]) == [("removed", 3)]
    del entries[0]
    assert ("removed", 1) in kinds(verify(entries)[1])


def test_a_removed_entry_is_found_though_the_rest_was_renumbered() -> None:
    entries = chain(5)
    left = [*entries[:2], *(replace(entry, seq=entry.seq - 1) for entry in entries[3:])]
    assert kinds(verify(left)[1])[0] in (("moved", 3), ("changed", 3))


def test_entries_that_changed_places_are_found() -> None:
    entries = chain(5)
    entries[1], entries[2] = replace(entries[2], seq=2), replace(entries[1], seq=3)
    found = kinds(verify(entries)[1])
    assert {seq for _, seq in found} >= {2, 3}
    assert ("moved", 3) in found


def test_a_number_that_is_there_twice_is_found() -> None:
    entries = chain(5)
    entries.insert(3, entries[2])
    assert ("inserted", 3) in kinds(verify(entries)[1])


def test_a_tail_that_is_cut_off_is_found_by_a_noted_head_alone() -> None:
    entries = chain(5)
    noted = Head(5, entries[4].hash)
    assert verify(entries[:3])[1] == [], "the chain itself can not tell"
    assert kinds(verify(entries[:3], noted=[noted])[1]) == [("cut", 4)]
    assert kinds(verify([], noted=[noted])[1]) == [("cut", 1)]


def test_a_chain_made_anew_is_found_by_a_noted_head() -> None:
    noted = Head(3, chain(5)[2].hash)
    other = [replace(entry, actor="b2") for entry in chain(5)]
    anew: list[Entry] = []
    for entry in other:
        anew.append(linked(entry, Head(anew[-1].seq, anew[-1].hash) if anew else None, None))
    assert verify(anew)[1] == [], "without a key anybody can make one"
    assert kinds(verify(anew, noted=[noted])[1]) == [("replaced", 3)]


def test_who_has_not_the_key_can_not_make_the_chain_anew() -> None:
    entries = chain(4, KEY)
    forged = linked(replace(entries[3], actor="b2"), Head(3, entries[2].hash), None)
    assert kinds(verify([*entries[:3], forged], key=KEY)[1]) == [("without key", 4)]
    wrong = linked(replace(entries[3], actor="b2"), Head(3, entries[2].hash), b"x" * 32)
    assert kinds(verify([*entries[:3], wrong], key=KEY)[1]) == [("changed", 4)]
    with pytest.raises(ValueError, match="key is needed"):
        verify(entries)


def test_entries_of_before_the_site_had_a_key_are_held_by_those_after_it() -> None:
    old = chain(3)
    new = linked(replace(old[2], kind="closed"), Head(3, old[2].hash), KEY)
    assert verify([*old, new], key=KEY) == (4, [])
    forged = replace(old[0], actor="b2")
    old[0] = replace(forged, hash=hash_of(forged, None))
    assert kinds(verify([*old, new], key=KEY)[1]) == [("moved", 2)]
