"""Stored pixel values, frame by frame: native, RLE and the JPEG family alike.

One frame is held at a time, so a long series in one file costs no more memory than its largest
frame. Encapsulation: DICOM PS3.5 annex A.4; RLE: annex G; unused bits: section 8.1.1.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.dicom import prescan
from mmcore.intake.dicom.attributes import Attributes
from mmcore.intake.dicom.codestream import CodestreamHeader, decode, family_of, read_header
from mmcore.intake.dicom.header import PixelHeader
from mmcore.intake.dicom.prescan import PixelElement, Scan
from mmcore.language import say
from mmcore.records import PixelArray

_STREAM_STARTS = (b"\xff\xd8", b"\xff\x4f\xff\x51")


@dataclass(frozen=True, slots=True, eq=False)
class StoredFrame:
    """One frame: (rows, columns), or (rows, columns, 3) in the colour space it is stored in.

    is_rgb: whether the decoder has already converted three samples to RGB.
    """

    values: PixelArray
    is_rgb: bool = False


def iterate_frames(
    header: PixelHeader, scan: Scan, attributes: Attributes
) -> Iterator[StoredFrame]:
    """Yield every frame of the instance.

    Raises ``FileRefusedError`` with PIXEL_LENGTH_MISMATCH, FRAME_COUNT_MISMATCH,
    CODESTREAM_HEADER_MISMATCH, CODESTREAM_UNREADABLE or CORRUPT.
    """
    element = scan.pixels[0]
    if scan.transfer_syntax_uid in prescan.NATIVE:
        yield from _native(header, scan, element)
        return
    if element.length is not None:
        raise FileRefusedError(
            RefusalCode.CORRUPT, say("the pixel data should be compressed and is not encapsulated")
        )
    frames = _split(header, scan, attributes)
    if scan.transfer_syntax_uid == prescan.RLE:
        for pieces in frames:
            yield StoredFrame(_rle(header, _join(scan, pieces)))
        return
    # Every stream is compared with the header before the first one is decoded.
    for pieces in frames:
        _check_codestream(header, read_header(_join(scan, pieces)))
    for pieces in frames:
        frame = _join(scan, pieces)
        yield _compressed(header, frame, read_header(frame))


def _native(header: PixelHeader, scan: Scan, element: PixelElement) -> Iterator[StoredFrame]:
    expected = header.frame_bytes * header.frames
    length = element.length or 0
    if length not in (expected, expected + expected % 2):
        raise FileRefusedError(
            RefusalCode.PIXEL_LENGTH_MISMATCH,
            say(
                "the pixel data has {length:,} bytes; {frames:,} frames of {rows} x {columns} "
                "need {expected:,}",
                length=length,
                frames=header.frames,
                rows=header.rows,
                columns=header.columns,
                expected=expected,
            ),
            attribute=element.keyword,
        )
    data: memoryview | bytes = scan.body[element.start : element.start + length]
    order: Literal["<", ">"] = "<" if scan.is_little_endian else ">"
    if order == ">" and header.bits_allocated == 8 and element.vr == "OW":
        # PS3.5 8.1.2: bytes were packed into words, and the words were swapped.
        data = np.frombuffer(data[: length - length % 2], ">u2").astype("<u2").tobytes()
    dtype = np.dtype(_dtype(header)).newbyteorder(order)
    for index in range(header.frames):
        count = header.frame_bytes // dtype.itemsize
        values = np.frombuffer(data, dtype, count, index * header.frame_bytes)
        values = values.astype(dtype.newbyteorder("="))
        if header.photometric == "YBR_FULL_422":
            values = _spread_422(values)
        yield StoredFrame(_mask_unused_bits(_shape(values, header), header))


def _spread_422(values: PixelArray) -> PixelArray:
    """Give each pixel its own chrominance: Y1 Y2 Cb Cr -> Y1 Cb Cr Y2 Cb Cr."""
    pairs = values.reshape(-1, 4)
    return pairs[:, (0, 2, 3, 1, 2, 3)].reshape(-1)


def _shape(values: PixelArray, header: PixelHeader) -> PixelArray:
    if header.samples == 1:
        return values.reshape(header.rows, header.columns)
    if header.is_planar:
        return np.moveaxis(values.reshape(3, header.rows, header.columns), 0, -1)
    return values.reshape(header.rows, header.columns, 3)


def _dtype(header: PixelHeader) -> str:
    letter = "f" if header.kind == "float" else "i" if header.is_signed else "u"
    return f"{letter}{header.bits_allocated // 8}"


def _mask_unused_bits(values: npt.NDArray[Any], header: PixelHeader) -> PixelArray:
    """Drop what lies above the stored bits (old files keep overlays there) and extend the sign."""
    if header.kind == "float":
        return values
    shift = header.bits_allocated - header.bits_stored
    values = values.astype(_dtype(header), copy=False)
    return values if shift == 0 else (values << shift) >> shift


def _split(
    header: PixelHeader, scan: Scan, attributes: Attributes
) -> list[tuple[tuple[int, int], ...]]:
    """Return the fragments of each frame."""
    element = scan.pixels[0]
    fragments = element.fragments
    starts = [start - 8 - (fragments[0][0] - 8) for start, _ in fragments]
    tables = [element.offsets] if element.offsets else []
    extended = attributes.raw("ExtendedOffsetTable", limit=8 * prescan.MAX_ELEMENTS)
    if extended:
        tables.append(struct.unpack(f"<{len(extended) // 8}Q", extended[: len(extended) // 8 * 8]))
    for table in tables:
        if len(table) != header.frames:
            raise _frame_count(len(table), header)
        if list(table) != sorted(set(table)) or not set(table) <= set(starts) or table[0] != 0:
            raise FileRefusedError(
                RefusalCode.CORRUPT, say("the offset table points to places where no frame starts")
            )
    if len(fragments) < header.frames:
        raise _frame_count(len(fragments), header)
    if len(fragments) == header.frames:
        return [(fragment,) for fragment in fragments]
    if tables:
        firsts = [starts.index(offset) for offset in tables[0]]
        return [fragments[a:b] for a, b in zip(firsts, [*firsts[1:], len(fragments)], strict=True)]
    if _is_rle(header):
        raise _frame_count(len(fragments), header)
    if header.frames == 1:
        return [fragments]
    return _split_by_stream(header, scan, fragments)


def _split_by_stream(
    header: PixelHeader, scan: Scan, fragments: tuple[tuple[int, int], ...]
) -> list[tuple[tuple[int, int], ...]]:
    """Return the fragments of each frame without an offset table: a frame starts a new stream."""
    firsts = [
        index
        for index, (start, _) in enumerate(fragments)
        if bytes(scan.body[start : start + 4]).startswith(_STREAM_STARTS)
    ]
    if len(firsts) != header.frames or firsts[0] != 0:
        raise _frame_count(len(fragments), header)
    return [fragments[a:b] for a, b in zip(firsts, [*firsts[1:], len(fragments)], strict=True)]


def _is_rle(header: PixelHeader) -> bool:
    """Whether one fragment must hold one frame. PS3.5 A.4.2."""
    return header.transfer_syntax_uid == prescan.RLE


def _frame_count(found: int, header: PixelHeader) -> FileRefusedError:
    return FileRefusedError(
        RefusalCode.FRAME_COUNT_MISMATCH,
        say(
            "the header announces {frames:,} frames and the file holds {found:,}",
            frames=header.frames,
            found=found,
        ),
        attribute="NumberOfFrames",
    )


def _join(scan: Scan, pieces: tuple[tuple[int, int], ...]) -> bytes:
    return b"".join(scan.body[start:stop] for start, stop in pieces)


def _rle(header: PixelHeader, frame: bytes) -> PixelArray:
    """Return one RLE frame. PS3.5 annex G: one segment per byte of a sample, high byte first."""
    import imagecodecs

    n_bytes = header.bits_allocated // 8
    n_pixels = header.rows * header.columns
    n_segments = n_bytes * header.samples
    if len(frame) < 64:
        raise _bad_rle(say("its header is cut off"))
    count, *offsets = struct.unpack_from("<16I", frame)
    if count != n_segments or count > 15:
        raise FileRefusedError(
            RefusalCode.CODESTREAM_HEADER_MISMATCH,
            say(
                "a compressed frame has {count} segments; the header needs {n_segments}",
                count=count,
                n_segments=n_segments,
            ),
            attribute="BitsAllocated",
        )
    stops = [*offsets[1:count], len(frame)]
    planes = np.empty((header.samples, n_bytes, n_pixels), np.uint8)
    for index, (start, stop) in enumerate(zip(offsets, stops, strict=False)):
        if not 64 <= start < stop <= len(frame):
            raise _bad_rle(say("its segments overlap or lie outside it"))
        # PackBits is the same byte code; it can not grow more than 64-fold.
        try:
            decoded = imagecodecs.packbits_decode(frame[start:stop])
        except MemoryError:
            raise
        except Exception as error:
            raise _bad_rle(say("a segment is malformed")) from error
        # A segment may end in a pad byte, which decodes to at most one pixel more.
        if not n_pixels <= len(decoded) <= n_pixels + 1:
            raise _bad_rle(say("a segment has another number of pixels than announced"))
        planes[index // n_bytes, index % n_bytes] = np.frombuffer(decoded, np.uint8, n_pixels)
    words = np.ascontiguousarray(planes.transpose(0, 2, 1)).view(f">u{n_bytes}")
    values = words.reshape(header.samples, header.rows, header.columns).astype(f"u{n_bytes}")
    return _mask_unused_bits(
        values[0] if header.samples == 1 else np.moveaxis(values, 0, -1), header
    )


def _bad_rle(why: str) -> FileRefusedError:
    return FileRefusedError(
        RefusalCode.CODESTREAM_UNREADABLE, say("an RLE frame can not be read: {why}", why=why)
    )


def _check_codestream(header: PixelHeader, stream: CodestreamHeader) -> None:
    """Refuse a stream that is not what the DICOM header describes."""
    pairs = (
        ("TransferSyntaxUID", stream.family, family_of(header.transfer_syntax_uid)),
        ("Rows", stream.rows, header.rows),
        ("Columns", stream.columns, header.columns),
        ("SamplesPerPixel", stream.samples, header.samples),
    )
    for attribute, found, expected in pairs:
        if found != expected:
            raise _mismatch(attribute, found, expected)
    # Encoders that work on whole words announce the allocated bits; the values must then fit.
    if not header.bits_stored <= stream.precision <= header.bits_allocated:
        raise _mismatch("BitsStored", stream.precision, header.bits_stored)


def _mismatch(attribute: str, found: object, expected: object) -> FileRefusedError:
    return FileRefusedError(
        RefusalCode.CODESTREAM_HEADER_MISMATCH,
        say(
            "a compressed frame says {found} where {attribute} says {expected}",
            found=str(found),
            attribute=attribute,
            expected=str(expected),
        ),
        attribute=attribute,
    )


def _compressed(header: PixelHeader, frame: bytes, stream: CodestreamHeader) -> StoredFrame:
    """Decode one frame; the stream's own word on its colour space outranks the DICOM header's."""
    is_dct = stream.samples == 3 and family_of(header.transfer_syntax_uid) == "JPEG"
    is_ycc = header.photometric.startswith("YBR") if stream.is_ycc is None else stream.is_ycc
    values = decode(frame, stream, is_ycc=is_ycc)
    # PS3.5 8.2.4: OpenJPEG undoes the RCT or ICT of a JPEG 2000 stream itself.
    is_rgb = is_dct or header.photometric in ("YBR_RCT", "YBR_ICT")
    stored = _mask_unused_bits(values, header)
    # Signed values may be extended to the stream's depth, or stand in the stored bits alone.
    fits = np.array_equal(stored, values.astype(stored.dtype)) or (
        values.min() >= 0 and int(values.max()) >> header.bits_stored == 0
    )
    if stream.precision > header.bits_stored and not fits:
        raise _mismatch("BitsStored", stream.precision, header.bits_stored)
    return StoredFrame(stored, is_rgb=is_rgb)
