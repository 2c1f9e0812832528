"""Measuring without a mouse, taking back, and what of it goes to the server."""

import math
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.stand import Stand

pytestmark = pytest.mark.browser


def last_kept(stand: Stand, *, marks: int = 0) -> dict[str, Any]:
    """Return what was last sent for keeping, once it has come with so many marks."""
    stand.page.wait_for_function(
        """marks => stand.sent.filter(([, name]) => name === "kept").slice(-1)
          .some(([, , kept]) => kept.images.stack.marks.length === marks)""",
        arg=marks,
    )
    return dict(stand.sent("kept")[-1])


def said(stand: Stand) -> str:
    return stand.see("viewer-live").inner_text()


def test_the_crosshair_reads_every_pixel_by_the_arrow_keys(stand: Stand) -> None:
    values = stand.show_image().pixels[0]
    stand.press("x")
    assert stand.shown("cross") == "28.5,28.5", "the middle of 57"
    stand.press("ArrowRight", "ArrowDown", "ArrowDown", "Shift+ArrowLeft")
    assert stand.shown("cross") == "30.5,19.5"
    assert stand.shown("probe") == f"30,19,{values[30, 19]}"
    assert str(values[30, 19]) in said(stand)
    stand.press(*["Shift+ArrowUp"] * 9)
    assert stand.shown("cross") == "0.5,19.5", "it stays on the image"
    stand.press("Escape")
    assert stand.shown("cross") == ""


def test_on_a_turned_image_the_crosshair_goes_where_the_arrow_points(stand: Stand) -> None:
    stand.show_image()
    stand.press("r", "x", "ArrowRight")
    assert stand.shown("cross") == "27.5,28.5", "seen from the right: up the rows"
    stand.press("h", "ArrowRight")
    assert stand.shown("cross") == "28.5,28.5"


@pytest.mark.parametrize(
    ("tool", "turns", "points"),
    [("d", 2, [[28.5, 28.5], [28.5, 38.5]]), ("b", 2, [[28.5, 28.5], [28.5, 38.5]]),
     ("a", 3, [[28.5, 28.5], [28.5, 38.5], [38.5, 38.5]])],
)  # fmt: skip
def test_a_mark_is_placed_by_keys_alone_and_read_aloud(
    stand: Stand, tool: str, turns: int, points: list[list[float]]
) -> None:
    stand.show_image()
    stand.press(tool, "Enter", "Enter", "Shift+ArrowRight", "Enter")
    if turns == 3:
        stand.press("Shift+ArrowDown", "Enter")
    (mark,) = stand.marks()
    assert [[p["row"], p["column"]] for p in mark["points"]] == points
    assert mark["words"] in said(stand)
    assert last_kept(stand, marks=1)["images"]["stack"]["marks"] == [
        {"kind": mark["kind"], "frame": 0, "points": points}
    ]


def test_escape_leaves_a_mark_half_placed_and_nothing_is_kept_of_it(stand: Stand) -> None:
    stand.show_image()
    stand.press("d", "Enter", "Enter", "ArrowRight")
    assert len(stand.marks()) == 1
    stand.press("Escape")
    assert stand.marks() == []
    assert stand.shown("cross") != "", "a second Escape puts the crosshair away"
    stand.press("Escape", "Control+z")
    assert stand.shown("cross") == ""
    assert stand.marks() == []


def test_tab_goes_through_the_marks_and_then_out_of_the_image(stand: Stand) -> None:
    stand.show_image()
    for y in (100, 200):
        stand.choose("length")
        stand.drag((300, y), (400, y))
    stand.press("Tab", "Tab")
    assert "2 of 2" in said(stand)
    stand.page.keyboard.press("Shift+Tab")
    assert "1 of 2" in said(stand)
    stand.page.keyboard.press("ArrowDown")
    first, second = stand.marks()
    assert [p["row"] for p in first["points"]] == [11.0, 11.0], "moved by one pixel"
    assert [p["row"] for p in second["points"]] == [20.0, 20.0]
    for key in ("Enter", "Enter", "Shift+ArrowRight"):  # its second point
        stand.page.keyboard.press(key)
    first, _ = stand.marks()
    assert first["length"] == pytest.approx(20.0)
    stand.page.keyboard.press("Delete")
    assert [m["points"][0]["row"] for m in stand.marks()] == [20.0]
    stand.press("Tab")
    expect(stand.canvas).to_be_focused()
    stand.page.keyboard.press("Tab")
    expect(stand.canvas).not_to_be_focused()


