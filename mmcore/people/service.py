"""Signing in and out, sessions that lock and end, and who else is at a case.

Nobody is told whether a name or a password was wrong, and a name that nobody has takes as long to
refuse as one that somebody has.
"""

import hmac
import math
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mmcore.errors import (
    PasswordRefusedError,
    SignInRefusedError,
)
from mmcore.people import passwords
from mmcore.people.accounts import (
    MOST_DISPLAY,
    NAME,
    Accounts,
    checked_display,
    checked_name,
    digest_of,
    named,
)
from mmcore.people.addresses import AT_ONCE, ONE_EVERY, who
from mmcore.people.records import Account, Person, Session, SessionState, Source, Visit
from mmcore.people.roles import Role

if TYPE_CHECKING:
    from mmcore.store.people_rows import PeopleRows

FREE_ATTEMPTS = 4
"""So many attempts to sign in may fail before the next one has to wait."""
LONGEST_WAIT = 900
"""Seconds; the wait doubles up to it."""

GONE_AFTER = timedelta(seconds=60)
"""Who has not been seen at a case for so long has left it."""

_MOST_SUBJECT = 400  # as many as its column holds
_SAW_EVERY = timedelta(seconds=20)  # a database need not hear of every key that is pressed


@dataclass(frozen=True, slots=True)
class Welcome:
    """Somebody who has just signed in. token: for their browser, and kept nowhere else."""

    token: str
    account: Account


class People(Accounts):
    """The accounts of a site and who is signed in; any number of threads and processes at once."""

    def is_of(self, rows: "PeopleRows") -> bool:
        """Return whether these are the people of that database."""
        return self._rows is rows

    # --- Signing in with a password

    def sign_in(self, name: str, password: str, *, address: str = "") -> Welcome:
        """Begin a session. Raises ``SignInRefusedError``.

        address: where the attempt comes from, "" where that is not known. Who tries one name after
        another waits like who tries one name again and again.
        """
        account = self._checked_from(who(address), name, password)
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
        name = checked_name(name)
        passwords.check(password, name=name, display=display)
        roles = frozenset({Role.ADMIN, Role.REVIEWER, Role.READER})
        account = self._rows.add(
            name=name, display=checked_display(display or name), source=Source.LOCAL, roles=roles,
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
        until: datetime | None = None, groups: Collection[str] = (),
    ) -> Welcome:  # fmt: skip
        """Begin, or go on with, the session of somebody whom a provider or proxy vouches for.

        subject: what they call this person, never given to another. token: what is the same for
        as long as the same signing in is meant. until: when the provider's word ends, where it
        says. groups: of the person, as the provider says; where the site has set roles for groups,
        they say the roles at every signing in. Who comes for the first time gets an account.

        Raises ``SignInRefusedError``, for a provider also where the signing in is over; a proxy
        vouches anew with every request.
        """
        if until is not None and self._clock() >= until:
            raise SignInRefusedError(reason="over")
        name = name.strip().casefold()
        roles = self._roles_said(source, name, groups)
        account = self._rows.account(subject=_subject(source, subject))
        known = self.find(token)
        if account is None:
            account = self._newcomer(source, subject, name, display, roles)
        elif known is None and roles is not None and roles != account.roles:
            self._rows.change(
                account.id, by="", detail=f"roles {named(roles)} by the provider's groups",
                at=self._clock(), needs_admin=False, roles=roles,
            )  # fmt: skip
            account = replace(account, roles=roles)
        self._admit(account, once=digest_of(f"refused {token}"))
        if known is not None and known[2] is not SessionState.OVER:
            return Welcome(token, account)
        if known is not None and source is not Source.HEADER:
            raise SignInRefusedError(reason="over")
        return self._begin(account, token, until=until)

    def _roles_said(
        self, source: Source, name: str, groups: Collection[str]
    ) -> frozenset[Role] | None:
        """Return the roles that a provider's groups say; None where the site keeps roles itself."""
        if source is not Source.OIDC or not self.policy.groups:
            return None
        said = [roles for group, roles in self.policy.groups.items() if group in groups]
        return self._named_admin(name).union(*said)

    def _named_admin(self, name: str) -> frozenset[Role]:
        return frozenset({Role.ADMIN} if name in self.policy.admins else ())

    def _newcomer(
        self, source: Source, subject: str, name: str, display: str, said: frozenset[Role] | None
    ) -> Account:
        roles = said
        if roles is None:
            roles = frozenset({Role(self.policy.new_role)} if self.policy.new_role else ())
            roles |= self._named_admin(name)
        unique = name if NAME.fullmatch(name) else digest_of(subject)[:16]
        if self._rows.account(name=unique) is not None:  # somebody else's, by another provider
            unique = f"{unique}+{digest_of(subject)[:8]}"
        return self._rows.add(
            name=unique, display=_said_display(display) or _said_display(name) or unique,
            source=source, subject=_subject(source, subject),
            roles=roles, at=self._clock(), by="",
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

    def _checked_from(self, origin: str, name: str, password: str) -> Account:
        """Return whose name and password these are; an attempt that fails counts for its origin."""
        if not origin:
            return self._checked(name, password)
        digest = digest_of(f"\0 attempts from {origin}")
        left = self._rows.pace(digest, self._clock(), every=ONE_EVERY, at_once=AT_ONCE)
        if left > 0:
            raise SignInRefusedError(reason="wait", seconds=math.ceil(left))
        try:
            account = self._checked(name, password)
        except SignInRefusedError as refusal:
            if refusal.reason == "wait":  # nothing was looked at
                self._rows.give_back(digest, every=ONE_EVERY)
            raise
        self._rows.give_back(digest, every=ONE_EVERY)
        return account

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


SETUP_ATTEMPTS = digest_of("\0 attempts to use the setup code")


def _plain_code(code: str) -> str:
    return "".join(character for character in code.lower() if character.isalnum())


def _wait_after(failed: int) -> float:
    """Return the seconds that the next attempt waits after so many that failed in a row."""
    if failed < FREE_ATTEMPTS:
        return 0.0
    return min(2.0 ** min(failed - FREE_ATTEMPTS + 1, 30), LONGEST_WAIT)


def _subject(source: Source, subject: str) -> str:
    """Return what an account holds of who vouches for it, and what they call the person."""
    whole = f"{source} {subject}"
    return whole if len(whole) <= _MOST_SUBJECT else f"{source} sha256 {digest_of(subject)}"


def _said_display(words: str) -> str:
    """Return how others call a person as far as it can be shown, "" where nothing is left."""
    plain = "".join(one if one.isprintable() else " " for one in words)
    return " ".join(plain.split())[:MOST_DISPLAY].strip()
