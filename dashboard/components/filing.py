"""Filing a report to the site's other systems: a button for each, and how far everything got."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import filing, formatting, people
from dashboard.components.waiting import error_state
from dashboard.language import ours, say, t
from dashboard.markup import Markup, element, show, table
from dashboard.messages import Words
from dashboard.state import CaseWork
from dashboard.stored_words import of_store_error
from mmcore.errors import (
    NoStudyError,
    PeerConfigError,
    ReportTemplateError,
    SignedReportFiledError,
    StoreError,
)
from mmcore.language import Text
from mmcore.people import Action

if TYPE_CHECKING:
    from mmcore.network.parcels import Parcel

_LOOK_SECONDS = 2.0
_STATES: dict[str, tuple[Text, str]] = {
    "waiting": (say("Waiting to be sent"), "caution"),
    "delivered": (say("Delivered"), "good"),
    "refused": (say("Not taken"), "refused"),
    "withdrawn": (say("Withdrawn"), "plain"),
}
_NO_STUDY = say(
    "The case holds no DICOM image whose header can be repeated, so there is no study to file in."
)

_SIGNED_THERE = say(
    "It holds a signed report of this case, which this one would replace. "
    "What is to be said after a signature is an addendum to that report."
)


def section(work: CaseWork) -> None:
    """Draw what can be filed and what was, for who may take a report out.

    Without peers it says that filing is off.
    """
    if work.document is None or not people.may(Action.EXPORT):
        return
    try:
        names = filing.peers()
    except PeerConfigError as error:
        words = say(
            "The file that names other systems has a mistake, at {where}.", where=error.where
        )
        error_state(Words(say("Nothing can be filed"), words))
        return
    if not names:
        st.caption(t("Filing to other systems is off: this site has named none."))
        return
    if not filing.is_possible():
        st.caption(t("Filing is off: this site keeps nothing, so nothing can wait to be sent."))
        return
    with st.container(key="co-filing"):
        st.subheader(t("Other systems"))
        try:
            filed = filing.parcels(work.case.digest)
        except StoreError as error:
            error_state(Words(say("Nothing can be filed"), of_store_error(error)))
            return
        _buttons(work, names, filed)
        if filed:
            _watched(work)


def _buttons(work: CaseWork, names: Sequence[str], filed: "Sequence[Parcel]") -> None:
    from mmcore.report import document_digest

    document = work.document or {}
    digest = document_digest(document)
    signed = "signature" in document
    st.caption(
        t("The reading is signed: objects are filed as verified by who signed it.")
        if signed
        else t("The reading is not signed: objects are filed as AI-derived and unverified.")
    )
    held = ("waiting", "delivered")
    done = {p.peer for p in filed if p.document_digest == digest and str(p.state) in held}
    with st.container(horizontal=True):
        for name in names:
            job = work.jobs.get(filing.job_name(name))
            is_busy = job is not None and not job.is_done
            if st.button(
                t("File to {name}", name=name),
                key=f"co-file-{name}",
                icon=":material/send:",
                disabled=is_busy or name in done,
                help=t("This version was filed there.") if name in done else None,
            ):
                filing.file_to(work, name).wait(60)
                st.rerun()
    for name in names:
        job = work.jobs.get(filing.job_name(name))
        if job is not None and job.error is not None:
            error_state(Words(say("Nothing was filed to {name}", name=name), _why(job.error)))


def _why(error: BaseException) -> Text:
    if isinstance(error, StoreError):
        return of_store_error(error)
    if isinstance(error, NoStudyError):
        return _NO_STUDY
    if isinstance(error, SignedReportFiledError):
        return _SIGNED_THERE
    if isinstance(error, ReportTemplateError):
        return say("{problem}.", problem=error.words)
    return say("The objects could not be made ({kind}).", kind=type(error).__name__)


def _watched(work: CaseWork) -> None:
    """Draw the list, and again by itself while something waits."""
    is_waiting = any(p.state == "waiting" for p in filing.parcels(work.case.digest))

    @people.fragment(run_every=_LOOK_SECONDS if is_waiting else None)
    def listed() -> None:
        filed = filing.parcels(work.case.digest)
        show(_table(filed))
        _remedies(filed)
        if is_waiting and not any(p.state == "waiting" for p in filed):
            st.rerun(scope="app")

    listed()


def _table(filed: "Sequence[Parcel]") -> Markup:
    rows = []
    for parcel in filed:
        words, tone = _STATES[str(parcel.state)]
        version = t("Signed version") if parcel.is_signed else t("Draft, unverified")
        at = parcel.changed_at.astimezone()
        told = t("{n} of {all} objects taken", n=parcel.delivered, all=len(parcel.items))
        rows.append(
            (
                parcel.peer,
                version,
                element("span", t(words), cls=f"co-badge {tone}"),
                told,
                formatting.clock(at),
                _problem(parcel),
            )
        )
    headers = (
        t("System"), t("Version"), t("State"), t("Objects"), t("Last change"), t("Why")
    )  # fmt: skip
    return table(headers, rows, caption=t("What was filed of this case"))


def _problem(parcel: "Parcel") -> str:
    if not parcel.problem or str(parcel.state) not in ("waiting", "refused"):
        return ""
    if str(parcel.state) == "waiting":
        return t(
            "{name} {problem}; it is tried again by itself", name=parcel.peer,
            problem=ours(parcel.problem),
        )  # fmt: skip
    return t("{name} {problem}", name=parcel.peer, problem=ours(parcel.problem))


def _remedies(filed: "Sequence[Parcel]") -> None:
    for parcel in filed:
        if str(parcel.state) not in ("waiting", "refused") or not parcel.problem:
            continue
        with st.container(horizontal=True, key=f"co-parcel-{parcel.id}"):
            if st.button(t("Try again now"), key=f"co-again-{parcel.id}"):
                filing.try_again(parcel.id)
                st.rerun()
            if st.button(t("Withdraw"), key=f"co-withdraw-{parcel.id}"):
                filing.withdraw(parcel.id)
                st.rerun()
    if any(str(p.state) == "withdrawn" and p.delivered for p in filed):
        show(element("p", t("What a system had taken before stays there."), cls="co-muted"))
