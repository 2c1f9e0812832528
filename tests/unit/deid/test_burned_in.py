"""Names written into pixels are found; films without any are left alone."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from mmcore.deid.burned_in import find_text
from mmcore.records import Instance, PixelArray
from mmcore.simulate import sample_patient

FONTS = Path(__file__).parents[3] / "assets" / "fonts"


@pytest.fixture(scope="module")
def film() -> PixelArray:
    return sample_patient(77, 0).pixels


def instance(pixels: PixelArray, *, inverted: bool = False) -> Instance:
    return Instance(
        digest="", sop_instance_uid="1", sop_class_uid="1", dicom_modality="DX",
        pixels=pixels[None], is_inverted=inverted,
    )  # fmt: skip


def ink(shape: tuple[int, ...], text: str, *, font: str, size: int, at: tuple[int, int]) -> Image:
    """Return (rows, columns) coverage of the letters, 0 to 1."""
    canvas = Image.new("L", (shape[1], shape[0]))
    ImageDraw.Draw(canvas).text(
        at, text, fill=255, font=ImageFont.truetype(FONTS / f"{font}.ttf", size)
    )
    return np.asarray(canvas, np.float32) / 255


@pytest.mark.parametrize(
    ("font", "size", "at", "is_dark"),
    [
        ("DejaVuSans", 11, (6, 4), False),
        ("DejaVuSans", 18, (250, 480), True),
        ("DejaVuSans-Bold", 18, (250, 480), False),
        ("DejaVuSans-Bold", 30, (40, 230), True),
        ("NotoSansSC-Regular", 11, (6, 4), True),
        ("NotoSansSC-Regular", 30, (40, 230), False),
    ],
)
def test_a_name_is_found_in_every_font_size_place_and_polarity(
    film: PixelArray, font: str, size: int, at: tuple[int, int], is_dark: bool
) -> None:
    cover = ink(film.shape, "DOE^JANE 1961", font=font, size=size, at=at)
    row, column = (int(v) for v in np.argwhere(cover > 0.5)[0])
    under = float(film[row, column])
    grey = float(film.min()) if is_dark and under > 0.4 * film.max() else float(film.max())
    pixels = (film * (1 - cover) + grey * cover).astype(film.dtype)
    found = np.zeros(film.shape, bool)
    for box in find_text(instance(pixels, inverted=is_dark)):
        found[box.row : box.row + box.rows, box.column : box.column + box.columns] = True
        assert 0 < box.confidence <= 1
    assert found[cover > 0.3].mean() > 0.8


def test_a_name_is_found_in_colour_and_in_a_large_image() -> None:
    rows, columns = 2400, 2000
    smooth = np.add.outer(np.arange(rows), np.arange(columns)).astype(np.float32) / 40
    cover = ink((rows, columns), "Smith, Robert 63Y", font="DejaVuSans", size=44, at=(60, 50))
    pixels = np.stack([smooth * (1 - cover) + value * cover for value in (255, 255, 0)], axis=-1)
    boxes = find_text(instance(pixels.astype(np.uint8)))
    assert any(b.row < 80 and b.column < 90 and b.columns > 300 for b in boxes)


def test_a_film_without_text_has_none(film: PixelArray) -> None:
    assert find_text(instance(film)) == ()
    assert find_text(instance(sample_patient(77, 3).pixels)) == ()
    noise = np.random.default_rng(0).normal(1000, 100, (256, 256)).astype(np.float32)
    assert find_text(instance(noise)) == ()
