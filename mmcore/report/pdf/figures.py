"""The figures of the report as vector graphics: image pair, waterfall, interval bar."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from reportlab.lib.colors import HexColor
from reportlab.lib.utils import ImageReader

from mmcore.calls import CALL_WORDS, called_at
from mmcore.language import say, word
from mmcore.records import PartItem
from mmcore.report.case_reading import KeyImage
from mmcore.report.images import smooth, tint
from mmcore.report.pdf.fonts import BOLD
from mmcore.report.pdf.sheet import (
    AGAINST,
    FOR,
    INK,
    MUTED,
    NAVY,
    RULE,
    SMALL,
    TINT,
    Sheet,
    Style,
)
from mmcore.report.reading import Overlay, ReportedTarget
from mmcore.wording import (
    odds_text,
    probability_beside,
    probability_words,
    signed_text,
)

_OVERLAY_SIDE = 256
_PICTURE_SIDE = 480
ROW = 16.5
"""Height of one step of the waterfall, in points."""

_SCALE_BARS_MM = (100, 50, 20, 10, 5)
_TICKS = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999)


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle on the page in points, by its lower left corner."""

    x: float
    y: float
    width: float
    height: float


def image_frame(image: KeyImage, *, x: float, top: float, width: float, height: float) -> Frame:
    """Return the largest frame below ``top`` that keeps the image's true proportions."""
    row_mm, column_mm = image.spacing_mm or (1.0, 1.0)
    true_height, true_width = image.stored[0] * row_mm, image.stored[1] * column_mm
    unit = min(width / true_width, height / true_height)
    return Frame(x, top - unit * true_height, unit * true_width, unit * true_height)


def draw_image(sheet: Sheet, image: KeyImage, frame: Frame, overlay: Overlay | None = None) -> None:
    """Draw the key image, with the signed overlay where one is given.

    It has a scale bar where the file states the size of a pixel.
    """
    pixels = image.pixels if overlay is None else blended(image, overlay)
    reader = ImageReader(Image.fromarray(pixels))
    sheet.canvas.drawImage(reader, frame.x, frame.y, frame.width, frame.height)
    sheet.box(frame.x, frame.y, frame.width, frame.height, stroke=RULE)
    if image.spacing_mm is None:
        return
    points_per_mm = frame.width / (image.stored[1] * image.spacing_mm[1])
    fitting = [mm for mm in _SCALE_BARS_MM if mm * points_per_mm <= 0.4 * frame.width]
    if not fitting:
        return
    length = fitting[0] * points_per_mm
    right, y = frame.x + frame.width - 5.0, frame.y + 5.0
    label = f"{fitting[0]} mm"
    sheet.box(right - length - 2.5, y - 2.5, length + 5.0, 12.5, fill="#000000")
    sheet.box(right - length, y, length, 1.6, fill="#ffffff")
    sheet.text(right - length / 2, y + 3.4, label, Style(size=5.6, color="#ffffff"), align="center")


def blended(image: KeyImage, overlay: Overlay) -> npt.NDArray[np.uint8]:
    """Return the image with the overlay over it, (rows, columns, 3), opaque as PDF/A-1 asks."""
    picture = Image.fromarray(image.pixels).convert("RGBA")
    picture.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE), Image.Resampling.LANCZOS)
    row, column, rows, columns = overlay.box
    if rows > 0.0 and columns > 0.0:
        tinted = Image.fromarray(_tinted(overlay.values))
        across = tinted.width / columns * image.stored[1] / picture.width
        down = tinted.height / rows * image.stored[0] / picture.height
        left, top = column / columns * tinted.width, row / rows * tinted.height
        place = (across, 0.0, -left, 0.0, down, -top)  # from a pixel of the picture to one of it
        layer = tinted.transform(
            picture.size, Image.Transform.AFFINE, place, Image.Resampling.BILINEAR
        )
        picture = Image.alpha_composite(picture, layer)
    return np.asarray(picture.convert("RGB"))


def draw_regions(sheet: Sheet, image: KeyImage, frame: Frame, regions: Sequence[PartItem]) -> None:
    """Draw a number on each region of the list, over the drawn image."""
    unit_x, unit_y = frame.width / image.stored[1], frame.height / image.stored[0]
    for number, region in enumerate(regions, start=1):
        place = _place(region, image)
        if place is not None:
            x = frame.x + place[1] * unit_x
            y = frame.y + frame.height - place[0] * unit_y
            draw_marker(sheet, x, y, number, is_for=region.signed > 0)


def _place(region: PartItem, image: KeyImage) -> tuple[float, float] | None:
    """Return (row, column) of a region in stored pixels, or None where it is not in the image."""
    match region.where:
        case (float(row), float(column)):
            inside = 0.0 <= row <= image.stored[0] and 0.0 <= column <= image.stored[1]
            return (row, column) if inside else None
        case _:
            return None


