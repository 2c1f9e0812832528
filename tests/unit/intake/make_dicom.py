"""DICOM files built byte by byte, so that a test can state exactly what is wrong with one."""

import struct
import zlib

import numpy as np
import numpy.typing as npt
from pydicom.datadict import dictionary_VR, tag_for_keyword

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"
JPEG = "1.2.840.10008.1.2.4.50"
JPEG_12 = "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000 = "1.2.840.10008.1.2.4.90"

DX = "1.2.840.10008.5.1.4.1.1.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"

_LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}

Value = str | int | bytes | float | list[int] | None


def element(
    tag: int, vr: str, value: bytes, *, length: int | None = None, syntax: str = EXPLICIT
) -> bytes:
    """Return one data element; ``length`` overrides what the header claims."""
    order = ">" if syntax == BIG_ENDIAN else "<"
    length = len(value) if length is None else length
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT:
        return head + struct.pack("<I", length) + value
    if vr in _LONG:
        return head + vr.encode() + struct.pack(f"{order}HI", 0, length) + value
    return head + vr.encode() + struct.pack(f"{order}H", length) + value


def item(content: bytes, *, is_defined: bool = True) -> bytes:
    """Return a sequence item."""
    if is_defined:
        return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(content)) + content
    return b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + content + b"\xfe\xff\x0d\xe0\0\0\0\0"


def encapsulate(*fragments: bytes, table: bytes = b"", is_closed: bool = True) -> bytes:
    """Return encapsulated pixel data: offset table, fragments, delimiter."""
    even = (fragment + b"\0" * (len(fragment) % 2) for fragment in fragments)
    body = b"".join(item(part) for part in (table, *even))
    return body + (b"\xfe\xff\xdd\xe0\0\0\0\0" if is_closed else b"")


def encode(keyword: str, value: Value, *, syntax: str = EXPLICIT, vr: str = "") -> bytes:
    """Return the element ``keyword`` with ``value`` as the standard's dictionary types it."""
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    vr = vr or dictionary_VR(tag).split(" or ")[0]
    order = ">" if syntax == BIG_ENDIAN else "<"
    if isinstance(value, bytes):
        data = value
    elif vr in _NUMBERS:
        values = value if isinstance(value, list) else [value]
        data = b"".join(struct.pack(order + _NUMBERS[vr], number) for number in values)
    else:
        text = str(value).encode()
        data = text + (b"\0" if vr == "UI" else b" ") * (len(text) % 2)
    return element(tag, vr, data, syntax=syntax)


def ramp(
    rows: int = 64, columns: int = 64, *, high: int = 4095, dtype: str = "u2"
) -> npt.NDArray[np.generic]:
    """Return a smooth grey image from 0 to ``high``."""
    values = np.linspace(0, high, rows * columns).reshape(rows, columns)
    return values.round().astype(dtype)


def make_dicom(
    pixels: npt.NDArray[np.generic] | bytes | None = None,
    *,
    syntax: str = EXPLICIT,
    preamble: bytes = bytes(128),
    extra: bytes = b"",
    after: bytes = b"",
    pixel_element: bytes | None = None,
    **attributes: Value,
) -> bytes:
    """Return a DX image of 64 x 64 pixels, 12 of 16 bits, unless told otherwise.

    pixels:        an array stored natively, or bytes that are already encapsulated.
    extra, after:  raw elements before and after the pixel data.
    pixel_element: the whole pixel element, raw; b"" leaves it out.
    attributes:    by keyword; ``None`` leaves one out.
    """
    pixels = ramp() if pixels is None else pixels
    header: dict[str, Value] = {
        "SOPClassUID": DX,
        "SOPInstanceUID": "1.2.3.4",
        "Modality": "DX",
        "PatientName": "Doe^Jane",
        "PatientID": "00123",
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.1",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 64,
        "Columns": 64,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
    }
    if isinstance(pixels, np.ndarray) and pixels.ndim >= 2:
        header["Rows"], header["Columns"] = pixels.shape[:2]
    header |= attributes
    dataset = [
        (tag_for_keyword(key), encode(key, value, syntax=syntax))
        for key, value in header.items()
        if value is not None
    ]
    body = b"".join(data for _, data in sorted(dataset, key=lambda pair: pair[0] or 0)) + extra
    body += _pixel_element(pixels, syntax) if pixel_element is None else pixel_element
    body += after
    if syntax == DEFLATED:
        deflater = zlib.compressobj(wbits=-15)
        body = deflater.compress(body) + deflater.flush()
    return preamble + b"DICM" + encode("TransferSyntaxUID", syntax) + body


def _pixel_element(pixels: npt.NDArray[np.generic] | bytes, syntax: str) -> bytes:
    if isinstance(pixels, bytes):
        return element(0x7FE00010, "OB", pixels, length=0xFFFFFFFF, syntax=syntax)
    order = ">" if syntax == BIG_ENDIAN else "<"
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    data += b"\0" * (len(data) % 2)
    return element(0x7FE00010, "OW" if pixels.itemsize > 1 else "OB", data, syntax=syntax)


def nested(depth: int, *, is_defined: bool) -> bytes:
    """Return ``depth`` sequences inside each other."""
    content = b""
    for _ in range(depth):
        inside = item(content, is_defined=is_defined)
        if is_defined:
            content = element(0x00081140, "SQ", inside)
        else:
            content = element(
                0x00081140, "SQ", inside + b"\xfe\xff\xdd\xe0\0\0\0\0", length=0xFFFFFFFF
            )
    return content
