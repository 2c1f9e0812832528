"""Every schema that was ever released is brought up to date with its data whole."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from mmcore.errors import UnknownCaseError
from mmcore.store import EventKind, Place, Progress, Store, StoredDesk
from mmcore.store.database import Database
from mmcore.store.portable import lines_of, tables_in, write_lines
from mmcore.store.schema import HEAD, MIGRATIONS, upgrade
from mmcore.store.tables import metadata
from mmcore.store.work_records import WorkQuery, WorkView
from tests.unit.store.kept import JANE, JOHN

AT, LATER = "2026-03-01T09:00:00.123456+00:00", "2026-03-02T09:00:00+00:00"
WHOSE = {"case_digest": JANE, "pack_name": "phantom", "reader": "local"}
Row = Mapping[str, Any]
ROWS: dict[str, dict[str, list[Row]]] = {
    "0001": {
        "cases": [
            {"digest": JANE, "label": '"2 files"', "person": '"Doe, Jane"', "pack_name": "phantom",
             "state": "closed", "created_at": AT, "opened_at": LATER, "changed_at": LATER,
             "removed_at": None},
            {"digest": JOHN, "label": '"1 file"', "person": '""', "pack_name": None,
             "state": "removed", "created_at": AT, "opened_at": AT, "changed_at": AT,
             "removed_at": LATER},
        ],
        "case_files": [{"case_digest": JANE, "position": 0, "name": '"image.dcm"',
                        "blob_digest": "ab" * 32, "size_bytes": 5_000_000_000}],
        "readings": [WHOSE | {"document": '{"mode":"read-first"}', "version": 3, "changed_at": AT,
                              "revealed_at": LATER, "decided": 2}],
        "drafts": [WHOSE | {"document": '{"viewer":{"zoom":1.5}}', "version": 9, "changed_at": AT,
                            "begun": 1, "asked": 6}],
        "desk_files": [WHOSE | {"blob_digest": "cd" * 32}],
        "preferences": [{"reader": "local", "name": "language", "value": '"zh-Hans"'}],
        "events": [
            {"id": 7, "at": AT, "kind": "kept", "case_digest": JANE, "pack_name": "phantom",
             "reader": "local", "detail": ""},
            {"id": 9, "at": LATER, "kind": "revealed", "case_digest": JANE, "pack_name": "phantom",
             "reader": "local", "detail": "ü"},
        ],
        "facts": [{"name": "some fact", "value": "1"}],
    },
    "0002": {
        "accounts": [{"id": "a1", "name": "jane", "display": "Dr Jane", "source": "local",
                      "subject": None, "roles": "reader", "password": "x", "must_change": True,
                      "created_at": AT, "disabled_at": None}],
        "attempts": [{"digest": "ef" * 32, "failed": 2, "last_at": AT}],
    },
    "0003": {
        "signatures": [WHOSE | {"document": "{}", "blob_digest": "aa" * 32, "signed_at": AT}],
        "addenda": [WHOSE | {"number": 1, "document": "{}", "added_at": LATER}],
    },
    "0004": {
        "worklist": [{"case_digest": JANE, "identity": '{"name":"Doe^Jane"}', "person_token": None,
                      "study_at": None, "dicom_modality": "DX", "body_part": "CHEST",
                      "is_urgent": True, "assigned_to": "a1"}],
        "search_tokens": [{"token": -(2**63), "case_digest": JANE}],
        "scorings": [{"case_digest": JANE, "pack_digest": "e1" * 32, "pack_name": "phantom",
                      "state": "done", "queued_at": AT, "attempt": 1, "worker": None,
                      "seen_at": AT, "attention": 0, "likelihood": 0.1 + 0.2,
                      "summary": None}],
        "watched": [{"content_digest": "bb" * 32, "case_digest": JANE, "at": AT}],
    },
    "0005": {
        "audit": [
            {"seq": 1, "at": AT, "actor": "local", "roles": "reader", "kind": "kept",
             "case_digest": JANE, "pack_name": "phantom", "details": "{}", "method": "sha256",
             "previous": "0" * 64, "hash": "c1" * 32},
            {"seq": 2, "at": LATER, "actor": "local", "roles": "reader", "kind": "revealed",
             "case_digest": JANE, "pack_name": "phantom", "details": '{"what": "x"}',
             "method": "sha256", "previous": "c1" * 32, "hash": "c2" * 32},
        ],
        "audit_keys": [],
    },
    "0006": {
        "cosignatures": [{"case_digest": JANE, "pack_name": "phantom", "reader": "local",
                          "number": 0, "document": '{"name":"Dr. Bo Lin"}', "addenda": 1,
                          "cosigned_at": LATER}],
    },
}  # fmt: skip
"""By the revision that brought their table: rows as a server of that version wrote them.

