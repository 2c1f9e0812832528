"""What is believed of a provider's claims: names that are verified, groups that are names."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dashboard import keeping, people_vouched, stores
from mmcore.errors import SignInRefusedError
from mmcore.people import People, Policy, Role
from mmcore.people.policy import ADMINS, GROUPS, GROUPS_CLAIM, policy_of

NOW = datetime.now(UTC).timestamp()
BOSS = {
    "iss": "https://issuer.example", "sub": "1", "iat": NOW, "exp": NOW + 86_400,
    "email": "boss@site", "name": "Dr Boss", "is_logged_in": True,
}  # fmt: skip


@pytest.fixture
def everybody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[People]:
    monkeypatch.setattr(people_vouched, "get_cookie_secret", lambda: "0123456789abcdef" * 2)
    yield People(stores.site_store().people, Policy())
    keeping.close()


def roles_of(everybody: People, claims: dict[str, Any]) -> frozenset[Role]:
    """Return the roles in which somebody with these claims comes in; none if they do not."""
    with suppress(SignInRefusedError):
        people_vouched._by_claims(claims, everybody)
    (account,) = everybody.accounts()
    return account.roles


@pytest.mark.parametrize(
    ("claim", "is_admin"),
    [({"email_verified": True}, True), ({"email_verified": "true"}, True), ({}, True),
     ({"email_verified": False}, False), ({"email_verified": "false"}, False),
     ({"email_verified": "False"}, False)],
)  # fmt: skip
def test_an_address_that_is_said_to_be_unverified_makes_nobody_an_admin(
    everybody: People, claim: dict[str, Any], is_admin: bool
) -> None:
    everybody.policy = policy_of({ADMINS: "boss@site"})
    assert roles_of(everybody, BOSS | claim) == ({Role.ADMIN} if is_admin else set())


@pytest.mark.parametrize(
    ("claim", "claims", "roles"),
    [
        ("", {"groups": ["readers", "canteen"]}, {Role.READER}),
        ("", {"groups": "readers"}, {Role.READER}),
        ("", {"groups": ["readers", 7, None, ["it"], {"it": 1}]}, {Role.READER}),
        ("", {"groups": {"it": True}}, set()),
        ("", {"groups": None}, set()),
        ("", {}, set()),
        ("realm_access.roles", {"realm_access": {"roles": ["it"]}}, {Role.ADMIN}),
        ("realm_access.roles", {"realm_access": ["it"]}, set()),
        ("https://site.example/groups", {"https://site.example/groups": ["it"]}, {Role.ADMIN}),
    ],
)
def test_groups_are_names_in_the_claim_that_the_site_has_set(
    everybody: People, claim: str, claims: dict[str, Any], roles: set[Role]
) -> None:
    everybody.policy = policy_of({GROUPS: "readers=reader; it=admin", GROUPS_CLAIM: claim})
    assert roles_of(everybody, BOSS | claims) == roles


@pytest.mark.parametrize("missing", ["iss", "sub", "iat", "exp"])
@pytest.mark.parametrize("value", [None, True, "soon"])
def test_a_signing_in_without_issuer_subject_or_times_is_none(
    everybody: People, missing: str, value: object
) -> None:
    claims = {name: claim for name, claim in BOSS.items() if name != missing}
    if value is not None and missing in ("iat", "exp"):
        claims[missing] = value
    with pytest.raises(SignInRefusedError) as refused:
        people_vouched._by_claims(claims, everybody)
    assert refused.value.reason == "wrong"
    assert everybody.accounts() == ()


def asked(client: tuple[str, int], forwarded: str) -> dict[str, Any]:
    return {
        "type": "http",
        "client": client,
        "headers": [(b"x-forwarded-for", forwarded.encode())] if forwarded else [],
    }


def test_a_port_in_a_header_makes_no_connection_of_it() -> None:
    # uvicorn puts what X-Forwarded-For says in the place of 127.0.0.1, with its port if it has one
    assert people_vouched.peer_of(asked(("10.0.0.5", 51000), "10.0.0.5:51000")) == ""
    assert people_vouched.peer_of(asked(("fd00::5", 51000), "1.2.3.4, [fd00::5]:51000")) == ""
    assert people_vouched.peer_of(asked(("192.0.2.7", 0), "192.0.2.7")) == "127.0.0.1"
    assert people_vouched.peer_of(asked(("10.0.0.5", 51000), "192.0.2.7")) == "10.0.0.5"


def test_attempts_are_counted_by_whom_a_trusted_proxy_names() -> None:
    policy = policy_of({"CONSILIUM_LOGIN": "local", "CONSILIUM_PROXIES": "10.0.0.5"})
    assert people_vouched.origin_of(asked(("10.0.0.5", 5), "6.6.6.6, 192.0.2.7"), policy) == (
        "192.0.2.7"
    )
    assert people_vouched.origin_of(asked(("10.0.0.9", 5), "6.6.6.6"), policy) == "10.0.0.9"
    assert people_vouched.origin_of(asked(("192.0.2.7", 0), "192.0.2.7"), policy) == "192.0.2.7"
