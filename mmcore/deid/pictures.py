"""An image with boxes around its text, as a person looks at it before it may leave."""

import io
import math
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from mmcore.deid.records import Box
from mmcore.records import Instance

MOST_SIDE = 2_048
"""Longer side of a picture in pixels; larger images are made smaller."""

_LINE, _PAPER = (255, 210, 0), (0, 0, 0)
_LABEL = 18  # pixels high, in a picture of 1,000
_DASH = 9  # pixels drawn, and as many left out

Grey = npt.NDArray[np.uint8]


class Mark(StrEnum):
    """What a person has said of a box: told apart by how it is drawn, not by colour."""

    PROPOSED = "proposed"  # a dashed frame
    MASKED = "masked"  # black within a frame, as it will be
    DISMISSED = "dismissed"  # a thin frame with a stroke through it


def picture_of(instance: Instance, frame: int | None = None) -> tuple[Grey, float]:
    """Return one frame over its whole range, and its size as a share of the stored one.

    frame: from 0; None for all of them in one, each pixel from the frame in which it differs most
    from the first, so that text in any frame is seen. Not windowed: text stands at either end of
    the range, where a window would hide it. MONOCHROME1 is inverted. Colour becomes grey.
    """
    values = _grey(instance, frame or 0)
    if frame is None:
        first, farthest = values, np.zeros_like(values)
        for number in range(1, len(instance.pixels)):
            other = _grey(instance, number)
            distance = np.abs(other - first)
            values = np.where(distance > farthest, other, values)
            farthest = np.maximum(distance, farthest)
    low, high = float(values.min()), float(values.max())
    grey = np.rint((values - low) / max(high - low, 1e-9) * 255).astype(np.uint8)
    if instance.is_inverted:
        grey = 255 - grey
    share = min(1.0, MOST_SIDE / max(grey.shape))
    if share < 1.0:
        size = (max(1, round(grey.shape[1] * share)), max(1, round(grey.shape[0] * share)))
        grey = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX))
    return grey, share


def _grey(instance: Instance, frame: int) -> npt.NDArray[np.float32]:
    """Return (rows, columns) values of a frame; of colour the mean of its channels."""
    values = instance.pixels[frame].astype(np.float32)
    grey: npt.NDArray[np.float32] = values.mean(axis=2) if values.ndim == 3 else values
    return grey


def drawn(picture: Grey, share: float, boxes: Sequence[tuple[Box, Mark]]) -> bytes:
    """Return a picture of ``picture_of`` as PNG, with each box drawn and numbered from 1."""
    image = Image.fromarray(picture).convert("RGB")
    pen = ImageDraw.Draw(image)
    height = max(12, round(_LABEL * max(image.size) / 1_000))
    font = ImageFont.load_default(size=height)
    thick = max(2, height // 7)
    for number, (box, mark) in enumerate(boxes, start=1):
        left, top = math.floor(box.column * share), math.floor(box.row * share)
        right = max(left, math.ceil((box.column + box.columns) * share) - 1)
        bottom = max(top, math.ceil((box.row + box.rows) * share) - 1)
        if mark is Mark.MASKED:
            pen.rectangle((left, top, right, bottom), fill=_PAPER, outline=_LINE, width=thick)
        elif mark is Mark.DISMISSED:
            pen.rectangle((left, top, right, bottom), outline=_LINE, width=1)
            pen.line((left, bottom, right, top), fill=_LINE, width=1)
        else:
            _dashed(pen, (left, top, right, bottom), thick)
        _label(pen, str(number), (left, top, right, bottom), font, image.size)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()


def _dashed(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], thick: int) -> None:
    left, top, right, bottom = box
    for x in range(left, right, 2 * _DASH):
        for y in (top, bottom):
            pen.line((x, y, min(x + _DASH, right), y), fill=_LINE, width=thick)
    for y in range(top, bottom, 2 * _DASH):
        for x in (left, right):
            pen.line((x, y, x, min(y + _DASH, bottom)), fill=_LINE, width=thick)


def _label(
    pen: ImageDraw.ImageDraw,
    text: str,
    box: tuple[int, int, int, int],
    font: "ImageFont.FreeTypeFont | ImageFont.ImageFont",
    size: tuple[int, int],
) -> None:
    """Write a box's number above it, or below it at the upper edge of the image."""
    left, top, _, bottom = box
    width, height = (round(side) + 6 for side in pen.textbbox((0, 0), text, font=font)[2:])
    x = min(max(left, 0), size[0] - width)
    y = top - height if top >= height else min(bottom + 2, size[1] - height)
    pen.rectangle((x, y, x + width, y + height), fill=_PAPER)
    pen.text((x + 3, y + 2), text, fill=_LINE, font=font)
