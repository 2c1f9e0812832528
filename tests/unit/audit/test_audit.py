"""The audit of a store: who did what in which role, from several processes; its commands."""

import json
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmcore.audit import anchors, verify
from mmcore.audit.figures import Share, figures
from mmcore.cli import app
from mmcore.errors import AuditError
from mmcore.people import People, Policy
from mmcore.records import GateVerdict
from mmcore.store import EventKind, KeptFile, Place, Store
from mmcore.store.backup import back_up, restore
from mmcore.store.place import DATA
from tests.unit.store.kept import JANE, Clock

PASSWORD = "tram over the lake"
WRITER = """
import sys
from pathlib import Path
from mmcore.store import EventKind, Place, Store

with Store(Place(Path(sys.argv[1]), url=sys.argv[2])) as store:
    for number in range(int(sys.argv[3])):
        store.tell(EventKind.OPENED, "c3" * 32, reader=sys.argv[4], detail=str(number))
"""


def admin(store: Store, clock: Clock) -> str:
    people = People(store.people, Policy(), clock=clock)
    made = people.first_admin(
        people.new_setup_code(), name="ada", display="Dr Ada", password=PASSWORD
    )
    return made.account.id


def test_who_did_what_is_written_with_their_roles_at_the_time(store: Store, clock: Clock) -> None:
    ada = admin(store, clock)
    store.keep_case(JANE, [KeptFile("Doe Jane.dcm", b"1")], label="x", person="Doe, Jane", by=ada)
    store.remove(JANE, by=ada)
    store.tell(EventKind.SHOWN, JANE)
    entries = list(store.journal.entries())
    assert [entry.kind for entry in entries] == [
        "people changed", "people changed", "signed in", "kept", "removed", "shown"
    ]  # fmt: skip
    assert {entry.actor for entry in entries[1:5]} == {ada}
    assert entries[3].roles == "reader reviewer admin"
    assert entries[5].actor == "local"
    assert "Doe" not in json.dumps([[e.details, e.case_digest] for e in entries])
    assert verify(entries) == (6, [])
    assert store.journal.head() == store.journal.head()


def test_a_failed_attempt_to_sign_in_names_the_account_and_not_what_was_typed(
    store: Store, clock: Clock
) -> None:
    ada = admin(store, clock)
    people = People(store.people, Policy(), clock=clock)
    for name in ("ada", "somebody's password typed here"):
        with pytest.raises(Exception, match="wrong"):
            people.sign_in(name, "wrong wrong wrong")
    known, unknown = list(store.journal.entries())[-2:]
    assert (known.kind, known.actor) == ("sign-in refused", ada)
    assert unknown.actor == ""
    assert "typed here" not in json.dumps(dict(unknown.details))


def test_processes_that_write_at_once_make_one_chain(place: Place) -> None:
    with Store(place) as store:
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, place.folder, place.url, "25", name])
            for name in ("one", "two", "three")
        ]
        for writer in writers:
            assert writer.wait(timeout=240) == 0
        entries = list(store.journal.entries())
        assert [entry.seq for entry in entries] == list(range(1, 76))
        assert verify(entries)[1] == []
        for name in ("one", "two", "three"):
            said = [e.details["what"] for e in entries if e.actor == name]
            assert said == [str(number) for number in range(25)]


def test_with_a_key_the_chain_is_held_by_one_that_only_the_site_has(tmp_path: Path) -> None:
    key = bytes(range(32))
    with Store(Place(tmp_path)) as store:
        store.tell(EventKind.SHOWN, JANE)
    for _ in range(2):
        with Store(Place(tmp_path, key=key)) as store:
            store.tell(EventKind.SHOWN, JANE)
            entries = list(store.journal.entries())
            assert verify(entries, key=store.journal.key)[1] == []
    assert [entry.method for entry in entries] == ["sha256", "hmac-sha256", "hmac-sha256"]
    held = store.journal.key
    assert held is not None
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert held not in kept


# --- The commands


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(DATA, str(tmp_path))
    with Store(Place(tmp_path)) as store:
        for number in range(6):
            store.tell(EventKind.OPENED, JANE, detail=f"number {number}")
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["audit", *arguments])
    return done.exit_code, done.output


