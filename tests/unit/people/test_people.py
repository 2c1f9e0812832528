"""Signing in, sessions that lock and end, the first admin, and the accounts an admin keeps."""

from datetime import timedelta
from pathlib import Path

import pytest

from mmcore.errors import (
    AccountError,
    NotAllowedError,
    PasswordRefusedError,
    SignInRefusedError,
)
from mmcore.people import People, Person, Policy, Role, SessionState, Source, passwords
from mmcore.people.service import FREE_ATTEMPTS, LONGEST_WAIT
from mmcore.store import Store
from tests.unit.people.conftest import OTHER, PASSWORD, Clock


def refusal(people: People, name: str, password: str) -> str:
    with pytest.raises(SignInRefusedError) as refused:
        people.sign_in(name, password)
    assert password not in str(refused.value)
    return refused.value.reason


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


# --- The first admin


def test_only_who_sees_the_console_becomes_the_first_admin(people: People) -> None:
    code = people.new_setup_code()
    assert people.is_new()
    with pytest.raises(SignInRefusedError):
        people.first_admin("wrong", name="eve", display="Eve", password=PASSWORD)
    made = people.first_admin(
        code.upper(), name=" Ada ", display="Dr Ada Novak", password=PASSWORD
    ).account
    assert (made.name, made.display) == ("ada", "Dr Ada Novak")
    assert made.roles == {Role.ADMIN, Role.REVIEWER, Role.READER}
    assert not people.is_new()
    with pytest.raises(SignInRefusedError):
        people.first_admin(code, name="eve", display="Eve", password=PASSWORD)


def test_a_code_of_an_earlier_start_is_of_no_use(people: People) -> None:
    old, new = people.new_setup_code(), people.new_setup_code()
    with pytest.raises(SignInRefusedError):
        people.first_admin(old, name="ada", display="Ada", password=PASSWORD)
    people.first_admin(new, name="ada", display="Ada", password=PASSWORD)


def test_the_setup_code_can_not_be_guessed_at_leisure(people: People, clock: Clock) -> None:
    code = people.new_setup_code()
    for _ in range(FREE_ATTEMPTS):
        with pytest.raises(SignInRefusedError):
            people.first_admin("guess", name="eve", display="Eve", password=PASSWORD)
    with pytest.raises(SignInRefusedError) as refused:
        people.first_admin(code, name="ada", display="Ada", password=PASSWORD)
    assert refused.value.reason == "wait"
    clock.wait(seconds=refused.value.seconds)
    people.first_admin(code, name="ada", display="Ada", password=PASSWORD)


# --- Signing in


def test_the_disk_holds_neither_password_nor_token_nor_code(
    people: People, store: Store, tmp_path: Path
) -> None:
    code = people.new_setup_code()
    welcome = people.first_admin(code, name="ada", display="Ada", password=PASSWORD)
    store.close()
    kept = everything_in(tmp_path)
    for secret in (PASSWORD, welcome.token, code, code.replace("-", "")):
        assert secret.encode() not in kept
    assert b"$argon2id$" in kept


