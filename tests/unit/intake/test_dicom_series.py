"""Discs, volumes in one file, series: what a real export of a hospital holds."""

import hashlib
import struct
import warnings
from datetime import UTC, datetime
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels.processing import apply_modality_lut

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake import RawFile, case_from_files
from mmcore.intake.parts import ImagePart
from mmcore.intake.worker import decode_dicom
from mmcore.records import FileVerdict, Precision, Window
from tests.unit.intake.make_dicom import (
    BIG_ENDIAN,
    CT,
    JPEG_2000,
    Value,
    element,
    encapsulate,
    encode,
    item,
    make_dicom,
    ramp,
)

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
HTJ2K = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203")


def read(data: bytes) -> ImagePart:
    return decode_dicom(data, digest=hashlib.sha256(data).hexdigest())


def bundled(name: str) -> Path:
    return Path(str(get_testdata_file(name, download=False)))


def macro(tag: int, *elements: bytes) -> bytes:
    return element(tag, "SQ", item(b"".join(elements)))


def frame(
    z: float, *, slope: str = "1", axes: str = "1\\0\\0\\0\\1\\0", spacing: str = ""
) -> bytes:
    """Return the functional groups of one axial frame at height ``z``."""
    parts = [
        macro(0x00209111, encode("FrameAcquisitionDateTime", "20240506070809.5+0200")),
        macro(0x00209113, encode("ImagePositionPatient", f"0\\0\\{z}")),
        macro(0x00209116, encode("ImageOrientationPatient", axes)),
    ]
    if spacing:
        parts.append(macro(0x00289110, encode("PixelSpacing", spacing)))
    parts += [
        macro(0x00289132, encode("WindowCenter", str(int(z))), encode("WindowWidth", "400")),
        macro(0x00289145, encode("RescaleIntercept", "-1024"), encode("RescaleSlope", slope)),
    ]
    return item(b"".join(parts))


def volume(*frames: bytes, pixels: list[np.ndarray] | None = None, **more: Value) -> bytes:
    """Return an enhanced CT; frame ``n`` has the value ``n`` in its first pixel."""
    stack = pixels or [np.maximum(ramp(), n + 1) for n in range(len(frames))]
    shared = element(0x52009229, "SQ", item(
        macro(0x00289110, encode("PixelSpacing", "0.5\\0.25"))
        + macro(0x00209071, encode("FrameLaterality", "U"),
                macro(0x00082218, encode("CodeMeaning", "Chest")))
    ))  # fmt: skip
    attributes: dict[str, Value] = {
        "SOPClassUID": ENHANCED_CT, "Modality": "CT", "Rows": 64,
        "NumberOfFrames": str(len(frames)), "AcquisitionDateTime": "20240506070000",
    }  # fmt: skip
    return make_dicom(
        np.concatenate(stack), extra=shared + element(0x52009230, "SQ", b"".join(frames)),
        **(attributes | more),
    )  # fmt: skip


# Discs


@pytest.mark.parametrize(
    "name",
    ["dicomdirtests/DICOMDIR", "dicomdirtests/DICOMDIR-bigEnd", "dicomdirtests/DICOMDIR-implicit",
     "dicomdirtests/DICOMDIR-nopatient", "dicomdirtests/TINY_ALPHA/DICOMDIR"],
)  # fmt: skip
def test_the_index_of_a_disc_is_kept_aside(name: str) -> None:
    (found,) = case_from_files([RawFile("DICOMDIR", bundled(name).read_bytes())]).files
    assert (found.verdict, found.code) == (FileVerdict.KEPT_ASIDE, None)
    assert "the index of a disc" in found.reason


def test_an_index_that_names_another_file_opens_nothing() -> None:
    record = item(encode("ReferencedFileID", "..\\..\\ETC\\PASSWD"))
    data = make_dicom(extra=element(0x00041220, "SQ", record), pixel_element=b"",
                      SOPClassUID="1.2.840.10008.1.3.10")  # fmt: skip
    with pytest.raises(FileRefusedError) as caught:
        read(data)
    assert caught.value.code == RefusalCode.NO_PIXELS
    assert "PASSWD" not in caught.value.detail


