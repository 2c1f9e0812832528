"""What a person does and sees in the dashboard, in the words of the tests."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    ConsoleMessage,
    FilePayload,
    Locator,
    Page,
    Request,
    WebSocket,
    expect,
)

_LOCAL = ("127.0.0.1", "localhost")
_INSIDE = ("data", "blob")  # what the page made itself
_LOADS_WITHIN = 400_000.0  # milliseconds, of which an idle machine takes a hundredth
_STILL = """() => {
  const app = document.querySelector("[data-testid=stApp]");
  const moves = (one) =>
    one.playState === "running" && one.effect?.getComputedTiming().endTime < 60_000;
  const isStill = !document.querySelector("[data-stale=true], .co-skeleton")
    && (!app || app.dataset.testScriptState === "notRunning")
    && !document.getAnimations().some(moves);
  globalThis.__stillSince = isStill ? globalThis.__stillSince ?? performance.now() : null;
  return isStill && performance.now() - globalThis.__stillSince > 300;
}"""


@dataclass(frozen=True, slots=True)
class Row:
    """One finding as its row on the review page shows it."""

    name: str
    display: str
    called: str
    gate: str
    value: str
    is_selected: bool


@dataclass
class Traffic:
    """What the page sent: requests, and messages over its socket.

    kept: messages with which the viewer keeps how it was left, a while after the last change.
    """

    sent: list[str] = field(default_factory=list)
    kept: int = 0

    def note(self, url: str, message: str | bytes) -> None:
        """Note one message over the socket."""
        content = message.encode() if isinstance(message, str) else message
        if b'"kept"' in content:
            self.kept += 1
        else:
            self.sent.append(url)


class Clinician:
    """A person at one browser window. Every method is something they do or read."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.traffic = Traffic()
        self.requests: list[str] = []
        self.faults: list[str] = []
        page.on("request", self._note_request)
        page.on("websocket", self._note_socket)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._note_refusal)
        page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))

    def _note_refusal(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Permissions-Policy" in message.text:
            self.faults.append(message.text)

    def _note_request(self, request: Request) -> None:
        self.requests.append(request.url)
        if urlsplit(request.url).scheme not in _INSIDE:
            self.traffic.sent.append(request.url)

    def _note_socket(self, socket: WebSocket) -> None:
        self.requests.append(socket.url)
        socket.on("framesent", lambda message: self.traffic.note(socket.url, message))

    @property
    def requests_elsewhere(self) -> list[str]:
        """Every address asked for that is not on this machine."""
        return [
            url
            for url in self.requests
            if urlsplit(url).scheme not in _INSIDE and urlsplit(url).hostname not in _LOCAL
        ]

    # --- Getting about

    def open(self) -> "Clinician":
        """Open the dashboard and wait until the model is there."""
        self.page.goto(self.url)
        expect(self.see("research-banner")).to_be_visible()
        expect(self.see("model-status")).to_have_attribute(
            "data-status", "ready", timeout=_LOADS_WITHIN
        )
        return self

    def settle(self) -> None:
        """Wait until the page is whole: nothing runs, waits, fades or is left of a former run."""
        self.page.wait_for_function(_STILL)

    def see(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid)

    def go_to(self, page_name: str) -> None:
        self.page.get_by_role("link", name=page_name, exact=True).click()

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()

    # --- Cases

    @property
    def switcher(self) -> Locator:
        return self.page.get_by_role("combobox", name="Open case")

    def demos(self) -> list[str]:
        """Return the folder names of the demonstration patients on offer, on the Cases page."""
        cards = self.page.locator("[data-testid^='demo-']")
        if not cards.count():
            self.page.locator("a[href$='intake']").first.click()
        expect(cards.first).to_be_visible()
        self.settle()
        return [str(c.get_attribute("data-testid")).removeprefix("demo-") for c in cards.all()]

    def open_demo(self, number: int = 0) -> str:
        """Open one demonstration patient, unless it is; return its folder name."""
        name = self.demos()[number]
        title = self.see(f"demo-{name}").get_by_role("heading").inner_text()
        is_open = re.compile(rf"(^|· ){re.escape(title)}$")
        if not (self.switcher.count() and is_open.search(self.switcher.input_value())):
            self.press(f"Open {title}")
        expect(self.switcher).to_have_value(is_open)
        expect(self.see("files-table")).to_be_visible()
        return name

    def add(self, files: Sequence[Path | FilePayload]) -> None:
        """Drop files in, have them read, and wait for what became of them."""
        self.settle()
        self.page.locator("input[type=file]").set_input_files(list(files))  # type: ignore[arg-type] # paths or payloads
        read = f"Read {len(files)} file{'s' if len(files) > 1 else ''}"
        self.press(read)
        expect(self.page.get_by_role("button", name=read, exact=True)).to_have_count(0)
        expect(self.see("files-table").locator("tbody tr").first).to_be_visible()
        self.settle()

    def verdicts(self) -> dict[str, tuple[str, str]]:
        """Return verdict and words for each file of the case, by its name."""
        self.settle()
        rows = self.see("files-table").locator("tbody tr").all()
        told = {}
        for row in rows:
            name = row.locator("th").evaluate("cell => cell.firstChild.textContent")
            told[str(name).strip()] = (
                str(row.get_attribute("data-verdict")),
                row.locator("td").last.inner_text(),
            )
        return told

    def inputs(self) -> dict[str, bool]:
        """Return which inputs the case has."""
        self.settle()
        boxes = self.page.locator("[data-testid^='input-']").all()
        return {
            str(box.get_attribute("data-testid")).removeprefix("input-"): (
                box.get_attribute("data-present") == "true"
            )
            for box in boxes
        }

    # --- Review

    def review(self) -> None:
        """Go to the review of the open case and wait for its findings and first explanation."""
        self.press("Review this case")
        expect(self.page.locator("[data-testid^='finding-']").first).to_be_visible()
        self.wait_for_explanation()

    def wait_for_explanation(self) -> None:
        """Wait for the ledger of the chosen finding, unless it is withheld."""
        chosen = self.page.locator("[data-testid^='finding-'][data-selected=true]")
        expect(chosen).to_be_visible()
        name = str(chosen.get_attribute("data-testid")).removeprefix("finding-")
        if chosen.get_attribute("data-gate") == "withheld":
            expect(self.see("gate-reason")).to_be_visible()
        else:
            expect(self.see("ledger-sentence")).to_have_attribute("data-target", name)

    def findings(self) -> list[Row]:
        """Return the findings as listed."""
        self.settle()
        rows = self.page.locator("[data-testid^='finding-']").all()
        return [
            Row(
                name=str(row.get_attribute("data-testid")).removeprefix("finding-"),
                display=str(row.locator(".co-name").evaluate("n => n.firstChild.textContent")),
                called=str(row.get_attribute("data-called")),
                gate=str(row.get_attribute("data-gate")),
                value=row.locator(".co-value").inner_text().split("\n")[0],
                is_selected=row.get_attribute("data-selected") == "true",
            )
            for row in rows
        ]

    def choose(self, row: Row) -> None:
        """Choose a finding and wait for its explanation."""
        self.page.get_by_role("button", name=re.compile(rf"^{re.escape(row.display)}, ")).click()
        expect(self.see(f"finding-{row.name}")).to_have_attribute("data-selected", "true")
        expect(self.page.get_by_role("heading", name=f"Why: {row.display}")).to_be_visible()
        self.wait_for_explanation()

    def table(self, caption: str) -> list[list[str]]:
        """Return the body of a table by its caption, as read."""
        table = self.page.locator("table", has=self.page.locator("caption", has_text=caption))
        expect(table.locator("tbody tr").first).to_be_attached()
        self.settle()
        return [row.locator("th, td").all_inner_texts() for row in table.locator("tbody tr").all()]

    # --- The viewer

    @property
    def canvas(self) -> Locator:
        return self.see("viewer-canvas")

    def wait_for_image(self) -> None:
        expect(self.canvas).to_have_attribute("data-ready", "true")

    def shown(self, fact: str) -> str:
        """Return one fact of what the canvas shows, such as "window-center"."""
        return str(self.canvas.get_attribute(f"data-{fact}"))

    def expect_shown(self, fact: str, value: str | re.Pattern[str]) -> None:
        expect(self.canvas).to_have_attribute(f"data-{fact}", value)

    def expect_change(self, fact: str, before: str) -> None:
        expect(self.canvas).not_to_have_attribute(f"data-{fact}", before)

    def slide(self, control: str, value: float) -> None:
        """Move one of the viewer's sliders."""
        self.see(f"viewer-{control}").fill(str(value))

    def drag(self, dx: float, dy: float) -> None:
        """Drag over the middle of the image with the left button."""
        box = self.canvas.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + dx, y + dy, steps=4)
        self.page.mouse.up()
        self.page.evaluate(  # painted in the next frame
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def point_at(self, across: float, down: float) -> tuple[int, int, float]:
        """Point at a part of the canvas; return row, column and value that it names there."""
        box = self.canvas.bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
        row, column, value = self.shown("probe").split(",")
        return int(row), int(column), float(value)

    # --- Report

    def report(self) -> None:
        self.go_to("Report")
        expect(self.see("report-preview")).to_be_visible()

    def download(self, button: str, folder: Path) -> Path:
        with self.page.expect_download() as waiting:
            self.press(button)
        path = folder / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    def download_json(self, folder: Path) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.download("Download JSON", folder).read_bytes())
        return document

    @contextmanager
    def without_the_server(self) -> Iterator[None]:
        """Fail if what is done inside makes the page send anything but how the viewer was left.

        That is one message, after the last change.
        """
        self.traffic.sent.clear()
        self.traffic.kept = 0
        yield
        self.page.wait_for_timeout(300)  # long enough for a message that was about to be sent
        icon = self.page.evaluate("document.querySelector('link[rel~=icon]').href")
        assert [url for url in self.traffic.sent if url != icon] == []  # the browser's own wish
        assert self.traffic.kept <= 1


def number(text: str) -> float:
    """Return the first number of a text as shown, with its real minus."""
    found = re.search(r"[-+]?\d+(?:\.\d+)?", text.replace("\u2212", "-"))
    assert found, f"no number in {text!r}"
    return float(found.group())
