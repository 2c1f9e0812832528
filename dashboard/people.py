"""Who is at the page, and whether they may do what they are about to.

The layer in front of Streamlit (``dashboard/people_doors.py``) says in a header of its own which
session a browser holds. Pages hide what somebody may not do; what is done asks again, here.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import ParamSpec

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard import state, stores
from mmcore.errors import NotAllowedError
from mmcore.people import (
    LOCAL_READER,
    Account,
    LoginMode,
    People,
    Person,
    Policy,
    Session,
    SessionState,
    policy_of,
)
from mmcore.people import Action as Action
from mmcore.store import EventKind, Store

P = ParamSpec("P")
SESSION_HEADER = "x-consilium-session"
"""Set by our own layer alone, which drops what a browser sends under this name."""


@dataclass(slots=True)
class _Door:
    """The people of this process by what is set in the environment."""

    known: dict[tuple[tuple[str, str], ...], People] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


_DOOR = _Door()


def policy() -> Policy:
    """Return how people sign in here. Raises ``ConfigError``."""
    return policy_of()


def is_open() -> bool:
    """Return whether nobody signs in here."""
    return policy().mode is LoginMode.NONE


def everybody() -> People:
    """Return the people of this site. Raises ``ConfigError`` and ``StoreError``."""
    store = stores.site_store()
    settings = tuple(sorted((k, v) for k, v in os.environ.items() if k.startswith("CONSILIUM_")))
    with _DOOR.lock:
        known = _DOOR.known.get(settings)
        if known is None or not known.is_of(store.people):
            _DOOR.known[settings] = known = People(store.people, policy())
        return known


def journal() -> Store | None:
    """Return the store whose audit what happens goes into; None where nothing at all is kept."""
    return stores.store() if is_open() else stores.site_store()


def token() -> str:
    """Return what tells this browser's session from others, "" where nobody is signed in."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return ""
    return st.context.headers.get(SESSION_HEADER, "")


def arrive() -> tuple[SessionState, Account | None]:
    """Return whether the page may be drawn, and for whom; the tab belongs to that person then.

    A tab in which somebody else was before begins anew: nothing of theirs is left in it.
    """
    if is_open():
        _belongs_to(LOCAL_READER)
        return SessionState.OPEN, None
    found = everybody().find(token())
    if found is None or found[2] is SessionState.OVER:
        state.begin_anew()
        return SessionState.OVER, None
    session, account, kind = found
    _belongs_to(person_of(account))
    if kind is SessionState.OPEN:
        everybody().saw(session)
    return kind, account


def person() -> Person:
    """Return who is at the page. Raises ``NotAllowedError`` where nobody is signed in."""
    if is_open():
        return LOCAL_READER
    found = state.session().person
    if found is None:
        raise NotAllowedError(action=Action.OPEN)
    return found


def reader() -> str:
    """Return under whose name entries are kept: an account's id, or that of the local reader."""
    return person().id


def require(action: Action) -> Person:
    """Return who is at the page if they may do this now; the session is looked up anew.

    Raises ``NotAllowedError`` for anybody else, and for a session that is locked or over.
    """
    return holder(token(), action, person().id)


def holder(session_token: str, action: Action, account_id: str) -> Person:
    """Return who holds a session if it is open, theirs, and they may do this.

    Raises ``NotAllowedError`` else; that somebody tried what they may not do is written down.
    """
    if is_open():
        return LOCAL_READER
    found = everybody().find(session_token)
    if found is None or found[2] is not SessionState.OPEN:
        raise NotAllowedError(action=action)
    somebody = person_of(found[1])
    if found[1].must_change or not somebody.may(action) or somebody.id != account_id:
        if (kept := journal()) is not None:
            kept.tell(EventKind.NOT_ALLOWED, "", reader=somebody.id, detail=str(action))
        raise NotAllowedError(action=action)
    return somebody


def fragment(*, run_every: float | None = None) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Return ``st.fragment`` for what is drawn for whoever has arrived, and for nobody else.

    A fragment runs without the page around it: on a tab whose session was locked or ended
    elsewhere, or in which somebody else has signed in, the whole page is drawn anew instead.
    """

    def made(draw: Callable[P, None]) -> Callable[P, None]:
        @st.fragment(run_every=run_every)
        @wraps(draw)
        def drawn(*args: P.args, **kwargs: P.kwargs) -> None:
            if not _is_still_here():
                st.rerun()
            draw(*args, **kwargs)

        return drawn

    return made


def may(action: Action) -> bool:
    """Return whether the person at the page may do this, for what is drawn."""
    return person().may(action)


def person_of(account: Account) -> Person:
    """Return an account as somebody who does something."""
    return Person(account.id, account.display, account.roles, is_supervised=account.is_supervised)


def session_here() -> Session | None:
    """Return the session of this browser, if there is one."""
    found = None if is_open() else everybody().find(token())
    return None if found is None else found[0]


def _is_still_here() -> bool:
    """Return whether the session is open, and of the person to whom the tab belongs."""
    if is_open():
        return True
    found, arrived = everybody().find(token()), state.session().person
    return (
        found is not None
        and found[2] is SessionState.OPEN
        and arrived is not None
        and found[1].id == arrived.id
    )


def _belongs_to(somebody: Person) -> None:
    current = state.session()
    if current.person is not None and current.person.id != somebody.id:
        state.begin_anew()
        current = state.session()
    current.person = somebody