def test_a_disc_of_several_series_is_one_case_in_any_order() -> None:
    def slice_(series: str, z: int) -> RawFile:
        pixels = ramp()
        pixels[0, 0] = z
        return RawFile(f"IM{series}{z}", make_dicom(
            pixels, SOPClassUID=CT, Modality="CT", SOPInstanceUID=f"1.{series}.{z}",
            SeriesInstanceUID=f"1.2.3.{series}", SeriesNumber=series, RescaleSlope="1",
            RescaleIntercept="0", ImagePositionPatient=f"0\\0\\{z}",
            ImageOrientationPatient="1\\0\\0\\0\\1\\0",
        ))  # fmt: skip

    index = RawFile("DICOMDIR", bundled("dicomdirtests/DICOMDIR").read_bytes())
    files = [slice_("2", 9), slice_("1", 3), index, slice_("1", 1), slice_("2", 4), slice_("1", 2)]
    cases = [case_from_files(order) for order in (files, files[::-1], files[2:] + files[:2])]
    assert len({case.digest for case in cases}) == 1
    for case in cases:
        (study,) = case.studies
        found = [[int(i.pixels[0, 0, 0]) for i in s.instances] for s in study.series]
        assert found == [[1, 2, 3], [4, 9]]


# Volumes in one file


def test_a_volume_in_one_file_is_a_series_of_slices_by_position() -> None:
    data = volume(frame(30), frame(10, slope="2"), frame(20, spacing="1\\1"))
    case = case_from_files([RawFile("volume.dcm", data)])
    slices = case.instances
    assert [s.instance_number for s in slices] == [2, 3, 1]
    assert [s.windows for s in slices] == [(Window(z, 400.0),) for z in (10.0, 20.0, 30.0)]
    assert [s.spacing_mm for s in slices] == [(0.5, 0.25), (1.0, 1.0), (0.5, 0.25)]
    assert [s.pixels[0, 0, 0] for s in slices] == [2 * 2 - 1024, 3 - 1024, 1 - 1024]
    assert {s.pixels.shape for s in slices} == {(1, 64, 64)}
    assert {s.acquired_at for s in slices} == {datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)}
    assert {(s.body_part, s.laterality) for s in slices} == {("CHEST", "U")}
    assert {s.patient_orientation for s in slices} == {("L", "P")}
    assert len({s.digest for s in slices}) == 3
    assert {s.value_unit for s in slices} == {"HU"}


def test_the_same_volume_gives_the_same_slices_again() -> None:
    file = RawFile("volume.dcm", volume(frame(30), frame(10)))
    one, other = case_from_files([file]), case_from_files([file])
    assert [s.digest for s in one.instances] == [s.digest for s in other.instances]


@pytest.mark.parametrize(
    "frames",
    [
        [frame(10), frame(10)],  # two times at one place
        [frame(10), frame(20, axes="0\\1\\0\\0\\0\\-1")],  # two directions
        [frame(10), item(b"")],  # a frame without a place
        [frame(10)],
    ],
)
def test_frames_that_are_no_volume_stay_one_image(frames: list[bytes]) -> None:
    if len(frames) == 2 and len(frames[1]) < 20:  # every frame of a CT has its rescale
        frames[1] = item(
            macro(0x00289145, encode("RescaleIntercept", "0"), encode("RescaleSlope", "1"))
        )
    (found,) = case_from_files([RawFile("v.dcm", volume(*frames))]).instances
    assert found.pixels.shape == (len(frames), 64, 64)


def test_a_slice_of_one_value_is_left_out_with_a_notice() -> None:
    flat = np.full((64, 64), 7, np.uint16)
    data = volume(frame(10), frame(20), pixels=[ramp(), flat])
    (found,) = case_from_files([RawFile("v.dcm", data)]).instances
    assert found.instance_number == 1
    assert "1 frames of one value were left out." in found.notices


@pytest.mark.parametrize("place", ["nan\\0\\0", "1\\2", "a\\b\\c", "1e400\\0\\0"])
def test_a_place_that_is_none_makes_no_volume(place: str) -> None:
    bad = item(
        macro(0x00209113, encode("ImagePositionPatient", place))
        + macro(0x00209116, encode("ImageOrientationPatient", "1\\0\\0\\0\\1\\0"))
        + macro(0x00289145, encode("RescaleIntercept", "0"), encode("RescaleSlope", "1"))
    )
    (found,) = case_from_files([RawFile("v.dcm", volume(frame(1), bad))]).instances
    assert len(found.pixels) == 2


