"""Time series of labs and vitals: what is not there says nothing, and order counts."""

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
