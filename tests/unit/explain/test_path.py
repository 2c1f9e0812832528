"""Integrated Gradients: sums to the change, spends steps only where needed, hides no error."""

import pytest
import torch
from torch import Tensor

from mmcore.explain.path import MAX_STEPS, PathAttribution, integrate


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


def test_steps_double_until_the_sum_is_close_enough() -> None:
    def steep(x: Tensor) -> Tensor:
        return torch.sigmoid(40.0 * (x[:, 0] - 0.37))

    result = attribute(steep, [1.0], tolerance=1e-3)
    assert result.n_steps > 4
    assert abs(result.error) <= 1e-3


def test_a_jump_that_no_quadrature_follows_is_reported_not_spread() -> None:
    def jump(x: Tensor) -> Tensor:
        return (x[:, 0] > 0.5).float() + 0.0 * x[:, 0]

    result = attribute(jump, [1.0])
    assert result.n_steps == MAX_STEPS
    assert result.error == pytest.approx(-1.0)  # all of the change is missing, and said so
