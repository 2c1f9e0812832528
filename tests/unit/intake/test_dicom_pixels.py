"""What arrives in ``pixels``: the reference decoder's values, in modality units."""

import hashlib
import struct
import warnings
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels.processing import apply_modality_lut

from mmcore.intake.parts import ImagePart
from mmcore.intake.worker import decode_dicom
from mmcore.orientation import sides_of
from mmcore.records import Window
from tests.unit.intake import make_dicom as make
from tests.unit.intake.make_dicom import element, encapsulate, encode, item, make_dicom, ramp


def read(data: bytes) -> ImagePart:
    return decode_dicom(data, digest=hashlib.sha256(data).hexdigest())


def reference(path: Path) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
        return np.asarray(apply_modality_lut(dataset.pixel_array, dataset))


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",  # explicit little endian, signed, rescaled
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "JPEG2000.dcm",
        "693_J2KI.dcm",  # 16-bit stream for 14 stored bits
        "J2K_pixelrep_mismatch.dcm",  # unsigned stream for signed pixels
        "image_dfl.dcm",  # deflated
        "examples_overlay.dcm",  # overlay in the unused bits
        "examples_jpeg2k.dcm",  # YBR_RCT
        "examples_ybr_color.dcm",  # 30 frames of JPEG, YBR_FULL_422
        "examples_rgb_color.dcm",  # planar
        "SC_ybr_full_422_uncompressed.dcm",
        "SC_rgb_rle_2frame.dcm",
        "SC_rgb_dcmtk_+eb+cr.dcm",  # JPEG without colour transform
        "SC_rgb_dcmtk_+eb+cy+np.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_gdcm_KY.dcm",
    ],
)
def test_pixels_equal_those_of_pydicom(name: str) -> None:
    path = Path(str(get_testdata_file(name, download=False)))
    pixels = read(path.read_bytes()).instance.pixels
    assert np.array_equal(pixels, reference(path).reshape(pixels.shape))


def test_grey_frames_are_frames_rows_columns_and_colour_adds_rgb() -> None:
    grey = read(make_dicom(ramp(64, 80))).instance
    assert grey.pixels.shape == (1, 64, 80)
    assert not grey.is_color
    rgb = np.stack([ramp(64, 80, high=255, dtype="u1")] * 3, axis=-1)
    data = make_dicom(
        rgb, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0,
        BitsAllocated=8, BitsStored=8, HighBit=7,
    )  # fmt: skip
    color = read(data).instance
    assert color.pixels.dtype == np.uint8
    assert np.array_equal(color.pixels[0], rgb)


def rle(frame: np.ndarray) -> bytes:
    high_byte_first = frame.astype(">u2").view(np.uint8).reshape(-1, 2)
    segments = [imagecodecs.packbits_encode(plane.tobytes()) for plane in high_byte_first.T]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    starts = [64, 64 + len(segments[0])] + [0] * 13
    return struct.pack("<16I", 2, *starts) + b"".join(segments)


@pytest.mark.parametrize(
    ("syntax", "compress"),
    [
        (make.JPEG_12, lambda a: imagecodecs.jpeg8_encode(a, 100, bitspersample=12)),
        (make.JPEG_LOSSLESS, lambda a: imagecodecs.jpeg8_encode(
            a, lossless=True, bitspersample=12)),
        (make.JPEG_LS, lambda a: imagecodecs.jpegls_encode(a)),
        (make.JPEG_2000, lambda a: imagecodecs.jpeg2k_encode(
            a, 0, codecformat="J2K", reversible=True, bitspersample=12)),
        (make.RLE, rle),
    ],
    ids=["12-bit JPEG", "lossless JPEG", "JPEG-LS", "JPEG 2000", "RLE"],
)  # fmt: skip
def test_twelve_bit_frames_survive_each_codec(syntax: str, compress) -> None:
    frames = [ramp(), ramp()[::-1].copy()]
    stored = 16 if syntax == make.JPEG_LS else 12  # CharLS encodes the bits of the array
    data = make_dicom(
        encapsulate(*(compress(frame) for frame in frames)),
        syntax=syntax, NumberOfFrames="2", BitsStored=stored, HighBit=stored - 1,
    )  # fmt: skip
    instance = read(data).instance
    tolerance = 1 if syntax == make.JPEG_12 else 0
    assert np.abs(instance.pixels.astype(int) - np.stack(frames)).max() <= tolerance
    assert instance.decoder.startswith("imagecodecs ")


