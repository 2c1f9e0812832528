"""A reader signs a report once; after that it is locked, added to, and there after a restart."""

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import keeping, people, signing, site
from mmcore.errors import NotAllowedError, StoreUnavailableError
from mmcore.people import Action, Person, Role
from mmcore.records import Response
from mmcore.report.reading import read_document
from mmcore.report.template import TEMPLATE
from mmcore.store import EventKind
from mmcore.store.place import KEEP_DAYS
from mmcore.store.signed_reports import SignedReports
from tests.app import factory
from tests.app.conftest import Stage, html
from tests.app.desk import JANE, address, press, recorded, reloaded, store


@pytest.fixture(autouse=True)
def concurrent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(site.READING, "concurrent")


def said(app: AppTest) -> str:
    """Return what the page says of the state of the report."""
    page = html(app)
    words = page[page.index('data-testid="report-status"') :]
    return words[: words.index("</p>")]


def key(what: str) -> str:
    return f"{what}-{JANE[:16]}-phantom"


def conclude(app: AppTest, words: str) -> AppTest:
    area = next(a for a in app.text_area if a.label.startswith("Your conclusion"))
    return area.set_value(words).run()


def ask(app: AppTest, name: str = "Dr. Ada Ray") -> AppTest:
    app.text_input(key=f"name-{key('sign')}").set_value(name)
    return press(app, f"{key('sign')}-press")


def sign(app: AppTest, name: str = "Dr. Ada Ray") -> AppTest:
    return press(ask(app, name), f"{key('sign')}-submit")


def add(app: AppTest, words: str, number: int = 0, name: str = "Dr. Bo Lin") -> AppTest:
    app = app.text_area[0].set_value(words).run()
    app.text_input(key=f"name-{key(f'add-{number}')}").set_value(name)
    return press(app, f"{key(f'add-{number}')}-press")


def work_of(app: AppTest) -> Any:
    return app.session_state["consilium_session"].cases[JANE]


def kept() -> dict[str, Any]:
    """Return the signed document as it is on the disk."""
    found = store().reports.signed(JANE, "phantom")
    assert found is not None
    document = json.loads(found.document) | {"signature": dict(found.signature)}
    return document | ({"addenda": [dict(a) for a in found.addenda]} if found.addenda else {})


def test_a_report_is_a_draft_until_it_is_signed_and_final_after_that(stage: Stage) -> None:
    app = conclude(stage.open_case("jane", "report"), "Pneumonia on the right.")
    assert "Draft: nobody has signed it." in said(app)
    app = sign(app)
    assert "Final: signed by Dr. Ada Ray" in said(app)
    assert "Sign this report" not in [b.label for b in app.button]
    document = kept()
    read = read_document(document)
    assert read.conclusion == "Pneumonia on the right."
    assert read.signature is not None
    assert (read.signature.name, read.signature.account) == ("Dr. Ada Ray", None)
    assert work_of(app).document == document, "what is shown and handed out"
    assert store().events(JANE)[-1].kind is EventKind.SIGNED


