"""Ways to break a file: of any kind, and of the kinds whose lies are worth telling exactly.

Everything is drawn from one random generator, so a seed gives the same file again.
"""

import io
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence

from tests.unit.intake.make_dicom import element, item

MAX_BYTES = 4 * 2**20
_LENGTHS = (0, 1, 7, 8, 0x7FFF, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE,
            0xFFFFFFFF)  # fmt: skip
_NUMBERS = (b"0", b"-1", b"65535", b"65536", b"2147483648", b"99999999999999999999", b"1e400",
            b"NaN", b"Infinity", b"1,5", b"0x10", b"")  # fmt: skip
_WORDS = (b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"<!DOCTYPE a>", b"&x;", b"{", b"[",
          b'"', b"\\", b"|", b"^~\\&", b"\r\n\r\n", b"\t" * 50, b"%s%n", b"../" * 9, b"PK\x03\x04",
          b"PK\x05\x06" + bytes(18), b"endobj\n", b"<<", b"fLaC", b"DICM", b"\xff\xd8\xff",
          b"\xfe\xff\x00\xe0\xff\xff\xff\xff", b"\xfe\xff\xdd\xe0\0\0\0\0")  # fmt: skip

Change = Callable[[bytearray, random.Random, Sequence[bytes]], bytearray]


def mutate(data: bytes, random_: random.Random, others: Sequence[bytes]) -> bytes:
    """Return ``data`` broken in one to four ways; ``others`` lend pieces of themselves."""
    broken = bytearray(data)
    for _ in range(random_.choice((1, 1, 1, 2, 2, 3, 4))):
        change = random_.choice(_CHANGES)
        broken = change(broken, random_, others)
        if not broken or len(broken) > MAX_BYTES:
            return bytes(broken[:MAX_BYTES])
    return bytes(broken)


def _place(data: bytearray, random_: random.Random) -> int:
    """Return somewhere in the file, its head more often than its bulk."""
    end = len(data) if random_.random() < 0.4 else min(len(data), 1200)
    return random_.randrange(end)


def _flip(data: bytearray, random_: random.Random, _: Sequence[bytes]) -> bytearray:
    for _i in range(random_.choice((1, 2, 8, 64))):
        data[_place(data, random_)] ^= 1 << random_.randrange(8)
    return data


def _noise(data: bytearray, random_: random.Random, _: Sequence[bytes]) -> bytearray:
    at = _place(data, random_)
    data[at : at + random_.choice((1, 4, 40))] = random_.randbytes(random_.choice((1, 4, 40)))
    return data


def _cut(data: bytearray, random_: random.Random, _: Sequence[bytes]) -> bytearray:
    return data[: random_.randrange(len(data))]


def _take_out(data: bytearray, random_: random.Random, _: Sequence[bytes]) -> bytearray:
    at = _place(data, random_)
    del data[at : at + random_.choice((1, 2, 8, 100, 1000))]
    return data


def _repeat(data: bytearray, random_: random.Random, _: Sequence[bytes]) -> bytearray:
    at, size = _place(data, random_), random_.choice((2, 8, 30, 300))
    data[at:at] = data[at : at + size] * random_.choice((1, 2, 50, 1000))
    return data


def _splice(data: bytearray, random_: random.Random, others: Sequence[bytes]) -> bytearray:
    other = random_.choice(others)
    at, start = _place(data, random_), random_.randrange(max(1, len(other)))
    if random_.random() < 0.5:
        return data[:at] + other[start:]
    data[at:at] = other[start : start + random_.choice((4, 40, 400, 40_000))]
    return data


def _lie(data: bytearray, random_: random.Random, _: Sequence[bytes]) -> bytearray:
    """Write an extreme length, of two or four bytes in either order, over what is there."""
    at, value = _place(data, random_), random_.choice(_LENGTHS)
    shape = random_.choice(("<H", ">H", "<I", ">I"))
    value &= 0xFFFF if shape[1] == "H" else 0xFFFFFFFF
    data[at : at + struct.calcsize(shape)] = struct.pack(shape, value)
    return data


