"""Integrated Gradients: sums to the change, spends steps only where needed, hides no error."""

import pytest
import torch
from torch import Tensor

from mmcore.explain.path import MAX_STEPS, PathAttribution, integrate, roughly


def attribute(function: object, end: list[float], *, tolerance: float = 1e-4) -> PathAttribution:
    inputs, baselines = torch.tensor([end]), torch.zeros(1, len(end))
    with torch.no_grad():
        change = float(function(inputs) - function(baselines))  # type: ignore[operator]
    return integrate(
        function,  # type: ignore[arg-type]
        inputs,
        baselines,
        change=change,
        tolerance=tolerance,
        first_steps=4,
        internal_batch_size=8,
    )


def test_a_linear_function_gives_each_input_its_own_term() -> None:
    result = attribute(lambda x: x @ torch.tensor([2.0, -3.0]), [1.0, 0.5])
    assert result.values.tolist() == pytest.approx([2.0, -1.5])
    assert result.n_steps == 4


def test_a_product_is_split_evenly_between_equal_factors() -> None:
    # The path integral of y dx and of x dy along the diagonal to (2, 2) is 2 each.
    result = attribute(lambda x: x[:, 0] * x[:, 1], [2.0, 2.0])
    assert result.values.tolist() == pytest.approx([2.0, 2.0], abs=1e-5)


def test_points_are_added_until_the_sum_is_close_enough() -> None:
    def steep(x: Tensor) -> Tensor:
        return torch.sigmoid(40.0 * (x[:, 0] - 0.37))

    result = attribute(steep, [1.0], tolerance=1e-3)
    assert result.n_steps > 4
    assert abs(result.error) <= 1e-3


def test_a_jump_that_no_quadrature_follows_is_reported_not_spread() -> None:
    def jump(x: Tensor) -> Tensor:
        return (x[:, 0] > 0.5).float() + 0.0 * x[:, 0]

    result = attribute(jump, [1.0])
    assert MAX_STEPS - 8 <= result.n_steps <= MAX_STEPS
    assert result.error == pytest.approx(-1.0)  # all of the change is missing, and said so


def test_points_are_spent_where_the_function_changes_and_the_others_are_kept() -> None:
    seen: list[float] = []

    def steep_at_the_end(x: Tensor) -> Tensor:
        if x.requires_grad:
            seen.extend(x[:, 0].tolist())
        return torch.sigmoid(60.0 * (x[:, 0] - 0.9))

    result = attribute(steep_at_the_end, [1.0], tolerance=1e-3)
    assert abs(result.error) <= 1e-3
    assert len(seen) == len(set(seen)) == result.n_steps
    assert sum(t > 0.75 for t in seen) > sum(t < 0.5 for t in seen)


def test_paths_walked_together_give_what_each_gives_alone() -> None:
    def function(x: Tensor) -> Tensor:
        return x[:, 0] ** 2 * x[:, 1]

    inputs, baselines = torch.tensor([[1.0, 2.0], [3.0, 0.5]]), torch.tensor([[0.0, 1.0]])
    together = roughly(function, inputs, baselines.expand(2, -1), n_steps=3)
    alone = [roughly(function, row[None], baselines, n_steps=3)[0] for row in inputs]
    assert torch.allclose(together, torch.stack(alone))
    # Three Gauss-Legendre points are exact for a cubic.
    assert torch.allclose(together.sum(1), function(inputs) - function(baselines))


def test_small_batches_give_the_same_parts() -> None:
    def function(x: Tensor) -> Tensor:
        return torch.sin(3.0 * x[:, 0]) * x[:, 1]

    inputs, baselines = torch.tensor([[2.0, 1.5]]), torch.zeros(1, 2)
    change = float(function(inputs) - function(baselines))
    one, other = (
        integrate(
            function, inputs, baselines, change=change, tolerance=1e-4, first_steps=12,
            internal_batch_size=size,
        )
        for size in (2, 64)
    )  # fmt: skip
    assert one.n_steps == other.n_steps
    assert one.values.tolist() == pytest.approx(other.values.tolist(), abs=1e-6)