def draw_marker(sheet: Sheet, x: float, y: float, number: int, *, is_for: bool) -> None:
    """Draw a numbered disc: solid for what raises the logit, dashed for what lowers it."""
    canvas = sheet.canvas
    with sheet.tags.artifact():
        canvas.saveState()
        canvas.setFillColor(HexColor("#ffffff"))
        canvas.setStrokeColor(HexColor(FOR if is_for else AGAINST))
        canvas.setLineWidth(1.1)
        canvas.setDash([] if is_for else [1.6, 1.2])
        canvas.circle(x, y, 4.4, stroke=1, fill=1)
        canvas.restoreState()
    sheet.text(x, y - 2.0, str(number), Style(size=5.6, font=BOLD), align="center")


def draw_overlay_legend(sheet: Sheet, x: float, y: float, width: float) -> None:
    """Draw the colour ramp from against to for, with its words."""
    ramp = np.linspace(-1.0, 1.0, 101, dtype=np.float32)[None, :]
    colors = np.asarray(colored(ramp))
    over_grey = np.full((1, 101, 3), 128.0)
    alpha = colors[..., 3:] / 255.0
    mixed = np.rint(colors[..., :3] * alpha + over_grey * (1.0 - alpha)).astype(np.uint8)
    bar = width * 0.3
    left = x + (width - bar) / 2
    with sheet.tags.artifact():
        sheet.canvas.drawImage(ImageReader(Image.fromarray(mixed)), left, y, bar, 5.0)
    sheet.text(left - 4.0, y, say("against"), SMALL, align="right")
    sheet.text(left + bar + 4.0, y, say("for"), SMALL)


def draw_interval(
    sheet: Sheet, frame: Frame, *, point: float, interval: tuple[float, float],
    operating_point: float, called: bool,
) -> None:  # fmt: skip
    """Draw a probability on a 0 to 100 % track, with its interval and operating point."""
    middle = frame.y + frame.height / 2
    sheet.box(frame.x, middle - 2.2, frame.width, 4.4, fill="#e6eaee")
    low, high = (frame.x + frame.width * edge for edge in interval)
    color = FOR if called else MUTED
    sheet.box(low, middle - 2.2, max(high - low, 0.8), 4.4, fill="#f0b48f" if called else "#b3bcc5")
    canvas, tick = sheet.canvas, frame.x + frame.width * operating_point
    with sheet.tags.artifact():
        canvas.setFillColor(HexColor(color))
        canvas.circle(frame.x + frame.width * point, middle, 2.3, stroke=0, fill=1)
        canvas.setStrokeColor(HexColor(INK))
        canvas.setLineWidth(0.9)
        canvas.line(tick, middle - 4.4, tick, middle + 4.4)


def waterfall_height(target: ReportedTarget) -> float:
    """Return the height that ``draw_waterfall`` needs, in points."""
    return ROW * (len(target.contributions) + 2) + 24.0


def draw_waterfall(sheet: Sheet, target: ReportedTarget, *, x: float, width: float) -> None:
    """Draw base, each modality's step with its band, and the logit, from the cursor downwards.

    For a finding the upper axis is the probability and the dashed line the operating point.
    """
    if target.base is None or target.logit is None:
        return
    steps = sorted(target.contributions, key=lambda c: -abs(c.signed))
    edges = [target.base, target.logit]
    total = target.base
    for step in steps:
        edges += [total + step.band[0], total + step.band[1], total + step.signed]
        total += step.signed
    if target.operating_point is not None and 0.0 < target.operating_point < 1.0:
        edges.append(_logit(target.operating_point))
    plot = _Plot.around(edges, x=x + 66.0, width=width - 66.0 - 74.0)
    top = sheet.y - 14.0
    bottom = top - ROW * (len(steps) + 2)
    with sheet.tags.artifact():
        _draw_axis(sheet, target, plot, top, bottom)

    y, total = top - ROW, target.base
    _draw_step_row(sheet, x, y, say("Base"), signed_text(target.base), width)
    _draw_dot(sheet, plot.at(total), y + 6.0, MUTED)
    for step in steps:
        start, end = plot.at(total), plot.at(total + step.signed)
        low, high = (plot.at(total + edge) for edge in step.band)
        total += step.signed
        _connect(sheet, start, y + 6.0, y - ROW + 9.8)
        y -= ROW
        color = FOR if step.signed > 0 else AGAINST
        sheet.box(min(start, end), y + 2.2, max(abs(end - start), 0.6), 7.6, fill=color)
        _draw_band(sheet, low, high, y + 6.0)
        value = signed_text(step.signed)
        if target.kind == "finding":
            value = say("{signed}  {odds}", signed=value, odds=odds_text(step.signed))
        _draw_step_row(sheet, x, y, step.modality.display, value, width)
    _connect(sheet, plot.at(total), y + 6.0, y - ROW + 6.0)
    y -= ROW
    if target.probability is not None:
        label = say("= logit")
        value = f"{signed_text(target.logit)} \u2192 {_probability(target)}"
    else:
        label = say("= value")
        value = say("{value} {unit}", value=signed_text(target.logit), unit=word(target.unit))
    _draw_step_row(sheet, x, y, label, value, width, is_strong=True)
    _draw_dot(sheet, plot.at(target.logit), y + 6.0, NAVY)
    sheet.y = bottom - 10.0


