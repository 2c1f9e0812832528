"""The site on the Admin page: retention, the state of the keys, the audit as FHIR."""

import io
import json
import re
import shlex
import subprocess
import zipfile
from pathlib import Path

import pytest

from dashboard import administering, audit_words, keeping, people, settling, state, stores
from mmcore.errors import NotAllowedError
from mmcore.language import translate
from mmcore.people import Role
from mmcore.store import EventKind, Place, Store
from mmcore.store.place import DATA, KEEP_DAYS, KEY, KEY_FILE, read_key, write_key
from tests.app.conftest import Stage, html
from tests.app.test_people import Door, door, opened, tab

__all__ = ["door", "tab"]


def entries(kind: EventKind) -> list[dict[str, object]]:
    """Return what the audit says of the site under a kind."""
    return [dict(one.details) for one in stores.site_store().journal.of_site(kind)]


# --- How long cases are kept


def test_an_admin_sees_what_would_go_before_they_shorten_the_time(stage: Stage, door: Door) -> None:
    door.let_in(Role.READER)
    stage.open_case("jane")
    door.let_in(Role.ADMIN)
    app = opened().switch_page("../pages/admin.py").run()
    assert "kept on the server" in html(app)
    assert app.button(key="keep-save").disabled
    app = app.checkbox(key="keep-ends").check().run()
    app = app.number_input(key="keep-days").set_value(90).run()
    app = app.button(key="keep-save").click().run()
    assert "for 90 days after the last change" in html(app)
    assert stores.site_store().retention.days() == 90
    assert entries(EventKind.SITE_CHANGED) == [{"what": "cases are kept for 90 days"}]
    assert app.button(key="keep-save").disabled


