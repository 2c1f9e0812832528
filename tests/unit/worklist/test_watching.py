"""A watched folder: each content becomes one case, its sources stay, and a kill costs nothing."""

import json
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmcore.cli import app
from mmcore.errors import WatchError
from mmcore.intake import RawFile, SortedFiles
from mmcore.store import Place, Store
from mmcore.store.place import DATA, KEEP_DAYS
from mmcore.worklist import watching
from mmcore.worklist.watching import DONE, NOTE, REFUSED, Became, Entry, Watcher

ROOT = Path(__file__).resolve().parents[3]


class Hands:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Place(tmp_path / "data")) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


@pytest.fixture
def time_() -> Hands:
    return Hands()


@pytest.fixture
def watcher(folder: Path, store: Store, time_: Hands) -> Watcher:
    return Watcher(folder, store, settle=10.0, clock=time_)


def note(number: int) -> str:
    return f"HISTORY\nPatient {number} has had a cough for {number} days.\n"


def bring(folder: Path, name: str, number: int = 1) -> Path:
    """Put one patient's folder there: a note."""
    (folder / name).mkdir()
    (folder / name / "note.txt").write_text(note(number))
    return folder / name


def settled(watcher: Watcher, time_: Hands) -> list[Entry]:
    """Look now and again after everything has had time to stop growing."""
    first = list(watcher.look())
    time_.now += 11
    return first + list(watcher.look())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_folder_a_zip_and_a_file_become_a_case_each(
    watcher: Watcher, folder: Path, store: Store, time_: Hands
) -> None:
    bring(folder, "jane", 1)
    with zipfile.ZipFile(folder / "john.zip", "w") as archive:
        archive.writestr("note.txt", note(2))
    (folder / "note.txt").write_text(note(3))
    before = contents(folder)
    entries = settled(watcher, time_)
    assert [entry.became for entry in entries] == [Became.KEPT] * 3
    assert {case.digest for case in store.cases()} == {entry.case_digest for entry in entries}
    for case in store.cases():
        assert store.files(case.digest), "with its files, to be opened"
    assert contents(folder) == before, "sources are not touched"
    assert settled(watcher, time_) == [], "and not looked into again"


def test_what_still_grows_is_waited_for(
    watcher: Watcher, folder: Path, store: Store, time_: Hands
) -> None:
    path = bring(folder, "jane")
    for number in range(4):
        assert list(watcher.look()) == []
        time_.now += 8
        (path / f"later-{number}.txt").write_text(note(number + 5))
    assert store.cases() == ()
    (path / "image.dcm.part").write_bytes(b"half")
    assert settled(watcher, time_) == [], "a file on its way says so by its name"
    (path / "image.dcm.part").unlink()
    (entry,) = settled(watcher, time_)
    assert (entry.became, entry.files) == (Became.KEPT, 5)


def test_the_same_content_is_read_once_whatever_it_is_called(
    watcher: Watcher, folder: Path, store: Store, time_: Hands
) -> None:
    bring(folder, "jane")
    (first,) = settled(watcher, time_)
    bring(folder, "jane again")
    (again,) = settled(watcher, time_)
    assert (again.became, again.case_digest) == (Became.KNOWN, first.case_digest)
    store.delete(first.case_digest)
    restarted = Watcher(folder, store, settle=10.0, clock=time_)
    assert {entry.became for entry in settled(restarted, time_)} == {Became.KNOWN}
    assert store.cases() == (), "what was deleted is not brought back by a restart"


def test_a_case_that_is_worked_on_is_not_kept_anew(
    watcher: Watcher, folder: Path, store: Store, time_: Hands
) -> None:
    bring(folder, "jane")
    (first,) = settled(watcher, time_)
    events = store.events(first.case_digest)
    (folder / "jane" / "readme.pdf").write_bytes(b"")
    (again,) = settled(watcher, time_)
    assert (again.became, again.case_digest) == (Became.KNOWN, first.case_digest)
    assert store.events(first.case_digest) == events


