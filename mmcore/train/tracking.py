"""The log of a run: ``metrics.jsonl`` in its folder always, and TensorBoard where it is wanted.

One line of JSON per record. ``{"step": 12, "loss/findings": 0.41, ...}`` are the numbers of one
step, counted from 0; names below ``validation/`` are of patients not learned from, with the
averaged weights. ``{"event": ...}`` says what happened once. This is the only door to TensorBoard,
which is not needed to train.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mmcore.errors import ConfigError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FILE = "metrics.jsonl"


class Tracker:
    """Writes the numbers of a run that starts or goes on at step ``first``.

    What a stopped run had logged of the steps from there on is dropped, as it will come again.
    """

    def __init__(self, folder: Path, *, first: int, tensorboard: bool = False) -> None:
        """Open the log. Raises ``ConfigError`` if TensorBoard is wanted and not installed."""
        self._board = _open_board(folder / "tensorboard", first) if tensorboard else None
        path = folder / FILE
        kept = [record for record in read_log(folder) if record.get("step", -1) < first]
        partial = path.with_suffix(".partial")
        partial.write_text("".join(f"{json.dumps(record)}\n" for record in kept), "utf-8")
        partial.rename(path)
        self._file = path.open("a", encoding="utf-8", buffering=1)  # whole lines, at once

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Log numbers of one step. What is not finite is null: JSON knows no NaN."""
        plain = {name: v if math.isfinite(v) else None for name, v in values.items()}
        self._file.write(json.dumps({"step": step, **plain}) + "\n")
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()


def log_event(folder: Path, event: str, **facts: object) -> None:
    """Log something that happened once, before or after the steps."""
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"event": event, **facts}) + "\n")


def read_log(folder: Path) -> list[dict[str, float]]:
    """Return the records of a run's log, in order; a last line that was cut off is left out."""
    path = folder / FILE
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    records = []
    for line in lines:
        try:
            records.append(json.loads(line))
        except ValueError:
            continue  # the power went while it was written
    return records


def _open_board(folder: Path, first: int) -> "SummaryWriter":
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        problem = (
            "TensorBoard is not installed: pip install -r requirements-dev.txt, or leave it out; "
            f"{FILE} holds the same numbers"
        )
        raise ConfigError(key="training.tensorboard", problem=problem) from error
    return SummaryWriter(str(folder), purge_step=first)
