"""A sound file gives the samples that a reference reader gives, or one named refusal, in time."""

import io
import struct
from datetime import datetime

import numpy as np
import pytest
import soundfile

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake import RawFile, case_from_files
from mmcore.intake.parts import RecordingPart
from mmcore.intake.worker import decode_recording
from mmcore.records import FileVerdict
from tests.clocks import computed_within
from tests.unit.intake.make_sound import chunk, make_flac, make_wave, raw_wave, tone

EXTENSIBLE_WITHOUT_ITS_END = struct.pack("<HHIIHH", 0xFFFE, 1, 4000, 8000, 2, 16)


def read(data: bytes) -> RecordingPart:
    return decode_recording(data, digest="d", title="breath")


def refusal(data: bytes, *, seconds: float = 2.0) -> FileRefusedError:
    read(make_wave())
    with computed_within(seconds), pytest.raises(FileRefusedError) as caught:
        read(data)
    return caught.value


def reference(data: bytes) -> np.ndarray:
    samples, _ = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
    return samples.mean(axis=1).astype(np.float32)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE",
                                     "ULAW", "ALAW"])  # fmt: skip
@pytest.mark.parametrize("channels", [1, 2])
def test_wave_is_read_as_the_reference_reads_it(subtype: str, channels: int) -> None:
    data = make_wave(tone(channels=channels), subtype=subtype)
    found = read(data).recording
    assert np.array_equal(found.samples, reference(data))
    assert (found.sample_rate_hz, found.seconds) == (4000, 1.0)
    assert found.samples.dtype == np.float32


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("channels", [1, 2])
def test_flac_is_read_as_the_reference_reads_it(subtype: str, channels: int) -> None:
    data = make_flac(tone(channels=channels), subtype=subtype)
    assert np.array_equal(read(data).recording.samples, reference(data))


def test_extensible_wave_is_read() -> None:
    data = make_wave(form="WAVEX")
    assert np.array_equal(read(data).recording.samples, reference(data))


def test_channels_are_averaged_and_that_is_said() -> None:
    part = read(make_wave(tone(channels=2)))
    assert part.recording.notices == ("The recording has 2 channels, which were averaged.",)
    assert read(make_wave()).recording.notices == ()


def test_what_the_file_says_of_patient_and_time_is_read() -> None:
    data = make_wave(comment="Taken at rest; Patient ID: 00123", date="2024-05-01 08:30")
    part = read(data)
    assert part.identity.patient_ids == {"00123"}
    assert part.patient.patient_id == "00123"
    assert part.recording.recorded_at == datetime(2024, 5, 1, 8, 30)
    assert not read(make_wave()).identity.is_known


def test_a_float_recording_beyond_full_scale_is_scaled_and_that_is_said() -> None:
    part = read(make_wave(4 * tone(), subtype="FLOAT"))
    assert np.abs(part.recording.samples).max() == pytest.approx(1)
    assert "louder than full scale" in part.recording.notices[0]


def test_a_clipped_recording_is_pointed_out() -> None:
    part = read(make_wave(np.clip(4 * tone(), -1, 1)))
    assert "too loud" in part.recording.notices[0]


# Refusals


def test_a_recording_in_which_nothing_sounds_is_refused() -> None:
    rng = np.random.default_rng(0)
    for samples in (np.zeros(4000), np.full(4000, 0.5), 1e-5 * rng.standard_normal(4000)):
        for make in (make_wave, make_flac):
            assert refusal(make(samples)).code == RefusalCode.SILENT_RECORDING


def test_channels_that_cancel_each_other_are_silence() -> None:
    both = np.stack([tone(), -tone()], axis=1)
    assert refusal(make_wave(both, subtype="FLOAT")).code == RefusalCode.SILENT_RECORDING


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(value: float) -> None:
    samples = tone()
    samples[100] = value
    for subtype in ("FLOAT", "DOUBLE"):
        assert refusal(make_wave(samples, subtype=subtype)).code == RefusalCode.NON_FINITE


def test_samples_beyond_any_scale_are_refused() -> None:
    samples = tone()
    samples[100] = 1e300
    assert refusal(make_wave(samples, subtype="DOUBLE")).code == RefusalCode.CORRUPT


