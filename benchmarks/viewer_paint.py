"""How long the viewer takes to repaint, in the Chromium of this machine and without a GPU.

Run by hand: ``python benchmarks/viewer_paint.py``. Prints the median and the 95th percentile of
milliseconds from the start of a paint until the canvas can be read, for each kind of change.
"""

import argparse
import shutil
from collections.abc import Sequence

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from dashboard.viewer import Overlay
from mmcore.records import Modality, PartItem, Parts
from tests.app import factory
from tests.browser.conftest import LAUNCH
from tests.browser.stand import Stand

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


def report(browser: Browser, shapes: Sequence[tuple[int, int]], *, repeats: int) -> None:
    """Print one table for each image size."""
    for shape in shapes:
        page = browser.new_page(viewport={"width": 774, "height": 900})
        times = paint_times(page, shape, repeats=repeats)
        page.close()
        print(f"\n{shape[0]} x {shape[1]}, 16 bit, with a map: ms, median / 95th percentile")
        for name, found in times.items():
            print(f"  {name:8}{np.median(found):7.1f} /{np.percentile(found, 95):7.1f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(LAUNCH))
        report(browser, [(1024, 1024), (2048, 2048), (3056, 2544)], repeats=options.repeats)
        browser.close()


if __name__ == "__main__":
    main()
