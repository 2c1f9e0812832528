"""The parts of the Admin page about people, use and the audit."""

from collections.abc import Collection
from datetime import timedelta

import streamlit as st

from dashboard import administering, audit_words, formatting, people, people_words, stored_words
from dashboard.language import say, t
from dashboard.markup import element, for_label, show, table
from mmcore.audit import Fault
from mmcore.audit.figures import Figures, Share, Times
from mmcore.errors import PeopleError
from mmcore.language import filled
from mmcore.people import Account, LoginMode, Role, Source
from mmcore.records import GateVerdict

_LAST = 100
_KINDS = {
    "changed": say("Entry {seq} was changed."),
    "removed": say("Entries are missing from number {seq} on."),
    "moved": say("Entry {seq} stood elsewhere, or the one before it was exchanged."),
    "inserted": say("Number {seq} is there twice, or out of its order."),
    "cut": say("The end is missing from number {seq} on: a noted head was beyond it."),
    "replaced": say("Entry {seq} is another one than when its hash was noted."),
    "without key": say("Entry {seq} was made without the site's key, where the chain had one."),
}
_GATE = {
    GateVerdict.SCORED: say("Scored"),
    GateVerdict.CAUTION: say("Caution"),
    GateVerdict.WITHHELD: say("Withheld"),
}


# --- People


def accounts_panel() -> None:
    """Draw every account, one to change, and a form for a new one."""
    if people.is_open():
        st.write(t(people_words.NOBODY_SIGNS_IN))
        return
    listed = administering.accounts()
    rows = [
        (
            account.display,
            account.name,
            t(", ").join(t(people_words.ROLES[role]) for role in Role if role in account.roles)
            or t("no role yet"),
            t("disabled") if account.disabled_at else t("may sign in"),
            t("to be co-signed") if account.is_supervised else t("final by themselves"),
        )
        for account in listed
    ]
    headers = (t("Name"), t("Signs in as"), t("Roles"), t("State"), t("Reports"))
    show(table(headers, tuple(rows), caption=t("Accounts")))
    for role in Role:
        words = t(
            "{role}: {more}.", role=people_words.ROLES[role], more=people_words.ROLES_MORE[role]
        )
        show(element("p", words, cls="co-muted"))
    change, add = st.columns(2, gap="large")
    with change:
        _change(listed)
    with add:
        if people.policy().mode is LoginMode.LOCAL:
            _add()


def _change(listed: tuple[Account, ...]) -> None:
    st.subheader(t("Change an account"))
    by_id = {account.id: account for account in listed}
    chosen = st.selectbox(
        t("Account"), list(by_id), format_func=lambda one: by_id[one].display, key="admin-account"
    )
    account = by_id[chosen]
    with st.form(f"admin-roles-{account.id}", border=False):
        roles: Collection[Role] = account.roles
        if people.everybody().follows_groups(account):
            show(element("p", t(people_words.of_groups()), cls="co-muted"))
        else:
            roles = _roles(account.roles, f"roles-{account.id}")
        is_supervised = _supervised(f"supervised-{account.id}", value=account.is_supervised)
        if st.form_submit_button(t("Save"), key=f"save-roles-{account.id}"):
            _attempt(lambda: _save(account, roles, is_supervised=is_supervised))
    with st.container(horizontal=True):
        is_out = account.disabled_at is not None
        if st.button(t("Let in again") if is_out else t("Disable"), key=f"disable-{account.id}"):
            _attempt(lambda: administering.set_disabled(account.id, is_disabled=not is_out))
        if account.source is Source.LOCAL and st.button(
            t("New password"), key=f"renew-{account.id}"
        ):
            _hand_over(account.display, lambda: administering.renew_password(account.id))


def _save(account: Account, roles: Collection[Role], *, is_supervised: bool) -> None:
    if is_supervised != account.is_supervised:
        administering.set_supervised(account.id, is_supervised=is_supervised)
    if frozenset(roles) != account.roles:
        administering.set_roles(account.id, roles)


def _supervised(key: str, *, value: bool) -> bool:
    return st.checkbox(t("Reports are to be co-signed by a reviewer"), value=value, key=key)


def _add() -> None:
    st.subheader(t("Add somebody"))
    with st.form("admin-add", border=False, clear_on_submit=False):
        name = st.text_input(t("Name for signing in"), key="add-name", autocomplete="off")
        display = st.text_input(t("Name on pages and reports"), key="add-display")
        roles = _roles({Role.READER}, "add-roles")
        is_supervised = _supervised("add-supervised", value=False)
        if st.form_submit_button(t("Add"), type="primary", key="add-account"):
            _hand_over(
                display or name,
                lambda: administering.add_account(
                    name, display, roles, is_supervised=is_supervised
                ),
            )


def _roles(before: Collection[Role], key: str) -> list[Role]:
    """Draw a box for each role; return those that are ticked."""
    with st.container(horizontal=True):
        return [
            role
            for role in Role
            if st.checkbox(t(people_words.ROLES[role]), value=role in before, key=f"{key}-{role}")
        ]


def _attempt(action) -> None:  # type: ignore[no-untyped-def] # any call without arguments
    try:
        action()
    except PeopleError as error:
        st.error(t(people_words.of_people_error(error)))
    else:
        st.rerun()


