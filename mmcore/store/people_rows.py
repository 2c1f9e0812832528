"""Rows of accounts, sessions, failed attempts and visits, as ``mmcore/people`` uses them."""

import secrets
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from mmcore.errors import AccountError
from mmcore.people.records import Account, Session, Source, Visit
from mmcore.people.roles import Role, roles_of, words_of
from mmcore.store.database import Database
from mmcore.store.records import EventKind
from mmcore.store.tables import accounts, attempts, cases, facts, sessions, visits

Tell = Callable[[Connection, EventKind, str, str], None]
"""Writes down what happened inside a transaction: kind, who did it, and details."""

SETUP = "setup code"
_REMEMBERED = timedelta(days=1)
"""Attempts that failed are forgotten so long after the last one; no wait is as long."""


class PeopleRows:
    """What the database holds of people. Every change is written down in the same transaction."""

    def __init__(self, database: Database, tell: Tell) -> None:
        self._database, self._tell = database, tell

    # --- Accounts

    def account(self, *, id: str = "", name: str = "", subject: str = "") -> Account | None:
        """Return the account with this id, name or subject, or None."""
        wanted = (
            (accounts.c.id == id) if id
            else (accounts.c.subject == subject) if subject
            else (accounts.c.name == name)
        )  # fmt: skip
        with self._database.reading() as connection:
            row = connection.execute(select(accounts).where(wanted)).first()
        return None if row is None else _account(row)

    def accounts(self) -> tuple[Account, ...]:
        """Return every account by name, disabled ones too."""
        with self._database.reading() as connection:
            rows = connection.execute(select(accounts).order_by(accounts.c.name)).all()
        return tuple(map(_account, rows))

    def password(self, account_id: str) -> str | None:
        """Return what is kept of an account's password, None where there is none."""
        with self._database.reading() as connection:
            return connection.scalar(select(accounts.c.password).where(accounts.c.id == account_id))

    def add(
        self,
        *,
        name: str,
        display: str,
        source: Source,
        subject: str = "",
        roles: Collection[Role] = (),
        password: str | None = None,
        must_change: bool = False,
        is_supervised: bool = False,
        at: datetime,
        by: str,
        setup: str = "",
    ) -> Account:
        """Make an account. setup: the digest of the code with which the first admin is made.

        A subject that has an account by now, made by another request, keeps it. Raises
        ``AccountError`` where the name is taken, or the code is another one by now.
        """
        made = Account(
            secrets.token_hex(8), name, display, source, subject, frozenset(roles), must_change, at,
            is_supervised=is_supervised,
        )  # fmt: skip
        with self._database.writing(alone=True) as connection:
            if subject:
                known = select(accounts).where(accounts.c.subject == subject)
                if (row := connection.execute(known).first()) is not None:
                    return _account(row)
            taken = select(accounts.c.id).where(accounts.c.name == name)
            if connection.execute(taken).first() is not None:
                raise AccountError(reason="taken")
            if setup:
                used = connection.execute(
                    delete(facts).where(facts.c.name == SETUP, facts.c.value == setup)
                )
                if used.rowcount != 1:
                    raise AccountError(reason="unknown")
            connection.execute(
                insert(accounts).values(
                    id=made.id, name=name, display=display, source=str(source),
                    subject=subject or None, roles=words_of(roles), password=password,
                    must_change=must_change, is_supervised=is_supervised, created_at=at,
                )
            )  # fmt: skip
            detail = f"added {made.id} with roles: {words_of(roles)}"
            self._tell(connection, EventKind.PEOPLE_CHANGED, by or made.id, detail)
        return made

    def change(
        self,
        account_id: str,
        *,
        by: str,
        detail: str,
        at: datetime,
        ends_sessions: bool = False,
        but: str = "",
        needs_admin: bool = True,
        **values: Any,
    ) -> None:
        """Change columns of an account. Raises ``AccountError``.

        ends_sessions: the account is signed out everywhere, but for the session with the digest
        ``but``. needs_admin: the last admin who may sign in stays one.
        """
        if "roles" in values:
            values["roles"] = words_of(values["roles"])
        with self._database.writing(alone=True) as connection:
            done = connection.execute(
                update(accounts).where(accounts.c.id == account_id).values(**values)
            )
            if done.rowcount != 1:
                raise AccountError(reason="unknown")
            rows = connection.execute(
                select(accounts.c.roles).where(accounts.c.disabled_at.is_(None))
            )
            is_of_right = needs_admin and not {"roles", "disabled_at"}.isdisjoint(values)
            if is_of_right and not any(Role.ADMIN in roles_of(row.roles) for row in rows):
                raise AccountError(reason="last admin")
            if ends_sessions:
                is_open = (sessions.c.account_id == account_id) & sessions.c.ended_at.is_(None)
                connection.execute(
                    update(sessions).where(is_open, sessions.c.digest != but).values(ended_at=at)
                )
            self._tell(connection, EventKind.PEOPLE_CHANGED, by, f"{detail} of {account_id}")

    # --- The code with which the first admin is made

    def set_setup(self, digest: str) -> None:
        """Keep the digest of a code; an older one is of no use from now on."""
        with self._database.writing(alone=True) as connection:
            connection.execute(delete(facts).where(facts.c.name == SETUP))
            connection.execute(insert(facts).values(name=SETUP, value=digest))
            self._tell(connection, EventKind.PEOPLE_CHANGED, "", "a code for one more admin")

    def setup(self) -> str | None:
        """Return the digest of the code that is waited for, or None."""
        with self._database.reading() as connection:
            return connection.scalar(select(facts.c.value).where(facts.c.name == SETUP))

    # --- Sessions

    def begin(self, session: Session) -> None:
        """Keep a session that has just begun, in the place of an ended one; drop those of before.

        One with this digest that is open stays: another request began it.
        """
        with self._database.writing(alone=True) as connection:
            is_it = sessions.c.digest == session.digest
            is_past = sessions.c.ends_at <= session.started_at
            connection.execute(
                delete(sessions).where(is_past | (is_it & sessions.c.ended_at.is_not(None)))
            )
            if connection.execute(select(sessions.c.digest).where(is_it)).first() is not None:
                return
            connection.execute(
                insert(sessions).values(
                    digest=session.digest, account_id=session.account_id,
                    started_at=session.started_at, seen_at=session.seen_at,
                    ends_at=session.ends_at,
                )
            )  # fmt: skip
            self._tell(connection, EventKind.SIGNED_IN, session.account_id, "")

    def session(self, digest: str) -> tuple[Session, Account] | None:
        """Return a session with whose it is, or None."""
        joined = sessions.join(accounts, accounts.c.id == sessions.c.account_id)
        with self._database.reading() as connection:
            row = connection.execute(
                select(sessions, accounts).select_from(joined).where(sessions.c.digest == digest)
            ).first()
        if row is None:
            return None
        found = Session(
            row.digest, row.account_id, row.started_at, row.seen_at, row.ends_at, row.locked_at,
            row.ended_at,
        )  # fmt: skip
        return found, _account(row)

    def saw(self, digest: str, at: datetime) -> None:
        """Note that whoever is signed in did something just now."""
        with self._database.writing() as connection:
            connection.execute(
                update(sessions)
                .where(sessions.c.digest == digest, sessions.c.locked_at.is_(None))
                .values(seen_at=at)
            )

    def lock(self, digest: str, at: datetime) -> None:
        """Lock a session that is open."""
        self._set(digest, EventKind.LOCKED, sessions.c.locked_at.is_(None), locked_at=at)

    def unlock(self, digest: str, at: datetime) -> None:
        """Open a session that is locked."""
        is_locked = sessions.c.locked_at.is_not(None)
        self._set(digest, EventKind.UNLOCKED, is_locked, locked_at=None, seen_at=at)

    def end(self, digest: str, at: datetime) -> None:
        """End a session: its token is of no use from now on."""
        self._set(digest, EventKind.SIGNED_OUT, sessions.c.ended_at.is_(None), ended_at=at)

    def _set(self, digest: str, kind: EventKind, wanted: Any, **values: Any) -> None:
        with self._database.writing(alone=True) as connection:
            row = connection.execute(
                update(sessions)
                .where(sessions.c.digest == digest, wanted)
                .values(**values)
                .returning(sessions.c.account_id)
            ).first()
            if row is not None:
                self._tell(connection, kind, row.account_id, "")

    # --- Attempts

    def attempt(
        self, digest: str, at: datetime, *, wait: Callable[[int], float]
    ) -> tuple[int, float]:
        """Count one more attempt, unless it comes too soon.

        wait: says how many seconds lie between so many attempts and the next one. Returns how many
        there are in a row now, and the seconds left to wait: 0 for one that was counted.
        """
        with self._database.writing(alone=True) as connection:
            connection.execute(delete(attempts).where(attempts.c.last_at < at - _REMEMBERED))
            row = connection.execute(select(attempts).where(attempts.c.digest == digest)).first()
            if row is None:
                connection.execute(insert(attempts).values(digest=digest, failed=1, last_at=at))
                return 1, 0.0
            left = wait(row.failed) - max((at - row.last_at).total_seconds(), 0.0)
            if left > 0:
                return int(row.failed), left
            counted = {"failed": row.failed + 1, "last_at": at}
            connection.execute(
                update(attempts).where(attempts.c.digest == digest).values(**counted)
            )
            return int(row.failed) + 1, 0.0

    def pace(self, digest: str, at: datetime, *, every: timedelta, at_once: int) -> float:
        """Count one more attempt, unless more came lately than one in so long and some at once.

        Returns the seconds left to wait: 0 for one that was counted. The row holds the time at
        which the attempts so far would have been over, one by one (ATM Forum, generic cell rate).
        One that comes too soon only reads: a flood of them keeps nobody else from writing.
        """
        longest = at + at_once * every

        def over_at(connection: Connection) -> tuple[Row[Any] | None, datetime]:
            row = connection.execute(select(attempts).where(attempts.c.digest == digest)).first()
            # Further than the longest only if the clock was set back.
            return row, (at if row is None else min(max(row.last_at, at), longest)) + every

        with self._database.reading() as connection:
            _, over = over_at(connection)
        if over > longest:
            return (over - longest).total_seconds()
        with self._database.writing(alone=True) as connection:
            connection.execute(delete(attempts).where(attempts.c.last_at < at - _REMEMBERED))
            row, over = over_at(connection)
            if over > longest:  # another one came meanwhile
                return (over - longest).total_seconds()
            counted = {"failed": 1 if row is None else row.failed + 1, "last_at": over}
            connection.execute(
                insert(attempts).values(digest=digest, **counted)
                if row is None
                else update(attempts).where(attempts.c.digest == digest).values(**counted)
            )
            return 0.0

    def give_back(self, digest: str, *, every: timedelta) -> None:
        """Take one attempt out of those that ``pace`` counted: it was no guess."""
        with self._database.writing(alone=True) as connection:
            row = connection.execute(select(attempts).where(attempts.c.digest == digest)).first()
            if row is not None:
                counted = {"failed": row.failed - 1, "last_at": row.last_at - every}
                connection.execute(
                    update(attempts).where(attempts.c.digest == digest).values(**counted)
                )

    def refused(self, whose: str, detail: str) -> None:
        """Write down that somebody was not let in. whose: an account's id, "" for no account."""
        with self._database.writing(alone=True) as connection:
            self._tell(connection, EventKind.SIGN_IN_REFUSED, whose, detail)

    def forget_failures(self, name_digest: str) -> None:
        """Begin counting anew."""
        with self._database.writing() as connection:
            connection.execute(delete(attempts).where(attempts.c.digest == name_digest))

    # --- Visits

    def visit(
        self, case_digest: str, account_id: str, tab: str, *, at: datetime, gone: datetime
    ) -> tuple[Visit, ...]:
        """Note that a tab has a case open; return who else has. gone: who was seen no later left.

        A case that is not stored has no visitors.
        """
        is_mine = (visits.c.account_id == account_id) & (visits.c.tab == tab)
        with self._database.writing(alone=True) as connection:
            connection.execute(
                delete(visits).where(
                    (is_mine & (visits.c.case_digest != case_digest)) | (visits.c.seen_at <= gone)
                )
            )
            is_here = is_mine & (visits.c.case_digest == case_digest)
            done = connection.execute(update(visits).where(is_here).values(seen_at=at))
            if not done.rowcount and _is_stored(connection, case_digest):
                connection.execute(
                    insert(visits).values(
                        case_digest=case_digest, account_id=account_id, tab=tab, since=at,
                        seen_at=at,
                    )
                )  # fmt: skip
            rows = connection.execute(
                select(visits, accounts.c.display)
                .join(accounts, accounts.c.id == visits.c.account_id)
                .where(visits.c.case_digest == case_digest, visits.c.account_id != account_id)
                .order_by(visits.c.since)
            ).all()
        first: dict[str, Visit] = {}
        for row in rows:
            visit = Visit(row.account_id, row.display, row.since, row.seen_at)
            first.setdefault(row.account_id, visit)
        return tuple(first.values())

    def leave(self, account_id: str, tab: str) -> None:
        """Note that a tab has no case open any more."""
        with self._database.writing() as connection:
            connection.execute(
                delete(visits).where(visits.c.account_id == account_id, visits.c.tab == tab)
            )


def _is_stored(connection: Connection, case_digest: str) -> bool:
    return (
        connection.scalar(select(cases.c.digest).where(cases.c.digest == case_digest)) is not None
    )


def _account(row: Row[Any]) -> Account:
    return Account(
        id=row.id,
        name=row.name,
        display=row.display,
        source=Source(row.source),
        subject=row.subject or "",
        roles=roles_of(row.roles),
        must_change=row.must_change,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        is_supervised=row.is_supervised,
    )
