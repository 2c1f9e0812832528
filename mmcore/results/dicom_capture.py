"""The overlay as a picture that every workstation can show: a Secondary Capture. PS3.3 A.8.1."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import SecondaryCaptureImageStorage

from mmcore.errors import ResultFormatError
from mmcore.language import LOCALE
from mmcore.records import Modality
from mmcore.report.case_reading import KeyImage
from mmcore.report.images import smooth, tint
from mmcore.report.reading import Overlay, ReportedTarget
from mmcore.results.dicom_object import (
    add_body_part,
    code_item,
    finished,
    series,
    source_references,
)
from mmcore.results.records import Kind, Made
from mmcore.results.subject import Subject
from mmcore.wording import interval_text, probability_text

Rgb = npt.NDArray[np.uint8]
FOR, AGAINST = "#c2410c", "#1d5fa8"
_FONT = LOCALE.parent / "fonts" / "DejaVuSans.ttf"
_BAND = (16, 24, 32)
_SOURCE_IMAGE = ("121322", "DCM", "Source image for image processing operation")
_LARGEST = 8
"""Times the image that an overlay may reach past it; more is no overlay of this image."""
_SMALLEST_WIDTH = 480
"""Narrower images are enlarged, so that the words on them can be read."""


def captures(subject: Subject) -> tuple[Made, ...]:
    """Return the key image with the overlay of each finding in ``Subject.mapped``."""
    image = subject.result.case.key_image
    if image is None:
        return ()
    return tuple(
        _capture(subject, image, target, number)
        for number, target in enumerate(subject.mapped(), start=1)
    )


def draw(subject: Subject, image: KeyImage, target: ReportedTarget) -> Rgb:
    """Return the picture, (rows, columns, 3): the label above, the overlay, what it means below."""
    overlay = target.parts[Modality.IMAGE].overlay
    if overlay is None:
        raise ValueError("a target in Subject.mapped has an overlay")
    film = Image.fromarray(image.pixels).convert("RGB")
    _blend(film, overlay, image)
    if film.width < _SMALLEST_WIDTH:
        height = round(film.height * _SMALLEST_WIDTH / film.width)
        film = film.resize((_SMALLEST_WIDTH, height), Image.Resampling.BICUBIC)
    pack = subject.result.pack
    chance = "" if target.probability is None else probability_text(target.probability)
    interval = "" if target.interval is None else interval_text(*target.interval)
    head = (
        (subject.label.upper(), 1.35, "#ffd166"),
        (f"{target.display}: {chance} (90% interval {interval})", 1.0, "#ffffff"),
    )
    simulated = "; trained on simulated patients" if pack.is_simulated else ""
    foot = (
        ("Orange raises the probability, blue lowers it.", 1.0, "#ffffff"),
        ("It shows what moved the model, not where disease is.", 1.0, "#ffffff"),
        (f"{pack.name} {pack.version}{simulated}", 1.0, "#c9d3dc"),
    )
    above, below = _banner(head, film.width), _banner(foot, film.width)
    whole = Image.new("RGB", (film.width, above.height + film.height + below.height))
    for part, top in ((above, 0), (film, above.height), (below, above.height + film.height)):
        whole.paste(part, (0, top))
    return np.asarray(whole).copy()


def _blend(film: Image.Image, overlay: Overlay, image: KeyImage) -> None:
    row, column, rows, columns = overlay.box
    down, across = image.scale
    values = smooth(overlay.values)
    peak = float(np.abs(values).max())
    scaled = values / peak if peak > 0 else values
    colors = Image.fromarray(tint(scaled, for_color=FOR, against_color=AGAINST))
    size = (max(1, round(columns / across)), max(1, round(rows / down)))
    if max(size) > _LARGEST * max(film.size):
        raise ResultFormatError(where="overlay", problem="its box is far larger than the image")
    shown = colors.resize(size, Image.Resampling.BICUBIC)
    film.paste(shown, (round(column / across), round(row / down)), shown)


def _banner(lines: tuple[tuple[str, float, str], ...], width: int) -> Image.Image:
    """Return lines of text on a dark band, each made smaller until it fits the width."""
    base, margin = max(14, width // 34), max(6, width // 80)
    fonts = [_fitting(text, round(base * size), width - 2 * margin) for text, size, _ in lines]
    heights = [round(font.size * 1.35) for font in fonts]
    band = Image.new("RGB", (width, sum(heights) + 2 * margin), _BAND)
    pen, top = ImageDraw.Draw(band), margin
    for (text, _, color), font, height in zip(lines, fonts, heights, strict=True):
        pen.text((margin, top), text, font=font, fill=color)
        top += height
    return band


def _fitting(text: str, size: int, width: int) -> ImageFont.FreeTypeFont:
    while True:
        font = ImageFont.truetype(_FONT, size)
        if font.getlength(text) <= width or size <= 8:
            return font
        size -= 1


def _capture(subject: Subject, image: KeyImage, target: ReportedTarget, number: int) -> Made:
    pixels = draw(subject, image, target)
    place = series(subject, Kind.CAPTURE, number=number, part=target.name)
    dataset = Dataset()
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = place["sop_instance_uid"]
    dataset.SeriesInstanceUID = place["series_instance_uid"]
    dataset.SeriesNumber = place["series_number"]
    dataset.InstanceNumber = place["instance_number"]
    dataset.Modality = "OT"
    dataset.ConversionType = "WSD"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.ContentDate = dataset.ContentTime = ""
    dataset.PatientOrientation = list(subject.key.values.get("PatientOrientation", ())) or ""
    add_body_part(dataset, subject.key)
    if subject.key.text("BurnedInAnnotation"):
        dataset.BurnedInAnnotation = subject.key.text("BurnedInAnnotation")
    source = source_references((subject.key,))
    source[0].PurposeOfReferenceCodeSequence = Sequence([code_item(*_SOURCE_IMAGE)])
    dataset.SourceImageSequence = source
    dataset.DerivationDescription = (
        f"Display image with the model's evidence for {target.display} drawn over it"
    )
    dataset.ImageComments = f"{subject.label}. {target.display}. Research use only."
    dataset.RecognizableVisualFeatures = "NO"
    dataset.LossyImageCompression = subject.key.text("LossyImageCompression") or "00"
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    data = pixels.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB"
    return finished(subject, Kind.CAPTURE, dataset, part=target.name)
