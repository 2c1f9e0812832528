"""A burned-in marker changes its own strokes and nothing else."""

import numpy as np
import pytest

from mmcore.simulate.marker import CORNERS, Corner, Marker, plant_marker, sample_marker


def film() -> np.ndarray:
    rows = np.linspace(500, 3500, 256)[:, None]
    return (rows + np.zeros((1, 256))).astype(np.uint16)


def test_only_the_strokes_change_and_the_film_given_stays_as_it_was() -> None:
    plain = film()
    marked = plant_marker(plain, Marker("L", row=0.1, column=0.1))
    assert marked.pixels.dtype == np.uint16
    assert (marked.pixels[~marked.mask] == plain[~marked.mask]).all()
    assert (marked.pixels[marked.mask] != plain[marked.mask]).all()
    assert (plain == film()).all()


def test_an_l_is_a_stem_with_a_foot() -> None:
    mask = plant_marker(film(), Marker("L", row=0.5, column=0.5, height=7 / 256)).mask
    rows, columns = np.nonzero(mask)
    letter = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert letter.shape == (7, 5)
    assert letter[:, 0].all()
    assert letter[-1].all()
    assert letter.sum() == 7 + 4


def test_a_marker_is_lighter_than_dark_film_and_darker_than_light_film() -> None:
    above = plant_marker(film(), Marker("R", row=0.1, column=0.5, contrast=0.4))
    below = plant_marker(film(), Marker("R", row=0.9, column=0.5, contrast=0.4))
    low, high = np.percentile(film(), (1, 99))
    assert (above.pixels[above.mask] - film()[above.mask].astype(int)).min() >= 0.39 * (high - low)
    assert (below.pixels[below.mask] - film()[below.mask].astype(int)).max() <= -0.39 * (high - low)
    assert above.pixels.max() <= film().max()


@pytest.mark.parametrize("corner", CORNERS)
def test_a_sampled_marker_stands_in_its_corner_and_follows_from_the_generator(
    corner: Corner,
) -> None:
    first, again = (sample_marker(np.random.default_rng(4), corner=corner) for _ in range(2))
    assert first == again
    down, across = np.argwhere(plant_marker(film(), first).mask).mean(0) / 256
    assert (down < 0.25) == corner.startswith("upper")
    assert (down > 0.75) == corner.startswith("lower")
    assert (across < 0.25) == corner.endswith("left")
    assert (across > 0.75) == corner.endswith("right")


def test_a_marker_at_the_edge_is_moved_inside_whole() -> None:
    inside = plant_marker(film(), Marker("AP", row=0.5, column=0.5)).mask.sum()
    for row, column in ((0.0, 0.0), (1.0, 1.0)):
        assert plant_marker(film(), Marker("AP", row=row, column=column)).mask.sum() == inside


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": ""}, {"text": "Q"}, {"row": 1.2}, {"column": float("nan")}, {"height": 0.0},
        {"contrast": 0.0}, {"contrast": 1.5},
    ],
)  # fmt: skip
def test_a_marker_that_can_not_be_drawn_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Marker(**{"text": "L", "row": 0.5, "column": 0.5, **wrong})  # type: ignore[arg-type]


def test_a_film_too_small_for_its_marker_is_refused() -> None:
    with pytest.raises(ValueError, match="larger than the film"):
        plant_marker(np.zeros((16, 4), np.uint16), Marker("L", row=0.5, column=0.5))
