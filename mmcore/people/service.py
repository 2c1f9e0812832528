"""Signing in and out, sessions that end, and the accounts that an admin keeps.

Nobody is told whether a name or a password was wrong, and a name that nobody has takes as long to
refuse as one that somebody has.
"""

import hashlib
import hmac
import math
import re
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mmcore.errors import (
    AccountError,
    NotAllowedError,
    PasswordRefusedError,
    SignInRefusedError,
)
from mmcore.people import passwords
from mmcore.people.policy import Policy
from mmcore.people.records import Account, Person, Session, SessionState, Source, Visit
from mmcore.people.roles import Action, Role

if TYPE_CHECKING:
    from mmcore.store.people_rows import PeopleRows

Clock = Callable[[], datetime]
FREE_ATTEMPTS = 4
"""So many attempts to sign in may fail before the next one has to wait."""
LONGEST_WAIT = 900
"""Seconds; the wait doubles up to it."""

GONE_AFTER = timedelta(seconds=60)
"""Who has not been seen at a case for so long has left it."""

_NAME = re.compile(r"[\w.@+-]{1,100}")
_MOST_DISPLAY = 100
_MOST_SUBJECT = 400  # as many as its column holds
_SAW_EVERY = timedelta(seconds=20)  # a database need not hear of every key that is pressed


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Welcome:
    """Somebody who has just signed in. token: for their browser, and kept nowhere else."""

    token: str
    account: Account