def test_eight_bit_jpeg_equals_the_decoder_of_pillow() -> None:
    frame = imagecodecs.jpeg8_encode(ramp(high=255, dtype="u1"), 90)
    data = make_dicom(
        encapsulate(frame), syntax=make.JPEG, BitsAllocated=8, BitsStored=8, HighBit=7
    )
    dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(data))
    assert np.array_equal(read(data).instance.pixels[0], dataset.pixel_array)


def test_one_frame_may_be_split_into_fragments() -> None:
    frame = imagecodecs.jpegls_encode(ramp())
    half = len(frame) // 2 * 2 // 2
    half += half % 2
    data = make_dicom(
        encapsulate(frame[:half], frame[half:]), syntax=make.JPEG_LS, BitsStored=16, HighBit=15
    )
    assert np.array_equal(read(data).instance.pixels[0], ramp())


def test_signed_values_are_extended_from_the_stored_bits() -> None:
    # 0x0FFF in 12 stored bits is -1; the four bits above are an old overlay and do not count.
    stored = ramp()
    stored[0, 0] = 0xFFFF
    stored[0, 1] = 0xF001
    values = read(make_dicom(stored, PixelRepresentation=1)).instance.pixels[0]
    assert values[0, 0] == -1
    assert values[0, 1] == 1


@pytest.mark.parametrize("syntax", [make.IMPLICIT, make.BIG_ENDIAN, make.DEFLATED])
def test_the_transfer_syntax_does_not_change_the_pixels(syntax: str) -> None:
    assert np.array_equal(read(make_dicom(syntax=syntax)).instance.pixels[0], ramp())


def test_rescale_keeps_integers_where_it_can() -> None:
    whole = read(make_dicom(Modality="CT", RescaleSlope="2", RescaleIntercept="-1024")).instance
    assert np.array_equal(whole.pixels[0], ramp().astype(int) * 2 - 1024)
    assert whole.pixels.dtype == np.int16
    assert whole.value_unit == "HU"
    broken = read(make_dicom(RescaleSlope="0.5", RescaleIntercept="0")).instance
    assert broken.pixels.dtype == np.float32
    assert np.array_equal(broken.pixels[0], ramp() * 0.5)


def test_modality_lut_maps_and_clamps() -> None:
    # Entries for stored values 100 to 103; below and above take the first and last entry.
    lut = (
        encode("LUTDescriptor", [4, 100, 16], vr="US")
        + encode("ModalityLUTType", "OD")
        + encode("LUTData", struct.pack("<4H", 10, 20, 30, 40), vr="OW")
    )
    sequence = element(0x00283000, "SQ", item(lut))
    values = read(make_dicom(extra=sequence)).instance
    stored = ramp()
    expected = np.array([10, 20, 30, 40])[np.clip(stored.astype(int) - 100, 0, 3)]
    assert np.array_equal(values.pixels[0], expected)
    assert values.value_unit == "OD"


def test_rescale_per_frame_of_an_enhanced_image() -> None:
    def group(slope: str) -> bytes:
        pair = encode("RescaleIntercept", "0") + encode("RescaleSlope", slope)
        measures = element(0x00289110, "SQ", item(encode("PixelSpacing", "0.5\\0.25")))
        return item(measures + element(0x00289145, "SQ", item(pair)))

    frames = element(0x52009230, "SQ", group("1") + group("3"))
    pixels = np.concatenate([ramp(), ramp()])
    part = read(make_dicom(pixels, Rows=64, NumberOfFrames="2", extra=frames)).instance
    assert np.array_equal(part.pixels[0] * 3, part.pixels[1])
    assert part.spacing_mm == (0.5, 0.25)


def test_monochrome1_is_marked_and_its_values_stay_as_stored() -> None:
    instance = read(make_dicom(PhotometricInterpretation="MONOCHROME1")).instance
    assert instance.is_inverted
    assert np.array_equal(instance.pixels[0], ramp())


def test_palette_becomes_rgb() -> None:
    table = np.arange(256, dtype="u2") * 257
    extra = b"".join(
        encode(f"{channel}PaletteColorLookupTableDescriptor", [256, 0, 16], vr="US")
        for channel in ("Red", "Green", "Blue")
    ) + b"".join(
        encode(f"{channel}PaletteColorLookupTableData", data.tobytes())
        for channel, data in (("Red", table), ("Green", table[::-1]), ("Blue", table * 0))
    )
    grey = ramp(high=255, dtype="u1")
    data = make_dicom(
        grey, PhotometricInterpretation="PALETTE COLOR", BitsAllocated=8, BitsStored=8, HighBit=7,
        extra=extra,
    )  # fmt: skip
    pixels = read(data).instance.pixels[0]
    assert np.array_equal(pixels[..., 0], grey)
    assert np.array_equal(pixels[..., 1], 255 - grey)
    assert not pixels[..., 2].any()


