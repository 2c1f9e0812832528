"""Files of several patients: who they are, whose the files are that do not say, and their cases."""

import streamlit as st

from dashboard import inputs, keeping, messages, site, state
from dashboard import several as sorting
from dashboard.components.intake import facts_of
from dashboard.components.stored import attempt
from dashboard.language import ours, t
from dashboard.markup import element, for_label, join, show
from dashboard.several_records import OnePatient, Question, Several
from mmcore.records import SourceFile
from mmcore.wording import person_name, short_name

_MANY = 6
_LIST_PIXELS = 420
_NOBODY = -1
_BY_FOLDER = "several-by-folder"


def patients(several: Several) -> None:
    """Draw the patients, and what a person has to say of their files or can open."""
    with st.container(key="co-several", border=True):
        count = len(several.patients)
        title = (
            t("These files are of {n} patients", n=count)
            if several.is_waiting
            else t("The files were of {n} patients: a case for each", n=count)
        )
        st.subheader(title)
        is_long = count > _MANY and not several.is_waiting
        with st.container(height=_LIST_PIXELS if is_long else "content", key="co-several-list"):
            for number, one in enumerate(several.patients):
                _patient(one, number, several)
        if several.is_waiting:
            _ask(several)
        else:
            _left(several)
        _unread(several.unread)


def _patient(one: OnePatient, number: int, several: Several) -> None:
    name = _name(one)
    chips = [
        element("span", inputs.sign(kind), " ", t(short_name(kind)), cls="co-chip")
        for kind in one.holds
    ]
    counted = t("1 file") if one.n_files == 1 else t("{n} files", n=one.n_files)
    if one.unused:
        counted = t("{files}, {n} of them refused", files=counted, n=one.unused)
    row = element(
        "div",
        element("b", name),
        element("small", " · ".join(part for part in (facts_of(one.patient), counted) if part),
                cls="co-muted"),
        element("div", *chips, cls="co-chips"),
        cls="co-stored",
        data_testid="one-patient",
    )  # fmt: skip
    with st.container(key=f"co-one-patient-{number}", horizontal=True, vertical_alignment="center"):
        show(row)
        if several.is_waiting:
            return
        st.space("stretch")
        is_in_view = one.digest == state.session().active_digest
        st.button(
            t("In view") if is_in_view else t("Open"),
            key=f"several-open-{number}",
            help=for_label(name),
            disabled=is_in_view or state.session().intake is not None,
            on_click=attempt,
            args=(sorting.look_at, one),
        )


def _ask(several: Several) -> None:
    """Draw a choice for each file that does not say whose it is, and what opens the cases."""
    show(element("p", t("Whose are these files? They do not say."), data_testid="several-asked"))
    options = [_NOBODY, *range(len(several.patients))]
    names = {_NOBODY: t("Nobody's: leave aside")}
    names |= {number: for_label(_whole_name(one)) for number, one in enumerate(several.patients)}
    by_folder = any(question.beside is not None for question in several.questions) and st.toggle(
        t("A file that lies in a patient's own folder is that patient's"), key=_BY_FOLDER
    )
    whose: dict[int, int | None] = {}
    for number, question in enumerate(several.questions):
        beside = question.beside if by_folder else None
        chosen = st.selectbox(
            for_label(_title(question)), options,
            index=options.index(_NOBODY if beside is None else beside),
            format_func=names.__getitem__, key=f"several-whose-{number}-{by_folder}",
        )  # fmt: skip
        whose[number] = None if chosen == _NOBODY else chosen
    is_busy = state.session().intake is not None
    with st.container(horizontal=True):
        st.button(
            t("Open {n} cases", n=len(several.patients)), type="primary", key="several-answer",
            disabled=is_busy, on_click=attempt, args=(sorting.answer, whose),
        )  # fmt: skip
        st.button(
            t("Open none of them"), key="several-dismiss", disabled=is_busy,
            on_click=sorting.dismiss,
        )  # fmt: skip


def _left(several: Several) -> None:
    if several.aside:
        _names(t("Left aside, in no case:"), several.aside, "several-aside")
    with st.container(horizontal=True, vertical_alignment="center"):
        if keeping.store() is not None:
            st.page_link(
                site.page("worklist"), label=t("See them on the worklist"),
                icon=":material/checklist:",
            )  # fmt: skip
        st.button(t("Close this list"), key="several-dismiss", on_click=sorting.dismiss)


def _unread(unread: tuple[SourceFile, ...]) -> None:
    if not unread:
        return
    said = [
        join(element("b", file.name), " ", " ".join(ours(w) for w in messages.of_file(file)))
        for file in unread
    ]
    show(element("p", t("These files could not be used and are in no case:"), cls="co-muted"))
    show(element("ul", *(element("li", one) for one in said), data_testid="several-unread"))


def _names(title: str, names: tuple[str, ...], testid: str) -> None:
    show(element("p", title, cls="co-muted"))
    show(element("ul", *(element("li", name) for name in names), data_testid=testid))


def _title(question: Question) -> str:
    first, others = question.sources[0], len(question.sources) - 1
    kind = t(messages.FILE_KIND.get(first.kind, first.kind))
    if not others:
        return t("{file} ({kind})", file=first.name, kind=kind)
    return t("{file} and {n} more images of its series", file=first.name, n=others)


def _name(one: OnePatient) -> str:
    return person_name(one.patient.name) or one.patient.patient_id or t("Patient without a name")


def _whole_name(one: OnePatient) -> str:
    facts = facts_of(one.patient)
    return " · ".join(part for part in (_name(one), facts) if part)
