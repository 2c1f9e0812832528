"""A spectrogram as vector graphics with its axes, and the signed map that lies on it."""

import numpy as np
from PIL import Image
from reportlab.lib.colors import HexColor
from reportlab.lib.utils import ImageReader

from mmcore.language import say
from mmcore.report.pdf.figures import Frame, colored, draw_marker
from mmcore.report.pdf.sheet import INK, MUTED, SMALL, Sheet, Style
from mmcore.report.spectrogram import SoundMap, Spectrogram, height_of, place, smoothed

AXIS = 24.0
"""Room left of a spectrogram for its hertz, in points."""

_TICKS_HZ = (100, 250, 500, 1000, 2000, 4000, 8000)
_STEPS_S = (0.5, 1.0, 2.0, 5.0, 10.0)
_MOST_TICKS = 8
_TICK = Style(size=5.4, color=MUTED)


def draw_spectrogram(
    sheet: Sheet, shown: Spectrogram, frame: Frame, over: SoundMap | None = None
) -> float:
    """Draw loudness as grey with axes in hertz and seconds; ``frame`` is the picture alone.

    over: the signed map that is drawn over it. Returns the logits per cell of the model at which
    its colour is full, 0 without a map.
    """
    soft, peak = (None, 0.0) if over is None else smoothed(over)
    levels = np.repeat(shown.levels[..., None], 3, axis=2)
    if soft is not None and peak > 0.0:
        color = np.asarray(colored(place(shown, soft) / np.float32(peak)))
        alpha = color[..., 3:] / 255.0
        levels = np.rint(color[..., :3] * alpha + levels * (1.0 - alpha)).astype(np.uint8)
    canvas = sheet.canvas
    picture = ImageReader(Image.fromarray(levels[::-1] if peak > 0.0 else shown.levels[::-1]))
    canvas.drawImage(picture, frame.x, frame.y, frame.width, frame.height)
    sheet.box(frame.x, frame.y, frame.width, frame.height, stroke=INK)
    canvas.setStrokeColor(HexColor(INK))
    canvas.setLineWidth(0.5)
    for tick in _TICKS_HZ:
        height = height_of(tick, shown.edges_hz)
        if height <= 1.0 + 1e-6:
            y = frame.y + frame.height * height
            canvas.line(frame.x - 2.0, y, frame.x, y)
            words = f"{tick} Hz" if tick == _TICKS_HZ[0] else f"{tick}"
            sheet.text(frame.x - 3.0, y - 1.9, words, _TICK, align="right")
    fitting = [step for step in _STEPS_S if shown.seconds / step <= _MOST_TICKS]
    step = fitting[0] if fitting else _STEPS_S[-1]
    for number in range(int(shown.seconds / step + 1e-6) + 1):
        x = frame.x + frame.width * number * step / shown.seconds
        canvas.line(x, frame.y - 2.0, x, frame.y)
        words = f"{number * step:g} s" if number == 0 else f"{number * step:g}"
        sheet.text(x, frame.y - 7.4, words, _TICK, align="center")
    return peak


def draw_cells(
    sheet: Sheet, shown: Spectrogram, frame: Frame, cells: list[tuple[float, float, bool]]
) -> None:
    """Draw a number on each of ``cells`` over a drawn spectrogram.

    ``cells`` are (second, hertz, whether it raises the logit).
    """
    for number, (second, hertz, is_for) in enumerate(cells, start=1):
        x = frame.x + frame.width * second / shown.seconds
        y = frame.y + frame.height * height_of(hertz, shown.edges_hz)
        if frame.x <= x <= frame.x + frame.width and frame.y <= y <= frame.y + frame.height:
            draw_marker(sheet, x, y, number, is_for=is_for)


def draw_map_scale(sheet: Sheet, x: float, y: float, width: float, *, peak: float) -> None:
    """Draw the colour ramp with the logits at its ends."""
    ramp = np.asarray(colored(np.linspace(-1.0, 1.0, 101, dtype=np.float32)[None]))
    alpha = ramp[..., 3:] / 255.0
    mixed = np.rint(ramp[..., :3] * alpha + 128.0 * (1.0 - alpha)).astype(np.uint8)
    bar = 70.0
    left = x + (width - bar) / 2
    with sheet.tags.artifact():
        sheet.canvas.drawImage(ImageReader(Image.fromarray(mixed)), left, y, bar, 5.0)
    full = np.format_float_positional(peak, precision=1, fractional=False, trim="-")
    sheet.text(left - 4.0, y, say("against \u2212{peak}", peak=full), SMALL, align="right")
    sheet.text(left + bar + 4.0, y, say("+{peak} for (logits per cell)", peak=full), SMALL)
