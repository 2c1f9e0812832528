"""Transfer: what of a pretrained network stays, what is adapted in few numbers, and how fast.

Low-rank adaptation (LoRA, Hu et al. 2021) adds to a frozen matrix W the product of two thin ones:
W + (alpha / rank) up @ down, with ``up`` zero at first. It is done with torch's parametrisation of
``weight``, so that every module that uses a matrix, attention and convolution included, sees the
sum under its usual name; ``merge_lora`` then leaves plain weights, and a pack knows nothing of it.
The library peft would bring a further framework for these few lines.

Names are those of ``named_parameters`` and ``named_modules``. A pattern is the start of a name up
to a dot, as in ``encoders.note``, or shell-like, as in ``encoders.note.bert.*.query``. One that
fits nothing is refused: it is a misspelling.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from mmcore.errors import ConfigError


class LowRank(nn.Module):
    """W -> W + (alpha / rank) up @ down, for a matrix (out, in) or a kernel (out, in, ...)."""

    def __init__(self, weight: Tensor, *, rank: int, alpha: float) -> None:
        super().__init__()
        rows, columns = weight.flatten(1).shape
        self.scale = alpha / rank
        self.down = nn.Parameter(torch.empty(rank, columns).to(weight))
        self.up = nn.Parameter(torch.zeros(rows, rank).to(weight))
        nn.init.kaiming_uniform_(self.down, a=5**0.5)

    def forward(self, weight: Tensor) -> Tensor:
        """Return the adapted weight, of the same shape."""
        return weight + (self.up @ self.down).reshape(weight.shape) * self.scale


def freeze(network: nn.Module, patterns: Sequence[str]) -> list[str]:
    """Stop the parameters whose names match from being trained; returns their names.

    Running statistics, as of batch norm, are no parameters and still follow the data.
    """
    parameters = dict(network.named_parameters())
    chosen = _matching(parameters, patterns, key="training.freeze")
    for name in chosen:
        parameters[name].requires_grad = False
    return chosen


def add_lora(network: nn.Module, patterns: Sequence[str], *, rank: int, alpha: float) -> list[str]:
    """Adapt the linear maps and convolutions whose names match; returns the names of their weights.

    A pattern may name modules (``encoders.note.bert.*.query``) or matrices, such as the
    ``in_proj_weight`` of an attention. The outputs of the network do not change by this. Load
    weights before: afterwards they have other names.
    """
    matrices = {
        f"{name}.{key}": (module, key)
        for name, module in network.named_modules()
        for key in ("weight", "in_proj_weight")
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.MultiheadAttention)
        and isinstance(getattr(module, key, None), Tensor)
    }
    named = {key.removesuffix(".weight"): key for key in matrices}
    fits = {**named, **{key: key for key in matrices}}
    chosen = sorted({fits[name] for name in _matching(fits, patterns, key="training.lora")})
    for name in chosen:
        module, key = matrices[name]
        if parametrize.is_parametrized(module, key):
            raise ConfigError(key="training.lora", problem=f"{name} is adapted already")
        weight = cast(nn.Parameter, getattr(module, key))
        weight.requires_grad = False
        parametrize.register_parametrization(module, key, LowRank(weight, rank=rank, alpha=alpha))
    return chosen


def merge_lora(network: nn.Module) -> list[str]:
    """Put what was adapted into the plain weights, in place; returns their names.

    Afterwards the network has the parameters and the names that it had before ``add_lora``, and the
    outputs that it had a moment ago.
    """
    merged = []
    for name, module in list(network.named_modules()):
        if not parametrize.is_parametrized(module):
            continue
        for key, steps in list(cast(nn.ModuleDict, module.parametrizations).items()):
            if any(isinstance(step, LowRank) for step in cast(nn.ModuleList, steps)):
                parametrize.remove_parametrizations(module, key, leave_parametrized=True)
                merged.append(f"{name}.{key}")
    return merged


def parameter_groups(
    network: nn.Module,
    *,
    learning_rate: float,
    weight_decay: float,
    rates: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """Return groups for a torch optimiser: matrices decay, vectors do not, prefixes have rates.

    Parameters that are frozen are left out. Every group holds ``initial_lr``, its learning rate
    before any schedule: set ``group["lr"] = group["initial_lr"] * factor(step)``.
    Raises ``ConfigError`` for a prefix that no parameter has, frozen ones included.
    """
    rates = dict(rates or {})
    names = [name for name, _ in network.named_parameters()]
    for prefix in rates:
        if not any(_is_below(name, prefix) for name in names):
            raise ConfigError(key=f"training.rates.{prefix}", problem="no parameter is below it")
    groups: dict[tuple[str, bool], dict[str, Any]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        prefix = max((p for p in rates if _is_below(name, p)), key=len, default="")
        rate = learning_rate * rates.get(prefix, 1.0)
        is_matrix = parameter.ndim > 1
        group = groups.setdefault(
            (prefix, is_matrix),
            {
                "params": [],
                "lr": rate,
                "initial_lr": rate,
                "weight_decay": weight_decay if is_matrix else 0.0,
            },
        )
        group["params"].append(parameter)
    return list(groups.values())


def _is_below(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def _matching(names: Mapping[str, object], patterns: Sequence[str], *, key: str) -> list[str]:
    for pattern in patterns:
        if not any(_fits(name, pattern) for name in names):
            raise ConfigError(key=key, problem=f"{pattern!r} fits nothing")
    return [name for name in names if any(_fits(name, pattern) for pattern in patterns)]


def _fits(name: str, pattern: str) -> bool:
    return _is_below(name, pattern) or fnmatchcase(name, pattern)
