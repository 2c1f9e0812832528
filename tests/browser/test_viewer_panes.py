"""Two images side by side, what moves them together, and messages that overtake one another."""

import base64
import io
from datetime import UTC, datetime

import numpy as np
import pydicom
import pydicom.data
import pytest
from PIL import Image
from playwright.sync_api import expect
from pydicom.pixels import apply_rescale

from dashboard.viewer import Overlay
from mmcore.records import Case, Instance, Series, Study, Window
from tests.app import factory
from tests.browser.slices import ct, image_parts
from tests.browser.stand import Stand

pytestmark = pytest.mark.browser

NOW, BEFORE = (datetime(year, 3, 3, 9, tzinfo=UTC) for year in (2026, 2023))


def study(uid: str, at: datetime, *series: tuple[Instance, ...]) -> Study:
    made = (
        Series(f"{uid}.{n}", s[0].dicom_modality, f"series {uid}", s) for n, s in enumerate(series)
    )
    return Study(uid, "Chest", at, None, tuple(made))


def film(name: str, at: datetime, window: Window) -> Instance:
    values = np.random.default_rng(3).integers(0, 4096, (1, 57, 57)).astype(np.uint16)
    return factory.image(
        digest=factory.digest(name), pixels=values, windows=(window,), acquired_at=at,
        spacing_mm=None,
    )  # fmt: skip


def show_films(stand: Stand) -> Case:
    now, before = film("now", NOW, Window(2000, 4000)), film("before", BEFORE, Window(1000, 1000))
    case = factory.case(studies=(study("1", NOW, (now,)), study("2", BEFORE, (before,))))
    stand.show(case, (now,))
    stand.show_beside((before,))
    return case


def test_the_prior_stands_beside_the_current_one_each_with_its_date(stand: Stand) -> None:
    show_films(stand)
    expect(stand.see("viewer-label")).to_have_text("3 Mar 2026 · series 1")
    chosen = stand.see("viewer-second").locator("option:checked")
    expect(chosen).to_have_text("Prior · 3 Mar 2023 · series 2")
    assert stand.shown("stack") != stand.shown("stack", in_second=True)
    expect(stand.see("viewer-2-top-right")).to_contain_text("3 Mar 2023")
    assert stand.sent("kept")[-1]["layout"] == 2


def test_windows_of_films_move_by_the_same_part_and_only_while_linked(stand: Stand) -> None:
    show_films(stand)
    stand.see("viewer-width").fill("2000")
    stand.see("viewer-center").fill("3000")
    stand.see("viewer-center").press("Enter")
    shown = [stand.shown(f"window-{fact}", in_second=True) for fact in ("width", "center")]
    assert shown == ["500", "1250"], "half as wide; a quarter of the first window further up"
    stand.see("viewer-link").click()
    stand.see("viewer-width").fill("4000")
    stand.see("viewer-width").press("Enter")
    assert stand.shown("window-width", in_second=True) == "500"
    assert stand.shown("window-width") == "4000"


def test_zoom_and_pan_are_linked_and_turns_are_not(stand: Stand) -> None:
    show_films(stand)
    stand.press("+", "r")
    assert stand.shown("zoom", in_second=True) == stand.shown("zoom") == "1.25"
    assert stand.shown("rotation", in_second=True) == "0"
    stand.choose("pan")
    stand.drag((100, 200), (130, 190))
    assert stand.shown("pan", in_second=True) == stand.shown("pan") == "30,-10"
    stand.press(" ")
    assert stand.shown("zoom", in_second=True) == "1"


