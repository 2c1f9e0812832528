"""What somebody may try: many guesses at once, sessions of before, words of a provider."""

import threading
from datetime import timedelta

import pytest

from mmcore.errors import SignInRefusedError
from mmcore.people import People, Person, Policy, Role, SessionState, Source, Welcome, passwords
from mmcore.people.policy import ADMINS, policy_of
from mmcore.people.service import FREE_ATTEMPTS
from mmcore.store import EventKind, Store
from tests.unit.people.conftest import OTHER, PASSWORD, Clock

THIRD = "lantern under 7 pines"


def state_of(people: People, token: str) -> SessionState | None:
    found = people.find(token)
    return None if found is None else found[2]


def vouched(people: People, subject: str, *, token: str = "", source: Source = Source.OIDC,
            name: str = "", display: str = "") -> Welcome:  # fmt: skip
    return people.vouched(
        source, subject=subject, name=name, display=display, token=token or f"{subject} token"
    )


def refused_in(store: Store) -> list[tuple[str, object]]:
    return [
        (entry.actor, entry.details["what"])
        for entry in store.journal.entries()
        if entry.kind == EventKind.SIGN_IN_REFUSED
    ]


# --- Guessing


def test_guesses_made_at_once_are_counted_like_guesses_made_in_turn(
    people: People, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, looked = 12, []
    start, all_asked = threading.Barrier(number), threading.Event()

    def slow(kept: str | None, given: str) -> bool:
        looked.append(given)
        all_asked.wait(2)  # the others come while this one is looked at
        return False

    monkeypatch.setattr(passwords, "is_right", slow)
    reasons = []

    def guess(word: str) -> None:
        start.wait()
        with pytest.raises(SignInRefusedError) as refused:
            people.sign_in("ada", word)
        reasons.append(refused.value.reason)
        if len(reasons) >= number - FREE_ATTEMPTS:
            all_asked.set()

    threads = [threading.Thread(target=guess, args=(f"guess {n}",)) for n in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(looked) == FREE_ATTEMPTS
    assert sorted(reasons) == ["wait"] * (number - FREE_ATTEMPTS) + ["wrong"] * FREE_ATTEMPTS


def test_a_clock_that_was_set_back_makes_nobody_wait_longer_than_the_longest(
    people: People, admin: Person, clock: Clock
) -> None:
    for _ in range(FREE_ATTEMPTS):
        with pytest.raises(SignInRefusedError):
            people.sign_in("ada", OTHER)
    clock.wait(hours=-5)
    with pytest.raises(SignInRefusedError) as refused:
        people.sign_in("ada", PASSWORD)
    assert refused.value.seconds == 2


def test_attempts_are_forgotten_after_a_day_so_that_their_rows_do_not_pile_up(
    people: People, admin: Person, clock: Clock
) -> None:
    for _ in range(FREE_ATTEMPTS):
        with pytest.raises(SignInRefusedError):
            people.sign_in("nobody", OTHER)
    clock.wait(hours=25)
    for _ in range(FREE_ATTEMPTS):
        with pytest.raises(SignInRefusedError) as refused:
            people.sign_in("nobody", OTHER)
        assert refused.value.reason == "wrong"


def test_a_right_password_of_a_disabled_account_is_written_down_too(
    people: People, admin: Person, store: Store
) -> None:
    given = people.add(admin, "li", "Dr Li", {Role.READER})
    li = people.sign_in("li", given).account.id
    people.set_disabled(admin, li, is_disabled=True)
    with pytest.raises(SignInRefusedError):
        people.sign_in("li", given)
    assert refused_in(store) == [(li, "disabled")]


def test_a_code_for_an_admin_is_written_down_when_it_is_made(people: People, store: Store) -> None:
    people.new_setup_code()
    (entry,) = store.journal.entries()
    assert (entry.kind, entry.actor) == (EventKind.PEOPLE_CHANGED, "")
    assert entry.details == {"what": "a code for one more admin"}


# --- Sessions of before


def test_another_password_ends_every_session_but_the_one_in_which_it_was_changed(
    people: People, admin: Person
) -> None:
    stolen, own = people.sign_in("ada", PASSWORD), people.sign_in("ada", PASSWORD)
    people.change_password(own.account, PASSWORD, THIRD, token=own.token)
    assert state_of(people, stolen.token) is SessionState.OVER
    assert state_of(people, own.token) is SessionState.OPEN
    people.change_password(own.account, THIRD, PASSWORD)
    assert state_of(people, own.token) is SessionState.OVER


def test_a_hash_made_anew_at_signing_in_ends_nobodys_session(
    people: People, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = people.sign_in("ada", PASSWORD)
    monkeypatch.setattr(passwords, "is_outdated", lambda kept: True)
    people.sign_in("ada", PASSWORD)
    assert state_of(people, before.token) is SessionState.OPEN


def test_a_session_that_is_over_is_not_unlocked(
    people: People, admin: Person, clock: Clock, store: Store
) -> None:
    token = people.sign_in("ada", PASSWORD).token
    clock.wait(hours=3)
    with pytest.raises(SignInRefusedError) as refused:
        people.unlock(token, PASSWORD)
    assert refused.value.reason == "over"
    assert EventKind.UNLOCKED not in [entry.kind for entry in store.journal.entries()]


# --- Who others vouch for


@pytest.mark.parametrize("words", ["boss@site, , ops@site", " , boss@site", "boss@site,\t,"])
def test_an_empty_place_in_the_list_of_admins_is_nobody(
    people: People, store: Store, words: str
) -> None:
    people.policy = policy_of({ADMINS: words, "CONSILIUM_NEW_ROLE": "reader"})
    assert "boss@site" in people.policy.admins
    assert "" not in people.policy.admins
    assert vouched(people, "s|1", name="").account.roles == {Role.READER}


def test_behind_a_proxy_other_roles_shut_nobody_out(people: People, admin: Person) -> None:
    people.policy = Policy(new_role="reader")
    welcome = vouched(people, "li", source=Source.HEADER, token="of the day")
    people.set_roles(admin, welcome.account.id, {Role.REVIEWER})
    assert state_of(people, "of the day") is SessionState.OVER
    again = vouched(people, "li", source=Source.HEADER, token="of the day")
    assert again.account.roles == {Role.REVIEWER}
    assert state_of(people, "of the day") is SessionState.OPEN


def test_requests_of_one_newcomer_that_come_at_once_make_one_account_and_one_session(
    people: People, store: Store
) -> None:
    people.policy = Policy(new_role="reader")
    start, found = threading.Barrier(6), []

    def come() -> None:
        start.wait()
        found.append(vouched(people, "s|1", name="li@site", source=Source.HEADER).account.id)

    threads = [threading.Thread(target=come) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert set(found) == {people.accounts()[0].id}
    kinds = [str(entry.kind) for entry in store.journal.entries()]
    assert kinds == ["people changed", "signed in"]


def test_a_name_that_can_not_be_shown_as_it_is_keeps_nobody_out(people: People) -> None:
    people.policy = Policy(new_role="reader")
    assert vouched(people, "s|1", display=" Li\x00\n Na " + "x" * 200).account.display == (
        "Li Na " + "x" * 94
    )
    assert vouched(people, "s|2", display="\x07", name="mo@site").account.display == "mo@site"
    long = vouched(people, "https://issuer.example/" + "s" * 500, name="no@site")
    again = vouched(people, "https://issuer.example/" + "s" * 500, name="no@site")
    assert long.account.id == again.account.id
    assert len(long.account.subject) <= 400


def test_who_is_vouched_for_and_may_not_come_in_is_written_down_once_for_each_signing_in(
    people: People, store: Store
) -> None:
    for token in ("one", "one", "two", "one"):
        with pytest.raises(SignInRefusedError):
            vouched(people, "s|1", name="li@site", token=token)
    (account,) = people.accounts()
    assert refused_in(store) == [(account.id, "no role")] * 2


def test_the_word_of_a_provider_that_has_ended_begins_nothing(people: People, clock: Clock) -> None:
    people.policy = Policy(new_role="reader")
    with pytest.raises(SignInRefusedError) as refused:
        people.vouched(
            Source.OIDC, subject="s|1", name="", display="", token="t",
            until=clock.now - timedelta(seconds=1),
        )  # fmt: skip
    assert refused.value.reason == "over"
    assert people.accounts() == ()
