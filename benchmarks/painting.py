"""How long the viewer takes to repaint, beside a Streamlit page that draws the window in Python.

The viewer's time is from the start of a paint until the canvas can be read; the page's, from moving
its slider until the new picture is there. Both in the Chromium of this machine, without a GPU.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Error, Page, sync_playwright

from benchmarks.harness import Row, ratio, single
from dashboard.viewer import Overlay
from mmcore.records import Modality, PartItem, Parts
from tests.app import factory
from tests.browser.conftest import LAUNCH, free_port
from tests.browser.stand import Stand

GROUP = "repainting the image"
SHAPES = ((1024, 1024), (2048, 2048), (3056, 2544))
PLAIN = (2048, 2048)
CHANGES = {
    "window": ("w", ("ArrowRight", True)),
    "pan": ("p", ("ArrowRight", True)),
    "zoom": ("z", ("ArrowUp", True)),
    "rotate": ("w", ("r", False)),
    "flip": ("w", ("h", False)),
}
"""The key that chooses the tool; the key that is timed, and whether with Shift."""

# The paint runs in the next frame; the second callback of that frame reads what it drew.
_TIME = """(canvas, [key, shiftKey]) => new Promise(done => {
  canvas.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true }));
  requestAnimationFrame(() => {
    const started = performance.now();
    canvas.getContext("2d").getImageData(0, 0, 1, 1);
    done(Number(canvas.dataset.paintMs) + performance.now() - started);
  });
})"""


_PLAIN_PAGE = """
import numpy as np
import streamlit as st
rows, columns = 2048, 2048
y, x = np.mgrid[0:rows, 0:columns]
pixels = (2000 + 900 * np.sin(x / 300) * np.cos(y / 400)).astype(np.uint16)
center = st.slider("Window", 1000, 3000, 1500)
shown = np.clip((pixels.astype(np.float32) - center + 800) / 1600 * 255, 0, 255)
st.image(shown.astype(np.uint8))
"""


def paint_times(page: Page, shape: tuple[int, int], *, repeats: int) -> dict[str, list[float]]:
    """Return the milliseconds of ``repeats`` paints for each kind of change."""
    image = factory.image(*shape)
    y, x = np.mgrid[0:56, 0:56]
    blob = 0.01 * np.exp(-((y - 30) ** 2 + (x - 20) ** 2) / 60).astype(np.float32)
    side = float(max(shape))
    parts = Parts(
        Modality.IMAGE, float(blob.sum()), 0.0, True, "",
        (PartItem("the middle", (side / 2, side / 3), 0.5),), n_steps=8, overlay=blob,
        overlay_box=(0.0, 0.0, side, side),
    )  # fmt: skip
    stand = Stand(page).show(
        factory.case(picture=image), (image,), Overlay("finding", "Finding", parts)
    )
    times: dict[str, list[float]] = {}
    for name, (tool, key) in CHANGES.items():
        stand.press(" ", tool)
        times[name] = []
        for _ in range(repeats):
            times[name].append(float(stand.canvas.evaluate(_TIME, list(key))))
            stand.settle()
    return times


def rows(rounds: int) -> Iterator[Row]:
    """Measure each kind of change of our viewer, and a window drawn by ``st.image``."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(LAUNCH))
        ours: list[float] = []
        for shape in SHAPES:
            page = browser.new_page(viewport={"width": 774, "height": 900})
            times = paint_times(page, shape, repeats=3 * rounds)
            page.close()
            size = f"{shape[0]} x {shape[1]}"
            for name, found in times.items():
                yield single(GROUP, f"{name}, {size}", found, "ms")
            if shape == PLAIN:
                ours = times["window"]
        theirs = _plain_times(browser, repeats=len(ours))
        size = f"{PLAIN[0]} x {PLAIN[1]}"
        yield ratio(GROUP, f"window by st.image, {size}", theirs, ours, f"window, {size}", "ms")
        browser.close()


def _plain_times(browser: Browser, *, repeats: int) -> list[float]:
    """Return the milliseconds until ``st.image`` shows another window, on a page of its own."""
    with tempfile.TemporaryDirectory() as place:
        script = Path(place) / "plain.py"
        script.write_text(_PLAIN_PAGE, "utf-8")
        port = free_port()
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port),
             "--server.headless", "true", "--browser.gatherUsageStats", "false"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            page = browser.new_page(viewport={"width": 774, "height": 900})
            _open(page, f"http://127.0.0.1:{port}")
            picture, slider = page.locator("img").first, page.get_by_role("slider")
            times = []
            for _ in range(repeats):
                before = picture.get_attribute("src")
                started = time.perf_counter()
                slider.press("ArrowRight")
                page.wait_for_function(
                    """before => {
                      const shown = document.querySelector("img");
                      return shown && shown.getAttribute("src") !== before && shown.complete;
                    }""",
                    arg=before, polling=5,
                )  # fmt: skip
                times.append(1000.0 * (time.perf_counter() - started))
            page.close()
            return times
        finally:
            server.terminate()
            server.wait(20)


def _open(page: Page, url: str) -> None:
    for _ in range(200):
        try:
            page.goto(url)
            break
        except Error:  # the server is not up yet
            time.sleep(0.2)
    page.locator("img").first.wait_for(timeout=60_000)
