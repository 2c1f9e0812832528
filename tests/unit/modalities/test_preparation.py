"""Preparing inputs: the same for training and clinic, and traceable back to the source."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pytest
from tokenizers import Tokenizer

from mmcore.modalities.image import square_image
from mmcore.modalities.note import NoteConfig, choose_note, prepare_note
from mmcore.modalities.observations import ObservationsConfig, prepare_observations, standardise
from mmcore.records import Modality, Note, Observation
from mmcore.train.cohort import CODES
from mmcore.train.sources import LOGARITHMIC
from mmcore.train.tokenizer import train_tokenizer
from tests.tiny import tiny_cohort, tiny_run, tiny_source

CRP = "1988-5"


def crp(value: float, day: int | None = None) -> Observation:
    time = None if day is None else datetime(2026, 1, day, tzinfo=UTC)
    return Observation(CRP, "C-reactive protein", value, "mg/L", time)


@cache
def reader_of_notes() -> tuple[Tokenizer, NoteConfig]:
    config = tiny_run().model.note
    assert config is not None
    return train_tokenizer(tiny_cohort().notes, vocab_size=2048), config


def config(history: int = 1) -> ObservationsConfig:
    scales: dict[str, list[object]] = {CRP: ["log", 2.0, 0.5], "718-7": ["linear", 14.0, 2.0]}
    return ObservationsConfig(codes=[CRP, "718-7"], scales=scales, history=history)


def test_a_monochrome1_twin_is_the_same_image() -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, (40, 40)).astype(np.uint16)
    one = square_image(pixels, size=32, is_inverted=False)
    twin = square_image(4095 - pixels, size=32, is_inverted=True)
    assert twin.values == pytest.approx(one.values, abs=1e-4)


def test_window_and_exposure_do_not_matter() -> None:
    pixels = np.random.default_rng(0).random((40, 40)).astype(np.float32)
    one = square_image(pixels, size=32, is_inverted=False)
    brighter = square_image(pixels * 700 + 300, size=32, is_inverted=False)
    assert brighter.values == pytest.approx(one.values, abs=1e-4)


def test_a_wide_image_is_padded_not_stretched_and_the_box_says_so() -> None:
    prepared = square_image(np.ones((100, 200)), size=32, is_inverted=False)
    assert prepared.box == (-50.0, 0.0, 200.0, 200.0)


def test_tokens_know_the_characters_they_came_from() -> None:
    tokenizer, config = reader_of_notes()
    text = "No Effusion, but fever."
    prepared = prepare_note(text, tokenizer, config)
    assert "".join(text[s:e] for s, e in prepared.spans) == text.replace(" ", "")
    assert prepared.characters_read == len(text)
    assert (prepared.token_ids[len(prepared.spans) :] == 0).all()


def test_a_note_that_is_too_long_says_how_far_it_was_read() -> None:
    tokenizer, config = reader_of_notes()
    text = "fever " * 1000
    prepared = prepare_note(text, tokenizer, config)
    assert len(prepared.spans) == config.max_tokens
    assert 0 < prepared.characters_read < len(text)


def test_a_missing_lab_is_masked_not_zero() -> None:
    prepared = prepare_observations([crp(float(np.exp(2.5)))], config())
    assert prepared.values.tolist() == [[[1.0, 1.0, 0.0]], [[0.0, 0.0, 0.0]]]
    assert prepared.used[1] == (None,)


def test_the_latest_value_of_a_lab_is_read() -> None:
    observations = [crp(10.0, day=2), crp(80.0, day=3), crp(5.0, day=1), crp(1.0)]
    used = prepare_observations(observations, config()).used[0][0]
    assert used is not None
    assert used.value == 80.0


def test_an_absurd_value_is_held_at_five_standard_deviations() -> None:
    assert standardise(1e9, ["linear", 14.0, 2.0]) == 5.0


def test_training_and_clinic_standardise_alike() -> None:
    source, cohort = tiny_source(), tiny_cohort()
    section = source.model.observations
    assert section is not None
    row = 3
    observations = [
        Observation(code, "", float(cohort.values[row, column]), "")
        for column, code in enumerate(CODES)
        if cohort.observed[row, column]
    ]
    prepared = prepare_observations(observations, section)
    stored = source.train.inputs[Modality.OBSERVATIONS][row].numpy()
    assert prepared.values == pytest.approx(stored, abs=1e-5)
    assert {code for code, scale in section.scales.items() if scale[0] == "log"} <= LOGARITHMIC


def test_earlier_values_stand_behind_the_latest_with_their_age() -> None:
    observations = [crp(10.0, day=2), crp(80.0, day=3), crp(5.0, day=1)]
    prepared = prepare_observations(observations, config(history=4))
    assert [o.value for o in prepared.used[0] if o is not None] == [80.0, 10.0, 5.0]
    assert prepared.values[0, :, 1].tolist() == [1.0, 1.0, 1.0, 0.0]
    assert prepared.values[0, :, 2] == pytest.approx([0.0, np.log(2), np.log(3), 0.0])


def test_a_trend_is_evidence_of_its_earlier_values() -> None:
    prepared = prepare_observations([crp(80.0, day=3), crp(10.0, day=2)], config(history=2))
    attribution = np.zeros(prepared.values.shape)
    attribution[0, 0], attribution[0, 1] = (0.5, 0.1, 0.0), (0.0, 0.0, -0.9)
    items = prepared.name_parts(attribution).items
    assert [item.what for item in items] == [
        "C-reactive protein, earlier value", "C-reactive protein",
    ]  # fmt: skip
    assert [item.signed for item in items] == pytest.approx([-0.9, 0.6])
    assert items[0].where == (CRP, "2026-01-02T00:00:00+00:00")


def test_a_tokenizer_may_pad_with_what_it_likes() -> None:
    tokenizer, section = reader_of_notes()
    padded = prepare_note("fever", tokenizer, replace(section, pad_id=7))
    assert (padded.token_ids[1:] == 7).all()


def test_a_lab_dated_in_the_year_one_is_older_than_the_others() -> None:
    placeholder = replace(crp(10.0), time=datetime(1, 1, 1, tzinfo=UTC))
    used = prepare_observations([crp(80.0, day=3), placeholder], config()).used[0][0]
    assert used is not None
    assert used.value == 80.0


def test_a_note_dated_in_the_year_one_is_older_than_the_others() -> None:
    early = Note("a", "early", authored_at=datetime(1, 1, 1))
    late = Note("b", "late", authored_at=datetime(2024, 1, 1))
    assert choose_note([early, late]) is late


@pytest.mark.parametrize(
    "filler", ["fever and cough, ", "a\n", " \n" * 900 + "x ", "Herz-Insuffizienz", "心不全"]
)
def test_the_start_of_a_long_note_is_read_as_if_all_of_it_were_tokenised(filler: str) -> None:
    tokenizer, config = reader_of_notes()
    text = filler * (100_000 // len(filler))
    whole = tokenizer.encode(text, add_special_tokens=False)
    prepared = prepare_note(text, tokenizer, config)
    count = len(prepared.spans)
    assert prepared.token_ids[:count].tolist() == whole.ids[: config.max_tokens]
    assert list(prepared.spans) == whole.offsets[: config.max_tokens]
    is_cut = len(whole.ids) > config.max_tokens
    assert prepared.characters_read == (prepared.spans[-1][1] if is_cut else len(text))


def test_a_note_of_ten_megabytes_does_not_keep_others_waiting() -> None:
    tokenizer, config = reader_of_notes()
    started = time.perf_counter()
    prepare_note("fever and cough. " * 600_000, tokenizer, config)
    assert time.perf_counter() - started < 1.0
