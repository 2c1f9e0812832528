"""One message to the browser: a small JSON header and the raw bytes of a few arrays.

Layout: 4 bytes little-endian length of the header, the header, zero bytes up to a multiple of 8,
then each array in C order, little-endian, padded to a multiple of 8. ``header["arrays"]`` names
each array's dtype, shape and offset from the first array. Base64 in JSON would cost a third more
bytes and a copy on both sides.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmcore.records import PixelArray

DTYPES = ("uint8", "int16", "uint16", "float32")
_ALIGN = 8


def pack(header: Mapping[str, Any], arrays: Mapping[str, PixelArray]) -> bytes:
    """Return header and arrays as one message.

    Raises ``ValueError`` for an array type that the browser side does not read.
    """
    placed, blobs, offset = {}, [], 0
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise ValueError(f"{name} is {array.dtype}; the viewer reads {', '.join(DTYPES)}")
        blob = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
        placed[name] = {"dtype": array.dtype.name, "shape": array.shape, "offset": offset}
        blobs.append(blob.ljust(-(-len(blob) // _ALIGN) * _ALIGN, b"\0"))
        offset += len(blobs[-1])
    head = json.dumps({**header, "arrays": placed}).encode()
    start = -(-(4 + len(head)) // _ALIGN) * _ALIGN
    return (len(head).to_bytes(4, "little") + head).ljust(start, b"\0") + b"".join(blobs)


def unpack(message: bytes) -> tuple[dict[str, Any], dict[str, PixelArray]]:
    """Return header and arrays of a message; what the browser does, for tests and tools."""
    length = int.from_bytes(message[:4], "little")
    header = json.loads(message[4 : 4 + length])
    start = -(-(4 + length) // _ALIGN) * _ALIGN
    arrays: dict[str, PixelArray] = {}
    for name, place in header.pop("arrays").items():
        count = int(np.prod(place["shape"]))
        flat = np.frombuffer(message, place["dtype"], count, start + place["offset"])
        arrays[name] = flat.reshape(place["shape"])
    return header, arrays


def browser_values(pixels: PixelArray) -> PixelArray:
    """Return pixels in a type the browser holds without loss, smallest first.

    Integers outside 16 bit go as float32, exact up to 2**24, which no stored image exceeds.
    """
    if pixels.dtype.name in DTYPES:
        return pixels
    if np.issubdtype(pixels.dtype, np.integer) or pixels.dtype == np.bool_:
        low, high = int(pixels.min()), int(pixels.max())
        for name, info in (("uint8", np.iinfo(np.uint8)), ("int16", np.iinfo(np.int16)),
                           ("uint16", np.iinfo(np.uint16))):  # fmt: skip
            if info.min <= low and high <= info.max:
                return pixels.astype(name)
    return pixels.astype(np.float32)
