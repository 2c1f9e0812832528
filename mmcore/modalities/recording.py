"""Sound recordings of lung or cough: a log-mel spectrogram through a small convolution."""

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import torch
from scipy.signal import resample_poly
from torch import Tensor, nn

from mmcore.errors import ConfigError
from mmcore.language import say
from mmcore.modalities.channel import Box, Channel, Encoder, Evidence, Preparation
from mmcore.modalities.recurrent import Recurrent
from mmcore.records import Case, FloatArray, Modality, PartItem, Recording

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FLOOR = 1e-8  # power below which a cell is silent
CELL_SECONDS = 0.5  # named parts of the evidence are this long ...
CELL_BANDS = 8  # ... and this many mel bands high
MAX_ITEMS = 8
QUIET = 0.2  # quantile over time of a band that stands in for a sound that is erased


@dataclass(frozen=True, slots=True)
class RecordingConfig:
    """The recording encoder and the spectrogram it reads.

    sample_rate_hz: recordings are resampled to it. seconds: how much is read, from the start.
    n_fft, hop: of the short-time Fourier transform, in samples. n_mels: bands. mean, std: of the
    natural logarithm of the mel power, for standardisation. name: "cnn", or "crnn": the same, then
    a GRU that reads both ways along time. channels: of the stages, each of which halves both axes.
    hidden: of the GRU.
    """

    sample_rate_hz: int = 4000
    seconds: float = 6.0
    n_fft: int = 256
    hop: int = 100
    n_mels: int = 32
    mean: float = -9.0
    std: float = 3.0
    name: str = "cnn"
    channels: tuple[int, ...] = (16, 32, 64)
    hidden: int = 32

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        if self.name not in ENCODERS:
            problem = f"{self.name!r} is unknown; known: {', '.join(ENCODERS)}"
            raise ConfigError(key="recording.name", problem=problem)
        if not (self.sample_rate_hz > 0 and self.seconds > 0 and 0 < self.hop <= self.n_fft):
            raise ConfigError(key="recording", problem="rate, seconds and hop must exceed 0")

    @property
    def shape(self) -> tuple[int, int]:
        """Bands and frames of the spectrogram."""
        return self.n_mels, round(self.seconds * self.sample_rate_hz) // self.hop

    @property
    def silence(self) -> float:
        """The standardised value of a silent cell."""
        return (math.log(FLOOR) - self.mean) / self.std


