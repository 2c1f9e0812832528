"""A case on its way out: what is asked, what would change, what a person says, the files."""

from collections.abc import Mapping

import streamlit as st

from dashboard import deidentifying, exporting, messages, people, site, state
from dashboard.components import deidentify_images
from dashboard.components.waiting import error_state, wait_for
from dashboard.language import ours, say, t
from dashboard.markup import Markup, element, join, show
from dashboard.messages import Words
from dashboard.state import CaseWork
from mmcore.deid.records import (
    BurnedIn,
    CleanFile,
    Dates,
    DeidentifiedCase,
    LeftOut,
    Options,
    SafePrivate,
)
from mmcore.errors import ConfigError, StoreError
from mmcore.language import Text, filled, sentence
from mmcore.people import Action

_DATES = {Dates.REMOVE: say("Removed"), Dates.SHIFT: say("Moved by a secret number of days")}
_MANY_VARIANTS = 100
_COLUMNS: Mapping[Text, Mapping[str, Text]] = {
    say("Removed"): {
        "removed": say("values: {n}"),
        "private": say("private: {n}"),
        "dates removed": say("dates: {n}"),
    },
    say("Emptied"): {"emptied": say("values: {n}")},
    say("Replaced"): {
        "UIDs": say("UIDs: {n}"),
        "dates moved": say("dates moved: {n}"),
        "cleaned": say("cut down to known words: {n}"),
        "masked": say("boxes made black: {n}"),
    },
    say("Kept"): {
        "kept": say("values: {n}"),
        "private kept": say("private numbers: {n}"),
        "rewritten": say("written anew: {n}"),
    },
}
"""What was done to the values of a file, by column; other kinds are marks in a note."""
_KEY_OF_SESSION = say(
    "This site has set no key, so one was made for this session. The pseudonym, the new UIDs and "
    "the moved dates will differ the next time: cases that leave on different days can not be "
    "told to be of one patient."
)
_KEY_OF_SITE = say(
    "Pseudonym, UIDs and dates are made with the key of this site: the same patient has the same "
    "ones in every case that leaves."
)


def link() -> None:
    """Draw the way to the page, for who may take a case out."""
    if people.may(Action.DEIDENTIFY):
        st.page_link(
            site.page("deidentify"),
            label=t("De-identify this case"),
            icon=":material/shield_person:",
        )


def workbench(work: CaseWork) -> None:
    """Draw all of it, as far as it has got."""
    leaving = work.leaving
    try:
        _, is_of_site = deidentifying.secret()
    except ConfigError as error:
        error_state(messages.of_error(error))
        return
    show(element("p", t(_KEY_OF_SITE if is_of_site else _KEY_OF_SESSION), cls="co-muted",
                 data_testid="deid-key", data_of_site=str(is_of_site).lower()))  # fmt: skip
    options = _options(work)
    if options is None:
        return
    if leaving.job is not None and not _is_over(work):
        return
    if leaving.preview is None or leaving.asked != options:
        _offer_to_look(work, options)
        return
    try:
        _preview(work)
        _images(work)
        _export(work)
    except StoreError as error:
        error_state(messages.of_error(error))


def _is_over(work: CaseWork) -> bool:
    """Draw how far the job is; return whether the page may go on."""
    leaving = work.leaving
    assert leaving.job is not None  # asked before
    what = say("Looking at every file") if leaving.preview is None else say("Writing the files")
    if wait_for(leaving.job, what, key="deid"):
        deidentifying.take(work)
        st.rerun()
    if leaving.job.error is None:
        return False
    leaving.job = None
    return True


