"""Who is signed in: their menu in the header, the locked page, a session that is over, and others.

A fragment asks every few seconds whether the session is still open and who else is at the case.
"""

import streamlit as st

from dashboard import chrome, desks, formatting, people, people_words, site, state, watch
from dashboard.components.waiting import empty_state
from dashboard.language import say, t
from dashboard.markup import element, join, show
from mmcore.errors import PeopleError, StoreError
from mmcore.people import Account, Action, LoginMode, Role, SessionState, Visit

_LOOK_AGAIN_SECONDS = 15.0


def menu() -> None:
    """Draw who is here, and what they may do about it."""
    person = people.person()
    name = t(person.display) if person.is_anonymous else person.display
    roles = [people_words.ROLES[role] for role in Role if role in person.roles]
    with st.popover(name, icon=":material/account_circle:", key="account"):
        small = (
            t(people_words.NOBODY_SIGNS_IN)
            if person.is_anonymous
            else t(", ").join(t(role) for role in roles)
        )
        show(
            element(
                "div",
                element("b", name),
                element("small", small),
                cls="co-account",
                data_testid="account",
            )
        )
        if person.may(Action.SEE_FIGURES):
            st.page_link(site.page("admin"), label=t("Admin"))
        if person.may(Action.COSIGN) and not person.is_anonymous:
            st.page_link(site.page("cosign"), label=t("Co-sign"))
        if not person.is_anonymous:
            _ways_out()


def _ways_out() -> None:
    mode = people.policy().mode
    if mode is not LoginMode.HEADER:
        st.button(t("Lock"), icon=":material/lock:", key="lock", on_click=_lock)
    links = [element("a", t("Sign out"), href="account/sign-out", data_testid="sign-out")]
    if mode is LoginMode.LOCAL:
        links.insert(0, element("a", t("Change your password"), href="account/password"))
    show(element("p", *(join(link, " ") for link in links), cls="co-account-links"))


def over() -> None:
    """Draw that nobody is signed in any more, and the way back in."""
    chrome.show()
    empty_state(
        say("Your session is over"),
        say("What you entered is kept, and is there when you sign in again."),
    )
    case = st.query_params.get("case", "")
    back = f"%2F%3Fcase%3D{case}" if case.isalnum() else "%2F"
    show(
        element(
            "p",
            element("a", t("Sign in again"), href=f"account/sign-in?next={back}"),
            data_testid="session-over",
        )
    )


def locked(account: Account) -> None:
    """Draw the locked page: nothing of the case is in it, and everything entered is kept."""
    chrome.show()  # the theme and the language stay those of the reader
    _, middle, _ = st.columns([3, 4, 3])
    with middle:
        show(
            element(
                "div",
                element("h2", t("Locked")),
                element("p", t("{name} is signed in. Nothing entered is lost.",
                               name=account.display)),
                data_testid="locked",
            )
        )  # fmt: skip
        if people.policy().mode is LoginMode.LOCAL:
            with st.form("unlock", border=False):
                password = st.text_input(
                    t("Password"), type="password", autocomplete="current-password",
                    key="unlock-password",
                )  # fmt: skip
                if st.form_submit_button(t("Unlock"), type="primary", key="unlock-button"):
                    _unlock(password)
            show(element("p", element("a", t("Sign in as somebody else"), href="account/sign-out")))
        else:
            st.button(t("Sign in again"), key="sign-in-again", type="primary", on_click=st.login)
            show(element("p", element("a", t("Sign out"), href="account/sign-out")))


def keep_watch() -> None:
    """Watch for hands on the page, the end of the session, and who else is at the case."""
    if people.is_open():
        return

    @st.fragment(run_every=_LOOK_AGAIN_SECONDS)
    def look() -> None:
        try:
            found = people.everybody().find(people.token())
            if found is None or found[2] is not SessionState.OPEN:
                st.rerun()
            _visitors()
        except StoreError:  # said by the next run of the page
            return
        if people.policy().mode is not LoginMode.HEADER:
            watch.show(people.policy().lock_after, on_active=_saw, on_idle=_lock)

    look()


def _visitors() -> None:
    """Note who is at the case in view, and draw who else is."""
    current, work = state.session(), state.active()
    if work is None or work.kept is None:
        people.everybody().leave(people.person(), current.tab)
        return
    others = people.everybody().visit(people.person(), work.case.digest, current.tab)
    for visit in others:
        show(
            element(
                "div", _here(visit), cls="co-note", role="status", data_testid="visitor"
            )
        )  # fmt: skip


def _here(visit: Visit) -> str:
    since = formatting.clock(visit.since)
    return t("{name} has this case open since {since}.", name=visit.display, since=since)


def _lock() -> None:
    try:
        desks.save_changes(state.session())
        people.everybody().lock(people.token())
    except StoreError as error:
        state.session().unsaved = error


def _saw() -> None:
    session = people.session_here()
    if session is not None:
        people.everybody().saw(session)


def _unlock(password: str) -> None:
    try:
        people.everybody().unlock(people.token(), password)
    except PeopleError as error:
        st.error(t(people_words.of_people_error(error)))
    else:
        st.rerun()
