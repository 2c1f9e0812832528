"""A recording as the page shows and plays it: small pictures and a WAV, all made in memory."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dashboard import palette
from mmcore.records import Parts, Recording
from mmcore.report.images import tint, to_png
from mmcore.report.spectrogram import (
    TOP_HZ,
    height_of,
    place,
    smoothed,
    sound_map,
    spectrogram,
    wav_bytes,
)

_TICKS_HZ = (100, 250, 500, 1000, 2000, 4000, 8000)
WAVE_COLUMNS = 1200  # more than a screen has room for


@dataclass(frozen=True, slots=True)
class Sound:
    """What a reader sees and hears of a recording.

    picture: PNG of its spectrogram. mapped: the same under the signed map, or None without one.
    peak: logits per cell of the model at which the map's colour is full.
    seconds: shown, from the start. edges_hz: of the picture's rows, on an axis even in mel.
    range_db: from white to black. wav: what is shown, at its own level.
    waveform: (2, columns) float32, lowest and highest sample in each stretch of what is shown, with
        the loudest at -1 or 1.
    """

    picture: bytes
    mapped: bytes | None
    peak: float
    seconds: float
    edges_hz: tuple[float, ...]
    range_db: float
    wav: bytes
    waveform: npt.NDArray[np.float32]

    def height(self, frequency_hz: float) -> float:
        """Return where a frequency lies on the axis: 0 at its low end, 1 at its top."""
        return height_of(frequency_hz, self.edges_hz)

    @property
    def ticks_hz(self) -> tuple[int, ...]:
        """Frequencies to write beside the axis."""
        return tuple(tick for tick in _TICKS_HZ if self.height(tick) <= 1.0 + 1e-6)


def sound_of(recording: Recording, parts: Parts | None) -> Sound:
    """Return a recording for the page, with the map of its parts where that may be shown."""
    found = sound_map(parts)
    top_hz = max(TOP_HZ, found.edges_hz[-1]) if found else TOP_HZ
    shown = spectrogram(recording, top_hz=top_hz)
    grey = np.ascontiguousarray(shown.levels[::-1])
    mapped, peak = None, 0.0
    if found is not None:
        soft, peak = smoothed(found)
        placed = place(shown, soft) / np.float32(peak or 1.0)
        colors = tint(placed[::-1], for_color=palette.FOR, against_color=palette.AGAINST)
        alpha = colors[..., 3:] / 255.0
        mixed = alpha * colors[..., :3] + (1.0 - alpha) * grey[..., None]
        mapped = to_png(np.rint(mixed).astype(np.uint8))
    return Sound(
        to_png(grey), mapped, peak, shown.seconds, shown.edges_hz, shown.range_db,
        wav_bytes(recording), waveform(recording.samples[: _shown(recording, shown.seconds)]),
    )  # fmt: skip


def waveform(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the lowest and the highest sample of each stretch, with the loudest at -1 or 1."""
    columns = min(WAVE_COLUMNS, len(samples))
    starts = np.arange(columns, dtype=np.intp) * len(samples) // columns
    both = np.stack([np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)])
    loudest = float(np.abs(both).max())
    return np.asarray(both / (loudest or 1.0), np.float32)


def _shown(recording: Recording, seconds: float) -> int:
    return max(1, round(seconds * recording.sample_rate_hz))
