"""Sections A and B of the list of bad inputs: size and structure, each with its refusal."""

import contextlib
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom.data import get_testdata_file

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.worker import decode_dicom
from tests.unit.intake import make_dicom as make
from tests.unit.intake.make_dicom import element, encapsulate, encode, item, make_dicom, ramp
from tests.unit.intake.refusing import refusal

NOISE = np.random.default_rng(0).bytes(65536)


# A. Size


@pytest.mark.parametrize("frames", ["65535", "1", "2147483647"])
@pytest.mark.parametrize("syntax", [make.EXPLICIT, make.RLE])
def test_a_huge_image_is_refused_before_it_is_decoded(frames: str, syntax: str) -> None:
    pixels = encapsulate(b"\0" * 64) if syntax == make.RLE else ramp()
    data = make_dicom(pixels, syntax=syntax, Rows=65535, Columns=65535, NumberOfFrames=frames)
    assert refusal(data, seconds=0.5).code == RefusalCode.PIXELS_TOO_LARGE


def test_many_frames_of_jpeg_2000_are_counted_before_decoding() -> None:
    frame = imagecodecs.jpeg2k_encode(ramp(), 0, codecformat="J2K", reversible=True)
    data = make_dicom(
        encapsulate(frame), syntax=make.JPEG_2000, Rows=4096, Columns=4096, NumberOfFrames="500"
    )
    assert refusal(data, seconds=0.5).code == RefusalCode.PIXELS_TOO_LARGE


def resize_jpeg(frame: bytes, rows: int, columns: int) -> bytes:
    at = frame.index(b"\xff\xc0")
    return frame[: at + 5] + struct.pack(">HH", rows, columns) + frame[at + 9 :]


def test_a_small_header_does_not_hide_a_huge_jpeg() -> None:
    frame = resize_jpeg(imagecodecs.jpeg8_encode(ramp(high=255, dtype="u1")), 65500, 65500)
    data = make_dicom(
        encapsulate(frame), syntax=make.JPEG, BitsAllocated=8, BitsStored=8, HighBit=7
    )
    error = refusal(data, seconds=0.5)
    assert error.code == RefusalCode.CODESTREAM_HEADER_MISMATCH
    assert error.attribute == "Rows"


@pytest.mark.parametrize("side", [65535, 2**31])
def test_a_small_header_does_not_hide_a_huge_jpeg_2000(side: int) -> None:
    frame = bytearray(imagecodecs.jpeg2k_encode(ramp(), 0, codecformat="J2K", reversible=True))
    frame[8:16] = struct.pack(">II", side, side)
    data = make_dicom(encapsulate(bytes(frame)), syntax=make.JPEG_2000, BitsStored=16, HighBit=15)
    assert refusal(data, seconds=0.5).code == RefusalCode.CODESTREAM_HEADER_MISMATCH


def test_a_small_stream_does_not_fill_a_larger_header() -> None:
    data = make_dicom(
        encapsulate(imagecodecs.jpegls_encode(ramp())),
        syntax=make.JPEG_LS, Rows=512, Columns=512, BitsStored=16, HighBit=15,
    )  # fmt: skip
    assert refusal(data).code == RefusalCode.CODESTREAM_HEADER_MISMATCH


def test_an_eight_bit_stream_under_a_sixteen_bit_header_is_refused() -> None:
    frame = imagecodecs.jpegls_encode(ramp(high=255, dtype="u1"))
    error = refusal(make_dicom(encapsulate(frame), syntax=make.JPEG_LS))
    assert error.code == RefusalCode.CODESTREAM_HEADER_MISMATCH
    assert error.attribute == "BitsStored"


def test_values_beyond_the_stored_bits_are_refused() -> None:
    frame = imagecodecs.jpegls_encode(ramp(high=65535))
    error = refusal(make_dicom(encapsulate(frame), syntax=make.JPEG_LS))
    assert error.code == RefusalCode.CODESTREAM_HEADER_MISMATCH


def test_a_deflate_bomb_is_stopped_at_the_cap() -> None:
    deflater = zlib.compressobj(9, wbits=-15)
    bomb = b"".join(deflater.compress(bytes(2**24)) for _ in range(16)) + deflater.flush()
    head = make_dicom(syntax=make.EXPLICIT)[:132] + encode("TransferSyntaxUID", make.DEFLATED)
    assert refusal(head + bomb).code == RefusalCode.INFLATE_BOMB


