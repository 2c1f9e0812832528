"""What the header of an image says of its pixels, checked before any of them is decoded.

Attribute meanings and constraints: DICOM PS3.3 C.7.6.3 (Image Pixel), C.7.6.6 (Multi-frame).
"""

from dataclasses import dataclass
from typing import Literal

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.dicom.attributes import Attributes, bad
from mmcore.intake.dicom.documents import ENCLOSED, REPORTS
from mmcore.intake.dicom.prescan import PixelElement, Scan
from mmcore.intake.parts import DIRECTORY, DOCUMENTS
from mmcore.language import say

MAX_PIXEL_BYTES = 512 * 2**20
# 8192 x 8192: three times the largest detector; a decoder's own buffers stay within its 2 GB.
MAX_FRAME_PIXELS = 64 * 2**20
MIN_SIDE = 64
MAX_ASPECT = 4

_GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_COLOR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")
_REQUIRED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality")
_WITHOUT_PIXELS = {
    "1.2.840.10008.1.3.10": say("a DICOMDIR, the index of a disc; drop in the folder it lies in"),
    "1.2.840.10008.5.1.4.1.1.88.": say("a structured report; it holds no image"),
    "1.2.840.10008.5.1.4.1.1.481.": say("a radiotherapy object; it holds no image"),
    "1.2.840.10008.5.1.4.1.1.9.": say("a waveform; it holds no image"),
    "1.2.840.10008.5.1.4.1.1.11.": say("a presentation state; it holds no image"),
}


@dataclass(frozen=True, slots=True)
class PixelHeader:
    """The Image Pixel module of one instance, valid as a whole.

    kind: how stored values are kept: "integer", or IEEE "float" of ``bits_allocated`` bits.
    """

    rows: int
    columns: int
    frames: int
    samples: Literal[1, 3]
    kind: Literal["integer", "float"]
    bits_allocated: int
    bits_stored: int
    is_signed: bool
    photometric: str
    is_planar: bool
    dicom_modality: str
    transfer_syntax_uid: str
    notices: tuple[str, ...] = ()

    @property
    def frame_bytes(self) -> int:
        """Bytes of one native frame. PS3.3 C.7.6.3.1.2: YBR_FULL_422 shares chrominance."""
        if self.photometric == "YBR_FULL_422":
            return self.rows * self.columns * 2
        return self.rows * self.columns * self.samples * self.bits_allocated // 8


def read_pixel_header(attributes: Attributes, scan: Scan) -> PixelHeader:
    """Return the checked header.

    Raises ``FileRefusedError`` with NO_PIXELS, BAD_ATTRIBUTE, PIXELS_TOO_LARGE or
    IMPLAUSIBLE_GEOMETRY.
    """
    element = _pixel_element(attributes, scan)
    for keyword in _REQUIRED:
        if not attributes.text(keyword):
            raise bad(keyword, say("is missing"))
    notices: list[str] = []
    rows, columns = _side(attributes, "Rows"), _side(attributes, "Columns")
    samples, photometric = _color(attributes, is_native=element.length is not None)
    kind, allocated, stored, is_signed = _bits(attributes, element)
    if samples == 3 and allocated not in (8, 16, 32):
        raise bad(
            "BitsAllocated",
            say("is {allocated}, which colour images can not have", allocated=allocated),
        )
    frames = _frames(attributes, notices)
    planar = _planar(attributes) if samples == 3 else False
    header = PixelHeader(
        rows=rows,
        columns=columns,
        frames=frames,
        samples=samples,
        kind=kind,
        bits_allocated=allocated,
        bits_stored=stored,
        is_signed=is_signed,
        photometric=photometric,
        is_planar=planar,
        dicom_modality=attributes.text("Modality"),
        transfer_syntax_uid=scan.transfer_syntax_uid,
        notices=tuple(notices),
    )
    _check_size(header)
    return header


def check_geometry(header: PixelHeader) -> None:
    """Refuse a shape that no radiograph or slice has.

    Raises ``FileRefusedError`` (IMPLAUSIBLE_GEOMETRY).
    """
    short, long = sorted((header.rows, header.columns))
    # Nuclear medicine keeps whole bodies as 1024 x 256.
    is_strip = long > MAX_ASPECT * short or (
        long == MAX_ASPECT * short and header.dicom_modality != "NM"
    )
    if short < MIN_SIDE or is_strip:
        raise FileRefusedError(
            RefusalCode.IMPLAUSIBLE_GEOMETRY,
            say(
                "the image is {rows} x {columns} pixels, which no clinical image is",
                rows=header.rows,
                columns=header.columns,
            ),
            attribute="Rows",
        )


