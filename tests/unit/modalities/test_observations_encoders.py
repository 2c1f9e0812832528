"""Time series of labs and vitals: what is not there says nothing, and order counts."""

import pytest
import torch

from mmcore.modalities import observations
from mmcore.modalities.observations import ObservationsConfig
from mmcore.modalities.observations_encoders import GruObservationsEncoder, ObservationsEncoder

CODES = ["8867-4", "8310-5"]


def encoder_of(name: str, history: int) -> ObservationsEncoder:
    torch.manual_seed(0)
    config = ObservationsConfig(CODES, {}, hidden=8, history=history, name=name)
    built = observations.build(config, 8).eval()
    assert isinstance(built, ObservationsEncoder)
    return built


def series(*values: float, history: int) -> torch.Tensor:
    inputs = torch.zeros(1, len(CODES), history, 3)
    for slot, value in enumerate(values):
        inputs[0, 0, slot] = torch.tensor([value, 1.0, 0.3 * slot])
    return inputs


def test_two_values_mean_the_same_however_many_could_have_been_read() -> None:
    short, long = encoder_of("gru", 2), encoder_of("gru", 6)
    long.load_state_dict(short.state_dict())
    assert torch.allclose(
        short(series(1.0, -1.0, history=2)), long(series(1.0, -1.0, history=6)), atol=1e-6
    )


def test_a_rise_and_a_fall_to_the_same_values_are_told_apart() -> None:
    encoder = encoder_of("gru", 2)
    assert isinstance(encoder, GruObservationsEncoder)
    rise, fall = (encoder(series(*v, history=2)) for v in ((2.0, -2.0), (-2.0, 2.0)))
    assert not torch.allclose(rise, fall, atol=0.05)


def test_a_place_without_a_value_has_no_age() -> None:
    encoder = encoder_of("transformer", 2)
    old = series(1.0, history=2)
    old[0, 0, 1, 2] = 4.0
    assert torch.equal(encoder(old), encoder(series(1.0, history=2)))


def test_a_code_with_a_history_is_one_own_token_however_many_values_it_has() -> None:
    encoder = encoder_of("tokens", 4)
    inputs = torch.cat([series(1.0, history=4), series(1.0, 0.5, -0.5, 0.2, history=4)])
    tokens = encoder(inputs)
    assert tokens.shape == (2, len(CODES), 8)
    assert encoder.own_tokens(inputs, tokens).tolist() == [[1.0, 0.0], [1.0, 0.0]]
    assert not torch.allclose(tokens[0], tokens[1], atol=1e-3)


def test_in_training_a_third_of_the_patients_have_only_their_latest_values() -> None:
    encoder = encoder_of("tokens", 3)
    inputs = torch.ones(2000, len(CODES), 3, 3)
    moved = encoder.augment(inputs, torch.Generator().manual_seed(0))
    observed = moved[..., 1]
    has_course = observed[:, :, 1:].amax((1, 2))
    assert (1 - has_course.mean()).item() == pytest.approx(0.3 + 0.7 * 0.19**2, abs=0.03)
    # A latest value stays when its course is left out, and no course stays without it.
    assert observed[:, :, 0].mean().item() == pytest.approx(0.9, abs=0.02)
    assert bool((observed[:, :, 1:] <= observed[:, :, :1]).all())
    assert torch.equal(moved[..., 0] == 0, observed == 0)


def test_without_a_history_nothing_but_codes_is_left_out() -> None:
    inputs = torch.ones(500, len(CODES), 1, 3)
    moved = encoder_of("tokens", 1).augment(inputs, torch.Generator().manual_seed(0))
    assert moved[..., 1].mean().item() == pytest.approx(0.9, abs=0.03)
