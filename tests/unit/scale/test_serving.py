"""A real model server: two replicas behind Ray Serve, of which one is killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mmcore.datasets.phantoms import phantom_case
from mmcore.errors import ModelServerError
from mmcore.records import Prediction
from mmcore.scale.asking import ModelServer
from mmcore.scale.place import ServerPlace
from mmcore.scale.remote import RemoteEngine
from mmcore.simulate import sample_patient
from tests.ports import free_port
from tests.tiny import SEED, tiny_engine, tiny_pack, untried
from tests.unit.scale.processes import family, listening, named

ROOT = Path(__file__).parents[3]
TOKEN = "the-token-of-this-test"
CASES = [phantom_case(sample_patient(SEED, number)) for number in range(6)]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # a busy machine takes long


@dataclass(frozen=True)
class Running:
    """The server's own process and where it is asked."""

    process: int
    place: ServerPlace

    @property
    def replicas(self) -> list[int]:
        """Its processes that hold a model."""
        return named(self.process, "ray::ServeReplica:consilium:model")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "token").write_text(TOKEN)
    port, errors = free_port(), (folder / "errors").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "mmcore", "serve", "--pack", str(tiny_pack()), "--replicas", "2",
         "--cpus", "0.5", "--port", str(port), "--token-file", str(folder / "token"),
         "--queue", "4"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        told = process.stdout.readline()
        assert told.startswith("serving"), (folder / "errors").read_text()[-2000:]
        yield Running(process.pid, ServerPlace((f"http://127.0.0.1:{port}",), TOKEN))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        finally:
            process.kill()
            process.stdout.close()
            errors.close()


@pytest.fixture(scope="module")
def engine(running: Running) -> Iterator[RemoteEngine]:
    with closing(RemoteEngine(tiny_pack(), running.place)) as asked:
        yield asked


def assert_own(found: Prediction, number: int) -> None:
    """Compare with what the engine of this process says of that case."""
    own = tiny_engine().predict(CASES[number])
    assert found.case_digest == CASES[number].digest
    assert (found.gate, found.pack) == (own.gate, own.pack)
    np.testing.assert_allclose(
        [t.logit for t in found.targets], [t.logit for t in own.targets], atol=1e-5
    )


def test_answers_are_those_of_the_engine_here(engine: RemoteEngine) -> None:
    assert_own(engine.predict(CASES[0]), 0)
    assert engine.device == "server"
    found = engine.explain(CASES[0], "effusion")
    with untried():
        own = tiny_engine().explain(CASES[0], "effusion")
    np.testing.assert_allclose(found.coalitions, own.coalitions, atol=1e-5)


def test_nothing_listens_beyond_this_machine(running: Running) -> None:
    loopback = {"0100007F", "0000000000000000FFFF00000100007F", "0" * 24 + "01000000"}
    found = listening(family(running.process))
    assert found
    assert found <= loopback


def test_without_the_token_nobody_is_answered(running: Running) -> None:
    with (
        closing(ModelServer(ServerPlace(running.place.urls))) as stranger,
        pytest.raises(ModelServerError, match="did not accept our token"),
    ):
        stranger.packs()


def test_a_replica_that_is_killed_during_a_run_loses_nothing(
    running: Running, engine: RemoteEngine
) -> None:
    """More calls at once than may wait, too: those turned away come again."""
    before = set(running.replicas)
    assert len(before) == 2
    started = threading.Barrier(9)

    def reader(number: int) -> list[Prediction]:
        started.wait()
        return [engine.predict(CASES[(number + i) % 6]) for i in range(8)]

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(reader, number) for number in range(8)]
        started.wait()
        time.sleep(0.5)
        os.kill(min(before), signal.SIGKILL)
        answers = [one.result() for one in readers]
    for number, found in enumerate(answers):
        assert len(found) == 8
        for i, prediction in enumerate(found):
            assert_own(prediction, (number + i) % 6)

    ends = time.monotonic() + 120
    while len(set(running.replicas) - {min(before)}) < 2 and time.monotonic() < ends:
        time.sleep(0.5)
    after = set(running.replicas)
    assert len(after) == 2, "another replica takes the place of the one that was killed"
    assert after != before
