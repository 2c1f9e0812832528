"""Several processes take the steps that one would take."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmcore.train.distributed import ALONE, Workers, joined
from tests.unit.train import distributed_run

ROOT = Path(__file__).parents[3]


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
def test_three_steps_of_two_processes_are_those_of_one(tmp_path: Path) -> None:
    """With means over known labels, contrast between patients, outlines and learned factors."""
    distributed_run.run(tmp_path / "one.pt")
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone",
        "--nproc-per-node", "2", "-m", "tests.unit.train.distributed_run",
        str(tmp_path / "two.pt"),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (torch.load(tmp_path / f"{n}.pt", weights_only=True) for n in ("one", "two"))
    assert one.keys() == two.keys()
    moved = 0.0
    start = distributed_run.network(distributed_run.SMALL).state_dict()
    for name, value in one.items():
        assert torch.allclose(value.float(), two[name].float(), atol=1e-4), name
        if name.startswith("network."):
            before = start[name.removeprefix("network.")].float()
            moved = max(moved, float((value.float() - before).abs().max()))
    assert moved > 1e-3  # the agreement is not that nothing was learned
