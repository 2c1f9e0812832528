"""What can not be saved or read is said, and costs nothing that was entered."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import keeping
from mmcore.errors import StoreUnavailableError
from mmcore.records import Presence
from mmcore.store import Store
from mmcore.store.place import KEEP_DAYS
from tests.app.conftest import ENTRYPOINT, Stage, html
from tests.app.desk import FINDINGS, JANE, REVEAL, control, press, read, reloaded, revealed, store


def test_what_can_not_be_saved_is_said_and_saved_with_the_next_entry(
    stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = stage.open_case("jane", "review")
    with monkeypatch.context() as failing:

        def fail(*_: object, **__: object) -> None:
            raise StoreUnavailableError(problem="OSError: No space left on device")

        failing.setattr(Store, "save_desk", fail)
        app = read(app, "nodule", Presence.PRESENT, 5)
        assert "Not saved" in html(app)
        assert "No space left" in html(app)
    app = read(app, "effusion", Presence.ABSENT)
    assert "Not saved" not in html(app.run())
    assert control(reloaded(app), "presence", "nodule").value == Presence.PRESENT


def test_no_answer_is_shown_before_the_reading_is_stored(
    stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = stage.open_case("jane", "review")
    for name in FINDINGS:
        app = read(app, name, Presence.ABSENT, 4)
    with monkeypatch.context() as failing:

        def fail(*_: object, **__: object) -> None:
            raise StoreUnavailableError(problem="OSError: No space left on device")

        failing.setattr(Store, "save_desk", fail)
        app = press(app, "reveal")
        assert "could not be stored" in html(app)
        assert any(REVEAL in b.label for b in app.button)
        assert control(app, "presence", FINDINGS[0]).value == Presence.ABSENT
    app = press(app, "reveal")
    assert not any(REVEAL in b.label for b in app.button)
    assert not any(REVEAL in b.label for b in reloaded(app).button)


def test_a_reading_recorded_elsewhere_stands_though_the_store_fails_right_after(
    stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = stage.open_case("jane", "review")
    two = reloaded(one)
    for name in FINDINGS:
        two = read(two, name, Presence.PRESENT, 2)
    one = revealed(one)
    first = store().desk(JANE, "phantom").reading
    with monkeypatch.context() as failing:
        real, calls = Store.save_desk, iter((True, False))

        def save_desk(*given: Any, **more: Any) -> Any:
            if next(calls, False):
                return real(*given, **more)  # which tells that another window was first
            raise StoreUnavailableError(problem="OSError: No space left on device")

        failing.setattr(Store, "save_desk", save_desk)
        two = press(two, "reveal")
    two = two.run()
    assert store().desk(JANE, "phantom").reading == first
    assert "You hold: <b>Present, confidence 4 of 5</b>" in html(two)


def test_a_case_deleted_in_another_window_lives_on_in_this_one_and_says_so(
    stage: Stage, folder: Path
) -> None:
    app = stage.open_case("jane", "review")
    store().remove(JANE)
    store().purge()
    app = read(app, "nodule", Presence.PRESENT, 5)
    assert "Not saved" in html(app)
    assert control(app, "confidence", "nodule").value == 5


def test_a_site_that_keeps_nothing_says_so_and_writes_nothing(
    stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEEP_DAYS, "0")
    app = read(stage.open_case("jane", "review"), "nodule", Presence.PRESENT, 5)
    assert not app.query_params
    assert not folder.exists()
    assert "Nothing is stored here" in html(app.switch_page("../pages/intake.py").run())


def test_a_store_of_a_newer_version_is_left_alone_and_no_page_is_shown(
    stage: Stage, folder: Path
) -> None:
    stage.open_case("jane")
    keeping.close()
    rows = sqlite3.connect(folder / "consilium.db")
    rows.execute("UPDATE alembic_version SET version_num = '9999'")
    rows.commit()
    rows.close()
    app = AppTest.from_file(ENTRYPOINT, default_timeout=120).run()
    assert "newer version of this program" in html(app)
    assert not app.subheader
