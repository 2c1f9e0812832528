"""Plain records of people and their sessions. Times in UTC."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mmcore.people.roles import Action, Role, may

LOCAL = "local"
"""The one reader there is while nobody signs in."""


class Source(StrEnum):
    """Who vouches for an account."""

    LOCAL = "local"  # a password that is kept here
    OIDC = "oidc"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Account:
    """One person as this site knows them.

    id: never used for another person; readings and the audit hold it. name: for signing in, lower
    case. display: for pages and reports. subject: what an identity provider calls them, "" for a
    local account. must_change: the password was made by somebody else. disabled_at: from when on
    they may not sign in, or None. is_supervised: their reports are preliminary until somebody else
    has co-signed them.
    """

    id: str
    name: str
    display: str
    source: Source
    subject: str
    roles: frozenset[Role]
    must_change: bool
    created_at: datetime
    disabled_at: datetime | None = None
    is_supervised: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """Who is doing something. is_anonymous: nobody signs in here, so it may be anybody.

    is_supervised: as of their account.
    """

    id: str
    display: str
    roles: frozenset[Role]
    is_anonymous: bool = False
    is_supervised: bool = False

    def may(self, action: Action) -> bool:
        """Return whether this person may do this."""
        return may(self.roles, action)


LOCAL_READER = Person(LOCAL, "Local reader", frozenset(Role), is_anonymous=True)
"""Everybody, where nobody signs in."""


class SessionState(StrEnum):
    """What a session is good for."""

    OPEN = "open"
    LOCKED = "locked"  # the password opens it again; nothing of it is lost
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Session:
    """One person signed in at one browser.

    digest: SHA-256 of the token that the browser holds; the token itself is nowhere else. seen_at:
    when the person last did something. locked_at: None while it is open. ended_at: None until the
    person has signed out, or was.
    """

    digest: str
    account_id: str
    started_at: datetime
    seen_at: datetime
    ends_at: datetime
    locked_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who has a case open just now, since when."""

    account_id: str
    display: str
    since: datetime
    seen_at: datetime = field(compare=False)