def test_stacks_scroll_together_and_keep_how_far_they_are_apart(stand: Stand) -> None:
    now, before = ct("now", 9, NOW), ct("before", 5, BEFORE)
    case = factory.case(studies=(study("1", NOW, now), study("2", BEFORE, before)))
    stand.show(case, now)
    stand.show_beside(before)
    expect(stand.see("viewer-second").locator("option:checked")).to_contain_text("5 images")

    def frames() -> tuple[str, str]:
        return stand.shown("frame"), stand.shown("frame", in_second=True)

    stand.press("ArrowDown", "ArrowDown")
    assert frames() == ("2", "2")
    stand.see("viewer-link").click()
    stand.press("ArrowDown", "ArrowDown")
    assert frames() == ("4", "2")
    stand.see("viewer-link").click()
    stand.press("ArrowUp")
    assert frames() == ("3", "1")
    stand.press("End", "Home", "ArrowDown", "ArrowDown", "ArrowDown")
    assert frames() == ("3", "1"), "its end is no reason to fall behind"
    stand.page.keyboard.press("ArrowRight")
    expect(stand.see("viewer-2-canvas")).to_be_focused()
    stand.page.keyboard.press("ArrowDown")
    assert frames() == ("4", "2")


def test_marks_belong_to_their_image_and_the_map_to_the_one_that_was_read(stand: Stand) -> None:
    now, before = film("now", NOW, Window(2000, 4000)), film("before", BEFORE, Window(1000, 1000))
    case = factory.case(studies=(study("1", NOW, (now,)), study("2", BEFORE, (before,))))
    grid = np.ones((19, 19), np.float32)
    stand.show(case, (now,), Overlay("n", "Nodule", image_parts(grid)))
    stand.show_beside((before,))
    assert stand.shown("overlay-shown") == "true"
    assert stand.shown("overlay-shown", in_second=True) == "false"
    stand.see("viewer-2-canvas").click()
    stand.page.keyboard.press("d")
    for key in ("Enter", "Enter", "ArrowRight", "Enter"):
        stand.page.keyboard.press(key)
    assert stand.marks() == []
    stand.page.wait_for_function(
        """() => stand.sent.filter(([, name]) => name === "kept").slice(-1).some(
          ([, , kept]) => Object.values(kept.images).some((image) => image.marks.length))"""
    )
    images = stand.sent("kept")[-1]["images"]
    assert sorted(len(image["marks"]) for image in images.values()) == [0, 1]


def test_the_same_series_can_stand_beside_itself(stand: Stand) -> None:
    now = ct("now", 6, NOW)
    case = factory.case(studies=(study("1", NOW, now),))
    stand.show(case, now)
    expect(stand.see("viewer-layout")).to_be_hidden()
    stand.press("s")
    expect(stand.see("viewer-2-canvas")).to_be_visible()
    stand.press("s")
    expect(stand.see("viewer-2-canvas")).to_be_hidden()


def test_pixels_of_a_real_ct_are_pydicoms_in_both_panes(stand: Stand) -> None:
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
    values = np.asarray(apply_rescale(dataset.pixel_array, dataset)).astype(np.int16)
    images = [
        factory.image(
            digest=factory.digest(str(at)), pixels=values[None], value_unit="HU",
            dicom_modality="CT", acquired_at=at, spacing_mm=None,
        )
        for at in (NOW, BEFORE)
    ]  # fmt: skip
    case = factory.case(
        studies=tuple(study(str(n), i.acquired_at, (i,)) for n, i in enumerate(images))
    )
    stand.show(case, (images[0],))
    stand.show_beside((images[1],))
    for in_second, testid in ((False, "viewer-canvas"), (True, "viewer-2-canvas")):
        box = stand.see(testid).bounding_box()
        assert box is not None
        for across, down in ((0.5, 0.5), (0.31, 0.44), (0.72, 0.58)):
            stand.page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
            row, column, value = stand.shown("probe", in_second=in_second).split(",")
            assert float(value) == values[int(row), int(column)]


# --- What goes into the report


