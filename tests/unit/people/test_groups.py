"""Groups of an identity provider say roles, at every signing in; nobody else does then."""

from collections.abc import Sequence

import pytest

from mmcore.errors import AccountError, ConfigError, SignInRefusedError
from mmcore.people import People, Person, Role, SessionState, Source, Welcome
from mmcore.people.policy import ADMINS, GROUPS, GROUPS_CLAIM, NEW_ROLE, policy_of
from mmcore.store import EventKind, Store

SET = "readers=reader; cn=seniors,ou=x=y=reviewer ;it=admin; cn=seniors,ou=x=y=reader"


@pytest.fixture
def grouped(people: People) -> People:
    people.policy = policy_of({GROUPS: SET, NEW_ROLE: "reviewer", ADMINS: "boss@site"})
    return people


def come(people: People, groups: Sequence[str], token: str, name: str = "li@site") -> Welcome:
    return people.vouched(
        Source.OIDC, subject=f"s|{name}", name=name, display="Li", token=token, groups=groups
    )


def test_the_setting_names_groups_whatever_they_are_called() -> None:
    policy = policy_of({GROUPS: SET})
    assert dict(policy.groups) == {
        "readers": {Role.READER},
        "cn=seniors,ou=x=y": {Role.REVIEWER, Role.READER},
        "it": {Role.ADMIN},
    }
    assert policy.groups_claim == "groups"
    assert policy_of({GROUPS_CLAIM: "realm_access.roles"}).groups_claim == "realm_access.roles"
    assert dict(policy_of({GROUPS: " ; "}).groups) == {}


@pytest.mark.parametrize("words", ["readers", "readers=", "=reader", "readers=root", "a=b=Reader"])
def test_a_setting_that_means_nothing_is_refused(words: str) -> None:
    with pytest.raises(ConfigError, match="GROUP=ROLE"):
        policy_of({GROUPS: f"it=admin; {words}"})


def test_roles_follow_the_groups_at_every_signing_in(grouped: People, store: Store) -> None:
    first = come(grouped, ["readers", "canteen"], "one")
    assert first.account.roles == {Role.READER}
    assert come(grouped, ["it"], "one").account.roles == {Role.READER}, "the same signing in"
    second = come(grouped, ["cn=seniors,ou=x=y", "it"], "two")
    assert second.account.roles == {Role.READER, Role.REVIEWER, Role.ADMIN}
    assert come(grouped, ["readers"], "three").account.roles == {Role.READER}, "the last admin too"
    found = grouped.find("two")
    assert found is not None
    assert (found[1].roles, found[2]) == ({Role.READER}, SessionState.OPEN), "at once, everywhere"
    said = [
        (entry.actor, entry.details["what"])
        for entry in store.journal.entries()
        if entry.kind == EventKind.PEOPLE_CHANGED and "groups" in entry.details["what"]
    ]
    assert said == [
        ("", f"roles reader reviewer admin by the provider's groups of {first.account.id}"),
        ("", f"roles reader by the provider's groups of {first.account.id}"),
    ]


def test_who_is_in_no_group_of_the_site_does_not_come_in_whatever_else_is_set(
    grouped: People,
) -> None:
    come(grouped, ["readers"], "one")
    for groups, token in (([], "two"), (["Readers"], "three"), (["canteen"], "four")):
        with pytest.raises(SignInRefusedError) as refused:
            come(grouped, groups, token)
        assert refused.value.reason == "no role"


def test_a_named_admin_is_one_beside_what_the_groups_say(grouped: People) -> None:
    assert come(grouped, ["readers"], "one", "Boss@site").account.roles == {Role.ADMIN, Role.READER}
    assert come(grouped, [], "two", "Boss@site").account.roles == {Role.ADMIN}


def test_an_admin_does_not_set_what_the_groups_say(
    people: People, admin: Person, grouped: People
) -> None:
    li = come(grouped, ["readers"], "one").account
    with pytest.raises(AccountError) as refused:
        grouped.set_roles(admin, li.id, {Role.ADMIN})
    assert refused.value.reason == "provider"
    grouped.set_roles(admin, admin.id, {Role.ADMIN, Role.READER})
    grouped.set_disabled(admin, li.id, is_disabled=True)
    with pytest.raises(SignInRefusedError) as out:
        come(grouped, ["readers"], "two")
    assert out.value.reason == "disabled"


def test_a_proxy_has_no_groups(grouped: People) -> None:
    welcome = grouped.vouched(
        Source.HEADER, subject="li", name="li", display="Li", token="t", groups=["it"]
    )
    assert welcome.account.roles == {Role.REVIEWER}
