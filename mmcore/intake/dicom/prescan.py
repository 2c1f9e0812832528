"""Walk the bytes of a DICOM file without recursion before any library sees them.

A 20 KB file with 1,000 nested sequences keeps a recursive reader busy for minutes and a larger one
aborts the interpreter, so depth, number of elements and inflated size are bounded here, and the
pixel data is located without being copied. Encoding rules: DICOM PS3.5 chapter 7 and annex A.
"""

import struct
import zlib
from dataclasses import dataclass

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.language import say

# 1,215 real and odd files need at most 4,919 elements and depth 10.
MAX_ELEMENTS = 100_000
MAX_DEPTH = 32
MAX_INFLATED_BYTES = 128 * 2**20

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"
JPEG_DCT = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})
JPEG_LOSSLESS = frozenset({"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"})
JPEG_LS = frozenset({"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"})
JPEG_2000 = frozenset({"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"})
HTJ2K = frozenset({"1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203"})
NATIVE = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED})
ENCAPSULATED = JPEG_DCT | JPEG_LOSSLESS | JPEG_LS | JPEG_2000 | HTJ2K | {RLE}

_UNSUPPORTED = (
    ("1.2.840.10008.1.2.4.11", say("the pixels are stored as JPEG XL; export them as JPEG 2000, "
                                   "JPEG-LS or uncompressed")),
    ("1.2.840.10008.1.2.4.10", say("the file holds a video; export its frames as images")),
)  # fmt: skip
"""What is well known and not read: JPEG XL (.110 to .112), MPEG-2 to HEVC (.100 to .108)."""

_UNDEFINED = 0xFFFFFFFF
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_PIXEL_TAGS = {
    0x7FE00008: "FloatPixelData",
    0x7FE00009: "DoubleFloatPixelData",
    0x7FE00010: "PixelData",
}
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_TRAILING_PADDING = 0xFFFCFFFC
_DIGITAL_SIGNATURES = 0xFFFAFFFA


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the pixels lie in ``Scan.body``.

    length:    bytes of native pixel data; ``None`` when encapsulated.
    offsets:   basic offset table as found, for encapsulated data.
    fragments: (start, stop) of every fragment after the offset table.
    """

    keyword: str
    vr: str
    start: int
    length: int | None
    offsets: tuple[int, ...] = ()
    fragments: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A data set whose structure is sound as far as the end of its pixel data.

    body:       the data set without preamble and file meta information, inflated.
    header_end: where in ``body`` the pixel element starts; its end if there is none.
    is_implicit: whether elements carry no value representation.
    """

    transfer_syntax_uid: str
    body: memoryview
    header_end: int
    pixels: tuple[PixelElement, ...]
    is_implicit: bool
    notices: tuple[str, ...] = ()

    @property
    def is_little_endian(self) -> bool:
        """Whether numbers are stored low byte first."""
        return self.transfer_syntax_uid != EXPLICIT_BIG


def scan(data: memoryview) -> Scan:
    """Locate the parts of a DICOM file.

    Raises ``FileRefusedError`` with NOT_DICOM, NO_TRANSFER_SYNTAX, UNSUPPORTED_SYNTAX,
    INFLATE_BOMB, NESTING_TOO_DEEP, TOO_MANY_ELEMENTS, PIXEL_LENGTH_MISMATCH or CORRUPT.
    """
    has_preamble = bytes(data[128:132]) == b"DICM"
    if not has_preamble and bytes(data[:2]) not in (b"\x02\x00", b"\x08\x00"):
        raise FileRefusedError(RefusalCode.NOT_DICOM, say("the file is not a DICOM file"))
    syntax, start = _transfer_syntax(data, 132 if has_preamble else 0)
    if syntax not in NATIVE | ENCAPSULATED:
        words = next(
            (text for start, text in _UNSUPPORTED if syntax.startswith(start)),
            say("the pixels are stored in a transfer syntax that is not supported"),
        )
        raise FileRefusedError(RefusalCode.UNSUPPORTED_SYNTAX, words, attribute="TransferSyntaxUID")
    notices = []
    if has_preamble and any(data[:128]) and bytes(data[:2]) not in (b"II", b"MM"):
        notices.append(
            say("The unused first 128 bytes of the file were not empty and were ignored.")
        )
    body = data[start:]
    if syntax == DEFLATED:
        body = memoryview(_inflate(body))
    is_implicit = syntax == IMPLICIT_LITTLE
    if syntax != EXPLICIT_BIG and len(body) >= 6 and _is_vr(bytes(body[4:6])) == is_implicit:
        is_implicit = not is_implicit
        notices.append(
            say("The file is not encoded as its transfer syntax says; it was read as it is.")
        )
    header_end, pixels, trailing = _Walk(body, syntax, is_implicit=is_implicit).walk()
    if trailing:
        notices.append(say("Bytes after the pixel data were ignored."))
    return Scan(syntax, body, header_end, pixels, is_implicit, tuple(notices))


