"""What the review page hands to the viewer: pixels, map, stacks and sides."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import viewer
from dashboard.viewer import stacks
from mmcore.gate.suitability import choose_image
from mmcore.records import Case, Instance, Modality, Parts, Series, Study
from tests.app import factory
from tests.app.conftest import Stage, choose, html


def test_the_viewer_gets_the_pixels_at_full_depth_and_the_map_with_its_place(stage: Stage) -> None:
    stage.open_case("jane", "review")
    pixels = stage.shown["pixels"][1]["pixels"]
    expected = stage.demos["jane"].instances[0].pixels
    assert pixels.dtype == expected.dtype == np.uint16
    assert np.array_equal(pixels, expected)
    header, arrays = stage.shown["viewer"]
    assert header["overlay"]["box"] == [0.0, 0.0, 64.0, 48.0]
    assert arrays["overlay"].dtype == np.float32
    assert header["stack"] == stage.shown["pixels"][0]["stack"]


def test_choosing_a_finding_changes_the_map_and_not_the_pixels(stage: Stage) -> None:
    app = stage.open_case("jane", "review")
    before = stage.shown["pixels"][0]["stack"]
    choose(app, "nodule")
    assert stage.shown["viewer"][0]["overlay"]["target"] == "nodule"
    assert stage.shown["pixels"][0]["stack"] == before


def test_evidence_without_a_place_gets_no_marker(stage: Stage) -> None:
    stage.open_case("jane", "review")
    marked = [m["what"] for m in stage.shown["viewer"][0]["overlay"]["markers"]]
    assert marked == ["right lower zone", "left mid zone"]


def test_an_image_that_moved_nothing_gets_no_map_stretched_to_full_colour(stage: Stage) -> None:
    class Faint(factory.FakeEngine):
        def _parts(self, case: Case, modality: Modality, total: float) -> Parts:
            parts = super()._parts(case, modality, total)
            items = tuple(replace(i, signed=i.signed / 200) for i in parts.items)
            return replace(parts, items=items)

    stage.engine = Faint()
    page = html(stage.open_case("jane", "review"))
    header, arrays = stage.shown["viewer"]
    assert header["overlay"]["message"] == (
        "No map: the image moved Consolidation too little to say from where."
    )
    assert "overlay" not in arrays
    assert "co-ev for" not in page.split('data-testid="note-text"')[1], "nor a shaded note"


def test_a_stack_too_long_for_the_viewer_says_how_much_of_it_is_shown(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = np.arange(7 * 64 * 48, dtype=np.uint16).reshape(7, 64, 48)
    stage.demos["jane"] = factory.case(picture=factory.image(pixels=frames))
    monkeypatch.setattr(viewer.stacks, "MOST_STACK_BYTES", 3 * 64 * 48 * 2)
    stage.open_case("jane", "review")
    assert stage.shown["pixels"][1]["pixels"].shape == (3, 64, 48)
    assert stage.shown["viewer"][0]["left_out"] == (
        "Only the first 3 of 7 frames fit into the viewer."
    )


def test_images_left_out_of_a_stack_are_counted(stage: Stage) -> None:
    case = factory.case()
    study, first = case.studies[0], case.instances[0]
    other = factory.image(32, 32, seed=1)
    series = replace(study.series[0], instances=(first, other))
    stage.demos["jane"] = replace(case, studies=(replace(study, series=(series,)),))
    stage.open_case("jane", "review")
    assert stage.shown["viewer"][0]["left_out"].startswith("Shown of this series: 1 of 2 images.")


def test_a_whole_stack_is_not_said_to_leave_anything_out(stage: Stage) -> None:
    stage.open_case("jane", "review")
    assert stage.shown["viewer"][0]["left_out"] == ""


def test_a_view_of_no_side_names_none(stage: Stage) -> None:
    stage.demos["jane"] = factory.case(picture=factory.image(laterality="U"))
    stage.open_case("jane", "review")
    assert stage.shown["viewer"][0]["corners"]["study"][1] == "DX CHEST PA"


def test_the_viewer_is_told_the_sides_only_where_the_file_says_them(stage: Stage) -> None:
    for direction, letters in (("L", ["R", "L"]), ("R", ["L", "R"]), ("P", None)):
        picture = factory.image(patient_orientation=(direction, "F"))
        stage.demos["jane"] = factory.case(direction, picture=picture)
        stage.open_case("jane", "review")
        assert stage.shown["viewer"][0]["sides"] == letters
    stage.demos["jane"] = factory.case()
    stage.open_case("jane", "review")
    assert stage.shown["viewer"][0]["sides"] is None


def two_films(*years: int) -> Case:
    """Return a case with one radiograph of each year, all of one series description."""
    studies = []
    for year in years:
        at = datetime(year, 9, 4, 10, 57, tzinfo=UTC)
        film = factory.image(seed=year, acquired_at=at)
        series = (Series(f"1.{year}.1", "DX", "Simulated chest", (film,)),)
        studies.append(Study(f"1.{year}", "Chest", at, None, series))
    return factory.case(studies=tuple(studies))


class ReadsLatest(factory.FakeEngine):
    """An engine that reads the latest film, as the real one does."""

    def model_image(self, case: Case) -> Instance | None:
        return choose_image(case.instances)[0]


def series_of(app: AppTest) -> Any:
    (pills,) = (group for group in app.button_group if group.key.startswith("series-"))
    return pills


@pytest.mark.parametrize("years", [(2022, 2023), (2023, 2022)])
def test_of_two_films_alike_that_which_the_model_read_is_opened_and_each_can_be_chosen(
    stage: Stage, years: tuple[int, int]
) -> None:
    stage.engine = ReadsLatest()
    case = stage.demos["jane"] = two_films(*years)
    prior, current = sorted(case.instances, key=lambda i: i.acquired_at or datetime.max)
    app = stage.open_case("jane", "review")
    header, arrays = stage.shown["viewer"]
    assert header["stack"] == stacks.id_of((current,))
    assert "overlay" in arrays
    assert "The model read: 4 Sep 2023 · Simulated chest" in html(app)
    told = [option.content for option in series_of(app).proto.options]
    assert sorted(told) == ["4 Sep 2022 · Simulated chest", "4 Sep 2023 · Simulated chest"]

    app = series_of(app).set_value(prior.digest).run()
    header, arrays = stage.shown["viewer"]
    assert header["stack"] == stacks.id_of((prior,))
    assert "overlay" not in arrays
    app = series_of(app).set_value(current.digest).run()
    assert stage.shown["viewer"][0]["stack"] == stacks.id_of((current,))
    choice = stage.shown["viewer"][0]["choices"]
    assert [one["label"] for one in choice] == [
        "Prior · 4 Sep 2022 · Simulated chest",
        "4 Sep 2023 · Simulated chest · read by the model",
    ]


def test_films_of_one_day_differ_by_time_and_of_one_minute_by_number() -> None:
    at = datetime(2023, 9, 4, 8, 5, tzinfo=UTC)
    later = at.replace(hour=9)
    films = [factory.image(seed=n, acquired_at=t) for n, t in enumerate((at, at, later))]
    series = tuple(Series(f"1.{n}", "DX", "PA", (film,)) for n, film in enumerate(films))
    case = factory.case(studies=(Study("1", "Chest", at, None, series),))
    assert stacks.labels(case, [(film,) for film in films]) == [
        "4 Sep 2023, 08:05 · PA · no. 1",
        "4 Sep 2023, 08:05 · PA · no. 2",
        "4 Sep 2023, 09:05 · PA",
    ]


@pytest.mark.parametrize(("first", "mapped"), [("current", "overlay"), ("prior", "overlay_second")])
def test_side_by_side_the_map_lies_on_the_image_that_the_model_read(
    stage: Stage, first: str, mapped: str
) -> None:
    case = two_films(2022, 2023)
    films = dict(zip(("prior", "current"), case.instances, strict=True))
    other = films["prior" if first == "current" else "current"]
    kept = viewer.kept_of({"layout": 2, "second": stacks.id_of((other,))})
    sender = viewer.Sender(kept, None, lambda _: 1, lambda _: None, lambda _: None)
    parts = factory.FakeEngine()._parts(case, Modality.IMAGE, 1.0)
    overlay = viewer.Overlay("nodule", "Nodule", parts)
    viewer.show(case, (films[first],), overlay, sender, seen=films["current"], key="two")
    header, arrays = stage.shown["viewer"]
    assert list(arrays) == [mapped]
    assert header["label"].endswith("read by the model") == (first == "current")
    (beside,) = (c["label"] for c in header["choices"] if c["stack"] == stacks.id_of((other,)))
    assert beside.endswith("read by the model") == (first == "prior")
    if first == "prior":
        assert header["overlay"]["message"] == "No map: the model did not look at this image."
        assert header["second"]["overlay"]["box"] == list(parts.overlay_box or ())
