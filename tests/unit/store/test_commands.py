"""The commands of who looks after a site's store."""

import base64
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mmcore.audit.chain import verify
from mmcore.cli import app
from mmcore.store import EventKind, Place, Store
from mmcore.store.place import DATA, DATABASE, KEY, KEY_FILE
from tests.unit.store.conftest import url_of
from tests.unit.store.kept import IMAGE, JANE, NOTE, keep
from tests.unit.store.kept import KEY as SITE_KEY


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set the environment of a site that has kept one case."""
    for name in (DATABASE, KEY, KEY_FILE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(DATA, str(tmp_path / "site"))
    with Store(Place(tmp_path / "site")) as store:
        keep(store)
    return tmp_path / "site"


def test_a_backup_is_made_checked_and_put_back(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "all.zip"
    made = run("backup", file)
    assert made.exit_code == 0, made.output
    assert "cases 1" in made.output
    assert "files: 2" in made.output
    assert run("restore", "--check", file).output == made.output
    monkeypatch.setenv(DATA, str(tmp_path / "new"))
    assert run("restore", file).output == made.output
    with Store(Place(tmp_path / "new")) as store:
        assert store.files(JANE) == (IMAGE, NOTE)


def test_what_is_refused_is_said_in_a_line(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "all.zip"
    run("backup", file)
    again = run("backup", file)
    assert again.exit_code == 1
    assert "there already" in again.output
    onto_itself = run("restore", file)
    assert onto_itself.exit_code == 1
    assert "in use" in onto_itself.output
    assert "Doe" not in again.output + onto_itself.output


def test_the_rows_move_to_another_database(
    site: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    url = url_of("postgresql", request)
    moved = run("move", "--to", url)
    assert moved.exit_code == 0, moved.output
    assert DATABASE in moved.output
    with Store(Place(site, url=url)) as store:
        assert store.files(JANE) == (IMAGE, NOTE)
    monkeypatch.setenv(DATABASE, url)
    onto_itself = run("move", "--to", url)
    assert onto_itself.exit_code == 1
    assert "in use" in onto_itself.output


# --- What the audit says of it


def whole_store(place: Place) -> list[tuple[str, str, dict[str, object]]]:
    """Return what the audit says was done with the whole store; its chain holds."""
    with Store(place) as store:
        entries = list(store.journal.entries())
        _, faults = verify(entries, key=store.journal.key, keyed_from=store.journal.keyed_from)
    assert not faults
    kinds = (EventKind.BACKED_UP, EventKind.PUT_BACK, EventKind.MOVED)
    return [(e.kind, e.actor, dict(e.details)) for e in entries if e.kind in kinds]


def test_a_backup_and_its_way_back_are_in_the_audit_of_each_store(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("backup", tmp_path / "all.zip")
    assert whole_store(Place(site)) == [("backed up", "", {"files": 2})]
    run("backup", tmp_path / "all.zip")
    assert len(whole_store(Place(site))) == 1, "one that was refused is none"
    run("restore", "--check", tmp_path / "all.zip")
    monkeypatch.setenv(DATA, str(tmp_path / "new"))
    run("restore", tmp_path / "all.zip")
    ((kind, actor, details),) = whole_store(Place(tmp_path / "new"))
    assert (kind, actor, details["files"]) == ("put back from a backup", "", 2)
    assert datetime.fromisoformat(str(details["made_at"])).tzinfo is not None


def test_a_move_is_in_the_audit_of_both_databases_and_no_address_with_it(
    site: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'moved.db'}"
    assert run("move", "--to", url).exit_code == 0
    moved = [("moved to another database", "", {"database": "sqlite"})]
    assert whole_store(Place(site)) == whole_store(Place(site, url=url)) == moved


def test_a_chain_with_a_key_is_not_continued_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path / "site", key=SITE_KEY)
    with Store(place) as store:
        keep(store)
    monkeypatch.setenv(DATA, str(tmp_path / "site"))
    monkeypatch.delenv(KEY, raising=False)
    monkeypatch.delenv(KEY_FILE, raising=False)
    without = run("backup", tmp_path / "one.zip")
    assert without.exit_code == 0
    assert "Not in the audit" in without.output
    assert whole_store(place) == []
    monkeypatch.setenv(KEY, base64.b64encode(SITE_KEY).decode())
    run("backup", tmp_path / "two.zip")
    assert whole_store(place) == [("backed up", "", {"files": 2})]
