"""Integrated Gradients of one function of one modality's input. One of captum's two doors."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from captum.attr import IntegratedGradients
from torch import Tensor

METHOD = "gausslegendre"
MAX_STEPS = 256


@dataclass(frozen=True, slots=True, eq=False)
class PathAttribution:
    """What a path integral gave.

    values: the shape of one input without its batch axis, float64. error: their sum minus the
    change of the function that they should sum to. n_steps: quadrature points of the last try.
    """

    values: npt.NDArray[np.float64]
    error: float
    n_steps: int


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

    ``inputs`` and ``baselines`` are (1, ...) and ``function`` maps (n, ...) to (n,). The number of
    quadrature points doubles from ``first_steps`` until the sum misses ``change`` by no more than
    ``tolerance`` or ``MAX_STEPS`` is reached; what is then still missing is reported, never spread
    over the result.

    Source: Sundararajan, Taly and Yan 2017, with Gauss-Legendre quadrature.
    """
    method = IntegratedGradients(function)
    n_steps = first_steps
    while True:
        attributed = method.attribute(
            inputs, baselines, n_steps=n_steps, method=METHOD,
            internal_batch_size=internal_batch_size,
        )  # fmt: skip
        values = attributed[0].detach().double().cpu().numpy()
        error = float(values.sum()) - change
        if abs(error) <= tolerance or 2 * n_steps > MAX_STEPS:
            return PathAttribution(values, error, n_steps)
        n_steps *= 2
