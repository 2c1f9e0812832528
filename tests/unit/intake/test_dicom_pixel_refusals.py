"""Section C of the list of bad inputs: pixels that can not mean what the header says."""

import numpy as np
import pytest

from mmcore.errors import RefusalCode
from mmcore.intake.worker import decode_dicom
from tests.unit.intake.make_dicom import Value, element, encode, item, make_dicom, ramp
from tests.unit.intake.refusing import refusal


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
