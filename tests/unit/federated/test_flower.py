"""Flower itself: a simulation, and a real server with three sites that are killed on the way.

Flower lives in an environment of its own (`make federated`), so everything here is run as the
commands that a person runs.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import load_file

from mmcore.engine import Engine
from mmcore.federated.coordinator import open_coordinator
from mmcore.federated.learner import Turn, learn
from mmcore.federated.plan import read_plan
from mmcore.federated.sites import read_site, write_sites
from mmcore.federated.weights import Weights, put_weights, take_weights
from mmcore.train.tracking import read_log
from tests.ports import free_port
from tests.unit.federated.tiny_plan import SITES, write_plan

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-federated" / "bin" / "python"
PATIENCE = 400.0  # seconds for a few rounds on a busy machine
STATE = "federated.safetensors"

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="Flower: run `make federated`")


def environment() -> dict[str, str]:
    """Return an environment in which a call to the outside would fail at once."""
    nowhere = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    return {**os.environ, "OMP_NUM_THREADS": "1", "NO_PROXY": "127.0.0.1,localhost", **nowhere}


def prepared(folder: Path, **federation: object) -> tuple[Path, list[Path]]:
    path = write_plan(folder, **federation)
    return path, write_sites(read_plan(path), folder / "sites", work=folder)


def averaged(path: Path, sites: list[Path], work: Path) -> Weights:
    """Return what one round gives, worked out here: the mean weighted by examinations."""
    coordinator = open_coordinator(read_plan(path), work=work)
    brief, start = coordinator.brief, coordinator.first_weights(work)
    learned: list[tuple[Weights, int]] = []
    for folder in sites:
        site, learner = read_site(folder, brief.model, brief.tokenizer), brief.build_learner()
        put_weights(learner, start)
        turn = Turn(0, brief.rounds, brief.epochs, brief.proximal)
        learn(learner, site.train, brief.training, turn, site=site.name, device=torch.device("cpu"))
        learned.append((take_weights(learner), len(site.train)))
    total = sum(count for _, count in learned)
    return [
        sum(own[place] * (count / total) for own, count in learned)  # type: ignore[misc]
        for place in range(len(start))
    ]


@pytest.mark.slow
def test_secure_sums_are_the_plain_mean_and_the_pack_says_who_took_part(tmp_path: Path) -> None:
    path, sites = prepared(
        tmp_path, rounds=1, secure=True, most=100, algorithm="fedprox", proximal=0.5
    )
    command = [str(PYTHON), "-m", "mmcore", "federated", "simulate", str(path),
               *map(str, sites), "--out", str(tmp_path / "pack"), "--work",
               str(tmp_path)]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=280,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    stored = load_file(tmp_path / "tiny-sites" / STATE)
    expected = averaged(path, sites, tmp_path)
    for key, plain in zip(sorted(stored), expected, strict=True):
        assert np.abs(stored[key] - plain).max(initial=0.0) < 1e-3
    card = yaml.safe_load((tmp_path / "pack" / "card.yaml").read_text("utf-8"))
    told = card["federated"]
    assert told["algorithm"] == "FedProx (mu 0.5), 1 rounds of 1 local epochs, sums by SecAgg+"
    assert {name: site["train"] for name, site in told["sites"].items()} == {
        name: site["train"] for name, site in SITES.items()
    }
    assert "north (6), south (5), west (4)" in card["training_data"]
    assert Engine.load(tmp_path / "pack").identity.name == "tiny-sites"


def test_rounds_of_another_plan_are_not_gone_on_with(tmp_path: Path) -> None:
    path, _ = prepared(tmp_path)
    probe = """
import sys
from pathlib import Path
from mmcore.federated import server
from mmcore.federated.coordinator import open_coordinator
from mmcore.federated.plan import read_plan
own = open_coordinator(read_plan(Path(sys.argv[1])), work=Path(sys.argv[2]))
kept = server.Progress(1, own.first_weights(Path(sys.argv[2])), {}, 2.5, "another")
server._keep(kept, Path(sys.argv[2]))
read = server.read_progress(Path(sys.argv[2]))
assert (read.rounds, read.seconds, read.plan) == (1, 2.5, "another")
assert all((a == b).all() for a, b in zip(read.weights, kept.weights, strict=True))
server.coordinate(None, None, own, folder=Path(sys.argv[2]))
"""
    done = subprocess.run(
        [str(PYTHON), "-c", probe, str(path), str(tmp_path)],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert "holds rounds of another plan; use another --work" in done.stderr


@contextmanager
def running(log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of mmcore in a session of its own, and end all of it."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(PYTHON), "-m", "mmcore", "federated", *arguments],
            cwd=ROOT, env=environment(), stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a session without a word, as a power cut would."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def wait_for(what: Callable[[], bool], server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not what():
        is_running = server.poll() is None and time.monotonic() < until
        assert is_running, log.read_text("utf-8", "replace")[-4000:]
        time.sleep(0.3)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_server_and_site_are_killed_and_the_training_goes_on(tmp_path: Path) -> None:
    path, sites = prepared(tmp_path, rounds=2)
    server_port, *ports = (free_port() for _ in range(5))
    logs = {name: tmp_path / f"{name}.log" for name in ("server", *SITES, "again")}
    run = tmp_path / "tiny-sites"

    def serve() -> tuple[str, ...]:
        return ("serve", str(path), "--out", str(tmp_path / "pack"), "--work", str(tmp_path),
                "--port", str(server_port))  # fmt: skip

    def join(folder: Path, port: int) -> tuple[str, ...]:
        return ("join", str(folder), "--port", str(server_port), "--own-port", str(port),
                "--work", str(tmp_path / f"flower-{port}"))  # fmt: skip

    def rounds() -> int:
        return sum(record.get("event") == "round" for record in read_log(run))  # type: ignore[comparison-overlap]

    with ExitStack() as stack:
        first = stack.enter_context(running(logs["server"], *serve()))
        for folder, port in zip(sites, ports[:3], strict=True):
            joined = stack.enter_context(running(logs[folder.name], *join(folder, port)))
        wait_for(lambda: rounds() >= 1, first, logs["server"])
        kill(first)
        kill(joined)
        kept = rounds()
        assert kept == 1
        second = stack.enter_context(running(logs["server"], *serve()))
        stack.enter_context(running(logs["again"], *join(sites[-1], ports[3])))
        wait_for((tmp_path / "pack" / "card.yaml").is_file, second, logs["server"])
    numbers = [record["number"] for record in read_log(run)]
    assert numbers == [1, 2]
    card = yaml.safe_load((tmp_path / "pack" / "card.yaml").read_text("utf-8"))
    assert all(0.0 <= site["auroc"] <= 1.0 for site in card["federated"]["sites"].values())
    assert Engine.load(tmp_path / "pack").identity.name == "tiny-sites"