class People:
    """The accounts of a site and who is signed in; any number of threads and processes at once."""

    def __init__(self, rows: "PeopleRows", policy: Policy, *, clock: Clock = _now) -> None:
        self.policy = policy
        self._rows, self._clock = rows, clock

    def is_of(self, rows: "PeopleRows") -> bool:
        """Return whether these are the people of that database."""
        return self._rows is rows

    # --- Signing in with a password

    def sign_in(self, name: str, password: str) -> Welcome:
        """Begin a session. Raises ``SignInRefusedError``."""
        account = self._checked(name, password)
        self._admit(account)
        return self._begin(account, secrets.token_urlsafe(32))

    def first_admin(self, code: str, *, name: str, display: str, password: str) -> Welcome:
        """Make the first account, an admin who reads too, with the code from the console.

        Raises ``SignInRefusedError`` for another code, ``AccountError`` and
        ``PasswordRefusedError``.
        """
        number = self._attempt(SETUP_ATTEMPTS)
        kept, given = self._rows.setup(), digest_of(_plain_code(code))
        if kept is None or not hmac.compare_digest(kept, given):
            self._rows.refused("", f"attempt {number}")
            raise SignInRefusedError(reason="wrong")
        self._rows.forget_failures(SETUP_ATTEMPTS)
        name = _checked_name(name)
        passwords.check(password, name=name, display=display)
        roles = frozenset({Role.ADMIN, Role.REVIEWER, Role.READER})
        account = self._rows.add(
            name=name, display=_checked_display(display or name), source=Source.LOCAL, roles=roles,
            password=passwords.hashed(password), at=self._clock(), by="", setup=kept,
        )  # fmt: skip
        return self._begin(account, secrets.token_urlsafe(32))

    def new_setup_code(self) -> str:
        """Return a code with which one admin can be made; codes of before are of no use."""
        code = passwords.made_up()
        self._rows.set_setup(digest_of(_plain_code(code)))
        return code

    def is_new(self) -> bool:
        """Return whether there is no account yet."""
        return not self._rows.accounts()

    def is_waiting_for_admin(self) -> bool:
        """Return whether a code was made and nobody has used it."""
        return self._rows.setup() is not None

    def change_password(self, account: Account, old: str, new: str, *, token: str = "") -> None:
        """Give an account another password of its own; its sessions end, but for that of a token.

        Raises ``SignInRefusedError`` for a wrong old one and ``PasswordRefusedError``.
        """
        self._checked(account.name, old)
        if hmac.compare_digest(old.encode(), new.encode()):
            raise PasswordRefusedError(reason="same")
        passwords.check(new, name=account.name, display=account.display)
        self._rows.change(
            account.id, by=account.id, detail="own password", at=self._clock(), ends_sessions=True,
            but=digest_of(token), password=passwords.hashed(new), must_change=False,
        )  # fmt: skip

    # --- Who others vouch for

    def vouched(
        self, source: Source, *, subject: str, name: str, display: str, token: str,
        until: datetime | None = None,
    ) -> Welcome:  # fmt: skip
        """Begin, or go on with, the session of somebody whom a provider or proxy vouches for.

        subject: what they call this person, never given to another. token: what is the same for
        as long as the same signing in is meant. until: when the provider's word ends, where it
        says. Who comes for the first time gets an account. Raises ``SignInRefusedError``, for a
        provider also where the signing in is over; a proxy vouches anew with every request.
        """
        if until is not None and self._clock() >= until:
            raise SignInRefusedError(reason="over")
        account = self._rows.account(subject=_subject(source, subject)) or self._newcomer(
            source, subject, name.strip().casefold(), display
        )
        self._admit(account, once=digest_of(f"refused {token}"))
        known = self.find(token)
        if known is not None and known[2] is not SessionState.OVER:
            return Welcome(token, account)
        if known is not None and source is not Source.HEADER:
            raise SignInRefusedError(reason="over")
        return self._begin(account, token, until=until)

    def _newcomer(self, source: Source, subject: str, name: str, display: str) -> Account:
        is_admin = name in self.policy.admins
        roles = {Role(self.policy.new_role)} if self.policy.new_role else set()
        unique = name if _NAME.fullmatch(name) else digest_of(subject)[:16]
        if self._rows.account(name=unique) is not None:  # somebody else's, by another provider
            unique = f"{unique}+{digest_of(subject)[:8]}"
        return self._rows.add(
            name=unique, display=_said_display(display) or _said_display(name) or unique,
            source=source, subject=_subject(source, subject),
            roles=roles | ({Role.ADMIN} if is_admin else set()), at=self._clock(), by="",
        )  # fmt: skip

    # --- Sessions

    def find(self, token: str) -> tuple[Session, Account, SessionState] | None:
        """Return the session of a token and what it is good for; None for a token of none.

        A session without a hand on it is locked here, and ended when its time is over. A proxy
        that vouches for people keeps their sessions itself: only the longest time is looked at.
        """
        found = self._rows.session(digest_of(token)) if token else None
        if found is None:
            return None
        session, account = found
        now = self._clock()
        idle = timedelta(0) if account.source is Source.HEADER else now - session.seen_at
        if session.ended_at is not None:
            return session, account, SessionState.OVER
        if (
            now >= session.ends_at
            or idle >= self.policy.idle_after
            or account.disabled_at is not None
        ):
            self._rows.end(session.digest, now)
            return session, account, SessionState.OVER
        if session.locked_at is None and idle >= self.policy.lock_after:
            self._rows.lock(session.digest, now)
            return session, account, SessionState.LOCKED
        state = SessionState.OPEN if session.locked_at is None else SessionState.LOCKED
        return session, account, state

    def saw(self, session: Session) -> None:
        """Note that the person did something just now; written down every few seconds only."""
        now = self._clock()
        if now - session.seen_at >= min(_SAW_EVERY, self.policy.lock_after / 4):
            self._rows.saw(session.digest, now)

    def lock(self, token: str) -> None:
        """Lock a session until its password is given again."""
        self._rows.lock(digest_of(token), self._clock())

    def unlock(self, token: str, password: str) -> None:
        """Open a locked session again. Raises ``SignInRefusedError``."""
        found = self.find(token)
        if found is None or found[2] is SessionState.OVER:
            raise SignInRefusedError(reason="over")
        self._checked(found[1].name, password)
        self._rows.unlock(digest_of(token), self._clock())

    def end(self, token: str) -> None:
        """Sign out: the token is of no use from now on."""
        self._rows.end(digest_of(token), self._clock())

    # --- The accounts, for an admin

    def accounts(self) -> tuple[Account, ...]:
        """Return every account by name."""
        return self._rows.accounts()

    def readers(self) -> tuple[Account, ...]:
        """Return those who may read cases, by name, for whoever assigns one."""
        return tuple(
            account
            for account in self._rows.accounts()
            if account.disabled_at is None and not account.roles.isdisjoint(_READING)
        )

    def display_of(self, account_id: str) -> str | None:
        """Return how an account is called, None where there is no such account."""
        found = self._rows.account(id=account_id)
        return None if found is None else found.display

    def add(
        self,
        admin: Person,
        name: str,
        display: str,
        roles: Collection[Role],
        *,
        is_supervised: bool = False,
    ) -> str:
        """Make a local account; return the password for its first signing in.

        Raises ``NotAllowedError`` and ``AccountError``.
        """
        _require(admin)
        password = passwords.made_up()
        self._rows.add(
            name=_checked_name(name), display=_checked_display(display or name),
            source=Source.LOCAL, roles=roles, password=passwords.hashed(password),
            must_change=True, is_supervised=is_supervised, at=self._clock(), by=admin.id,
        )  # fmt: skip
        return password

    def renew_password(self, admin: Person, account_id: str) -> str:
        """Give a local account another password for its next signing in; return it."""
        _require(admin)
        account = self._rows.account(id=account_id)
        if account is None or account.source is not Source.LOCAL:
            raise AccountError(reason="unknown")
        password = passwords.made_up()
        self._rows.change(
            account_id, by=admin.id, detail="password", at=self._clock(),
            ends_sessions=admin.id != account_id, password=passwords.hashed(password),
            must_change=True,
        )  # fmt: skip
        self._rows.forget_failures(digest_of(account.name))
        return password

    def set_roles(self, admin: Person, account_id: str, roles: Collection[Role]) -> None:
        """Give an account these roles and no others."""
        _require(admin)
        named = " ".join(role for role in Role if role in roles) or "none"
        self._rows.change(
            account_id, by=admin.id, detail=f"roles {named}", at=self._clock(),
            ends_sessions=admin.id != account_id, roles=frozenset(roles),
        )  # fmt: skip

    def set_supervised(self, admin: Person, account_id: str, *, is_supervised: bool) -> None:
        """Let the reports that an account signs from now on ask for a co-signature, or not."""
        _require(admin)
        detail = "reports to be co-signed" if is_supervised else "reports final by themselves"
        self._rows.change(
            account_id, by=admin.id, detail=detail, at=self._clock(), is_supervised=is_supervised
        )

    def set_disabled(self, admin: Person, account_id: str, *, is_disabled: bool) -> None:
        """Let an account sign in no longer, or again. What it recorded stays."""
        _require(admin)
        self._rows.change(
            account_id, by=admin.id, at=self._clock(), ends_sessions=True,
            detail="disabled" if is_disabled else "enabled",
            disabled_at=self._clock() if is_disabled else None,
        )  # fmt: skip

    # --- Who else is at a case

    def visit(self, person: Person, case_digest: str, tab: str) -> tuple[Visit, ...]:
        """Note that a person has a case open in a tab; return who else has it open."""
        if person.is_anonymous:
            return ()
        now = self._clock()
        return self._rows.visit(case_digest, person.id, tab, at=now, gone=now - GONE_AFTER)

    def leave(self, person: Person, tab: str) -> None:
        """Note that a tab has no case open any more."""
        if not person.is_anonymous:
            self._rows.leave(person.id, tab)

    # --- Inside

    def _begin(self, account: Account, token: str, *, until: datetime | None = None) -> Welcome:
        now = self._clock()
        ends_at = now + self.policy.session_for
        ends_at = ends_at if until is None else min(ends_at, until)
        self._rows.begin(Session(digest_of(token), account.id, now, now, ends_at))
        return Welcome(token, account)

    def _checked(self, name: str, password: str) -> Account:
        """Return the account of this name whose password this is; count it where it is not."""
        name = name.strip().casefold()
        number = self._attempt(digest_of(name))
        account = self._rows.account(name=name)
        kept = self._rows.password(account.id) if account is not None else None
        if not passwords.is_right(kept, password) or account is None or kept is None:
            self._rows.refused("" if account is None else account.id, f"attempt {number}")
            raise SignInRefusedError(reason="wrong")
        self._rows.forget_failures(digest_of(name))
        if passwords.is_outdated(kept):
            self._rows.change(
                account.id, by=account.id, detail="hash of the password", at=self._clock(),
                password=passwords.hashed(password),
            )  # fmt: skip
        return account

    def _attempt(self, name_digest: str) -> int:
        """Count an attempt before it is looked at, so that many at once are counted too.

        Returns how many it makes in a row. Refuses one that comes too soon after others.
        """
        number, left = self._rows.attempt(name_digest, self._clock(), wait=_wait_after)
        if left > 0:
            raise SignInRefusedError(reason="wait", seconds=math.ceil(left))
        return number

    def _admit(self, account: Account, *, once: str = "") -> None:
        """Refuse who is known and may not come in. once: what is written down a single time."""
        reason = (
            "disabled" if account.disabled_at is not None
            else "no role" if not account.roles
            else ""
        )  # fmt: skip
        if not reason:
            return
        if not once or self._rows.attempt(once, self._clock(), wait=lambda _: 0.0)[0] == 1:
            self._rows.refused(account.id, reason)
        raise SignInRefusedError(reason=reason)