def test_what_is_refused_says_why_beside_it(
    watcher: Watcher, folder: Path, store: Store, time_: Hands
) -> None:
    (folder / "empty.dcm").write_bytes(b"")
    path = bring(folder, "jane")
    (path / "image.dcm").write_bytes(bytes(range(256)))
    by_name = {entry.became: entry for entry in settled(watcher, time_)}
    assert set(by_name) == {Became.REFUSED, Became.KEPT}
    assert by_name[Became.KEPT].refused == 1
    whole = json.loads((folder / f"empty.dcm{NOTE}").read_text())
    assert whole["case"] is None
    assert (whole["files"][0]["code"], whole["files"][0]["verdict"]) == ("EMPTY_FILE", "refused")
    part = json.loads((folder / f"jane{NOTE}").read_text())
    assert part["case"] == by_name[Became.KEPT].case_digest
    assert {file["name"]: file["code"] for file in part["files"]} == {
        "jane/image.dcm": "NOT_DICOM", "jane/note.txt": None,
    }  # fmt: skip
    assert settled(watcher, time_) == [], "a note is no entry"


def test_entries_are_moved_aside_where_that_is_asked_for(
    folder: Path, store: Store, time_: Hands
) -> None:
    watcher = Watcher(folder, store, settle=10.0, moves=True, clock=time_)
    bring(folder, "jane", 1)
    (folder / "empty.dcm").write_bytes(b"")
    settled(watcher, time_)
    bring(folder, "jane", 2)
    settled(watcher, time_)
    assert sorted(path.name for path in folder.iterdir()) == [DONE, REFUSED]
    assert (folder / REFUSED / f"empty.dcm{NOTE}").exists()
    moved = sorted((folder / DONE).iterdir(), key=lambda path: len(path.name))
    assert [path.name.endswith("jane") for path in moved] == [True, True], "none over another"
    texts = {(path / "note.txt").read_text() for path in moved}
    assert texts == {note(1), note(2)}


def test_links_and_hidden_entries_are_not_followed(
    watcher: Watcher, folder: Path, store: Store, time_: Hands, tmp_path: Path
) -> None:
    secret = bring(tmp_path, "elsewhere")
    (folder / "link").symlink_to(secret)
    bring(folder, ".hidden")
    path = bring(folder, "jane")
    (path / "link.txt").symlink_to(secret / "note.txt")
    (entry,) = settled(watcher, time_)
    assert entry.files == 1