def _hand_over(display: str, action) -> None:  # type: ignore[no-untyped-def] # returns a password
    """Show a password that was made, once: nobody can look it up later."""
    try:
        password = action()
    except PeopleError as error:
        st.error(t(people_words.of_people_error(error)))
        return
    st.success(
        t(
            "Give {name} this password. It is shown this once, and must be changed with it.",
            name=for_label(display),
        )
    )
    st.code(password, language=None)


# --- Use


def use_panel() -> None:
    """Draw the figures of use."""
    found = administering.used()
    if found is None:
        st.write(t(stored_words.where_kept(None)))
        return
    facts = [
        (t("Cases read in"), str(found.cases)),
        (t("Answers seen"), str(found.answered)),
        (t("From opening to the answer"), _times(found.to_answer)),
        (t("From opening to signing"), _times(found.to_signature)),
        (t("Minds changed after the answer"), _share(found.switched)),
        (t("Answers rejected"), _share(found.overridden)),
    ]
    items = [element("div", element("dt", name), element("dd", value)) for name, value in facts]
    show(element("dl", *items, cls="co-facts", data_testid="figures"))
    show(
        element(
            "p",
            t(
                "Counted from the audit. Minds changed: of the last decisions on findings that "
                "were read before the answer was seen. Times: the middle of all, with the middle "
                "half."
            ),
            cls="co-muted",
        )
    )
    _gates(found)


def _gates(found: Figures) -> None:
    total = sum(found.gates.values())
    rows = [
        (t(words), str(found.gates.get(name, 0)), _share(Share(found.gates.get(name, 0), total)))
        for name, words in _GATE.items()
    ]
    headers = (t("Gate"), t("Findings"), t("Share"))
    show(table(headers, tuple(rows), caption=t("Verdicts of the gate")))


def _times(times: Times) -> str:
    if times.middle is None:
        return t("none yet")
    if times.low is None or times.high is None:
        return t("{middle} (one)", middle=_span(times.middle))
    return t(
        "{middle} ({low} to {high}, {n} times)",
        middle=_span(times.middle), low=_span(times.low), high=_span(times.high), n=times.number,
    )  # fmt: skip


def _span(span: timedelta) -> str:
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    return t("{minutes} min {seconds} s", minutes=minutes, seconds=seconds)


def _share(share: Share) -> str:
    if share.rate is None:
        return t("none yet")
    rate = formatting.share(share.rate)
    return t("{share} ({part} of {whole})", share=rate, part=share.part, whole=share.whole)


# --- Audit


def audit_panel() -> None:
    """Draw where the audit stands, check it on demand, and its last entries."""
    found = administering.audit_state()
    if found is None or found.head is None:
        st.write(t("There is no entry yet."))
        return
    head, last = found.head, found.noted[-1] if found.noted else None
    noted = (
        t("entry {seq} at {at}", seq=last.head.seq, at=formatting.clock(last.at))
        if last
        else t("never")
    )
    facts = [
        (t("Entries"), str(head.seq)),
        (t("Head of the chain"), f"{head.seq}:{head.hash}"),
        (t("Last noted"), noted),
        (t("Noted in"), str(found.file)),
    ]
    items = [element("div", element("dt", name), element("dd", value)) for name, value in facts]
    show(element("dl", *items, cls="co-facts co-audit", data_testid="audit-head"))
    words = t(
        "The chain of hashes shows what was changed, removed or moved. What was cut off its end, "
        "or made anew, only a head shows that was noted where the database is not."
    )
    show(element("p", words, cls="co-muted"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        is_asked = st.button(t("Check the whole audit"), key="check-audit")
        since = st.number_input(
            t("Only entries after number"), min_value=0, max_value=head.seq, step=1,
            key="audit-since", width=240,
        )  # fmt: skip
        st.download_button(
            t("Download as FHIR"), administering.audit_file(int(since)),
            file_name=f"consilium-audit-{since + 1}-{head.seq}.zip", mime="application/zip",
            icon=":material/download:", on_click="ignore", key="audit-fhir",
        )  # fmt: skip
    if is_asked:
        _checked()
    names = {account.id: account.display for account in people.everybody().accounts()}
    rows = [
        (
            str(entry.seq),
            formatting.clock(entry.at),
            names.get(entry.actor, entry.actor or t("the program")),
            t(audit_words.of_kind(entry.kind)),
            entry.case_digest[:16],
            t(", ").join(t(one) for one in audit_words.of_details(entry.details)),
        )
        for entry in administering.last_entries(_LAST)
    ]
    headers = (t("Number"), t("When"), t("Who"), t("What"), t("Case"), t("Details"))
    show(table(headers, tuple(rows), caption=t("The last entries"), cls="co-audit-table"))


def _checked() -> None:
    done = administering.check_audit()
    if done is None:
        return
    if not done.faults:
        st.success(
            t(
                "{n} entries, nothing changed. Compared with {heads} noted heads.",
                n=done.count, heads=done.compared,
            )
        )  # fmt: skip
        return
    st.error(t("The audit was tampered with."))
    for fault in done.faults[:_LAST]:
        show(element("p", _fault(fault), cls="co-note refused", role="alert"))


def _fault(fault: Fault) -> str:
    return t(filled(_KINDS[fault.kind], seq=fault.seq))
