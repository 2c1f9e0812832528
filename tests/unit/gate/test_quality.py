"""Whether an image is a film that a model can read, by its pixels."""

from dataclasses import replace

import numpy as np
import pytest

from mmcore.gate.quality import (
    DOUBTFUL,
    FORBIDDING,
    GOOD,
    MEASURES,
    SIDE,
    FloatArray,
    Quality,
    from_arrays,
    measure,
    shrink,
    standard_measures,
    to_arrays,
    tones_of,
)

SIDES = np.random.default_rng(0).normal(size=(3, 7, 7)).astype(np.float32)


@pytest.fixture
def square() -> FloatArray:
    y, x = np.mgrid[-1:1:224j, -1:1:224j]
    lungs = np.exp(-((np.abs(x) - 0.4) ** 2) / 0.05 - y**2 / 0.4)
    heart = np.exp(-((x - 0.2) ** 2 + (y - 0.3) ** 2) / 0.05)
    return (heart - lungs).astype(np.float32)


@pytest.fixture
def quality(square: FloatArray) -> Quality:
    """Return a model that calls what correlates with the mean film good, and all else inverted."""
    weights = np.zeros((2, 2 * MEASURES), np.float32)
    weights[0, 10], weights[1, 10] = 5.0, -5.0  # the correlation as it lies
    small = shrink(square)
    return Quality(
        template=small,
        sides=SIDES,
        center=np.zeros(MEASURES, np.float32),
        scale=np.ones(MEASURES, np.float32),
        weights=weights,
        bias=np.zeros(2, np.float32),
        classes=(GOOD, "inverted"),
        threshold=0.5,
    )


def _measured(square: FloatArray, quality: Quality) -> FloatArray:
    return measure(square, tones_of(square), None, 0.5, quality.template)


def test_grey_values_are_measured_in_their_own_range() -> None:
    frame = np.arange(600.0).reshape(20, 30)
    assert tones_of(frame) == pytest.approx(tones_of(4000.0 + 7.0 * frame), abs=1e-5)


def test_clipped_and_padded_frames_show_in_the_tones() -> None:
    frame = np.random.default_rng(0).random((100, 100))
    dark, light, *_, flat = tones_of(frame)
    assert dark < 0.02
    assert light < 0.02
    assert flat == 0.0
    assert tones_of(np.maximum(frame, 0.5))[0] == pytest.approx(0.5, abs=0.05)
    assert tones_of(np.minimum(frame, 0.5))[1] == pytest.approx(0.5, abs=0.05)
    assert tones_of(np.pad(frame, ((100, 0), (0, 0))))[-1] == pytest.approx(0.5)


def test_a_constant_frame_is_measured_too(quality: Quality) -> None:
    square = np.zeros((224, 224), np.float32)
    assert np.isfinite(_measured(square, quality)).all()


def test_measures_do_not_depend_on_the_unit_of_the_square(
    square: FloatArray, quality: Quality
) -> None:
    scaled = (3.0 * square - 2.0).astype(np.float32)
    own, other = _measured(square, quality), _measured(scaled, quality)
    assert len(own) == MEASURES
    assert own == pytest.approx(other, abs=1e-3)


def test_the_mean_film_is_most_like_itself_as_it_lies(square: FloatArray, quality: Quality) -> None:
    likeness = _measured(square, quality)[10:18]
    assert likeness[0] == pytest.approx(1.0, abs=1e-5)
    assert likeness.argmax() == 0
    turned = _measured(np.rot90(square).copy(), quality)[10:18]
    assert turned.argmax() != 0
    assert turned.max() == pytest.approx(1.0, abs=1e-5)


def test_a_film_seen_the_other_way_round_is_called_mirrored(
    square: FloatArray, quality: Quality
) -> None:
    side = 10 + 8 + 1 + 5
    weights = np.zeros((2, 2 * MEASURES), np.float32)
    weights[0, side], weights[1, side] = 5.0, -5.0
    sided = replace(quality, weights=weights, classes=(GOOD, "mirrored"))
    assert sided.judge(square, tones_of(square), None, SIDES)[0] == GOOD
    assert sided.judge(square, tones_of(square), None, -SIDES)[0] == "mirrored"


def test_the_outline_says_how_much_lung_there_is_and_where(
    square: FloatArray, quality: Quality
) -> None:
    lungs = np.zeros((56, 56), np.float32)
    lungs[10:40, 0:20] = 1.0
    tones = tones_of(square)
    area, left, right, sure, _, _, at_left, at_right, *_ = measure(
        square, tones, lungs, 0.0, quality.template
    )[-11:]
    assert area == pytest.approx(30 * 20 / 56**2)
    assert left > 0
    assert right == 0.0
    assert sure == 1.0
    assert at_left == pytest.approx(30 / 56)
    assert at_right == 0.0
    nothing = measure(square, tones, None, 0.0, quality.template)[-11:]
    assert not nothing.any()


def test_what_is_not_good_is_named(square: FloatArray, quality: Quality) -> None:
    assert quality.judge(square, tones_of(square), None, SIDES)[0] == GOOD
    name, good = quality.judge(-square, tones_of(-square), None, SIDES)
    assert name == "inverted"
    assert good < 0.5


def test_a_measure_far_out_says_no_more_than_one_at_the_limit() -> None:
    center, scale = np.zeros(1, np.float32), np.ones(1, np.float32)
    rows = np.array([[-9.0], [-1e9], [2.0]], np.float32)
    assert standard_measures(rows, center, scale).tolist() == [[-8, 8], [-8, 8], [2, 2]]


def test_every_fault_that_is_planted_has_its_words() -> None:
    from mmcore.datasets.faults import FAULTS

    assert set(FAULTS) == {*FORBIDDING, *DOUBTFUL}


def test_what_a_pack_stores_comes_back(quality: Quality) -> None:
    back = from_arrays(to_arrays(quality))
    assert back is not None
    assert back.classes == quality.classes
    assert np.array_equal(back.weights, quality.weights)
    assert from_arrays({}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 0.0},
        {"classes": ("inverted", GOOD)},
        {"classes": (GOOD, "unknown")},
        {"scale": np.zeros(MEASURES, np.float32)},
        {"bias": np.array([np.nan, 0.0], np.float32)},
        {"template": np.zeros((SIDE, SIDE - 1), np.float32)},
    ],
)
def test_a_damaged_one_is_not_sound(quality: Quality, change: dict[str, object]) -> None:
    assert quality.is_sound
    assert not replace(quality, **change).is_sound