def _transfer_syntax(data: memoryview, pos: int) -> tuple[str, int]:
    """Return the transfer syntax and where the data set starts. PS3.10 7.1."""
    syntax = ""
    while pos + 8 <= len(data) and bytes(data[pos : pos + 2]) == b"\x02\x00":
        element, vr = struct.unpack_from("<H2s", data, pos + 2)
        if vr in _LONG_VRS:
            if pos + 12 > len(data):
                raise _corrupt(say("the file meta information is cut off"))
            length, pos = struct.unpack_from("<I", data, pos + 8)[0], pos + 12
        else:
            length, pos = struct.unpack_from("<H", data, pos + 6)[0], pos + 8
        if pos + length > len(data):
            raise _corrupt(say("the file meta information is cut off"))
        if element == 0x0010:
            syntax = bytes(data[pos : pos + length]).decode("latin-1").rstrip("\0 ")
        pos += length
    if not syntax:
        raise FileRefusedError(
            RefusalCode.NO_TRANSFER_SYNTAX,
            say("the file does not say how it is encoded"),
            attribute="TransferSyntaxUID",
        )
    return syntax, pos


def _inflate(deflated: memoryview) -> bytes:
    """Inflate a deflated data set, PS3.5 A.5, up to ``MAX_INFLATED_BYTES``."""
    inflater = zlib.decompressobj(-15)
    try:
        body = inflater.decompress(deflated, MAX_INFLATED_BYTES + 1)
    except zlib.error as error:
        raise _corrupt(say("the deflated data set can not be inflated")) from error
    if len(body) > MAX_INFLATED_BYTES:
        raise FileRefusedError(
            RefusalCode.INFLATE_BOMB,
            say(
                "the deflated data set is larger than {megabytes} MB",
                megabytes=MAX_INFLATED_BYTES >> 20,
            ),
        )
    if not inflater.eof:
        raise _corrupt(say("the deflated data set is cut off"))
    return body


def _is_vr(letters: bytes) -> bool:
    return letters.isalpha() and letters.isupper()


def _corrupt(detail: str) -> FileRefusedError:
    return FileRefusedError(RefusalCode.CORRUPT, detail)


@dataclass(slots=True)
class _Level:
    """One open structure: a list of items or a list of elements. end is None if undefined."""

    is_items: bool
    end: int | None
    is_implicit: bool


