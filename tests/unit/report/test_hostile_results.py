"""A result file may come from anywhere: what it claims is refused before it costs any memory."""

import base64
import copy
import struct
import zlib
from collections.abc import Callable

import pytest

from mmcore.errors import ResultFormatError
from mmcore.report.key_images import checked_png, read_picture
from mmcore.report.reading import read_document
from mmcore.results import Kind
from mmcore.results.make import make_results
from tests.unit.results.filed import document_with, standard_film

Document = dict[str, object]


def bomb(side: int, colour: int) -> bytes:
    """Return a PNG of a few bytes that says it is so large. PNG 1.2, 4.1.1."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", side, side, 8, colour, 0, 0, 0)
    body = zlib.compress(bytes(100))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body)
            + chunk(b"IEND", b""))  # fmt: skip


def altered(change: Callable[[dict], None]) -> Document:
    document = copy.deepcopy(document_with())
    change(document)
    return document


def overlay_of(document: dict) -> dict:
    return next(t for t in document["targets"] if t["name"] == "pneumonia")["parts"]["image"][
        "overlay"
    ]


def test_a_key_image_that_claims_to_be_huge_is_refused_with_its_place() -> None:
    png = base64.b64encode(bomb(60_000, 0)).decode()
    document = altered(lambda d: d["case"]["key_image"].update(png=png))
    with pytest.raises(ResultFormatError, match="key_image"):
        read_document(document)


@pytest.mark.parametrize("read", [checked_png, read_picture])
def test_a_picture_that_claims_to_be_huge_is_refused(read: Callable[[bytes], object]) -> None:
    with pytest.raises(ValueError, match="PNG"):
        read(bomb(60_000, 2))


@pytest.mark.parametrize("box", [[0, 0, 0, 10], [0, 0, 10, -1], [0, 0, 1e9, 10], [0, 0, 10, 1e300]])
def test_an_overlay_without_a_place_on_an_image_is_refused(box: list[float]) -> None:
    with pytest.raises(ResultFormatError, match="box"):
        read_document(altered(lambda d: overlay_of(d).update(box=box)))


def test_an_overlay_far_larger_than_its_image_is_not_drawn() -> None:
    document = altered(lambda d: overlay_of(d).update(box=[0, 0, 1e5, 1e5]))
    read_document(document)
    with pytest.raises(ResultFormatError, match="far larger"):
        make_results(document, [standard_film()], kinds=[Kind.CAPTURE])
