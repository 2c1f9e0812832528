"""The part of the Admin page about the site: what is kept how long, under which key."""

from datetime import timedelta

import streamlit as st

from dashboard import formatting, people, settling, stored_words
from dashboard.language import say, t
from dashboard.markup import element, show
from mmcore.people import LoginMode
from mmcore.store.retention import LONGEST_DAYS

_MODES = {
    LoginMode.NONE: say("Nobody signs in."),
    LoginMode.LOCAL: say("With accounts and passwords that are kept here."),
    LoginMode.OIDC: say("By the identity provider of this site."),
    LoginMode.HEADER: say("By the proxy in front of this server."),
}
_USUAL_DAYS = 365


def panel() -> None:
    """Draw where things are kept, for how long and under which key, and how people sign in."""
    found = settling.kept()
    show(element("p", t(stored_words.where_kept(None if found is None else found.place))))
    if found is not None and found.place.keep_days != 0:
        st.subheader(t("How long cases are kept"))
        if found.is_fixed:
            words = t("CONSILIUM_KEEP_DAYS in the environment of the server says it.")
            show(element("p", words, cls="co-muted"))
        else:
            _retention(found.place.keep_days)
    _keys()
    st.subheader(t("Signing in"))
    _sessions()


def _retention(days: int | None) -> None:
    is_ending = st.checkbox(
        t("Delete cases some time after their last change"), value=days is not None,
        key="keep-ends",
    )  # fmt: skip
    chosen: int | None = None
    is_sure = True
    if is_ending:
        number = st.number_input(
            t("Days after the last change"), min_value=1, max_value=LONGEST_DAYS,
            value=days or _USUAL_DAYS, step=1, key="keep-days", width=240,
        )  # fmt: skip
        chosen = int(number)
        if gone := settling.expiring(chosen):
            words = t(
                "Cases that would be deleted within a minute, with all that was recorded and "
                "signed of them: {n}. Nothing brings them back.",
                n=gone,
            )
            show(element("p", words, cls="co-note caution", role="alert"))
            is_sure = st.checkbox(t("Delete them"), value=False, key=f"keep-sure-{chosen}-{gone}")
    if st.button(t("Save"), key="keep-save", disabled=chosen == days or not is_sure):
        settling.keep(chosen)
        st.rerun()


def _keys() -> None:
    found = settling.keys()
    if found is None:
        return
    st.subheader(t("Keys"))
    state = (
        t("Files and every value that can name a patient are encrypted with the site's key.")
        if found.has_key
        else t("The site has no key: what is stored can be read by whoever has the disk.")
    )
    show(element("p", state))
    if found.from_entry is not None:
        words = t("The audit is made with a key of its own from entry {seq} on.",
                  seq=found.from_entry)  # fmt: skip
        show(element("p", words))
    if found.changed_at is not None:
        words = t("The site's key was last changed at {time}.",
                  time=formatting.clock(found.changed_at))  # fmt: skip
        show(element("p", words))
    words = (
        t("To change it: stop the server, and run")
        if found.has_key
        else t("To encrypt all of it: stop the server, and run")
    )
    show(element("p", words))
    st.code(found.command, language=None, wrap_lines=True)
    show(
        element(
            "p", t("It may be stopped and run again without --make. Then start the server with")
        )
    )
    st.code(found.start, language=None, wrap_lines=True)


def _sessions() -> None:
    policy = people.policy()
    show(element("p", t("People sign in: {how}", how=_MODES[policy.mode])))
    if policy.mode is not LoginMode.NONE:
        words = t(
            "A page is locked after {lock} minutes without a hand on it; a session ends after "
            "{idle} hours without one, and after {longest} hours in any case.",
            lock=f"{policy.lock_after / timedelta(minutes=1):g}",
            idle=f"{policy.idle_after / timedelta(hours=1):g}",
            longest=f"{policy.session_for / timedelta(hours=1):g}",
        )
        show(element("p", words))
    words = t("These are set in the environment of the server.")
    show(element("p", words, cls="co-muted"))
