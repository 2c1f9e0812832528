"""The first page of the day: what waits, in which order, and no answer before it may be seen."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import services, site, turns, worklist, worklist_scoring, worklist_table
from mmcore.errors import NonFiniteResultError
from mmcore.records import GateVerdict, TargetGate
from mmcore.store import EventKind, KeptFile
from mmcore.store.place import KEY
from mmcore.store.work_records import CaseFacts, SortBy
from tests.app import factory
from tests.app.conftest import ENTRYPOINT, Stage, html
from tests.app.desk import JANE, JOHN, address, press, revealed, store

ANSWERS = (
    "Consolidation", "consolidation", "Pleural effusion", "borderline", "Nothing called",
    "Withheld", "caution", "0.89", "look sooner",
)  # fmt: skip
"""Everything that a row could tell of the fake engine's answer."""


@dataclass
class Table:
    """What reached the browser's table, and what a person does at it before the next run."""

    message: dict[str, Any] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    does: list[tuple[str, str]] = field(default_factory=list)

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in self.message["rows"]}

    @property
    def order(self) -> list[str]:
        return [row["id"] for row in self.message["rows"]]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    made = Table()

    def mount(message: dict[str, Any], events: dict[str, Callable[[str], None]], **_: str) -> None:
        made.message = json.loads(json.dumps(message))
        while made.does:
            name, told = made.does.pop(0)
            events[name](told)

    monkeypatch.setattr(worklist_table, "mount", mount)
    monkeypatch.setattr(worklist_table, "chosen", lambda _: made.chosen)
    return made


@pytest.fixture
def two(stage: Stage, folder: Path, table: Table) -> Stage:
    """Keep Jane's case and then John's, scored by nobody yet, at a site that reads first."""
    for name in ("jane", "john"):
        stage.open_case(name)
    return stage


def listed() -> AppTest:
    app = AppTest.from_file(ENTRYPOINT, default_timeout=120).run()
    return app.switch_page("../pages/worklist.py").run()


def score_all() -> None:
    while worklist_scoring.step("w", services.packs()):
        pass


def test_a_row_says_who_what_when_and_how_far(two: Stage, table: Table) -> None:
    listed()
    row = table.rows[JANE]
    assert row["patient"] == {"text": "Doe, Jane", "more": "PAT-0042 · born 1957-01-09"}
    assert row["study"]["text"] == "3 Mar 2024, 14:05"
    assert row["study"]["more"] == "A1"
    assert row["modality"] == {"text": "DX", "more": "CHEST"}
    assert row["status"]["text"] == "New"
    assert row["model"] == {"text": "phantom", "more": "simulated patients", "tone": "nowrap"}
    assert row["age"]["text"].endswith("min")
    assert table.order == [JANE, JOHN], "who waits longest comes first"


def test_the_first_page_of_a_site_with_cases_is_the_list_and_else_the_cases(
    stage: Stage, folder: Path, table: Table
) -> None:
    empty = AppTest.from_file(ENTRYPOINT, default_timeout=120).run()
    assert "Add a case" in [s.value for s in empty.subheader]
    asked = empty.switch_page("../pages/worklist.py").run()
    assert "No case is stored yet" in html(asked), "who asks for the list gets it"
    stage.open_case("jane")
    full = AppTest.from_file(ENTRYPOINT, default_timeout=120).run()
    assert "Worklist" in [s.value for s in full.subheader]
    assert table.order == [JANE]


@pytest.mark.parametrize("mode", ["read-first", "second-reader"])
def test_before_the_reading_nothing_of_an_answer_reaches_the_browser(
    two: Stage, table: Table, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.READING, mode)
    score_all()
    app = listed()
    assert {row["status"]["text"] for row in table.rows.values()} == {"Scored"}
    sent = json.dumps(table.message["rows"]) + html(app)
    for words in ANSWERS:
        assert words not in sent, words
    orders = next(s for s in app.selectbox if s.key.startswith("worklist-sort")).options
    assert not [words for words in orders if "model" in words or "flag" in words]


def test_an_order_that_the_site_does_not_offer_is_not_taken_from_the_browser(
    two: Stage, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.READING, "read-first")
    score_all()
    app = listed()
    table.does = [("sort", str(SortBy.TRIAGE))]
    app.run()
    app.run()
    assert worklist.query_of(replace(worklist.Asked(), sort=SortBy.TRIAGE)).sort is SortBy.PRIORITY
    assert table.message["sort"]["by"] == str(SortBy.PRIORITY)


