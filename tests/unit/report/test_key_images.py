"""Pictures of a reader: what is taken, and that they survive the document and the PDF."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from pypdf import PdfReader

from mmcore.errors import ResultFormatError
from mmcore.records import MOST_CAPTION, MOST_KEY_IMAGES, KeyImage
from mmcore.report import checked_png, render_pdf, result_document
from mmcore.report.key_images import LONGEST_SIDE
from mmcore.report.reading import read_document
from tests.unit.report.factories import make_result
from tests.unit.report.test_storage import SCHEMA

T = datetime(2026, 3, 3, 14, 5, 7, tzinfo=UTC)


def png(width: int = 80, height: int = 60, mode: str = "RGBA", **saving: object) -> bytes:
    values = np.random.default_rng(1).integers(0, 255, (height, width, 4)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).convert(mode).save(buffer, "PNG", **saving)
    return buffer.getvalue()


def key_image(n: int = 0, **changes: object) -> KeyImage:
    values = {
        "png": checked_png(png(mode="RGB")), "digest": "a" * 64, "frame": n,
        "caption": f"What I saw, number {n}", "recorded_at": T,
    } | changes  # fmt: skip
    return KeyImage(**values)  # type: ignore[arg-type] # values by name


def document(*images: KeyImage) -> dict:
    return dict(result_document(replace(make_result(), key_images=images)))


def test_only_the_pixels_of_a_picture_are_taken_over() -> None:
    told = PngImagePlugin.PngInfo()
    told.add_text("Author", "Doe^Jane")
    given = png(mode="RGB", pnginfo=told)
    taken = checked_png(given)
    assert b"Doe" in given
    assert b"Doe" not in taken
    before, after = (np.asarray(Image.open(io.BytesIO(data))) for data in (given, taken))
    assert np.array_equal(before, after)


def test_a_picture_is_kept_no_larger_than_it_is_printed() -> None:
    assert Image.open(io.BytesIO(checked_png(png(3000, 1000)))).size == (LONGEST_SIDE, 400)


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    return buffer.getvalue()


def animated() -> bytes:
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), (n, n, n)) for n in (0, 200)]
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"<svg/>", jpeg(), png()[:200], animated(), png(9000, 2), png(8000, 4000, "L")],
    ids=["nothing", "svg", "jpeg", "cut off", "animated", "too long", "too large"],
)
def test_what_is_no_picture_of_a_screen_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not|more"):
        checked_png(data)


def test_key_images_are_read_back_as_they_were_filed() -> None:
    images = (key_image(), key_image(3, caption="肺 — mine"))
    found = document(*images)
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert read_document(found).key_images == images
    assert "key_images" not in result_document(make_result())


@pytest.mark.parametrize(
    ("member", "value"),
    [("png", "AAAA"), ("png", "no base64"), ("frame", -1), ("recorded_at", "2026-03-03T14:05:07"),
     ("recorded_at", None), ("caption", "x" * (MOST_CAPTION + 1)), ("caption", 3)],
)  # fmt: skip
def test_a_document_with_a_picture_that_is_none_is_refused(member: str, value: object) -> None:
    found = document(key_image())
    found["key_images"][0][member] = value
    with pytest.raises(ResultFormatError, match="key_images"):
        read_document(found)


def test_more_pictures_than_a_report_takes_are_refused() -> None:
    image = key_image()
    read_document(document(*[image] * MOST_KEY_IMAGES))
    with pytest.raises(ResultFormatError, match="key_images"):
        read_document(document(*[image] * (MOST_KEY_IMAGES + 1)))


def test_the_pdf_shows_each_picture_once_with_its_caption() -> None:
    plain = PdfReader(io.BytesIO(render_pdf(result_document(make_result()))))
    images = [key_image(n, png=checked_png(png(80 + n, 60))) for n in range(5)]
    reader = PdfReader(io.BytesIO(render_pdf(document(*images))))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    assert [text.count(f"What I saw, number {n}") for n in range(5)] == [1] * 5
    sizes = [image.image.size for page in reader.pages for image in page.images]
    assert sorted(size for size in sizes if size[1] == 60) == [(80 + n, 60) for n in range(5)]
    assert len(reader.pages) >= len(plain.pages)


def test_twelve_tall_pictures_stay_on_their_pages() -> None:
    images = [key_image(n, png=checked_png(png(100, 400 + n))) for n in range(MOST_KEY_IMAGES)]
    reader = PdfReader(io.BytesIO(render_pdf(document(*images))))
    found = [image.image.size[1] for page in reader.pages for image in page.images]
    assert sorted(set(found) & set(range(400, 412))) == list(range(400, 412))
    last = reader.pages[-1].extract_text()
    assert f"Page {len(reader.pages)} of {len(reader.pages)}" in " ".join(last.split())
