"""What a reader entered is there again: after a reload, in another window, after a removal."""

import hashlib
import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

import mmcore.intake
from dashboard import desks, keeping, key_images, messages, reading, services, site, state
from dashboard.services import DemoCase
from mmcore.errors import StoredFileDamagedError, StoreUnavailableError
from mmcore.records import DecisionReason, KeyImage, Presence, ReadingMode, Response
from mmcore.records.reading import PNG_SIGNATURE
from mmcore.store import EventKind, Store
from mmcore.store.place import DATA, KEEP_DAYS
from tests.app import factory
from tests.app.conftest import ENTRYPOINT, Stage, html

JANE, JOHN = factory.digest("case Doe^Jane"), factory.digest("case Roe^John")
FINDINGS = [t.name for t in factory.TARGETS if t.kind == "finding"]
REVEAL = messages.REVEAL[ReadingMode.READ_FIRST]


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
    fresh = AppTest.from_file(ENTRYPOINT, default_timeout=30)
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
    for name in FINDINGS:
        app = read(app, name, Presence.ABSENT, 4)
    return press(app, "reveal")


def recorded(app: AppTest, response: Response) -> AppTest:
    control(app, "response", "consolidation").set_value(response).run()
    return next(b for b in app.button if b.key.startswith("decide-")).click().run()


def test_a_reading_that_was_begun_is_there_after_a_reload(stage: Stage, folder: Path) -> None:
    app = read(stage.open_case("jane", "review"), "nodule", Presence.PRESENT, 5)
    app = read(app, "effusion", Presence.UNSURE)
    assert address(app) == {"case": JANE[:16]}, "and nothing else of the case"
    again = reloaded(app)
    assert control(again, "presence", "nodule").value == Presence.PRESENT
    assert control(again, "confidence", "nodule").value == 5
    assert control(again, "presence", "effusion").value == Presence.UNSURE
    assert "1 of 6 findings read, 1 not complete" in html(again)
    assert again.button(key="reveal").disabled
    assert "Why:" not in html(again), "an answer that was not shown stays hidden"


def test_what_was_recorded_is_there_after_a_reload(stage: Stage, folder: Path) -> None:
    app = recorded(revealed(stage.open_case("jane", "review")), Response.AGREE)
    page = html(reloaded(app))
    assert "Why: Consolidation" in page, "what was shown stays shown"
    assert "You hold: <b>Absent, confidence 4 of 5</b>" in page
    assert "UTC: agree" in page
    kinds = [event.kind for event in store().events(JANE)]
    assert kinds == [EventKind.KEPT, EventKind.REVEALED, EventKind.DECIDED, EventKind.OPENED]


def test_the_finding_and_the_switches_are_as_they_were_left(
    stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.READING, "concurrent")
    app = stage.open_case("jane", "review")
    app = next(b for b in app.button if b.key.endswith("-finding-nodule")).click().run()
    app = next(t for t in app.toggle if t.key.endswith("-note")).set_value(False).run()
    again = reloaded(app)
    assert "Why: Nodule" in html(again)
    assert [t.key.rpartition("-")[2] for t in again.toggle if not t.value] == ["note"]


def test_a_damaged_file_is_said_and_the_pages_go_on_without_the_case(
    stage: Stage, folder: Path
) -> None:
    app = stage.open_case("jane")
    for blob in (folder / "blobs").glob("*/*"):
        blob.write_bytes(b"other")
    again = reloaded(app, "intake")
    assert "damaged or gone" in html(again)
    again = press(again, "resume-give-up")
    assert "Add a case" in [s.value for s in again.subheader]
    assert not again.query_params


def test_an_address_of_no_stored_case_is_said_and_costs_nothing(stage: Stage, folder: Path) -> None:
    app = AppTest.from_file(ENTRYPOINT, default_timeout=30)
    app.query_params["case"] = "0123456789abcdef"
    app = app.run()
    assert "not stored here" in html(app)
    assert "not stored here" not in html(app.run()), "once"


