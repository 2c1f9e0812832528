"""Two people at one case see each other."""

from datetime import UTC, datetime

from mmcore.people import People, Person, Role
from mmcore.store import KeptFile, Store
from tests.unit.people.conftest import CASE, Clock


def test_two_people_at_one_case_see_each_other(
    people: People, store: Store, admin: Person, clock: Clock
) -> None:
    store.keep_case(CASE, [KeptFile("a", b"a")], label="one")
    people.add(admin, "li", "Dr Li", {Role.READER})
    li = next(Person(a.id, a.display, a.roles) for a in people.accounts() if a.name == "li")
    assert people.visit(li, CASE, "tab 1") == ()
    clock.wait(minutes=0.5)
    (seen,) = people.visit(admin, CASE, "tab 2")
    assert (seen.display, seen.since) == ("Dr Li", datetime(2026, 3, 1, 9, 0, tzinfo=UTC))
    assert [v.display for v in people.visit(li, CASE, "tab 1")] == ["Dr Ada Novak"]
    assert [v.display for v in people.visit(li, CASE, "tab 3")] == ["Dr Ada Novak"], "not oneself"
    people.leave(admin, "tab 2")
    assert people.visit(li, CASE, "tab 1") == ()


def test_who_closed_the_lid_is_gone_after_a_minute_and_who_looks_elsewhere_at_once(
    people: People, store: Store, admin: Person, clock: Clock
) -> None:
    for digest in (CASE, "b2" * 32):
        store.keep_case(digest, [KeptFile("a", b"a")], label="one")
    people.add(admin, "li", "Dr Li", {Role.READER})
    li = next(Person(a.id, a.display, a.roles) for a in people.accounts() if a.name == "li")
    people.visit(li, CASE, "tab 1")
    people.visit(li, "b2" * 32, "tab 1")
    assert people.visit(admin, CASE, "tab 2") == ()
    people.visit(li, CASE, "tab 1")
    clock.wait(seconds=59)
    assert len(people.visit(admin, CASE, "tab 2")) == 1
    clock.wait(seconds=1)
    assert people.visit(admin, CASE, "tab 2") == ()
    assert people.visit(admin, "f0" * 32, "tab 2") == (), "a case that is not stored"
