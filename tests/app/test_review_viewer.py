"""What the review page hands to the viewer: pixels, map, stacks and sides."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard import viewer
from mmcore.records import Case, Modality, Parts
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