_READING = frozenset({Role.READER, Role.REVIEWER})


def digest_of(words: str) -> str:
    """Return the SHA-256 of a token, code or name, as the database holds it."""
    return hashlib.sha256(words.encode()).hexdigest()


SETUP_ATTEMPTS = digest_of("\0 attempts to use the setup code")


def _plain_code(code: str) -> str:
    return "".join(character for character in code.lower() if character.isalnum())


def _wait_after(failed: int) -> float:
    """Return the seconds that the next attempt waits after so many that failed in a row."""
    if failed < FREE_ATTEMPTS:
        return 0.0
    return min(2.0 ** min(failed - FREE_ATTEMPTS + 1, 30), LONGEST_WAIT)


def _require(admin: Person) -> None:
    if not admin.may(Action.MANAGE_PEOPLE):
        raise NotAllowedError(action=Action.MANAGE_PEOPLE)


def _checked_name(name: str) -> str:
    plain = name.strip().casefold()
    if not _NAME.fullmatch(plain):
        raise AccountError(reason="name")
    return plain


def _subject(source: Source, subject: str) -> str:
    """Return what an account holds of who vouches for it, and what they call the person."""
    whole = f"{source} {subject}"
    return whole if len(whole) <= _MOST_SUBJECT else f"{source} sha256 {digest_of(subject)}"


def _said_display(words: str) -> str:
    """Return how others call a person as far as it can be shown, "" where nothing is left."""
    plain = "".join(one if one.isprintable() else " " for one in words)
    return " ".join(plain.split())[:_MOST_DISPLAY].strip()


def _checked_display(display: str) -> str:
    plain = " ".join(display.split())
    if not plain or len(plain) > _MOST_DISPLAY or not plain.isprintable():
        raise AccountError(reason="name")
    return plain
