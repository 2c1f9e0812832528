"""Several processes on one store, and processes that are killed while they save."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmcore.store import KeptFile, Place, Store

KILLS = 15
SAVER = """
import hashlib, sys
from pathlib import Path
from mmcore.store import KeptFile, Place, Progress, Store, StoredDesk

folder, name = Path(sys.argv[1]), sys.argv[2]
with Store(Place(folder)) as store:
    print("open", flush=True)
    for number in range(int(sys.argv[3])):
        case = f"{name} {number}"
        digest = hashlib.sha256(case.encode()).hexdigest()
        files = [KeptFile("common", b"in every case" * 500), KeptFile("own", case.encode() * 3000)]
        store.keep_case(digest, files, label=case)
        desk = StoredDesk({"said": case}, {"entered": case})
        store.save_desk(digest, "p", desk, progress=Progress(decided=1), attached=[case.encode()])
        print(case, flush=True)
"""
OPENER = """
import sys
from pathlib import Path
from mmcore.store import Place, Store

Store(Place(Path(sys.argv[1]))).close()
"""
COUNTER = """
import sys
from pathlib import Path
from mmcore.errors import StaleVersionError
from mmcore.store import Place, Progress, Store, StoredDesk

folder, digest, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with Store(Place(folder)) as store:
    for _ in range(times):
        while True:
            found = store.desk(digest, "p")
            draft = {"n": (found.draft or {"n": 0})["n"] + 1}
            try:
                store.save_desk(digest, "p", StoredDesk(None, draft, 0, found.draft_version),
                                progress=Progress())
            except StaleVersionError:
                continue
            break
"""


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def files_of(case: str) -> tuple[KeptFile, ...]:
    return KeptFile("common", b"in every case" * 500), KeptFile("own", case.encode() * 3000)


def test_processes_that_start_at_once_make_the_tables_once(tmp_path: Path) -> None:
    started = [start(OPENER, tmp_path / "new") for _ in range(4)]
    for process in started:
        process.communicate(timeout=120)
        assert process.returncode == 0


def test_no_save_of_two_processes_is_lost(tmp_path: Path) -> None:
    digest, times = "c3" * 32, 40
    with Store(Place(tmp_path)) as store:
        store.keep_case(digest, [KeptFile("a", b"a")], label="one")
        counters = [start(COUNTER, tmp_path, digest, times) for _ in range(2)]
        for process in counters:
            process.communicate(timeout=120)
            assert process.returncode == 0
        assert store.desk(digest, "p").draft == {"n": 2 * times}


def test_removing_a_case_never_takes_a_file_from_another_that_is_being_kept(tmp_path: Path) -> None:
    with Store(Place(tmp_path)) as store:
        common = files_of("")[0]
        saver = start(SAVER, tmp_path, "kept", 12)
        while saver.poll() is None:
            store.keep_case("d4" * 32, [common], label="comes and goes")
            store.remove("d4" * 32)
            store.purge()
            store.sweep()
            time.sleep(0.01)  # SQLite's writers do not queue: leave room for the other one
        saver.communicate()
        cases = store.cases(most=10_000)
        assert len(cases) == 12
        for case in cases:
            assert store.files(case.digest) == files_of(case.label)


@pytest.mark.slow
def test_a_process_killed_at_any_moment_loses_nothing_that_was_saved(tmp_path: Path) -> None:
    rng = random.Random(7)
    saved: list[str] = []
    for kill in range(KILLS):
        process = start(SAVER, tmp_path, kill, 100_000)
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        if kill % 3:
            saved.append(process.stdout.readline())
        time.sleep(rng.uniform(0.0, 0.2))
        process.kill()
        told, _ = process.communicate()
        saved += told.splitlines(keepends=True)
    saved = [line.strip() for line in saved if line.endswith("\n")]
    assert len(saved) >= KILLS // 2, "it was killed while it saved, not before"
    with Store(Place(tmp_path)) as store:
        cases = {case.label: case for case in store.cases(most=100_000)}
        for label in saved:
            desk = store.desk(cases[label].digest, "p")
            assert (desk.reading, desk.draft) == ({"said": label}, {"entered": label})
            assert cases[label].progress["p"].decided == 1
        for label, case in cases.items():  # also those whose saving was not acknowledged any more
            assert store.files(case.digest) == files_of(label), "whole or not at all"
        stray = list((tmp_path / "blobs").glob("*/.*"))
        referred = 1 + len(cases) + sum("p" in case.progress for case in cases.values())
        kept = [path for path in (tmp_path / "blobs").glob("*/*") if path not in stray]
        assert len(kept) == referred, "the start removed what no case refers to"