@pytest.mark.parametrize(("rate", "seconds"), [(999, 2), (8, 1000), (200_000, 1)])
def test_rates_at_which_nothing_can_be_heard_are_refused(rate: int, seconds: float) -> None:
    data = raw_wave(rate=rate, data=b"\1\2" * int(rate * seconds))
    assert refusal(data).code == RefusalCode.RECORDING_RATE


def test_length_is_bounded_on_both_sides() -> None:
    assert refusal(raw_wave(data=b"")).code == RefusalCode.RECORDING_TOO_SHORT
    assert refusal(make_wave(tone(0.4))).code == RefusalCode.RECORDING_TOO_SHORT
    assert refusal(make_flac(tone(0.4))).code == RefusalCode.RECORDING_TOO_SHORT
    assert read(make_wave(tone(0.5))).recording.seconds == 0.5
    assert read(make_wave(tone(120))).recording.seconds == 120
    assert refusal(make_wave(tone(120.1))).code == RefusalCode.RECORDING_TOO_LONG
    assert refusal(make_flac(tone(120.1))).code == RefusalCode.RECORDING_TOO_LONG


def test_a_file_is_bounded_before_it_is_parsed() -> None:
    data = raw_wave(before=chunk(b"junk", bytes(128 * 2**20)))
    assert refusal(data).code == RefusalCode.TOO_LARGE


@pytest.mark.parametrize("tag", [0, 2, 0x11, 0x31, 0x55, 0xFF, 0xFFFF])
def test_compressed_wave_is_refused_by_name(tag: int) -> None:
    assert refusal(raw_wave(tag=tag)).code == RefusalCode.UNSUPPORTED_SOUND


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (raw_wave(channels=0, block=2), RefusalCode.CORRUPT),
        (raw_wave(block=0), RefusalCode.CORRUPT),
        (raw_wave(block=3), RefusalCode.CORRUPT),
        (raw_wave(bits=12, block=2), RefusalCode.UNSUPPORTED_SOUND),
        (raw_wave(bits=0, block=2), RefusalCode.UNSUPPORTED_SOUND),
        (raw_wave(channels=9, data=b"\1\2" * 9 * 4000), RefusalCode.UNSUPPORTED_SOUND),
        (raw_wave(channels=32767), RefusalCode.CORRUPT),
        (raw_wave(rate=0), RefusalCode.RECORDING_RATE),
        (raw_wave(rate=2**32 - 1), RefusalCode.RECORDING_RATE),
        (raw_wave(data_size=2**32 - 1), RefusalCode.CORRUPT),
        (raw_wave(riff_size=2**32 - 1), RefusalCode.CORRUPT),
        (raw_wave(riff_size=0, data_size=0), RefusalCode.RECORDING_TOO_SHORT),
        (raw_wave(data=b"\1\2" * 4000 + b"\1"), RefusalCode.CORRUPT),
        (raw_wave(layout=b"\1\0\1\0"), RefusalCode.CORRUPT),
        (raw_wave(layout=EXTENSIBLE_WITHOUT_ITS_END), RefusalCode.CORRUPT),
        (raw_wave(before=chunk(b"data", b"\1\2" * 4000)), RefusalCode.CORRUPT),
        (raw_wave(before=chunk(b"fmt ", bytes(16))), RefusalCode.UNSUPPORTED_SOUND),
        (raw_wave(before=chunk(b"junk", b"") * 1001), RefusalCode.CORRUPT),
        (b"RIFF\4\0\0\0WAVE", RefusalCode.CORRUPT),
        (b"fLaC", RefusalCode.CORRUPT),
        (b"fLaC" + bytes(100), RefusalCode.CORRUPT),
    ],
)  # fmt: skip
def test_a_header_that_can_not_be_true_is_refused(data: bytes, code: RefusalCode) -> None:
    assert refusal(data).code == code


def test_flac_of_an_unfinished_length_is_refused() -> None:
    data = bytearray(make_flac())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    assert refusal(bytes(data)).code == RefusalCode.CORRUPT


