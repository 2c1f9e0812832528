"""What a reader does at the desk and what is stored of it, in the words of the tests."""

from typing import Any

from streamlit.testing.v1 import AppTest

from dashboard import keeping, messages
from mmcore.records import Presence, ReadingMode, Response
from mmcore.store import Store
from tests.app import factory
from tests.app.conftest import ENTRYPOINT

JANE, JOHN = factory.digest("case Doe^Jane"), factory.digest("case Roe^John")


FINDINGS = [t.name for t in factory.TARGETS if t.kind == "finding"]


REVEAL = messages.REVEAL[ReadingMode.READ_FIRST]


def store() -> Store:
    kept = keeping.store()
    assert kept is not None
    return kept


def address(app: AppTest) -> dict[str, str]:
    """Return what the address of a tab says besides its page."""
    return {
        name: value if isinstance(value, str) else value[0]
        for name, value in app.query_params.items()
    }


def reloaded(app: AppTest, page: str = "review") -> AppTest:
    """Open the address of a tab in a session of its own, as a reload does."""
    fresh = AppTest.from_file(ENTRYPOINT, default_timeout=120)
    for name, value in address(app).items():
        fresh.query_params[name] = value
    return fresh.run().switch_page(f"../pages/{page}.py").run()


def control(app: AppTest, what: str, name: str) -> Any:
    return next(b for b in app.button_group if b.key.startswith(f"{what}-") and f"-{name}" in b.key)


def read(app: AppTest, name: str, presence: Presence, confidence: int | None = None) -> AppTest:
    app = control(app, "presence", name).set_value(presence).run()
    if confidence is None:
        return app
    return control(app, "confidence", name).set_value(confidence).run()


def press(app: AppTest, key: str) -> AppTest:
    return app.button(key=key).click().run()


def revealed(app: AppTest) -> AppTest:
    for name in FINDINGS:  # as the model calls them, so that nobody is asked why they agree
        is_there = name == "consolidation"
        app = read(app, name, Presence.PRESENT if is_there else Presence.ABSENT, 4)
    return press(app, "reveal")


def recorded(app: AppTest, response: Response) -> AppTest:
    control(app, "response", "consolidation").set_value(response).run()
    return next(b for b in app.button if b.key.startswith("decide-")).click().run()
