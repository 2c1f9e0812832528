"""Stacks, maps and pictures in the viewer, with maps of which every number is known."""

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import expect

from dashboard.viewer import Overlay
from mmcore.records import Instance, Modality, Parts, Series, Study
from tests.app import factory
from tests.browser.slices import ct, image_parts
from tests.browser.stand import STAGE, Stand

pytestmark = pytest.mark.browser

Array = npt.NDArray[np.float64]


def show_stack(stand: Stand, count: int, parts: Parts | None = None) -> tuple[Instance, ...]:
    """Show ``count`` slices of 40 HU all over, the n-th with -1000 + n in a corner."""
    stack = ct("slice", count)
    case = factory.case(
        studies=(Study("1", "CT", None, None, (Series("2", "CT", "axial", stack),)),)
    )
    stand.show(case, stack, Overlay("n", "Nodule", parts, "" if parts else "No map."))
    return stack


# --- Stacks and maps


def test_a_stack_is_scrolled_by_keys_and_wheel_and_plays(stand: Stand) -> None:
    show_stack(stand, 25)
    for key, frame in (("ArrowDown", 1), ("PageDown", 11), ("End", 24), ("ArrowUp", 23),
                       ("PageUp", 13), ("Home", 0)):  # fmt: skip
        stand.press(key)
        assert stand.shown("frame") == str(frame)
    assert stand.point_at((103, 2)) == (0, 0, -1000)
    stand.page.mouse.wheel(0, 100)
    assert stand.shown("frame") == "1"
    assert stand.point_at((103, 2)) == (0, 0, -999)
    stand.see("viewer-cine-speed").fill("30")
    stand.press("c")
    assert stand.shown("playing") == "true"
    expect(stand.canvas).not_to_have_attribute("data-frame", "1")
    stand.press("c")
    assert stand.shown("playing") == "false"
    stopped = stand.shown("frame")
    stand.page.wait_for_timeout(200)
    assert stand.shown("frame") == stopped


def colour_at_the_middle(stand: Stand) -> list[int]:
    return [int(v) for v in stand.colours()[285, 386, :3]]


def test_each_slice_has_its_own_map_in_one_common_scale_and_the_others_have_none(
    stand: Stand,
) -> None:
    maps = np.zeros((2, 19, 19), np.float32)
    maps[0, 9, 9], maps[1, 9, 9] = 0.8, -0.4
    digests = [factory.digest(f"slice {n}") for n in (1, 3)]
    show_stack(stand, 5, image_parts(maps, digests))
    stand.see("viewer-overlay-detail").select_option("fine")
    assert stand.shown("frame") == "1", "it opens on the slice with the strongest map"
    colours = {}
    stand.press("Home")
    for frame in range(5):
        assert stand.shown("frame") == str(frame)
        assert stand.shown("overlay-shown") == str(frame in (1, 3)).lower()
        colours[frame] = colour_at_the_middle(stand)
        stand.press("ArrowDown")
    grey = colours[0]
    assert grey[0] == grey[1] == grey[2]
    assert colours[2] == colours[4] == grey
    stand.press("Home")
    expect(stand.see("viewer-bottom-right")).to_contain_text("no map here; next on 2")
    opaque = 225 / 255 * 0.7  # of the strongest value, with the default opacity
    for frame, share, rgb in ((1, 1.0, (246, 166, 84)), (3, 0.5**0.8, (109, 179, 248))):
        alpha = opaque * share
        mixed = [g * (1 - alpha) + c * alpha for g, c in zip(grey, rgb, strict=True)]
        assert colours[frame] == pytest.approx(mixed, abs=4)


def test_a_region_tells_its_log_odds_and_share_where_it_is_pointed_at(stand: Stand) -> None:
    map_ = np.zeros((19, 19), np.float32)
    map_[3:5, 3:6] = 0.1  # six cells for
    map_[12:14, 12:13] = -0.2  # two cells against
    instance = factory.image(pixels=np.full((1, 57, 57), 900, np.uint16), spacing_mm=None)
    case = factory.case(picture=instance)
    stand.show(case, (instance,), Overlay("n", "Nodule", image_parts(map_)))
    stand.see("viewer-overlay-detail").select_option("fine")

    def told(cell: tuple[int, int]) -> list[float]:
        stand.point_at((101 + (cell[1] + 0.5) * 30, (cell[0] + 0.5) * 30))
        return [float(v) for v in stand.shown("region").split(",") if v]

    assert told((3, 4)) == pytest.approx([0.6, 0.6])
    expect(stand.see("viewer-tip")).to_have_text("+0.60 log-odds · 60 % of the map")
    assert told((12, 12)) == pytest.approx([-0.4, 0.4])
    assert told((9, 9)) == []
    expect(stand.see("viewer-tip")).to_be_hidden()
    stand.see("viewer-overlay-mode-for").click()
    assert told((12, 12)) == []


# --- What leaves the page


def saved(stand: Stand, folder: Path) -> tuple[str, Array]:
    with stand.page.expect_download() as waiting:
        stand.see("viewer-picture").click()
    path = folder / "picture.png"
    waiting.value.save_as(path)
    return waiting.value.suggested_filename, np.asarray(Image.open(path).convert("RGB"), float)


def test_a_picture_is_what_is_shown_and_names_the_patient_only_while_the_texts_are_shown(
    stand: Stand, tmp_path: Path
) -> None:
    stand.show_image()
    top_left, top_right = (slice(0, 70), slice(0, 95)), (slice(0, 70), slice(675, 772))
    name, picture = saved(stand, tmp_path)
    assert name == "consilium-stack-image-1.png"
    assert picture.shape == (STAGE[1], STAGE[0], 3)
    assert picture[top_left].max() > 200
    assert picture[top_right].max() > 200
    stand.press("t")
    expect(stand.see("viewer-top-left")).to_be_hidden()
    expect(stand.see("viewer-top-right")).to_be_hidden()
    _, picture = saved(stand, tmp_path)
    assert picture[top_left].max() == 0
    assert picture[top_right].max() == 0
    drawn = stand.colours()[..., :3].astype(float)
    assert np.array_equal(picture[100:500], drawn[100:500])
    burned = np.abs(picture - drawn).max(2)[5:30, 250:520]
    assert (burned > 40).mean() > 0.05, "the line that it is not for diagnosis"


def test_the_map_of_another_method_does_not_leave_for_the_report(stand: Stand) -> None:
    """Report and PDF hold our own map; the image without a map may go there."""
    case = factory.case()
    parts = factory.FakeEngine()._parts(case, Modality.IMAGE, 1.0)
    overlay = Overlay("n", "Nodule", parts, method="Random")
    offered = {"is_offered": True, "left": 12}
    stand.show(case, case.instances, overlay, report=offered)
    assert stand.shown("overlay-shown") == "true"
    expect(stand.see("viewer-report")).to_be_disabled()
    expect(stand.see("viewer-report")).to_have_attribute("title", re.compile("our own map alone"))
    stand.press("k")
    expect(stand.see("viewer-live")).to_contain_text("The report holds our own map alone.")
    assert stand.sent("key_image") == []
    stand.press("o")
    expect(stand.see("viewer-report")).to_be_enabled()
    stand.press("k")
    assert [sent["is_mapped"] for sent in stand.sent("key_image")] == [False]
