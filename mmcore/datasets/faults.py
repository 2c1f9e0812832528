"""Faults of an image, planted in good films: what the gate learns from and is measured on.

Every fault takes a frame as it is stored and gives it back with what goes wrong in practice: a film
turned on the plate, the wrong photometric interpretation, half a chest, a screenshot of a viewer.
How much is drawn at random, between what one can hardly see and what nobody could miss.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, uniform_filter1d, zoom

from mmcore.records import Instance

Frame = npt.NDArray[np.float32]  # (rows, columns), in [0, 1]
Plant = Callable[[Frame, np.random.Generator], Frame]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and how it is planted."""

    name: str
    plant: Plant


def plant(instance: Instance, fault: Fault, rng: np.random.Generator) -> Instance:
    """Return ``instance``, a grey image of one frame, with the fault in its pixels."""
    stored = instance.pixels[0].astype(np.float32)
    low, high = float(stored.min()), float(stored.max())
    faulty = fault.plant((stored - low) / max(high - low, 1e-6), rng).clip(0.0, 1.0)
    pixels = (low + faulty * (high - low)).round().astype(instance.pixels.dtype)
    digest = f"{instance.digest}-{fault.name}"
    return replace(instance, digest=digest, pixels=pixels[None])


def _invert(frame: Frame, _: np.random.Generator) -> Frame:
    return 1.0 - frame


def _turn(frame: Frame, rng: np.random.Generator) -> Frame:
    return np.ascontiguousarray(np.rot90(frame, rng.choice([1, 3])))


def _upside_down(frame: Frame, rng: np.random.Generator) -> Frame:
    turned = frame[::-1] if rng.random() < 0.5 else frame[::-1, ::-1]
    return np.ascontiguousarray(turned)


def _mirror(frame: Frame, _: np.random.Generator) -> Frame:
    return np.ascontiguousarray(frame[:, ::-1])


def _crop(frame: Frame, rng: np.random.Generator) -> Frame:
    """Cut a third to a half off one side."""
    rows, columns = frame.shape
    kept = rng.uniform(0.5, 0.66)
    side = rng.integers(4)
    if side == 0:
        return frame[: int(kept * rows)].copy()
    if side == 1:
        return frame[rows - int(kept * rows) :].copy()
    if side == 2:
        return frame[:, : int(kept * columns)].copy()
    return frame[:, columns - int(kept * columns) :].copy()


def _shrink(frame: Frame, rng: np.random.Generator) -> Frame:
    """Lay the film small on a dark plate."""
    factor = rng.uniform(0.35, 0.6)
    small: Frame = zoom(frame, factor, order=1)
    canvas = np.full_like(frame, frame.min())
    row = rng.integers(0, frame.shape[0] - small.shape[0] + 1)
    column = rng.integers(0, frame.shape[1] - small.shape[1] + 1)
    canvas[row : row + small.shape[0], column : column + small.shape[1]] = small
    return canvas


def _overexpose(frame: Frame, rng: np.random.Generator) -> Frame:
    """Lose the lungs in black: everything below a level is the darkest value."""
    level = float(np.quantile(frame, rng.uniform(0.45, 0.7)))
    darkened: Frame = (np.maximum(frame - level, 0.0) / max(1.0 - level, 1e-6)).astype(np.float32)
    return darkened


def _underexpose(frame: Frame, rng: np.random.Generator) -> Frame:
    """Lose mediastinum and bones in white."""
    level = max(float(np.quantile(frame, rng.uniform(0.35, 0.55))), 1e-3)
    lightened: Frame = (np.minimum(frame, level) / level).astype(np.float32)
    return lightened


def _add_noise(frame: Frame, rng: np.random.Generator) -> Frame:
    """Add the mottle of far too little dose, as seen at the size that a model reads."""
    grain = max(frame.shape[0] / 224.0, 1.0)
    noise = gaussian_filter(rng.standard_normal(frame.shape).astype(np.float32), 0.5 * grain)
    mottled: Frame = frame + np.float32(rng.uniform(0.24, 0.6) * frame.std() / noise.std()) * noise
    return mottled


def _blur(frame: Frame, rng: np.random.Generator) -> Frame:
    """Move the patient during the exposure."""
    length = max(int(rng.uniform(0.035, 0.09) * frame.shape[0]), 2)
    moved: Frame = uniform_filter1d(frame, length, axis=int(rng.integers(2)))
    return moved


def _screenshot(frame: Frame, rng: np.random.Generator) -> Frame:
    """Show the film in the window of a viewer, with its bars and words."""
    rows, columns = frame.shape
    image = Image.fromarray((255 * frame).astype(np.uint8))
    light = int(rng.choice([40, 200, 235]))
    canvas = Image.new("L", (columns, rows), light)
    left, top = int(rng.uniform(0.1, 0.28) * columns), int(rng.uniform(0.05, 0.16) * rows)
    right, bottom = columns - int(rng.uniform(0.0, 0.2) * columns), rows - int(0.05 * rows)
    canvas.paste(image.resize((right - left, bottom - top)), (left, top))
    draw, ink = ImageDraw.Draw(canvas), 255 if light < 128 else 0
    font = ImageFont.load_default(size=max(rows // 40, 10))
    for line in range(int(rng.integers(6, 14))):
        words = "".join(rng.choice(list("abcdefghij klmno 0123456789"), size=12))
        draw.text((4, top + line * rows // 16), words, fill=ink, font=font)
    draw.text((left, 2), "File  View  Tools  Window  Help", fill=ink, font=font)
    return np.asarray(canvas, np.float32) / 255.0


def _something_else(frame: Frame, rng: np.random.Generator) -> Frame:
    """Show no chest: a wedge, a test pattern, a disk, a long bone or plain mottle."""
    rows, columns = frame.shape
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
    kind = rng.integers(5)
    if kind == 0:
        steps = int(rng.integers(5, 20))
        picture = np.floor((x if rng.random() < 0.5 else y) * steps / 2) / steps + 0.5
    elif kind == 1:
        count = rng.uniform(2, 12)
        picture = 0.5 + 0.5 * np.sign(np.sin(count * np.pi * x) * np.sin(count * np.pi * y))
    elif kind == 2:
        radius = np.hypot(x - rng.uniform(-0.3, 0.3), y - rng.uniform(-0.3, 0.3))
        picture = np.clip(1.3 - radius / rng.uniform(0.4, 1.0), 0, 1) ** rng.uniform(0.3, 2)
    elif kind == 3:
        shaft = np.exp(-((x + rng.uniform(-0.3, 0.3) * y) ** 2) / rng.uniform(0.01, 0.1))
        soft = np.exp(-(x**2) / rng.uniform(0.2, 0.6))
        picture = 0.7 * shaft + 0.4 * soft  # a long bone in its soft tissue
    else:
        picture = gaussian_filter(rng.standard_normal(frame.shape), rng.uniform(2, 40))
        picture = (picture - picture.min()) / np.ptp(picture)
    mottle = 0.02 * rng.standard_normal(frame.shape)
    return np.asarray(picture + mottle, np.float32)


FAULTS: Mapping[str, Fault] = {
    name: Fault(name, how)
    for name, how in {
        "inverted": _invert,
        "turned": _turn,
        "upside-down": _upside_down,
        "mirrored": _mirror,
        "cropped": _crop,
        "small": _shrink,
        "overexposed": _overexpose,
        "underexposed": _underexpose,
        "noisy": _add_noise,
        "blurred": _blur,
        "screenshot": _screenshot,
        "no-chest": _something_else,
    }.items()
}
"""Every fault that is planted, by its name."""
