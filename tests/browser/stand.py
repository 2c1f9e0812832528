"""The viewer alone in a page, without a server: what it says and draws of records of a test."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Locator, Page

from dashboard import palette, viewer
from dashboard.viewer import Overlay, stacks
from mmcore.records import Case, Instance
from tests.app import factory

NO_MAP = Overlay("", "", None, "No map.")
STAGE = (772, 570)
"""Width and height of the stage in CSS pixels, in a window two pixels wider."""

_HEAD = "<!doctype html><meta charset=utf-8><div id=pixels></div><div id=view></div>"
_START = """async ([scripts, styles, messages]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const load = async (text) =>
    (await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })))).default;
  for (const css of styles) {
    const style = document.createElement("style");
    style.textContent = css;
    document.head.append(style);
  }
  const store = await load(scripts.pixels), view = await load(scripts.viewer);
  const at = (id) => document.getElementById(id);
  globalThis.stand = {
    unmounts: {},
    pixels(text, id = "pixels") {
      this.unmounts[id] = store({ data: bytes(text), parentElement: at(id) });
    },
    sent: [],
    view(text) {
      const sending = (kind) => (name, value) => this.sent.push([kind, name, value]);
      this.unmounts.view = view({ data: bytes(text), parentElement: at("view"),
        setStateValue: sending("state"), setTriggerValue: sending("trigger") });
    },
  };
  stand.pixels(messages.pixels);
  stand.view(messages.viewer);
}"""
_PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
_GREYS = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let text = "";
  for (let i = 0; i < data.length; i += 1) text += String.fromCharCode(data[i]);
  return [canvas.height, canvas.width, btoa(text)];
}"""


class Stand:
    """One viewer with one stack; every method is something a person does or sees."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.faults: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        self._messages: dict[str, str] = {}
        self.shown_last: tuple[Case, Sequence[Instance], Overlay, int]

    def show(
        self,
        case: Case,
        stack: Sequence[Instance],
        overlay: Overlay = NO_MAP,
        *,
        frame: int = 0,
        **more: object,
    ) -> "Stand":
        """Put a stack on the screen in a fresh page; ``more`` is said beside the rest."""
        self.shown_last = (case, stack, overlay, frame)
        self._messages = {
            "pixels": _text(viewer.pixels_message(stack, "stack")),
            "viewer": _text(viewer.view_message(case, stack, overlay, "stack", frame, **more)),
        }
        self.page.set_content(_HEAD)
        self.page.evaluate(
            _START,
            [
                {name: viewer.script_of(name) for name in viewer.SCRIPTS},
                [palette.css_variables(), viewer.style_of("viewer"), "body { margin: 0 }"],
                self._messages,
            ],
        )
        self.page.wait_for_selector("[data-testid=viewer-canvas][data-ready=true]")
        self.settle()
        return self

    def say_more(self, name: str = "stack", **more: object) -> None:
        """Hand over another message, on what is shown or on a stack whose pixels are to come."""
        case, stack, overlay, frame = self.shown_last
        text = _text(viewer.view_message(case, stack, overlay, name, frame, **more))
        self.page.evaluate("text => stand.view(text)", text)
        self.settle()

    def sent(self, name: str) -> list[Any]:
        """Return what the viewer sent to the page under a name, in order."""
        return [value for _, key, value in self.page.evaluate("stand.sent") if key == name]

    def show_beside(self, stack: Sequence[Instance]) -> None:
        """Choose a stack of the case for the second pane, and hand over its pixels."""
        name = stacks.id_of(stack)
        self.see("viewer-layout-2").click()
        self.see("viewer-second").select_option(name)
        case = self.shown_last[0]
        self.say_more(number=1, second={"stack": name, **stacks.facts(case, stack)})
        self.page.evaluate(
            """text => {
              const other = document.createElement("div");
              other.id = "pixels-2";
              document.body.append(other);
              stand.pixels(text, "pixels-2");
            }""",
            _text(viewer.pixels_message(stack, name)),
        )
        self.page.wait_for_selector("[data-testid=viewer-2-canvas][data-ready=true]")
        self.settle()

    def show_image(self, **changes: object) -> Instance:
        """Show one image of 57 x 57 pixels, ten CSS pixels each, unless told otherwise."""
        values = np.random.default_rng(5).integers(0, 4096, (1, 57, 57)).astype(np.uint16)
        instance = factory.image(**{"pixels": values, "spacing_mm": None, **changes})
        self.show(factory.case(picture=instance), (instance,))
        return instance

    def send_pixels_again(self, *, elsewhere: bool = False) -> None:
        """Do what Streamlit does after a rerun: hand over the same message, or mount anew."""
        if elsewhere:
            self.page.evaluate(
                """text => {
                  const other = document.createElement("div");
                  other.id = "other";
                  document.body.append(other);
                  stand.unmounts.pixels();
                  stand.pixels(text, "other");
                }""",
                self._messages["pixels"],
            )
        else:
            self.page.evaluate("text => stand.pixels(text)", self._messages["pixels"])
        self.settle()

    def settle(self) -> None:
        """Wait until what was asked for is painted."""
        self.page.evaluate(_PAINTED)

    @property
    def canvas(self) -> Locator:
        return self.page.get_by_test_id("viewer-canvas")

    def see(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid)

    def shown(self, fact: str, *, in_second: bool = False) -> str:
        self.settle()
        canvas = self.see("viewer-2-canvas") if in_second else self.canvas
        return str(canvas.get_attribute(f"data-{fact}"))

    def marks(self) -> list[dict[str, Any]]:
        return list(json.loads(self.shown("marks")))

    def press(self, *keys: str) -> None:
        self.canvas.focus()
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def choose(self, tool: str) -> None:
        self.see(f"viewer-tool-{tool}").click()

    def corner(self) -> tuple[float, float]:
        """Return where the canvas begins in the window."""
        box = self.canvas.bounding_box()
        assert box is not None
        return box["x"], box["y"]

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag from one place of the stage to another, in CSS pixels (x, y)."""
        x, y = self.corner()
        self.page.mouse.move(x + start[0], y + start[1])
        self.page.mouse.down()
        self.page.mouse.move(x + end[0], y + end[1], steps=3)
        self.page.mouse.up()
        self.settle()

    def point_at(self, place: tuple[float, float]) -> tuple[int, int, float]:
        """Point at a place of the stage; return row, column and value that are named there."""
        x, y = self.corner()
        self.page.mouse.move(x + place[0], y + place[1])
        row, column, value = self.shown("probe").split(",")
        return int(row), int(column), float(value)

    def colours(self) -> npt.NDArray[np.uint8]:
        """Return the (rows, columns, 4) RGBA of the canvas."""
        rows, columns, text = self.canvas.evaluate(_GREYS)
        return np.frombuffer(base64.b64decode(text), np.uint8).reshape(rows, columns, 4)


def _text(message: bytes) -> str:
    return base64.b64encode(message).decode()
