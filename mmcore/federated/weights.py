"""What travels between a site and the coordinator: numbers of the learner, in a fixed order.

They are every floating-point entry of its state: the network's, and those of what balances its
tasks and aligns its modalities. Layers whose answer depends on running statistics are refused, for
the mean of two sites' statistics is that of no patients (docs/federated.md).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from mmcore.errors import ConfigError, NonFiniteResultError

Weights = list[npt.NDArray[np.float32]]


def names_of(module: nn.Module) -> list[str]:
    """Return the names of what travels, in order."""
    return [name for name, value in module.state_dict().items() if value.is_floating_point()]


def take_weights(module: nn.Module) -> Weights:
    """Return copies of what travels."""
    state = module.state_dict()
    return [state[name].detach().float().cpu().numpy().copy() for name in names_of(module)]


def put_weights(module: nn.Module, weights: Sequence[npt.NDArray[np.generic]]) -> None:
    """Load what travelled.

    Raises ``ConfigError`` if it is of another model, ``NonFiniteResultError`` if it is no number.
    """
    state, names = module.state_dict(), names_of(module)
    if [tuple(w.shape) for w in weights] != [tuple(state[name].shape) for name in names]:
        raise ConfigError(key="weights", problem="are those of another model than the plan's")
    for name, value in zip(names, weights, strict=True):
        if not np.isfinite(value).all():
            raise NonFiniteResultError(what=f"the weight {name}")
        state[name].copy_(torch.from_numpy(np.asarray(value, dtype=np.float32)))


def for_sums(
    weights: Weights, *, span: float, examinations: int, most: int
) -> list[npt.NDArray[np.float64]]:
    """Return weights as secure sums take them, fine enough to be rounded there and not before.

    Raises ``ConfigError`` if a weight lies outside [-span, span] or the site is larger than
    ``most``: Flower would cut the one off and let the other run over, both in silence.
    """
    largest = max((float(np.abs(w).max()) for w in weights if w.size), default=0.0)
    if not largest <= span:
        problem = f"is {span:g}, and a weight of this site is {largest:.3g}; make it larger"
        raise ConfigError(key="federation.span", problem=problem)
    if examinations > most:
        problem = f"is {most}, and this site learns from {examinations} examinations"
        raise ConfigError(key="federation.most", problem=problem)
    return [w.astype(np.float64) for w in weights]
