"""Files that leave the dashboard: who takes one is asked for at that moment, and written down.

Streamlit serves a file behind a button to whoever has its address. So it is made only once the
button is pressed, after its being taken is in the audit.
"""

from collections.abc import Callable

import streamlit as st

from dashboard import people, state
from dashboard.language import t
from dashboard.state import CaseWork
from mmcore.errors import NotAllowedError
from mmcore.people import Action, SessionState
from mmcore.store import EventKind

_KINDS = {Action.EXPORT: EventKind.EXPORTED, Action.DEIDENTIFY: EventKind.DEIDENTIFIED}


def button(
    label: str,
    data: bytes | Callable[[], bytes],
    work: CaseWork,
    *,
    what: str,
    file_name: str,
    mime: str,
    key: str,
    action: Action = Action.EXPORT,
    is_primary: bool = False,
    is_disabled: bool = False,
) -> None:
    """Draw a button that hands out a file, for who may have it.

    label: in the reader's language. data: the file, or what makes it once it is asked for. what:
    the kind of file, a word for the audit.
    """
    if not people.may(action):
        return
    st.download_button(
        label, taking(data, work, what=what, action=action), file_name=file_name, mime=mime,
        type="primary" if is_primary else "secondary", icon=":material/download:",
        on_click="ignore", key=key, disabled=is_disabled,
    )  # fmt: skip


def note_for_others(action: Action = Action.EXPORT) -> None:
    """Say to who may not take files out that others may."""
    if not people.may(action):
        st.caption(t("A reviewer can take this report out."))


def taking(
    data: bytes | Callable[[], bytes],
    work: CaseWork,
    *,
    what: str,
    action: Action = Action.EXPORT,
) -> Callable[[], bytes]:
    """Return what hands out a file, later and in another thread, if it may be handed out then."""
    current, token = state.session(), people.token()
    pack_name, digest = work.pack_name or "", work.case.digest

    def take() -> bytes:
        person = still_there(token, action)
        if current.person is None or person != current.person.id:
            raise NotAllowedError(action=action)
        journal = people.journal()
        if journal is not None:
            journal.tell(_KINDS[action], digest, pack_name=pack_name, reader=person, detail=what)
        return data if isinstance(data, bytes) else data()

    return take


def still_there(token: str, action: Action) -> str:
    """Return whose session a token is of, if it is open and they may do this.

    Raises ``NotAllowedError`` else.
    """
    if people.is_open():
        return people.person().id
    found = people.everybody().find(token)
    if found is None or found[2] is not SessionState.OPEN:
        raise NotAllowedError(action=action)
    if found[1].must_change or not people.person_of(found[1]).may(action):
        raise NotAllowedError(action=action)
    return found[1].id
