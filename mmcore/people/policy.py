"""How people sign in at this site, and for how long: read from the environment."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from mmcore.errors import ConfigError
from mmcore.people.roles import Role

LOGIN = "CONSILIUM_LOGIN"
LOCK_MINUTES, IDLE_HOURS = "CONSILIUM_LOCK_MINUTES", "CONSILIUM_IDLE_HOURS"
SESSION_HOURS = "CONSILIUM_SESSION_HOURS"
ADMINS, NEW_ROLE = "CONSILIUM_ADMINS", "CONSILIUM_NEW_ROLE"
GROUPS, GROUPS_CLAIM = "CONSILIUM_OIDC_GROUPS", "CONSILIUM_OIDC_GROUPS_CLAIM"
PROXIES = "CONSILIUM_PROXIES"
USER_HEADER, NAME_HEADER = "CONSILIUM_USER_HEADER", "CONSILIUM_NAME_HEADER"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class LoginMode(StrEnum):
    """How people sign in."""

    NONE = "none"  # nobody does: everything is done by the local reader
    LOCAL = "local"  # accounts with passwords that are kept here
    OIDC = "oidc"  # an identity provider says who it is
    HEADER = "header"  # a proxy that is trusted says who it is


@dataclass(frozen=True, slots=True)
class Policy:
    """What a site has set.

    lock_after: an open page without a hand on it is locked after so long. idle_after: a session
    without one ends. session_for: any session ends, counted from its start. admins: names that are
    admins from their first signing in on, where an identity provider or a proxy vouches for them.
    new_role: the role of other people who come for the first time, "" for none. groups: by the name
    of a provider's group the roles of who is in it; where there are any, they say all roles, at
    every signing in. groups_claim: the claim that holds the groups of a person, with dots into
    objects. proxies: addresses from which headers are believed. user_header, name_header: which of
    them name the person and, unless it is "", how to call them.
    """

    mode: LoginMode = LoginMode.NONE
    lock_after: timedelta = timedelta(minutes=10)
    idle_after: timedelta = timedelta(hours=2)
    session_for: timedelta = timedelta(hours=12)
    admins: frozenset[str] = frozenset()
    new_role: str = ""
    groups: Mapping[str, frozenset[Role]] = field(default_factory=dict)
    groups_claim: str = "groups"
    proxies: tuple[Network, ...] = field(default=())
    user_header: str = "X-Forwarded-User"
    name_header: str = ""

    def trusts(self, address: str) -> bool:
        """Return whether headers from this address are believed."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None)
        return any((mapped or found) in network for network in self.proxies)


def policy_of(environment: Mapping[str, str] | None = None) -> Policy:
    """Return what the environment says. Raises ``ConfigError`` for a value that makes no sense."""
    found = os.environ if environment is None else environment

    def said(name: str) -> str:
        return found.get(name, "").strip()

    default = Policy()
    mode = _mode(said(LOGIN))
    made = Policy(
        mode=mode,
        lock_after=timedelta(minutes=_number(LOCK_MINUTES, said(LOCK_MINUTES), 10)),
        idle_after=timedelta(hours=_number(IDLE_HOURS, said(IDLE_HOURS), 2)),
        session_for=timedelta(hours=_number(SESSION_HOURS, said(SESSION_HOURS), 12)),
        admins=frozenset(filter(None, map(str.strip, said(ADMINS).casefold().split(",")))),
        new_role=_role(said(NEW_ROLE)),
        groups=_groups(said(GROUPS)),
        groups_claim=said(GROUPS_CLAIM) or default.groups_claim,
        proxies=tuple(_network(word) for word in said(PROXIES).replace(",", " ").split()),
        user_header=said(USER_HEADER) or default.user_header,
        name_header=said(NAME_HEADER),
    )
    if mode is LoginMode.HEADER and not made.proxies:
        raise ConfigError(
            key=PROXIES, problem="not set: whose headers are to be believed, such as 127.0.0.1"
        )
    return made


def _mode(word: str) -> LoginMode:
    try:
        return LoginMode(word or "none")
    except ValueError as error:
        known = ", ".join(mode.value for mode in LoginMode)
        raise ConfigError(key=LOGIN, problem=f"not one of {known}") from error


def _number(key: str, words: str, default: float) -> float:
    try:
        number = float(words or default)
    except ValueError as error:
        raise ConfigError(key=key, problem="not a number") from error
    if not 0 < number <= 24 * 60:
        raise ConfigError(key=key, problem="not between 0 and 1440")
    return number


def _role(word: str) -> str:
    if word not in ("", "reader", "reviewer"):
        raise ConfigError(key=NEW_ROLE, problem="neither reader nor reviewer")
    return word


def _groups(words: str) -> dict[str, frozenset[Role]]:
    """Return the roles of each group of ``GROUP=ROLE; GROUP=ROLE``; a group may hold "=" itself."""
    found: dict[str, frozenset[Role]] = {}
    for pair in filter(None, map(str.strip, words.split(";"))):
        group, equals, role = (part.strip() for part in pair.rpartition("="))
        if not (group and equals and role in set(Role)):
            known = ", ".join(Role)
            problem = f"entry {len(found) + 1} is not GROUP=ROLE with one of {known}"
            raise ConfigError(key=GROUPS, problem=problem)
        found[group] = found.get(group, frozenset()) | {Role(role)}
    return found


def _network(word: str) -> Network:
    try:
        return ipaddress.ip_network(word)
    except ValueError as error:
        raise ConfigError(key=PROXIES, problem="not an address or a network") from error
