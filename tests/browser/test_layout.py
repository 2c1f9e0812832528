"""What is seen together without scrolling, and that no window makes the page break."""

import itertools

import pytest
from playwright.sync_api import FloatRect, Locator, expect

from tests.browser.clinician import Clinician
from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser

READING = (1440, 900)
OTHERS = [(1920, 1080), (1024, 768), (820, 1180), (720, 450), (390, 844)]
"""Workstation, tablet both ways, the reading window at 200 % zoom, and a phone."""
LEAST_TARGET = 24  # CSS pixels, WCAG 2.2, 2.5.8
_TARGETS = """least => {
  const found = [];
  const look = (root) => {
    for (const one of root.querySelectorAll("*")) {
      if (one.shadowRoot) look(one.shadowRoot);
      if (!one.matches("button, select, summary, [role=slider], [role=tab], [role=switch], input"))
        continue;
      const target = one.closest("label") ?? one;
      const box = target.getBoundingClientRect();
      const style = getComputedStyle(one);
      const isInLine = one.matches("input[type=file], input[type=range]");  // drawn by others
      if (!box.width || style.visibility === "hidden" || one.disabled || isInLine) continue;
      if (!one.checkVisibility?.({ opacityProperty: false })) continue;
      if (Math.min(box.width, box.height) < least - 0.5)
        found.push(`${one.tagName} ${one.getAttribute("data-testid") ?? one.className}`
          + ` ${box.width.toFixed(0)}x${box.height.toFixed(0)}`);
    }
  };
  look(document);
  return found;
}"""


def box_of(seen: Locator) -> FloatRect:
    box = seen.bounding_box()
    assert box is not None
    return box


def bottom(seen: Locator) -> float:
    box = box_of(seen)
    return box["y"] + box["height"]


def to_the_top(person: Clinician) -> None:
    person.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    person.page.wait_for_timeout(300)


def ledger(person: Clinician) -> Locator:
    return person.page.locator("[class*='st-key-ledger-']").first


DEMOS = sorted(path.parent.name for path in ROOT.glob("assets/demo/*/demo.yaml"))


def test_a_case_with_warnings_is_among_the_demonstrations() -> None:
    words = [(ROOT / "assets" / "demo" / name / "demo.yaml").read_text("utf-8") for name in DEMOS]
    assert any("caution" in told for told in words)


@pytest.mark.parametrize("name", DEMOS)
def test_image_findings_and_ledger_are_on_one_screen(reviewed: Clinician, name: str) -> None:
    reviewed.page.set_viewport_size({"width": READING[0], "height": READING[1]})
    reviewed.go_to("Cases")
    reviewed.open_demo(reviewed.demos().index(name))
    reviewed.review()
    reviewed.wait_for_image()
    expect(ledger(reviewed)).to_be_visible()
    reviewed.settle()
    to_the_top(reviewed)
    last = reviewed.page.locator("[data-testid^='finding-']").last
    for seen in (reviewed.canvas, last, ledger(reviewed)):
        assert bottom(seen) <= READING[1], f"{seen} ends below the window"
    assert box_of(reviewed.canvas)["height"] >= 500, "the image keeps its size"


@pytest.mark.parametrize(("width", "height"), OTHERS, ids=lambda size: str(size))
def test_no_window_breaks_the_review(reviewed: Clinician, width: int, height: int) -> None:
    reviewed.settle()
    if reviewed.page.get_by_role("heading", name="Findings").count() == 0:
        reviewed.go_to("Review")
    reviewed.wait_for_explanation()
    reviewed.page.set_viewport_size({"width": width, "height": height})
    try:
        to_the_top(reviewed)
        reviewed.page.wait_for_timeout(1200)  # charts follow the window
        reviewed.settle()
        reach = reviewed.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        assert reach <= width, "the page scrolls sideways"
        header = reviewed.page.locator(".st-key-co-header")
        boxes = [
            (str(child.get_attribute("class")), box_of(child))
            for child in header.locator("> *").all()
            if child.bounding_box() and box_of(child)["width"] > 1
        ]
        for (a, one), (b, other) in itertools.combinations(boxes, 2):
            assert not overlap(one, other), f"{a} lies over {b}"
        for name, box in boxes:
            assert box["x"] >= 0, name
            assert box["x"] + box["width"] <= width, f"{name} leaves the window"
        for row in reviewed.page.locator(".co-finding").all():
            parts = [box_of(p) for p in row.locator("> *").all() if p.is_visible()]
            for one, other in itertools.combinations(parts, 2):
                assert not overlap(one, other), row.inner_text()
    finally:
        reviewed.page.set_viewport_size({"width": READING[0], "height": READING[1]})


def test_the_header_is_one_row_in_a_small_window(reviewed: Clinician) -> None:
    reviewed.page.set_viewport_size({"width": 1280, "height": 720})
    try:
        reviewed.page.wait_for_function(
            "document.querySelector('.st-key-co-header').getBoundingClientRect().height < 60"
        )
    finally:
        reviewed.page.set_viewport_size({"width": READING[0], "height": READING[1]})


def overlap(one: FloatRect, other: FloatRect, slack: float = 1.5) -> bool:
    across = min(one["x"] + one["width"], other["x"] + other["width"]) - max(one["x"], other["x"])
    down = min(one["y"] + one["height"], other["y"] + other["height"]) - max(one["y"], other["y"])
    return across > slack and down > slack


def test_everything_to_press_is_large_enough_for_a_finger(reviewed: Clinician) -> None:
    reviewed.settle()
    if reviewed.page.get_by_role("heading", name="Findings").count() == 0:
        reviewed.go_to("Review")
    reviewed.wait_for_explanation()
    reviewed.settle()
    assert reviewed.page.evaluate(_TARGETS, LEAST_TARGET) == []


def test_nothing_reaches_beyond_the_reading_window(reviewed: Clinician) -> None:
    """What does makes the page jump sideways when something in it takes the focus."""
    reviewed.settle()
    if reviewed.page.get_by_role("heading", name="Findings").count() == 0:
        reviewed.go_to("Review")
    reviewed.wait_for_explanation()
    reviewed.settle()
    beyond = reviewed.page.evaluate(
        """() => [...document.querySelectorAll("[data-testid=stMain] *")]
          .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
          .map((one) => `${one.tagName} ${one.dataset.testid ?? one.className}`)"""
    )
    assert beyond == []