def test_an_address_is_followed_when_the_store_can_be_read_again(
    stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = stage.open_case("jane", "review")
    with monkeypatch.context() as failing:

        def fail(*_: object, **__: object) -> None:
            raise StoreUnavailableError(problem="OperationalError: database is locked")

        failing.setattr(Store, "find", fail)
        fresh = AppTest.from_file(ENTRYPOINT, default_timeout=30)
        fresh.query_params["case"] = address(app)["case"]
        assert "can not be read just now" in html(fresh.run())
    assert control(reloaded(app), "presence", "nodule").value is None, "the case is open"


def test_the_list_says_what_is_recorded_and_opens_a_case_again(stage: Stage, folder: Path) -> None:
    def said(app: AppTest) -> str:
        app.switch_page("../pages/intake.py").run()
        return html(app)

    app = stage.open_case("jane", "review")
    assert "nothing recorded" in said(app)
    app.switch_page("../pages/review.py").run()
    app = read(app, "nodule", Presence.ABSENT, 4)
    assert "reading begun" in said(app)
    app = revealed(app.switch_page("../pages/review.py").run())
    assert "answer shown" in said(app)
    app = recorded(app.switch_page("../pages/review.py").run(), Response.AGREE)
    assert "decided 1 of 6" in said(app)
    assert 'role="alert"' not in html(app)

    other = stage.open_page("intake")
    assert "Doe, Jane" in html(other)
    other = press(other, f"stored-open-{JANE[:16]}")
    assert 'data-testid="case-summary"' in html(other)
    assert address(other) == {"case": JANE[:16]}


def test_a_closed_case_stays_in_the_list(stage: Stage, folder: Path) -> None:
    app = press(stage.open_case("jane"), "close")
    assert 'data-testid="case-summary"' not in html(app)
    assert f'data-case="{JANE[:16]}"' in html(app)
    assert not app.query_params


def test_a_removed_case_can_be_brought_back_or_deleted_for_good(stage: Stage, folder: Path) -> None:
    app = read(stage.open_case("jane", "review"), "nodule", Presence.PRESENT, 5)
    app = app.switch_page("../pages/intake.py").run()
    app = press(app, f"stored-remove-{JANE[:16]}")
    assert 'data-testid="case-summary"' not in html(app)
    assert "was removed" in html(app)
    app = press(app, f"stored-restore-{JANE[:16]}")
    app = press(app, f"stored-open-{JANE[:16]}").switch_page("../pages/review.py").run()
    assert control(app, "presence", "nodule").value == Presence.PRESENT
    app = press(app.switch_page("../pages/intake.py").run(), f"stored-remove-{JANE[:16]}")
    app = press(app, f"stored-delete-{JANE[:16]}")
    assert "Doe, Jane" not in html(app)
    assert store().case(JANE) is None
    assert not [path for path in (folder / "blobs").rglob("*") if path.is_file()]


def test_what_another_window_deleted_meanwhile_is_said(stage: Stage, folder: Path) -> None:
    app = stage.open_case("jane")
    store().delete(JANE)
    app = press(app, "close")
    assert "maybe in another window" in html(app)
    assert 'data-testid="case-summary"' not in html(app)
    app = press(stage.open_another(app, "john"), f"stored-remove-{JOHN[:16]}")
    store().delete(JOHN)
    app = press(app, f"stored-restore-{JOHN[:16]}")
    assert "maybe in another window" in html(app)
    assert 'data-testid="removed-case"' not in html(app)


def test_an_impression_is_not_called_blind_if_an_answer_was_ever_seen(
    stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.READING, "concurrent")
    app = stage.open_case("jane", "review")
    app = press(app.switch_page("../pages/intake.py").run(), f"stored-remove-{JANE[:16]}")
    press(app, f"stored-delete-{JANE[:16]}")
    monkeypatch.setenv(site.READING, "read-first")
    revealed(stage.open_case("jane", "review"))
    revealed(stage.open_case("john", "review"))
    for digest, is_blind in ((JANE, False), (JOHN, True)):
        reading = store().desk(digest, "phantom").reading
        assert reading is not None
        assert {i["is_blind"] for i in reading["impressions"]} == {is_blind}, digest


def test_two_windows_on_one_case_keep_what_was_entered_in_both(stage: Stage, folder: Path) -> None:
    one = stage.open_case("jane", "review")
    two = reloaded(one)
    one = read(one, "nodule", Presence.PRESENT, 5)
    two = read(two, "effusion", Presence.ABSENT, 2)
    again = reloaded(one)
    assert control(again, "presence", "nodule").value == Presence.PRESENT
    assert control(again, "presence", "effusion").value == Presence.ABSENT
    assert "2 of 6" in html(two)


def test_what_another_window_recorded_first_is_followed_not_overwritten(
    stage: Stage, folder: Path
) -> None:
    one = revealed(stage.open_case("jane", "review"))
    two = reloaded(one)
    control(two, "response", "consolidation").set_value(Response.REJECT).run()
    reason = next(s for s in two.selectbox if s.label == "Reason")
    two = reason.set_value(DecisionReason.ARTEFACT).run()
    one = recorded(one, Response.AGREE)
    reading = store().desk(JANE, "phantom").reading
    assert reading is not None
    assert [(d["response"], d["reason"]) for d in reading["decisions"]] == [("agree", None)]
    two = next(b for b in two.button if b.key.startswith("decide-")).click().run()
    page = html(two)
    assert "Another window recorded something" in page
    assert "UTC: agree" in page
    assert control(two, "response", "consolidation").value == Response.REJECT
    two = next(b for b in two.button if b.key.startswith("decide-")).click().run()
    reading = store().desk(JANE, "phantom").reading
    assert reading is not None
    assert [d["response"] for d in reading["decisions"]] == ["agree", "reject"]


def pictures(**captions: int) -> dict[str, Any]:
    return {"key_images": [{"picture": name, "caption": n} for name, n in captions.items()]}


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "joined"),
    [
        ({}, {"entries": {"a": 1}}, {"entries": {"b": 2}}, {"entries": {"a": 1, "b": 2}}),
        ({"target": "a"}, {"target": "a"}, {"target": "b"}, {"target": "b"}),
        ({"target": "a"}, {"target": "c"}, {"target": "b"}, {"target": "c"}),
        ({"entries": {"a": 1}}, {}, {"entries": {"a": 1}, "target": "b"}, {"target": "b"}),
        ({}, {"entries": {"a": {"x": 1}}}, {"entries": {"a": {"y": 2}}},
         {"entries": {"a": {"x": 1}}}),
        ({}, {"viewer": {"images": {"one": {"m": [1]}}}}, {"viewer": {"images": {"two": {}}}},
         {"viewer": {"images": {"one": {"m": [1]}, "two": {}}}}),
        ({}, pictures(a=1), pictures(b=1), pictures(b=1, a=1)),
        (pictures(a=1, b=1), pictures(b=2), pictures(a=1, b=1, c=1), pictures(b=2, c=1)),
        (pictures(a=1), pictures(a=1, b=1), {}, pictures(b=1)),
    ],
)  # fmt: skip
def test_two_drafts_are_joined_by_what_each_window_changed(
    base: Any, mine: Any, theirs: Any, joined: Any
) -> None:
    assert desks.merged(base, mine, theirs) == joined


