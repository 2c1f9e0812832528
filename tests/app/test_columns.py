"""A table whose columns are not understood is asked about once, and then read without asking."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import columns, desks, services, site, state
from dashboard.services import DemoCase
from dashboard.state import CaseWork
from mmcore.errors import RefusalCode
from mmcore.records import FileVerdict, Presence, Response
from mmcore.store.place import DATA, KEEP_DAYS
from tests.app.conftest import Stage, choose, html
from tests.app.desk import FINDINGS, control, recorded, revealed, store
from tests.unit.intake.make_dicom import make_dicom, ramp

ODD = b"what,how much,dimension,when\n2160-0,1.1,mg/dL,03/04/2024\n2951-2,140,mmol/L,03/04/2024\n"
TURNED = b"dimension,when,what,how much\nmg/dL,05/06/2024,2160-0,1.2\n"
CHEST: dict[str, Any] = {"BodyPartExamined": "CHEST", "ViewPosition": "PA"}
NAMED = b"thing,number,measure of it\nglucose-like stuff,5.4,mmol/L\nsodium-like,4.1,mmol/L\n"


def opened(stage: Stage, monkeypatch: pytest.MonkeyPatch, *files: tuple[str, bytes]) -> AppTest:
    give(monkeypatch, files)
    return stage.open_case("jane")


def give(monkeypatch: pytest.MonkeyPatch, files: Sequence[tuple[str, bytes]]) -> None:
    """Let the demonstration patient be made of these files from now on."""

    def read_demo(demo: DemoCase) -> None:
        services.read_files(files, demo.title, "phantom")

    monkeypatch.setattr(services, "read_demo", read_demo)


def work_of(app: AppTest) -> CaseWork:
    current: state.Session = app.session_state["consilium_session"]
    return current.cases[current.active_digest or ""]


def choice(app: AppTest, end: str) -> Any:
    return next(s for s in app.selectbox if s.key.startswith("columns-") and s.key.endswith(end))


def reads(app: AppTest) -> Any:
    return next(b for b in app.button if b.key.endswith("-read") and b.key.startswith("columns-"))


def test_a_table_without_known_headings_is_offered_and_read_as_the_reader_says(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(stage, monkeypatch, ("odd.csv", NAMED))
    (file,) = work_of(app).case.files
    assert file.code is RefusalCode.MISSING_COLUMN
    assert "glucose-like stuff" in html(app), "the first rows are shown"
    assert choice(app, "-value").value == "number", "filled in as far as it can be guessed"
    assert reads(app).disabled
    assert "Still to be said: the test, by code or name." in html(app)
    app = choice(app, "-name").set_value("thing").run()
    assert not reads(app).disabled


def test_dates_in_two_ways_are_settled_by_the_reader_and_remembered_by_the_headings(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(stage, monkeypatch, ("odd.csv", ODD))
    assert work_of(app).case.files[0].code is RefusalCode.MISSING_COLUMN
    app = choice(app, "-value").set_value("how much").run()
    app = choice(app, "-time").set_value("when").run()
    app = choice(app, "-order").set_value("day first").run()
    app = reads(app).click().run().run()
    (file,) = work_of(app).case.files
    assert file.verdict is FileVerdict.USED
    assert {o.value for o in work_of(app).case.observations} == {1.1, 140.0}
    assert {o.time and o.time.month for o in work_of(app).case.observations} == {4}
    assert "Its columns were read as a person said for these headings." in html(app)
    assert 'data-verdict="used"' in html(app)
    assert "Used in part" not in html(app)

    give(monkeypatch, [("next.csv", TURNED)])
    app = stage.open_another(app, "jane")
    (found,) = work_of(app).case.observations
    assert (found.value, found.time and found.time.month) == (1.2, 6), "other order of columns"

    forget = next(b for b in app.button if b.key.endswith("-forget"))
    app = forget.click().run().run()
    assert work_of(app).case.files[0].code is RefusalCode.MISSING_COLUMN, "it is guessed"


def test_a_wide_table_is_read_by_the_tests_that_the_reader_names(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = b"when,first thing,second thing\n2024-03-03,4.1,ignore\n"
    app = opened(stage, monkeypatch, ("odd.csv", table))
    shape = next(b for b in app.button_group if b.key.endswith("-shape"))
    app = shape.set_value("wide").run()
    app = choice(app, "-wide-time").set_value("when").run()
    app = choice(app, "-test-0").set_value("2823-3").run()
    next(t for t in app.text_input if t.key.endswith("-unit-0")).set_value("mmol/L")
    app = reads(app.run()).click().run().run()
    (found,) = work_of(app).case.observations
    assert (found.value, found.unit) == (4.1, "mmol/L")


def test_what_can_not_be_named_is_not_offered(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ragged = b"loinc,value,unit\n2160-0,1\n"
    app = opened(stage, monkeypatch, ("a.csv", ragged), ("n.txt", b"Cough for three days.\n"))
    assert columns.tables(work_of(app)) == ()
    assert not app.expander


def test_names_and_headings_of_a_file_are_text_in_labels(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "![x](http://elsewhere.example) a.csv"
    app = opened(stage, monkeypatch, (name, NAMED))
    (label,) = [e.label for e in app.expander]
    assert "![x](" not in label
    assert "\\!\\[x\\]\\(" in label


def test_a_mapping_of_an_unknown_test_is_passed_over(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(stage, monkeypatch, ("odd.csv", NAMED))
    app.session_state["consilium_session"].preferences[columns.PREFERENCE] = {
        "0" * 64: {"shape": "wide", "roles": {}, "tests": [["a", "no-code", ""]], "times": [],
                   "date_order": None},
    }  # fmt: skip
    app = stage.open_another(app, "jane")
    assert work_of(app).case.files[0].code is RefusalCode.MISSING_COLUMN


def test_a_table_that_was_named_leaves_the_hospital_as_it_was_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(stage, monkeypatch, ("odd.csv", ODD))
    app = choice(app, "-value").set_value("how much").run()
    app = choice(app, "-time").set_value("when").run()
    app = choice(app, "-order").set_value("day first").run()
    app = reads(app).click().run().run()
    app = app.switch_page("../pages/deidentify.py").run()
    app = app.button(key="deid-look").click().run(timeout=60)
    preview = work_of(app).leaving.preview
    assert preview is not None
    assert [file.name for file in preview.case.files] == ["observations-001.json"]


# The case that is completed


def named(app: AppTest) -> AppTest:
    """Say what the columns of the odd table hold, and read it so."""
    app = app.switch_page("../pages/intake.py").run()
    app = choice(app, "-value").set_value("how much").run()
    app = choice(app, "-time").set_value("when").run()
    app = choice(app, "-order").set_value("day first").run()
    return reads(app).click().run()


def with_film(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(site.READING, "read-first")
    give(monkeypatch, [("film.dcm", make_dicom(ramp(256, 256), **CHEST)), ("odd.csv", ODD)])


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA, str(tmp_path / "data"))
    monkeypatch.delenv(KEEP_DAYS)


@pytest.fixture(params=["in memory", "on the disk"])
def place(request: pytest.FixtureRequest) -> str:
    if request.param == "on the disk":
        request.getfixturevalue("kept")
    return str(request.param)


def test_a_table_that_was_named_completes_its_case_and_opens_no_second(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    with_film(monkeypatch)
    app = stage.open_case("jane", "review")
    before = work_of(app).case
    assert before.observations == ()
    app = control(app, "presence", "nodule").set_value(Presence.PRESENT).run()
    app = control(app, "confidence", "nodule").set_value(4).run()
    app = named(app)
    after = work_of(app)
    assert after.case.digest != before.digest
    assert len(after.case.observations) == 2
    session: state.Session = app.session_state["consilium_session"]
    assert list(session.cases) == [after.case.digest], "one case is open"
    assert {digest for digest, _ in session.desks} == {after.case.digest}
    assert "What you had entered is here." in html(app)
    app = app.switch_page("../pages/review.py").run()
    assert control(app, "presence", "nodule").value == Presence.PRESENT
    assert control(app, "confidence", "nodule").value == 4
    if place == "on the disk":
        assert store().case(before.digest).removed_at is not None
        draft = store().desk(after.case.digest, "phantom").draft
        assert draft["entries"]["nodule"] == {"presence": "present", "confidence": 4}


def test_what_was_recorded_stays_with_the_case_that_it_was_said_of(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, kept: None
) -> None:
    with_film(monkeypatch)
    app = revealed(stage.open_case("jane", "review"))
    before = work_of(app).case.digest
    app = recorded(choose(app, "consolidation"), Response.AGREE)
    assert store().desk(before, "phantom").reading["decisions"]
    app = named(app)
    after = work_of(app).case.digest
    assert store().case(before).removed_at is None, "somebody's word hangs on it"
    assert store().desk(before, "phantom").reading["decisions"]
    reading = store().desk(after, "phantom").reading
    assert reading["revealed_at"] is not None
    assert len(reading["impressions"]) == len(FINDINGS)
    assert reading["decisions"] == []


def test_what_can_not_be_saved_leaves_both_cases_open(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, kept: None
) -> None:
    with_film(monkeypatch)
    app = stage.open_case("jane", "review")
    app = control(app, "presence", "nodule").set_value(Presence.PRESENT).run()
    monkeypatch.setattr(desks, "save", lambda *_: False)
    app = named(app)
    session: state.Session = app.session_state["consilium_session"]
    assert len(session.cases) == 2
    assert {desk.entry("nodule").presence for desk in session.desks.values()} == {Presence.PRESENT}
