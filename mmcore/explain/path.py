"""Integrated Gradients of one function of one modality's input. One of captum's two doors."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from captum.attr import IntegratedGradients
from torch import Tensor

METHOD = "gausslegendre"
PIECE = 3  # points of a piece of the path, at least; what is left over goes to all pieces alike
MAX_STEPS = 256


@dataclass(frozen=True, slots=True, eq=False)
class PathAttribution:
    """What a path integral gave.

    values: the shape of one input without its batch axis, float64. error: their sum minus the
    change of the function that they should sum to. n_steps: points at which a gradient was taken.
    """

    values: npt.NDArray[np.float64]
    error: float
    n_steps: int


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """The path from t = low to high, with the attributions of its n_steps points."""

    low: float
    high: float
    n_steps: int
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Path:
    """A function (n, ...) to (n,) along the straight line between two (1, ...) inputs.

    known: the function at those t where it was asked for.
    """

    function: Callable[[Tensor], Tensor]
    start: Tensor
    end: Tensor
    internal_batch_size: int
    known: dict[float, float] = field(default_factory=dict)

    def pieces(self, edges: list[float], n_steps: int) -> list[_Piece]:
        """Return the path between neighbouring edges, each with ``n_steps`` points."""
        at, method = self._at(edges), IntegratedGradients(self.function)
        together = max(self.internal_batch_size // n_steps, 1)
        starts_of, ends_of = _batches(at[:-1], together), _batches(at[1:], together)
        found = [
            method.attribute(ends, starts, n_steps=n_steps, method=METHOD)
            for starts, ends in zip(starts_of, ends_of, strict=True)
        ]
        values = torch.cat(found).detach().double().cpu().numpy()
        return [
            _Piece(low, high, n_steps, own)
            for low, high, own in zip(edges[:-1], edges[1:], values, strict=True)
        ]

    def worst(self, pieces: list[_Piece]) -> _Piece:
        """Return the piece whose attributions miss the change of the function by most."""
        if len(pieces) == 1:
            return pieces[0]
        edges = {t for piece in pieces for t in (piece.low, piece.high)}
        new = sorted(edges - self.known.keys())
        with torch.no_grad():
            found = [self.function(x) for x in _batches(self._at(new), self.internal_batch_size)]
        if found:
            self.known.update(zip(new, torch.cat(found).double().tolist(), strict=True))

        def miss(piece: _Piece) -> float:
            change = self.known[piece.high] - self.known[piece.low]
            return abs(float(piece.values.sum()) - change)

        return max(pieces, key=miss)

    def _at(self, points: list[float]) -> Tensor:
        """Return (n, ...) inputs at every t."""
        t = self.start.new_tensor(points).reshape(-1, *[1] * (self.start.ndim - 1))
        return (self.start + t * (self.end - self.start)).detach()


def _batches(rows: Tensor, size: int) -> list[Tensor]:
    return [rows[first : first + size] for first in range(0, len(rows), size)]


def roughly(
    function: Callable[[Tensor], Tensor], inputs: Tensor, baselines: Tensor, *, n_steps: int
) -> Tensor:
    """Attribute along n paths at once, from ``baselines`` to ``inputs``, both (n, ...).

    With ``n_steps`` points each and no check of the sums: for maps that are only compared.
    """
    found: Tensor = IntegratedGradients(function).attribute(
        inputs, baselines, n_steps=n_steps, method=METHOD
    )
    return found.detach()


def integrate(
    function: Callable[[Tensor], Tensor],
    inputs: Tensor,
    baselines: Tensor,
    *,
    change: float,
    tolerance: float,
    first_steps: int,
    internal_batch_size: int,
) -> PathAttribution:
    """Attribute ``change`` = function(inputs) - function(baselines) to the elements of ``inputs``.

    ``inputs`` and ``baselines`` are (1, ...) and ``function`` maps (n, ...) to (n,). The path is
    cut into equal pieces of about ``PIECE`` Gauss-Legendre points, ``first_steps`` in all. What
    each must sum to is known from the function at its ends, so while the whole sum misses
    ``change`` by more than ``tolerance``, the piece that misses most is halved and all others are
    kept. At ``MAX_STEPS`` points what is still missing is reported, never spread over the result.

    Source: Sundararajan, Taly and Yan 2017; the choice of rule: docs/decisions/0017.
    """
    path = _Path(function, baselines, inputs, internal_batch_size)
    count = max(first_steps // PIECE, 1)
    per_piece = -(-first_steps // count)
    pieces = path.pieces([i / count for i in range(count + 1)], per_piece)
    spent = count * per_piece
    while True:
        values = np.sum([piece.values for piece in pieces], axis=0)
        error = float(values.sum()) - change
        if abs(error) <= tolerance or spent + 2 * per_piece > MAX_STEPS:
            return PathAttribution(values, error, spent)
        worst = path.worst(pieces)
        pieces.remove(worst)
        pieces += path.pieces([worst.low, (worst.low + worst.high) / 2, worst.high], per_piece)
        spent += 2 * per_piece