def test_a_wrong_name_and_a_wrong_password_are_refused_alike(
    people: People, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []
    verify = passwords.is_right
    monkeypatch.setattr(
        passwords, "is_right", lambda kept, given: looked.append(kept) or verify(kept, given)
    )
    assert refusal(people, "ada", OTHER) == refusal(people, "nobody", OTHER) == "wrong"
    assert len(looked) == 2, "a name that nobody has costs a hash too"
    assert people.sign_in(" ADA ", PASSWORD).account.id == admin.id


def test_who_guesses_waits_longer_and_longer(people: People, admin: Person, clock: Clock) -> None:
    for _ in range(FREE_ATTEMPTS):
        assert refusal(people, "ada", OTHER) == "wrong"
    waits = []
    for _ in range(12):
        with pytest.raises(SignInRefusedError) as refused:
            people.sign_in("ada", PASSWORD)
        assert refused.value.reason == "wait", "not even the right password is looked at"
        waits.append(refused.value.seconds)
        clock.wait(seconds=refused.value.seconds)
        assert refusal(people, "ada", OTHER) == "wrong"
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    assert refusal(people, "nobody", OTHER) == "wrong", "others do not wait"
    clock.wait(seconds=LONGEST_WAIT)
    people.sign_in("ada", PASSWORD)
    assert refusal(people, "ada", OTHER) == "wrong", "and then it begins anew"


def test_each_signing_in_has_a_token_of_its_own(people: People, admin: Person) -> None:
    one, two = people.sign_in("ada", PASSWORD), people.sign_in("ada", PASSWORD)
    assert one.token != two.token
    people.end(one.token)
    assert state_of(people, one.token) is SessionState.OVER
    found = people.find(two.token)
    assert found is not None
    assert found[2] is SessionState.OPEN
    assert people.find("") is None
    assert people.find("guess") is None


# --- Sessions


def test_a_page_without_a_hand_on_it_is_locked_and_the_password_opens_it(
    people: People, admin: Person, clock: Clock
) -> None:
    token = people.sign_in("ada", PASSWORD).token
    for _ in range(5):
        clock.wait(minutes=9)
        found = people.find(token)
        assert found is not None
        assert found[2] is SessionState.OPEN
        people.saw(found[0])
    clock.wait(minutes=10)
    for _ in range(2):
        found = people.find(token)
        assert found is not None
        assert found[2] is SessionState.LOCKED
        people.saw(found[0])
    with pytest.raises(SignInRefusedError):
        people.unlock(token, OTHER)
    assert state_of(people, token) is SessionState.LOCKED
    people.unlock(token, PASSWORD)
    assert state_of(people, token) is SessionState.OPEN
    people.lock(token)
    assert state_of(people, token) is SessionState.LOCKED


def test_a_session_that_nobody_comes_back_to_ends(
    people: People, admin: Person, clock: Clock
) -> None:
    token = people.sign_in("ada", PASSWORD).token
    clock.wait(hours=2)
    assert state_of(people, token) is SessionState.OVER
    assert state_of(people, token) is SessionState.OVER


def test_a_session_ends_after_its_longest_time_whatever_is_done(
    people: People, admin: Person, clock: Clock
) -> None:
    token = people.sign_in("ada", PASSWORD).token
    for _ in range(12 * 60 // 9 - 1):
        clock.wait(minutes=9)
        found = people.find(token)
        assert found is not None
        people.saw(found[0])
    clock.wait(minutes=9)
    assert state_of(people, token) is SessionState.OVER


def state_of(people: People, token: str) -> SessionState | None:
    found = people.find(token)
    return None if found is None else found[2]


# --- Accounts


def test_an_account_begins_with_a_password_that_must_be_changed(
    people: People, admin: Person
) -> None:
    given = people.add(admin, "Li", "Dr Li", {Role.READER})
    account = people.sign_in("li", given).account
    assert account.must_change
    with pytest.raises(PasswordRefusedError):
        people.change_password(account, given, "dr li dr li dr li")
    with pytest.raises(PasswordRefusedError):
        people.change_password(account, given, given)
    with pytest.raises(SignInRefusedError):
        people.change_password(account, OTHER, PASSWORD)
    people.change_password(account, given, OTHER)
    assert refusal(people, "li", given) == "wrong"
    assert not people.sign_in("li", OTHER).account.must_change


@pytest.mark.parametrize("roles", [set(), {Role.READER}, {Role.REVIEWER, Role.READER}])
def test_nobody_but_an_admin_touches_accounts(
    people: People, admin: Person, roles: set[Role]
) -> None:
    other = Person("someone", "Someone", frozenset(roles))
    for attempt in (
        lambda: people.add(other, "eve", "Eve", {Role.ADMIN}),
        lambda: people.set_roles(other, admin.id, {Role.READER}),
        lambda: people.set_disabled(other, admin.id, is_disabled=True),
        lambda: people.renew_password(other, admin.id),
    ):
        with pytest.raises(NotAllowedError):
            attempt()
    assert len(people.accounts()) == 1


def test_a_name_is_given_once_and_is_a_name(people: People, admin: Person) -> None:
    people.add(admin, "li", "Dr Li", {Role.READER})
    refusals = {"LI": "taken", "": "name", "a b": "name", "<b>": "name", "a" * 101: "long"}
    for name, reason in refusals.items():
        with pytest.raises(AccountError) as refused:
            people.add(admin, name, "X", {Role.READER})
        assert refused.value.reason == reason
    with pytest.raises(AccountError):
        people.add(admin, "x", "two\x00parts", {Role.READER})
    with pytest.raises(AccountError) as refused:
        people.add(admin, "x", "A" * 101, {Role.READER})
    assert refused.value.reason == "long"
    people.add(admin, "a" * 100, "A" * 100, {Role.READER})


def test_who_is_disabled_is_out_at_once_and_may_come_back(people: People, admin: Person) -> None:
    given = people.add(admin, "li", "Dr Li", {Role.READER})
    welcome = people.sign_in("li", given)
    people.set_disabled(admin, welcome.account.id, is_disabled=True)
    assert state_of(people, welcome.token) is SessionState.OVER
    assert refusal(people, "li", given) == "disabled"
    people.set_disabled(admin, welcome.account.id, is_disabled=False)
    people.sign_in("li", given)


def test_other_roles_or_another_password_end_the_sessions_of_before(
    people: People, admin: Person
) -> None:
    given = people.add(admin, "li", "Dr Li", {Role.READER})
    welcome = people.sign_in("li", given)
    people.set_roles(admin, welcome.account.id, {Role.REVIEWER})
    assert state_of(people, welcome.token) is SessionState.OVER
    welcome = people.sign_in("li", given)
    assert welcome.account.roles == {Role.REVIEWER}
    again = people.renew_password(admin, welcome.account.id)
    assert state_of(people, welcome.token) is SessionState.OVER
    assert refusal(people, "li", given) == "wrong"
    assert people.sign_in("li", again).account.must_change


def test_the_last_admin_stays_one(people: People, admin: Person) -> None:
    for attempt in (
        lambda: people.set_roles(admin, admin.id, {Role.READER}),
        lambda: people.set_disabled(admin, admin.id, is_disabled=True),
    ):
        with pytest.raises(AccountError) as refused:
            attempt()
        assert refused.value.reason == "last admin"
    people.add(admin, "bo", "Bo", {Role.ADMIN})
    people.set_roles(admin, admin.id, {Role.READER})
    assert people.accounts()[0].roles == {Role.READER}


def test_readers_are_those_who_may_read_now(people: People, admin: Person) -> None:
    people.add(admin, "it", "IT", {Role.ADMIN})
    people.add(admin, "li", "Dr Li", {Role.READER})
    people.add(admin, "mo", "Dr Mo", {Role.REVIEWER})
    gone = people.add(admin, "no", "Dr No", {Role.READER})
    people.set_disabled(admin, people.sign_in("no", gone).account.id, is_disabled=True)
    assert [account.name for account in people.readers()] == ["ada", "li", "mo"]
    assert people.display_of(people.readers()[1].id) == "Dr Li"
    assert people.display_of("nobody") is None


# --- Who others vouch for


def vouched(people: People, subject: str, name: str, **more: object) -> object:
    return people.vouched(
        Source.OIDC, subject=subject, name=name, display=name.title(), token=subject + "1", **more
    )  # type: ignore[arg-type] # keyword by keyword


def test_a_newcomer_of_a_provider_has_no_role_until_an_admin_gives_one(
    people: People, admin: Person
) -> None:
    with pytest.raises(SignInRefusedError) as refused:
        vouched(people, "s|1", "li@site")
    assert refused.value.reason == "no role"
    made = next(account for account in people.accounts() if account.name == "li@site")
    people.set_roles(admin, made.id, {Role.READER})
    welcome = vouched(people, "s|1", "li@site")
    assert welcome.account.id == made.id  # type: ignore[attr-defined]


def test_names_that_the_site_has_set_are_admins_from_the_first_day(people: People) -> None:
    welcome = vouched(people, "s|9", "Boss@Site")
    assert welcome.account.roles == {Role.ADMIN}  # type: ignore[attr-defined]


def test_the_subject_is_the_person_not_the_name(people: People, admin: Person) -> None:
    people.policy = Policy(new_role="reader")
    one, two = vouched(people, "s|1", "li@site"), vouched(people, "s|2", "li@site")
    again = vouched(people, "s|1", "wang@site")
    assert one.account.id == again.account.id != two.account.id  # type: ignore[attr-defined]
    local = vouched(people, "s|3", "ada")
    assert local.account.id != admin.id, "a provider's name opens no local account"  # type: ignore[attr-defined]
    assert refusal(people, "li@site", "anything at all") == "wrong", "nor has it a password"


def test_a_session_ends_with_the_word_of_the_provider(people: People, clock: Clock) -> None:
    people.policy = Policy(new_role="reader")
    welcome = vouched(people, "s|1", "li@site", until=clock.now + timedelta(minutes=5))
    token = welcome.token  # type: ignore[attr-defined]
    assert state_of(people, token) is SessionState.OPEN
    clock.wait(minutes=5)
    with pytest.raises(SignInRefusedError) as refused:
        vouched(people, "s|1", "li@site", until=clock.now)
    assert refused.value.reason == "over"
    assert state_of(people, token) is SessionState.OVER


def test_who_signed_out_does_not_come_back_with_the_same_word_of_the_provider(
    people: People, clock: Clock
) -> None:
    people.policy = Policy(new_role="reader")
    until = clock.now + timedelta(hours=1)
    welcome = vouched(people, "s|1", "li@site", until=until)
    people.end(welcome.token)  # type: ignore[attr-defined]
    with pytest.raises(SignInRefusedError) as refused:
        vouched(people, "s|1", "li@site", until=until)
    assert refused.value.reason == "over"
