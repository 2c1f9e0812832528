"""The key image and the overlays of the result document."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from mmcore.errors import NonFiniteResultError
from mmcore.records import Window
from mmcore.report import result_document
from mmcore.report.images import display_png, quantise
from tests.unit.report.factories import make_case, make_instance, make_pixels, make_result


def grey_of(instance) -> np.ndarray:
    png, _ = display_png(instance)
    return np.asarray(Image.open(io.BytesIO(png)))


def test_window_is_applied_as_dicom_defines_it():
    # PS3.3 C.11.2.1.2.1 with center 50, width 101: y = ((x - 49.5) / 100 + 0.5) * 255,
    # so 0 and less give 0 or nearly so, 49.5 gives 127.5, and above 99.5 everything is 255.
    pixels = np.array([[[-20, -1, 25, 75, 100, 300]]], dtype=np.int16)
    grey = grey_of(make_instance(pixels=pixels, windows=(Window(50.0, 101.0),)))
    assert grey.tolist() == [[0, 0, 65, 193, 255, 255]]


def test_monochrome1_is_the_negative_of_its_twin():
    plain = grey_of(make_instance())
    inverted = grey_of(make_instance(is_inverted=True))
    np.testing.assert_allclose(inverted.astype(int) + plain.astype(int), 255, atol=1)


def test_key_image_is_bounded_and_tells_its_scale_to_stored_pixels():
    instance = make_instance(pixels=make_pixels(3072, 1536))
    image = result_document(make_result(case=make_case(instances=(instance,))))["case"]["key_image"]
    assert (image["rows"], image["columns"]) == (768, 384)
    assert image["stored"] == [3072, 1536]
    assert image["scale"] == [4.0, 4.0]
    assert image["spacing_mm"] == [0.6, 0.6]
    with Image.open(io.BytesIO(base64.b64decode(image["png"]))) as png:
        assert png.size == (384, 768)
        assert png.mode == "L"


def test_the_image_that_the_model_reads_stands_for_the_case():
    lateral = make_instance(view_position="LL", digest="d4" * 32)
    case = make_case(instances=(lateral, make_instance()))
    document = result_document(make_result(case=case))
    assert document["case"]["key_image"]["view_position"] == "PA"
    alone = result_document(make_result(case=make_case(instances=(lateral,))))
    assert alone["case"]["key_image"]["view_position"] == "LL"


def test_a_colour_image_without_window_becomes_grey():
    pixels = np.zeros((1, 70, 80, 3), dtype=np.uint8)
    pixels[:, 35:] = (255, 255, 255)
    grey = grey_of(make_instance(pixels=pixels, windows=()))
    assert grey[0, 0] == 0
    assert grey[-1, -1] == 255


def test_overlay_keeps_its_values_to_half_a_quantum():
    values = np.linspace(-0.3, 0.7, 91, dtype=np.float32).reshape(7, 13)
    data, scale = quantise(values)
    restored = np.frombuffer(data, np.int8).reshape(7, 13) * scale
    assert scale == pytest.approx(0.7 / 127.0)
    assert np.abs(restored - values).max() <= scale / 2 + 1e-9


def test_an_overlay_of_zeros_stays_zero_and_nan_is_refused():
    assert quantise(np.zeros((2, 3), dtype=np.float32)) == (bytes(6), 0.0)
    with pytest.raises(NonFiniteResultError):
        quantise(np.full((2, 2), np.nan, dtype=np.float32))
