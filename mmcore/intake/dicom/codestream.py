"""Compressed frames: read what the code stream says of itself, then decode it.

imagecodecs (libjpeg-turbo, CharLS, OpenJPEG, OpenJPH) is the one decoder of the JPEG family,
because it reads 12-bit and lossless JPEG, is BSD, and never took the process down on mutated files.
The size in the stream is compared with the DICOM header *before* decoding: an 896-byte file whose
JPEG says 65500 x 65500 otherwise takes 12 GB.
"""

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import numpy as np

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.dicom import prescan
from mmcore.language import say
from mmcore.records import PixelArray

_SOI, _APP14, _SOS, _EOI = 0xD8, 0xEE, 0xDA, 0xD9
_CAP, _PART_15 = 0xFF50, 1 << 17
_STANDALONE = frozenset(range(0xD0, 0xD8)) | {0x01, _SOI}
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}


class Family(StrEnum):
    """The kinds of code stream that DICOM transfer syntaxes name."""

    JPEG_DCT = "JPEG"
    JPEG_LOSSLESS = "lossless JPEG"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    HTJ2K = "HTJ2K"


@dataclass(frozen=True, slots=True)
class CodestreamHeader:
    """What a code stream says of itself.

    is_ycc: whether a marker says the three components are Y, Cb, Cr; ``None`` if none says.
    """

    family: Family
    rows: int
    columns: int
    samples: int
    precision: int
    is_signed: bool = False
    is_ycc: bool | None = None


def family_of(transfer_syntax_uid: str) -> Family:
    """Return the family of a JPEG-family transfer syntax. PS3.5 A.4."""
    for uids, family in (
        (prescan.JPEG_DCT, Family.JPEG_DCT),
        (prescan.JPEG_LOSSLESS, Family.JPEG_LOSSLESS),
        (prescan.JPEG_LS, Family.JPEG_LS),
        (prescan.JPEG_2000, Family.JPEG_2000),
        (prescan.HTJ2K, Family.HTJ2K),
    ):
        if transfer_syntax_uid in uids:
            return family
    raise ValueError(f"{transfer_syntax_uid} is no transfer syntax of the JPEG family")


def read_header(frame: bytes) -> CodestreamHeader:
    """Return the header of one compressed frame.

    Raises ``FileRefusedError`` (CODESTREAM_UNREADABLE) if there is none.
    """
    try:
        if frame[:2] == b"\xff\xd8":
            return _read_jpeg(frame)
        if frame[:4] == b"\xff\x4f\xff\x51":
            return _read_jpeg2000(frame)
    except (struct.error, IndexError) as error:
        raise _unreadable(say("its header is cut off")) from error
    raise _unreadable(say("it does not start like one"))


def decode(frame: bytes, header: CodestreamHeader, *, is_ycc: bool) -> PixelArray:
    """Return (rows, columns) or (rows, columns, 3) as the stream stores it, colour as RGB.

    ``is_ycc``: whether three components are to be taken for Y, Cb, Cr and converted; only lossy
    JPEG is converted here, by the decoder.

    Raises ``FileRefusedError`` (CODESTREAM_UNREADABLE or PIXELS_TOO_LARGE).
    """
    import imagecodecs

    try:
        match header.family:
            case Family.JPEG_LS:
                pixels = imagecodecs.jpegls_decode(frame)
            case Family.JPEG_2000:
                pixels = imagecodecs.jpeg2k_decode(frame, numthreads=1)
            case Family.HTJ2K:
                pixels = imagecodecs.htj2k_decode(frame)
            case Family.JPEG_LOSSLESS | Family.JPEG_DCT if header.samples == 1:
                pixels = imagecodecs.jpeg8_decode(frame)
            case Family.JPEG_LOSSLESS | Family.JPEG_DCT:
                space = "YCBCR" if is_ycc and header.family == Family.JPEG_DCT else "RGB"
                pixels = imagecodecs.jpeg8_decode(frame, colorspace=space, outcolorspace="RGB")
    except MemoryError:
        raise
    except Exception as error:
        raise _unreadable(say("the decoder refuses it")) from error
    expected = (header.rows, header.columns) + ((header.samples,) if header.samples > 1 else ())
    if pixels.shape != expected:
        pixels = np.moveaxis(pixels, 0, -1) if pixels.ndim == 3 else pixels
    if pixels.shape != expected:
        raise _unreadable(say("it holds another number of pixels than it announces"))
    return cast(PixelArray, pixels)


def _unreadable(why: str) -> FileRefusedError:
    return FileRefusedError(
        RefusalCode.CODESTREAM_UNREADABLE, say("a compressed frame can not be read: {why}", why=why)
    )


def _read_jpeg(frame: bytes) -> CodestreamHeader:
    """Walk the marker segments up to the frame header. ITU-T T.81 annex B, T.87 annex C."""
    pos, adobe, has_jfif = 2, None, False
    while True:
        if frame[pos] != 0xFF:
            raise _unreadable(say("a marker is missing"))
        marker = frame[pos + 1]
        if marker == 0xFF:  # fill byte
            pos += 1
            continue
        if marker in _STANDALONE:
            pos += 2
            continue
        if marker in (_SOS, _EOI):
            raise _unreadable(say("it has no frame header"))
        (length,) = struct.unpack_from(">H", frame, pos + 2)
        body = frame[pos + 4 : pos + 2 + length]
        if marker in _SOF:
            break
        if marker == _APP14 and body[:5] == b"Adobe" and len(body) >= 12:
            adobe = body[11]
        has_jfif = has_jfif or (marker == 0xE0 and body[:4] == b"JFIF")
        pos += 2 + length
    precision, rows, columns, samples = struct.unpack_from(">BHHB", body)
    family = {0xC3: Family.JPEG_LOSSLESS, 0xF7: Family.JPEG_LS}.get(marker, Family.JPEG_DCT)
    ids = bytes(body[6 + 3 * i] for i in range(samples))
    is_ycc: bool | None = None
    if ids == b"RGB" or adobe == 0:
        is_ycc = False
    elif adobe == 1 or has_jfif:
        is_ycc = True
    return CodestreamHeader(family, rows, columns, samples, precision, is_ycc=is_ycc)


def _read_jpeg2000(frame: bytes) -> CodestreamHeader:
    """Read the SIZ segment. ITU-T T.800 A.5.1."""
    x1, y1, x0, y0 = struct.unpack_from(">IIII", frame, 8)
    (samples,) = struct.unpack_from(">H", frame, 40)
    parts = [struct.unpack_from(">BBB", frame, 42 + 3 * i) for i in range(min(samples, 4))]
    if x1 <= x0 or y1 <= y0 or not parts:
        raise _unreadable(say("it announces no pixels"))
    if any(part != (parts[0][0], 1, 1) for part in parts):
        raise _unreadable(say("its components differ in size or depth"))
    depth = parts[0][0]
    return CodestreamHeader(
        Family.HTJ2K if _is_htj2k(frame) else Family.JPEG_2000,
        rows=y1 - y0,
        columns=x1 - x0,
        samples=samples,
        precision=(depth & 0x7F) + 1,
        is_signed=bool(depth & 0x80),
    )


def _is_htj2k(frame: bytes) -> bool:
    """Whether a CAP segment behind SIZ announces Part 15. ITU-T T.800 A.5.2, T.814 A.3.

    Rsiz says only that there are capabilities, and in some files it is not even that.
    """
    (length,) = struct.unpack_from(">H", frame, 4)
    marker, _, capabilities = struct.unpack_from(">HHI", frame, 4 + length)
    return marker == _CAP and bool(capabilities & _PART_15)