# Headers


@pytest.mark.parametrize(
    ("code", "view"), [("272479007", "PA"), ("R-10206", "AP"), ("399173006", "LL"), ("1", None)]
)
def test_a_view_that_is_only_coded_is_read(code: str, view: str | None) -> None:
    sequence = macro(0x00540220, encode("CodeValue", code))
    assert read(make_dicom(extra=sequence)).instance.view_position == view
    stated = make_dicom(extra=sequence, ViewPosition="AP")
    assert read(stated).instance.view_position == "AP"


def test_an_acquisition_time_in_one_piece_is_read() -> None:
    found = read(make_dicom(AcquisitionDateTime="20240506070809.12+0200")).instance
    assert found.acquired_at == datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)
    assert found.precision is Precision.CLOCK


# Transfer syntaxes


@pytest.mark.parametrize("syntax", HTJ2K)
@pytest.mark.parametrize("dtype", ["u2", "i2"])
def test_htj2k_is_decoded_to_the_pixel(syntax: str, dtype: str) -> None:
    pixels = ramp().astype(dtype) - (2048 if dtype == "i2" else 0)
    stream = bytes(imagecodecs.htj2k_encode(pixels.astype(dtype)))
    data = make_dicom(encapsulate(stream), syntax=syntax, BitsStored=16, HighBit=15,
                      PixelRepresentation=int(dtype == "i2"))  # fmt: skip
    assert np.array_equal(read(data).instance.pixels[0], pixels)


def test_a_stream_of_another_family_is_refused() -> None:
    stream = bytes(imagecodecs.htj2k_encode(ramp()))
    plain = bytes(imagecodecs.jpeg2k_encode(ramp(), level=0, codecformat="J2K"))
    for syntax, data in ((JPEG_2000, stream), (HTJ2K[0], plain)):
        with pytest.raises(FileRefusedError) as caught:
            read(make_dicom(encapsulate(data), syntax=syntax, BitsStored=16, HighBit=15))
        assert caught.value.code == RefusalCode.CODESTREAM_HEADER_MISMATCH


def test_a_cut_or_lying_htj2k_stream_costs_no_time() -> None:
    stream = bytes(imagecodecs.htj2k_encode(ramp()))
    huge = stream[:8] + struct.pack(">II", 65_535, 65_535) + stream[16:]
    for data, code in ((stream[: len(stream) // 2], RefusalCode.CODESTREAM_UNREADABLE),
                       (huge, RefusalCode.CODESTREAM_HEADER_MISMATCH)):  # fmt: skip
        with pytest.raises(FileRefusedError) as caught:
            read(make_dicom(encapsulate(data), syntax=HTJ2K[0], BitsStored=16, HighBit=15))
        assert caught.value.code == code


@pytest.mark.parametrize(
    "name",
    ["MR_small_expb.dcm", "SC_rgb_jpeg.dcm",
     "SC_rgb_jpeg_dcmd.dcm", "SC_rgb_jpeg_lossy_gdcm.dcm", "SC_rgb_dcmtk_+eb+cy+s4.dcm"],
)  # fmt: skip
def test_further_encodings_equal_those_of_pydicom(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(bundled(name))
        expected = np.asarray(apply_modality_lut(dataset.pixel_array, dataset))
    pixels = read(bundled(name).read_bytes()).instance.pixels
    assert np.array_equal(pixels, expected.reshape(pixels.shape))


@pytest.mark.parametrize(("packed", "plain"), [("MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm")])
def test_what_pydicom_has_no_decoder_for_equals_its_uncompressed_twin(
    packed: str, plain: str
) -> None:
    found, expected = (read(bundled(name).read_bytes()).instance.pixels for name in (packed, plain))
    assert np.array_equal(found, expected)


def test_big_endian_volumes_are_read_like_little_endian_ones() -> None:
    native = make_dicom(np.concatenate([ramp(), ramp()[::-1]]), Rows=64, NumberOfFrames="2")
    swapped = make_dicom(np.concatenate([ramp(), ramp()[::-1]]), syntax=BIG_ENDIAN, Rows=64,
                         NumberOfFrames="2")  # fmt: skip
    assert np.array_equal(read(native).instance.pixels, read(swapped).instance.pixels)
