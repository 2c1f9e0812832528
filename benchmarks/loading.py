"""Opening a radiograph, beside pydicom alone: by transfer syntax and by size."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from benchmarks.harness import Clock, Row, side_by_side
from mmcore.intake import case_from_paths

GROUP = "opening a radiograph"
SIZES = ((512, 512), (1024, 1024), (2048, 2048), (3056, 2544))
_BITS = 12


def rows(rounds: int) -> Iterator[Row]:
    """Measure every syntax at one size, and uncompressed files at every size."""
    with tempfile.TemporaryDirectory() as place:
        for name, path in _files(Path(place)).items():
            yield from _one(name, path, rounds)


def _one(name: str, path: Path, rounds: int) -> list[Row]:
    def pydicom_alone() -> object:
        return pydicom.dcmread(path).pixel_array

    works = {name: lambda: case_from_paths([path]), f"{name}, pydicom alone": pydicom_alone}
    try:
        pydicom_alone()
    except (RuntimeError, NotImplementedError):  # it needs a plug-in that is not here
        del works[f"{name}, pydicom alone"]
    return side_by_side(GROUP, works, rounds=rounds, clock=Clock.WALL)  # a worker decodes


def _files(folder: Path) -> dict[str, Path]:
    found = {}
    for rows_, columns in SIZES:
        name = f"{rows_} x {columns}, uncompressed"
        found[name] = _write(folder, name, _film(rows_, columns), ExplicitVRLittleEndian)
    film = _film(2048, 2048)
    coded = {
        "RLE": (RLELossless, None),
        "JPEG Lossless": (
            JPEGLosslessSV1, imagecodecs.jpeg8_encode(film, lossless=True, bitspersample=_BITS),
        ),
        "JPEG-LS": (JPEGLSLossless, imagecodecs.jpegls_encode(film)),
        "JPEG 2000": (
            JPEG2000Lossless,
            imagecodecs.jpeg2k_encode(
                film, 0, codecformat="J2K", reversible=True, bitspersample=_BITS
            ),
        ),
        "HTJ2K": (HTJ2KLossless, imagecodecs.htj2k_encode(film, reversible=True)),
    }  # fmt: skip
    for kind, (syntax, frame) in coded.items():
        name = f"2048 x 2048, {kind}"
        found[name] = _write(folder, name, film, syntax, frame)
    return found


def _film(rows_: int, columns: int) -> npt.NDArray[np.uint16]:
    """Return a smooth picture with the noise of a detector, 12 bits."""
    draw = np.random.default_rng(0)
    y, x = np.mgrid[0:rows_, 0:columns] / max(rows_, columns)
    smooth = 2000.0 + 900.0 * np.sin(5.0 * x) * np.cos(4.0 * y)
    return np.clip(smooth + draw.normal(0.0, 12.0, smooth.shape), 0, 4095).astype(np.uint16)


def _write(
    folder: Path, name: str, film: npt.NDArray[np.uint16], syntax: str, frame: bytes | None = None
) -> Path:
    made = pydicom.Dataset()
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    made.SOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[name])
    made.StudyInstanceUID = pydicom.uid.generate_uid(entropy_srcs=["study", name])
    made.SeriesInstanceUID = pydicom.uid.generate_uid(entropy_srcs=["series", name])
    made.PatientID, made.Modality, made.ViewPosition = "BENCH", "DX", "PA"
    made.BodyPartExamined, made.PhotometricInterpretation = "CHEST", "MONOCHROME2"
    made.Rows, made.Columns = film.shape
    made.SamplesPerPixel, made.PixelRepresentation = 1, 0
    stored = 16 if syntax in (JPEGLSLossless, HTJ2KLossless) else _BITS
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, stored, stored - 1
    made.PixelData = film.tobytes()
    made["PixelData"].VR = "OW"
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if frame is not None:
        made.PixelData = encapsulate([frame])
        made["PixelData"].VR = "OB"
        made.file_meta.TransferSyntaxUID = syntax
    elif syntax == RLELossless:
        made.compress(RLELossless)
    path = folder / f"{name.replace(' ', '-').replace(',', '')}.dcm"
    made.save_as(path, enforce_file_format=True)
    return path
