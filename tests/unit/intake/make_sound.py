"""Sound files for tests, well-formed unless asked otherwise."""

import io
import struct

import numpy as np
import soundfile


def tone(seconds: float = 1.0, *, rate: int = 4000, channels: int = 1) -> np.ndarray:
    """Return (N,) or (N, channels) of a 200 Hz tone at half scale; every channel has its pitch."""
    t = np.arange(int(seconds * rate)) / rate
    sounds = np.stack([0.5 * np.sin(2 * np.pi * 200 * (1 + c) * t) for c in range(channels)], 1)
    return sounds[:, 0] if channels == 1 else sounds


def make_wave(
    samples: np.ndarray | None = None, *, rate: int = 4000, form: str = "WAV",
    subtype: str = "PCM_16", **texts: str,
) -> bytes:  # fmt: skip
    """Return a file that libsndfile wrote."""
    samples = tone(rate=rate) if samples is None else samples
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    target = io.BytesIO()
    with soundfile.SoundFile(
        target, "w", samplerate=rate, channels=channels, format=form, subtype=subtype
    ) as file:
        for key, text in texts.items():
            setattr(file, key, text)
        file.write(samples)
    return target.getvalue()


def make_flac(samples: np.ndarray | None = None, **more: object) -> bytes:
    """Return a FLAC file."""
    return make_wave(samples, form="FLAC", **more)  # type: ignore[arg-type]


def chunk(key: bytes, body: bytes, *, size: int | None = None) -> bytes:
    """Return a RIFF chunk, of a stated size that may lie."""
    return key + struct.pack("<I", len(body) if size is None else size) + body


def raw_wave(
    *, tag: int = 1, channels: int = 1, rate: int = 4000, bits: int = 16, block: int | None = None,
    data: bytes = b"\1\2" * 4000, data_size: int | None = None, riff_size: int | None = None,
    before: bytes = b"", layout: bytes | None = None,
) -> bytes:  # fmt: skip
    """Return a WAV file built by hand, so that its header can say anything."""
    block = channels * bits // 8 if block is None else block
    if layout is None:
        layout = struct.pack("<HHIIHH", tag, channels, rate, rate * block & 0xFFFFFFFF, block, bits)
    body = b"WAVE" + before + chunk(b"fmt ", layout) + chunk(b"data", data, size=data_size)
    return chunk(b"RIFF", body, size=riff_size)
