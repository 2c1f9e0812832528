"""One run on several devices: each process computes its rows of every batch, and the sum is one.

``torchrun`` starts the processes and tells each its rank through the environment. All of them draw
the same batch and augment it alike; each runs the network on its own rows only. Outputs are then
gathered, and every process computes the same losses on all rows: a mean over known labels, or a
comparison of patients with each other, is that of the whole batch and not a mean of parts.

So a step is that of one process up to rounding, with two exceptions that can not be had otherwise:
dropout draws other numbers on other processes, and batch norm, where a backbone has it, normalises
by the rows of one process.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

PATIENCE = timedelta(days=1)  # the first process simulates a cohort while the others wait


@dataclass(frozen=True, slots=True)
class Workers:
    """The processes of a run, as one of them sees them.

    rank: number of this process among ``size``. local_rank: its number on its machine, which is
        that of its GPU.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def device(self) -> torch.device:
        """Return the device of this process."""
        if not torch.cuda.is_available():
            return torch.device("cpu")
        return torch.device("cuda", self.local_rank)

    def own(self, rows: Tensor) -> Tensor:
        """Return this process's part of (B, ...) rows: as many as every other process has.

        Where they can not be shared out evenly the last row comes again; ``gather`` drops it.
        """
        if self.size == 1:
            return rows
        share = self._share(len(rows))
        places = torch.arange(self.rank * share, (self.rank + 1) * share, device=rows.device)
        return rows[places.clamp(max=len(rows) - 1)]

    def gather(self, own: Tensor, count: int) -> Tensor:
        """Return the first ``count`` rows of all processes' parts, in order, with their gradient.

        To be used for a loss that every process computes alike from what it gets.
        """
        if self.size == 1:
            return own
        return cast(Tensor, _Gather.apply(own, self.rank, self.size))[:count]  # type: ignore[no-untyped-call] # torch's

    def wrap(self, learner: nn.Module) -> nn.Module:
        """Return the module to train: one whose gradients are shared among all processes."""
        if self.size == 1:
            return learner
        # A head whose input nobody in a batch has takes no part in that step.
        return DistributedDataParallel(learner, find_unused_parameters=True)

    @contextmanager
    def sharing(self, model: nn.Module, *, is_last: bool) -> Iterator[None]:
        """Share gradients after the last of the parts that make one step, and only then."""
        if self.size == 1 or is_last:
            yield
        else:
            with cast(DistributedDataParallel, model).no_sync():
                yield

    def agree(self, value: float) -> float:
        """Return the first process's value, so that all of them decide alike."""
        if self.size == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64)
        distributed.broadcast(shared, src=0)
        return float(shared)

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let the first process do something before the others find it done."""
        if not self.is_first:
            self.wait()
        yield
        if self.is_first:
            self.wait()

    def wait(self) -> None:
        """Return when every process has come here."""
        if self.size > 1:
            distributed.all_reduce(torch.zeros(1))

    def _share(self, count: int) -> int:
        return -(-count // self.size)


ALONE = Workers()


@contextmanager
def joined() -> Iterator[Workers]:
    """Join the processes that ``torchrun`` started, or be alone where it did not start this one."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    workers = Workers(int(os.environ["RANK"]), size, int(os.environ["LOCAL_RANK"]))
    device = workers.device()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield workers
    finally:
        distributed.destroy_process_group()


class _Gather(torch.autograd.Function):
    """All processes' rows, one part after the other.

    Every process has the same gradient for the whole, because it computes the same loss from it:
    nothing has to travel backwards. The factor undoes the mean that data parallelism takes over
    processes, each of which adds its own rows only.
    """

    @staticmethod
    def forward(ctx: Any, own: Tensor, rank: int, size: int) -> Tensor:
        ctx.rank, ctx.size = rank, size
        own = own.detach().contiguous()
        parts = [torch.empty_like(own) for _ in range(size)]
        distributed.all_gather(parts, own)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = gradients
        return gradient.chunk(ctx.size)[ctx.rank] * ctx.size, None, None