def _options(work: CaseWork) -> Options | None:
    """Draw the choices; return them, or ``None`` while one can not be read."""
    key = f"deid-{work.case.digest[:16]}"
    with st.container(key=f"co-{key}-options", border=True):
        left, right = st.columns(2, gap="medium")
        with left:
            dates = st.segmented_control(
                t("Dates and times"), list(Dates), default=Dates.REMOVE, required=True,
                format_func=lambda one: t(_DATES[one]), key=f"{key}-dates",
            )  # fmt: skip
            keeps_patient = st.toggle(
                t("Keep sex, age (to 89), size and weight"), value=True, key=f"{key}-patient"
            )
            keeps_words = st.toggle(
                t("Keep descriptions, in known words only"), value=True, key=f"{key}-words"
            )
            looks = st.toggle(
                t("Look for text in the images"), value=True, key=f"{key}-pixels",
                help=t("Without it, all ultrasound and secondary capture stays here."),
            )  # fmt: skip
        with right:
            private = st.text_area(
                t("Private numbers that may stay, one per line"), key=f"{key}-private", height=92,
                placeholder="CREATOR|0019|0c", max_chars=4_000,
                help=t("Creator, group and element of an attribute that is known to be harmless."),
            )  # fmt: skip
            loci = ""
            if len(work.case.variants) > _MANY_VARIANTS:
                loci = st.text_area(
                    t("Variants that may stay, by their ids"), key=f"{key}-loci", height=92,
                    max_chars=20_000,
                    help=t("More than 100 variants identify a person by themselves."),
                )  # fmt: skip
        safe = _private(private)
    if safe is None:
        words = say("A line is no private number. Write CREATOR|group|element, hexadecimal.")
        error_state(Words(say("Private numbers"), words))
        return None
    return Options(
        dates=dates or Dates.REMOVE,
        keeps_characteristics=keeps_patient,
        keeps_descriptions=keeps_words,
        safe_private=safe,
        burned_in=BurnedIn.APPROVE if looks else BurnedIn.NONE,
        loci=frozenset(loci.split()),
    )


def _private(text: str) -> tuple[SafePrivate, ...] | None:
    try:
        return deidentifying.private_of(text)
    except ValueError:
        return None


def _offer_to_look(work: CaseWork, options: Options) -> None:
    if work.leaving.preview is not None:
        words = t("The options have changed since you looked. Look again.")
        show(element("p", words, cls="co-muted", role="status"))
    if st.button(t("See what would change"), type="primary", key="deid-look"):
        try:
            deidentifying.look(work, options)
        except StoreError as error:
            error_state(messages.of_error(error))
            return
        st.rerun()


def _preview(work: CaseWork) -> None:
    preview = work.leaving.preview
    assert preview is not None  # asked before
    st.subheader(t("What would change"))
    show(_table(work, preview.case, t("Every file and what would become of it"), "deid-preview"))
    notes = [file for file in preview.case.files if file.name in preview.texts]
    if notes:
        st.subheader(t("Notes: read them"))
        words = t(
            "What is struck through goes; what stands framed after it is put in its place. The "
            "search misses some: look for names, dates and places that are not struck through."
        )
        show(element("p", words, cls="co-muted"))
        for file in notes:
            show(_note(file, preview.texts[file.name]))


def _note(file: CleanFile, text: str) -> Markup:
    """Return a note with what goes and what comes instead, each marked by more than a colour."""
    pieces: list[str] = []
    start = 0
    for span in file.spans:
        pieces += [
            text[start : span.start],
            element("del", text[span.start : span.end], cls="co-gone"),
            element("ins", span.replacement, cls="co-put"),
        ]
        start = span.end
    pieces.append(text[start:])
    return element("div", *pieces, cls="co-note-text", data_testid="deid-note", data_name=file.name)


def _images(work: CaseWork) -> None:
    leaving = work.leaving
    assert leaving.preview is not None  # asked before
    if leaving.preview.found_text:
        st.subheader(t("Images: look at them"))
        deidentify_images.panel(work, leaving.preview.found_text)


