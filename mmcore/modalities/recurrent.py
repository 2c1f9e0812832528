"""Recurrent layers whose gradient exists in evaluation too."""

from typing import Literal, cast

from torch import Tensor, nn

CellKind = Literal["lstm", "gru"]
_CELLS: dict[CellKind, type[nn.LSTM | nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}


class Recurrent(nn.Module):
    """An LSTM or GRU over (B, T, F), giving (B, T, ``width``): its state after every step.

    It has no dropout, so training and evaluation are the same function; cuDNN still refuses the
    backward pass of one that was run in evaluation, which Integrated Gradients need. So it is
    always told that it trains.
    """

    def __init__(
        self,
        kind: CellKind,
        features: int,
        hidden: int,
        *,
        layers: int = 1,
        both_ways: bool = False,
    ) -> None:
        super().__init__()
        self.cells = _CELLS[kind](
            features, hidden, num_layers=layers, batch_first=True, bidirectional=both_ways
        )
        self.width = hidden * (2 if both_ways else 1)

    def train(self, mode: bool = True) -> "Recurrent":
        """Set the mode of the module, but never that of the cells."""
        super().train(mode)
        self.cells.train(mode=True)
        return self

    def forward(self, steps: Tensor) -> Tensor:
        """Return (B, T, width) states for (B, T, F) steps."""
        return cast(Tensor, self.cells(steps)[0])