class _Walk:
    """One pass over a data set with an explicit stack."""

    def __init__(self, body: memoryview, syntax: str, *, is_implicit: bool) -> None:
        self._body = body
        order = ">" if syntax == EXPLICIT_BIG else "<"
        self._tag = struct.Struct(order + "HH")
        self._short = struct.Struct(order + "H")
        self._long = struct.Struct(order + "I")
        self._item_bytes = self._tag.pack(0xFFFE, 0xE000)
        self._is_encapsulated = syntax in ENCAPSULATED
        self._is_implicit = is_implicit
        self._n_elements = 0

    def walk(self) -> tuple[int, tuple[PixelElement, ...], bool]:
        """Return where the header ends, the pixel elements, and whether bytes were left over."""
        size = len(self._body)
        header_end, pos = size, 0
        pixels: list[PixelElement] = []
        stack = [_Level(is_items=False, end=size, is_implicit=self._is_implicit)]
        while stack:
            level = stack[-1]
            if level.end is not None and pos >= level.end:
                if pos > level.end:
                    raise _corrupt(say("an element reaches past the structure that holds it"))
                stack.pop()
                continue
            if pixels and not self._is_pixel_tag(pos):
                return header_end, tuple(pixels), not self._is_padding(pos)
            tag, vr, length, value = self._read(pos, level)
            self._count()
            if len(stack) == 1 and tag in _PIXEL_TAGS:
                header_end = header_end if pixels else pos
                pixel, pos = self._pixels(tag, vr, length, value)
                pixels.append(pixel)
            else:
                pos = self._step(stack, tag, vr, length, value)
        return header_end, tuple(pixels), False

    def _count(self) -> None:
        self._n_elements += 1
        if self._n_elements > MAX_ELEMENTS:
            raise FileRefusedError(
                RefusalCode.TOO_MANY_ELEMENTS,
                say(
                    "the file has more than {max_elements:,} data elements",
                    max_elements=MAX_ELEMENTS,
                ),
            )

    def _read(self, pos: int, level: _Level) -> tuple[int, bytes, int, int]:
        """Return tag, value representation, length and where the value starts."""
        if pos + 8 > len(self._body):
            raise _corrupt(say("the file ends in the middle of a data element"))
        group, element = self._tag.unpack_from(self._body, pos)
        tag = group << 16 | element
        if group == 0xFFFE or level.is_implicit:
            return tag, b"", self._long.unpack_from(self._body, pos + 4)[0], pos + 8
        vr = bytes(self._body[pos + 4 : pos + 6])
        if not _is_vr(vr):
            raise _corrupt(say("a data element has no valid value representation"))
        if vr in _LONG_VRS:
            if pos + 12 > len(self._body):
                raise _corrupt(say("the file ends in the middle of a data element"))
            return tag, vr, self._long.unpack_from(self._body, pos + 8)[0], pos + 12
        return tag, vr, self._short.unpack_from(self._body, pos + 6)[0], pos + 8

    def _step(self, stack: list[_Level], tag: int, vr: bytes, length: int, value: int) -> int:
        """Enter, leave or pass over one element; return where the next one starts."""
        level = stack[-1]
        if level.is_items:
            if tag == _SEQUENCE_END and level.end is None:
                stack.pop()
                return value
            if tag != _ITEM:
                raise _corrupt(say("a sequence holds something that is not an item"))
            end = None if length == _UNDEFINED else self._end(value, length, stack)
            stack.append(_Level(is_items=False, end=end, is_implicit=level.is_implicit))
            return value
        if tag == _ITEM_END and level.end is None and len(stack) > 1:
            stack.pop()
            return value
        if tag >> 16 == 0xFFFE:
            raise _corrupt(say("a delimiter stands outside a sequence"))
        if length == _UNDEFINED:
            if vr in (b"OB", b"OW"):  # an icon's encapsulated pixels
                return self._fragments(value)[1]
            # PS3.5 6.2.2: UN of undefined length is an implicit little endian sequence.
            self._enter(stack, end=None, is_implicit=level.is_implicit or vr == b"UN")
            return value
        end = self._end(value, length, stack)
        may_hide_items = vr in (b"", b"UN") and length >= 8
        if vr == b"SQ" or (may_hide_items and self._body[value : value + 4] == self._item_bytes):
            self._enter(stack, end=end, is_implicit=level.is_implicit or vr == b"UN")
            return value
        return end

    def _enter(self, stack: list[_Level], *, end: int | None, is_implicit: bool) -> None:
        stack.append(_Level(is_items=True, end=end, is_implicit=is_implicit))
        if sum(level.is_items for level in stack) > MAX_DEPTH:
            raise FileRefusedError(
                RefusalCode.NESTING_TOO_DEEP,
                say("sequences are nested more than {max_depth} levels deep", max_depth=MAX_DEPTH),
            )

    def _end(self, value: int, length: int, stack: list[_Level]) -> int:
        end = value + length
        limit = next(level.end for level in reversed(stack) if level.end is not None)
        if end > limit:
            raise _corrupt(say("a data element reaches past the end of the data that holds it"))
        return end

    def _is_pixel_tag(self, pos: int) -> bool:
        return self._tag_at(pos) in _PIXEL_TAGS

    def _is_padding(self, pos: int) -> bool:
        return self._tag_at(pos) in (_TRAILING_PADDING, _DIGITAL_SIGNATURES)

    def _tag_at(self, pos: int) -> int:
        if pos + 4 > len(self._body):
            return 0
        group, element = self._tag.unpack_from(self._body, pos)
        return int(group << 16 | element)

    def _pixels(self, tag: int, vr: bytes, length: int, value: int) -> tuple[PixelElement, int]:
        keyword, name = _PIXEL_TAGS[tag], vr.decode("ascii") or "OW"
        if length != _UNDEFINED:
            if value + length == len(self._body) + 1:
                length -= 1  # only a pad byte can be missing: the frame size is checked later
            if value + length > len(self._body):
                raise FileRefusedError(
                    RefusalCode.PIXEL_LENGTH_MISMATCH,
                    say(
                        "the pixel data should have {length:,} bytes and the file holds "
                        "{found:,} of them",
                        length=length,
                        found=len(self._body) - value,
                    ),
                    attribute=keyword,
                )
            return PixelElement(keyword, name, value, length), value + length
        if not self._is_encapsulated:
            raise _corrupt(say("the pixel data has no length although it is not compressed"))
        fragments, end = self._fragments(value)
        if not fragments:
            raise _corrupt(say("the compressed pixel data has no offset table"))
        start, stop = fragments[0]
        words = self._body[start : stop - (stop - start) % 4]
        offsets = tuple(offset for (offset,) in self._long.iter_unpack(words))
        return PixelElement(keyword, name, value, None, offsets, tuple(fragments[1:])), end

    def _fragments(self, pos: int) -> tuple[list[tuple[int, int]], int]:
        """Return (start, stop) of each item up to the delimiter, and where that ends. PS3.5 A.4."""
        found: list[tuple[int, int]] = []
        while True:
            if pos + 8 > len(self._body):
                raise _corrupt(say("the compressed pixel data is not closed"))
            tag, length = self._tag_at(pos), self._long.unpack_from(self._body, pos + 4)[0]
            pos += 8
            if tag == _SEQUENCE_END:
                return found, pos
            if tag != _ITEM or pos + length > len(self._body):
                raise _corrupt(say("the compressed pixel data has a broken fragment"))
            self._count()
            found.append((pos, pos + length))
            pos += length
