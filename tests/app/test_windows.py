"""Two windows on one case, steps back and forth, and the case before and after."""

from pathlib import Path
from typing import Any

import pytest

from dashboard import merging
from mmcore.records import DecisionReason, Presence, Response
from tests.app.conftest import Stage, html
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
    assert merging.merged(base, mine, theirs) == joined


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
