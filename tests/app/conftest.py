"""Every app test runs the real entrypoint with a fake engine, jobs done at once, and no canvas."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import mmcore.intake
from dashboard import jobs, keeping, player, services, site, state, viewer, worklist_scoring
from dashboard.services import DemoCase, PackFacts
from dashboard.viewer.packing import unpack
from mmcore.records import Case, Modality, PixelArray, modality
from mmcore.store.place import DATA, KEEP_DAYS
from tests.app import factory

ENTRYPOINT = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
PAGE_FILES = sorted(p.stem for p in (ENTRYPOINT.parents[1] / "pages").glob("*.py"))


@dataclass
class Stage:
    """What stands behind the pages in a test, and what reached the viewer.

    demos: title of each demonstration patient and the case it opens.
    shown: the last message to each viewer component, unpacked.
    heard: the last message to each player, unpacked, by its key.
    """

    engine: factory.FakeEngine
    demos: dict[str, Case]
    shown: dict[str, tuple[dict[str, Any], dict[str, PixelArray]]] = field(default_factory=dict)
    heard: dict[str, tuple[dict[str, Any], dict[str, PixelArray]]] = field(default_factory=dict)

    def open_page(self, stem: str) -> AppTest:
        app = AppTest.from_file(ENTRYPOINT, default_timeout=120).run()
        return app.switch_page(f"../pages/{stem}.py").run()

    def open_case(self, title: str, stem: str = "intake") -> AppTest:
        app = self.open_page("intake")
        return self.open_another(app, title).switch_page(f"../pages/{stem}.py").run()

    def open_another(self, app: AppTest, title: str) -> AppTest:
        app.switch_page("../pages/intake.py").run()
        return app.button(key=f"demo-{title}").click().run()


def html(app: AppTest) -> str:
    """Return all HTML of the page that is not the style sheet."""
    assert not app.exception, app.exception
    return "\n".join(e.value for e in app.get("html") if not e.value.startswith("<style"))


@pytest.fixture(autouse=True)
def keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep every test's cases in memory, unless it sets a place for them."""
    monkeypatch.setenv(KEEP_DAYS, "0")
    yield
    keeping.close()


@pytest.fixture
def lung_function(monkeypatch: pytest.MonkeyPatch) -> Modality:
    """Declare a sixth modality, as an extension would, for one test."""
    monkeypatch.setattr(modality, "_KNOWN", dict(modality._KNOWN))
    return Modality.declare(
        "lung_function", display="Lung function", subject="the lung function",
        inside="inside the lung function", absent="no lung function test",
    )  # fmt: skip


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(factory.FakeEngine(), {"jane": factory.case()})

    def start_at_once(work: Callable[..., Any]) -> jobs.Job[Any]:
        job: jobs.Job[Any] = jobs.Job()
        job.run(work)
        return job

    def mount(component: str, message: bytes, **_: object) -> None:
        made.shown[component] = unpack(message)

    def mount_player(message: bytes, *, key: str) -> None:
        made.heard[key] = unpack(message)

    def read_demo(demo: DemoCase) -> None:
        current = state.session()
        current.intake = start_at_once(lambda _: made.demos[demo.name])
        current.intake_label = demo.title

    monkeypatch.setattr(services, "_SHELF", services._Shelf())
    monkeypatch.setattr(worklist_scoring, "start", lambda _: None)
    monkeypatch.setattr(jobs, "start", start_at_once)
    monkeypatch.setattr(viewer, "mount", mount)
    monkeypatch.setattr(player, "mount", mount_player)
    monkeypatch.setattr(services, "load_engine", lambda _: made.engine)
    pack = PackFacts("phantom", "Phantom", "1.0.0", True, Path("nowhere"))
    monkeypatch.setattr(services, "packs", lambda: (pack,))
    monkeypatch.setattr(services, "read_demo", read_demo)
    monkeypatch.setattr(services, "demo_contents", lambda _: (Modality.IMAGE, Modality.RECORDING))
    monkeypatch.setattr(
        services,
        "demo_cases",
        lambda: tuple(DemoCase(n, n.title(), "A case.", Path("nowhere")) for n in made.demos),
    )
    return made


@pytest.fixture
def folder(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep cases in a folder; a demonstration patient is one file that names its case."""
    stage.demos["john"] = factory.case("Roe^John", picture=factory.image(32, 32, seed=5))

    def read_demo(demo: DemoCase) -> None:
        services.read_files([("image.dcm", demo.name.encode())], demo.title, "phantom")

    def case_from_files(files: Any, **_: object) -> Any:
        return stage.demos[files[0].data.decode()]

    monkeypatch.setattr(services, "read_demo", read_demo)
    monkeypatch.setattr(mmcore.intake, "case_from_files", case_from_files)
    monkeypatch.setenv(DATA, str(tmp_path / "data"))
    monkeypatch.delenv(KEEP_DAYS)
    monkeypatch.setenv(site.READING, "read-first")
    yield tmp_path / "data"
    keeping.close()


def choose(app, name: str):  # type: ignore[no-untyped-def] # AppTest in, AppTest out
    """Press a finding on the Review page; return the app as it is then."""
    return next(b for b in app.button if b.key and b.key.endswith(f"-finding-{name}")).click().run()