def test_float_pixels_are_read_when_finite() -> None:
    values = ramp().astype("<f4") / 7
    pixel_element = element(0x7FE00008, "OF", values.tobytes())
    data = make_dicom(pixel_element=pixel_element, BitsAllocated=32, BitsStored=32, HighBit=31)
    assert np.array_equal(read(data).instance.pixels[0], values)


def test_windows_are_kept_in_order_with_their_names() -> None:
    data = make_dicom(
        WindowCenter="40\\-600", WindowWidth="400\\1500", WindowCenterWidthExplanation="BODY\\LUNG"
    )
    assert read(data).instance.windows == (Window(40, 400, "BODY"), Window(-600, 1500, "LUNG"))


@pytest.mark.parametrize(
    ("center", "width"),
    [("0", "0"), ("0", "-100"), ("0", "nan"), ("0", "1e-300"), ("0", "wide"), ("inf", "100"),
     ("1\\2\\3", "100\\200")],
)  # fmt: skip
def test_a_bad_window_is_ignored_aloud_and_the_pixels_stay(center: str, width: str) -> None:
    instance = read(make_dicom(WindowCenter=center, WindowWidth=width)).instance
    assert instance.windows == ()
    assert "The display window in the file is not valid and was ignored." in instance.notices
    assert np.array_equal(instance.pixels[0], ramp())


def test_a_display_curve_becomes_the_window_nearest_to_it() -> None:
    # Flat to 1000, rising to 3000, flat after: centre 2000, width 2000.
    curve = np.clip((np.arange(4096) - 1000) / 2000, 0, 1) * 65535
    lut = encode("LUTDescriptor", [4096, 0, 16], vr="US") + encode(
        "LUTData", curve.astype("<u2").tobytes(), vr="OW"
    )
    instance = read(make_dicom(extra=element(0x00283010, "SQ", item(lut)))).instance
    (window,) = instance.windows
    assert window.center == pytest.approx(2000, abs=5)
    assert window.width == pytest.approx(2000, rel=0.05)
    assert any("display curve" in notice for notice in instance.notices)


def test_spacing_of_the_detector_is_used_with_a_notice() -> None:
    assert read(make_dicom(PixelSpacing="0.2\\0.3")).instance.spacing_mm == (0.2, 0.3)
    detector = read(make_dicom(ImagerPixelSpacing="0.1\\0.1")).instance
    assert detector.spacing_mm == (0.1, 0.1)
    assert any("detector" in notice for notice in detector.notices)
    assert read(make_dicom()).instance.spacing_mm is None


def test_zero_spacing_is_no_spacing() -> None:
    instance = read(make_dicom(PixelSpacing="0\\0.3")).instance
    assert instance.spacing_mm is None
    assert instance.notices


@pytest.mark.parametrize(
    ("stored", "orientation", "sides"),
    [
        ("L\\F", ("L", "F"), ("R", "L")),
        ("R\\F", ("R", "F"), ("L", "R")),
        ("LP\\FA", ("LP", "FA"), ("R", "L")),
        ("P\\F", ("P", "F"), None),
        ("PL\\F", ("PL", "F"), None),  # oblique, more to the back than to the left
    ],
)
def test_sides_are_those_that_the_rows_run_between(
    stored: str, orientation: tuple[str, str], sides: tuple[str, str] | None
) -> None:
    """PS3.3 C.7.6.1.1.1: the first value is the direction in which the columns are counted up."""
    instance = read(make_dicom(PatientOrientation=stored)).instance
    assert (instance.patient_orientation, sides_of(instance)) == (orientation, sides)
    assert not instance.notices


@pytest.mark.parametrize("stored", ["L", "L\\F\\A", "LEFT\\FEET", "L\\R", "LR\\F", "\\F", "LE\\CD"])
def test_an_orientation_that_is_none_is_ignored_with_a_notice(stored: str) -> None:
    instance = read(make_dicom(PatientOrientation=stored)).instance
    assert instance.patient_orientation is None
    assert "PatientOrientation is not valid" in instance.notices[0]


def test_without_an_orientation_the_view_alone_names_no_side() -> None:
    for instance in (
        read(make_dicom(ViewPosition="PA")).instance,
        read(make_dicom(ViewPosition="PA", PatientOrientation="")).instance,
    ):
        assert sides_of(instance) is None
        assert not instance.notices


