"""Stored cases: the list, a case on its way back, what could not be saved, where it all lies."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import streamlit as st

from dashboard import (
    formatting,
    keeping,
    messages,
    people,
    people_words,
    resuming,
    state,
    stored_words,
)
from dashboard.components.waiting import error_state, wait_for
from dashboard.language import say, t
from dashboard.markup import element, for_label, show
from mmcore.errors import PeopleError, StoreError
from mmcore.people import Action
from mmcore.store import CaseState, Progress, StoredCase

Given = TypeVar("Given")
_AT_ONCE = 8
_MOST = 500


def is_on_its_way() -> bool:
    """Draw how far the reading of a stored case is; return whether the page must wait for it."""
    current = state.session()
    if current.resuming is None:
        return False
    if wait_for(current.resuming.job, say("Opening the stored case"), key="resume"):
        resuming.take()
        st.rerun()
    if current.resuming.job.error is not None and st.button(
        t("Go on without it"), key="resume-give-up"
    ):
        resuming.give_up()
        resuming.show_address()
        st.rerun()
    return True


def warnings() -> None:
    """Draw why the last change is not on the disk, and what else must be said once."""
    current = state.session()
    if current.unsaved is not None:
        error_state(messages.Words(*stored_words.of_unsaved(current.unsaved)))
    if current.told:
        show(
            element(
                "div", t(current.told), cls="co-note caution", data_testid="told", role="status"
            )
        )
        current.told = ""


def attempt(action: Callable[[Given], None], given: Given) -> None:
    """Do something to a stored case, or say why not: another window may have deleted it by now."""
    try:
        action(given)
    except StoreError as error:
        state.session().told = stored_words.of_store_error(error)
    except PeopleError as error:
        state.session().told = people_words.of_people_error(error)


def cases_list() -> None:
    """Draw the stored cases, newest first, each with what is recorded of it and its buttons."""
    try:
        kept = keeping.store()
        if kept is None:
            _say(stored_words.where_kept(None))
            return
        listed = kept.cases(reader=people.reader(), most=_MOST)
        removed = kept.cases(states=(CaseState.REMOVED,)) if people.may(Action.REMOVE) else ()
        place = replace(kept.place, keep_days=kept.retention.days())
    except StoreError as error:
        error_state(messages.of_error(error))
        return
    if listed or removed:
        st.subheader(t("Stored cases"))
    for case in removed:
        _removed(case)
    is_long = len(listed) > _AT_ONCE
    shows_all = is_long and st.toggle(
        t("All {n} cases", n=len(listed)), key="stored-all", value=False
    )
    for case in listed if shows_all else listed[:_AT_ONCE]:
        _row(case)
    _say(stored_words.where_kept(place))


def _row(case: StoredCase) -> None:
    current = state.session()
    short = case.digest[:16]
    name = " · ".join(part for part in (case.person, t(stored_words.label_of(case.label))) if part)
    is_here = case.digest in current.cases
    with st.container(key=f"co-stored-{short}", horizontal=True, vertical_alignment="center"):
        show(
            element(
                "div",
                element("b", name),
                element("small", _how_far(case), cls="co-muted"),
                cls="co-stored",
                data_testid="stored-case",
                data_case=short,
            )
        )
        st.space("stretch")
        st.button(
            t("Look at it") if is_here else t("Open"),
            key=f"stored-open-{short}",
            on_click=attempt,
            args=(resuming.reopen, case.digest),
            disabled=case.digest == current.active_digest,
            help=for_label(name),
        )
        if people.may(Action.REMOVE):
            st.button(
                "",
                icon=":material/delete:",
                key=f"stored-remove-{short}",
                on_click=attempt,
                args=(keeping.remove, case.digest),
                help=t("Remove {name}", name=for_label(name)),
            )


def _removed(case: StoredCase) -> None:
    short = case.digest[:16]
    name = " · ".join(part for part in (case.person, t(stored_words.label_of(case.label))) if part)
    words = t(
        "{name} was removed. It is deleted for good after {n} minutes.",
        name=name, n=keeping.UNDO_MINUTES,
    )  # fmt: skip
    with st.container(key=f"co-removed-{short}", horizontal=True, vertical_alignment="center"):
        show(element("p", words, cls="co-muted", role="status", data_testid="removed-case"))
        st.space("stretch")
        _do(t("Bring it back"), f"stored-restore-{short}", keeping.restore, case.digest)
        _do(t("Delete now"), f"stored-delete-{short}", keeping.delete, case.digest)


def _do(label: str, key: str, action: Callable[[str], None], digest: str) -> None:
    st.button(label, key=key, on_click=attempt, args=(action, digest))


def _how_far(case: StoredCase) -> str:
    """Return when a case was opened last and what is recorded of it, about its own model first."""
    progress = case.progress.get(case.pack_name or "") or next(iter(case.progress.values()), None)
    opened = formatting.clock(case.opened_at)
    return t("{opened} · {progress}", opened=opened, progress=_progress(progress))


def _progress(progress: Progress | None) -> str:
    if progress is None:
        return say("nothing recorded")
    if progress.signed_at is not None:
        return say("report signed")
    if progress.decided and progress.asked:
        return say("decided {n} of {all}", n=progress.decided, all=progress.asked)
    if progress.decided:
        return say("decided {n}", n=progress.decided)
    if progress.revealed_at is not None:
        return say("answer shown")
    return say("reading begun") if progress.begun else say("nothing recorded")


def _say(words: str) -> None:
    show(element("p", t(words), cls="co-muted", data_testid="where-kept"))
