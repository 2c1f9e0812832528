"""Faults planted in good films."""

import numpy as np
import pytest

from mmcore.datasets.faults import FAULTS, plant
from mmcore.datasets.phantoms import phantom_case
from mmcore.records import Instance
from mmcore.simulate import sample_patient


@pytest.fixture(scope="module")
def film() -> Instance:
    return phantom_case(sample_patient(11, 0)).instances[0]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_the_picture_and_nothing_else(film: Instance, name: str) -> None:
    faulty = plant(film, FAULTS[name], np.random.default_rng(0))
    assert faulty.pixels.dtype == film.pixels.dtype
    assert faulty.pixels.min() >= film.pixels.min()
    assert faulty.pixels.max() <= film.pixels.max()
    assert not np.array_equal(faulty.pixels, film.pixels)
    assert faulty.view_position == film.view_position
    assert faulty.digest != film.digest


@pytest.mark.parametrize("name", FAULTS)
def test_the_same_draw_plants_the_same_fault(film: Instance, name: str) -> None:
    once, again = (plant(film, FAULTS[name], np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(once.pixels, again.pixels)


def test_a_negative_and_a_mirrored_film_are_exact(film: Instance) -> None:
    draw = np.random.default_rng(0)
    low, high = int(film.pixels.min()), int(film.pixels.max())
    inverted = plant(film, FAULTS["inverted"], draw).pixels.astype(int)
    assert np.abs(inverted - (low + high - film.pixels.astype(int))).max() <= 1
    mirrored = plant(film, FAULTS["mirrored"], draw).pixels
    assert np.abs(mirrored.astype(int) - film.pixels[:, :, ::-1].astype(int)).max() <= 1


def test_a_cropped_film_has_lost_a_third_to_a_half(film: Instance) -> None:
    for seed in range(8):
        cropped = plant(film, FAULTS["cropped"], np.random.default_rng(seed))
        assert 0.48 < cropped.pixels.size / film.pixels.size < 0.68