def test_frames_that_are_not_there_are_counted() -> None:
    frame = imagecodecs.jpegls_encode(ramp())
    data = make_dicom(
        encapsulate(*[frame] * 10),
        syntax=make.JPEG_LS, NumberOfFrames="1000", BitsStored=16, HighBit=15,
    )  # fmt: skip
    assert refusal(data).code == RefusalCode.FRAME_COUNT_MISMATCH


@pytest.mark.parametrize(
    "raw",
    [
        element(0x00280010, "UL", struct.pack("<I", 2**31)),
        element(0x00280010, "UL", struct.pack("<I", 65537)),
        element(0x00280010, "US", struct.pack("<HH", 64, 64)),
        element(0x00280010, "US", b"\x40\0\0"),
        element(0x00280010, "US", b""),
    ],
    ids=["2^31", "65537", "two values", "three bytes", "empty"],
)
def test_rows_that_are_no_number_of_rows_are_refused(raw: bytes) -> None:
    data = make_dicom(Rows=None, extra=raw)
    error = refusal(data)
    assert (error.code, error.attribute) == (RefusalCode.BAD_ATTRIBUTE, "Rows")


def test_a_pixel_element_longer_than_the_file_is_refused() -> None:
    pixels = element(0x7FE00010, "OW", ramp().tobytes(), length=0xFFFFFFFE)
    assert refusal(make_dicom(pixel_element=pixels)).code == RefusalCode.PIXEL_LENGTH_MISMATCH


# B. Structure


@pytest.mark.parametrize("is_defined", [True, False], ids=["defined", "undefined"])
@pytest.mark.parametrize("depth", [100, 1000, 4000])
def test_nested_sequences_are_refused_without_recursion(depth: int, is_defined: bool) -> None:
    data = make_dicom(extra=make.nested(depth, is_defined=is_defined))
    assert refusal(data, seconds=0.5).code == RefusalCode.NESTING_TOO_DEEP


def test_ordinary_nesting_is_read() -> None:
    assert decode_dicom(make_dicom(extra=make.nested(10, is_defined=True)), digest="")


def test_a_million_elements_are_refused() -> None:
    many = element(0x00091001, "LO", b"") * 1_000_000
    assert refusal(make_dicom(extra=many), seconds=1.5).code == RefusalCode.TOO_MANY_ELEMENTS


def test_a_million_items_are_refused() -> None:
    many = element(0x00081140, "SQ", item(b"") * 1_000_000)
    assert refusal(make_dicom(extra=many), seconds=1.5).code == RefusalCode.TOO_MANY_ELEMENTS


def test_a_ten_megabyte_window_is_ignored_and_without_pixels_there_is_nothing() -> None:
    wide = element(0x00189999, "UC", b"1\\" * 5_000_000)
    assert refusal(make_dicom(extra=wide, pixel_element=b"")).code == RefusalCode.NO_PIXELS


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"DICM", RefusalCode.NOT_DICOM),
        (b"<html>", RefusalCode.NOT_DICOM),
        (bytes(128) + b"DICM", RefusalCode.NO_TRANSFER_SYNTAX),
        (bytes(128) + b"DICM" + NOISE, RefusalCode.NO_TRANSFER_SYNTAX),
    ],
    ids=["only DICM", "HTML", "only a preamble", "random after DICM"],
)  # fmt: skip
def test_what_is_not_dicom_is_said_to_be_none(data: bytes, code: RefusalCode) -> None:
    assert refusal(data).code == code


@pytest.mark.parametrize(
    "syntax",
    ["1.2.3.4.5.6", "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.94", "EVIL UID<script>"],
    ids=["private", "MPEG-4", "JPIP", "script"],
)
def test_other_transfer_syntaxes_are_refused_without_quoting_them(syntax: str) -> None:
    error = refusal(make_dicom(syntax=syntax))
    assert error.code == RefusalCode.UNSUPPORTED_SYNTAX
    assert syntax not in error.detail


def offset_table(*offsets: int) -> bytes:
    return struct.pack(f"<{len(offsets)}I", *offsets)


