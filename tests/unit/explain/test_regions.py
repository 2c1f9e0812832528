"""The overlay keeps the sum, and its regions point where the evidence is."""

import numpy as np
import pytest

from mmcore.explain.regions import OVERLAY_CELL, blend_overlay, name_regions
from mmcore.orientation import Side

BOX = (0.0, 0.0, 512.0, 512.0)
RIGHT_LEFT: tuple[Side, Side] = ("R", "L")


def pixels_with(row: int, column: int, value: float) -> np.ndarray:
    pixels = np.zeros((224, 224))
    pixels[row : row + 8, column : column + 8] = value / 64.0
    return pixels


def overlay_of(pixels: np.ndarray) -> np.ndarray:
    """Return the overlay of pixel attributions and of tokens that agree with them."""
    return blend_overlay(pixels, pixels.reshape(14, 16, 14, 16).sum((1, 3)))


@pytest.mark.parametrize("corner", [(0, 0), (100, 50), (216, 216)])
def test_blending_neither_loses_nor_makes_evidence(corner: tuple[int, int]) -> None:
    overlay = overlay_of(pixels_with(*corner, 3.0))
    assert overlay.shape == (224 // OVERLAY_CELL, 224 // OVERLAY_CELL)
    assert overlay.sum() == pytest.approx(3.0)


def test_the_first_region_lies_where_the_evidence_was_put() -> None:
    overlay = overlay_of(pixels_with(160, 32, 2.0))
    first = name_regions(overlay, box=BOX, sides=RIGHT_LEFT)[0]
    row, column = first.where
    assert abs(float(row) - 164 / 224 * 512) < 12
    assert abs(float(column) - 36 / 224 * 512) < 12
    assert first.what == "lower third, patient's right"


def test_an_image_of_unknown_orientation_names_no_side_of_the_patient() -> None:
    overlay = overlay_of(pixels_with(10, 190, 2.0))
    first = name_regions(overlay, box=BOX, sides=None)[0]
    assert first.what == "upper third, right of the image"


def test_a_mirrored_image_names_the_sides_the_other_way() -> None:
    overlay = overlay_of(pixels_with(160, 32, 2.0))
    first = name_regions(overlay, box=BOX, sides=("L", "R"))[0]
    assert first.what == "lower third, patient's left"


def test_evidence_for_and_against_are_regions_of_their_own_and_all_sum_up() -> None:
    overlay = overlay_of(pixels_with(40, 40, 2.0) + pixels_with(150, 150, -1.5))
    items = name_regions(overlay, box=BOX, sides=RIGHT_LEFT)
    assert items[0].signed > 1.0
    assert items[1].signed < -0.7
    assert sum(i.signed for i in items) == pytest.approx(0.5)


def test_a_map_without_evidence_names_no_region() -> None:
    items = name_regions(np.zeros((56, 56)), box=BOX, sides=RIGHT_LEFT)
    assert [(i.what, i.signed) for i in items] == [("rest of the image", 0.0)]


def test_a_padded_image_is_mapped_back_to_stored_pixels() -> None:
    overlay = overlay_of(pixels_with(108, 108, 1.0))  # centre of the square
    first = name_regions(overlay, box=(-100.0, 0.0, 600.0, 600.0), sides=RIGHT_LEFT)[0]
    assert first.where[0] == pytest.approx(200.0, abs=12)


def test_thirds_and_sides_are_those_of_the_image_not_of_its_padded_square() -> None:
    box = (-128.0, 0.0, 512.0, 512.0)  # 256 rows of 512 columns, padded above and below
    top = overlay_of(pixels_with(64, 190, 1.0))  # row 27 of 256
    assert name_regions(top, box=box, sides=RIGHT_LEFT)[0].what == "upper third, patient's left"
    outside = overlay_of(pixels_with(16, 190, 1.0))
    assert name_regions(outside, box=box, sides=RIGHT_LEFT)[0].what == "margin beside the image"


def test_what_lies_on_one_side_and_its_mirror_image_are_named_alike() -> None:
    for column in range(0, 224, 4):
        pixels = np.zeros((224, 224))
        pixels[100:104, column : column + 4] = 1.0  # one cell
        here, there = (
            name_regions(overlay_of(p), box=BOX, sides=None)[0].what
            for p in (pixels, pixels[:, ::-1])
        )
        swapped = here.replace("left", "L").replace("right", "left").replace("L", "right")
        assert there == swapped


def test_one_lesion_is_one_region_with_all_of_its_evidence() -> None:
    rows, columns = np.mgrid[0:224, 0:224]
    blob = np.exp(-((rows - 120) ** 2 + (columns - 70) ** 2) / (2 * 15.0**2))
    items = name_regions(overlay_of(blob / blob.sum() * 4.0), box=BOX, sides=("R", "L"))
    assert len(items) == 2  # the region and what is left of the image
    assert items[0].signed > 3.3  # a bell cut at 15 % of its height holds 85 % of its volume


def test_two_lesions_that_touch_are_two_regions() -> None:
    rows, columns = np.mgrid[0:224, 0:224]
    upper = np.exp(-((rows - 70) ** 2 + (columns - 70) ** 2) / (2 * 14.0**2))
    lower = np.exp(-((rows - 130) ** 2 + (columns - 70) ** 2) / (2 * 14.0**2))
    items = name_regions(overlay_of((upper + 0.6 * lower) / 500.0), box=BOX, sides=("R", "L"))
    assert [round(float(i.where[0]) / 512 * 224, -1) for i in items[:2]] == [70, 130]
    assert items[0].signed > items[1].signed > 0.5 * items[0].signed
