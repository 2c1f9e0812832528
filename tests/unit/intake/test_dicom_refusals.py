"""Sections A, B and C of the list of bad inputs: each gets its named refusal, quickly."""

import contextlib
import struct
import time
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom.data import get_testdata_file

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.worker import decode_dicom
from tests.unit.intake import make_dicom as make
from tests.unit.intake.make_dicom import Value, element, encapsulate, encode, item, make_dicom, ramp

NOISE = np.random.default_rng(0).bytes(65536)
WORDS_OF_THE_PATIENT = ("Doe", "Jane", "00123", "1.2.3.4")


def refusal(data: bytes, *, seconds: float = 2.0) -> FileRefusedError:
    decode_dicom(make_dicom(), digest="warm")
    started = time.perf_counter()
    with pytest.raises(FileRefusedError) as caught:
        decode_dicom(data, digest="")
    assert time.perf_counter() - started < seconds
    assert not any(word in caught.value.detail for word in WORDS_OF_THE_PATIENT)
    return caught.value


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


# C. What the pixels mean


@pytest.mark.parametrize(
    ("attributes", "attribute"),
    [
        *(({"RescaleSlope": value, "RescaleIntercept": "0"}, "RescaleSlope")
          for value in ("nan", "inf", "0", "1e308", "1e-320", "", "1\\2", "abc", "1,5")),
        *(({"RescaleIntercept": value, "RescaleSlope": "1"}, "RescaleIntercept")
          for value in ("nan", "-inf", "1e308", "", "1\\2", "abc", "1,5")),
        ({"RescaleSlope": "1"}, "RescaleIntercept"),
        ({"Modality": "CT", "RescaleSlope": "-1", "RescaleIntercept": "0"}, "RescaleSlope"),
        ({"Modality": "CT"}, "RescaleSlope"),
        *(({"PixelRepresentation": value}, "PixelRepresentation") for value in (2, 65535)),
        *(({"BitsAllocated": value}, "BitsAllocated") for value in (0, 1, 7, 12, 64)),
        *(({"BitsStored": value}, "BitsStored") for value in (0, 20)),
        ({"BitsStored": 16}, "HighBit"),
        *(({"PhotometricInterpretation": value}, "PhotometricInterpretation")
          for value in ("RGB", "CMYK", "PALETTE COLOR", "YBR_FULL_422", "FOO", "")),
        *(({"SamplesPerPixel": value}, "SamplesPerPixel") for value in (0, 2, 4, 255)),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "PlanarConfiguration"),
        *(({"NumberOfFrames": value}, "NumberOfFrames") for value in ("-1", "1.5", "abc", "")),
        ({"Rows": 0}, "Rows"),
        ({"Columns": 0}, "Columns"),
        *(({keyword: None}, keyword)
          for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID",
                          "Modality", "SamplesPerPixel", "PhotometricInterpretation", "Rows",
                          "Columns", "BitsAllocated", "BitsStored", "HighBit",
                          "PixelRepresentation")),
    ],
)  # fmt: skip
def test_a_bad_attribute_is_refused_by_name(attributes: dict[str, Value], attribute: str) -> None:
    error = refusal(make_dicom(**attributes))
    assert (error.code, error.attribute) == (RefusalCode.BAD_ATTRIBUTE, attribute)
    assert attribute in error.detail


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"NumberOfFrames": "100000000000000000000"}, RefusalCode.PIXELS_TOO_LARGE),
        ({"NumberOfFrames": "2"}, RefusalCode.PIXEL_LENGTH_MISMATCH),
        ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}, RefusalCode.PIXEL_LENGTH_MISMATCH),
        ({"BitsAllocated": 32}, RefusalCode.PIXEL_LENGTH_MISMATCH),
        ({"Rows": 1, "Columns": 4096}, RefusalCode.IMPLAUSIBLE_GEOMETRY),
        ({"Rows": 32, "Columns": 128}, RefusalCode.IMPLAUSIBLE_GEOMETRY),
    ],
)
def test_a_header_that_does_not_fit_its_pixels_is_refused(
    attributes: dict[str, Value], code: RefusalCode
) -> None:
    assert refusal(make_dicom(**attributes)).code == code


