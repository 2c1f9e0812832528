"""Where a sound and a map of it are drawn: the axes tell the truth."""

import io
import wave

import numpy as np
import pytest

from mmcore.modalities.recording import RecordingConfig, as_model_input, band_edges
from mmcore.records import Parts, Recording
from mmcore.report.spectrogram import (
    MAX_COLUMNS,
    SHOWN_SECONDS,
    SoundMap,
    band_bounds,
    height_of,
    place,
    sound_map,
    spectrogram,
    wav_bytes,
)
from tests.unit.report.factories import IMAGE, RECORDING, make_recording


def tone(
    hertz: float, first: float, last: float, *, rate: int = 4000, seconds: float = 6.0
) -> Recording:
    """Return a tone over faint noise, between two seconds."""
    time = np.arange(round(rate * seconds)) / rate
    sound = 0.2 * np.sin(2 * np.pi * hertz * time) * ((time >= first) & (time < last))
    noise = np.random.default_rng(1).normal(0, 1e-4, len(time))
    return make_recording(samples=(sound + noise).astype(np.float32), sample_rate_hz=rate)


@pytest.mark.parametrize("rate", [4000, 8000, 44_100])
@pytest.mark.parametrize("hertz", [90.0, 400.0, 1500.0])
def test_a_tone_is_drawn_at_its_second_and_its_frequency(rate: int, hertz: float) -> None:
    shown = spectrogram(tone(hertz, 2.0, 3.0, rate=rate))
    row = int(shown.levels.max(axis=1).argmax())
    step = shown.edges_hz[row + 1] - shown.edges_hz[row]
    assert shown.edges_hz[row] - step <= hertz <= shown.edges_hz[row + 1] + step
    loud = np.flatnonzero(shown.levels[row] > 230) * shown.seconds / shown.levels.shape[1]
    assert loud.min() == pytest.approx(2.0, abs=0.05)
    assert loud.max() == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize("hertz", [90.0, 400.0, 1500.0])
def test_the_models_loudest_cell_lies_on_the_drawn_tone(hertz: float) -> None:
    recording, config = tone(hertz, 2.0, 3.0), RecordingConfig()
    heard = as_model_input(recording.samples, recording.sample_rate_hz, config)
    only = np.where(heard == heard.max(), 1.0, 0.0).astype(np.float32)
    shown = spectrogram(recording)
    over = SoundMap(only, band_bounds(config.n_mels, config.sample_rate_hz / 2), 0.0, 6.0)
    placed = place(shown, over)
    assert placed.any()
    assert shown.levels[placed > 0].max() > 230


def test_the_bounds_of_a_band_lie_around_its_peak_and_meet() -> None:
    bounds, edges = band_bounds(32, 2000.0), band_edges(4000, 32)
    assert len(bounds) == 33
    for band in range(32):
        assert bounds[band] < edges[band + 1] < bounds[band + 1]


def test_a_map_of_the_first_seconds_covers_only_those() -> None:
    shown = spectrogram(tone(400, 2, 3, seconds=12.0))
    over = SoundMap(np.ones((4, 6), np.float32), band_bounds(4, 2000.0), 0.0, 6.0)
    has_map = place(shown, over).any(axis=0)
    assert has_map[: len(has_map) // 2].all()
    assert not has_map[len(has_map) // 2 :].any()


def test_a_click_of_a_millisecond_is_seen_in_half_a_minute() -> None:
    samples = np.random.default_rng(0).normal(0, 1e-4, 4000 * 40).astype(np.float32)
    samples[40_001:40_005] = 0.5  # at ten seconds
    shown = spectrogram(make_recording(samples=samples))
    assert shown.seconds == SHOWN_SECONDS
    assert shown.levels.shape[1] <= MAX_COLUMNS
    column = int(10.0 / shown.seconds * shown.levels.shape[1])
    assert shown.levels[:, column - 1 : column + 2].mean() > 2 * shown.levels.mean()


def test_what_a_low_sampling_rate_can_not_hold_is_silent() -> None:
    shown = spectrogram(tone(200, 1, 2, rate=1000))
    above = np.array(shown.edges_hz[:-1]) > 500
    assert above.any()
    assert not shown.levels[above].any()


def test_the_axis_is_even_in_mel_from_its_low_end_to_its_top() -> None:
    edges = spectrogram(make_recording()).edges_hz
    assert height_of(0.0, edges) == 0.0
    assert height_of(2000.0, edges) == pytest.approx(1.0)
    assert height_of(1000.0, edges) == pytest.approx(1000 / 1521.4, abs=1e-3)  # 1000 Hz is 1000 mel


def test_what_is_played_is_what_was_recorded() -> None:
    recording = make_recording()
    with wave.open(io.BytesIO(wav_bytes(recording))) as file:
        assert (file.getframerate(), file.getnchannels()) == (4000, 1)
        played = np.frombuffer(file.readframes(file.getnframes()), "<i2") / (2.0**15 - 1)
    np.testing.assert_allclose(played, recording.samples, atol=2e-5)


def test_only_a_recordings_part_that_passed_has_a_map_of_sound() -> None:
    grid = np.ones((4, 6), np.float32)
    box = (0.0, 0.0, 2000.0, 6.0)
    good = Parts(RECORDING, 1.0, 0.0, True, "", (), 8, grid, box)
    failed = Parts(RECORDING, 1.0, 0.0, False, "why", (), 8, grid, box)
    image = Parts(IMAGE, 1.0, 0.0, True, "", (), 8, grid, box)
    bare = Parts(RECORDING, 1.0, 0.0, True, "", (), 8)
    assert sound_map(good) is not None
    assert [sound_map(p) for p in (failed, image, bare, None)] == [None] * 4