@pytest.mark.parametrize("is_sealed", [False, True])
def test_names_sort_the_list_only_where_they_are_not_encrypted(
    stage: Stage, folder: Path, table: Table, is_sealed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_sealed:
        monkeypatch.setenv(KEY, base64.b64encode(bytes(32)).decode())
    for name in ("john", "jane"):
        stage.open_case(name)
    app = listed()
    sort = next(s for s in app.selectbox if s.key.startswith("worklist-sort"))
    head = next(c for c in table.message["columns"] if c["id"] == "patient")
    assert ("By name" in sort.options) is not is_sealed
    assert ("encrypted" in (sort.help or "")) is is_sealed
    assert head["sort"] == ("" if is_sealed else "name")
    table.does = [("sort", "name")]
    app.run()
    app.run()
    assert table.order == ([JOHN, JANE] if is_sealed else [JANE, JOHN])


def test_a_site_may_show_a_flag_that_names_nothing(
    two: Stage, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.READING, "read-first")
    monkeypatch.setenv(site.TRIAGE, "flag")
    score_all()
    listed()
    flagged = table.rows[JANE]["priority"]
    assert flagged == {"text": "", "tone": "", "more": "", "flag": True}
    assert "bias" in table.message["words"]["flagTip"]


def test_a_site_may_offer_the_models_order_without_a_mark(
    two: Stage, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.READING, "read-first")
    monkeypatch.setenv(site.TRIAGE, "order")
    score_all()
    app = listed()
    orders = next(s for s in app.selectbox if s.key.startswith("worklist-sort")).options
    assert "Urgent first, then as the model suggests" in orders
    assert not any(row["priority"]["flag"] for row in table.rows.values())


@pytest.mark.parametrize(
    ("triage", "order", "is_told"),
    [("nothing", "priority", False), ("flag", "priority", True), ("order", "priority", False),
     ("order", "triage", True)],
)  # fmt: skip
def test_a_reading_is_not_blind_once_the_list_has_told_anything_of_the_answer(
    two: Stage,
    table: Table,
    monkeypatch: pytest.MonkeyPatch,
    triage: str,
    order: str,
    is_told: bool,
) -> None:
    monkeypatch.setenv(site.READING, "read-first")
    monkeypatch.setenv(site.TRIAGE, triage)
    score_all()
    app = listed()
    if order != "priority":
        key = next(s.key for s in app.selectbox if s.key.startswith("worklist-sort"))
        app.selectbox(key=key).set_value(order).run()
    assert store().has_happened([EventKind.SHOWN], JANE) is is_told
    revealed(two.open_case("jane", "review"))
    reading = store().desk(JANE, "phantom").reading
    assert reading is not None
    assert {one["is_blind"] for one in reading["impressions"]} == {not is_told}


def test_a_word_for_triage_that_is_none_shows_no_list(
    two: Stage, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.TRIAGE, "flags")
    table.message = {}
    assert site.TRIAGE in html(listed())
    assert table.message == {}


def test_where_answers_stand_beside_the_case_the_finding_is_named_with_its_trust(
    two: Stage, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.READING, "concurrent")
    two.engine.gates = (
        TargetGate("consolidation", GateVerdict.CAUTION, "the view is unknown"), *factory.GATES[1:]
    )  # fmt: skip
    score_all()
    listed()
    named = table.rows[JANE]["priority"]
    assert (named["text"], named["more"], named["tone"]) == (
        "Consolidation", "with caution", "caution",
    )  # fmt: skip


def test_after_the_reading_its_reader_sees_what_was_found(
    two: Stage, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(site.READING, "read-first")
    score_all()
    revealed(two.open_case("jane", "review"))
    listed()
    assert table.rows[JANE]["priority"]["text"] == "Consolidation"
    assert table.rows[JANE]["status"]["text"] == "Being read"
    assert table.rows[JOHN]["priority"]["text"] == "", "John's was not read"


def test_what_can_not_be_scored_says_why_and_can_be_tried_again(
    two: Stage, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as failing:

        def fail(_: object) -> None:
            raise NonFiniteResultError(what="the logit")

        failing.setattr(two.engine, "predict", fail)
        score_all()
    app = listed()
    assert table.rows[JANE]["status"]["text"] == "Not scored"
    assert table.rows[JANE]["status"]["more"] == "the logit is not a finite number"
    assert "2 cases were not scored" in html(app)
    press(app, "worklist-retry")
    score_all()
    listed()
    assert {row["status"]["text"] for row in table.rows.values()} == {"Scored"}


def test_what_was_not_scored_is_told_and_tried_again_of_the_listed_cases_alone(
    two: Stage, table: Table
) -> None:
    with pytest.MonkeyPatch.context() as failing:

        def fail(_: object) -> None:
            raise NonFiniteResultError(what="the logit")

        failing.setattr(two.engine, "predict", fail)
        worklist_scoring.step("w", services.packs())
    score_all()
    app = listed()
    assert "1 case was not scored" in html(app)
    app.text_input(key="worklist-words").set_value("roe").run()
    assert (table.order, table.rows[JOHN]["status"]["text"]) == ([JOHN], "Scored")
    assert "not scored" not in html(app)
    assert not [button for button in app.button if button.key == "worklist-retry"]
    app.text_input(key="worklist-words").set_value("doe").run()
    press(app, "worklist-retry")
    score_all()
    listed()
    assert {row["status"]["text"] for row in table.rows.values()} == {"Scored"}


def test_chosen_cases_are_marked_assigned_and_removed(two: Stage, table: Table) -> None:
    app = listed()
    table.chosen = (JOHN, "ff" * 32)
    app.run()
    assert "1 case chosen" in html(app), "what is not on the page is not chosen"
    press(app, "worklist-mark-urgent")
    assert table.order == [JOHN, JANE]
    assert table.rows[JOHN]["urgent"]
    press(app, "worklist-assign")
    assert table.rows[JOHN]["reader"]["text"] == "Local reader"
    press(app, "worklist-remove-now")
    assert table.order == [JANE]
    store().restore(JOHN)


def test_scoring_that_waits_can_be_cancelled(two: Stage, table: Table) -> None:
    worklist_scoring.queue_new(store(), services.packs())
    app = listed()
    assert table.rows[JANE]["status"]["text"] == "Waiting to be scored"
    app = press(app, "worklist-cancel")
    score_all()
    listed()
    assert {row["status"]["text"] for row in table.rows.values()} == {"New"}


def test_enter_opens_the_case_and_goes_to_its_review(two: Stage, table: Table) -> None:
    app = listed()
    table.does = [("open", JOHN)]
    app.run()
    app.run()
    assert "0 of 6 findings read" in html(app)
    assert address(app) == {"case": JOHN[:16]}


def test_a_case_that_is_read_otherwise_by_now_is_opened_too(two: Stage, table: Table) -> None:
    two.demos["john"] = factory.case("Roe^Johnny")
    app = listed()
    table.does = [("open", JOHN)]
    app.run()
    app.run()
    assert "0 of 6 findings read" in html(app)
    assert address(app) == {"case": two.demos["john"].digest[:16]}


def test_a_word_finds_its_patient_and_is_kept_nowhere(two: Stage, table: Table) -> None:
    app = listed()
    app.text_input(key="worklist-words").set_value("roe").run()
    assert table.order == [JOHN]
    kept = store().preference("local", worklist.PREFERENCE)
    assert "roe" not in json.dumps(kept)
    app.text_input(key="worklist-words").set_value("nobody").run()
    assert table.order == []
    assert "No case matches" in html(app)


def test_what_is_asked_for_is_there_the_next_day(two: Stage, table: Table) -> None:
    app = listed()
    next(s for s in app.selectbox if s.key.startswith("worklist-sort")).set_value("study").run()
    app.toggle(key="worklist-urgent").set_value(True).run()
    assert table.order == []
    again = listed()
    assert again.toggle(key="worklist-urgent").value is True
    assert table.message["sort"]["by"] == "study"


def test_a_patients_cases_are_listed_together(two: Stage, table: Table) -> None:
    first, second = "ab" * 32, "cd" * 32
    for digest, year in ((first, 2020), (second, 2021)):
        at = datetime(year, 1, 1, tzinfo=UTC)
        facts = CaseFacts("Poe^Edgar", "77", person="number 77 born 1809-01-19", study_at=at)
        store().keep_case(digest, [KeptFile("f", b"x")], label="1 file", facts=facts)
    app = listed()
    assert table.rows[first]["priors"]["text"] == ""
    assert table.rows[second]["priors"]["text"] == "1"
    table.does = [("priors", second)]
    app.run()
    app.run()
    assert set(table.order) == {first, second}
    press(app, "worklist-back")
    assert set(table.order) == {first, second, JANE, JOHN}


def test_hostile_names_are_text(stage: Stage, folder: Path, table: Table) -> None:
    facts = CaseFacts("<img/onerror>^**bold**", "`id`")
    stage.open_case("jane")
    store().keep_case("ab" * 32, [KeptFile("f", b"x")], label="1 file", facts=facts)
    app = listed()
    assert "onerror" not in html(app)
    assert "onerror" in table.rows["ab" * 32]["patient"]["text"], "put in by textContent alone"


@pytest.mark.parametrize(
    "value", [None, 3, "ab" * 32, {"a": 1}, [1, None], ["AB" * 32], ["ab" * 31], ["ab" * 32] * 501]
)
def test_a_choice_that_is_none_counts_nothing(value: object) -> None:
    assert worklist_table.chosen_of(value) == ()


def test_the_background_stands_back_while_somebody_waits() -> None:
    assert turns.wait(0)
    with turns.first():
        assert not turns.wait(0.01)
        with turns.first():
            pass
        assert not turns.wait(0.01)
    assert turns.wait(0)
