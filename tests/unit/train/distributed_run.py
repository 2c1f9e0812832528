"""Three steps of a small run, alone or as ``torchrun`` starts it; weights go to the file named."""

import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

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


def run(out: Path) -> None:
    torch.manual_seed(1)
    with joined() as workers:
        learner = Learner(network(SMALL), LOSS, ALIGNMENT, workers=workers)
        rows = examinations(SMALL)
        # Nor may clipping hide a gradient of another size.
        config = training(patience=5, learning_rate=1e-3, gradient_clip=1e9, modality_dropout=0.1)
        with patch.object(torch.optim, "AdamW", descent), tempfile.TemporaryDirectory() as folder:
            train(
                learner, rows, config, validation=rows, folder=Path(folder),
                device=workers.device(),
            )  # fmt: skip
        if workers.is_first:
            torch.save(learner.state_dict(), out)


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(Path(sys.argv[1]))