Whoever adds a revision adds rows of its tables, or an empty mapping.
"""

ROWS["0006"]["accounts"] = [row | {"is_supervised": True} for row in ROWS["0002"]["accounts"]]
ROWS["0006"]["signatures"] = [
    row | {"asks_cosignature": True} for row in ROWS["0003"]["signatures"]
]


GONE = {"0005": ("events",)}
"""Tables that a revision moved into others."""


def revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    found = ScriptDirectory.from_config(config).walk_revisions()
    return [script.revision for script in reversed(list(found))]


def rows_before(revision: str) -> dict[str, list[Row]]:
    """Return the rows of a database of a revision, by table."""
    known = revisions()[: revisions().index(revision) + 1]
    gone = {table for name in known for table in GONE.get(name, ())}
    rows = {table: rows for name in known for table, rows in ROWS[name].items()}
    return {table: found for table, found in rows.items() if table not in gone}


def test_there_are_rows_for_every_released_schema() -> None:
    assert sorted(ROWS) == revisions()
    assert revisions()[-1] == HEAD


@pytest.mark.parametrize("revision", revisions())
def test_a_store_of_an_older_version_is_upgraded_with_every_row(
    place: Place, revision: str
) -> None:
    before = rows_before(revision)
    database = Database(place)
    with database.starting(), database.writing(alone=True) as connection:
        upgrade(connection, revision)
        tables = tables_in(connection)
        assert {table.name for table in tables} >= set(before)
        for table in tables:  # in an order that their references allow
            lines = (json.dumps(row) for row in before.get(table.name, []))
            write_lines(connection, table, lines)
        found = {t.name: [json.loads(line) for line in lines_of(connection, t)] for t in tables}
        for name, rows in before.items():
            assert found[name] == rows, "the test writes what it means to"
    database.close()

    Store(place).close()
    database = Database(place)
    with database.reading() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD
        for table in tables_in(connection):
            after = [json.loads(line) for line in lines_of(connection, table)]
            for row in before.get(table.name, []):
                assert any(row.items() <= other.items() for other in after), (table.name, row)
    database.close()
    with Store(place) as store:
        check(store)


def check(store: Store) -> None:
    """Use a store that was upgraded: what was there is read, and work goes on."""
    case = store.case(JANE)
    assert case is not None
    assert case.person == "Doe, Jane"
    assert case.created_at.isoformat() == AT
    assert store.desk(JANE, "phantom").reading == {"mode": "read-first"}
    assert store.preference("local", "language") == "zh-Hans"
    assert [event.kind for event in store.events(JANE)] == [EventKind.KEPT, EventKind.REVEALED]
    assert [row.digest for row in store.work.page(WorkQuery(), WorkView()).rows] == [JANE]
    store.tell(EventKind.OPENED, JANE)
    assert store.events(JANE)[-1].kind is EventKind.OPENED
    store.restore(JOHN)
    store.save_desk(JOHN, "phantom", StoredDesk(None, {"x": 1}), progress=Progress(begun=1))
    with pytest.raises(UnknownCaseError):
        store.save_desk("ff" * 32, "phantom", StoredDesk(None, {}), progress=Progress())
