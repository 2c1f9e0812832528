"""The laws that every encoder keeps, whatever it reads."""

import torch
from torch import Tensor

from mmcore.explain.path import integrate
from mmcore.modalities import Encoder


def tokens_of(encoder: Encoder, inputs: Tensor) -> Tensor:
    result: Tensor = encoder(encoder.embed(inputs))
    return result


def assert_rows_do_not_mix(encoder: Encoder, inputs: Tensor) -> None:
    together = tokens_of(encoder, inputs)
    for row in range(len(inputs)):
        alone = tokens_of(encoder, inputs[row : row + 1])[0]
        assert torch.allclose(alone, together[row], atol=1e-5)


def assert_absence_is_one_input(encoder: Encoder, inputs: Tensor) -> None:
    blank = encoder.baseline_input()[None]
    assert blank.dtype == inputs.dtype
    assert blank.shape[1:] == inputs.shape[1:]
    alone = tokens_of(encoder, blank)[0]
    among = tokens_of(encoder, torch.cat([inputs, blank]))[-1]
    assert torch.allclose(alone, among, atol=1e-5)


def assert_gradients_reach_everything(encoder: Encoder, inputs: Tensor) -> None:
    with torch.no_grad():  # residual branches start at exactly zero: move them off it
        for parameter in encoder.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    weight = torch.randn_like(tokens_of(encoder, inputs))  # a plain sum is 0 after a layer norm
    (tokens_of(encoder, inputs) * weight).sum().backward()
    silent = [
        name
        for name, p in encoder.named_parameters()
        if p.grad is None or not bool((p.grad != 0).any())
    ]
    assert silent == []


def assert_path_integral_converges(encoder: Encoder, inputs: Tensor) -> None:
    """Integrated Gradients in evaluation sum to the change, as the ledger needs them to.

    Images start at one that is not blank, as real ones do: group norm knows no scale, so that near
    a blank image every faint one looks alike.
    """
    encoder.eval().requires_grad_(requires_grad=False)
    blank = inputs[1] if encoder.grid else encoder.baseline_input()
    start, end = encoder.embed(blank[None]), encoder.embed(inputs[:1])
    shape = encoder(start).shape
    direction = torch.randn(shape) / shape.numel() ** 0.5

    def score(embedded: Tensor) -> Tensor:
        return (encoder(embedded) * direction).sum((1, 2))

    with torch.no_grad():
        change = float(score(end) - score(start))
    found = integrate(
        score, end, start, change=change, tolerance=0.01 * abs(change) + 1e-4,
        first_steps=16, internal_batch_size=32,
    )  # fmt: skip
    assert abs(found.error) <= 0.01 * abs(change) + 1e-4
    assert found.n_steps <= 128


def assert_own_tokens_fit(encoder: Encoder, inputs: Tensor) -> None:
    tokens = tokens_of(encoder, inputs)
    own = encoder.own_tokens(inputs, tokens)
    assert own.shape == tokens.shape[:2]
    assert bool(own.any(1).all())
    assert set(own.unique().tolist()) <= {0.0, 1.0}


def assert_changes_keep_the_shape(encoder: Encoder, inputs: Tensor) -> None:
    generator = torch.Generator().manual_seed(0)
    for change in (encoder.augment, encoder.leave_out):
        changed = change(inputs.clone(), generator)
        assert changed.shape == inputs.shape
        assert changed.dtype == inputs.dtype
