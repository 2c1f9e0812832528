"""One sound file, WAV or FLAC, to the samples of one channel.

Runs in the decoding process; the only door to soundfile (libsndfile). The header is checked by us
before the library sees a byte: encoding, channels, rate and length are what it states, the data it
promises is all there, and a FLAC stream is what its own MD5 says.
"""

import hashlib
import io
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.moments import to_plain
from mmcore.intake.note import parse_time, read_identity
from mmcore.language import say

MAX_BYTES = 128 * 2**20
MAX_SECONDS = 120.0
MIN_SECONDS = 0.5
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 192_000
MAX_CHANNELS = 8
MAX_CHUNKS = 1_000
# A few steps of 16 bits: what a microphone that is not plugged in gives.
SILENCE = 1e-4
_BLOCK_FRAMES = 65_536
_MAX_PEAK = 2.0**32  # some programs write whole numbers of 32 bits as floats
_CLIPPED, _CLIPPED_SHARE = 0.999, 0.005

_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_BITS = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64), _ALAW: (8,), _ULAW: (8,)}
_FLAC_BITS = (8, 16, 24)

Message = dict[str, Any]
Samples = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SoundHeader:
    """What a file states about its sound.

    md5: of the decoded samples as FLAC has it, or ``None``.
    """

    rate_hz: int
    channels: int
    bits: int
    frames: int
    md5: bytes | None = None


def read_recording(data: memoryview, sink: BinaryIO) -> Message:
    """Write the samples as float32 to ``sink`` and return all else as JSON values.

    Raises ``FileRefusedError`` with TOO_LARGE, CORRUPT, UNSUPPORTED_SOUND, RECORDING_RATE,
    RECORDING_TOO_SHORT, RECORDING_TOO_LONG, SILENT_RECORDING or NON_FINITE.
    """
    if len(data) > MAX_BYTES:
        raise FileRefusedError(
            RefusalCode.TOO_LARGE,
            say("the recording has more than {megabytes} MB", megabytes=MAX_BYTES >> 20),
        )
    header = _flac_header(data) if bytes(data[:4]) == b"fLaC" else _wave_header(data)
    _check(header)
    samples, texts = _decode(data, header)
    notices: list[str] = []
    if header.channels > 1:
        notices.append(
            say(
                "The recording has {channels} channels, which were averaged.",
                channels=header.channels,
            )
        )
    samples = _check_samples(samples, notices)
    sink.write(samples.astype("<f4").data.cast("B"))
    identity, _ = read_identity("\n".join(texts.get(key, "") for key in ("title", "comment")))
    recorded_at = parse_time(texts.get("date", ""))
    return {
        "shape": [len(samples)],
        "dtype": "<f4",
        "sample_rate_hz": header.rate_hz,
        "recorded_at": to_plain(recorded_at),
        "patient_ids": sorted(identity.patient_ids),
        "patient_name": identity.name,
        "birth_date": identity.birth_date.isoformat() if identity.birth_date else None,
        "notices": notices,
    }


def _corrupt(detail: str) -> FileRefusedError:
    return FileRefusedError(RefusalCode.CORRUPT, detail)


def _unsupported(detail: str) -> FileRefusedError:
    return FileRefusedError(RefusalCode.UNSUPPORTED_SOUND, detail)


# Headers


