"""The chain and the site's key: made, changed, taken away, and a chain made anew without it."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from mmcore.audit import Head
from mmcore.audit.chain import KEYED, PLAIN, Entry, linked
from mmcore.audit.checking import checked
from mmcore.errors import AuditError
from mmcore.store import EventKind, Place, Store
from mmcore.store.database import Database
from mmcore.store.journal import journal_at, row_of
from mmcore.store.rotation import rotate
from mmcore.store.sealing import Seal
from mmcore.store.tables import audit
from tests.unit.store.kept import JANE, KEY, sql

NEW = bytes(range(50, 82))


def tell(place: Place, number: int = 2) -> list[Entry]:
    """Do something at a store, and return all that was written of it."""
    with Store(place) as store:
        for _ in range(number):
            store.tell(EventKind.SHOWN, JANE)
        assert checked(store.journal, ())[1] == []
        return list(store.journal.entries())


def faults_at(place: Place, *noted: Head) -> list[str]:
    """Check as the command does, without opening the store."""
    with journal_at(place) as journal:
        return [fault.kind for fault in checked(journal, noted)[1]]


def made_anew(place: Place, altered: Callable[[Entry], Entry], first: int = 1) -> None:
    """Do what somebody with the database and without the key can do: make the chain anew."""
    with journal_at(place) as journal:
        before = list(journal.entries())
    anew = before[: first - 1]
    for entry in before[first - 1 :]:
        head = Head(anew[-1].seq, anew[-1].hash) if anew else None
        anew.append(linked(altered(entry), head, None))
    for statement in ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete",
                      "DELETE FROM audit"):  # fmt: skip
        sql(place, statement)
    database = Database(place)
    try:
        with database.writing() as connection:
            connection.execute(insert(audit), [row_of(entry) for entry in anew])
    finally:
        database.close()


def test_the_chain_goes_on_under_another_key_and_is_whole(place: Place) -> None:
    old, new = replace(place, key=KEY), replace(place, key=NEW)
    before = tell(old)
    rotate(old, NEW, person_of=lambda shown: "")
    after = tell(new)
    assert after[:2] == before, "what was written stays as it was"
    assert {entry.method for entry in after} == {KEYED}
    assert faults_at(new, Head(2, before[1].hash)) == []
    kept = after[2]
    assert (kept.kind, kept.actor, kept.details) == ("site changed", "", {"what": "another key"})


def test_a_store_that_gets_its_first_key_has_it_in_the_chain_from_then_on(place: Place) -> None:
    before = tell(place)
    sealed = replace(place, key=KEY)
    rotate(place, KEY, person_of=lambda shown: "")
    after = tell(sealed)
    assert after[:2] == before
    assert [entry.method for entry in after] == [PLAIN] * 3 + [KEYED] * 2
    assert faults_at(sealed) == []


def test_what_is_altered_after_a_change_of_the_key_is_found(tmp_path: Path) -> None:
    place = Place(tmp_path, key=KEY)
    tell(place)
    rotate(place, NEW, person_of=lambda shown: "")
    place = replace(place, key=NEW)
    tell(place)
    sql(place, "DROP TRIGGER audit_no_update")
    sql(place, "UPDATE audit SET actor = 'eve' WHERE seq = 1")
    assert faults_at(place) == ["changed"]


@pytest.mark.parametrize("first", [1, 3])
def test_a_chain_made_anew_without_the_key_is_found(tmp_path: Path, first: int) -> None:
    place = Place(tmp_path, key=KEY)
    tell(place, 4)
    made_anew(place, lambda entry: replace(entry, actor="eve"), first)
    assert faults_at(place) == ["without key"] * (5 - first)


def test_entries_of_before_the_key_are_no_fault(tmp_path: Path) -> None:
    tell(Place(tmp_path))
    place = Place(tmp_path, key=KEY)
    tell(place)
    assert faults_at(place) == []


def test_a_chain_whose_key_was_removed_is_not_called_whole(tmp_path: Path) -> None:
    place = Place(tmp_path, key=KEY)
    tell(place)
    made_anew(place, lambda entry: replace(entry, actor="eve"))
    sql(place, "DELETE FROM audit_keys")
    with pytest.raises(AuditError, match="its chain has none"):
        faults_at(place)


def test_a_key_kept_by_an_older_version_learns_where_it_begins(tmp_path: Path) -> None:
    tell(Place(tmp_path))
    place = Place(tmp_path, key=KEY)
    tell(place)
    seal, where = Seal(KEY), "audit key 1"
    (row,) = sql(place, "SELECT value FROM audit_keys")
    kept = seal.open_json(row.value, where=where)
    assert kept["from"] == 3
    database = Database(place)
    try:
        with database.engine.begin() as connection:
            older = seal.seal_json(kept["key"], where=where)
            connection.execute(text("UPDATE audit_keys SET value = :value"), {"value": older})
    finally:
        database.close()
    assert faults_at(place) == [], "read as it is"
    tell(place)
    (row,) = sql(place, "SELECT value FROM audit_keys")
    assert seal.open_json(row.value, where=where) == kept
    assert base64.b64decode(kept["key"]) not in json.dumps(row.value).encode()
    made_anew(place, lambda entry: entry)
    assert faults_at(place) == ["without key"] * 4