@cache
def mel_filters(sample_rate_hz: int, n_fft: int, n_mels: int) -> Tensor:
    """Return (n_mels, n_fft // 2 + 1) triangular filters of equal width on the mel scale.

    Source: O'Shaughnessy 1987, mel = 2595 log10(1 + f / 700).
    """
    edges = band_edges(sample_rate_hz, n_mels)
    hertz = torch.linspace(0.0, sample_rate_hz / 2.0, n_fft // 2 + 1, dtype=torch.float64)
    low, center, high = (torch.tensor(edges[i : n_mels + i])[:, None] for i in range(3))
    rising, falling = (hertz - low) / (center - low), (high - hertz) / (high - center)
    filters = torch.minimum(rising, falling).clamp(min=0.0)
    return (filters / filters.sum(1, keepdim=True).clamp(min=1e-9)).float()


def band_edges(sample_rate_hz: int, n_mels: int) -> list[float]:
    """Return n_mels + 2 frequencies in hertz, evenly spaced in mel; band i peaks at i + 1."""
    top = 2595.0 * math.log10(1.0 + sample_rate_hz / 2.0 / 700.0)
    return [700.0 * (10.0 ** (top * i / (n_mels + 1) / 2595.0) - 1.0) for i in range(n_mels + 2)]


def log_mel(samples: npt.NDArray[np.float32], config: RecordingConfig) -> FloatArray:
    """Return the (n_mels, frames) standardised log power of (N,) samples at the model's rate.

    What the recording is too short for is silence.
    """
    bands, frames = config.shape
    wanted = frames * config.hop
    padded = torch.zeros(wanted)
    heard = torch.from_numpy(np.array(samples[:wanted], dtype=np.float32))
    padded[: len(heard)] = heard
    spectrum = torch.stft(
        padded, config.n_fft, config.hop, window=torch.hann_window(config.n_fft),
        center=True, pad_mode="constant", return_complex=True,
    )  # fmt: skip
    power = spectrum.abs().square()[:, :frames] / config.n_fft
    mel = mel_filters(config.sample_rate_hz, config.n_fft, bands) @ power
    return cast(FloatArray, ((mel.clamp(min=FLOOR).log() - config.mean) / config.std).numpy())


def as_model_input(
    samples: npt.NDArray[np.float32], rate_hz: int, config: RecordingConfig
) -> FloatArray:
    """Return the spectrogram that the model reads of (N,) samples at any rate."""
    if rate_hz != config.sample_rate_hz:
        shared = math.gcd(rate_hz, config.sample_rate_hz)
        needed = math.ceil(config.seconds * rate_hz)
        up, down = config.sample_rate_hz // shared, rate_hz // shared
        samples = resample_poly(samples[:needed], up, down).astype(np.float32)
    return log_mel(samples, config)


@dataclass(frozen=True, slots=True, eq=False)
class PreparedRecording:
    """Model input of one recording.

    values: (n_mels, frames) float32. box: (lowest Hz, first second, highest Hz, last second).
    """

    values: FloatArray
    box: Box
    edges_hz: tuple[float, ...]

    def name_parts(self, attribution: npt.NDArray[np.float64]) -> Evidence:
        """Name the strongest cells of time and frequency; the rest is one item."""
        bands, frames = attribution.shape
        per_second = frames / (self.box[3] - self.box[1])
        width = max(1, round(CELL_SECONDS * per_second))
        cells = []
        for low in range(0, bands, CELL_BANDS):
            for start in range(0, frames, width):
                total = float(attribution[low : low + CELL_BANDS, start : start + width].sum())
                cells.append((total, low, start))
        cells.sort(key=lambda cell: -abs(cell[0]))
        items = []
        for total, low, start in cells[:MAX_ITEMS]:
            high, stop = min(low + CELL_BANDS, bands), min(start + width, frames)
            first, last = start / per_second, stop / per_second
            bottom, top = self.edges_hz[low], self.edges_hz[high + 1]
            words = say(
                "{first:.1f} to {last:.1f} s, {bottom:.0f} to {top:.0f} Hz",
                first=first,
                last=last,
                bottom=bottom,
                top=top,
            )
            middle = ((first + last) / 2, self.edges_hz[(low + high) // 2 + 1])
            items.append(PartItem(words, middle, total))
        rest = sum(total for total, *_ in cells[MAX_ITEMS:])
        items.append(PartItem(say("rest of the recording"), (), rest))
        return Evidence(tuple(items), attribution.astype(np.float32), self.box)


def choose_recording(recordings: tuple[Recording, ...]) -> Recording | None:
    """Return the recording that the model reads: the latest, or the first if none has a time."""
    dated = [r for r in recordings if r.recorded_at is not None]
    latest = max(dated, key=lambda r: r.recorded_at.replace(tzinfo=None), default=None)  # type: ignore[union-attr] # dated
    return latest or next(iter(recordings), None)


def prepare(case: Case, config: RecordingConfig, tokenizer: "Tokenizer | None") -> Preparation:
    """Choose the recording of the case that the model reads, and read it."""
    chosen = choose_recording(case.recordings)
    if chosen is None:
        return Preparation(None)
    notices = []
    if len(case.recordings) > 1:
        notices.append(
            say("The model read one of {count} sound recordings.", count=len(case.recordings))
        )
    if chosen.seconds > config.seconds:
        notices.append(
            say(
                "The model read the first {seconds:g} of {total:.1f} seconds of sound.",
                seconds=config.seconds,
                total=chosen.seconds,
            )
        )
    doubts: tuple[str, ...] = ()
    if chosen.sample_rate_hz < config.sample_rate_hz:
        doubts = (say("the recording lacks the high frequencies that the model listens to"),)
    edges = band_edges(config.sample_rate_hz, config.n_mels)
    box = (0.0, 0.0, config.sample_rate_hz / 2.0, float(config.seconds))
    values = as_model_input(chosen.samples, chosen.sample_rate_hz, config)
    prepared = PreparedRecording(values, box, tuple(edges))
    return Preparation(prepared, tuple(notices), doubts)


class RecordingEncoder(Encoder):
    """Convolutions over time and frequency; every remaining moment becomes a token.

    Input (B, n_mels, frames) float32; tokens (B, frames / 2^stages, D). Group norm and SiLU for
    the same reasons as in the image encoder.
    """

    def __init__(self, config: RecordingConfig, embed_dim: int) -> None:
        super().__init__()
        self._shape, self._silence = config.shape, config.silence
        width = max(1, round(CELL_SECONDS * config.shape[1] / config.seconds))
        self._starts = (
            np.arange(0, config.shape[0], CELL_BANDS), np.arange(0, config.shape[1], width)
        )  # fmt: skip
        stages: list[nn.Module] = []
        before = 1
        for width in config.channels:
            stages += [
                nn.Conv2d(before, width, 3, stride=2, padding=1),
                nn.GroupNorm(4, width),
                nn.SiLU(),
            ]
            before = width
        self.stages = nn.Sequential(*stages)
        bands, frames = config.shape
        for _ in config.channels:
            bands, frames = (bands + 1) // 2, (frames + 1) // 2
        self.width = before * bands
        self.projection = nn.Linear(self.width, embed_dim)
        self.position = nn.Parameter(torch.zeros(1, frames, embed_dim))
        nn.init.trunc_normal_(self.position, std=0.02)

    def baseline_input(self) -> Tensor:
        """Return silence."""
        return torch.full(self._shape, self._silence)

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (B, T, D) tokens for (B, n_mels, frames) spectrograms."""
        return cast(Tensor, self.projection(self.moments(embedded)) + self.position)

    def moments(self, embedded: Tensor) -> Tensor:
        """Return (B, T, width): what the convolutions heard at every moment."""
        features: Tensor = self.stages(embedded[:, None])  # (B, C, bands, frames)
        return features.flatten(1, 2).transpose(1, 2)

    def pieces(self, attribution: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the attribution by cells of ``CELL_BANDS`` bands and ``CELL_SECONDS``."""
        sums = np.add.reduceat(attribution, self._starts[0], axis=0)
        blocks: npt.NDArray[np.float64] = np.add.reduceat(sums, self._starts[1], axis=1)
        return blocks

    def own_pieces(self, own: Tensor, baseline: Tensor) -> Tensor:
        """Return which cells are not silent."""
        differs = (own[0] != baseline[0]).numpy(force=True).astype(np.float64)
        return torch.from_numpy(self.pieces(differs) > 0)

    def erase(self, own: Tensor, baseline: Tensor, masks: Tensor) -> Tensor:
        """Return the spectrograms with cells filled by their bands' quiet moments."""
        bands, frames = self._shape
        rows = np.searchsorted(self._starts[0], np.arange(bands), side="right") - 1
        columns = np.searchsorted(self._starts[1], np.arange(frames), side="right") - 1
        wide = masks[:, torch.from_numpy(rows)][:, :, torch.from_numpy(columns)]
        quiet = own.quantile(QUIET, dim=2, keepdim=True)
        return own + wide * (torch.minimum(quiet, own) - own)

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Return the spectrograms louder or softer, later or earlier, with noise in every cell."""
        count = len(inputs)
        gain = (torch.rand(count, 1, 1, generator=generator) - 0.5) * 0.3
        noise = torch.randn(inputs.shape, generator=generator) * 0.05
        frames = inputs.shape[2]
        later = torch.randint(0, frames, (count, 1), generator=generator)
        order = (torch.arange(frames)[None] + later) % frames
        moved = inputs.gather(2, order[:, None].expand_as(inputs))
        return (moved + gain + noise).clamp(min=self._silence)


class RecurrentRecordingEncoder(RecordingEncoder):
    """The same convolutions, then a GRU along time in both directions: a CRNN."""

    def __init__(self, config: RecordingConfig, embed_dim: int) -> None:
        super().__init__(config, embed_dim)
        self.recurrent = Recurrent("gru", self.width, config.hidden, both_ways=True)
        self.projection = nn.Linear(self.recurrent.width, embed_dim)

    def forward(self, embedded: Tensor) -> Tensor:
        """Return (B, T, D) tokens for (B, n_mels, frames) spectrograms."""
        heard = self.recurrent(self.moments(embedded))
        return cast(Tensor, self.projection(heard) + self.position)


ENCODERS = {"cnn": RecordingEncoder, "crnn": RecurrentRecordingEncoder}


def build(config: RecordingConfig, embed_dim: int) -> Encoder:
    """Return the encoder that the configuration names."""
    return ENCODERS[config.name](config, embed_dim)


CHANNEL = Channel(Modality.RECORDING, RecordingConfig, build, prepare)
