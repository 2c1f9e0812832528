"""The commands of who looks after a site's store."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mmcore.cli import app
from mmcore.store import Place, Store
from mmcore.store.place import DATA, DATABASE, KEY, KEY_FILE
from tests.unit.store.conftest import url_of
from tests.unit.store.kept import IMAGE, JANE, NOTE, keep


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