def _export(work: CaseWork) -> None:
    leaving = work.leaving
    st.subheader(t("The case that may leave"))
    unseen = deidentifying.unseen(leaving)
    if unseen:
        count = len(unseen)
        words = (
            t("1 image stays here, because nobody has approved it.")
            if count == 1
            else t("{n} images stay here, because nobody has approved them.", n=count)
        )
        show(element("p", words, cls="co-note caution", data_testid="deid-unseen", role="status"))
    signature = deidentifying.signature(leaving)
    key = f"deid-read-{work.case.digest[:16]}-{signature}"
    st.checkbox(
        t("I have read the notes and looked at the images"), value=leaving.read == signature,
        key=key, on_change=_keep_read, args=(work, signature, key),
    )  # fmt: skip
    is_read = leaving.read == signature
    if not deidentifying.is_current(leaving):
        st.button(
            t("De-identify the case"), type="primary", key="deid-make", disabled=not is_read,
            on_click=_make, args=(work,),
        )  # fmt: skip
        return
    assert leaving.made is not None  # it is current
    show(_table(work, leaving.made, t("Every file and what became of it"), "deid-made"))
    if is_read:
        exporting.button(
            t("Download the zip"), leaving.packed, work, what="zip", mime="application/zip",
            file_name=deidentifying.download_name(leaving), key="deid-zip", is_primary=True,
            action=Action.DEIDENTIFY, is_disabled=not leaving.made.files,
        )  # fmt: skip
    words = t(
        "The zip holds the files under neutral names and report.json, which counts what was done "
        "and quotes nothing. Whoever holds the same image or the same values can still "
        "recognise the patient."
    )
    show(element("p", words, cls="co-muted"))


def _keep_read(work: CaseWork, signature: str, key: str) -> None:
    work.leaving.read = signature if state.entered(key) else ""


def _make(work: CaseWork) -> None:
    try:
        deidentifying.make(work)
    except (StoreError, ConfigError) as error:
        state.session().told = ours(error.words)


def _table(work: CaseWork, case: DeidentifiedCase, caption: str, testid: str) -> Markup:
    columns = [t(column) for column in _COLUMNS]
    head = element("tr", *(element("th", h, scope="col")
                           for h in (t("File"), t("Becomes"), *columns)))  # fmt: skip
    rows: dict[int, list[Markup]] = {}
    for file in case.files:
        rows.setdefault(file.number, []).append(_row(work, file))
    for left in deidentifying.stays_for(case.left_out, work.leaving):
        rows.setdefault(left.number, []).append(_left_row(work, left))
    for number in _approved_since(work, case):
        rows.setdefault(number, []).append(_approved_row(work, number))
    body = element("tbody", *(row for number in sorted(rows) for row in rows[number]))
    drawn = element(
        "table", element("caption", caption, cls="co-hidden"), element("thead", head), body,
        cls="co-table co-deid", data_testid=testid,
    )  # fmt: skip
    pseudonym = t("The patient becomes {pseudonym}.", pseudonym=case.pseudonym)
    return join(drawn, element("p", pseudonym, cls="co-muted"))


def _row(work: CaseWork, file: CleanFile) -> Markup:
    known = {kind for kinds in _COLUMNS.values() for kind in kinds}
    cells = []
    for column, kinds in _COLUMNS.items():
        told = [
            t(filled(words, n=file.changes[k])) for k, words in kinds.items() if file.changes.get(k)
        ]
        if column == "Replaced":
            told += [f"[{kind}]: {n}" for kind, n in file.changes.items() if kind not in known]
        cells.append(element("td", *[join(element("span", one), " ") for one in told]))
    badge = element("span", file.name, cls="co-badge good")
    return element("tr", _source(work, file.number), element("td", badge), *cells,
                   data_verdict="leaves")  # fmt: skip


def _left_row(work: CaseWork, left: LeftOut) -> Markup:
    badge = element("span", t("Stays here"), cls="co-badge withheld")
    why = element("small", ours(sentence(left.detail)), " ", element("code", str(left.reason)))
    return element("tr", _source(work, left.number), element("td", badge),
                   element("td", why, colspan=len(_COLUMNS)), data_verdict="stays")  # fmt: skip


def _approved_since(work: CaseWork, case: DeidentifiedCase) -> list[int]:
    now = {left.number for left in deidentifying.stays_for(case.left_out, work.leaving)}
    return [left.number for left in case.left_out if left.number not in now]


def _approved_row(work: CaseWork, number: int) -> Markup:
    badge = element("span", t("Approved"), cls="co-badge good")
    words = t("Counted when the case is de-identified.")
    return element("tr", _source(work, number), element("td", badge),
                   element("td", element("small", words), colspan=len(_COLUMNS)),
                   data_verdict="approved")  # fmt: skip


def _source(work: CaseWork, number: int) -> Markup:
    return element("th", deidentifying.source_name(work, number), scope="row")
