"""What a person waits for: the first page, the scores of their files, the first explanation."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from benchmarks.harness import Row, single
from mmcore.simulate import sample_patient
from mmcore.simulate.cohort import write_patient
from tests.browser.clinician import Clinician
from tests.browser.conftest import LAUNCH, free_port, launch, program, stop

GROUP = "waiting at the browser"
SEED = 611
TRUTH = "truth.json"
PATIENCE = 120_000.0  # ms


def rows(rounds: int) -> Iterator[Row]:
    """Start a server for each round; be the first person who comes to it."""
    times: dict[str, list[float]] = {}
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program(), args=list(LAUNCH))
        for number in range(rounds):
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place) / "patient"
                write_patient(sample_patient(SEED, number), folder)
                files = [path for path in sorted(folder.iterdir()) if path.name != TRUTH]
                port = free_port()
                server = launch(Path(place) / "log", {"CONSILIUM_READING": "concurrent"}, port)
                try:
                    context = browser.new_context(viewport={"width": 1440, "height": 900})
                    context.set_default_timeout(PATIENCE)
                    _visit(Clinician(context.new_page(), f"http://127.0.0.1:{port}"), files, times)
                    context.close()
                finally:
                    stop(server)
        browser.close()
    for name, found in times.items():
        yield single(GROUP, name, found, "ms")


def _visit(person: Clinician, files: list[Path], times: dict[str, list[float]]) -> None:
    def took(name: str, started: float) -> None:
        times.setdefault(name, []).append(1000.0 * (time.perf_counter() - started))

    started = time.perf_counter()
    person.page.goto(f"{person.url}/intake")
    expect(person.page.locator("input[type=file]")).to_have_count(1)
    took("first page, of a server that is up", started)
    person.page.wait_for_timeout(8000)  # the model loads behind the page
    started = time.perf_counter()
    person.add(files)
    expect(person.page.get_by_role("button", name="Review this case")).to_be_visible()
    took("files read and listed", started)
    started = time.perf_counter()
    person.press("Review this case")
    expect(person.page.locator("[data-testid^='finding-']").first).to_be_visible()
    took("scores, from the click on", started)
    started = time.perf_counter()
    person.wait_for_explanation()
    took("first explanation, after the scores", started)
