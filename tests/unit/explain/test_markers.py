"""Letters on a slope, words, letters that reach into an outline; and whose a marker's smear is."""

import numpy as np
import pytest

from mmcore.explain.anatomy import DIAPHRAGM, MARKER, SMEAR, WALL, Anatomy, peaks
from mmcore.explain.markers import find_markers
from mmcore.simulate.marker import Marker, plant_marker

NOWHERE = np.zeros((224, 224), bool)


def slope() -> np.ndarray:
    """Return a film that gets lighter from top to bottom, by 60 grey levels over a letter."""
    rows = np.linspace(0, 1400, 224)[:, None] + np.linspace(0, 300, 224)[None]
    return rows.astype(np.uint16)


def found_in(image: np.ndarray, mask: np.ndarray, lungs: np.ndarray = NOWHERE) -> float:
    """Return which part of the strokes is found."""
    return float(find_markers(image.astype(np.float32), lungs=lungs, chest=lungs)[mask].mean())


@pytest.mark.parametrize("text", ["L", "R", "A", "P", "AP", "PA"])
@pytest.mark.parametrize("height", [0.036, 0.05, 0.07])
def test_small_letters_and_words_are_found_on_a_slope(text: str, height: float) -> None:
    film = plant_marker(slope(), Marker(text, 0.2, 0.8, height, 0.4))
    assert found_in(film.pixels, film.mask) > 0.9


def test_a_slope_alone_and_a_wide_edge_hold_no_marker() -> None:
    film = slope()
    film[100:, :] += 400
    assert not find_markers(film.astype(np.float32), lungs=NOWHERE, chest=NOWHERE).any()


def test_a_letter_that_reaches_into_an_outline_is_found_and_one_inside_is_not() -> None:
    film = plant_marker(slope(), Marker("R", 0.5, 0.5, 0.05, 0.5))
    columns = np.nonzero(film.mask)[1]
    half = np.zeros((224, 224), bool)
    half[:, : int(np.median(columns))] = True
    assert found_in(film.pixels, film.mask, half) > 0.9
    assert found_in(film.pixels, film.mask, ~NOWHERE) == 0.0


def test_steepest_ascent_ends_at_the_peak_of_the_hill() -> None:
    values = np.array([[0.0, 1.0, 3.0, 1.0, 0.5, 2.0]])
    assert peaks(values).tolist() == [[2, 2, 2, 2, 5, 5]]


def hill(row: int, column: int, shape: tuple[int, int] = (20, 20)) -> np.ndarray:
    rows, columns = np.indices(shape)
    return np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 18.0)


def anatomy_with_marker(*, at: tuple[int, int]) -> Anatomy:
    cells = np.zeros((20, 20), np.intp)
    cells[:, 10:] = 2
    cells[at] = 1
    return Anatomy((WALL, MARKER, "left lower zone"), cells)


def amounts(anatomy: Anatomy, overlay: np.ndarray) -> dict[str, float]:
    return {p.name: p.positive + p.negative for p in anatomy.sum_places(overlay)}


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_what_falls_off_from_a_peak_at_a_marker_is_the_markers_but_for_the_lung(
    sign: float,
) -> None:
    anatomy, overlay = anatomy_with_marker(at=(8, 6)), sign * hill(8, 6)
    held = amounts(anatomy, overlay)
    rows, columns = np.indices((20, 20))
    near = (abs(rows - 8) <= SMEAR) & (abs(columns - 6) <= SMEAR) & (columns < 10)
    assert held[MARKER] == pytest.approx(overlay[near].sum())
    assert held["left lower zone"] == pytest.approx(overlay[:, 10:].sum())
    assert sum(held.values()) == pytest.approx(overlay.sum())


def test_a_peak_beside_a_marker_keeps_its_evidence() -> None:
    anatomy, overlay = anatomy_with_marker(at=(8, 3)), hill(8, 7)
    assert amounts(anatomy, overlay)[MARKER] == pytest.approx(overlay[8, 3])


def test_places_are_unchanged_without_a_marker() -> None:
    cells = np.zeros((20, 20), np.intp)
    cells[10:] = 1
    anatomy, overlay = Anatomy((WALL, DIAPHRAGM), cells), hill(8, 6)
    assert amounts(anatomy, overlay)[WALL] == pytest.approx(overlay[:10].sum())
