"""A box is seen where it lies, and what is said of it is seen without colour."""

import io

import numpy as np
from PIL import Image

from mmcore.deid.pictures import MOST_SIDE, Mark, drawn, picture_of
from mmcore.deid.records import Box
from tests.app import factory


def grey(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("L")).astype(int)


def test_a_picture_has_the_whole_range_of_the_values() -> None:
    pixels = np.array([[[0, 100], [2000, 4000]]], np.uint16)
    picture, share = picture_of(factory.image(pixels=pixels))
    assert picture.tolist() == [[0, 6], [128, 255]]
    assert share == 1.0
    inverted, _ = picture_of(factory.image(pixels=pixels, is_inverted=True))
    assert inverted.tolist() == [[255, 249], [127, 0]]


def test_a_large_image_becomes_smaller_and_its_boxes_with_it() -> None:
    pixels = np.zeros((1, 800, 2 * MOST_SIDE), np.uint16)
    pixels[0, 50, :] = 1
    picture, share = picture_of(factory.image(pixels=pixels))
    assert picture.shape == (400, MOST_SIDE)
    assert share == 0.5
    plain = grey(drawn(picture, share, []))
    marked = grey(drawn(picture, share, [(Box(400, 2000, 30, 400), Mark.MASKED)]))
    below = slice(202, None)  # its number is written above it
    rows, columns = np.nonzero(marked[below] != plain[below])
    assert (rows.max() + 202, columns.min(), columns.max()) == (214, 1000, 1199)


def test_each_mark_is_drawn_in_its_own_way() -> None:
    picture = np.full((200, 200), 90, np.uint8)
    inside = {}
    for mark in Mark:
        image = grey(drawn(picture, 1.0, [(Box(60, 40, 80, 120), mark)]))
        inside[mark] = image[65:135, 45:155]
        edge = image[60, 40:160] != 90
        assert edge.any()
        assert edge.all() == (mark is not Mark.PROPOSED), "dashes have gaps"
    assert (inside[Mark.PROPOSED] == 90).all()
    assert (inside[Mark.MASKED] == 0).all()
    assert 0 < (inside[Mark.DISMISSED] != 90).mean() < 0.1, "a stroke through it"


def test_text_in_any_frame_is_seen_in_the_picture_of_all() -> None:
    pixels = np.full((5, 40, 60), 100, np.uint8)
    pixels[3, 10:20, 5:50] = 250
    pixels[4, 30:35, 5:50] = 0
    picture, _ = picture_of(factory.image(pixels=pixels))
    assert (picture[10:20, 5:50] == 255).all()
    assert (picture[30:35, 5:50] == 0).all()
    alone, _ = picture_of(factory.image(pixels=pixels), 3)
    assert (alone[10:20, 5:50] == 255).all()
    assert len(np.unique(alone[30:35])) == 1
