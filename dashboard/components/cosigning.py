"""Reports of others, to be looked at and co-signed; and the list of those that await it."""

import json

import streamlit as st

from dashboard import cosigning, exporting, formatting, people, reporting, site, state
from dashboard.components import report as drawn
from dashboard.components.stored import attempt
from dashboard.cosigning import Report
from dashboard.language import say, t
from dashboard.markup import element, for_label, show
from dashboard.state import CaseWork
from mmcore.store import Signed


def panel(work: CaseWork) -> bool:
    """Draw the choice of another reader's report, and it; return whether one is looked at."""
    if not cosigning.is_possible():
        return False
    found = cosigning.of_others(work)
    if not found:
        return False
    st.subheader(t("Reports of others"))
    names = cosigning.names()
    chosen = st.selectbox(
        t("Signed by"), range(len(found)), index=cosigning.wanted_of(found),
        format_func=lambda index: _title(found[index], names),
        placeholder=t("Choose a report to look at and co-sign"),
        key=f"cosign-{work.case.digest[:16]}",
    )  # fmt: skip
    if chosen is None:
        return False
    report = cosigning.look_at(work, found[chosen])
    if report is None:
        show(element("p", t(cosigning.GONE), cls="co-note caution", role="status"))
        return False
    drawn.preview(report.document)
    _downloads(work, report)
    _form(report)
    return True


def _title(signed: Signed, names: dict[str, str]) -> str:
    return t(
        "{name}, {time}, model {model}",
        name=names.get(signed.reader) or t("Local reader"),
        time=formatting.clock(signed.signed_at), model=signed.pack_name,
    )  # fmt: skip


def _downloads(work: CaseWork, report: Report) -> None:
    document, language = report.document, state.language()

    def pdf() -> bytes:
        from mmcore.report import render_pdf
        from mmcore.report.template import template_of

        return render_pdf(document, language, template_of())

    with st.container(horizontal=True):
        exporting.button(
            t("Download PDF"), pdf, work, what="PDF",
            file_name=reporting.file_name(document, "pdf"), mime="application/pdf",
            key="cosign-pdf",
        )  # fmt: skip
        exporting.button(
            t("Download JSON"), json.dumps(document, indent=2, ensure_ascii=False).encode(), work,
            what="JSON", file_name=reporting.file_name(document, "json"),
            mime="application/json", key="cosign-json",
        )  # fmt: skip


def _form(report: Report) -> None:
    """Draw what co-signing means, and its button."""
    if cosigning.is_done(report):
        show(element("p", t(cosigning.ALREADY), cls="co-note", role="status"))
        return
    words = t(
        "With your co-signature you stand for this report as it is shown here, its addenda "
        "included. It can not be taken back."
    )
    show(element("p", words, cls="co-muted"))
    with st.form("cosign-form", border=False):
        show(element("p", t("You co-sign as {name}.", name=people.person().display)))
        st.form_submit_button(
            t("Co-sign this report"), type="primary", icon=":material/signature:",
            key="cosign-submit", on_click=attempt, args=(cosigning.cosign, report),
        )  # fmt: skip


def listing() -> None:
    """Draw the reports that await a co-signature, each with a button that opens its case."""
    found = cosigning.awaiting()
    if not found:
        show(element("p", t("No report awaits a co-signature."), cls="co-muted"))
        return
    names = cosigning.names()
    for number, signed in enumerate(found):
        case = " · ".join(part for part in (signed.person, t(signed.label)) if part)
        with st.container(horizontal=True, vertical_alignment="center"):
            show(
                element(
                    "div", element("b", case),
                    element("small", _title(signed, names), cls="co-muted"), cls="co-stored",
                    data_testid="awaiting",
                )
            )  # fmt: skip
            st.space("stretch")
            st.button(
                t("Open"), key=f"cosign-open-{number}", on_click=attempt,
                args=(cosigning.open_case, signed), help=for_label(case),
            )  # fmt: skip


def link() -> None:
    """Draw a way to the list, where anything awaits the person at the page."""
    if cosigning.is_possible() and (waiting := len(cosigning.awaiting())):
        words = t("Reports that await a co-signature: {n}", n=waiting)
        st.page_link(site.page("cosign"), label=words, icon=":material/signature:")


NOBODY = say("Nobody signs in here, so nobody can co-sign.")
