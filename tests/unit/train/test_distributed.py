"""Several processes take the steps that one would take."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmcore.train.distributed import ALONE, Workers, joined
from tests.unit.train import distributed_run

ROOT = Path(__file__).parents[3]
Weights = dict[str, torch.Tensor]


def test_one_process_has_all_rows_and_gathers_nothing() -> None:
    rows = torch.arange(5)
    assert ALONE.own(rows) is rows
    assert ALONE.gather(rows, 5) is rows
    assert ALONE.wrap(torch.nn.Identity()).__class__ is torch.nn.Identity
    assert ALONE.agree(1.5) == 1.5


@pytest.mark.parametrize(
    ("count", "parts"),
    [
        (6, [[0, 1], [2, 3], [4, 5]]),
        (5, [[0, 1], [2, 3], [4, 4]]),
        (4, [[0, 1], [2, 3], [3, 3]]),
        (1, [[0], [0], [0]]),
    ],
)
def test_every_process_has_as_many_rows_and_all_are_had(count: int, parts: list[list[int]]) -> None:
    rows = torch.arange(count)
    assert [Workers(rank, 3).own(rows).tolist() for rank in range(3)] == parts
    assert torch.cat([torch.tensor(part) for part in parts])[:count].tolist() == rows.tolist()


def test_without_torchrun_a_run_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined() as workers:
        assert workers is ALONE


@pytest.mark.slow
def test_three_steps_of_two_processes_are_those_of_one(one: Weights, tmp_path: Path) -> None:
    """With means over known labels, contrast between patients, outlines and learned factors."""
    done = in_two_processes(tmp_path / "two.pt")
    assert done.returncode == 0, done.stderr[-3000:]
    two = torch.load(tmp_path / "two.pt", weights_only=True)
    assert_alike(one, two)
    moved = 0.0
    start = distributed_run.network(distributed_run.SMALL).state_dict()
    for name, value in one.items():
        if name.startswith("network."):
            before = start[name.removeprefix("network.")].float()
            moved = max(moved, float((value.float() - before).abs().max()))
    assert moved > 1e-3  # the agreement is not that nothing was learned


@pytest.mark.slow
def test_a_run_whose_process_is_killed_goes_on_to_the_same_weights(
    one: Weights, tmp_path: Path
) -> None:
    """One of two is killed in the last step; the same command goes on from the checkpoint."""
    out, folder = tmp_path / "two.pt", str(tmp_path)
    killed = in_two_processes(out, folder, "die")
    assert killed.returncode != 0
    assert not out.exists()
    again = in_two_processes(out, folder)
    assert again.returncode == 0, again.stderr[-3000:]
    steps = [
        json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()
    ]
    assert steps == [0, 1, 2], "nothing is done twice"
    assert_alike(one, torch.load(out, weights_only=True))


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """Return the weights that one process comes to."""
    out = tmp_path_factory.mktemp("one") / "one.pt"
    distributed_run.run(out)
    found: Weights = torch.load(out, weights_only=True)
    return found


def in_two_processes(out: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    """Run the module under torchrun."""
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone",
        "--nproc-per-node", "2", "-m", "tests.unit.train.distributed_run", str(out), *more,
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def assert_alike(one: Weights, two: Weights) -> None:
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert torch.allclose(value.float(), two[name].float(), atol=1e-4), name