def test_cases_that_would_go_at_once_are_counted_and_agreed_to(
    stage: Stage, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.let_in(Role.ADMIN)
    monkeypatch.setattr(settling, "expiring", lambda days: 12 if days < 30 else 0)
    app = opened().switch_page("../pages/admin.py").run()
    app = app.checkbox(key="keep-ends").check().run()
    app = app.number_input(key="keep-days").set_value(7).run()
    assert "signed of them: 12." in html(app)
    assert app.button(key="keep-save").disabled
    app = app.checkbox(key="keep-sure-7-12").check().run()
    assert not app.button(key="keep-save").disabled
    app = app.button(key="keep-save").click().run()
    assert stores.site_store().retention.days() == 7


@pytest.mark.parametrize(
    ("days", "words"), [("30", "for 30 days after"), ("0", "Nothing is stored here")]
)
def test_what_the_environment_fixes_is_shown_and_not_asked(
    stage: Stage, door: Door, monkeypatch: pytest.MonkeyPatch, days: str, words: str
) -> None:
    monkeypatch.setenv(KEEP_DAYS, days)
    door.let_in(Role.ADMIN)
    app = opened().switch_page("../pages/admin.py").run()
    assert words in html(app)
    assert not [box for box in app.checkbox if box.key == "keep-ends"]


# --- Keys


def test_the_command_that_changes_the_key_is_the_one_of_this_site_and_holds_no_secret(
    stage: Stage, door: Door, tab: state.Session, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder.parent / "site key"
    write_key(file)
    monkeypatch.setenv(KEY_FILE, str(file))
    tab.person = people.person_of(door.let_in(Role.ADMIN).account)
    found = settling.keys()
    assert found is not None
    assert (found.has_key, found.from_entry, found.changed_at) == (True, 1, None)
    stores.close()
    done = subprocess.run(["sh", "-c", found.command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (name, new) = shlex.split(found.start)[0].split("=", 1)
    assert name == KEY_FILE
    monkeypatch.setenv(KEY_FILE, new)
    door.let_in(Role.ADMIN)
    again = settling.keys()
    assert again is not None
    assert again.changed_at is not None
    assert again.from_entry == 1, "the chain stays the one that it was"
    assert "site key.3" in again.command
    monkeypatch.delenv(KEY_FILE)
    secret = "A" * 43 + "="
    monkeypatch.setenv(KEY, secret)
    monkeypatch.setattr(people, "require", lambda _: tab.person)
    monkeypatch.setattr(people, "journal", lambda: Store(Place(folder, key=read_key(Path(new)))))
    by_name = settling.keys()
    assert by_name is not None
    assert f'{KEY}="${KEY}"' in by_name.command
    assert secret not in by_name.command


def test_the_page_says_whether_what_is_stored_is_encrypted(stage: Stage, door: Door) -> None:
    door.let_in(Role.ADMIN)
    app = opened().switch_page("../pages/admin.py").run()
    assert "The site has no key" in html(app)
    (command, start) = (code.value for code in app.code)
    assert re.search(r"-m mmcore rekey consilium\.key\.\d+ --make$", command)
    assert f"{DATA}=" in command
    assert start.startswith(f"{KEY_FILE}=")


# --- The audit as FHIR


def test_an_admin_takes_the_audit_out_as_fhir_and_that_is_in_the_audit(
    stage: Stage, door: Door, tab: state.Session
) -> None:
    door.let_in(Role.READER)
    stage.open_case("jane")
    admin = door.let_in(Role.ADMIN).account
    tab.person = people.person_of(admin)
    before = stores.site_store().journal.head()
    assert before is not None
    with zipfile.ZipFile(io.BytesIO(administering.audit_file(0)())) as archive:
        (name,) = archive.namelist()
        events = [e["resource"] for e in json.loads(archive.read(name))["entry"]]
    assert len(events) == before.seq + 1
    assert {event["resourceType"] for event in events} == {"AuditEvent"}
    last = events[-1]
    assert last["type"]["code"] == "110101"
    assert last["agent"][0]["who"]["identifier"]["value"] == admin.id
    assert entries(EventKind.AUDIT_USED) == [{"what": "taken out as FHIR from entry 1 on"}]
    with zipfile.ZipFile(io.BytesIO(administering.audit_file(before.seq)())) as archive:
        rest = json.loads(archive.read(archive.namelist()[0]))["entry"]
    assert len(rest) == 2, "what was taken out before, and this"


@pytest.mark.parametrize("how", ["another role", "locked", "over"])
def test_who_may_not_see_the_audit_takes_none_of_it_out(
    stage: Stage, door: Door, tab: state.Session, how: str
) -> None:
    role = Role.REVIEWER if how == "another role" else Role.ADMIN
    tab.person = people.person_of(door.let_in(role).account)
    take = administering.audit_file(0)
    if how == "locked":
        people.everybody().lock(door.token)
    elif how == "over":
        people.everybody().end(door.token)
    with pytest.raises(NotAllowedError):
        take()
    assert entries(EventKind.AUDIT_USED) == []
    keeping.close()


@pytest.mark.parametrize(
    "attempt",
    [settling.kept, settling.keys, lambda: settling.keep(1), lambda: settling.expiring(1)],
)
@pytest.mark.parametrize("role", [Role.READER, Role.REVIEWER])
def test_nobody_but_an_admin_sees_or_sets_what_the_site_keeps(
    stage: Stage, door: Door, tab: state.Session, role: Role, attempt: object
) -> None:
    tab.person = people.person_of(door.let_in(role).account)
    with pytest.raises(NotAllowedError):
        attempt()  # type: ignore[operator] # one of the four above
    assert stores.site_store().retention.days() is None


def test_looking_through_the_audit_is_in_it(stage: Stage, door: Door) -> None:
    door.let_in(Role.ADMIN)
    app = opened().switch_page("../pages/admin.py").run()
    head = stores.site_store().journal.head()
    assert head is not None
    app.button(key="check-audit").click().run()
    assert entries(EventKind.AUDIT_USED) == [{"what": f"checked, {head.seq} entries, 0 faults"}]


def test_the_details_of_an_entry_are_told_whole_and_in_the_readers_language() -> None:
    gate = {"nodule": "scored with caution", "effusion": "withheld", "oedema": "withheld"}
    told = audit_words.of_details({"digest": "ab" * 32, "gate": gate, "version": "1.3.0"})
    assert told == (
        "digest abababababababab", "scored with caution: 1", "withheld: 2", "version 1.3.0"
    )  # fmt: skip
    assert translate(told[2], "zh-Hans").startswith("不予显示")
    (where,) = audit_words.of_details({"what": "worklist"})
    assert translate(where, "zh-Hans") == "工作列表"


def test_every_kind_of_entry_has_words_that_can_be_translated() -> None:
    for kind in EventKind:
        assert translate(audit_words.of_kind(kind), "zh-Hans") != str(kind), kind
    assert audit_words.of_kind("of a newer version") == "of a newer version"
