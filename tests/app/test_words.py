"""Words, colours and small numbers, without a page."""

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import numpy as np
import pytest

from dashboard import evidence, formatting, markup, messages
from dashboard.components import labs
from dashboard.viewer.packing import browser_values, pack, unpack
from mmcore.courses import Course, courses_of
from mmcore.errors import RefusalCode
from mmcore.records import (
    FileVerdict,
    GateVerdict,
    Modality,
    Observation,
    PartItem,
)
from tests.app import factory


@pytest.mark.parametrize("code", list(RefusalCode))
def test_every_refusal_code_has_words(code: RefusalCode) -> None:
    words = messages.REFUSAL[code]
    assert words.endswith(".")
    assert code not in words, "words, not the code"


def test_every_verdict_and_modality_has_words() -> None:
    assert set(messages.GATE) == set(GateVerdict)
    assert set(messages.FILE_VERDICT) == set(FileVerdict)
    assert all(m.display and m.subject and m.inside and m.absent for m in Modality)


def test_text_is_escaped_and_markup_is_not() -> None:
    inner = markup.element("b", "<i>")
    assert markup.element("p", inner, "&", title='"') == (
        '<p title="&quot;"><b>&lt;i&gt;</b>&amp;</p>'
    )


def test_a_plain_string_is_not_drawn_as_html() -> None:
    with pytest.raises(TypeError, match="only Markup"):
        markup.show("<b>x</b>")  # type: ignore[arg-type] # the point of the test


def test_words_sum_to_tokens_whatever_the_tokens_cover() -> None:
    rng = np.random.default_rng(3)
    text = factory.NOTE
    items = []
    for _ in range(200):
        start = int(rng.integers(0, len(text) - 1))
        end = min(len(text), start + int(rng.integers(1, 25)))
        items.append(PartItem("", (start, end), float(rng.normal())))
    words = evidence.words(text, items)
    assert sum(w.signed for w in words) == pytest.approx(sum(i.signed for i in items))


def test_a_phrase_is_neighbouring_strong_words_of_one_direction() -> None:
    text = "no acute fever today"
    weights = {"acute": 1.0, "fever": 0.5, "today": -0.8}
    items = [PartItem(w, (text.index(w), text.index(w) + len(w)), v) for w, v in weights.items()]
    phrases = evidence.phrases(text, evidence.words(text, items))
    assert [(text[p.start : p.end], p.signed) for p in phrases] == [
        ("acute fever", 1.5), ("today", -0.8)
    ]  # fmt: skip


def test_a_phrase_is_of_one_mark_though_its_words_all_push_the_same_way() -> None:
    text = "no fever cough"
    items = [PartItem("no fever", (0, 8), 1.0, "negated"), PartItem("cough", (9, 14), 1.0)]
    phrases = evidence.phrases(text, evidence.words(text, items))
    assert [(text[p.start : p.end], p.mark) for p in phrases] == [
        ("no fever", "negated"), ("cough", "")
    ]  # fmt: skip


def test_an_observation_the_model_did_not_use_has_no_contribution() -> None:
    case = factory.case()
    time = case.observations[1].time
    assert time is not None
    rows = evidence.of_observations(
        case.observations, [PartItem("", ("6690-2", time.isoformat()), 0.4)]
    )
    assert rows[0].course.latest.loinc == "6690-2"
    assert [row.value for row in rows] == [0.4, None, None, None, None]


