"""The accounts that an admin keeps: made, given roles and passwords, disabled; nobody else may."""

import hashlib
import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mmcore.errors import AccountError, NotAllowedError
from mmcore.people import passwords
from mmcore.people.policy import Policy
from mmcore.people.records import Account, Person, Source
from mmcore.people.roles import Action, Role, words_of

if TYPE_CHECKING:
    from mmcore.store.people_rows import PeopleRows

Clock = Callable[[], datetime]
MOST_NAME = MOST_DISPLAY = 100
NAME = re.compile(rf"[\w.@+-]{{1,{MOST_NAME}}}")


def _now() -> datetime:
    return datetime.now(UTC)


class Accounts:
    """The accounts of a site, as an admin and whoever assigns a reader see them."""

    def __init__(self, rows: "PeopleRows", policy: Policy, *, clock: Clock = _now) -> None:
        self.policy = policy
        self._rows, self._clock = rows, clock

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
            name=checked_name(name), display=checked_display(display or name),
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
        """Give an account these roles and no others. Raises ``AccountError``."""
        _require(admin)
        account = self._rows.account(id=account_id)
        if account is not None and self.follows_groups(account):
            raise AccountError(reason="provider")
        self._rows.change(
            account_id, by=admin.id, detail=f"roles {named(roles)}", at=self._clock(),
            ends_sessions=admin.id != account_id, roles=frozenset(roles),
        )  # fmt: skip

    def follows_groups(self, account: Account) -> bool:
        """Return whether the groups of the identity provider say the roles of an account."""
        return account.source is Source.OIDC and bool(self.policy.groups)

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


_READING = frozenset({Role.READER, Role.REVIEWER})


def digest_of(words: str) -> str:
    """Return the SHA-256 of a token, code or name, as the database holds it."""
    return hashlib.sha256(words.encode()).hexdigest()


def named(roles: Collection[Role]) -> str:
    """Return roles as the audit names them."""
    return words_of(roles) or "none"


def _require(admin: Person) -> None:
    if not admin.may(Action.MANAGE_PEOPLE):
        raise NotAllowedError(action=Action.MANAGE_PEOPLE)


def checked_name(name: str) -> str:
    """Return a name for signing in as it is kept. Raises ``AccountError`` for one that is none."""
    plain = name.strip().casefold()
    if len(plain) > MOST_NAME:
        raise AccountError(reason="long")
    if not NAME.fullmatch(plain):
        raise AccountError(reason="name")
    return plain


def checked_display(display: str) -> str:
    """Return how to call a person as it is kept. Raises ``AccountError`` for what is no name."""
    plain = " ".join(display.split())
    if len(plain) > MOST_DISPLAY:
        raise AccountError(reason="long")
    if not plain or not plain.isprintable():
        raise AccountError(reason="name")
    return plain
