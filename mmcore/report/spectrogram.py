"""A sound as it is drawn: loudness over time and frequency, and where an attribution lies on it.

This is a view for readers. What the model reads is made in ``mmcore.modalities.recording``. Both
axes of frequency are even in mel, as hearing is, so a map lies on the picture without bending.
"""

import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmcore.records import FloatArray, Modality, Parts, Recording
from mmcore.report.images import smooth

SHOWN_SECONDS = 30.0
"""Of longer recordings the start is shown and played."""
TOP_HZ = 2000.0
"""Breath sounds lie below; a model that listens higher raises it."""
ROWS = 64
MAX_COLUMNS = 480
RANGE_DB = 45.0
"""From the loudest to what is drawn as silence."""

_WINDOW_SECONDS, _HOP_SECONDS = 0.032, 0.008
_LOUDEST = 99.8  # percentile of the cells: one click must not darken the breath
_POINTS = 2.0**15 - 1  # 16-bit full scale


@dataclass(frozen=True, slots=True, eq=False)
class Spectrogram:
    """A recording for display.

    levels: (rows, columns) uint8, low frequencies first: 255 is loudest, 0 is ``range_db`` below.
    edges_hz: ``rows + 1`` bounds of the rows, rising. seconds: of all columns, from the start.
    """

    levels: npt.NDArray[np.uint8]
    edges_hz: tuple[float, ...]
    seconds: float
    range_db: float = RANGE_DB


@dataclass(frozen=True, slots=True, eq=False)
class SoundMap:
    """Signed logits (rows, columns) over time and frequency, low frequencies first.

    edges_hz: ``rows + 1`` bounds of the rows, rising. first_s, last_s: what the columns cover.
    """

    values: FloatArray
    edges_hz: tuple[float, ...]
    first_s: float
    last_s: float


def mel(hertz: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return frequencies on the mel scale (O'Shaughnessy 1987)."""
    return 2595.0 * np.log10(1.0 + np.asarray(hertz, dtype=np.float64) / 700.0)


def hertz(mels: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return mel values as frequencies in hertz."""
    return 700.0 * (10.0 ** (np.asarray(mels, dtype=np.float64) / 2595.0) - 1.0)


def spectrogram(recording: Recording, *, top_hz: float = TOP_HZ) -> Spectrogram:
    """Return the display spectrogram of a recording, from 0 Hz to ``top_hz``.

    A column shows the loudest moment in it, so that a crackle of a few milliseconds is seen in a
    recording of half a minute. What the sampling rate can not hold is silent.
    """
    seconds = min(recording.seconds, SHOWN_SECONDS)
    samples = recording.samples[: max(1, round(seconds * recording.sample_rate_hz))]
    rate = float(recording.sample_rate_hz)
    factor = int(rate // (4.0 * top_hz))
    if factor > 1:
        from scipy.signal import resample_poly  # not needed for a recording of a low rate

        samples, rate = resample_poly(samples, 1, factor), rate / factor
    size = max(16, round(_WINDOW_SECONDS * rate))
    frames = max(1, round(seconds / _HOP_SECONDS))
    group = -(-frames // MAX_COLUMNS)
    columns = -(-frames // group)
    centers = (np.arange(columns * group) + 0.5) * len(samples) / (columns * group)
    padded = np.pad(np.asarray(samples, dtype=np.float32), (size // 2, size))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[centers.astype(np.intp)]
    n_fft = 1 << (2 * size - 1).bit_length()
    window = np.hanning(size).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(windows * window, n_fft, axis=1)))
    power = power.reshape(columns, group, -1).max(axis=1)
    edges = np.linspace(0.0, float(mel(top_hz)), ROWS + 1)
    cells = _filters(edges, np.fft.rfftfreq(n_fft, 1.0 / rate)) @ power.T
    decibel = 10.0 * np.log10(np.maximum(cells, 1e-20))
    loudest = float(np.percentile(decibel, _LOUDEST))
    shown = np.clip((decibel - loudest) / RANGE_DB + 1.0, 0.0, 1.0)
    levels = np.rint(255.0 * shown).astype(np.uint8)
    return Spectrogram(levels, tuple(float(edge) for edge in hertz(edges)), seconds)


def _filters(edges: npt.NDArray[np.float64], bins_hz: npt.ArrayLike) -> FloatArray:
    """Return (rows, bins) weights: triangles around the middle of each row, in mel."""
    middles = (edges[:-1] + edges[1:]) / 2.0
    bins = mel(bins_hz)
    row = float(edges[1] - edges[0])
    spacing = np.gradient(bins)
    reach = np.maximum(row, np.interp(middles, bins, spacing))
    weights = np.maximum(1.0 - np.abs(bins[None] - middles[:, None]) / reach[:, None], 0.0)
    weights[middles > bins[-1]] = 0.0
    filters: FloatArray = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    return filters


def sound_map(parts: Parts | None) -> SoundMap | None:
    """Return the map of a recording's parts, or None where there is none that may be shown."""
    if parts is None or not parts.passed or parts.modality is not Modality.RECORDING:
        return None
    if parts.overlay is None or parts.overlay_box is None:
        return None
    _, first, top, last = parts.overlay_box
    return SoundMap(parts.overlay, band_bounds(len(parts.overlay), top), first, last)


def band_bounds(bands: int, top_hz: float) -> tuple[float, ...]:
    """Return the ``bands + 1`` bounds of a model's mel bands: halfway, in mel, between peaks."""
    # Imported here because it brings torch, which who only draws a document does without.
    from mmcore.modalities.recording import band_edges

    edges = mel(band_edges(round(2.0 * top_hz), bands))
    return tuple(float(bound) for bound in hertz((edges[:-1] + edges[1:]) / 2.0))


def place(shown: Spectrogram, over: SoundMap) -> FloatArray:
    """Return the map on the cells of a spectrogram, zero where it does not reach."""
    rows, columns = shown.levels.shape
    edges = mel(shown.edges_hz)
    row = np.searchsorted(over.edges_hz, hertz((edges[:-1] + edges[1:]) / 2.0), "right") - 1
    seconds = (np.arange(columns) + 0.5) * shown.seconds / columns
    per_second = over.values.shape[1] / (over.last_s - over.first_s)
    column = np.floor((seconds - over.first_s) * per_second).astype(np.intp)
    has_row = (row >= 0) & (row < over.values.shape[0])
    has_column = (column >= 0) & (column < over.values.shape[1])
    placed = np.zeros((rows, columns), dtype=np.float32)
    placed[np.ix_(has_row, has_column)] = over.values[np.ix_(row[has_row], column[has_column])]
    return placed


def smoothed(over: SoundMap) -> tuple[SoundMap, float]:
    """Return a map lightly smoothed for display, and its largest magnitude in logits per cell."""
    values = smooth(over.values)
    peak = float(np.abs(values).max())
    return SoundMap(values, over.edges_hz, over.first_s, over.last_s), peak


def height_of(frequency_hz: float, edges_hz: Sequence[float]) -> float:
    """Return where a frequency lies on an axis even in mel: 0 at its low end, 1 at its top."""
    low, high, at = (float(mel(f)) for f in (edges_hz[0], edges_hz[-1], frequency_hz))
    return (at - low) / (high - low)


def wav_bytes(recording: Recording) -> bytes:
    """Return what is shown of a recording as a 16-bit WAV file, at its own level."""
    samples = recording.samples[: round(SHOWN_SECONDS * recording.sample_rate_hz)]
    points = np.rint(np.clip(samples, -1.0, 1.0) * _POINTS).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(recording.sample_rate_hz)
        file.writeframes(points.tobytes())
    return buffer.getvalue()
