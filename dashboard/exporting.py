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
from mmcore.people import Action
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
        if current.person is None:
            raise NotAllowedError(action=action)
        person = people.holder(token, action, current.person.id).id
        journal = people.journal()
        if journal is not None:
            journal.tell(_KINDS[action], digest, pack_name=pack_name, reader=person, detail=what)
        return data if isinstance(data, bytes) else data()

    return take
