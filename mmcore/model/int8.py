"""Weights as 8-bit integers: half the size of a pack's half-precision weights, same architecture.

Every row of a large weight tensor is stored as integers from -127 to 127 with one scale, symmetric
round to nearest (Jacob et al. 2018, weights alone). Loading turns them back into floats, so nothing
else knows of it and attribution runs on floats as ever.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

SCALE = "::scale"  # behind the name of a tensor: its rows' scales
LEAST = 1024  # elements; smaller tensors stay as they are
LEVELS = 127


def pack_int8(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with large weights as int8 (rows, ...) and float32 scales (rows,).

    Baseline inputs are data, not weights, and stay as they are.
    """
    packed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if not is_large(name, tensor):
            packed[name] = tensor
            continue
        rows = tensor.float().flatten(1)
        scale = rows.abs().amax(1).clamp(min=1e-12) / LEVELS
        packed[name] = (rows / scale[:, None]).round().to(torch.int8).reshape(tensor.shape)
        packed[name + SCALE] = scale
    return packed


def is_large(name: str, tensor: Tensor) -> bool:
    """Say whether the tensor of that name holds weights worth compressing."""
    is_weight = tensor.is_floating_point() and tensor.ndim > 1 and tensor.numel() >= LEAST
    return is_weight and not name.startswith("baseline_")


def unpack_int8(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors as floats; those without scales are the same objects.

    Raises ``ValueError`` for scales without a tensor of as many rows.
    """
    plain = {name: tensor for name, tensor in tensors.items() if not name.endswith(SCALE)}
    for name, scale in tensors.items():
        if name.endswith(SCALE):
            of = plain.get(name.removesuffix(SCALE))
            if of is None or of.dtype is not torch.int8 or scale.shape != of.shape[:1]:
                raise ValueError(f"{name} scales nothing")
            rows = scale.float().reshape(-1, *[1] * (of.ndim - 1))
            plain[name.removesuffix(SCALE)] = of.float() * rows
    return plain
