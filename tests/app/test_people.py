"""What somebody may do: pages that are not theirs are not there, and beneath them it is refused."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import (
    administering,
    cosigning,
    deidentifying,
    desks,
    exporting,
    keeping,
    others,
    people,
    people_words,
    reading,
    resuming,
    services,
    settling,
    state,
    stores,
)
from mmcore.deid.records import Options
from mmcore.errors import AccountError, NotAllowedError
from mmcore.people import MATRIX, Action, People, Policy, Role, Welcome
from mmcore.people.policy import LOGIN
from mmcore.records import GateVerdict, Presence
from mmcore.store import EventKind
from tests.app import factory
from tests.app.conftest import ENTRYPOINT, Stage, html
from tests.app.desk import JANE, revealed

PASSWORD = "tram over the lake"
READING = 'data-testid="how-to-read"'


@dataclass
class Door:
    """Who is at the page; a test lets somebody in, and others after them."""

    token: str = ""

    def let_in(self, *roles: Role) -> Welcome:
        """Sign somebody in who has these roles."""
        everybody = People(stores.site_store().people, Policy())
        name = "-".join(["somebody", *sorted(roles)])
        known = {account.name: account for account in everybody.accounts()}
        if not known:
            code = everybody.new_setup_code()
            everybody.first_admin(code, name="ada", display="Dr Ada", password=PASSWORD)
            known = {account.name: account for account in everybody.accounts()}
        given = PASSWORD
        if name not in known:
            given = everybody.add(people.person_of(known["ada"]), name, f"Dr {name}", roles)
        welcome = everybody.sign_in(name, given)
        if welcome.account.must_change:
            everybody.change_password(welcome.account, given, PASSWORD)
            welcome = everybody.sign_in(name, PASSWORD)
        self.token = welcome.token
        return welcome


@pytest.fixture
def door(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """Keep cases in a folder, and let nobody in who has not signed in."""
    made = Door()
    monkeypatch.setenv(LOGIN, "local")
    monkeypatch.setattr(people, "token", lambda: made.token)
    yield made
    keeping.close()


@pytest.fixture
def tab(monkeypatch: pytest.MonkeyPatch) -> state.Session:
    """Make a tab without a browser, for what lies beneath the pages."""
    made = state.Session()
    monkeypatch.setattr(state, "session", lambda: made)
    monkeypatch.setattr(state, "begin_anew", lambda: None)
    return made


def opened() -> AppTest:
    return AppTest.from_file(ENTRYPOINT, default_timeout=120).run()


# --- Pages


@pytest.mark.parametrize(
    ("roles", "there", "not_there"),
    [
        ({Role.READER}, {"Cases", "Review", "Report"}, {"Admin"}),
        ({Role.REVIEWER}, {"Cases", "Review", "Report", "Admin"}, set()),
        ({Role.ADMIN}, {"Admin", "Models"}, {"Cases", "Review", "Report", "Worklist"}),
    ],
)
def test_the_header_leads_to_the_pages_of_a_role_alone(
    stage: Stage, door: Door, roles: set[Role], there: set[str], not_there: set[str]
) -> None:
    door.let_in(*roles)
    found = {link.proto.label for link in opened().get("page_link")}
    assert there <= found
    assert not found & not_there


def test_an_admin_who_does_not_read_sees_no_patient_on_any_page(stage: Stage, door: Door) -> None:
    door.let_in(Role.READER)
    stage.open_case("jane", "review")
    door.let_in(Role.ADMIN)
    app = opened()
    for page in ("intake", "review", "report", "worklist", "deidentify"):
        with pytest.raises(ValueError, match="Could not find a navigation page"):
            app.switch_page(f"../pages/{page}.py")
    app.query_params["case"] = JANE[:16]
    app = app.run()
    assert "Doe" not in html(app)
    assert "You may not do that here" in html(app)


def test_without_a_session_no_page_is_drawn(stage: Stage, door: Door) -> None:
    door.let_in(Role.READER)
    app = stage.open_case("jane", "review")
    door.token = ""
    page = html(app.run())
    assert "Your session is over" in page
    assert READING not in page


def test_a_tab_is_empty_for_the_next_person(stage: Stage, door: Door) -> None:
    door.let_in(Role.READER)
    app = stage.open_case("jane", "review")
    before = app.session_state["consilium_session"]
    door.let_in(Role.REVIEWER, Role.READER)
    after = app.run().session_state["consilium_session"]
    assert after is not before
    assert not {id(work) for work in after.cases.values()} & set(map(id, before.cases.values()))
    door.let_in(Role.ADMIN)
    assert not app.run().session_state["consilium_session"].cases


def test_a_locked_page_shows_nothing_and_keeps_the_tab(stage: Stage, door: Door) -> None:
    door.let_in(Role.READER)
    app = stage.open_case("jane", "review")
    assert READING in html(app)
    people.everybody().lock(door.token)
    app = app.run()
    page = html(app)
    assert "Nothing entered is lost" in page
    assert READING not in page
    assert app.session_state["consilium_session"].cases, "only the page is gone"
    people.everybody().unlock(door.token, PASSWORD)
    assert READING in html(app.run())


def test_what_is_recorded_is_kept_under_the_persons_own_name(stage: Stage, door: Door) -> None:
    one = door.let_in(Role.READER).account.id
    stage.open_case("jane", "review")
    two = door.let_in(Role.REVIEWER).account.id
    stage.open_case("jane", "review")
    kinds = [(e.kind, e.reader) for e in stores.site_store().events(JANE)]
    assert (EventKind.KEPT, one) in kinds
    assert (EventKind.IMAGE_SEEN, one) in kinds
    assert (EventKind.IMAGE_SEEN, two) in kinds


# --- Beneath the pages


def work_of(tab: state.Session) -> state.CaseWork:
    work = state.open_case(factory.case(), "one")
    work.pack_name = "phantom"
    keeping.keep_case(work.case, [("image.dcm", b"jane")], label="one", pack_name="phantom")
    keeping.begin(work)
    return work


def save(work: state.CaseWork) -> None:
    """Enter something and save it; refused is what the page tells."""
    reading.desk(work).entry("nodule").presence = Presence.PRESENT
    desks.save(work)
    unsaved = state.session().unsaved
    if isinstance(unsaved, NotAllowedError):
        raise unsaved


FORGED: dict[str, tuple[Action, Callable[[state.CaseWork], object]]] = {
    "read files": (Action.OPEN, lambda work: services.read_files([("a", b"b")], "x")),
    "open a stored case": (Action.OPEN, lambda work: resuming.reopen("ff" * 32)),
    "save a reading": (Action.READ, save),
    "see others": (Action.SEE_OTHERS, others.recorded),
    "remove": (Action.REMOVE, lambda work: keeping.remove(work.case.digest)),
    "restore": (Action.REMOVE, lambda work: keeping.restore(work.case.digest)),
    "delete": (Action.REMOVE, lambda work: keeping.delete(work.case.digest)),
    "take a report": (Action.EXPORT, lambda work: exporting.taking(b"x", work, what="PDF")()),
    "look what would leave": (Action.DEIDENTIFY,
                              lambda work: deidentifying.look(work, Options())),
    "see accounts": (Action.MANAGE_PEOPLE, lambda work: administering.accounts()),
    "add an account": (Action.MANAGE_PEOPLE,
                       lambda work: administering.add_account("eve", "Eve", {Role.ADMIN})),
    "give roles": (Action.MANAGE_PEOPLE,
                   lambda work: administering.set_roles(people.person().id, set(Role))),
    "see figures": (Action.SEE_FIGURES, lambda work: administering.used()),
    "see the audit": (Action.SEE_AUDIT, lambda work: administering.last_entries(5)),
    "check the audit": (Action.SEE_AUDIT, lambda work: administering.check_audit()),
    "see the site": (Action.MANAGE_SITE, lambda work: settling.kept()),
    "set how long cases are kept": (Action.MANAGE_SITE, lambda work: settling.keep(90)),
    "take the audit": (Action.SEE_AUDIT, lambda work: administering.audit_file(0)()),
    "see what is to be co-signed": (Action.COSIGN, lambda work: cosigning.awaiting()),
}  # fmt: skip
"""What a forged event could make a page do, and what it needs."""


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("name", list(FORGED))
def test_beneath_the_pages_the_role_is_asked_again(
    stage: Stage, door: Door, tab: state.Session, role: Role, name: str
) -> None:
    action, attempt = FORGED[name]
    work = work_of(tab)
    tab.person = people.person_of(door.let_in(role).account)
    if role in MATRIX[action]:
        attempt(work)
        return
    with pytest.raises(NotAllowedError):
        attempt(work)
    last = stores.site_store().journal.last(1)[0]
    assert (last.kind, last.actor) == (EventKind.NOT_ALLOWED, tab.person.id)
    assert last.details == {"what": str(action)}


@pytest.mark.parametrize("how", ["locked", "over", "somebody else"])
def test_a_session_that_is_not_open_does_nothing(
    stage: Stage, door: Door, tab: state.Session, how: str
) -> None:
    work = work_of(tab)
    tab.person = people.person_of(door.let_in(*Role).account)
    exporting.taking(b"x", work, what="PDF")()
    if how == "locked":
        people.everybody().lock(door.token)
    elif how == "over":
        people.everybody().end(door.token)
    else:
        door.let_in(Role.REVIEWER)
    with pytest.raises(NotAllowedError):
        keeping.remove(work.case.digest)
    with pytest.raises(NotAllowedError):
        exporting.taking(b"x", work, what="PDF")()


def test_an_account_with_a_borrowed_password_does_nothing_yet(
    stage: Stage, door: Door, tab: state.Session
) -> None:
    ada = people.person_of(door.let_in(*Role).account)
    given = people.everybody().add(ada, "new", "Dr New", {Role.REVIEWER})
    welcome = people.everybody().sign_in("new", given)
    door.token, tab.person = welcome.token, people.person_of(welcome.account)
    with pytest.raises(NotAllowedError):
        people.require(Action.READ)


def test_what_is_taken_out_is_in_the_audit_before_anybody_has_it(
    stage: Stage, door: Door, tab: state.Session
) -> None:
    work = work_of(tab)
    tab.person = people.person_of(door.let_in(Role.REVIEWER).account)
    take = exporting.taking(b"the file", work, what="PDF")
    journal = stores.site_store().journal
    assert "exported" not in [entry.kind for entry in journal.entries()]
    assert take() == b"the file"
    last = journal.last(1)[0]
    assert (last.kind, last.actor, last.details) == ("exported", tab.person.id, {"what": "PDF"})


def test_with_a_login_the_audit_is_kept_where_no_case_is(
    stage: Stage, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSILIUM_KEEP_DAYS", "0")
    door.let_in(Role.READER)
    stage.open_case("jane", "review")
    assert keeping.store() is None
    kinds = [entry.kind for entry in stores.site_store().journal.entries()]
    assert "image shown" in kinds
    assert "kept" not in kinds


def test_a_reviewer_sees_what_others_recorded_once_their_own_reading_is_done(
    stage: Stage, door: Door
) -> None:
    li = door.let_in(Role.READER).account
    app = revealed(stage.open_case("jane", "review"))
    assert "What others recorded" not in html(app), "there is nobody else yet"
    door.let_in(Role.REVIEWER)
    app = stage.open_case("jane", "review")
    assert "What others recorded" not in html(app), "not before one's own reading"
    app = revealed(app)
    page = html(app)
    assert "What others recorded" in page
    assert li.display in page
    assert "Absent, confidence 4 of 5" in page
    last = [e for e in stores.site_store().journal.entries() if e.kind == "others' readings shown"]
    assert [entry.details for entry in last] == [{"whose": [li.id]}]
    door.let_in(Role.READER)
    app = stage.open_case("jane", "review")
    assert "What others recorded" not in html(app), "a reader sees their own alone"


# --- The Admin page


def test_an_admin_adds_somebody_and_hands_over_a_password_once(stage: Stage, door: Door) -> None:
    door.let_in(Role.ADMIN)
    app = opened().switch_page("../pages/admin.py").run()
    app.text_input(key="add-name").set_value("li")
    app.text_input(key="add-display").set_value("Dr Li Na")
    app = next(b for b in app.button if b.label == "Add").click().run()
    (password,) = (c.value for c in app.code if re.fullmatch(r"\w{5}(-\w{5}){3}", c.value))
    welcome = people.everybody().sign_in("li", password)
    assert welcome.account.must_change
    assert welcome.account.roles == {Role.READER}
    app = app.run()
    assert password not in {code.value for code in app.code}, "shown once"
    assert "Dr Li Na" in html(app)


def test_the_figures_and_the_audit_are_on_the_page(stage: Stage, door: Door) -> None:
    door.let_in(Role.READER, Role.ADMIN)
    app = stage.open_case("jane", "review").switch_page("../pages/admin.py").run()
    page = html(app)
    assert "<dt>Cases read in</dt><dd>1</dd>" in page
    assert "image shown" in page
    app = app.button(key="check-audit").click().run()
    assert "nothing changed" in app.success[0].value


def test_a_name_that_is_too_long_is_refused_for_its_length(stage: Stage, door: Door) -> None:
    ada = people.person_of(door.let_in(Role.ADMIN).account)
    with pytest.raises(AccountError) as refused:
        People(stores.site_store().people, Policy()).add(ada, "a" * 300, "Dr A", {Role.READER})
    words = people_words.of_people_error(refused.value)
    assert words == "A name has at most 100 characters."


def test_each_verdict_of_the_gate_is_counted_on_the_page(stage: Stage, door: Door) -> None:
    door.let_in(Role.ADMIN)
    verdicts = [GateVerdict.CAUTION] * 5 + [GateVerdict.WITHHELD] * 3 + [GateVerdict.SCORED] * 2
    gate = {f"finding {number}": str(verdict) for number, verdict in enumerate(verdicts)}
    stores.site_store().tell(EventKind.ANSWER_SEEN, "ab" * 32, pack_name="phantom", gate=gate)
    page = html(opened().switch_page("../pages/admin.py").run())
    rows = re.findall(r">(Scored|Caution|Withheld)</th><td>(\d+)</td>", page)
    assert rows == [("Scored", "2"), ("Caution", "5"), ("Withheld", "3")]


def test_where_nobody_signs_in_every_page_says_so(stage: Stage) -> None:
    assert "Nobody signs in here" in html(opened())
    app = opened().switch_page("../pages/admin.py").run()
    assert "recorded as the local reader" in html(app)
