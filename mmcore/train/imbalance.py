"""Rare classes and confounders: weights of positives, and which patients an epoch sees.

Labels are (N, K) with 1, 0 and NaN for what is not known. Everything is a function of its arguments
alone, so that a resumed run draws the same patients.
"""

from typing import Literal, get_args

import torch
from torch import Tensor

SamplingMode = Literal["shuffle", "balanced"]

CAP = 10.0  # no patient is drawn more than this many times as often as the average one
_ROUNDS = 50


def pos_weights(labels: Tensor, *, cap: float = 20.0) -> Tensor:
    """Return (K,) negatives per positive, within [1 / cap, cap], for ``binary_cross_entropy``.

    1 where one of both is missing: there is nothing to balance.
    """
    positives, negatives = (labels == 1).sum(0).double(), (labels == 0).sum(0).double()
    ratio = (negatives / positives.clamp(min=1)).clamp(1.0 / cap, cap)
    return torch.where((positives > 0) & (negatives > 0), ratio, 1.0).float()


def balanced_weights(labels: Tensor) -> Tensor:
    """Return (N,) float64 weights with mean 1 under which rare label values are seen more often.

    A known label is worth the inverse of how often its value is known, so that both values of each
    label are worth the same in all; a patient is worth the mean of what is known. With one label
    both values are then drawn equally often. With many they come closer to that, as patients carry
    common and rare labels together. Who has no label is worth the average.
    """
    known = ~labels.isnan()
    worth = torch.zeros(labels.shape, dtype=torch.float64)
    for value in (0, 1):
        is_value = labels == value
        count = is_value.sum(0).double()
        worth = torch.where(is_value, known.sum(0) / (2.0 * count.clamp(min=1)), worth)
    counts = known.sum(1)
    mean = torch.where(counts > 0, worth.sum(1) / counts.clamp(min=1), 1.0)
    return mean / mean.mean()


def independent_weights(
    labels: Tensor, strata: Tensor, *, base: Tensor | None = None, cap: float = CAP
) -> Tensor:
    """Return (N,) float64 weights with mean 1 under which no label depends on the stratum.

    ``strata`` (N,) are whole numbers, such as the view of the radiograph; "unknown" is a stratum of
    its own. Among patients in whom a label is known, the weighted share of positives becomes the
    same in every stratum, for each label, while shares of labels and strata stay those under
    ``base`` (default: all alike). Of all such weights these are the closest to ``base``: iterative
    proportional fitting (Deming and Stephan 1940); for one label, the reweighing of Kamiran and
    Calders 2012.

    A stratum without positives, or without negatives, can not be made like the others: there the
    label's table is left out, for that stratum. ``cap`` bounds a weight; where it binds, and where
    labels contradict each other, the independence is approximate.
    """
    groups = torch.unique(strata, return_inverse=True)[1]
    weights = torch.ones(len(labels), dtype=torch.float64) if base is None else base.double()
    tables = [_cells(column, groups) for column in labels.unbind(dim=1)]
    aims = [None if cells is None else _product(cells, weights) for cells in tables]
    for _ in range(_ROUNDS):
        for cells, aim in zip(tables, aims, strict=True):
            if cells is not None and aim is not None:
                now = torch.zeros_like(aim).index_add_(0, cells[cells >= 0], weights[cells >= 0])
                factors = torch.where(now > 0, aim / now, 1.0)
                factors = torch.cat([factors, torch.ones(1, dtype=torch.float64)])
                weights = weights * factors[cells]  # cell -1 is the 1 at the end
        weights = (weights / weights.mean()).clamp(max=cap)
    return weights / weights.mean()


def order_of_epoch(
    labels: Tensor,
    *,
    seed: int,
    epoch: int,
    mode: SamplingMode = "shuffle",
    strata: Tensor | None = None,
) -> Tensor:
    """Return (N,) int64 rows in the order in which epoch number ``epoch`` sees them.

    "shuffle": every row once. "balanced": rare label values more often (``balanced_weights``). With
    ``strata`` labels do not depend on the stratum in expectation (``independent_weights``), in
    either mode. A row of weight w is then seen w times, rounded up or down at random.
    """
    if mode not in get_args(SamplingMode):
        raise ValueError(f"{mode!r} is no way of sampling: {', '.join(get_args(SamplingMode))}")
    generator = torch.Generator().manual_seed(seed * 1_000 + epoch)
    if mode == "shuffle" and strata is None:
        return torch.randperm(len(labels), generator=generator)
    weights = balanced_weights(labels) if mode == "balanced" else None
    if strata is not None:
        weights = independent_weights(labels, strata, base=weights)
    assert weights is not None  # one of both was asked for
    return draw(weights, generator)


def draw(weights: Tensor, generator: torch.Generator) -> Tensor:
    """Return (N,) rows, each as often as its weight (of mean 1) says, in random order.

    Systematic sampling: one random offset and equal steps along the summed weights. A row is seen
    floor(w) or ceil(w) times and w times in expectation, with less chance than independent draws.
    """
    count = len(weights)
    weights = weights.double().clamp(max=CAP)
    ends = torch.cumsum(weights / weights.sum() * count, dim=0)
    offset = torch.rand(1, generator=generator, dtype=torch.float64)
    steps = torch.arange(count, dtype=torch.float64) + offset
    rows = torch.searchsorted(ends, steps, right=True).clamp(max=count - 1)
    return rows[torch.randperm(count, generator=generator)]


def _cells(label: Tensor, groups: Tensor) -> Tensor | None:
    """Return (N,) the number of each row's cell in the table of stratum and label.

    -1 where the label is not known or all of the stratum have the same; None if so everywhere.
    """
    count = int(groups.max()) + 1
    known = ~label.isnan()
    values = label.nan_to_num(nan=0.0).long()
    sizes = torch.bincount((groups * 2 + values)[known], minlength=2 * count).reshape(count, 2)
    usable = known & (sizes > 0).all(dim=1)[groups]
    return torch.where(usable, groups * 2 + values, -1) if bool(usable.any()) else None


def _product(cells: Tensor, weights: Tensor) -> Tensor:
    """Return the table that has the same margins as the weighted one, and no dependence."""
    inside = cells >= 0
    flat = torch.zeros(2 * (int(cells.max()) // 2 + 1), dtype=torch.float64)
    table = flat.index_add_(0, cells[inside], weights[inside]).reshape(-1, 2)
    product = table.sum(1, keepdim=True) * table.sum(0, keepdim=True) / table.sum()
    return product.flatten()