def test_the_last_entry_is_undone_and_redone_until_it_is_recorded(
    stage: Stage, folder: Path
) -> None:
    app = stage.open_case("jane", "review")
    assert app.button(key="undo").disabled
    app = read(app, "nodule", Presence.PRESENT, 5)
    app = read(app, "nodule", Presence.ABSENT)
    app = press(app, "undo")
    assert control(app, "presence", "nodule").value == Presence.PRESENT
    app = press(press(app, "undo"), "undo")
    assert control(app, "presence", "nodule").value is None
    assert app.button(key="undo").disabled
    app = press(press(app, "redo"), "redo")
    assert control(app, "presence", "nodule").value == Presence.PRESENT
    assert control(app, "confidence", "nodule").value == 5
    assert control(reloaded(app), "confidence", "nodule").value == 5, "what is undone is saved too"
    app = read(app, "effusion", Presence.ABSENT, 1)
    assert app.button(key="redo").disabled
    app = revealed(app)
    assert app.button(key="undo").disabled, "what is recorded stays recorded"


def test_the_case_before_and_after_is_one_step_away_and_keeps_what_was_entered(
    stage: Stage, folder: Path
) -> None:
    app = stage.open_case("jane")
    assert app.button(key="case-before").disabled
    assert app.button(key="case-after").disabled
    app = stage.open_another(app, "john").switch_page("../pages/review.py").run()
    assert app.button(key="case-after").disabled
    app = read(app, "nodule", Presence.PRESENT, 3)
    app = press(app, "case-before")
    assert address(app) == {"case": JANE[:16]}
    assert app.button(key="case-before").disabled
    assert control(app, "presence", "nodule").value is None
    app = press(app, "case-after")
    assert address(app) == {"case": JOHN[:16]}
    assert control(app, "confidence", "nodule").value == 3


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
    assert "You hold: <b>Absent, confidence 4 of 5</b>" in html(two)


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
    app = AppTest.from_file(ENTRYPOINT, default_timeout=30).run()
    assert "newer version of this program" in html(app)
    assert not app.subheader


