"""A breath sound of a simulated patient, with the place of everything in it that counts.

Six seconds as from a stethoscope on the chest: breath noise that swells with every inspiration and
less with every expiration, faint heart beats, background and the odd click of handling. What is
added or taken away by a finding:

    consolidation  coarse crackles early in the breath; louder, brighter (bronchial) expiration
    effusion       dull breath sounds (low-pass), softer, and the creak of a pleural rub
    pneumothorax   breath sounds nearly gone at all frequencies, heart and background as before
    nodule         nothing, or in a third a wheeze of one pitch in expiration
    edema          many fine crackles late in inspiration
    cardiomegaly   louder heart sounds and a third one, low, after the second

Strength sets number and loudness. A sound may be missing or mimicked, see ``causal``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from mmcore.records import Recording
from mmcore.simulate.causal import (
    FINDINGS,
    P_INAUDIBLE,
    P_SOUND_MIMIC,
    Disease,
    Finding,
    FindingState,
)

Signal = npt.NDArray[np.float64]
SoundKind = Literal[
    "coarse crackles", "fine crackles", "bronchial breathing", "diminished", "dull", "rub",
    "wheeze", "third heart sound", "loud heart",
]  # fmt: skip

RATE_HZ = 4000
SECONDS = 6.0
_N = int(RATE_HZ * SECONDS)
_LEVEL = 0.1  # full scale of a quiet breath at mid gain; crackles reach a few times as far


@dataclass(frozen=True, slots=True)
class TruthSound:
    """Something heard because of a finding, or in a mimic of it: a box in time and frequency.

    is_mimic: the finding is absent and only sounds present.
    """

    kind: SoundKind
    finding: Finding
    start_s: float
    end_s: float
    low_hz: float
    high_hz: float
    is_mimic: bool


@dataclass(frozen=True, slots=True)
class _Breath:
    """Seconds at which inspiration starts, turns to expiration, and expiration ends."""

    start: float
    turn: float
    end: float


@dataclass(slots=True)
class _Score:
    """The recording as it is put together."""

    signal: Signal
    events: list[TruthSound]


def sample_recording(
    rng: np.random.Generator, disease: Disease, *, digest: str, recorded_at: datetime,
    without: Collection[Finding] = (),
) -> tuple[Recording, tuple[TruthSound, ...]]:  # fmt: skip
    """Draw the recording and say what is heard in it, and where.

    ``without``: findings whose sound is left away; all else stays as it is, to the sample.
    """
    breathing, heart, background, *own = rng.spawn(3 + len(FINDINGS))
    streams = dict(zip(FINDINGS, own, strict=True))
    loudness = {f: _loudness(streams[f], f, disease.states[f]) for f in FINDINGS}
    loudness = {f: 0.0 if f in without else a for f, a in loudness.items()}
    breaths = _sample_breaths(breathing)
    score = _Score(np.zeros(_N), [])
    _breathe(score, breathing, breaths, loudness)
    _beat(score, heart, loudness["cardiomegaly"])
    _crackle(score, streams["consolidation"], breaths, loudness["consolidation"], is_fine=False)
    _crackle(score, streams["edema"], breaths, loudness["edema"], is_fine=True)
    _rub(score, streams["effusion"], breaths, loudness["effusion"])
    _wheeze(score, streams["nodule"], breaths, loudness["nodule"])
    _add_background(score, background)
    gain = _LEVEL * float(np.exp(background.normal(0, 0.15)))
    stored = np.clip(np.rint(score.signal * (gain * 32768)), -32768, 32767)
    samples = (stored / 32768).astype(np.float32)  # what 16 bits hold, so a file gives it back
    samples.flags.writeable = False
    truth = tuple(
        TruthSound(
            kind=e.kind,
            finding=e.finding,
            start_s=round(max(0.0, e.start_s), 4),
            end_s=round(min(SECONDS, e.end_s), 4),
            low_hz=e.low_hz,
            high_hz=e.high_hz,
            is_mimic=not disease.states[e.finding].present,
        )
        for e in score.events
        if e.end_s > 0.05 and e.start_s < SECONDS - 0.05
    )
    return Recording(digest, samples, RATE_HZ, recorded_at=recorded_at), truth


def _loudness(rng: np.random.Generator, finding: Finding, state: FindingState) -> float:
    """Return how strongly the finding, or what mimics it, is heard, in [0, 1]."""
    chance = float(rng.random())
    jitter = float(rng.normal(0, 0.08))
    mimic = 0.1 + 0.6 * float(rng.beta(1.6, 1.6))
    if state.present:
        audible = float(np.clip(state.strength + jitter, 0.1, 1.0))
        return 0.0 if chance < P_INAUDIBLE[finding] else audible
    return mimic if chance < P_SOUND_MIMIC[finding] else 0.0


def _note(
    score: _Score, kind: SoundKind, finding: Finding, span: tuple[float, float],
    band: tuple[float, float],
) -> None:  # fmt: skip
    score.events.append(TruthSound(kind, finding, *span, *band, is_mimic=False))


# Breath


def _sample_breaths(rng: np.random.Generator) -> list[_Breath]:
    period = float(rng.uniform(1.9, 2.9))
    at = -float(rng.uniform(0, 0.35)) * period
    breaths = []
    while at < SECONDS:
        length = period * float(rng.uniform(0.93, 1.07))
        turn = at + length * float(rng.uniform(0.38, 0.46))
        breaths.append(_Breath(at, turn, at + 0.9 * length))
        at += length
    return breaths


@lru_cache(maxsize=1)
def _frequencies() -> Signal:
    return np.arange(_N // 2 + 1, dtype=np.float64) * (RATE_HZ / _N)


@lru_cache(maxsize=1)
def _times() -> Signal:
    return np.arange(_N) / RATE_HZ


def _noise(rng: np.random.Generator, spectrum: Signal) -> Signal:
    """Return Gaussian noise of that amplitude spectrum; 1 everywhere gives unit variance."""
    parts = rng.standard_normal((2, len(spectrum)))
    parts *= spectrum * np.sqrt(_N / 2)
    result: Signal = np.fft.irfft(parts[0] + 1j * parts[1], _N)
    return result


def _swell(breaths: list[_Breath], *, is_inspiration: bool) -> Signal:
    """Return the envelope of one phase of all breaths: a half sine over each, else 0."""
    result = np.zeros(_N)
    for breath in breaths:
        start, end = (breath.start, breath.turn) if is_inspiration else (breath.turn, breath.end)
        first, last = max(0, int(start * RATE_HZ)), min(_N, int(end * RATE_HZ))
        if first < last:
            phase = (np.arange(first, last) / RATE_HZ - start) / (end - start)
            result[first:last] = np.sin(np.pi * phase)
    return result


def _breathe(
    score: _Score, rng: np.random.Generator, breaths: list[_Breath],
    loudness: Mapping[Finding, float],
) -> None:  # fmt: skip
    solid, fluid, air = (loudness[f] for f in ("consolidation", "effusion", "pneumothorax"))
    hertz = _frequencies()
    level = 1.6 * float(np.exp(rng.normal(0, 0.18)))
    corner = float(rng.uniform(170, 230))
    rise = hertz**2 / (hertz**2 + 80.0**2)
    dull = (1 + (hertz / 180.0) ** 2) ** (-0.9 * fluid)
    dull *= 1 - 0.35 * fluid
    left = 1 - 0.9 * min(1.0, air + 0.12 * (air > 0))
    inward = rise / (1 + (hertz / corner) ** 2)
    bright = corner * (0.8 + 1.4 * solid)
    outward = rise / (1 + (hertz / bright) ** 2)
    breath = _noise(rng, 2.2 * inward * dull) * _swell(breaths, is_inspiration=True)
    breath += _noise(rng, (0.9 + 1.6 * solid) * outward * dull) * _swell(
        breaths, is_inspiration=False
    )
    score.signal += breath * (level * left)
    for b in breaths:
        if air:
            _note(score, "diminished", "pneumothorax", (b.start, b.end), (80, 1200))
        if fluid:
            _note(score, "dull", "effusion", (b.start, b.end), (180, 1200))
        if solid:
            _note(score, "bronchial breathing", "consolidation", (b.turn, b.end), (200, 900))


# Short sounds


def _ring(
    score: _Score, at: Signal, hertz: Signal, decay: Signal, amplitude: Signal, *, rise: float
) -> None:
    """Add damped sines that start at ``at`` seconds; ``rise``: seconds to their peak."""
    if not len(at):
        return
    length = int(RATE_HZ * (rise + 5 * float(decay.max()))) + 1
    t = np.arange(length) / RATE_HZ
    shape = np.exp(-t / decay[:, None]) * np.minimum(1, t / rise if rise else 1)
    shape *= np.sin(2 * np.pi * hertz[:, None] * t) * amplitude[:, None]
    where = np.rint(at * RATE_HZ).astype(np.intp)[:, None] + np.arange(length)
    inside = (where >= 0) & (where < _N)
    score.signal += np.bincount(where[inside], weights=shape[inside], minlength=_N)


def _crackle(
    score: _Score, rng: np.random.Generator, breaths: list[_Breath], loudness: float, *,
    is_fine: bool,
) -> None:  # fmt: skip
    if not loudness:
        return
    for breath in breaths:
        length = breath.turn - breath.start
        # Coarse ones come with the air from the start; fine ones when closed airways open, late.
        early, late = (0.5, 1.0) if is_fine else (0.05, 0.75)
        count = int(rng.poisson((6 + 26 * loudness) if is_fine else (2 + 10 * loudness)))
        at = breath.start + length * rng.uniform(early, late, count)
        if is_fine:
            hertz, decay = rng.uniform(550, 1150, count), rng.uniform(0.0015, 0.003, count)
            amplitude = rng.lognormal(np.log(0.9 + 2.2 * loudness), 0.35, count)
        else:
            hertz, decay = rng.uniform(180, 420, count), rng.uniform(0.005, 0.009, count)
            amplitude = rng.lognormal(np.log(1.5 + 3.2 * loudness), 0.35, count)
        _ring(score, at, hertz, decay, amplitude, rise=0.0005)
        if count and is_fine:
            span = (float(at.min()), float(at.max()) + 0.012)
            _note(score, "fine crackles", "edema", span, (450, 1400))
        elif count:
            span = (float(at.min()), float(at.max()) + 0.03)
            _note(score, "coarse crackles", "consolidation", span, (120, 550))


def _rub(score: _Score, rng: np.random.Generator, breaths: list[_Breath], loudness: float) -> None:
    if not loudness:
        return
    for breath in breaths:  # leather creaks: the pleura sticks and slips around the turn
        start = breath.turn - float(rng.uniform(0.2, 0.35))
        step = 1 / float(rng.uniform(22, 34))
        count = int(0.45 / step)
        at = start + step * (np.arange(count) + rng.uniform(-0.15, 0.15, count))
        hertz, decay = rng.uniform(110, 260, count), rng.uniform(0.008, 0.014, count)
        amplitude = rng.lognormal(np.log(0.4 + 1.5 * loudness), 0.3, count)
        _ring(score, at, hertz, decay, amplitude, rise=0.003)
        _note(score, "rub", "effusion", (start, start + 0.5), (80, 330))


def _wheeze(
    score: _Score, rng: np.random.Generator, breaths: list[_Breath], loudness: float
) -> None:
    if not loudness:
        return
    pitch = float(rng.uniform(380, 720))
    for breath in breaths:
        start = breath.turn + 0.1
        end = start + float(rng.uniform(0.5, 0.8)) * (breath.end - start)
        first, last = max(0, int(start * RATE_HZ)), min(_N, int(end * RATE_HZ))
        if last - first < RATE_HZ // 20:
            continue
        t = _times()[first:last] - start
        glide = pitch * (1 - 0.06 * t / (end - start))
        tone = np.sin(2 * np.pi * glide * t) * np.sin(np.pi * t / (end - start))
        score.signal[first:last] += (0.5 + 1.6 * loudness) * tone
        _note(score, "wheeze", "nodule", (start, end), (pitch * 0.85, pitch * 1.1))


def _beat(score: _Score, rng: np.random.Generator, loudness: float) -> None:
    period = 60 / float(rng.uniform(62, 104))
    at = np.arange(-float(rng.uniform(0, period)), SECONDS, period)
    at = at + rng.normal(0, 0.012, len(at))
    systole = 0.3 * np.sqrt(period)
    level = float(np.exp(rng.normal(0, 0.2))) * (1 + 1.1 * loudness)
    third = 2.6 * loudness
    for delay, hertz, decay, amplitude in (
        (0.0, 55.0, 0.028, 1.5 * level),
        (systole, 75.0, 0.02, 1.1 * level),
        (systole + 0.14, 42.0, 0.035, third),
    ):
        if amplitude:
            shape = np.ones(len(at))
            pitch = hertz * (1 + rng.normal(0, 0.04, len(at)))
            _ring(score, at + delay, pitch, decay * shape, amplitude * shape, rise=0.012)
    if loudness:
        for beat in at:
            end = float(beat + systole)
            _note(score, "loud heart", "cardiomegaly", (float(beat), end + 0.1), (30, 120))
            _note(score, "third heart sound", "cardiomegaly", (end + 0.14, end + 0.28), (25, 80))


def _add_background(score: _Score, rng: np.random.Generator) -> None:
    hertz = _frequencies()
    level = 0.2 * float(np.exp(rng.normal(0, 0.25)))
    score.signal += _noise(rng, level * (0.5 + 1.5 / (1 + (hertz / 120.0) ** 2)))
    count = int(rng.poisson(2.0))  # clicks of handling: like a crackle, but anywhere
    _ring(
        score,
        rng.uniform(0, SECONDS, count),
        rng.uniform(150, 1200, count),
        rng.uniform(0.002, 0.006, count),
        rng.lognormal(np.log(1.6), 0.5, count),
        rise=0.0005,
    )