@pytest.mark.parametrize(
    ("pixels", "codes"),
    [
        (encapsulate(b"ab" * 50, b"cd" * 50, table=offset_table(0, 10**6)), {"CORRUPT"}),
        (encapsulate(b"ab" * 50, b"cd" * 50, table=offset_table(108, 0)), {"CORRUPT"}),
        (encapsulate(b"", b""), {"CODESTREAM_UNREADABLE"}),
        (item(b"") + b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + b"x" * 100, {"CORRUPT"}),
        (encapsulate(), {"FRAME_COUNT_MISMATCH"}),
        (b"\xfe\xff\xdd\xe0\0\0\0\0", {"CORRUPT"}),
        (encapsulate(b"garbage " * 9, b"garbage " * 9), {"CODESTREAM_UNREADABLE"}),
        (encapsulate(b"ab" * 50, b"cd" * 50, is_closed=False), {"CORRUPT"}),
    ],
    ids=["table out of range", "table descending", "empty fragments", "4 GB fragment", "no frame",
         "no items", "garbage", "no delimiter"],
)  # fmt: skip
def test_broken_encapsulation_is_refused(pixels: bytes, codes: set[str]) -> None:
    data = make_dicom(pixels, syntax=make.JPEG_2000, NumberOfFrames="2")
    assert refusal(data).code in codes


def test_half_a_jpeg_2000_stream_is_refused_or_read_as_the_decoder_reads_it() -> None:
    frame = imagecodecs.jpeg2k_encode(ramp(), 0, codecformat="J2K", reversible=True)
    data = make_dicom(
        encapsulate(frame[: len(frame) // 8]), syntax=make.JPEG_2000, BitsStored=16, HighBit=15
    )
    assert refusal(data).code == RefusalCode.CODESTREAM_UNREADABLE


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\2\0\0\0",
        struct.pack("<16I", 2, 64, 10**9, *[0] * 13),
        struct.pack("<16I", 2, 64, 32, *[0] * 13) + b"\x81\0" * 100,
        struct.pack("<16I", 15, *range(64, 79)),
        struct.pack("<16I", 2, 64, 66, *[0] * 13) + b"\x7f\0\x81\0",
    ],
    ids=["empty", "cut off", "far offset", "descending", "15 segments", "literal run too long"],
)
def test_malformed_rle_is_refused_and_the_process_lives(frame: bytes) -> None:
    data = make_dicom(encapsulate(frame), syntax=make.RLE)
    assert refusal(data).code in {
        RefusalCode.CODESTREAM_UNREADABLE,
        RefusalCode.CODESTREAM_HEADER_MISMATCH,
    }


def test_a_file_cut_anywhere_is_refused_until_only_padding_is_lost() -> None:
    data = Path(str(get_testdata_file("CT_small.dcm", download=False))).read_bytes()
    whole = decode_dicom(data, digest="").instance.pixels
    seen = set()
    for cut in np.linspace(0, len(data) - 1, 41).astype(int):
        with contextlib.suppress(FileRefusedError):
            assert np.array_equal(decode_dicom(data[:cut], digest="").instance.pixels, whole)
            continue
        seen.add(refusal(data[:cut]).code)
    assert seen <= {
        RefusalCode.CORRUPT,
        RefusalCode.PIXEL_LENGTH_MISMATCH,
        RefusalCode.NOT_DICOM,
        RefusalCode.NO_PIXELS,
    }


def test_a_file_encoded_otherwise_than_declared_is_read_as_it_is() -> None:
    data = make_dicom(syntax=make.EXPLICIT).replace(
        encode("TransferSyntaxUID", make.EXPLICIT), encode("TransferSyntaxUID", make.IMPLICIT)
    )
    instance = decode_dicom(data, digest="").instance
    assert np.array_equal(instance.pixels[0], ramp())
    assert instance.notices


def test_mutated_files_never_cost_more_than_themselves() -> None:
    rng = np.random.default_rng(7)
    jpeg = imagecodecs.jpeg8_encode(ramp(), lossless=True, bitspersample=12)
    seeds = [
        make_dicom(),
        make_dicom(encapsulate(jpeg), syntax=make.JPEG_LOSSLESS),
        make_dicom(
            encapsulate(imagecodecs.jpeg2k_encode(ramp(), 0, codecformat="J2K", reversible=True)),
            syntax=make.JPEG_2000, BitsStored=16, HighBit=15,
        ),
    ]  # fmt: skip
    for seed in seeds:
        for _ in range(60):
            data = bytearray(seed)
            for at in rng.integers(132, len(data), 4):
                data[at] = rng.integers(256)
            try:
                part = decode_dicom(bytes(data), digest="")
            except FileRefusedError:
                continue
            assert np.isfinite(part.instance.pixels).all()
    assert decode_dicom(make_dicom(), digest="").instance.pixels.any()