def describe(target: ReportedTarget) -> str:
    """Return the score in words: "87%, likely; called present at an operating point of 50%"."""
    if target.probability is None or target.logit is None:
        return ""
    if target.interval is None or target.operating_point is None:
        return ""
    return say(
        "{probability}, {words}; {called}",
        probability=_probability(target),
        words=probability_words(target.probability),
        called=called_at(target.probability, target.interval, target.operating_point),
    )


def called_of(target: ReportedTarget) -> str:
    """Return what a finding is called as on the page; "" for a value or no score."""
    call = target.call
    return "" if call is None else CALL_WORDS[call]


def _probability(target: ReportedTarget) -> str:
    """Return the probability with the decimals that the summary gives it."""
    if target.probability is None or target.operating_point is None:
        return ""
    return probability_beside(target.probability, target.operating_point)[0]


@dataclass(frozen=True, slots=True)
class _Plot:
    """A horizontal axis: logits from ``low`` to ``high`` over ``width`` points from ``x``."""

    low: float
    high: float
    x: float
    width: float

    @classmethod
    def around(cls, values: Sequence[float], *, x: float, width: float) -> "_Plot":
        low, high = min(values), max(values)
        pad = 0.06 * max(high - low, 1.0)
        return cls(low - pad, high + pad, x, width)

    def at(self, value: float) -> float:
        return self.x + self.width * (value - self.low) / (self.high - self.low)


def _draw_axis(
    sheet: Sheet, target: ReportedTarget, plot: _Plot, top: float, bottom: float
) -> None:
    sheet.box(plot.x, bottom, plot.width, top - bottom, fill=TINT)
    canvas = sheet.canvas
    if target.kind == "finding":
        last = -math.inf
        for tick in _TICKS:
            x = plot.at(_logit(tick))
            if not plot.x <= x <= plot.x + plot.width or x - last < 17.0:
                continue
            last = x
            canvas.setStrokeColor(HexColor(RULE))
            canvas.setLineWidth(0.5)
            canvas.line(x, bottom, x, top)
            percent = 100.0 * tick
            sheet.text(x, top + 2.5, f"{percent:g}%", Style(size=5.4, color=MUTED), align="center")
        if target.operating_point is not None and 0.0 < target.operating_point < 1.0:
            x = plot.at(_logit(target.operating_point))
            canvas.saveState()
            canvas.setStrokeColor(HexColor(INK))
            canvas.setLineWidth(0.8)
            canvas.setDash([2.0, 1.6])
            canvas.line(x, bottom, x, top)
            canvas.restoreState()
            caption = say("operating point")
            sheet.text(x, bottom - 7.0, caption, Style(size=5.4, color=MUTED), align="center")
    else:
        sheet.text(
            plot.x + plot.width / 2, top + 2.5, word(target.unit), Style(size=5.4, color=MUTED),
            align="center",
        )  # fmt: skip


def _draw_step_row(
    sheet: Sheet, x: float, y: float, label: str, value: str, width: float, *,
    is_strong: bool = False,
) -> None:  # fmt: skip
    style = Style(size=6.8, font=BOLD) if is_strong else Style(size=6.8)
    with sheet.row():
        sheet.clipped(x, y + 3.6, label, 64.0, style)
        sheet.text(x + width, y + 3.6, value, style, align="right")


def _draw_dot(sheet: Sheet, x: float, y: float, color: str) -> None:
    with sheet.tags.artifact():
        sheet.canvas.setFillColor(HexColor(color))
        sheet.canvas.circle(x, y, 2.6, stroke=0, fill=1)


def _draw_band(sheet: Sheet, low: float, high: float, y: float) -> None:
    canvas = sheet.canvas
    with sheet.tags.artifact():
        canvas.setStrokeColor(HexColor(INK))
        canvas.setLineWidth(0.7)
        canvas.line(low, y, high, y)
        for edge in (low, high):
            canvas.line(edge, y - 2.0, edge, y + 2.0)


def _connect(sheet: Sheet, x: float, top: float, bottom: float) -> None:
    with sheet.tags.artifact():
        sheet.canvas.setStrokeColor(HexColor(MUTED))
        sheet.canvas.setLineWidth(0.4)
        sheet.canvas.line(x, top, x, bottom)


def _tinted(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return an overlay as RGBA for display: lightly smoothed, scaled to its own peak."""
    smoothed = smooth(values)
    peak = float(np.abs(smoothed).max())
    scaled = smoothed / peak if peak > 0.0 else smoothed
    side = max(scaled.shape)
    factor = _OVERLAY_SIDE / side
    size = (max(1, round(scaled.shape[1] * factor)), max(1, round(scaled.shape[0] * factor)))
    resized = Image.fromarray(scaled).resize(size, Image.Resampling.BILINEAR)
    return colored(np.asarray(resized))


def colored(scaled: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return an overlay in [-1, 1] as RGBA in the two colours of the report."""
    return tint(scaled, for_color=FOR, against_color=AGAINST)


def _logit(probability: float) -> float:
    return math.log(probability / (1.0 - probability))