def test_every_change_of_marks_can_be_undone_and_done_again(stand: Stand) -> None:
    stand.show_image()
    expect(stand.see("viewer-undo")).to_be_disabled()
    states: list[Any] = [stand.marks()]
    stand.choose("length")
    for start, end in (((300, 200), (400, 200)), ((400, 200), (400, 275))):
        stand.drag(start, end)
        states.append(stand.marks())
    stand.choose("angle")
    stand.drag((450, 400), (500, 400))
    stand.page.mouse.click(*(a + b for a, b in zip(stand.corner(), (520, 480), strict=True)))
    states.append(stand.marks())
    stand.press("Delete")
    states.append(stand.marks())
    assert [len(s) for s in states] == [0, 1, 1, 2, 1]
    for state in reversed(states[:-1]):
        stand.press("Control+z")
        assert stand.marks() == state
    expect(stand.see("viewer-undo")).to_be_disabled()
    for key, state in zip(
        ("Control+y", "Control+Shift+z", "Control+y", "Control+y"), states[1:], strict=True
    ):
        stand.press(key)
        assert stand.marks() == state
    stand.press("Control+z")
    stand.choose("length")
    stand.drag((250, 500), (290, 500))
    expect(stand.see("viewer-redo")).to_be_disabled()


def test_images_come_back_as_they_were_left(stand: Stand) -> None:
    stand.show_image()
    stand.press("r", "+", "i")
    stand.see("viewer-width").fill("1234")
    stand.choose("rectangle")
    stand.drag((300, 200), (420, 260))
    before, marks = stand.colours(), stand.marks()
    kept = last_kept(stand, marks=1)
    case, stack, overlay, _ = stand.shown_last
    stand.show(case, stack, overlay, kept=kept)
    assert stand.marks() == marks
    assert stand.shown("window-width") == "1234"
    stand.press("b", "Tab", "Shift+Tab")  # the same mark is chosen as before
    stand.choose("rectangle")
    after = stand.colours()
    assert np.mean(np.any(after != before, axis=-1)) < 0.01, "but for how the mark is drawn"


def test_what_was_measured_just_before_leaving_is_there_whenever_one_comes_back(
    stand: Stand,
) -> None:
    stand.show_image()
    stand.page.evaluate("() => { globalThis.setTimeout = () => 0; }")  # too soon to be sent
    stand.choose("length")
    stand.drag((300, 200), (420, 260))
    marks = stand.marks()
    assert len(marks) == 1
    stand.page.evaluate(
        """() => {
          stand.unmounts.view();
          const now = Date.now.bind(Date);
          Date.now = () => now() + 3_600_000;
          const fresh = document.createElement("div");
          fresh.id = "view";
          document.getElementById("view").replaceWith(fresh);
        }"""
    )
    stand.say_more()
    expect(stand.canvas).to_have_attribute("data-ready", "true")
    assert stand.marks() == marks
    assert stand.sent("kept") == []


def test_nothing_is_sent_while_nothing_is_measured(stand: Stand) -> None:
    stand.show_image()
    stand.press("+", "i", "r")
    stand.drag((300, 300), (360, 330))
    stand.page.wait_for_timeout(1000)
    assert stand.sent("kept") == []
    stand.page.mouse.move(5, 890)
    last_kept(stand)
    stand.page.wait_for_timeout(1000)  # for what might follow
    assert [k["images"]["stack"]["view"]["is_flipped"] for k in stand.sent("kept")] == [True]


def test_own_windows_are_kept_offered_where_the_unit_is_the_same_and_forgotten(
    stand: Stand,
) -> None:
    stand.show_image()
    stand.see("viewer-center").fill("1500")
    stand.see("viewer-width").fill("700")
    stand.see("viewer-preset-keep").click()
    stand.see("viewer-preset-keep-name").fill("Ribs")
    stand.see("viewer-preset-keep-name").press("Enter")
    assert stand.shown("preset") == "own Ribs"
    stand.press("1")
    stand.see("viewer-preset").select_option(label="★ Ribs")
    assert (stand.shown("window-center"), stand.shown("window-width")) == ("1500", "700")
    options = stand.see("viewer-preset").locator("option")
    stand.see("viewer-preset").select_option(label="★ Ribs")
    stand.see("viewer-preset-drop").click()
    assert "★ Ribs" not in options.all_inner_texts()
    expect(stand.see("viewer-preset-drop")).to_be_hidden()
    assert math.isclose(float(stand.shown("window-center")), 1500), "only its name is gone"