@pytest.mark.parametrize(
    ("cosines", "orientation", "sides"),
    [
        ("1\\0\\0\\0\\1\\0", ("L", "P"), ("R", "L")),  # axial, as seen from the feet
        ("-1\\0\\0\\0\\1\\0", ("R", "P"), ("L", "R")),
        ("0\\1\\0\\0\\0\\-1", ("P", "F"), None),  # sagittal
        ("1\\0\\0\\0\\0.8\\-0.6", ("L", "PF"), ("R", "L")),  # a tilted gantry
        ("1\\0\\0\\1\\0\\0", None, None),  # rows and columns run the same way
        ("0\\0\\0\\0\\0\\0", None, None),
        ("1\\0\\0", None, None),
    ],
)
def test_a_slice_has_its_sides_from_the_directions_of_its_plane(
    cosines: str, orientation: tuple[str, str] | None, sides: tuple[str, str] | None
) -> None:
    """PS3.3 C.7.6.2.1.1: x grows to the patient's left, y to the back, z to the head."""
    instance = read(make_dicom(ImageOrientationPatient=cosines)).instance
    assert (instance.patient_orientation, sides_of(instance)) == (orientation, sides)


def test_the_orientation_that_is_written_goes_before_that_of_the_plane() -> None:
    written = make_dicom(PatientOrientation="R\\F", ImageOrientationPatient="1\\0\\0\\0\\1\\0")
    assert read(written).instance.patient_orientation == ("R", "F")


def test_the_rostral_direction_of_an_animal_is_not_its_right() -> None:
    animal = make_dicom(PatientOrientation="R\\D", AnatomicalOrientationType="QUADRUPED")
    assert sides_of(read(animal).instance) is None


def test_an_impossible_age_is_unknown_and_months_are_parts_of_a_year() -> None:
    assert read(make_dicom(PatientAge="999Y")).patient.age_years is None
    assert read(make_dicom(PatientAge="018M")).patient.age_years == 1.5
    assert read(make_dicom(PatientAge=b"0\xb2\xb2Y")).patient.age_years is None  # superscripts


@pytest.mark.parametrize("start", [b"MZ", b"\x7fELF", b"#!/bin/sh", b"<script>", b"%PDF-1.4"])
def test_a_hostile_preamble_is_ignored_aloud(start: bytes) -> None:
    instance = read(make_dicom(preamble=start.ljust(128, b"\1"))).instance
    assert np.array_equal(instance.pixels[0], ramp())
    assert any("first 128 bytes" in notice for notice in instance.notices)


def test_an_archive_hidden_behind_the_pixels_is_not_opened() -> None:
    instance = read(make_dicom(after=b"PK\x03\x04" + b"x" * 100)).instance
    assert np.array_equal(instance.pixels[0], ramp())
    assert "Bytes after the pixel data were ignored." in instance.notices


def test_zero_frames_mean_one_with_a_notice() -> None:
    instance = read(make_dicom(NumberOfFrames="0")).instance
    assert instance.pixels.shape == (1, 64, 64)
    assert any("0 frames" in notice for notice in instance.notices)


def test_a_missing_pad_byte_costs_nothing() -> None:
    odd = ramp(65, 65, high=255, dtype="u1")
    data = make_dicom(odd, BitsAllocated=8, BitsStored=8, HighBit=7)
    assert np.array_equal(read(data[:-1]).instance.pixels[0], odd)


def test_pixels_can_not_be_written_to() -> None:
    assert not read(make_dicom()).instance.pixels.flags.writeable


def test_frames_in_several_fragments_need_no_offset_table() -> None:
    """PS3.5 A.4: the table may be empty, and a frame may take any number of fragments."""
    frames = [ramp(), ramp()[::-1].copy()]
    pieces = []
    for frame in frames:
        stream = imagecodecs.jpegls_encode(frame)
        half = len(stream) // 4 * 2
        pieces += [stream[:half], stream[half:]]
    data = make_dicom(
        encapsulate(*pieces), syntax=make.JPEG_LS, NumberOfFrames="2", BitsStored=16, HighBit=15
    )
    assert np.array_equal(read(data).instance.pixels, np.stack(frames))


def test_signed_values_of_twelve_bits_in_a_stream_of_sixteen_are_extended() -> None:
    values = ramp().astype(np.int16) - 2048
    for stored in (values.astype(np.uint16) & 0x0FFF, values.astype(np.uint16)):
        data = make_dicom(
            encapsulate(imagecodecs.jpegls_encode(stored)),
            syntax=make.JPEG_LS, PixelRepresentation=1,
        )  # fmt: skip
        assert np.array_equal(read(data).instance.pixels[0], values)
