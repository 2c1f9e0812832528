"""What a reader put into the report from the screen: checked, written, and read back strictly."""

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from mmcore.records import MOST_KEY_IMAGES, KeyImage
from mmcore.report.case_document import Document
from mmcore.report.images import PNG_ERRORS, to_base64
from mmcore.report.node import Node

LONGEST_SIDE = 1200
"""Pixels of the longer side as it is kept: 345 dots per inch as it is printed."""
_LONGEST_SENT = 8192
_MOST_SENT = 30_000_000
_MODES = ("RGB", "RGBA", "L", "LA", "P")


def checked_png(data: bytes) -> bytes:
    """Return a picture from outside as an RGB PNG of our own writing, of at most ``LONGEST_SIDE``.

    Its size is checked before a pixel is decoded; nothing but pixels is taken over. Raises
    ``ValueError`` for anything that is not one still, readable PNG of a size that a screen has.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            width, height = image.size
            if max(width, height) > _LONGEST_SENT or width * height > _MOST_SENT:
                raise ValueError(f"{width} x {height} pixels are more than a screen has")
            if image.mode not in _MODES or getattr(image, "n_frames", 1) != 1:
                raise ValueError("not one picture in colours or greys")
            picture = image.convert("RGB")
    except PNG_ERRORS as error:
        raise ValueError("not a readable PNG") from error
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(picture)).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def read_picture(png: bytes) -> npt.NDArray[np.uint8]:
    """Return the (rows, columns, 3) pixels of a kept picture.

    Raises ``ValueError`` for a PNG that ``checked_png`` did not write.
    """
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            if image.mode != "RGB" or max(image.size) > LONGEST_SIDE:
                raise ValueError("not an RGB picture of the size that is kept")
            return np.asarray(image).copy()
    except PNG_ERRORS as error:
        raise ValueError("not a readable PNG") from error


def key_images_document(images: Sequence[KeyImage]) -> list[Document]:
    """Return the pictures as plain values, in order."""
    return [
        {
            "digest": image.digest,
            "frame": image.frame,
            "caption": image.caption,
            "recorded_at": image.recorded_at.isoformat(),
            "png": to_base64(image.png),
        }
        for image in images
    ]


def key_images_of(node: Node) -> tuple[KeyImage, ...]:
    """Return the pictures of a document; raises ``ResultFormatError`` for one that is none."""
    items = node.items()
    if len(items) > MOST_KEY_IMAGES:
        raise node.error(f"more than {MOST_KEY_IMAGES} key images")
    return tuple(map(_key_image, items))


def _key_image(node: Node) -> KeyImage:
    moment, png = node.field("recorded_at").maybe_time(), node.field("png")
    if moment is None:
        raise node.error("expected the time at which it was recorded")
    try:
        image = KeyImage(
            png=png.data(),
            digest=node.field("digest").text(),
            frame=node.field("frame").count(),
            caption=node.field("caption").text(),
            recorded_at=moment,
        )
        read_picture(image.png)
    except ValueError as error:
        raise node.error(str(error)) from error
    return image
