"""Display images for the report: the key image as greyscale PNG, overlays as small int8 grids.

Pillow is used for resampling and PNG only. Nothing here changes what a model saw: these are views.
"""

import base64
import io
import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from mmcore.errors import NonFiniteResultError
from mmcore.gate.suitability import choose_image
from mmcore.records import Case, FloatArray, Instance, Window

OVERLAY_FLOOR = 0.15
"""Magnitudes below this share of an overlay's peak are left clear."""
KEY_IMAGE_SIDE = 768
"""Longer side of the key image in pixels: about 250 dots per inch at the size it is printed."""

PNG_ERRORS = (OSError, SyntaxError, Image.DecompressionBombError)
"""What Pillow raises for a damaged PNG, and for one that says it is larger than any picture."""

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def key_instance(case: Case) -> Instance | None:
    """Return the image that stands for the case: the one the model reads, else the first.

    The model's choice is the gate's, so that an overlay lies on the pixels it speaks of.
    """
    chosen, _ = choose_image(case.instances)
    return chosen or next(iter(case.instances), None)


def display_png(instance: Instance) -> tuple[bytes, tuple[int, int]]:
    """Return the first frame as an 8-bit greyscale PNG with its (rows, columns).

    The first window of the file is applied (DICOM PS3.3 C.11.2.1.2), or the 0.5 to 99.5 percent
    range of the values where it states none. MONOCHROME1 is inverted. The longer side is at most
    ``KEY_IMAGE_SIDE`` pixels; smaller images are not enlarged.
    """
    frame = instance.pixels[0].astype(np.float32)
    if instance.is_color:
        frame = frame @ _LUMA
    shrink = min(1.0, KEY_IMAGE_SIDE / max(frame.shape))
    rows, columns = (max(1, round(side * shrink)) for side in frame.shape)
    small = np.asarray(Image.fromarray(frame).resize((columns, rows), Image.Resampling.BOX))
    grey = _apply_window(small, _display_window(instance, small))
    if instance.is_inverted:
        grey = 1.0 - grey
    return to_png(np.rint(grey * 255.0).astype(np.uint8)), (rows, columns)


def read_display_png(data: bytes) -> npt.NDArray[np.uint8]:
    """Return the pixels (rows, columns) of a PNG that ``display_png`` wrote.

    The size is checked before a pixel is decoded, since a result file may come from anywhere.
    Raises ``ValueError`` for anything else than a small 8-bit greyscale PNG.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.mode != "L" or max(image.size) > KEY_IMAGE_SIDE:
                raise ValueError("not an 8-bit greyscale image of display size")
            return np.asarray(image).copy()
    except PNG_ERRORS as error:
        raise ValueError("not a readable PNG") from error


def tint(scaled: FloatArray, *, for_color: str, against_color: str) -> npt.NDArray[np.uint8]:
    """Return an overlay in [-1, 1] as RGBA: two colours ("#rrggbb"), clear where it is faint."""
    magnitude = np.clip((np.abs(scaled) - OVERLAY_FLOOR) / (1.0 - OVERLAY_FLOOR), 0.0, 1.0)
    colors = np.zeros((*scaled.shape, 4), dtype=np.uint8)
    colors[scaled > 0, :3] = tuple(bytes.fromhex(for_color[1:]))
    colors[scaled <= 0, :3] = tuple(bytes.fromhex(against_color[1:]))
    colors[..., 3] = np.rint(255.0 * 0.8 * np.sqrt(magnitude)).astype(np.uint8)
    return colors


def to_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return grey (rows, columns) or RGB (rows, columns, 3) pixels as a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def smooth(values: FloatArray) -> FloatArray:
    """Return an overlay under a Gaussian of 1/60 of its longer side: sums stay, speckle goes."""
    sigma = max(values.shape) / 60.0
    radius = max(1, math.ceil(3.0 * sigma))
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / max(sigma, 0.3)) ** 2)
    kernel /= kernel.sum()
    smoothed = values.astype(np.float64)
    if min(values.shape) >= kernel.size:  # a grid of a few cells is shown as it is
        for axis in (0, 1):
            smoothed = np.apply_along_axis(np.convolve, axis, smoothed, kernel, mode="same")
    return smoothed.astype(np.float32)


def quantise(overlay: FloatArray) -> tuple[bytes, float]:
    """Return an overlay as row-major int8 and the logits of one step.

    Value = step * scale, so the largest magnitude is 127 steps; an all-zero overlay has scale 0.
    Raises ``NonFiniteResultError`` for NaN or infinity.
    """
    if not np.isfinite(overlay).all():
        raise NonFiniteResultError(what="overlay")
    scale = float(np.abs(overlay).max()) / 127.0
    if scale == 0.0:
        return bytes(overlay.size), 0.0
    return np.rint(overlay.astype(np.float64) / scale).astype(np.int8).tobytes(), scale


def dequantise(data: bytes, *, rows: int, columns: int, scale: float) -> FloatArray:
    """Return the overlay (rows, columns) in logits; raise ``ValueError`` for a wrong size."""
    if len(data) != rows * columns:
        raise ValueError(f"{len(data)} values for {rows} rows and {columns} columns")
    steps = np.frombuffer(data, dtype=np.int8).reshape(rows, columns)
    return (steps * scale).astype(np.float32)


def to_base64(data: bytes) -> str:
    """Return bytes as standard base64 text."""
    return base64.b64encode(data).decode("ascii")


def _display_window(instance: Instance, frame: FloatArray) -> Window:
    for window in instance.windows:
        if window.width >= 1.0:
            return window
    low, high = (float(v) for v in np.percentile(frame, (0.5, 99.5)))
    if not high > low:
        low, high = float(frame.min()), float(frame.max())
    return Window(center=(low + high + 1.0) / 2.0, width=high - low + 1.0)


def _apply_window(frame: FloatArray, window: Window) -> FloatArray:
    if window.width <= 1.0:
        return (frame > window.center - 0.5).astype(np.float32)
    ramp = (frame - (window.center - 0.5)) / (window.width - 1.0) + 0.5
    shown: FloatArray = np.clip(ramp, 0.0, 1.0).astype(np.float32)
    return shown