def tamper(folder: Path, *statements: str) -> None:
    """Do what somebody with the file does: first the guards go."""
    rows = sqlite3.connect(folder / "consilium.db")
    for statement in ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete", *statements):
        rows.execute(statement)
    rows.commit()
    rows.close()


def test_an_untouched_audit_is_said_to_be_so(folder: Path) -> None:
    code, words = run("head", "--note")
    assert code == 0
    assert words.startswith("6:")
    code, words = run("verify")
    assert (code, words.strip()) == (0, "6 entries, nothing changed; compared with 1 noted heads")


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["UPDATE audit SET details = '{}' WHERE seq = 3"], "entry 3 was changed"),
        (["UPDATE audit SET actor = 'eve' WHERE seq = 1"], "entry 1 was changed"),
        (["DELETE FROM audit WHERE seq = 4"], "number 4 on are missing"),
        (["UPDATE audit SET seq = 99 WHERE seq = 2", "UPDATE audit SET seq = 2 WHERE seq = 3",
          "UPDATE audit SET seq = 3 WHERE seq = 99"], "entry 3 stood elsewhere"),
        (["UPDATE audit SET method = 'other' WHERE seq = 2"], "entry 2 was changed"),
        (["UPDATE audit SET details = 'no JSON' WHERE seq = 3"], "entry 3 was changed"),
        (["UPDATE audit SET details = '[1]' WHERE seq = 3"], "entry 3 was changed"),
        (["UPDATE audit SET details = '{\"a\": NaN}' WHERE seq = 3"], "entry 3 was changed"),
        (["UPDATE audit SET hash = x'00ff' WHERE seq = 3"], "entry 3 was changed"),
        (["DELETE FROM audit WHERE seq > 4"], "the end of the chain is missing from number 5 on"),
        (["DELETE FROM audit"], "the end of the chain is missing from number 1 on"),
    ],
)  # fmt: skip
def test_what_was_done_to_the_database_is_found(
    folder: Path, statements: list[str], words: str
) -> None:
    run("head", "--note")
    tamper(folder, *statements)
    code, told = run("verify")
    assert code == 1
    assert words in told
    assert "tampered with" in told


@pytest.mark.parametrize("change", ["at = 'yesterday'", "seq = 'four'"])
def test_a_column_that_no_entry_could_have_is_told_in_words(folder: Path, change: str) -> None:
    tamper(folder, f"UPDATE audit SET {change} WHERE seq = 3")
    code, told = run("verify")
    assert code == 1
    assert "can not be read: it was altered" in told
    with Store(Place(folder)) as store, pytest.raises(AuditError):
        store.journal.last(6)


def test_a_head_on_paper_finds_a_tail_cut_off_with_its_note(folder: Path) -> None:
    _, head = run("head", "--note")
    tamper(folder, "DELETE FROM audit WHERE seq = 6")
    anchors.file_of(folder).unlink()
    assert run("verify")[0] == 0
    assert run("verify", "--head", head.strip())[0] == 1
    assert run("verify", "--head", "six")[0] == 2