def _wave_header(data: memoryview) -> SoundHeader:
    """Read ``fmt `` and the size of ``data``. Multimedia Programming Interface 1.0, RIFF WAVE."""
    if len(data) < 12 or struct.unpack_from("<I", data, 4)[0] + 8 > len(data) + 1:
        raise _corrupt(say("the recording is cut off: it is shorter than its header states"))
    layout: tuple[int, int, int, int] | None = None
    at = 12
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            raise _corrupt(say("the recording holds no sound data"))
        key, size = bytes(data[at : at + 4]), struct.unpack_from("<I", data, at + 4)[0]
        body = data[at + 8 : at + 8 + size]
        if len(body) < size:
            raise _corrupt(
                say("the recording is cut off: a part is shorter than its header states")
            )
        if key == b"fmt ":
            if layout is not None:
                raise _corrupt(say("the recording states its format twice"))
            layout = _wave_layout(body)
        elif key == b"data":
            if layout is None:
                raise _corrupt(say("the recording has sound data before its format"))
            rate, channels, bits, block = layout
            if size % block:
                raise _corrupt(say("the recording is cut off in the middle of a sample"))
            return SoundHeader(rate, channels, bits, size // block)
        at += 8 + size + size % 2
    raise _corrupt(say("the recording has more than {max_chunks:,} parts", max_chunks=MAX_CHUNKS))


def _wave_layout(body: memoryview) -> tuple[int, int, int, int]:
    """Return rate, channels, bits and bytes per frame of a ``fmt `` chunk."""
    if len(body) < 16:
        raise _corrupt(say("the recording's format is cut off"))
    tag, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _EXTENSIBLE:
        if len(body) < 40:
            raise _corrupt(say("the recording's format is cut off"))
        tag = struct.unpack_from("<H", body, 24)[0]
    if tag not in _BITS or bits not in _BITS[tag]:
        raise _unsupported(
            say("the recording is compressed in a way that is not read; export it as PCM")
        )
    if not channels or block != channels * bits // 8:
        raise _corrupt(say("the recording's format contradicts itself"))
    return rate, channels, bits, block


def _flac_header(data: memoryview) -> SoundHeader:
    """Read STREAMINFO, which must come first. RFC 9639, 8.2."""
    if len(data) < 42 or data[4] & 0x7F or bytes(data[5:8]) != b"\0\0\x22":
        raise _corrupt(say("the recording's header is cut off or not one of FLAC"))
    packed = int.from_bytes(data[18:26], "big")
    if not packed & (1 << 36) - 1:
        raise _corrupt(say("the recording does not state its length; it was not finished"))
    md5 = bytes(data[26:42])
    return SoundHeader(
        rate_hz=packed >> 44,
        channels=(packed >> 41 & 7) + 1,
        bits=(packed >> 36 & 31) + 1,
        frames=packed & (1 << 36) - 1,
        md5=md5 if any(md5) else None,
    )


def _check(header: SoundHeader) -> None:
    """Refuse what is out of bounds before any of it is decoded."""
    if not 1 <= header.channels <= MAX_CHANNELS:
        raise _unsupported(
            say(
                "the recording has {channels} channels; at most {max_channels}",
                channels=header.channels,
                max_channels=MAX_CHANNELS,
            )
        )
    if not MIN_RATE_HZ <= header.rate_hz <= MAX_RATE_HZ:
        raise FileRefusedError(
            RefusalCode.RECORDING_RATE,
            say(
                "the sampling rate of {rate:,} Hz is outside {min_rate_hz:,} to {max_rate_hz:,} Hz",
                rate=header.rate_hz,
                min_rate_hz=MIN_RATE_HZ,
                max_rate_hz=MAX_RATE_HZ,
            ),
        )
    if header.md5 is not None and header.bits not in _FLAC_BITS:
        raise _unsupported(
            say("the recording has {bits} bits per sample, which are not read", bits=header.bits)
        )
    seconds = header.frames / header.rate_hz
    if seconds < MIN_SECONDS:
        raise FileRefusedError(
            RefusalCode.RECORDING_TOO_SHORT,
            say(
                "the recording lasts {seconds:.2g} seconds; at least {min_seconds:g} are needed",
                seconds=seconds,
                min_seconds=MIN_SECONDS,
            ),
        )
    if seconds > MAX_SECONDS:
        raise FileRefusedError(
            RefusalCode.RECORDING_TOO_LONG,
            say(
                "the recording lasts {seconds:,.0f} seconds; at most {max_seconds:g} are read",
                seconds=seconds,
                max_seconds=MAX_SECONDS,
            ),
        )


# Samples


def _decode(data: memoryview, header: SoundHeader) -> tuple[Samples, dict[str, str]]:
    """Return the mean of the channels, and the texts that the file carries."""
    mono = np.empty(header.frames, np.float64)
    done = 0
    md5 = hashlib.md5(usedforsecurity=False)
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            stated = (file.samplerate, file.channels, file.frames)
            if stated != (header.rate_hz, header.channels, header.frames):
                raise _corrupt(say("the recording's header can be read in two ways"))
            while done < header.frames:
                block = _next_block(file, header, md5)
                if not len(block):
                    break
                mono[done : done + len(block)] = block.mean(axis=1)
                done += len(block)
            texts = file.copy_metadata()
    except soundfile.SoundFileError as error:
        raise _corrupt(say("the sound can not be decoded")) from error
    if done != header.frames or (header.md5 is not None and md5.digest() != header.md5):
        raise _corrupt(say("the recording is cut off or damaged: its sound is not what it states"))
    return mono, texts


def _next_block(file: soundfile.SoundFile, header: SoundHeader, md5: Any) -> Samples:
    """Read (frames, channels); of FLAC as whole numbers, which go into its checksum."""
    if header.md5 is None:
        return np.asarray(file.read(_BLOCK_FRAMES, dtype="float64", always_2d=True))
    whole = np.asarray(file.read(_BLOCK_FRAMES, dtype="int32", always_2d=True))
    whole >>= 32 - header.bits
    stored = whole.astype("<i4").view(np.uint8).reshape(*whole.shape, 4)
    md5.update(np.ascontiguousarray(stored[..., : header.bits // 8]).data.cast("B"))
    result: Samples = whole / float(1 << header.bits - 1)
    return result


def _check_samples(samples: Samples, notices: list[str]) -> Samples:
    if not np.isfinite(samples).all():
        raise FileRefusedError(RefusalCode.NON_FINITE, say("some samples are not finite numbers"))
    peak = float(np.abs(samples).max())
    if peak > _MAX_PEAK:
        raise _corrupt(say("samples reach {peak:.0e}, which no recording does", peak=peak))
    if not float(samples.max() - samples.min()) > 2 * SILENCE * max(1.0, peak):
        raise FileRefusedError(
            RefusalCode.SILENT_RECORDING, say("every sample has the same value, or nearly so")
        )
    if peak > 1:
        notices.append(say("The recording is louder than full scale and was scaled down to it."))
        samples = samples / peak
    elif float((np.abs(samples) >= _CLIPPED).mean()) > _CLIPPED_SHARE:
        notices.append(say("The recording was too loud for its microphone: its peaks are cut off."))
    return samples
