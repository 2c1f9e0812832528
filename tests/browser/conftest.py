"""One real server and one real Chromium for all browser tests; a fresh person for each."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.clinician import Clinician
from tests.browser.stand import STAGE, Stand
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
_STARTS_WITHIN = 120.0  # seconds, on a busy machine
_ANSWERS_WITHIN = 180.0  # seconds: the slowest step is a report, which explains every finding
_ENDS_WITHIN = 900.0  # seconds, of a test with all that it needs first

NewClinician = Callable[[], Clinician]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave a busy machine the time that the steps of a test may take."""
    for item in items:
        if item.path.parent == Path(__file__).parent and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_ENDS_WITHIN))


def _is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the dashboard as ``make run`` does, on the packs and demonstration cases installed."""
    if not list(ROOT.glob("assets/packs/*/pack.yaml")):
        pytest.skip("no model pack under assets/packs")
    if not list(ROOT.glob("assets/demo/*/demo.yaml")):
        pytest.skip("no demonstration patient under assets/demo")
    with serving(tmp_path_factory.mktemp("server") / "server.log", {}) as url:
        yield url


def launch(log: Path, settings: Mapping[str, str], port: int) -> subprocess.Popen[bytes]:
    """Start one server with further environment variables, and wait until it answers.

    It keeps nothing unless ``settings`` say so, so that each person starts with an empty desk.
    """
    command = [
        sys.executable, "-m", "streamlit", "run", "dashboard/app.py",
        "--server.port", str(port), "--server.headless", "true",
    ]  # fmt: skip
    environment = {**os.environ, "CONSILIUM_KEEP_DAYS": "0", **settings}
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT, env=environment
        )
    end = time.monotonic() + _STARTS_WITHIN
    while not _is_up(f"http://127.0.0.1:{port}"):
        if process.poll() is not None or time.monotonic() > end:
            stop(process)
            pytest.fail(f"the server did not start:\n{log.read_text()}")
        time.sleep(0.2)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask a server to end, and end it if it does not."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def serving(log: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """Run one server with further environment variables; give its address."""
    port = free_port()
    process = launch(log, settings, port)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)
    assert "Traceback" not in log.read_text(), log.read_text()


def program() -> str:
    """Return the Chromium of this machine, or skip the test."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("neither chromium nor google-chrome is installed (apt-get install chromium)")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the Chromium of this machine; nothing is downloaded for the tests."""
    found = program()
    expect.set_options(timeout=_ANSWERS_WITHIN * 1000)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=list(LAUNCH))
        yield chromium
        chromium.close()


def people(browser: Browser, url: str) -> Iterator[NewClinician]:
    made: list[Clinician] = []

    def new() -> Clinician:
        context = browser.new_context(
            viewport={"width": 1440, "height": 900}, accept_downloads=True
        )
        context.set_default_timeout(_ANSWERS_WITHIN * 1000)
        made.append(Clinician(context.new_page(), url))
        return made[-1]

    yield new
    for clinician in made:
        clinician.page.context.close()
    for clinician in made:  # whatever a test is about, these hold
        assert clinician.requests_elsewhere == [], "a request left this machine"
        assert clinician.faults == [], "a script of the page failed"


@pytest.fixture
def new_clinician(browser: Browser, server: str) -> Iterator[NewClinician]:
    """Make people with a browser profile of their own, as many as a test needs."""
    yield from people(browser, server)


@pytest.fixture
def clinician(new_clinician: NewClinician) -> Clinician:
    """One person who has just opened the dashboard."""
    return new_clinician().open()


@pytest.fixture(scope="module")
def reviewed(browser: Browser, server: str) -> Iterator[Clinician]:
    """One person who reviews the first demonstration patient; shared by a module, as it is slow."""
    made = people(browser, server)
    person = next(made)().open()
    person.open_demo()
    person.review()
    yield person
    next(made, None)


@pytest.fixture
def stand(browser: Browser) -> Iterator[Stand]:
    """Open the viewer alone in a page; no test of it may ask for anything or fail a script."""
    context = browser.new_context(
        viewport={"width": STAGE[0] + 2, "height": 900}, accept_downloads=True, has_touch=True
    )
    made = Stand(context.new_page())
    yield made
    context.close()
    assert [url for url in made.requests if not url.startswith("blob:")] == []
    assert made.faults == []