def test_a_tail_cut_off_is_found_in_a_store_that_was_put_back_from_a_backup(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("head", "--note")
    assert back_up(Place(folder), tmp_path / "all.zip").heads == 1
    again = tmp_path / "again"
    assert restore(Place(again), tmp_path / "all.zip").heads == 1
    monkeypatch.setenv(DATA, str(again))
    assert run("verify") == (0, "6 entries, nothing changed; compared with 1 noted heads\n")
    tamper(again, "DELETE FROM audit WHERE seq = 6")
    code, words = run("verify")
    assert code == 1
    assert "the end of the chain is missing from number 6 on" in words


def test_heads_that_the_site_keeps_elsewhere_are_not_written_over_by_a_backup(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(Place(folder), tmp_path / "all.zip")
    outside = tmp_path / "elsewhere.anchors"
    monkeypatch.setenv(anchors.ANCHORS, str(outside))
    run("head", "--note")
    before = outside.read_bytes()
    back_up(Place(folder), tmp_path / "with.zip")
    restore(Place(tmp_path / "again"), tmp_path / "with.zip")
    assert outside.read_bytes() == before
    outside.unlink()
    restore(Place(tmp_path / "third"), tmp_path / "with.zip")
    assert outside.read_bytes() == before
    outside.unlink()
    restore(Place(tmp_path / "without"), tmp_path / "all.zip")
    assert not outside.exists()


def test_heads_are_noted_outside_where_the_site_says(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "elsewhere.anchors"
    monkeypatch.setenv(anchors.ANCHORS, str(outside))
    run("head", "--note")
    assert outside.stat().st_mode & 0o777 == 0o600
    (noted,) = anchors.noted(outside)
    assert noted.head.seq == 6
    outside.write_text("no line of ours\n")
    code, words = run("verify")
    assert code == 1
    assert "line 1" in words


def test_verifying_touches_nothing(folder: Path) -> None:
    before = (folder / "consilium.db").read_bytes()
    run("verify")
    assert (folder / "consilium.db").read_bytes() == before


def test_the_export_is_fhir_and_names_nobody(folder: Path, tmp_path: Path) -> None:
    with Store(Place(folder)) as store:
        for kind in EventKind:
            store.tell(kind, JANE, pack_name="phantom", detail="x", gate={"nodule": "scored"})
    code, words = run("export", str(tmp_path / "out"), "--site", "Ward 3")
    assert code == 0, words
    (file,) = (tmp_path / "out").glob("*.json")
    from fhir.resources.R4B.auditevent import AuditEvent

    events = [entry["resource"] for entry in json.loads(file.read_text())["entry"]]
    assert len(events) == 6 + len(EventKind)
    for event in events:
        AuditEvent.model_validate(event)
    signed_in = next(e for e in events if e["subtype"][-1]["display"] == "signed in")
    assert signed_in["type"]["code"] == "110114"
    assert signed_in["subtype"][0]["code"] == "110122"
    refused = next(e for e in events if e["subtype"][-1]["display"] == "sign-in refused")
    assert (refused["outcome"], signed_in["outcome"]) == ("8", "0")
    assert events[0]["entity"][1]["what"]["identifier"]["value"] == JANE
    assert run("export", str(tmp_path / "later"), "--since", str(5 + len(EventKind)))[0] == 0
    (file,) = (tmp_path / "later").glob("*.json")
    assert len(json.loads(file.read_text())["entry"]) == 1


# --- Figures


def test_figures_are_counted_from_the_audit(store: Store, clock: Clock) -> None:
    other = "b2" * 32
    for digest, minutes in ((JANE, 4), (other, 10)):
        store.keep_case(digest, [KeptFile("a", digest.encode())], label="x")
        clock.wait(minutes=minutes)
        store.tell(EventKind.REVEALED, digest, pack_name="phantom")
        gate = {"nodule": str(GateVerdict.CAUTION), "effusion": str(GateVerdict.WITHHELD)}
        for _ in range(2):  # seen in two windows
            store.tell(EventKind.ANSWER_SEEN, digest, pack_name="phantom", gate=gate)

    def decide(digest: str, target: str, response: str, *, read_first: bool = True) -> None:
        store.tell(EventKind.DECIDED, digest, pack_name="phantom", detail=target,
                   response=response, read_first=read_first)  # fmt: skip

    decide(JANE, "nodule", "agree")
    decide(JANE, "nodule", "change")  # followed: the last one counts
    decide(JANE, "effusion", "reject")
    decide(other, "nodule", "agree")
    decide(other, "oedema", "reject", read_first=False)
    clock.wait(minutes=1)
    store.tell(EventKind.SIGNED, JANE, pack_name="phantom")
    found = figures(store.journal.entries())
    assert (found.cases, found.answered) == (2, 2)
    assert found.to_answer.number == 2
    assert found.to_answer.middle == timedelta(minutes=7)
    assert found.to_signature.middle == timedelta(minutes=15)
    assert found.switched == Share(1, 3)
    assert found.overridden == Share(2, 4)
    assert found.overridden.rate == 0.5
    assert found.gates == {"scored with caution": 2, "withheld": 2}
    assert found.by_kind["decided"] == 5
    assert figures([]).switched.rate is None
