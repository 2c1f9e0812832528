"""Three steps of a small run, alone or as ``torchrun`` starts it; weights go to the file named.

With a second argument the run keeps its checkpoint in that folder, after every step, and goes on
from it; with a third one, whatever it is, one process is killed before the third step.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from mmcore.train import loop
from mmcore.train.alignment import AlignmentConfig
from mmcore.train.distributed import joined
from mmcore.train.learner import Learner
from mmcore.train.loop import train
from mmcore.train.losses import LossConfig
from tests.unit.train.small import Small, examinations, network, training

SMALL = Small(rows=21, patients=9, segments=True)  # 8, 8 and 5 rows: the last are no pairs
LOSS = LossConfig(balance="uncertainty")
ALIGNMENT = AlignmentConfig(kind="contrastive", dim=4)


def descent(groups: Any, **_: object) -> torch.optim.Optimizer:
    """Return plain gradient descent in the place of Adam.

    Adam hides a gradient of another size, and makes whole steps of the rounding errors of those
    that are zero, such as of a convolution's bias before a norm.
    """
    return torch.optim.SGD(groups)


def dying(step_as_it_is: Callable[..., dict[str, float]]) -> Callable[..., dict[str, float]]:
    """Return steps of which the third ends the process, as a machine that fails would."""

    def step_or_die(*arguments: Any, step: int, **more: Any) -> dict[str, float]:
        if step == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return step_as_it_is(*arguments, step=step, **more)

    return step_or_die


def run(out: Path, folder: Path | None = None, *, is_to_die: bool = False) -> None:
    torch.manual_seed(1)
    with joined() as workers, ExitStack() as stack:
        learner = Learner(network(SMALL), LOSS, ALIGNMENT, workers=workers)
        rows = examinations(SMALL)
        # Nor may clipping hide a gradient of another size.
        config = training(patience=5, learning_rate=1e-3, gradient_clip=1e9, modality_dropout=0.1)
        stack.enter_context(patch.object(torch.optim, "AdamW", descent))
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        else:
            stack.enter_context(patch.object(loop, "CHECKPOINT_EVERY", 1))
            if is_to_die and not workers.is_first:
                stack.enter_context(patch.object(loop, "take_step", dying(loop.take_step)))
        train(
            learner, rows, config, validation=rows, folder=folder, device=workers.device(),
        )  # fmt: skip
        if workers.is_first:
            torch.save(learner.state_dict(), out)


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(*map(Path, sys.argv[1:3]), is_to_die=len(sys.argv) > 3)
