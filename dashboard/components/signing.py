"""The reader's part of the Report page: a conclusion, the sign-off, and addenda after it."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from dashboard import people, reading, signing, state
from dashboard.language import t
from dashboard.markup import element, show
from dashboard.state import CaseWork, Entry
from mmcore.people import Action
from mmcore.records import MOST_CONCLUSION, MOST_NAME


def conclusion(work: CaseWork) -> None:
    """Ask for the reader's own conclusion; what is entered is saved and in the report at once."""
    found = reading.desk(work)
    if not people.may(Action.READ):
        return
    key = f"conclusion-{_key(work)}-{found.history.round}"
    st.text_area(
        t("Your conclusion, as it goes into the report"),
        value=found.conclusion,
        max_chars=MOST_CONCLUSION,
        height=100,
        key=key,
        on_change=lambda: signing.conclude(work, str(state.entered(key) or "")),
    )


def sign_off(work: CaseWork) -> None:
    """Ask for the signature of a draft."""
    if not people.may(Action.SIGN):
        return
    st.subheader(t("Sign-off"))
    if not signing.is_stored(work):
        _note(t(signing.NOT_KEPT))
        return
    entered = sum(entry != Entry() for entry in reading.desk(work).entries.values())
    if entered:
        words = t("Decisions that are entered and not recorded: {n}. They are not in the report.",
                  n=entered)  # fmt: skip
        _note(words)
    final = t("A signed report can not be changed any more, only added to.")
    if work.signs_as:
        _asked(work, work.signs_as, final)
        return
    show(element("p", final, cls="co-muted"))
    _name_and_button(work, "sign", t("Sign this report"), signing.ask)


def _asked(work: CaseWork, name: str, final: str) -> None:
    """Draw what is about to be signed and by whom, with the button that signs and the way back."""
    lacking, shown = signing.undecided(work)
    words = t("You are about to sign the report above as {name}.", name=name)
    decisions = t("Findings without a decision of yours: {n} of {all}.", n=lacking, all=shown)
    show(
        element(
            "div", element("p", words), element("p", decisions), element("p", final),
            cls="co-note caution", role="status", data_testid="signing-asked",
        )
    )  # fmt: skip
    key = f"sign-{_key(work)}"

    def sign() -> None:
        signing.sign(work, name)

    with st.container(horizontal=True):
        st.button(
            t("Sign now"), type="primary", icon=":material/signature:", key=f"{key}-submit",
            on_click=sign,
        )  # fmt: skip
        st.button(t("Not yet"), key=f"{key}-back", on_click=lambda: setattr(work, "signs_as", None))


def addenda(work: CaseWork, document: Mapping[str, Any]) -> None:
    """Ask for an addendum to a signed report."""
    if not people.may(Action.SIGN):
        return
    st.subheader(t("Add to the signed report"))
    found = reading.desk(work)
    number = len(document.get("addenda", ()))
    key = f"addendum-{_key(work)}-{number}-{found.history.round}"
    st.text_area(
        t("Addendum"),
        value=found.addendum,
        max_chars=MOST_CONCLUSION,
        height=100,
        key=key,
        on_change=lambda: signing.write_addendum(work, str(state.entered(key) or "")),
    )
    _name_and_button(work, f"add-{number}", t("Add to the report"), signing.add)


def locked(work: CaseWork) -> bool:
    """Return whether a reading is final, and say so where it is."""
    if not signing.is_signed(work):
        return False
    _note(t("The report is signed, so this reading is final. What is new goes into an addendum."))
    return True


def _name_and_button(
    work: CaseWork, what: str, label: str, act: Callable[[CaseWork, str], object]
) -> None:
    """Draw the name of who signs and the button; typed where nobody signs in.

    No form: the Enter key in the field enters the name and does nothing else.
    """
    key = f"{what}-{_key(work)}"
    name_key = f"name-{key}"
    somebody = people.person()

    def submit() -> None:
        name = str(state.entered(name_key) or "")
        if somebody.is_anonymous and not name.strip():
            work.signs_as = ""
        else:
            act(work, name)

    if somebody.is_anonymous:
        st.text_input(t("Name, as it stands in the report"), max_chars=MOST_NAME, key=name_key)
    else:
        show(element("p", t("You sign as {name}.", name=somebody.display)))
    if work.signs_as == "":
        _note(t(signing.NO_NAME))
    st.button(
        label, type="primary", icon=":material/signature:", key=f"{key}-press", on_click=submit
    )


def _key(work: CaseWork) -> str:
    return f"{work.case.digest[:16]}-{work.pack_name}"


def _note(words: str) -> None:
    show(element("p", words, cls="co-note caution", role="status", data_testid="signing-note"))
