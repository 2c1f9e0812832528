"""A table whose columns are not understood is asked about once, and then read without asking."""

from collections.abc import Sequence
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import columns, services, state
from dashboard.services import DemoCase
from dashboard.state import CaseWork
from mmcore.errors import RefusalCode
from mmcore.records import FileVerdict
from tests.app.conftest import Stage, html

ODD = b"what,how much,dimension,when\n2160-0,1.1,mg/dL,03/04/2024\n2951-2,140,mmol/L,03/04/2024\n"
TURNED = b"dimension,when,what,how much\nmg/dL,05/06/2024,2160-0,1.2\n"
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