def _pixel_element(attributes: Attributes, scan: Scan) -> PixelElement:
    if not scan.pixels:
        sop_class = attributes.soft_text("SOPClassUID")
        words = next(
            (text for uid, text in _WITHOUT_PIXELS.items() if sop_class.startswith(uid)),
            say("a DICOM object without pixel data"),
        )
        if attributes.has("DirectoryRecordSequence"):
            raise FileRefusedError(
                RefusalCode.NO_PIXELS,
                say("the file is {what}", what=_WITHOUT_PIXELS["1.2.840.10008.1.3.10"]),
                attribute=DIRECTORY,
            )
        raise FileRefusedError(
            RefusalCode.NO_PIXELS,
            say("the file is {words}", words=words),
            attribute=DOCUMENTS[0] if sop_class in ENCLOSED
            else DOCUMENTS[1] if sop_class in REPORTS else "",
        )  # fmt: skip
    if len(scan.pixels) > 1:
        raise bad(scan.pixels[0].keyword, say("stands beside a second kind of pixel data"))
    if scan.pixels[0].length == 0:
        raise FileRefusedError(RefusalCode.NO_PIXELS, say("the pixel data is empty"))
    return scan.pixels[0]


def _side(attributes: Attributes, keyword: str) -> int:
    side = attributes.integer(keyword)
    if not 1 <= side <= 65535:
        raise bad(keyword, say("is {side}; expected 1 to 65535", side=side))
    return side


def _color(attributes: Attributes, *, is_native: bool) -> tuple[Literal[1, 3], str]:
    samples = attributes.integer("SamplesPerPixel")
    if samples not in (1, 3):
        raise bad("SamplesPerPixel", say("is {samples}; expected 1 or 3", samples=samples))
    photometric = attributes.text("PhotometricInterpretation")
    if photometric not in (_GREY if samples == 1 else _COLOR) or (
        is_native and photometric in ("YBR_RCT", "YBR_ICT")
    ):
        raise bad(
            "PhotometricInterpretation",
            say("does not fit {samples} samples per pixel", samples=samples),
        )
    if photometric == "PALETTE COLOR" and not attributes.has(
        "RedPaletteColorLookupTableDescriptor"
    ):
        raise bad("PhotometricInterpretation", say("is PALETTE COLOR but there is no palette"))
    return (1 if samples == 1 else 3), photometric


def _bits(
    attributes: Attributes, element: PixelElement
) -> tuple[Literal["integer", "float"], int, int, bool]:
    allocated = attributes.integer("BitsAllocated")
    if element.keyword != "PixelData":
        expected = 32 if element.keyword == "FloatPixelData" else 64
        if allocated != expected:
            raise bad(
                "BitsAllocated",
                say("is {allocated}; expected {expected}", allocated=allocated, expected=expected),
            )
        return "float", allocated, allocated, True
    if allocated not in (8, 16, 32):
        raise bad("BitsAllocated", say("is {allocated}; expected 8, 16 or 32", allocated=allocated))
    stored = attributes.integer("BitsStored")
    if not 1 <= stored <= allocated:
        raise bad(
            "BitsStored",
            say("is {stored}; expected 1 to {allocated}", stored=stored, allocated=allocated),
        )
    high = attributes.integer("HighBit")
    if high != stored - 1:
        raise bad("HighBit", say("is {high}; expected {expected}", high=high, expected=stored - 1))
    representation = attributes.integer("PixelRepresentation")
    if representation not in (0, 1):
        raise bad(
            "PixelRepresentation",
            say("is {representation}; expected 0 or 1", representation=representation),
        )
    return "integer", allocated, stored, representation == 1


def _frames(attributes: Attributes, notices: list[str]) -> int:
    if not attributes.has("NumberOfFrames"):
        return 1
    frames = attributes.integer("NumberOfFrames")
    if frames == 0:
        notices.append(say("The file says it has 0 frames; it was read as one frame."))
        return 1
    if frames < 0:
        raise bad("NumberOfFrames", say("is {frames}", frames=frames))
    return frames


def _planar(attributes: Attributes) -> bool:
    planar = attributes.integer("PlanarConfiguration")
    if planar not in (0, 1):
        raise bad("PlanarConfiguration", say("is {planar}; expected 0 or 1", planar=planar))
    return planar == 1


def _check_size(header: PixelHeader) -> None:
    pixels = header.rows * header.columns
    total = pixels * header.samples * header.frames * header.bits_allocated // 8
    if pixels > MAX_FRAME_PIXELS or total > MAX_PIXEL_BYTES:
        raise FileRefusedError(
            RefusalCode.PIXELS_TOO_LARGE,
            say(
                "the image has {frames:,} x {rows:,} x {columns:,} pixels; at most {megabytes} "
                "MB are read",
                frames=header.frames,
                rows=header.rows,
                columns=header.columns,
                megabytes=MAX_PIXEL_BYTES >> 20,
            ),
            attribute="Rows",
        )