def test_preferences_are_there_in_the_next_session(stage: Stage, folder: Path) -> None:
    store().prefer("local", "theme", "light")
    keeping.close()
    assert store().preference("local", "theme") == "light"


def test_a_damaged_picture_is_told_and_nothing_else_is_lost(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = state.Session()
    monkeypatch.setattr(state, "session", lambda: session)
    case = factory.case()
    keeping.keep_case(case, [("image.dcm", b"jane")], label="one", pack_name="phantom")
    work = state.open_case(case, "one")
    work.pack_name = "phantom"
    keeping.begin(work)
    one, two = (
        KeyImage(PNG_SIGNATURE + words, case.digest, 0, words.decode(), factory.TAKEN)
        for words in (b"one", b"two")
    )
    desk = reading.desk(work)
    desk.key_images = (one, two)
    desk.viewer = {"images": {"stack": {"marks": []}}}
    desk.entry("nodule").confidence = 3
    desks.save(work)
    whole = Store.picture

    def picture(self: Store, digest: str) -> bytes:
        if digest == hashlib.sha256(one.png).hexdigest():
            raise StoredFileDamagedError(digest=digest, problem="gone")
        return whole(self, digest)

    monkeypatch.setattr(Store, "picture", picture)
    session.desks.clear()
    found = reading.desk(work)
    assert found.key_images == (two,)
    assert "can not be read any more and is left out: one" in session.told
    assert found.viewer == desk.viewer
    assert found.entry("nodule").confidence == 3


def test_key_images_and_views_are_kept_and_a_removal_is_undone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = state.Session()
    monkeypatch.setattr(state, "session", lambda: session)
    case = factory.case()
    keeping.keep_case(case, [("image.dcm", b"jane")], label="one", pack_name="phantom")
    work = state.open_case(case, "one")
    work.pack_name = "phantom"
    keeping.begin(work)
    one, two = (
        KeyImage(PNG_SIGNATURE + words, case.digest, 0, "Caption", factory.TAKEN)
        for words in (b"one", b"two")
    )
    desk = reading.desk(work)
    desk.viewer = {"images": {"stack": {"marks": [{"kind": "length"}]}}}
    desk.key_images = (one, two)
    desks.save(work)
    key_images.remove(work, 0)
    desks.save(work)
    session.desks.clear()
    assert reading.desk(work).key_images == (two,)

    desk = reading.desk(work)
    key_images.remove(work, 0)
    desks.undo(work)
    assert (desk.key_images, desk.removed) == ((two,), None)
    session.desks.clear()
    found = reading.desk(work)
    assert (found.key_images, found.viewer) == ((two,), desk.viewer)


def test_an_undone_caption_is_drawn_as_it_was(
    stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.READING, "concurrent")
    app = stage.open_case("jane", "review")
    (desk,) = app.session_state["consilium_session"].desks.values()
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    desk.key_images = (KeyImage(buffer.getvalue(), JANE, 0, "As told", factory.TAKEN),)
    app = app.run()
    app = app.text_area[0].set_value("By hand").run()
    assert desk.key_images[0].caption == "By hand"
    app = press(app, "undo")
    assert desk.key_images[0].caption == app.text_area[0].value == "As told"


def test_a_name_from_a_file_is_no_markdown_in_a_tip(stage: Stage, folder: Path) -> None:
    stage.demos["jane"] = factory.case("![x](http://a.example/x.png)")
    app = stage.open_case("jane")
    button = app.button(key=f"stored-open-{stage.demos['jane'].digest[:16]}")
    assert "![" not in button.help
    assert "x\\]" in button.help
