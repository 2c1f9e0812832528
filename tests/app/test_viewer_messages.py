"""What the viewer is told of a case, beside the pixels."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from dashboard import viewer
from dashboard.state import CaseWork
from dashboard.viewer import returns, stacks, words
from dashboard.viewer.packing import unpack
from mmcore.records import Instance, Modality, PartItem, Parts, PixelArray, Series, Study
from tests.app import factory
from tests.app.conftest import Stage


def test_the_viewer_is_told_the_ends_of_the_patient_and_names_none_it_does_not_know(
    stage: Stage,
) -> None:
    for direction, letters in (("F", ["H", "F"]), ("PH", ["A", "P"]), ("", None), ("X", None)):
        picture = factory.image(patient_orientation=("L", direction))
        stage.demos["jane"] = factory.case(direction, picture=picture)
        stage.open_case("jane", "review")
        assert stage.shown["viewer"][0]["ends"] == letters


def slices_message(
    *read: int, shown: slice = slice(None)
) -> tuple[dict[str, Any], dict[str, PixelArray]]:
    """Pack the message of a series of five slices of which those numbered from 1 were read."""
    slices = tuple(
        factory.image(seed=n, dicom_modality="CT", digest=factory.digest(f"slice {n}"))
        for n in range(1, 6)
    )
    series = Series("2", "CT", "axial", slices)
    case = factory.case(studies=(Study("1", "CT", None, None, (series,)),))
    maps = np.arange(1, len(read) + 1, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4))
    parts = Parts(
        Modality.IMAGE, 1.0, 0.0, True, "",
        tuple(PartItem(f"slice {n}", (8.0, 9.0, float(n)), 0.3) for n in read), n_steps=8,
        overlay_box=(0.0, -8.0, 64.0, 64.0), overlay_stack=maps.astype(np.float32),
        overlay_of=tuple(factory.digest(f"slice {n}") for n in read),
    )  # fmt: skip
    overlay = viewer.Overlay("nodule", "Nodule", parts)
    return unpack(viewer.view_message(case, slices[shown], overlay, "stack", 0))


def test_each_map_of_a_series_goes_to_the_slice_it_was_made_of() -> None:
    header, arrays = slices_message(2, 4)
    assert header["overlay"]["frames"] == [1, 3]
    assert arrays["overlay"].shape == (2, 4, 4)
    assert arrays["overlay"][:, 0, 0].tolist() == [1.0, 2.0]
    assert header["overlay"]["frame"] == 3, "the slice with the strongest map comes first"
    assert [m["frame"] for m in header["overlay"]["markers"]] == [1, 3]
    assert header["overlay"]["box"] == [0.0, -8.0, 64.0, 64.0]


def test_a_map_of_a_slice_that_is_not_shown_is_not_drawn_on_another() -> None:
    header, _ = slices_message(2, 5, shown=slice(0, 2))
    assert header["overlay"]["frames"] == [1]
    assert [m["frame"] for m in header["overlay"]["markers"]] == [1]
    header, arrays = slices_message(4, 5, shown=slice(0, 1))
    assert header["overlay"]["message"] == viewer.NO_SLICE_HERE
    assert header["overlay"]["markers"] == []
    assert "overlay" not in arrays


def test_every_marker_has_the_number_of_its_row() -> None:
    header, _ = slices_message(2, 5, shown=slice(1, 5))
    assert [m["region"] for m in header["overlay"]["markers"]] == [1, 2]
    header, _ = slices_message(2, 5, shown=slice(2, 5))
    assert [m["region"] for m in header["overlay"]["markers"]] == [2], "not counted anew"


def study(uid: str, year: int, *images: Instance) -> Study:
    series = Series(f"{uid}.1", "CT", f"series {uid}", images)
    return Study(uid, "Chest", datetime(year, 3, 3, 9, tzinfo=UTC), None, (series,))


def test_prior_studies_are_offered_first_and_every_image_is_in_one_stack() -> None:
    def image(name: str, year: int, rows: int = 64) -> Instance:
        at = datetime(year, 3, 3, 9, tzinfo=UTC)
        return factory.image(rows, digest=factory.digest(name), acquired_at=at)

    now, later, before = image("now", 2025), image("later", 2026), image("before", 2023)
    small = image("small", 2023, 32)
    case = factory.case(
        studies=(study("1", 2025, now), study("2", 2026, later), study("3", 2023, before, small))
    )
    found = stacks.stacks_of(case)
    assert [[i.digest for i in s] for s in found] == [[i.digest] for i in case.instances]
    told = [one["label"] for one in stacks.choices(case, (now,), "mine")]
    assert told == [
        "Prior · 3 Mar 2023, 09:00 · series 3 · no. 1",
        "Prior · 3 Mar 2023, 09:00 · series 3 · no. 2",
        "Later · 3 Mar 2026 · series 2",
        "3 Mar 2025 · series 1",
    ]


@pytest.mark.parametrize(
    ("spacing", "unit", "count"),
    [((0.7, 0.7), "HU", 2), ((0.70000001, 0.7), "HU", 2), ((0.8, 0.8), "HU", 1), (None, "HU", 1),
     ((0.7, 0.7), "", 1)],
)  # fmt: skip
def test_what_is_measured_otherwise_is_no_part_of_a_stack(
    spacing: tuple[float, float] | None, unit: str, count: int
) -> None:
    one = factory.image(digest="a" * 64, spacing_mm=(0.7, 0.7), value_unit="HU")
    other = factory.image(digest="b" * 64, spacing_mm=spacing, value_unit=unit)
    case = factory.case(studies=(study("1", 2025, one, other),))
    assert len(stacks.stack_of(case, one)) == count


def test_images_of_one_depth_travel_in_one_type_whatever_each_holds() -> None:
    low, high = (
        factory.image(digest=name * 64, pixels=np.full((1, 2, 2), value, np.int32))
        for name, value in (("a", -5), ("b", 40_000))
    )
    _, arrays = unpack(viewer.pixels_message((low, high), "one"))
    assert arrays["pixels"][:, 0, 0].tolist() == [-5, 40_000]


def test_a_frame_of_a_stack_is_found_in_its_image() -> None:
    one = factory.image(digest="a" * 64)
    three = factory.image(digest="b" * 64, pixels=np.zeros((3, 64, 48), np.uint16))
    assert stacks.place_of((one, three), 0) == (one, 0)
    assert stacks.place_of((one, three), 3) == (three, 2)
    assert stacks.place_of((one, three), 4) is None
    assert stacks.place_of((one, three), -1) is None


# --- What comes back

VIEW = {"center": 40.0, "width": 400.0, "preset": "SOFT", "frame": 2, "zoom": 1.25,
        "pan": [3.0, -4.0], "turn": [0, -1, 1, 0], "is_flipped": True}  # fmt: skip
MARK = {"kind": "length", "frame": 2, "points": [[1.5, 2.5], [3.0, 4.0]]}
KEPT = {"layout": 2, "second": "abc-1", "is_linked": False,
        "images": {"abc-1": {"view": VIEW, "marks": [MARK]}}}  # fmt: skip


def test_what_the_browser_keeps_comes_back_as_plain_json() -> None:
    assert returns.kept_of(json.loads(json.dumps(KEPT))) == KEPT
    assert returns.kept_of(returns.kept_of(KEPT)) == KEPT


@pytest.mark.parametrize("value", [None, "x", 3, [], {}, {"images": 3}, {"images": {"a": 1}}])
def test_whatever_else_comes_is_as_if_nothing_was_kept(value: object) -> None:
    assert returns.kept_of(value) == returns.FRESH


@pytest.mark.parametrize(
    "mark",
    [{**MARK, "kind": "script"}, {**MARK, "points": [[1, 2]]}, {**MARK, "frame": -1},
     {**MARK, "points": [[1, 2], [float("nan"), 2]]}, {**MARK, "points": [[1, 2], "34"]},
     {**MARK, "points": [[1, 2], [1e9, 2]]}, {**MARK, "frame": True}, "mark", None,
     {**MARK, "kind": ["length"]}, {**MARK, "frame": 10**400}],
)  # fmt: skip
def test_a_malformed_mark_is_dropped_and_no_other(mark: object) -> None:
    given = {"images": {"a": {"view": VIEW, "marks": [mark, MARK]}}}
    assert returns.kept_of(given)["images"]["a"]["marks"] == [MARK]


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"turn": [1, 1, 0, 0]}, {"pan": [1]}, {"zoom": 0}, {"center": "40"}]
)
def test_an_image_with_a_malformed_view_is_dropped(wrong: dict[str, object]) -> None:
    assert returns.kept_of({"images": {"a": {"view": VIEW | wrong, "marks": []}}}) == returns.FRESH


def test_no_more_is_kept_than_a_person_measures() -> None:
    image = {"view": VIEW, "marks": [MARK] * 999}
    found = returns.kept_of({"images": {f"{n}": image for n in range(999)}})["images"]
    assert len(found) == returns.MOST_IMAGES
    assert {len(i["marks"]) for i in found.values()} == {returns.MOST_MARKS}


# --- Numbers and words


def test_the_number_of_a_message_rises_only_with_what_it_says() -> None:
    work = CaseWork(factory.case(), "Jane")
    numbers = [work.number_of_message(digest) for digest in ("a", "a", "b", "b", "a")]
    assert numbers == [1, 1, 2, 2, 3]


def test_all_words_of_the_scripts_go_with_the_message_in_another_language() -> None:
    assert words.words_in("en") == {}
    found = words.words_in("zh-Hans")
    assert set(found) == set(words.words()) >= {"Window", "Image {n} of {frames}", "Undone"}
    assert not [w for w, translated in found.items() if fields(w) != fields(translated)]


def fields(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text))