def test_a_signed_report_is_there_after_a_restart_and_needs_no_model(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = sign(conclude(stage.open_case("jane", "report"), "Pneumonia."))
    before, pdf = kept(), work_of(app).pdf
    keeping.close()

    class Gone(factory.FakeEngine):
        def predict(self, *_: object, **__: object) -> Any:
            raise AssertionError("a signed report is not computed again")

    monkeypatch.setattr("dashboard.services.load_engine", lambda _: Gone())
    again = reloaded(app, "report")
    assert "Final: signed by Dr. Ada Ray" in said(again)
    assert work_of(again).document == before
    assert work_of(again).pdf == pdf


def test_the_conclusion_is_kept_as_it_is_entered(stage: Stage) -> None:
    app = conclude(stage.open_case("jane", "report"), "  Pneumonia.\nSmall effusion. ")
    again = reloaded(app, "report")
    assert again.text_area[0].value == "Pneumonia.\nSmall effusion."
    assert "<p>Small effusion.</p>" in html(again)


def test_nobody_signs_without_a_name(stage: Stage) -> None:
    app = ask(stage.open_case("jane", "report"), "  ")
    page = html(app)
    assert page.index("Type your name to sign.") > page.index("only added to"), "beside the field"
    assert "Draft" in said(app)
    assert store().reports.stamp(JANE, "phantom") is None
    assert "Final" in said(sign(app))


def test_to_sign_takes_a_second_step_that_says_what_is_signed(stage: Stage) -> None:
    app = stage.open_case("jane", "report")
    app = app.text_input(key=f"name-{key('sign')}").set_value("Dr. Ada Ray").run()
    assert "Draft" in said(app), "the Enter key alone enters the name"
    app = ask(app)
    assert "You are about to sign the report above as Dr. Ada Ray." in html(app)
    assert "Findings without a decision of yours: 5 of 5." in html(app)
    assert store().reports.stamp(JANE, "phantom") is None
    app = press(app, f"{key('sign')}-back")
    assert "about to sign" not in html(app)
    app = recorded(app.switch_page("../pages/review.py").run(), Response.AGREE)
    app = ask(app.switch_page("../pages/report.py").run())
    assert "Findings without a decision of yours: 4 of 5." in html(app)
    app = conclude(app, "Seen on the second look.")
    assert "about to sign" not in html(app), "of what is shown now nobody was asked"
    assert "Final" in said(sign(app))


def test_two_windows_sign_once_and_the_second_shows_what_was_signed(stage: Stage) -> None:
    one = stage.open_case("jane", "report")
    two = reloaded(one, "report")
    two = ask(two, "Dr. Bo Lin")
    one = sign(one, "Dr. Ada Ray")
    two = press(two, f"{key('sign')}-submit")
    assert "signed in another window" in html(two)
    assert "Final: signed by Dr. Ada Ray" in said(two)
    assert kept()["signature"]["name"] == "Dr. Ada Ray"


def test_what_another_window_changed_meanwhile_is_looked_at_before_it_is_signed(
    stage: Stage,
) -> None:
    one = stage.open_case("jane", "report")
    two = reloaded(one, "report")
    conclude(one, "Pneumonia.")
    two = sign(two)
    assert "changed meanwhile" in html(two)
    assert "Draft" in said(two)
    assert "<p>Pneumonia.</p>" in html(two), "as it is now"
    assert store().reports.stamp(JANE, "phantom") is None
    assert "Final" in said(sign(two))
    assert kept()["conclusion"] == "Pneumonia."


def test_a_decision_recorded_meanwhile_is_looked_at_before_it_is_signed(stage: Stage) -> None:
    one = stage.open_case("jane", "report")
    two = reloaded(one)
    recorded(two, Response.AGREE)
    one = sign(one)
    assert "changed meanwhile" in html(one)
    assert 'data-testid="reader"' in html(one)
    one = sign(one)
    assert [d["response"] for d in kept()["reading"]["decisions"]] == ["agree"]


def test_how_another_window_left_the_images_is_no_reason_not_to_sign(stage: Stage) -> None:
    one = stage.open_case("jane", "report")
    two = reloaded(one)
    next(b for b in two.button if b.key and b.key.endswith("-finding-nodule")).click().run()
    assert "Final" in said(sign(one))


def deciding(app: AppTest) -> AppTest:
    """Enter a decision and leave it unrecorded."""
    control = next(b for b in app.button_group if b.key.startswith("response-"))
    return control.set_value(Response.AGREE).run()


def test_after_the_signature_no_decision_is_asked_for_in_any_window(stage: Stage) -> None:
    one = stage.open_case("jane", "report")
    two = deciding(reloaded(one))
    sign(one)
    two = next(b for b in two.button if b.key.startswith("decide-")).click().run()
    assert "this reading is final" in html(two)
    assert not [b for b in two.button if b.key and b.key.startswith("decide-")]
    assert store().desk(JANE, "phantom").reading is None


def test_a_decision_that_overtakes_the_signature_is_refused_and_said(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = stage.open_case("jane", "report")
    two = deciding(reloaded(one))
    sign(one)
    with monkeypatch.context() as late:
        late.setattr(signing, "is_signed", lambda _: False)
        two = next(b for b in two.button if b.key.startswith("decide-")).click().run()
    assert "The report was signed, maybe in another window" in html(two)
    assert "Not saved" not in html(two.run())
    assert "UTC: agree" not in html(two)
    assert store().desk(JANE, "phantom").reading is None
    assert "reading" not in kept()


def test_addenda_follow_a_signed_report_and_change_nothing_of_it(stage: Stage) -> None:
    app = sign(conclude(stage.open_case("jane", "report"), "Pneumonia."))
    before = kept()
    app = add(app, "Told to the ward.\nAt noon.")
    app = add(app, "Effusion as well.", number=1)
    document = kept()
    assert [a["text"] for a in document["addenda"]] == [
        "Told to the ward.\nAt noon.", "Effusion as well."
    ]  # fmt: skip
    assert {k: v for k, v in document.items() if k != "addenda"} == before
    assert len(read_document(document).addenda) == 2
    assert work_of(app).document == document
    page = html(reloaded(app, "report"))
    assert page.count('data-testid="report-addendum"') == 2
    assert "<p>At noon.</p>" in page
    assert "Dr. Bo Lin" in page
    assert app.text_area[0].value == "", "ready for the next"


def test_an_addendum_that_is_begun_is_there_after_a_reload(stage: Stage) -> None:
    app = sign(stage.open_case("jane", "report"))
    app = app.text_area[0].set_value("Told to the").run()
    again = reloaded(app, "report")
    assert again.text_area[0].value == "Told to the"
    assert "addenda" not in kept()


def test_two_windows_that_add_at_the_same_time_lose_nothing(stage: Stage) -> None:
    one = sign(stage.open_case("jane", "report"))
    two = reloaded(one, "report")
    two = two.text_area[0].set_value("From the second.").run()
    add(one, "From the first.")
    two.text_input(key=f"name-{key('add-0')}").set_value("Dr. Bo Lin")
    two = press(two, f"{key('add-0')}-press")
    page = html(two)
    assert "Another addendum was added meanwhile" in page
    assert "From the first." in page
    assert two.text_area[0].value == "From the second."
    two.text_input(key=f"name-{key('add-1')}").set_value("Dr. Bo Lin")
    press(two, f"{key('add-1')}-press")
    assert [a["text"] for a in kept()["addenda"]] == ["From the first.", "From the second."]


def test_an_empty_addendum_is_not_added(stage: Stage) -> None:
    app = add(sign(stage.open_case("jane", "report")), "  ")
    assert "Write the addendum first." in html(app)
    assert "addenda" not in kept()


def test_what_can_not_be_signed_is_said_and_stays_a_draft(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = conclude(stage.open_case("jane", "report"), "Pneumonia.")
    with monkeypatch.context() as failing:

        def fail(*_: object, **__: object) -> None:
            raise StoreUnavailableError(problem="OSError: No space left on device")

        failing.setattr(SignedReports, "sign", fail)
        app = sign(app)
        assert "Not signed." in html(app)
        assert "No space left" in html(app)
        assert "Draft" in said(app)
    assert "Final" in said(sign(app))


def test_a_signed_report_that_was_altered_on_the_disk_is_not_shown(
    stage: Stage, folder: Path
) -> None:
    app = sign(stage.open_case("jane", "report"))
    digest = kept()["signature"]["document_digest"]
    (folder / "blobs" / digest[:2] / digest).write_bytes(b"{}")
    page = html(reloaded(app, "report"))
    assert "damaged or gone" in page
    assert "report-preview" not in page


def test_where_nothing_is_kept_nobody_can_sign_and_the_page_says_so(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEEP_DAYS, "0")
    app = stage.open_case("jane", "report")
    assert "its report stays a draft" in html(app)
    assert "Sign this report" not in [b.label for b in app.button]


def test_a_case_in_the_list_says_that_its_report_is_signed(stage: Stage) -> None:
    sign(stage.open_case("jane", "report"))
    assert "report signed" in html(stage.open_page("intake"))


def test_decisions_that_are_not_recorded_are_named_before_the_signature(stage: Stage) -> None:
    app = stage.open_case("jane", "review")
    control = next(b for b in app.button_group if b.key.startswith("response-"))
    app = control.set_value(Response.REJECT).run()
    page = html(app.switch_page("../pages/report.py").run())
    assert "entered and not recorded: 1." in page


def test_a_template_that_can_not_be_used_is_said_in_its_place(
    stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "template.yaml").write_text("departement: Radiology")
    monkeypatch.setenv(TEMPLATE, str(tmp_path / "template.yaml"))
    page = html(stage.open_case("jane", "report"))
    assert "the report template of this site, departement" in page
    assert "report-preview" not in page


def test_the_address_of_a_signed_report_is_that_of_its_case(stage: Stage) -> None:
    app = sign(stage.open_case("jane", "report"))
    assert address(app) == {"case": JANE[:16]}


def somebody(monkeypatch: pytest.MonkeyPatch, *roles: Role) -> None:
    """Let an account be at the page."""
    person = Person("a-17", "Dr. Ada Ray", frozenset(roles))

    def require(action: Action) -> Person:
        if not person.may(action):
            raise NotAllowedError(action=action)
        return person

    monkeypatch.setattr(people, "person", lambda: person)
    monkeypatch.setattr(people, "require", require)


def test_who_is_signed_in_signs_by_their_account_and_types_no_name(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody(monkeypatch, Role.READER)
    app = stage.open_case("jane", "report")
    assert "You sign as Dr. Ada Ray." in html(app)
    assert not app.text_input
    press(press(app, f"{key('sign')}-press"), f"{key('sign')}-submit")
    found = store().reports.signed(JANE, "phantom", reader="a-17")
    assert found is not None
    assert (found.signature["name"], found.signature["account"]) == ("Dr. Ada Ray", "a-17")
    assert store().reports.stamp(JANE, "phantom") is None, "nobody else's"


def test_who_may_not_sign_is_not_asked_to(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = stage.open_case("jane", "report")
    monkeypatch.setattr(people, "may", lambda action: action not in (Action.READ, Action.SIGN))
    assert "Sign-off" in [s.value for s in app.subheader]
    app = app.run()
    assert 'data-testid="report-preview"' in html(app)
    assert "Sign this report" not in [b.label for b in app.button]
    assert not app.text_area
    assert "Sign-off" not in [s.value for s in app.subheader]