def test_too_much_at_once_is_refused_unread(
    watcher: Watcher, folder: Path, time_: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmcore.worklist.watching.MOST_BYTES", 10)
    bring(folder, "jane")
    (entry,) = settled(watcher, time_)
    assert entry.became is Became.REFUSED
    assert "larger than" in json.loads((folder / f"jane{NOTE}").read_text())["reason"]


def test_a_folder_that_is_gone_is_said(watcher: Watcher, folder: Path) -> None:
    folder.rmdir()
    with pytest.raises(WatchError, match="FileNotFound"):
        list(watcher.look())


def test_the_command_takes_in_what_is_there(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA, str(tmp_path / "site"))
    bring(folder, "Doe Jane")
    done = CliRunner().invoke(app, ["watch", str(folder), "--once", "--every", "0.1"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("kept case ")
    assert "Doe" not in done.output, "names of files may name a patient"
    with Store(Place(tmp_path / "site")) as store:
        assert len(store.cases()) == 1
    monkeypatch.setenv(KEEP_DAYS, "0")
    refused = CliRunner().invoke(app, ["watch", str(folder), "--once"])
    assert refused.exit_code == 1
    assert KEEP_DAYS in refused.output


@pytest.mark.slow
@pytest.mark.parametrize("moves", [False, True])
def test_killed_at_any_moment_every_case_is_kept_once_and_no_source_lost(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: bool
) -> None:
    monkeypatch.setenv(DATA, str(tmp_path / "data"))
    total, rng = 12, random.Random(3)
    for number in range(total):
        bring(folder, f"patient-{number}", number)
    command = [sys.executable, "-m", "mmcore", "watch", str(folder), "--settle", "0",
               "--every", "0.1", *(["--move"] if moves else [])]  # fmt: skip
    with Store(Place(tmp_path / "data")) as store:
        for _ in range(200):
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.uniform(0.0, 0.15))
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
            if len(store.cases(most=100)) == total:
                break
        cases = store.cases(most=100)
        assert len(cases) == total
        for case in cases:
            assert [event.kind for event in store.events(case.digest)] == ["kept"]
            assert store.files(case.digest)
    kept = {path.read_text() for path in folder.rglob("note.txt")}
    assert kept == {note(number) for number in range(total)}


def test_an_entry_of_several_patients_is_a_case_for_each_and_nobody_s_file_is_in_none(
    watcher: Watcher, folder: Path, time_: Hands, store: Store
) -> None:
    (folder / "night").mkdir()
    for name, text in {
        "jane.csv": "mrn,name,value,unit\n11,K,4.1,mmol/L\n",
        "john.csv": "mrn,name,value,unit\n22,K,5.2,mmol/L\n",
        "stray.txt": note(3),
    }.items():
        (folder / "night" / name).write_text(text)
    one, other = settled(watcher, time_)
    assert (one.became, one.files, one.refused) == (Became.KEPT, 2, 1)
    assert (other.became, other.files, other.refused) == (Became.KEPT, 1, 0)
    names = {case.person: [f.name for f in store.files(case.digest)] for case in store.cases()}
    assert names == {"11": ["night/jane.csv"], "22": ["night/john.csv"]}
    told = json.loads((folder / f"night{NOTE}").read_text("utf-8"))
    assert told["cases"] == [one.case_digest, other.case_digest]
    assert {file["name"]: (file["code"], file.get("case")) for file in told["files"]} == {
        "night/jane.csv": (None, one.case_digest),
        "night/john.csv": (None, other.case_digest),
        "night/stray.txt": ("PATIENT_MISMATCH", None),
    }
    assert settled(watcher, time_) == []


def test_an_entry_that_nobody_foresaw_holds_up_no_other_and_is_not_read_again_and_again(
    watcher: Watcher, folder: Path, time_: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(folder, "a poison", 1)
    bring(folder, "b sound", 2)
    read: list[str] = []
    real = watching.cases_from_files

    def meet(files: list[RawFile]) -> SortedFiles:
        read.append(files[0].name)
        if files[0].name.startswith("a"):
            raise RuntimeError("of the patient Rivera")
        return real(files)

    monkeypatch.setattr(watching, "cases_from_files", meet)
    assert [entry.became for entry in settled(watcher, time_)] == [Became.KEPT]
    for _ in range(3):
        assert settled(watcher, time_) == []
    assert read == ["a poison/note.txt", "b sound/note.txt"]


def test_a_note_that_can_not_be_written_is_told_once_and_holds_up_no_other(
    watcher: Watcher, folder: Path, time_: Hands, store: Store
) -> None:
    name = "a" * 250  # a note's name beside it would be too long for the disk
    (folder / name).write_bytes(b"\x00\x01 nothing that is known")
    bring(folder, "b sound", 2)
    list(watcher.look())
    time_.now += 11
    taken: list[Entry] = []
    with pytest.raises(WatchError, match="too long"):
        taken.extend(watcher.look())
    assert [entry.became for entry in taken] == [Became.KEPT]
    assert settled(watcher, time_) == []
    assert len(store.cases()) == 1


def test_what_is_no_plain_file_by_the_time_it_is_read_is_not_read(
    watcher: Watcher, folder: Path, time_: Hands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(note(7))
    (folder / "film.txt").write_text(note(7))
    list(watcher.look())
    time_.now += 11
    real = watching._content_of_file

    def swapped(path: Path, size: int) -> bytes:
        path.unlink()
        path.symlink_to(secret)
        return real(path, size)

    monkeypatch.setattr(watching, "_content_of_file", swapped)
    assert list(watcher.look()) == []
    assert not watcher.store.cases()