def _number(data: bytearray, random_: random.Random, _: Sequence[bytes]) -> bytearray:
    found = list(re.finditer(rb"\d+(?:\.\d+)?", bytes(data[:20_000])))
    if not found:
        return _lie(data, random_, _)
    match = random_.choice(found)
    data[match.start() : match.end()] = random_.choice(_NUMBERS)
    return data


def _word(data: bytearray, random_: random.Random, _: Sequence[bytes]) -> bytearray:
    at = _place(data, random_)
    data[at:at] = random_.choice(_WORDS) * random_.choice((1, 1, 3, 200))
    return data


def _nest(data: bytearray, random_: random.Random, _: Sequence[bytes]) -> bytearray:
    """Put something into itself many times, as the format allows."""
    depth = random_.choice((2, 20, 200, 3000))
    if data[128:132] == b"DICM":
        inner = b""
        for _i in range(min(depth, 400)):
            inner = element(0x00081140, "SQ", item(inner))[: 2**16]
        at = data.find(b"\xe0\x7f\x10\x00")
        data[at:at] = inner
        return data
    opening, closing = {0x7B: (b'{"a":', b"}"), 0x5B: (b"[", b"]"), 0x3C: (b"<a>", b"</a>")}.get(
        data[0], (b"(", b")")
    )
    at = _place(data, random_)
    data[at:at] = opening * depth + b"1" + closing * depth
    return data


def _element(data: bytearray, random_: random.Random, _: Sequence[bytes]) -> bytearray:
    """Repeat, drop, rename or empty one DICOM element of explicit representation."""
    pattern = rb"[\x00-\x7f]\x00..(?:CS|DS|IS|UI|LO|PN|DA|TM|US|SQ|SH|OW|OB|UN|DT)"
    found = list(re.finditer(pattern, bytes(data[:6000]), re.S))
    if data[128:132] != b"DICM" or not found:
        return _repeat(data, random_, _)
    at = min(random_.choice(found).start(), len(data) - 8)
    length = struct.unpack_from("<H", data, at + 6)[0]
    piece = bytes(data[at : at + 8 + length])
    match random_.randrange(5):
        case 0:
            data[at:at] = piece * random_.choice((1, 3, 5000))
        case 1:
            del data[at : at + len(piece)]
        case 2:
            data[at + 4 : at + 6] = random_.choice((b"SQ", b"UN", b"OB", b"US", b"FD", b"XX"))
        case 3:
            data[at : at + 4] = random_.randbytes(4)
        case _:
            value = random_.choice((*_NUMBERS, b"1\\2\\3", b"A" * 2000))
            data[at : at + len(piece)] = piece[:6] + struct.pack("<H", len(value)) + value
    return data


def _zip(data: bytearray, random_: random.Random, others: Sequence[bytes]) -> bytearray:
    """Put the file, once or often, into an archive whose own fields may then be lies."""
    file = io.BytesIO()
    method = random_.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(file, "w", method) as archive:
        for i in range(random_.choice((1, 2, 20))):
            archive.writestr(f"{i}/file", bytes(data))
        archive.writestr("other", random_.choice(others))
    packed = bytearray(file.getvalue())
    return _lie(packed, random_, others) if random_.random() < 0.7 else packed


def _deflate(data: bytearray, random_: random.Random, _: Sequence[bytes]) -> bytearray:
    """Break a deflated data set inside, so that what is broken inflates."""
    mark = data.find(b"1.2.840.10008.1.2.1.99\0\0")
    start = 132 + 8 + 24 if mark < 0 else mark + 22
    try:
        inside = bytearray(zlib.decompressobj(-15).decompress(bytes(data[start:]), MAX_BYTES))
    except zlib.error:
        return _flip(data, random_, _)
    if not inside:
        return data
    inside = random_.choice((_flip, _lie, _cut, _repeat))(inside, random_, _)
    deflater = zlib.compressobj(wbits=-15)
    return data[:start] + deflater.compress(bytes(inside)) + deflater.flush()


_CHANGES: tuple[Change, ...] = (
    _flip, _flip, _noise, _cut, _take_out, _repeat, _splice, _lie, _lie, _number, _word, _nest,
    _element, _element, _zip, _deflate,
)  # fmt: skip
