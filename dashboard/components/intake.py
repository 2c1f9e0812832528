"""What was dropped in, file by file, and what case came of it."""

from typing import Any

import streamlit as st

from dashboard import formatting, inputs, messages, services
from dashboard.components.waiting import error_state
from dashboard.language import ours, say, t
from dashboard.markup import Markup, element, join, show
from dashboard.services import DemoCase
from dashboard.state import CaseWork
from mmcore.records import Case, FileVerdict, Modality, Patient, SourceFile
from mmcore.wording import person_name, short_name

_MOST_NAMED = 6
_WAYS = {"files": say("Files or a zip"), "folder": say("A folder")}
SEXES = {"F": say("female"), "M": say("male"), "O": say("other sex")}


def drop_zone(round_number: int) -> list[tuple[str, bytes]]:
    """Draw the drop zone; return the files in it. A new round number gives an empty one."""
    how = st.segmented_control(
        t("What to add"), list(_WAYS), default="files", required=True, key="intake-how",
        format_func=lambda way: t(_WAYS[way]),
    )  # fmt: skip
    dropped = st.file_uploader(
        t("Drop the patient's image, note, labs, sound and gene panel here")
        if how == "files"
        else t("Drop the patient's folder here"),
        accept_multiple_files=True if how == "files" else "directory",
        key=f"intake-{how}-{round_number}",
        help=t(
            "DICOM images; notes as text, PDF, Word, CDA or FHIR; labs and vitals as FHIR, HL7 or "
            "CSV; breath sounds as WAV or FLAC; gene panels as VCF or CSV; or a zip"
        ),
    )
    return [(file.name, file.getvalue()) for file in dropped or []]


def demo_cards(demos: tuple[DemoCase, ...]) -> DemoCase | None:
    """Draw a card for each demonstration patient; return the one that was just opened."""
    opened = None
    columns: list[Any] = []
    for index, demo in enumerate(demos):
        if index % 2 == 0:  # a new row of two, so that neighbours are equally tall
            columns = list(st.columns(2, gap="small"))
        with columns[index % 2].container(key=f"co-card-{demo.name}", height="stretch"):
            kinds = services.demo_contents(demo)
            chips = [
                element("span", inputs.sign(kind), " ", t(short_name(kind)), cls="co-chip")
                for kind in kinds
            ]
            show(
                element(
                    "div",
                    element("h3", t(demo.title)),
                    element("p", t(demo.summary)),
                    element("div", *chips, cls="co-chips"),
                    element("span", t("Open"), cls="co-open", aria_hidden="true"),
                    cls="co-card",
                    data_testid=f"demo-{demo.name}",
                )
            )
            if st.button(
                t("Open {title}", title=t(demo.title)), key=f"demo-{demo.name}", width="stretch"
            ):
                opened = demo
    return opened


def nothing_used(work: CaseWork) -> None:
    """Draw that no file of an open case can be used, so that there is nothing to review."""
    error_state(messages.NOTHING_USED if work.kept is None else messages.NOTHING_TO_REVIEW)


def case_summary(case: Case) -> None:
    """Draw who the case is about as the files say, and which inputs it has."""
    patient, facts = case.patient, facts_of(case.patient)
    show(
        element(
            "div",
            element(
                "div",
                element("h2", person_name(patient.name) or t("Patient without a name")),
                element("p", facts or t("The files do not say who this is."), cls="co-muted"),
            ),
            element("div", *_inputs(case), cls="co-inputs"),
            cls="co-case",
            data_testid="case-summary",
        )
    )
    for notice in map(t, case.notices):
        show(element("div", notice, cls="co-note caution", data_testid="case-notice", role="note"))
    _nameless(case)
    for contradiction in case.contradictions:
        words = t(contradiction.sentence)
        show(element("div", words, cls="co-note caution", data_testid="contradiction", role="note"))


def facts_of(patient: Patient) -> str:
    """Return what the files say of a patient beside the name, "" for nothing."""
    born = patient.birth_date and t("born {date}", date=formatting.day(patient.birth_date))
    age = None if patient.age_years is None else t("{years:.0f} years", years=patient.age_years)
    sex = t(SEXES[patient.sex]) if patient.sex in SEXES else None
    return " · ".join(f for f in (patient.patient_id, sex, age, born) if f)


def _nameless(case: Case) -> None:
    """Name the files that were taken to belong to the patient without saying so."""
    names = [file.name for file in case.files if file.is_nameless]
    if not names:
        return
    if len(names) <= _MOST_NAMED:
        words = t("Without saying whose: {files}.", files=t(", ").join(names))
        show(element("p", words, cls="co-muted", data_testid="nameless-files"))
        return
    title = t("The {n} files that do not say whose they are", n=len(names))
    with st.expander(title, key="co-nameless"):
        show(element("ul", *(element("li", name) for name in names), data_testid="nameless-files"))


def files_table(files: tuple[SourceFile, ...]) -> None:
    """Draw every file with its verdict and the reason in words. File names are text, never HTML."""
    refused = sum(file.verdict is FileVerdict.REFUSED for file in files)
    used = sum(file.verdict is FileVerdict.USED for file in files)
    found = t("1 file") if len(files) == 1 else t("{n} files", n=len(files))
    counted = t("{files}: {used} used", files=found, used=used)
    if refused:
        counted = t(
            "{files}: {used} used, {refused} refused", files=found, used=used, refused=refused
        )
    headers = (t("File"), t("Kind"), t("Verdict"), t("Why"))
    head = element("tr", *(element("th", h, scope="col") for h in headers))
    show(
        join(
            element("p", counted, cls="co-muted"),
            element(
                "table",
                element("caption", t("Every file and what became of it"), cls="co-hidden"),
                element("thead", head),
                element("tbody", *(_file_row(file) for file in files)),
                cls="co-table co-files",
                data_testid="files-table",
            ),
        )
    )


def _file_row(file: SourceFile) -> Markup:
    words, tone = messages.of_verdict(file)
    words_of, found = messages.of_file(file)
    code = element("code", str(file.code)) if file.code is not None else ""
    return element(
        "tr",
        element("th", file.name, " ", element("small", formatting.file_size(file.size_bytes)),
                scope="row"),
        element("td", t(messages.FILE_KIND.get(file.kind, file.kind))),
        element("td", element("span", t(words), cls=f"co-badge {tone}")),
        element("td", ours(words_of), " ", element("small", ours(found), " ", code)),
        data_verdict=str(file.verdict),
    )  # fmt: skip


def _inputs(case: Case) -> list[Markup]:
    return [
        element(
            "span",
            element("b", t(modality.display)),
            element("small", words or t(modality.absent)),
            cls="co-input " + ("there" if words else "missing"),
            data_testid=f"input-{modality}",
            data_present=str(bool(words)).lower(),
        )
        for modality in Modality
        for words in (inputs.held(case, modality),)
    ]
