"""Preparing inputs: the same for training and clinic, and traceable back to the source."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pytest
from tokenizers import Tokenizer

from mmcore.datasets.phantoms import phantom_case
from mmcore.errors import ConfigError
from mmcore.modalities.image import square_image
from mmcore.modalities.note import NoteConfig, choose_note, prepare_note
from mmcore.modalities.observations import ObservationsConfig, prepare_observations, standardise
from mmcore.model.config import ModelConfig
from mmcore.records import Modality, Note, Observation
from mmcore.simulate import PhantomPatient, sample_patient
from mmcore.train.cohort import CODES
from mmcore.train.dataset import from_cohort
from mmcore.train.sources import LOGARITHMIC
from mmcore.train.tokenizer import train_tokenizer
from tests.clocks import computed_within
from tests.tiny import SEED as TINY_SEED
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
    section = replace(section, history=1)
    row = 3
    observations = [
        Observation(code, "", float(cohort.values[row, column]), "")
        for column, code in enumerate(CODES)
        if cohort.observed[row, column]
    ]
    prepared = prepare_observations(observations, section)
    stored = source.train.inputs[Modality.OBSERVATIONS][row].numpy()
    assert prepared.values[..., :2] == pytest.approx(stored[:, :1, :2], abs=1e-5)
    assert {code for code, scale in section.scales.items() if scale[0] == "log"} <= LOGARITHMIC


@cache
def tiny_patients() -> tuple[PhantomPatient, ...]:
    return tuple(sample_patient(TINY_SEED, row, rows=64) for row in range(12))


@pytest.mark.parametrize("history", [1, 2, 4])
def test_a_course_is_read_in_training_exactly_as_in_clinic(history: int) -> None:
    tiny = tiny_source().model
    section = tiny.observations
    assert section is not None
    section = replace(section, history=history, history_hours=40.0)
    model = ModelConfig(tiny.targets, tiny.fusion, {Modality.OBSERVATIONS: section})
    stored = from_cohort(tiny_cohort(), model, None).inputs[Modality.OBSERVATIONS].numpy()
    for row, patient in enumerate(tiny_patients()):
        read = prepare_observations(phantom_case(patient).observations, section)
        assert np.array_equal(read.values, stored[row])
    assert stored.shape[2] == history
    assert (stored[:, :, :, 1].sum((0, 1)) > 0).all()


def test_an_earlier_value_is_read_as_the_change_since_with_its_age() -> None:
    values = np.exp([2.0, 1.5, 4.0])  # 0, -1 and 4 standard deviations
    observations = [crp(values[1], day=2), crp(values[0], day=3), crp(values[2], day=1)]
    prepared = prepare_observations(observations, config(history=4))
    assert [o.value for o in prepared.used[0] if o is not None] == list(values)
    assert prepared.values[0, :, 0] == pytest.approx([0.0, 1.0, -4.0, 0.0], abs=1e-6)
    assert prepared.values[0, :, 1].tolist() == [1.0, 1.0, 1.0, 0.0]
    assert prepared.values[0, :, 2] == pytest.approx([0.0, np.log(2), np.log(3), 0.0])


def test_a_large_change_is_told_from_a_larger_one_beyond_the_range_of_values() -> None:
    # 6 and 8 standard deviations: as values both are held at 5, but one is 2 above the other.
    values = np.exp([2.0 + 0.5 * 8, 2.0 + 0.5 * 6])
    prepared = prepare_observations(
        [crp(values[0], day=3), crp(values[1], day=2)], config(history=2)
    )
    assert prepared.values[0, :, 0] == pytest.approx([5.0, 2.0], abs=1e-5)


def test_a_trend_is_one_piece_of_evidence_beside_the_value() -> None:
    observations = [crp(80.0, day=3), crp(10.0, day=2), crp(8.0, day=1)]
    prepared = prepare_observations(observations, config(history=4))
    attribution = np.zeros(prepared.values.shape)
    attribution[0, 0], attribution[0, 1] = (0.5, 0.1, 0.0), (0.0, 0.0, -0.9)
    attribution[0, 2] = (0.2, 0.0, 0.0)
    items = prepared.name_parts(attribution).items
    assert [item.what for item in items] == [
        "C-reactive protein, rising over 48 h", "C-reactive protein",
    ]  # fmt: skip
    assert [item.signed for item in items] == pytest.approx([-0.7, 0.6])
    assert items[0].where == (CRP, "2026-01-01T00:00:00+00:00")
    assert items[1].where == (CRP, "2026-01-03T00:00:00+00:00")


@pytest.mark.parametrize(
    ("z", "way"), [(-0.5, "rising"), (-0.2, "steady"), (0.2, "steady"), (0.5, "falling")]
)
def test_a_course_goes_the_way_of_its_earliest_value(z: float, way: str) -> None:
    observations = [crp(float(np.exp(2.0)), day=3), crp(float(np.exp(2.0 + 0.5 * z)), day=2)]
    prepared = prepare_observations(observations, config(history=2))
    names = {item.what for item in prepared.name_parts(np.zeros((2, 2, 3))).items}
    assert names == {"C-reactive protein", f"C-reactive protein, {way} over 24 h"}


def test_what_is_undated_old_or_of_the_same_moment_is_no_part_of_a_course() -> None:
    twice = [crp(80.0, day=9), crp(70.0, day=9)]
    others = [crp(10.0), crp(9.0, day=1)]
    prepared = prepare_observations([*twice, *others], config(history=4))
    assert [o and o.value for o in prepared.used[0]] == [80.0, None, None, None]
    undated = prepare_observations([crp(10.0), crp(20.0)], config(history=4))
    assert [o and o.value for o in undated.used[0]] == [20.0, None, None, None]


def test_a_history_of_no_hours_is_refused() -> None:
    with pytest.raises(ConfigError, match="history_hours"):
        ObservationsConfig(codes=[CRP], scales={}, history=2, history_hours=float("nan"))


def test_lungs_are_outlined_for_training_and_what_nobody_outlines_is_refused() -> None:
    model = tiny_source().model
    assert model.segmentation is not None
    assert model.segmentation.regions[-1] == "lungs"
    regions = tiny_source().train.regions
    assert regions is not None
    assert np.array_equal(regions[:, -1].numpy(), tiny_cohort().lungs)
    shares = tiny_cohort().lungs.mean((1, 2)) / 255
    assert 0.12 < shares.min() < shares.max() < 0.4
    spleen = replace(model, segmentation=replace(model.segmentation, regions=("spleen",)))
    with pytest.raises(ConfigError, match="spleen"):
        from_cohort(tiny_cohort(), spleen, tiny_source().tokenizer)


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
    with computed_within(1.0):
        prepare_note("fever and cough. " * 600_000, tokenizer, config)
