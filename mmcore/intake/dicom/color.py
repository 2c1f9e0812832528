"""Colour frames as 8-bit RGB. DICOM PS3.3 C.7.6.3.1.2 (photometric) and C.7.9 (palette)."""

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.pixels.processing import apply_color_lut, convert_color_space

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.dicom.attributes import Attributes
from mmcore.intake.dicom.frames import StoredFrame
from mmcore.intake.dicom.header import PixelHeader
from mmcore.language import say
from mmcore.records import PixelArray

_CHANNELS = ("Red", "Green", "Blue")
_MAX_TABLE_BYTES = 2 * 65_536


def to_rgb(frame: StoredFrame, header: PixelHeader, attributes: Attributes) -> PixelArray:
    """Return (rows, columns, 3) uint8.

    Raises ``FileRefusedError`` (BAD_LUT) for a palette that does not hold what it announces.
    """
    if header.photometric == "PALETTE COLOR":
        return _through_palette(frame.values, attributes)
    values: npt.NDArray[Any] = frame.values
    if header.bits_stored > 8:
        values = values >> (header.bits_stored - 8)
    values = values.astype(np.uint8, copy=False)
    if header.photometric in ("YBR_FULL", "YBR_FULL_422") and not frame.is_rgb:
        values = convert_color_space(values.copy(), "YBR_FULL", "RGB")
    return values


def check_palette(attributes: Attributes) -> None:
    """Refuse a palette whose tables are shorter than their descriptors. PS3.3 C.7.6.3.1.5."""
    for channel in _CHANNELS:
        keyword = f"{channel}PaletteColorLookupTableDescriptor"
        descriptor = attributes.numbers(keyword)
        if len(descriptor) != 3 or descriptor[2] not in (8, 16):
            raise _bad_palette(
                say("{keyword} is not a table's size, start and depth", keyword=keyword)
            )
        n_entries, bits = int(descriptor[0]) or 65_536, int(descriptor[2])
        if attributes.has(f"Segmented{channel}PaletteColorLookupTableData"):
            continue
        table = attributes.raw(f"{channel}PaletteColorLookupTableData", limit=_MAX_TABLE_BYTES)
        packed = n_entries + n_entries % 2
        if len(table) not in ({packed, 2 * n_entries} if bits == 8 else {2 * n_entries}):
            raise _bad_palette(
                say(
                    "the {color} palette holds {size} bytes", color=channel.lower(), size=len(table)
                )
            )


def _through_palette(values: PixelArray, attributes: Attributes) -> PixelArray:
    try:
        rgb = apply_color_lut(values, attributes.dataset)
    except MemoryError:
        raise
    except Exception as error:
        raise _bad_palette(say("the palette can not be applied")) from error
    return (rgb >> 8).astype(np.uint8) if rgb.dtype.itemsize == 2 else rgb.astype(np.uint8)


def _bad_palette(detail: str) -> FileRefusedError:
    return FileRefusedError(RefusalCode.BAD_LUT, detail)
