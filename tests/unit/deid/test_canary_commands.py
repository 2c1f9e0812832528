"""The commands say nothing of the patient and call nobody, whatever goes wrong."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.unit.deid.planted import Planted, planted_case

ROOT = Path(__file__).resolve().parents[3]
NEW_KEY = ("--key-file", "site.key", "--new-key")
CANARY = re.compile(rb"zqx|z\x00q\x00x\x00", re.IGNORECASE)


@cache
def no_network() -> list[str]:
    """Return what starts a program without any network device, if this machine allows it."""
    tool = shutil.which("unshare")
    if tool and subprocess.run([tool, "-rn", "true"], capture_output=True).returncode == 0:
        return [tool, "-rn"]
    return []


class Desk:
    """A person at a terminal, whose files lie in a folder with a canary in its name."""

    def __init__(self, folder: Path, planted: Planted) -> None:
        self.folder, self.case = folder, folder / "zqxcase"
        self.case.mkdir()
        for name in ("home", "tmp", "out"):
            (folder / name).mkdir()
        for file in planted.files:
            (self.case / file.name).write_bytes(file.data)
        self.values = {
            value.lower().encode() for value in planted.values.values()
            if not re.fullmatch(r"[\d.-]+", value)
        }  # fmt: skip

    def run(self, *arguments: str | Path) -> tuple[int, bytes]:
        """Run a command of ours; return its exit code and all that it said."""
        home, temporary = str(self.folder / "home"), str(self.folder / "tmp")
        environment = {
            **os.environ, "HOME": home, "XDG_CACHE_HOME": home, "TMPDIR": temporary,
            "GUARD_NOTES": str(self.folder / "guard.txt"), "GUARD_LOGS": "1",
            "PYTHONPATH": os.pathsep.join((str(ROOT / "tests" / "guarded"), str(ROOT))),
        }  # fmt: skip
        command = [*no_network(), sys.executable, "-m", "mmcore", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=self.folder / "out", env=environment, capture_output=True, timeout=280
        )
        return done.returncode, done.stdout + done.stderr

    def expect_silence(self, said: bytes) -> None:
        """Expect no canary in what was said, but for the path that was typed, nor left behind."""
        said = said.replace(str(self.case).encode(), b"")
        found = CANARY.search(said)
        assert found is None, said[max(0, found.start() - 200) : found.end() + 200]
        for place in ("home", "tmp"):
            for path in (self.folder / place).rglob("*"):
                assert "zqx" not in path.name.lower()
                assert not path.is_file() or not CANARY.search(path.read_bytes()), path
        assert set((self.folder / "guard.txt").read_text().split("\n")) == {"guarded", ""}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, planted_case())


@pytest.mark.slow
def test_a_case_is_deidentified_in_silence(desk: Desk) -> None:
    code, said = desk.run(
        "deid", desk.case, "--key-file", "site.key", "--new-key", "--out", "clean"
    )
    assert code == 0, said
    desk.expect_silence(said)
    made = sorted(path.name for path in (desk.folder / "out" / "clean").rglob("*.*"))
    assert "report.json" in made
    for path in (desk.folder / "out" / "clean").rglob("*.*"):
        data = path.read_bytes().lower()
        assert not CANARY.search(data), path.name
        assert [value for value in desk.values if value in data] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "harm", [lambda d: d[: len(d) // 2], lambda d: d[:150], lambda d: b"zqx" + d, lambda d: b""],
    ids=["cut in half", "cut in the head", "shifted", "empty"],
)  # fmt: skip
def test_damaged_files_are_refused_without_quoting_them(desk: Desk, harm: object) -> None:
    assert callable(harm)
    for path in desk.case.iterdir():
        path.write_bytes(harm(path.read_bytes()))
    _, said = desk.run("deid", desk.case, *NEW_KEY, "--out", "clean")
    desk.expect_silence(said)


@pytest.mark.slow
def test_a_case_is_scored_and_reported_without_network_or_words_of_the_patient(desk: Desk) -> None:
    code, said = desk.run("score", desk.case, "--pack", "phantom", "--out", "results")
    assert code == 0, said[-2000:]
    desk.expect_silence(said)
    (result,) = (desk.folder / "out" / "results").glob("*.json")
    assert b"zqxfamily" in result.read_bytes().lower(), "the result is about the patient"
    assert "zqx" not in result.name.lower()
    code, said = desk.run("report", result, "--out", "report.pdf")
    assert code == 0, said[-2000:]
    desk.expect_silence(said)