def test_a_picture_for_the_report_shows_everything_but_the_patient(stand: Stand) -> None:
    instance = film("now", NOW, Window(2000, 4000))
    case = factory.case(picture=instance)
    stand.show(case, (instance,), report={"is_offered": True, "left": 3})
    stand.choose("length")
    stand.drag((300, 200), (400, 200))
    stand.see("viewer-report").click()
    (sent,) = stand.sent("key_image")
    head, _, data = sent["png"].partition(",")
    assert head == "data:image/png;base64"
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"), np.float64)
    assert picture[0:70, 0:95].max() == 0, "no name of the patient"
    assert picture[0:70, 675:772].max() > 200, "the study is told"
    drawn = stand.colours()[..., :3].astype(float)
    assert np.array_equal(picture[100:500], drawn[100:500])
    assert sent["measures"] == ["Length, 10.0 px"]
    assert (sent["stack"], sent["frame"], sent["is_mapped"]) == ("stack", 0, False)
    assert (sent["center"], sent["width"]) == (2000, 4000)


def test_both_panes_go_into_one_picture(stand: Stand) -> None:
    show_films(stand)
    stand.say_more(number=2, second=None, report={"is_offered": True, "left": 3})
    stand.press("k")
    (sent,) = stand.sent("key_image")
    png = base64.b64decode(sent["png"].partition(",")[2])
    assert 765 <= Image.open(io.BytesIO(png)).width <= 772
    assert sent["beside"] == "3 Mar 2023 · series 2"


def test_a_full_report_takes_no_more_and_says_so(stand: Stand) -> None:
    instance = film("now", NOW, Window(2000, 4000))
    stand.show(factory.case(picture=instance), (instance,), report={"is_offered": True, "left": 0})
    expect(stand.see("viewer-report")).to_be_disabled()
    stand.press("k")
    assert stand.sent("key_image") == []
    expect(stand.see("viewer-live")).to_contain_text("as many pictures as it may")


# --- Messages that overtake one another


def test_an_older_message_that_comes_later_says_nothing(stand: Stand) -> None:
    """Under load a message that a map was on its way came after the map, and stayed."""
    instance = film("now", NOW, Window(2000, 4000))
    grid = np.ones((19, 19), np.float32)
    case = factory.case(picture=instance)
    stand.show(case, (instance,), Overlay("n", "Nodule", image_parts(grid)), number=7)
    assert stand.shown("overlay-shown") == "true"
    stand.shown_last = (case, (instance,), Overlay("n", "Nodule", None, "On its way", True), 0)
    stand.say_more(number=6)
    assert stand.shown("overlay-shown") == "true"
    expect(stand.see("viewer-overlay-reason")).to_be_hidden()
    stand.say_more(number=8)
    expect(stand.see("viewer-overlay-reason")).to_have_text("On its way")


def test_a_run_that_was_overtaken_ends_without_undoing_the_next(stand: Stand) -> None:
    """Streamlit calls the end of an overtaken run after the run that overtook it."""
    instance = film("now", NOW, Window(2000, 4000))
    stand.show(factory.case(picture=instance), (instance,))
    stand.page.evaluate(
        """() => {
          stand.first = { ...stand.unmounts };
        }"""
    )
    stand.send_pixels_again()
    stand.say_more(number=1)
    stand.page.evaluate("() => { stand.first.pixels(); stand.first.view(); }")
    assert stand.page.evaluate("globalThis.__consiliumPixels.stacks.has('stack')")
    stand.page.set_viewport_size({"width": 600, "height": 900})
    stand.settle()
    assert stand.colours().shape[1] == 598, "it still follows the window"
    stand.page.evaluate("() => { stand.unmounts.pixels(); stand.unmounts.view(); }")
    assert not stand.page.evaluate("globalThis.__consiliumPixels.stacks.has('stack')")


def test_what_a_message_says_is_shown_before_its_pixels_come(stand: Stand) -> None:
    instance = film("now", NOW, Window(2000, 4000))
    case = factory.case(picture=instance)
    stand.show(case, (instance,), Overlay("n", "Nodule", None, "On its way", True))
    assert stand.colours()[..., 0].mean() > 20
    stand.shown_last = (case, (instance,), Overlay("n", "Nodule", None, "Withheld."), 0)
    stand.say_more("another", number=1)
    expect(stand.see("viewer-overlay-reason")).to_have_text("Withheld.")
    assert stand.shown("ready") == "false"
    assert stand.colours().sum() == 0, "nothing of the image before stays under its texts"