def test_a_code_has_one_row_whose_course_never_counts_as_its_value() -> None:
    taken = [factory.TAKEN - timedelta(hours=hours) for hours in (0, 24, 12)]
    given = [
        Observation("1988-5", "C-reactive protein", value, "mg/L", time)
        for value, time in zip((164.0, 80.0, 120.0), taken, strict=True)
    ]
    items = (
        PartItem("C-reactive protein, rising over 24 h", ("1988-5", taken[1].isoformat()), 0.3),
        PartItem("C-reactive protein", ("1988-5", taken[0].isoformat()), -0.1),
    )
    (row,) = evidence.of_observations(given, items)
    assert [o.value for o in row.course.values] == [80.0, 120.0, 164.0]
    assert row.value == -0.1
    assert row.trend == items[0]
    assert row.weight == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("value", "comparator", "low", "high", "mark"),
    [
        (5.0, None, 0.0, 5.0, "in range"),
        (5.1, None, 0.0, 5.0, "high"),
        (3.9, None, 4.0, None, "low"),
        (3.9, None, None, None, ""),
        (120.0, "<", 0.0, 300.0, "in range"),
        (120.0, "<", 4.0, 300.0, ""),
        (400.0, "<", 0.0, 300.0, ""),
        (300.0, ">", None, 300.0, ""),
        (3.0, ">", 4.0, None, ""),
    ],
)
def test_a_bound_is_in_range_only_if_all_it_allows_is(
    value: float, comparator: Literal["<", ">"] | None, low: float, high: float, mark: str
) -> None:
    observation = Observation("x", "X", value, "u", None, comparator, low, high)
    assert evidence.range_mark(observation) == mark


def test_messages_to_the_viewer_survive_the_round_trip() -> None:
    arrays = {
        "a": np.arange(7, dtype=np.uint8),
        "b": np.arange(-3, 3, dtype=np.int16).reshape(2, 3),
        "c": np.array([1.5], np.float32),
    }
    header, back = unpack(pack({"name": "Ü"}, arrays))
    assert header == {"name": "Ü"}
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        assert np.array_equal(back[name], array)


def test_a_type_the_browser_does_not_read_is_refused() -> None:
    with pytest.raises(ValueError, match="float64"):
        pack({}, {"a": np.zeros(2)})


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [(0, 255, "uint8"), (-1024, 3071, "int16"), (0, 60000, "uint16"), (-5, 70000, "float32")],
)
def test_pixels_travel_in_the_smallest_type_that_holds_them(
    low: int, high: int, dtype: str
) -> None:
    values = np.array([[[low, high]]], np.int32)
    sent = browser_values(values)
    assert sent.dtype.name == dtype
    assert np.array_equal(sent, values)


@pytest.mark.parametrize("logit", [-800.0, -1.2, 0.0, 3.4, 800.0])
def test_probability_and_logit_undo_each_other(logit: float) -> None:
    p = formatting.probability_of(logit)
    assert 0 <= p <= 1
    if abs(logit) < 30:
        assert formatting.logit_of(p) == pytest.approx(logit)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.004, "0.004"), (-0.0312, "\u22120.031"), (0.25, "0.25"), (0.00001, "0.00001")],
)
def test_a_small_value_is_not_shown_as_nought(value: float, text: str) -> None:
    assert formatting.number(value) == text


def drawn(course: Course) -> str:
    image = labs._drawing(course)
    return base64.b64decode(image.partition("base64,")[2].partition('"')[0]).decode()


def test_a_course_is_drawn_on_the_scale_of_its_reference_range() -> None:
    def albumin(value: float, hours: int) -> Observation:
        time = factory.TAKEN - timedelta(hours=hours)
        return Observation("1751-7", "Albumin", value, "g/dL", time, None, 3.0, 5.0)

    (course,) = courses_of([albumin(4.0, 24), albumin(4.1, 0)])
    svg = drawn(course)
    # 3 to 5 g/dL take 18 of 26 pixels from 4 to 22, so 4.0 lies at 13 and 4.1 at 12.1
    assert 'y="4.0" width="92" height="18.0"' in svg
    assert 'points="4.0,13.0 88.0,12.1"' in svg


def test_text_in_a_drawing_is_escaped() -> None:
    named = replace(factory.case().observations[0], display='"><script>')
    earlier = replace(named, time=factory.TAKEN - timedelta(hours=1))
    image = labs._drawing(courses_of([named, earlier])[0])
    assert "<script>" not in image
