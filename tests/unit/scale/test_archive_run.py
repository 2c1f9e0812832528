"""The command, on real processes, killed in the middle: every study is there exactly once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mmcore.intake import RawFile, case_from_files
from mmcore.scale.rows import SCORED
from tests.tiny import tiny_engine, tiny_pack
from tests.unit.scale.archives import study, write_archive
from tests.unit.scale.processes import named

ROOT = Path(__file__).parents[3]
STUDIES = 16
SECONDS = 300

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # a busy machine takes long


def start(archive: Path, out: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "mmcore", "archive", str(archive), "--pack", str(tiny_pack()),
         "--out", str(out), "--batch", "1", "--part", "2"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0"},
    )  # fmt: skip


def parts(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("part-*.parquet")}


def lines(out: Path) -> list[dict[str, Any]]:
    return [row for path in out.glob("part-*.parquet") for row in pq.read_table(path).to_pylist()]


def wait_for_part(process: "subprocess.Popen[str]", out: Path) -> None:
    ends = time.monotonic() + SECONDS
    while not parts(out):
        assert process.poll() is None, process.communicate()[0][-2000:]
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_a_run_that_is_killed_is_gone_on_with(tmp_path: Path) -> None:
    """The first run loses its own process, the second one that scores."""
    archive, out = tmp_path / "archive", tmp_path / "out"
    uids = write_archive(archive, STUDIES)
    (archive / "broken").mkdir()
    (archive / "broken" / "film.dcm").write_bytes(study(0)[1][:500])

    with start(archive, out) as first:
        wait_for_part(first, out)
        first.send_signal(signal.SIGKILL)
        first.wait(30)
    before = parts(out)
    assert 0 < len(lines(out)) < STUDIES, "it was killed in the middle"

    with start(archive, out) as second:
        ends = time.monotonic() + SECONDS
        while not (scorers := named(second.pid, "ray::MapWorker(MapBatches(Scoring))")):
            assert second.poll() is None, second.communicate()[0][-2000:]
            assert time.monotonic() < ends
            time.sleep(0.02)
        while parts(out) == before and second.poll() is None and time.monotonic() < ends:
            time.sleep(0.02)
        os.kill(scorers[0], signal.SIGKILL)
        told, _ = second.communicate(timeout=SECONDS)
    assert second.returncode == 0, told[-2000:]

    found = lines(out)
    assert before.items() <= parts(out).items(), "what was written stays as it is"
    scored = [row for row in found if row["status"] == SCORED]
    assert sorted(row["study_uid"] for row in scored) == sorted(uids)
    (broken,) = [row for row in found if row["status"] != SCORED]
    assert broken["where"] == "broken/film.dcm"
    assert broken["reason"]
    assert f"{len(before) * 2} before" in told

    case = case_from_files([RawFile("film.dcm", study(3)[1])])
    own = tiny_engine().predict(case)
    (row,) = [row for row in scored if row["study_uid"] == study(3)[0]]
    for target in row["targets"]:
        assert target["verdict"] == own.gate_of(target["name"]).verdict.value
        if target["value"] is not None:
            assert target["value"] == pytest.approx(own.target(target["name"]).logit, abs=1e-4)
    assert any(target["value"] is not None for target in row["targets"])
