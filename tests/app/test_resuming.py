"""What a reader entered is there again: after a reload, from the list, after a removal."""

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import keeping, site
from mmcore.errors import StoreUnavailableError
from mmcore.records import Presence, Response
from mmcore.store import EventKind, Store
from tests.app import factory
from tests.app.conftest import ENTRYPOINT, Stage, html
from tests.app.desk import (
    JANE,
    JOHN,
    address,
    control,
    press,
    read,
    recorded,
    reloaded,
    revealed,
    store,
)


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
    assert "You hold: <b>Present, confidence 4 of 5</b>" in page
    assert "UTC: agree" in page
    kinds = [event.kind for event in store().events(JANE)]
    seen = {EventKind.IMAGE_SEEN: 2, EventKind.ANSWER_SEEN: 2}  # by either tab
    assert {kind: kinds.count(kind) for kind in seen} == seen
    assert [kind for kind in kinds if kind not in seen] == [
        EventKind.KEPT, EventKind.REVEALED, EventKind.DECIDED, EventKind.OPENED
    ]  # fmt: skip


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
    app = AppTest.from_file(ENTRYPOINT, default_timeout=120)
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
        fresh = AppTest.from_file(ENTRYPOINT, default_timeout=120)
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


def test_preferences_are_there_in_the_next_session(stage: Stage, folder: Path) -> None:
    store().prefer("local", "theme", "light")
    keeping.close()
    assert store().preference("local", "theme") == "light"


def test_a_name_from_a_file_is_no_markdown_in_a_tip(stage: Stage, folder: Path) -> None:
    stage.demos["jane"] = factory.case("![x](http://a.example/x.png)")
    app = stage.open_case("jane")
    button = app.button(key=f"stored-open-{stage.demos['jane'].digest[:16]}")
    assert "![" not in button.help
    assert "x\\]" in button.help


def test_a_case_that_is_read_otherwise_than_before_keeps_what_was_entered(
    stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = read(stage.open_case("jane", "review"), "nodule", Presence.PRESENT, 4)
    newer = replace(stage.demos["jane"], digest=factory.digest("as a later version reads it"))
    stage.demos["jane"] = newer
    again = reloaded(app)
    assert control(again, "presence", "nodule").value == Presence.PRESENT
    assert control(again, "confidence", "nodule").value == 4
    draft = store().desk(newer.digest, "phantom").draft
    assert draft is not None
    assert draft["entries"]["nodule"] == {"presence": "present", "confidence": 4}
    former = store().case(JANE)
    assert former is not None
    assert former.removed_at is not None, "its entries stand with the case as it is read now"
