"""The pixels of a de-identified image: decoded, boxes blacked out, stored natively.

Nothing of the source's encoding is carried on. Compressed frames have room for comments, for bytes
between and after their segments and for old overlays above the stored bits; values have none.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.dicom.attributes import Attributes
from mmcore.intake.dicom.color import check_palette, to_rgb
from mmcore.intake.dicom.frames import StoredFrame, iterate_frames
from mmcore.intake.dicom.header import PixelHeader
from mmcore.intake.dicom.prescan import Scan
from mmcore.language import say
from mmcore.records import PixelArray


def frames(
    header: PixelHeader,
    scan: Scan,
    attributes: Attributes,
    boxes: Sequence[tuple[int, int, int, int]],
) -> Iterator[tuple[PixelArray, bool]]:
    """Yield each frame as stored values, and whether three samples are RGB by now.

    boxes: (row, column, rows, columns) to black out in every frame; parts outside are ignored.
    Raises ``FileRefusedError`` as decoding does.
    """
    if header.photometric == "PALETTE COLOR":
        check_palette(attributes)
    for frame in iterate_frames(header, scan, attributes):
        values = frame.values
        if boxes:
            values = values.copy()
            black = _black(frame, header, attributes)
            for row, column, rows, columns in boxes:
                top, left = max(row, 0), max(column, 0)
                values[top : max(row + rows, 0), left : max(column + columns, 0)] = black
        yield values, frame.is_rgb or header.photometric in ("RGB", "YBR_RCT", "YBR_ICT")


def photometric(header: PixelHeader, *, is_rgb: bool) -> str:
    """Return how the values of ``frames`` are to be understood. PS3.3 C.7.6.3.1.2."""
    if header.samples == 1:
        return header.photometric
    return "RGB" if is_rgb else "YBR_FULL"


def _black(frame: StoredFrame, header: PixelHeader, attributes: Attributes) -> Any:
    """Return the stored value that is shown darkest, of those that this frame holds."""
    values = frame.values
    if header.photometric == "MONOCHROME1":
        return values.max()
    if header.photometric == "PALETTE COLOR":
        entries = np.unique(values)
        shown = to_rgb(StoredFrame(entries.reshape(1, -1)), header, attributes)
        return entries[int(shown.reshape(-1, 3).astype(int).sum(axis=1).argmin())]
    if header.samples == 3 and not frame.is_rgb and header.photometric.startswith("YBR_FULL"):
        middle = 1 << header.bits_stored - 1
        return np.array([0, middle, middle], values.dtype)
    if header.samples == 3:
        return np.zeros(3, values.dtype)
    return values.min()


def check_boxes(boxes: Sequence[tuple[int, int, int, int]]) -> None:
    """Refuse boxes that are none: a mask that hides nothing must not pass for one.

    Raises ``FileRefusedError`` (BAD_ATTRIBUTE).
    """
    if any(rows < 1 or columns < 1 for _, _, rows, columns in boxes):
        raise FileRefusedError(RefusalCode.BAD_ATTRIBUTE, say("a box to black out has no size"))