def test_flac_that_states_more_than_it_holds_is_refused() -> None:
    data = bytearray(make_flac())
    data[22:26] = struct.pack(">I", 8000)
    assert refusal(bytes(data)).code == RefusalCode.CORRUPT


def test_flac_of_billions_of_samples_is_refused_before_memory_is_taken() -> None:
    data = bytearray(make_flac())
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4
    assert refusal(bytes(data)).code == RefusalCode.RECORDING_TOO_LONG


def test_flac_whose_sound_is_not_what_its_checksum_says_is_refused() -> None:
    data = bytearray(make_flac())
    data[26] ^= 1
    assert refusal(bytes(data)).code == RefusalCode.CORRUPT


@pytest.mark.parametrize("make", [make_wave, make_flac])
def test_every_cut_of_a_file_is_refused_by_name(make) -> None:
    rng = np.random.default_rng(3)
    data = make(0.2 * rng.standard_normal(4000))
    cuts = {*range(4, 80), *rng.integers(80, len(data) - 1, 60).tolist()}
    with computed_within(10):
        for cut in sorted(cuts):
            with pytest.raises(FileRefusedError) as caught:
                read(data[:cut])
            assert caught.value.code == RefusalCode.CORRUPT


@pytest.mark.parametrize("make", [make_wave, make_flac])
def test_a_mutated_file_is_read_or_refused_and_the_process_lives_on(make) -> None:
    rng = np.random.default_rng(4)
    whole = make(0.2 * rng.standard_normal(3000))
    codes = set()
    with computed_within(30):
        for trial in range(300):
            data = bytearray(whole)
            for _ in range(int(rng.integers(1, 6))):
                place = int(rng.integers(0, 120 if trial % 2 else len(data)))
                data[place] = int(rng.integers(256))
            data[:4] = whole[:4]
            try:
                found = read(bytes(data)).recording
            except FileRefusedError as error:
                codes.add(error.code)
            else:
                assert np.isfinite(found.samples).all()
                assert np.abs(found.samples).max() <= 1
    assert codes
    assert not codes & {RefusalCode.DECODE_CRASHED, RefusalCode.DECODE_TIMEOUT}


# In a case


def test_a_recording_is_recognised_by_content_and_joins_the_case() -> None:
    for name, data in (("a.bin", make_wave()), ("b.txt", make_flac())):
        case = case_from_files([RawFile(name, data)])
        assert [(f.kind, f.verdict) for f in case.files] == [("recording", FileVerdict.USED)]
        assert case.recordings[0].title == name
        assert case.recordings[0].digest == case.files[0].digest


def test_recordings_are_newest_first() -> None:
    files = [
        RawFile("undated", make_wave(tone(0.7))),
        RawFile("old", make_wave(tone(0.8), date="2020-01-01")),
        RawFile("new", make_wave(tone(0.9), date="2024-01-01")),
    ]
    assert [r.title for r in case_from_files(files).recordings] == ["new", "old", "undated"]


def test_a_recording_of_another_patient_is_refused() -> None:
    note = RawFile("note.txt", b"MRN: 00777\nFINDINGS: clear lungs.")
    table = RawFile("labs.csv", b"mrn,name,value,unit\n00777,K,4.1,mmol/L\n")
    sound = RawFile("sound.wav", make_wave(comment="Patient ID: 00123"))
    case = case_from_files([note, table, sound])
    assert case.files[2].code == RefusalCode.PATIENT_MISMATCH
    assert case.recordings == ()
    assert "00123" not in case.files[2].reason


def test_notices_of_a_recording_reach_the_case() -> None:
    case = case_from_files([RawFile("s.wav", make_wave(tone(channels=2)))])
    assert "The recording has 2 channels, which were averaged." in case.notices


def test_decoded_sound_counts_towards_what_a_case_may_hold(monkeypatch) -> None:
    monkeypatch.setattr("mmcore.intake.case_bounds.MAX_CASE_PIXEL_BYTES", 8000)
    case = case_from_files([RawFile(str(n), make_flac(tone(0.6 + n / 10))) for n in range(2)])
    assert [f.code for f in case.files] == [None, RefusalCode.TOO_LARGE]
