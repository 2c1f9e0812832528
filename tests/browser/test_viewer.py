"""The tools of the viewer, on images and maps of which every number is known."""

import math

import numpy as np
import numpy.typing as npt
import pydicom
import pydicom.data
import pytest
from playwright.sync_api import expect
from pydicom.pixels import apply_rescale, apply_windowing

from mmcore.records import Window
from tests.browser.stand import STAGE, Stand

pytestmark = pytest.mark.browser

Array = npt.NDArray[np.float64]

ONCE = {
    "r": lambda a: np.rot90(a, -1),
    "l": lambda a: np.rot90(a, 1),
    "h": lambda a: a[:, ::-1],
    "v": lambda a: a[::-1],
}


# --- What is drawn


@pytest.mark.parametrize("keys", ["", "r", "l", "rr", "h", "v", "rh", "rv", "hr", "vrl"])
def test_a_turned_image_has_the_greys_that_pydicom_gives(stand: Stand, keys: str) -> None:
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
    values = apply_rescale(dataset.pixel_array, dataset)
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    windowed = apply_windowing(values, dataset)
    unit = (windowed - windowed.min()) / (windowed.max() - windowed.min())
    assert values.min() < -160 < 240 < values.max(), "both ends of the window are reached"
    expected = np.floor(unit * 255 + 0.5).astype(np.uint8)
    stand.show_image(
        pixels=values[None].astype(np.int16), windows=(Window(40.0, 400.0),),
        value_unit="HU",
    )  # fmt: skip
    stand.press(*keys)
    for key in keys:
        expected = ONCE[key](expected)
    centres = ((np.arange(128) + 0.5) * STAGE[1] / 128).astype(int)
    drawn = stand.colours()[centres][:, centres + (STAGE[0] - STAGE[1]) // 2]
    assert np.array_equal(drawn[..., 0], expected)
    assert (drawn[..., :3] == drawn[..., :1]).all(), "grey"


def test_every_stored_pixel_is_drawn_as_one_square_without_smoothing(stand: Stand) -> None:
    instance = stand.show_image(windows=(Window(2048.0, 4096.0),))
    grey = np.clip(((instance.pixels[0] - 2047.5) / 4095 + 0.5) * 255, 0, 255)
    stand.press("r")
    expected = np.rot90(np.floor(grey + 0.5).astype(np.uint8), -1)
    drawn = stand.colours()[:, 101:671, 0]
    assert np.array_equal(drawn, np.kron(expected, np.ones((10, 10), np.uint8)))


def test_the_value_under_the_pointer_is_the_stored_one_however_the_image_is_turned(
    stand: Stand,
) -> None:
    values = stand.show_image().pixels[0]
    for key in ("r", "h", "r", "v", "l"):
        stand.press(key)
        row, column, value = stand.point_at((STAGE[0] / 2 + 133, 205))
        assert value == values[row, column]
    assert (row, column) != (20, 41), "it was turned"


def test_pixels_that_arrive_again_leave_image_and_view_as_they_are(stand: Stand) -> None:
    """A rerun hands the same pixels over again: the image was black under its map from then on."""
    stand.show_image()
    stand.press("r", "+")
    before = stand.colours()
    assert before[..., 0].mean() > 20
    for elsewhere in (False, True):
        stand.send_pixels_again(elsewhere=elsewhere)
        assert stand.shown("zoom") == "1.25"
        assert stand.shown("rotation") == "90"
        assert np.array_equal(stand.colours(), before)


def test_the_letters_of_the_sides_turn_with_the_image(stand: Stand) -> None:
    stand.show_image(patient_orientation=("L", "F"))

    def letters() -> str:
        stand.settle()
        return "".join(
            stand.see(f"viewer-side-{edge}").inner_text()
            for edge in ("left", "top", "right", "bottom")
        )

    assert letters() == "RHLF"
    for key, seen in (("r", "FRHL"), ("r", "LFRH"), ("h", "RFLH"), ("v", "RHLF")):
        stand.press(key)
        assert letters() == seen
    stand.press("h")
    assert letters() == "LHRF"
    assert stand.shown("mirrored") == "true"
    expect(stand.see("viewer-bottom-left")).to_contain_text("mirrored")


def test_nothing_is_written_at_edges_the_file_does_not_name(stand: Stand) -> None:
    stand.show_image()
    for edge in ("left", "top", "right", "bottom"):
        expect(stand.see(f"viewer-side-{edge}")).to_be_hidden()


# --- What is measured


@pytest.mark.parametrize("keys", ["", "r", "hl"])
@pytest.mark.parametrize("kind", ["rectangle", "ellipse"])
def test_values_of_a_region_are_those_of_numpy(stand: Stand, kind: str, keys: str) -> None:
    values = stand.show_image().pixels[0].astype(np.float64)
    stand.press(*keys)
    stand.choose(kind)
    stand.drag((203, 97), (478, 391))
    (mark,) = stand.marks()
    (a, b) = mark["points"]
    middle = {axis: (a[axis] + b[axis]) / 2 for axis in ("row", "column")}
    reach = {axis: abs(a[axis] - b[axis]) / 2 for axis in ("row", "column")}
    rows, columns = np.mgrid[0:57, 0:57] + 0.5
    down = (rows - middle["row"]) / reach["row"]
    right = (columns - middle["column"]) / reach["column"]
    is_in = (
        np.hypot(down, right) < 1 if kind == "ellipse" else np.maximum(abs(down), abs(right)) < 1
    )
    assert mark["count"] == is_in.sum() > 400
    inside = values[is_in]
    told = [mark[name] for name in ("mean", "sd", "min", "max")]
    assert told == pytest.approx([inside.mean(), inside.std(), inside.min(), inside.max()])
    assert sorted((reach["row"] * 2, reach["column"] * 2)) == pytest.approx([27.5, 29.4])
    area = 27.5 * 29.4 * (math.pi / 4 if kind == "ellipse" else 1)
    assert mark["area"] == pytest.approx(area)
    assert "px²" in mark["words"]


def test_a_region_partly_outside_counts_only_what_is_there(stand: Stand) -> None:
    values = stand.show_image().pixels[0].astype(np.float64)
    stand.choose("rectangle")
    stand.drag((1, 100), (151, 200))  # the image begins at 101
    (mark,) = stand.marks()
    assert mark["count"] == 50
    assert mark["mean"] == pytest.approx(values[10:20, 0:5].mean())


@pytest.mark.parametrize(
    ("spacing", "unit", "per_css"), [(None, "px", 0.1), ((0.5, 0.25), "mm", 0.05)]
)
def test_length_and_angle_are_those_drawn_in_millimetres_only_with_a_spacing(
    stand: Stand, spacing: tuple[float, float] | None, unit: str, per_css: float
) -> None:
    """With rows of 0.5 mm the image is 114 columns high: 5 CSS pixels are one column of 0.25 mm."""
    stand.show_image(spacing_mm=spacing)
    stand.choose("length")
    stand.drag((400, 300), (430, 340))
    stand.choose("angle")
    stand.drag((440, 150), (400, 150))
    x, y = stand.corner()
    stand.page.mouse.click(x + 400 + 30, y + 150 + 30 * math.sqrt(3))
    length, angle = stand.marks()
    assert length["length"] == pytest.approx(50 * per_css)
    assert length["words"] == f"{50 * per_css:.1f} {unit}"
    assert angle["angle"] == pytest.approx(60, abs=0.01)
    assert angle["words"] == "60.0°"


def test_measurements_stay_on_their_pixels_and_can_be_moved_and_deleted(stand: Stand) -> None:
    stand.show_image()
    stand.choose("length")
    stand.drag((300, 200), (400, 200))
    before = stand.marks()
    stand.press("r", "h", "+", "i", "Shift+ArrowLeft", " ", "v")
    stand.choose("pan")
    stand.drag((300, 300), (340, 320))
    assert stand.marks() == before
    stand.press("=", "v", "d")
    stand.drag((400, 200), (400, 275))  # by its end
    (moved,) = stand.marks()
    assert moved["points"][0] == before[0]["points"][0]
    assert moved["length"] == pytest.approx(math.hypot(10, 7.5))
    stand.choose("rectangle")
    stand.drag((450, 400), (500, 450))
    stand.choose("length")
    stand.page.mouse.click(*(a + b for a, b in zip(stand.corner(), (300, 200), strict=True)))
    stand.press("Delete")
    assert [mark["kind"] for mark in stand.marks()] == ["rectangle"]
    stand.see("viewer-delete").click()
    assert stand.marks() == []
    expect(stand.see("viewer-delete")).to_be_disabled()


def test_escape_drops_an_angle_half_drawn_and_then_leaves_the_tool(stand: Stand) -> None:
    stand.show_image()
    stand.choose("angle")
    stand.drag((300, 200), (400, 200))
    assert len(stand.marks()) == 1
    stand.press("Escape")
    assert stand.marks() == []
    assert stand.shown("tool") == "angle"
    stand.press("Escape")
    assert stand.shown("tool") == "window"


# --- Keys, fingers, magnifier


@pytest.mark.parametrize(
    ("key", "fact", "value"),
    [("w", "tool", "window"), ("p", "tool", "pan"), ("z", "tool", "zoom"), ("d", "tool", "length"),
     ("a", "tool", "angle"), ("b", "tool", "rectangle"), ("e", "tool", "ellipse"),
     ("r", "rotation", "90"), ("l", "rotation", "270"), ("h", "mirrored", "true"),
     ("v", "rotation", "180"), ("i", "inverted", "true"), ("+", "zoom", "1.25"),
     ("-", "zoom", "0.8"), ("2", "preset", "LUNG"), ("3", "preset", "Auto"),
     ("Shift+ArrowDown", "window-center", "1780")],
)  # fmt: skip
def test_each_key_does_what_the_help_says_and_space_undoes_it(
    stand: Stand, key: str, fact: str, value: str
) -> None:
    stand.show_image()
    before = stand.shown(fact)
    stand.press(key)
    assert stand.shown(fact) == value
    if fact != "tool":
        stand.press(" ")
        assert stand.shown(fact) == before


def test_the_help_sheet_opens_and_closes_and_keys_go_on_from_there(stand: Stand) -> None:
    stand.show_image()
    stand.press("?")
    expect(stand.see("viewer-help")).to_be_visible()
    for words in ("rotate right, rotate left", "window preset", "two fingers"):
        expect(stand.see("viewer-help")).to_contain_text(words)
    stand.page.keyboard.press("Escape")
    expect(stand.see("viewer-help")).to_be_hidden()
    expect(stand.canvas).to_be_focused()
    stand.see("viewer-rotate-right").click()
    stand.page.keyboard.press("r")
    assert stand.shown("rotation") == "180", "keys work after a button, too"
    stand.see("viewer-width").fill("1111")
    stand.page.keyboard.press("r")
    assert stand.shown("rotation") == "180", "typing a number turns nothing"


def test_the_magnifier_is_there_while_its_key_is_held(stand: Stand) -> None:
    stand.show_image()
    stand.point_at((386, 285))
    before = stand.colours()
    stand.canvas.focus()
    stand.page.keyboard.down("m")
    assert stand.shown("lens") == "true"
    held = stand.colours()
    assert np.array_equal(held[285, 386], before[285, 386]), "the place pointed at stays"
    assert np.array_equal(held[285 + 30, 386 + 45], before[285 + 10, 386 + 15]), "three times"
    assert np.array_equal(held[20, 120], before[20, 120]), "the rest is as it was"
    stand.page.keyboard.up("m")
    assert stand.shown("lens") == "false"


def test_one_finger_windows_and_two_zoom_and_pan(stand: Stand) -> None:
    stand.show_image()
    width = float(stand.shown("window-width"))
    session = stand.page.context.new_cdp_session(stand.page)
    x, y = stand.corner()

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x + a, "y": y + b, "id": n} for n, (a, b) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (300, 300))
    touch("touchMove", (360, 300))
    touch("touchEnd")
    assert float(stand.shown("window-width")) > width
    touch("touchStart", (336, 285), (436, 285))
    touch("touchMove", (286, 305), (486, 305))
    touch("touchEnd")
    assert float(stand.shown("zoom")) == pytest.approx(2, abs=0.01)
    across, down = (float(v) for v in stand.shown("pan").split(","))
    assert (across, down) == pytest.approx((0, 20), abs=0.5), "the middle of the fingers leads"
