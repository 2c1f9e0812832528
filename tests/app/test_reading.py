"""Reading first: nothing of the model's answer before the reader's own, and nothing lost after."""

import re
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import messages, reading, site, state
from mmcore.errors import ConfigError
from mmcore.records import (
    Case,
    DecisionReason,
    Prediction,
    Presence,
    ReadingMode,
    Response,
)
from tests.app import factory
from tests.app.conftest import Stage, html

FINDINGS = [t for t in factory.TARGETS if t.kind == "finding"]
REVEAL = messages.REVEAL[ReadingMode.READ_FIRST]


@pytest.fixture(params=["read-first", "second-reader"])
def hiding(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ReadingMode:
    monkeypatch.setenv(site.READING, request.param)
    return ReadingMode(request.param)


@pytest.fixture
def read_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(site.READING, "read-first")


def control(app: AppTest, what: str, name: str) -> Any:
    """Return a segmented control of one finding."""
    return next(b for b in app.button_group if b.key.startswith(f"{what}-") and f"-{name}" in b.key)


def read(app: AppTest, name: str, presence: Presence, confidence: int) -> AppTest:
    control(app, "presence", name).set_value(presence).run()
    return control(app, "confidence", name).set_value(confidence).run()


def read_all(app: AppTest) -> AppTest:
    for target in FINDINGS:
        app = read(app, target.name, Presence.ABSENT, 4)
    return app


def button(app: AppTest, label: str) -> Any:
    return next(b for b in app.button if b.label == label)


def revealed(app: AppTest) -> AppTest:
    return button(read_all(app), REVEAL).click().run()


def decide(app: AppTest, response: Response) -> AppTest:
    return control(app, "response", "consolidation").set_value(response).run()


def choose(app: AppTest, name: str) -> AppTest:
    return next(b for b in app.button if (b.key or "").endswith(f"-finding-{name}")).click().run()


def everything(app: AppTest) -> str:
    """Return all that the page sends: every message of every element, as text."""
    assert not app.exception, app.exception
    return "\n".join(str(block.proto) for block in app.main if hasattr(block, "proto")) + html(app)


SECRETS = (
    "89%", "82\u201396%", "+2.10", "\u22121.40", "Why:", "raised Consolidation",
    "lateral view can not show", "unlike the training images",
)  # fmt: skip


def test_nothing_the_model_says_reaches_the_page_before_the_reading(
    stage: Stage, hiding: ReadingMode
) -> None:
    class Noticing(factory.FakeEngine):
        def predict(self, case: Case) -> Prediction:
            return replace(super().predict(case), notices=("The score is near a threshold.",))

    stage.engine = Noticing()
    app = stage.open_case("jane", "review")
    sent = everything(app)
    for secret in (*SECRETS, "near a threshold"):
        assert secret not in sent, secret
    assert not [c for c in app.get("plotly_chart") if c.key.startswith("ledger-")]
    header, arrays = stage.shown["viewer"]
    assert header["overlay"]["message"] == messages.NOT_YET_MAP
    assert (header["overlay"]["markers"], header["overlay"]["target"]) == ([], "")
    assert "overlay" not in arrays
    for label in (t.label for t in app.tabs):
        assert label != "Numbers"


def test_before_the_reading_the_inputs_are_there_without_shading(
    stage: Stage, hiding: ReadingMode
) -> None:
    page = html(stage.open_case("jane", "review"))
    assert "Suspected pneumonia of the right lower lobe" in page
    assert "co-ev" not in page.split('data-testid="note-text"')[1]
    assert "C-reactive protein" in page
    assert "moved it" not in page
    assert stage.shown["pixels"][1]["pixels"].any()


def test_findings_are_asked_in_the_packs_own_order_withheld_ones_too(
    stage: Stage, hiding: ReadingMode
) -> None:
    app = stage.open_case("jane", "review")
    asked = [b.key.rpartition("-")[2] for b in app.button_group if b.key.startswith("presence-")]
    assert asked == [t.name for t in FINDINGS]
    assert asked != [f.name for f in sorted(FINDINGS, key=lambda t: -t.logit)]


def test_the_report_page_holds_nothing_before_the_reading(
    stage: Stage, hiding: ReadingMode
) -> None:
    app = stage.open_case("jane", "report")
    assert messages.READ_FIRST in html(app)
    assert not app.download_button
    for secret in SECRETS:
        assert secret not in everything(app)


def test_the_answer_is_shown_once_every_finding_was_read(stage: Stage, read_first: None) -> None:
    app = stage.open_case("jane", "review")
    assert button(app, REVEAL).disabled
    for target in FINDINGS[:-1]:
        app = read(app, target.name, Presence.ABSENT, 4)
    assert "5 of 6 findings read" in html(app)
    assert button(app, REVEAL).disabled
    app = read(app, FINDINGS[-1].name, Presence.UNSURE, 1)
    app = button(app, REVEAL).click().run()
    page = html(app)
    sent = everything(app)
    for secret in SECRETS:
        assert secret in sent, f"the test above looks for what is never shown: {secret}"
    assert "You hold: <b>Absent, confidence 4 of 5</b>" in page


def test_a_second_reader_is_asked_for_with_what_was_read_stored(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.READING, "second-reader")
    app = stage.open_case("jane", "review")
    ask = messages.REVEAL[ReadingMode.SECOND_READER]
    assert button(app, ask).disabled, "an impression comes first"
    control(app, "presence", "nodule").set_value(Presence.PRESENT).run()
    assert "1 not complete" in html(app)
    assert button(app, ask).disabled
    app = control(app, "confidence", "nodule").set_value(2).run()
    app = button(app, ask).click().run()
    assert "Why: Consolidation" in html(app)
    assert "You hold: <b>none recorded</b>" in html(app)


def test_what_was_entered_survives_other_pages_and_other_cases(
    stage: Stage, read_first: None
) -> None:
    stage.demos["john"] = factory.case("Roe^John", picture=factory.image(32, 32, seed=5))
    app = read(stage.open_case("jane", "review"), "nodule", Presence.PRESENT, 5)
    app.switch_page("../pages/models.py").run()
    app = stage.open_another(app, "john").switch_page("../pages/review.py").run()
    assert control(app, "presence", "nodule").value is None, "another case, another reading"
    assert "0 of 6" in html(app)
    app = stage.open_another(app, "jane").switch_page("../pages/review.py").run()
    assert control(app, "presence", "nodule").value == Presence.PRESENT
    assert control(app, "confidence", "nodule").value == 5
    assert "1 of 6" in html(app)


def test_a_change_of_mind_is_stored_with_before_after_and_reason_and_filed(
    stage: Stage, read_first: None
) -> None:
    app = revealed(stage.open_case("jane", "review"))
    app = decide(app, Response.CHANGE)
    assert button(app, "Record my decision").disabled
    app = read(app, "consolidation", Presence.PRESENT, 3)
    assert "Choose a reason." in html(app)
    reason = next(s for s in app.selectbox if s.label == "Reason")
    app = reason.set_value(DecisionReason.OVERLOOKED).run()
    app = app.text_input[0].set_value("small <b>at the base</b>").run()
    app = button(app, "Record my decision").click().run()
    page = html(app)
    assert "from Absent, confidence 4 of 5 to Present, confidence 3 of 5" in page
    assert "small &lt;b&gt;at the base&lt;/b&gt;" in page
    filed = html(app.switch_page("../pages/report.py").run())
    row = filed[filed.index('data-testid="reader"') :]
    row = row[row.index(">Consolidation<") :]
    row = row[: row.index("</tr>")]
    for words in ("Absent, confidence 4", "change", "I had overlooked it", "Present, confidence 3"):
        assert words in row


def test_a_report_made_before_a_decision_is_renewed_after_it(
    stage: Stage, read_first: None
) -> None:
    app = revealed(stage.open_case("jane", "review"))
    assert ">agree<" not in html(app.switch_page("../pages/report.py").run())
    app = choose(app.switch_page("../pages/review.py").run(), "nodule")
    app = control(app, "response", "nodule").set_value(Response.AGREE).run()
    button(app, "Record my decision").click().run()
    assert ">agree<" in html(app.switch_page("../pages/report.py").run())


def row_of(app: AppTest, display: str) -> list[str]:
    """Return the cells of a finding in the table of what the reader recorded."""
    page = html(app.switch_page("../pages/report.py").run())
    table = page[page.index('data-testid="reader"') :]
    row = table[table.index(f">{display}<") :]
    return re.findall(r">([^<>]*)</td>", row[: row.index("</tr>")])


def test_to_agree_with_another_call_than_ones_own_is_a_change_of_mind(
    stage: Stage, read_first: None
) -> None:
    app = decide(revealed(stage.open_case("jane", "review")), Response.AGREE)
    assert "You hold absent, and the model calls it present." in html(app)
    assert button(app, "Record my decision").disabled
    assert "Say how sure you are now." in html(app)
    app = control(app, "confidence", "consolidation").set_value(3).run()
    assert "Choose a reason." in html(app)
    reason = next(s for s in app.selectbox if s.label == "Reason")
    app = reason.set_value(DecisionReason.OVERLOOKED).run()
    app = button(app, "Record my decision").click().run()
    assert "You hold: <b>Present, confidence 3 of 5</b>" in html(app)
    assert row_of(app, "Consolidation")[-4:] == [
        "Absent, confidence 4 of 5", "change", "I had overlooked it", "Present, confidence 3 of 5"
    ]  # fmt: skip


def test_nothing_stands_after_a_decision_that_was_not_made(stage: Stage, read_first: None) -> None:
    app = revealed(stage.open_case("jane", "review"))
    assert row_of(app, "Consolidation")[-4:] == ["Absent, confidence 4 of 5", "none yet", "", ""]


def test_who_read_nothing_of_their_own_and_agrees_holds_what_the_model_calls(
    stage: Stage,
) -> None:
    app = decide(stage.open_case("jane", "review"), Response.AGREE)
    app = button(app, "Record my decision").click().run()
    assert row_of(app, "Consolidation")[-1] == "Present, as the model calls it"


def test_a_rejection_needs_a_reason_and_keeps_what_was_held(stage: Stage, read_first: None) -> None:
    app = decide(revealed(stage.open_case("jane", "review")), Response.REJECT)
    reason = next(s for s in app.selectbox if s.label == "Reason")
    app = reason.set_value(DecisionReason.OTHER).run()
    assert "Say the reason in your own words." in html(app)
    app = app.text_input[0].set_value("A skin fold.").run()
    app = button(app, "Record my decision").click().run()
    assert "reject. Other, in my own words. A skin fold." in html(app)
    assert "You hold: <b>Absent, confidence 4 of 5</b>" in html(app)


def test_concurrent_reading_hides_nothing_and_still_takes_a_decision(stage: Stage) -> None:
    app = stage.open_case("jane", "review")
    assert "Why: Consolidation" in html(app)
    assert REVEAL not in [b.label for b in app.button]
    app = button(decide(app, Response.AGREE), "Record my decision").click().run()
    assert "UTC: agree." in html(app)


def test_a_withheld_finding_has_no_answer_to_decide_on(stage: Stage, read_first: None) -> None:
    app = revealed(stage.open_case("jane", "review"))
    app = next(b for b in app.button if b.key.endswith("-finding-cardiomegaly")).click().run()
    assert "Record my decision" not in [b.label for b in app.button]


def test_a_misspelt_setting_shows_no_page_at_all(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.READING, "readfirst")
    with pytest.raises(ConfigError):
        site.reading_mode()
    page = html(stage.open_page("intake"))
    assert "CONSILIUM_READING: not one of concurrent, read-first, second-reader" in page
    assert "Add a case" not in page


def test_another_model_asks_again_and_the_record_says_that_one_was_seen(
    monkeypatch: pytest.MonkeyPatch, read_first: None
) -> None:
    session = state.Session()
    monkeypatch.setattr(state, "session", lambda: session)
    work = state.open_case(factory.case(), "a")
    for pack, is_blind in (("one", True), ("two", False)):
        state.choose_pack(pack)
        assert not reading.is_revealed(work)
        entry = reading.desk(work).entry("nodule")
        entry.presence, entry.confidence = Presence.ABSENT, 3
        reading.reveal(work, [t for t in FINDINGS if t.name == "nodule"])
        (impression,) = reading.desk(work).reading.impressions
        assert impression.is_blind is is_blind
    state.choose_pack("one")
    assert reading.desk(work).reading.is_revealed, "the first reading is still there"
    state.close_case(session.active_digest or "")
    assert not session.desks
