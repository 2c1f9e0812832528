"""A reader whose reports are supervised signs; a reviewer looks, stands for it too, or may not."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import cosigning, people, site, state
from mmcore.errors import NotAllowedError
from mmcore.people import Action, Person, Role
from mmcore.report.reading import read_document
from mmcore.store import EventKind, Stamp
from tests.app.conftest import Stage, html
from tests.app.desk import JANE, press, store
from tests.app.test_people import PASSWORD, Door, door, opened

__all__ = ["door"]
ASK, SIGN = f"sign-{JANE[:16]}-phantom-press", f"sign-{JANE[:16]}-phantom-submit"


@pytest.fixture(autouse=True)
def concurrent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(site.READING, "concurrent")


def supervised(door: Door) -> Person:
    """Let a reader in whose reports are to be co-signed."""
    reader = door.let_in(Role.READER).account
    ada = next(a for a in people.everybody().accounts() if a.name == "ada")
    people.everybody().set_supervised(people.person_of(ada), reader.id, is_supervised=True)
    return people.person_of(door.let_in(Role.READER).account)


def signed(stage: Stage, door: Door) -> tuple[Person, AppTest]:
    """Let a supervised reader sign the report of a case."""
    reader = supervised(door)
    return reader, press(press(stage.open_case("jane", "report"), ASK), SIGN)


def chosen(app: AppTest) -> AppTest:
    """Choose the first report of the others."""
    box = next(box for box in app.selectbox if box.key == f"cosign-{JANE[:16]}")
    return box.set_value(0).run()


def test_a_supervised_readers_report_is_preliminary_until_a_reviewer_cosigns_it(
    stage: Stage, door: Door
) -> None:
    reader, app = signed(stage, door)
    assert "Preliminary: signed by" in html(app)
    reviewer = door.let_in(Role.REVIEWER).account
    app = opened()
    assert "Reports that await a co-signature: 1" in [
        link.proto.label for link in app.get("page_link")
    ]
    app = app.switch_page("../pages/cosign.py").run()
    assert reader.display in html(app)
    app = app.button(key="cosign-open-0").click().run()
    assert "Reports of others" in [s.value for s in app.subheader], "the Report page of its case"
    app = app.switch_page("../pages/report.py").run()
    (title,) = next(box for box in app.selectbox if box.key == f"cosign-{JANE[:16]}").options
    assert title.startswith(f"{reader.display}, ")
    assert "\\" not in title, "an option is no Markdown"
    app = chosen(app)
    app = press(app, "cosign-submit")
    assert "You have co-signed this report" in html(app)
    found = store().reports.signed(JANE, "phantom", reader=reader.id)
    assert found is not None
    (given,) = found.cosignatures
    assert (given["name"], given["account"]) == (reviewer.display, reviewer.id)
    happened = [(e.kind, e.reader) for e in store().events(JANE)]
    assert (EventKind.OTHERS_SEEN, reviewer.id) in happened
    assert happened[-1] == (EventKind.COSIGNED, reviewer.id)
    app = opened().switch_page("../pages/cosign.py").run()
    assert "No report awaits a co-signature." in html(app)
    door.let_in(Role.READER)
    app = stage.open_case("jane", "report")
    assert "Final: signed by" in html(app)
    assert 'data-testid="report-cosignature"' in html(app)
    document = app.session_state["consilium_session"].cases[JANE].document
    assert read_document(json.loads(json.dumps(document))).is_final


def test_nobody_finds_their_own_report_to_cosign(stage: Stage, door: Door) -> None:
    door.let_in(*Role)
    app = press(press(stage.open_case("jane", "report"), ASK), SIGN)
    assert "Final: signed by" in html(app), "theirs asks for none"
    assert "Reports of others" not in [s.value for s in app.subheader]


def test_a_reader_sees_no_report_of_others(stage: Stage, door: Door) -> None:
    signed(stage, door)
    door.let_in(Role.READER, Role.ADMIN)
    app = stage.open_case("jane", "report")
    assert "Reports of others" not in [s.value for s in app.subheader]
    assert "Co-sign" not in [link.proto.label for link in app.get("page_link")]
    with pytest.raises(ValueError, match="Could not find a navigation page"):
        app.switch_page("../pages/cosign.py")


def test_in_read_first_mode_ones_own_reading_comes_first(
    stage: Stage, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed(stage, door)
    monkeypatch.setenv(site.READING, "read-first")
    door.let_in(Role.REVIEWER)
    app = stage.open_case("jane", "report")
    assert "Reports of others" not in [s.value for s in app.subheader]
    seen = [e.kind for e in store().events(JANE)]
    assert EventKind.OTHERS_SEEN not in seen


def test_what_the_reader_added_meanwhile_is_looked_at_first(stage: Stage, door: Door) -> None:
    reader, _ = signed(stage, door)
    door.let_in(Role.REVIEWER)
    app = chosen(stage.open_case("jane", "report"))
    store().reports.add(JANE, "phantom", _addendum(reader), after=0, reader=reader.id)
    app = press(app, "cosign-submit")
    page = html(app)
    assert "added to or co-signed meanwhile" in page
    assert "Effusion as well." in page
    assert store().reports.stamp(JANE, "phantom", reader=reader.id).cosignatures == 0
    app = press(app, "cosign-submit")
    assert store().reports.stamp(JANE, "phantom", reader=reader.id).cosignatures == 1


def _addendum(reader: Person) -> dict[str, object]:
    """Return an addendum as that reader's own window makes it."""
    from dashboard.signing import whole
    from mmcore.report import add

    found = store().reports.signed(JANE, "phantom", reader=reader.id)
    assert found is not None
    made = add(whole(found), text="Effusion as well.", name=reader.display, account=reader.id,
               at=datetime.now(UTC))  # fmt: skip
    return made["addenda"][-1]


@pytest.mark.parametrize("role", [Role.READER, Role.ADMIN])
def test_beneath_the_page_the_right_to_it_is_asked_again(
    stage: Stage, door: Door, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    reader, _ = signed(stage, door)
    of = store().reports.of_others(JANE, reader="nobody")[0]
    stamp = store().reports.stamp(JANE, "phantom", reader=reader.id)
    assert stamp is not None
    report = cosigning.Report(of, "Dr Li", stamp, {})
    tab = state.Session()
    monkeypatch.setattr(state, "session", lambda: tab)
    tab.person = people.person_of(door.let_in(role).account)
    for attempt in (cosigning.awaiting, lambda: cosigning.cosign(report)):
        with pytest.raises(NotAllowedError):
            attempt()
    assert Action.COSIGN not in {action for action in Action if tab.person.may(action)}
    assert store().reports.stamp(JANE, "phantom", reader=reader.id) == Stamp(stamp.signed_at)


def test_an_admin_says_whose_reports_are_to_be_cosigned(stage: Stage, door: Door) -> None:
    reader = door.let_in(Role.READER).account
    door.let_in(Role.ADMIN)
    app = opened().switch_page("../pages/admin.py").run()
    app = app.selectbox(key="admin-account").set_value(reader.id).run()
    app.checkbox(key=f"supervised-{reader.id}").check()
    app = next(b for b in app.button if b.label == "Save").click().run()
    assert "to be co-signed" in html(app)
    (account,) = [a for a in people.everybody().accounts() if a.id == reader.id]
    assert account.is_supervised
    last = next(e for e in store().journal.last(5) if e.kind == EventKind.PEOPLE_CHANGED)
    assert last.details["what"] == f"reports to be co-signed of {reader.id}"
    assert people.everybody().sign_in(account.name, PASSWORD).account.is_supervised