def test_swapped_sides_that_make_a_strip_are_refused() -> None:
    data = make_dicom(ramp(128, 128), Rows=64, Columns=256)
    assert refusal(data).code == RefusalCode.IMPLAUSIBLE_GEOMETRY


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_pixel_data_of_another_length_is_refused(scale: float) -> None:
    pixels = element(0x7FE00010, "OW", bytes(int(scale * 64 * 64 * 2)))
    assert refusal(make_dicom(pixel_element=pixels)).code == RefusalCode.PIXEL_LENGTH_MISMATCH


@pytest.mark.parametrize("pixels", [b"", element(0x7FE00010, "OW", b"")], ids=["none", "empty"])
def test_without_pixels_there_is_no_image(pixels: bytes) -> None:
    assert refusal(make_dicom(pixel_element=pixels)).code == RefusalCode.NO_PIXELS


def test_a_constant_image_is_refused() -> None:
    assert refusal(make_dicom(ramp() * 0 + 7)).code == RefusalCode.CONSTANT_IMAGE


def test_ct_values_that_no_tissue_has_are_refused() -> None:
    # A signed CT read as unsigned: -1000 becomes 64536.
    stored = (ramp().astype("i4") - 1000).astype("u2")
    data = make_dicom(
        stored, Modality="CT", RescaleSlope="1", RescaleIntercept="0", BitsStored=16, HighBit=15
    )
    assert refusal(data).code == RefusalCode.IMPLAUSIBLE_VALUES


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_pixel_that_is_no_number_refuses_the_image(value: float) -> None:
    pixels = ramp().astype("<f4")
    pixels[3, 3] = value
    data = make_dicom(
        pixel_element=element(0x7FE00008, "OF", pixels.tobytes()),
        BitsAllocated=32, BitsStored=32, HighBit=31,
    )  # fmt: skip
    assert refusal(data).code == RefusalCode.NON_FINITE_PIXELS


def test_float_pixels_beyond_any_measurement_are_refused() -> None:
    pixels = ramp().astype("<f4")
    pixels[3, 3] = 3e38
    data = make_dicom(pixel_element=element(0x7FE00008, "OF", pixels.tobytes()), BitsAllocated=32)
    assert refusal(data).code == RefusalCode.IMPLAUSIBLE_VALUES


def test_two_kinds_of_pixel_data_are_refused() -> None:
    both = element(0x7FE00008, "OF", ramp().astype("<f4").tobytes()) + element(
        0x7FE00010, "OW", ramp().tobytes()
    )
    assert refusal(make_dicom(pixel_element=both)).code == RefusalCode.BAD_ATTRIBUTE


def modality_lut(descriptor: list[int], data: bytes) -> bytes:
    lut = encode("LUTDescriptor", descriptor, vr="US") + encode("LUTData", data, vr="OW")
    return element(0x00283000, "SQ", item(lut))


@pytest.mark.parametrize(
    "sequence",
    [
        modality_lut([4, 0, 16], b"\0\0"),
        modality_lut([4, 0, 16], b""),
        modality_lut([4, 0, 99], bytes(8)),
        modality_lut([4, 0], bytes(8)),
        element(0x00283000, "SQ", b""),
    ],
    ids=["short", "empty", "99 bits", "two values", "no item"],
)
def test_a_broken_modality_lut_is_refused(sequence: bytes) -> None:
    assert refusal(make_dicom(extra=sequence)).code == RefusalCode.BAD_LUT


def test_a_short_palette_is_refused() -> None:
    extra = b"".join(
        encode(f"{channel}PaletteColorLookupTableDescriptor", [256, 0, 16], vr="US")
        for channel in ("Red", "Green", "Blue")
    ) + b"".join(
        encode(f"{channel}PaletteColorLookupTableData", bytes(100))
        for channel in ("Red", "Green", "Blue")
    )
    data = make_dicom(
        ramp(high=255, dtype="u1"), PhotometricInterpretation="PALETTE COLOR",
        BitsAllocated=8, BitsStored=8, HighBit=7, extra=extra,
    )  # fmt: skip
    assert refusal(data).code == RefusalCode.BAD_LUT


@pytest.mark.parametrize("name", ["../../x", "/etc/cron.d/x", "A" * 100_000, "\u202egpj", "=cmd()"])
def test_a_strange_name_is_text_and_nothing_else(name: str) -> None:
    part = decode_dicom(make_dicom(PatientID=name[:64], SOPInstanceUID=name[:64]), digest="")
    assert part.instance.sop_instance_uid
    long = element(0x00100010, "UC", name.encode())
    assert decode_dicom(make_dicom(PatientName=None, extra=long), digest="")
