"""One folder, one training: a second one is refused, and a killed one lets go."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmcore.cli import app
from mmcore.errors import WorkFolderBusyError
from mmcore.train.work_folder import held

HOLD = """
import sys
from pathlib import Path
from mmcore.train.work_folder import held

with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holding(folder: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_training_in_the_same_folder_is_refused_before_it_writes(tmp_path: Path) -> None:
    work, out = tmp_path / "runs", tmp_path / "pack"
    with holding(work) as first:
        said = CliRunner().invoke(
            app,
            ["train", "--config", "mmcore/model/presets/phantom.yaml", "--work", str(work),
             "--out", str(out)],
        )  # fmt: skip
        first.kill()
    assert said.exit_code != 0
    assert f"another training works in {work}" in " ".join(said.output.split())
    assert not out.exists()
    assert [path.name for path in work.iterdir()] == [".training-lock"]


def test_a_killed_training_lets_its_folder_go(tmp_path: Path) -> None:
    with holding(tmp_path) as first:
        with pytest.raises(WorkFolderBusyError), held(tmp_path):
            pass
        first.kill()
        first.wait()
        with held(tmp_path):
            assert (tmp_path / ".training-lock").exists()


def test_the_other_processes_of_one_run_are_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with holding(tmp_path) as first:
        monkeypatch.setitem(os.environ, "RANK", "1")
        with held(tmp_path):
            pass
        first.kill()
