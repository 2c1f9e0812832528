"""The list of work on the page: what is asked for, the table, what is done to chosen cases."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from dashboard import formatting, keeping, people, services, stored_words, worklist, worklist_table
from dashboard.components.stored import attempt
from dashboard.components.waiting import error_state
from dashboard.language import ours, say, t
from dashboard.markup import element, show
from dashboard.messages import Words
from dashboard.worklist import SORT_WORDS, STATUS_WORDS, TO_READ, Asked
from mmcore.errors import StoreError
from mmcore.people import Action
from mmcore.store import Store
from mmcore.store.work_records import NOBODY, ScoringState, SortBy, WorkPage, WorkRow, WorkStatus
from mmcore.wording import person_name

TABLE = "worklist-table"
_LOOK_AGAIN_SECONDS, _ROWS_SECONDS = 3.0, 15.0
_SINCE_WORDS = {
    "": say("Any time"),
    "day": say("The last day"),
    "week": say("The last week"),
    "month": say("The last month"),
}
_TONES = {WorkStatus.READING: "reading"}
_COLUMNS = (
    ("priority", say("Urgency, finding"), ""),
    ("patient", say("Patient"), SortBy.NAME),
    ("study", say("Study"), SortBy.STUDY),
    ("modality", say("Modality"), SortBy.MODALITY),
    ("status", say("Status"), SortBy.STATUS),
    ("model", say("Model"), ""),
    ("age", say("Waiting"), SortBy.RECEIVED),
    ("reader", say("Reader"), SortBy.READER),
    ("priors", say("Priors"), ""),
)


def listing(store: Store) -> None:
    """Draw the whole list: what is asked for, what is done, the table, which looks again itself."""
    before = worklist.asked_now()
    asked = filters(before, store.work.modalities())
    if asked != before:
        worklist.ask(asked)
    like_note(asked)
    is_moving = worklist.is_scoring(store)
    drawn_at = time.monotonic()

    @people.fragment(run_every=_LOOK_AGAIN_SECONDS if is_moving else None)
    def scoring() -> None:
        is_old = time.monotonic() - drawn_at > _ROWS_SECONDS
        if is_moving and (is_old or not worklist.is_scoring(store)):
            st.rerun(scope="app")  # what was scored meanwhile shows in the rows
        progress(store, asked)

    @people.fragment()
    def rows() -> None:
        if worklist.must_redraw(asked) or is_moving != worklist.is_scoring(store):
            st.rerun(scope="app")
        now, page = worklist.page_of(store, asked)
        actions(page)
        table(now, page)
        pages(now, page)

    scoring()
    rows()


def filters(asked: Asked, modalities: tuple[str, ...]) -> Asked:
    """Draw what can be asked for; return what is asked for now, its first page if it changed."""
    with st.container(key="co-worklist-filters", horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(
            t("Search"), key="worklist-words", width=280, icon=":material/search:",
            placeholder=t("Name, patient ID or accession number"),
        )  # fmt: skip
        statuses = {"": t("All"), TO_READ: t("To read")}
        statuses |= {str(s): t(words_of) for s, words_of in STATUS_WORDS.items()}
        status = _choice(t("Status"), statuses, asked.status, "status", 190)
        kinds = {"": t("Any")} | {kind: kind for kind in modalities}
        modality = _choice(t("Modality"), kinds, asked.modality, "modality", 120)
        names = {"": t("Anybody"), NOBODY: t("Nobody yet")} | _readers()
        assigned = _choice(t("Reader"), names, asked.assigned_to, "reader", 170)
        since = _choice(
            t("Received"), {k: t(v) for k, v in _SINCE_WORDS.items()}, asked.since, "since", 150
        )
        orders = {str(sort): t(SORT_WORDS[sort]) for sort in worklist.sorts()}
        why_not = t(
            "Names are encrypted here, so the list can not be sorted by them. Search finds them."
        ) if worklist.names_are_sealed() else None  # fmt: skip
        sort = _choice(t("Order"), orders, str(asked.sort), "sort", 270, why_not)
        is_urgent = st.toggle(t("Urgent only"), value=asked.is_urgent, key="worklist-urgent")
    now = replace(
        asked, words=words, status=status, modality=modality, assigned_to=assigned, since=since,
        sort=SortBy(sort), is_urgent=is_urgent,
    )  # fmt: skip
    return now if now == asked else replace(now, page=0)


def like_note(asked: Asked) -> None:
    """Draw that only the cases of one patient are listed, and a way back."""
    if not asked.like:
        return
    with st.container(key="co-worklist-like", horizontal=True, vertical_alignment="center"):
        show(element("p", t("All cases of one patient"), cls="co-muted", role="status"))
        st.button(t("Back to the list"), key="worklist-back", on_click=_ask, args=({"like": ""},))


def progress(store: Store, asked: Asked) -> None:
    """Draw how far the background scoring is, and how many of the listed cases it failed on."""
    counts = worklist.scoring_counts(store)
    waiting = counts.get(ScoringState.QUEUED, 0) + counts.get(ScoringState.RUNNING, 0)
    failed, done = counts.get(ScoringState.FAILED, 0), counts.get(ScoringState.DONE, 0)
    listed = worklist.not_scored(store, asked) if failed else 0
    if not waiting and not listed:
        return
    with st.container(key="co-worklist-scoring", horizontal=True, vertical_alignment="center"):
        if waiting:
            total = waiting + done + failed
            said = t("Scoring in the background: {n} of {all} done", n=total - waiting, all=total)
            st.progress((total - waiting) / total, text=said, width=380)
            st.button(
                t("Cancel what waits"), key="worklist-cancel", on_click=_do,
                args=(worklist.cancel_scoring,),
            )  # fmt: skip
        if listed:
            said = t("1 case was not scored") if listed == 1 else t(
                "{n} cases were not scored", n=listed
            )  # fmt: skip
            show(element("p", said, cls="co-muted", role="status", data_testid="scoring-failed"))
            st.button(
                t("Try these again"), key="worklist-retry", on_click=_do,
                args=(worklist.retry_scoring, asked),
            )  # fmt: skip


def table(asked: Asked, page: WorkPage) -> None:
    """Draw one page of the list, or why there is nothing in it."""
    if not page.rows:
        nothing = say("No case matches") if _is_asking(asked) else say("Nothing waits to be read")
        show(element("p", t(nothing), cls="co-muted", role="status", data_testid="worklist-empty"))
    worklist_table.show(_message(asked, page), _EVENTS, key=TABLE)


def pages(asked: Asked, page: WorkPage) -> None:
    """Draw which part of the list this is, and the ways to the others."""
    if not page.total:
        return
    first = asked.page * worklist.PAGE_ROWS + 1
    last = first + len(page.rows) - 1
    with st.container(key="co-worklist-pages", horizontal=True, vertical_alignment="center"):
        said = t("{first} to {last} of {all}", first=first, last=last, all=f"{page.total:,}")
        show(element("p", said, cls="co-muted", data_testid="worklist-place", role="status"))
        st.button(
            t("Previous page"), key="worklist-before", disabled=asked.page == 0, on_click=_turn,
            args=("before",),
        )  # fmt: skip
        st.button(
            t("Next page"), key="worklist-after", disabled=last >= page.total, on_click=_turn,
            args=("after",),
        )  # fmt: skip


def actions(page: WorkPage) -> None:
    """Draw what can be done to the cases that are chosen in the table."""
    here = {row.digest for row in page.rows}
    chosen = tuple(digest for digest in worklist_table.chosen(TABLE) if digest in here)
    if not chosen:
        show(element("p", t("Choose cases to assign, mark, score or remove them."),
                     cls="co-muted co-worklist-none"))  # fmt: skip
        return
    with st.container(key="co-worklist-actions", horizontal=True, vertical_alignment="bottom"):
        said = t("1 case chosen") if len(chosen) == 1 else t("{n} cases chosen", n=len(chosen))
        show(element("p", said, cls="co-chosen", role="status", data_testid="worklist-chosen"))
        names = {"": t("Nobody")} | _readers()
        to = st.selectbox(
            t("Assign to"), list(names), format_func=names.__getitem__, key="worklist-assign-to",
            index=1 if len(names) > 1 else 0, width=190,
        )  # fmt: skip
        _act(t("Assign"), "assign", worklist.assign, chosen, to)
        _act(t("Mark urgent"), "mark-urgent", worklist.mark_urgent, chosen, True)
        _act(t("Not urgent"), "not-urgent", worklist.mark_urgent, chosen, False)
        _act(t("Score"), "score", worklist.score, chosen)
        if people.may(Action.REMOVE):
            with st.popover(t("Remove"), key="worklist-remove"):
                st.write(
                    t(
                        "Removed cases are off every list and can be brought back on the Cases "
                        "page for {n} minutes; then their files and readings are deleted.",
                        n=keeping.UNDO_MINUTES,
                    )
                )
                _act(t("Remove {n} now", n=len(chosen)), "remove-now", worklist.remove, chosen)


def broken(error: StoreError) -> None:
    """Draw why the list can not be read."""
    why = stored_words.of_store_error(error)
    error_state(Words(say("The list can not be read just now"), why))


def _message(asked: Asked, page: WorkPage) -> dict[str, Any]:
    now = datetime.now(UTC)
    rows = [_row(row, now) for row in page.rows]
    flagging = any(row["priority"]["flag"] for row in rows)
    offered = worklist.sorts()
    return {
        "words": (_flag_words() if flagging else {})
        | {
            "caption": t("Cases to be read"),
            "urgent": t("Urgent"),
            "all": t("Choose all cases of this page"),
            "choose": t("Choose {name}", name="{name}"),
            "priorsOf": t("Earlier cases of {name}", name="{name}"),
            "keys": t(
                "Arrow keys move · Enter opens · Space chooses · P lists the patient's cases · "
                "Page Up and Page Down turn pages"
            ),
        },
        "columns": [
            {"id": name, "label": t(label), "sort": str(sort) if sort in offered else ""}
            for name, label, sort in _COLUMNS
        ],
        "sort": {"by": str(asked.sort), "down": asked.is_descending},
        "rows": rows,
        "total": page.total,
    }


def _flag_words() -> dict[str, str]:
    return {
        "flag": t("▲ look sooner"),
        "flagTip": t(
            "The model calls something present. Knowing this before you read may bias your "
            "reading; your site has chosen to show it."
        ),
    }


def _row(row: WorkRow, now: datetime) -> dict[str, Any]:
    facts, shown = row.facts, worklist.shown_of(row)
    name = person_name(facts.name) or facts.patient_id or t("Patient without a name")
    born = t("born {date}", date=facts.birth_date) if facts.birth_date else ""
    more = " · ".join(part for part in (facts.patient_id, born) if part and part != name)
    failure = worklist.failure_of(row)
    return {
        "id": row.digest,
        "urgent": row.is_urgent,
        "priority": {"text": t(shown.words) if shown.words else "", "tone": shown.tone,
                     "more": t(shown.verdict) if shown.verdict else "", "flag": shown.is_flag},
        "patient": {"text": name, "more": more or t(stored_words.label_of(row.label))},
        "study": {"text": formatting.clock(facts.study_at), "more": facts.accession,
                  "tone": "nowrap"},
        "modality": {"text": facts.dicom_modality or t("no image"), "more": facts.body_part},
        "status": {"text": t(STATUS_WORDS[row.status]),
                   "tone": _TONES.get(row.status, str(row.status)),
                   "more": t(failure) if failure else ""},
        "model": {"text": row.pack_name, "more": _simulated(row.pack_name), "tone": "nowrap"},
        "age": {"text": _age(row.received_at, now), "tone": "nowrap"},
        "reader": {"text": ours(worklist.reader_name(row))},
        "priors": {"text": str(row.priors) if row.priors else ""},
    }  # fmt: skip


def _simulated(pack_name: str) -> str:
    """Return the mark of a model that learned from simulated patients alone, else ""."""
    found = next((pack for pack in services.packs() if pack.name == pack_name), None)
    return t("simulated patients") if found is not None and found.is_simulated else ""


def _age(since: datetime, now: datetime) -> str:
    """Return how long a case has been here, in the unit that matters."""
    minutes = max(int((now - since).total_seconds() // 60), 0)
    if minutes < 60:
        return t("{n} min", n=minutes)
    if minutes < 60 * 48:
        return t("{n} h", n=minutes // 60)
    return t("{n} days", n=minutes // (60 * 24))


def _choice(
    label: str, names: dict[str, str], now: str, key: str, width: int, about: str | None = None
) -> str:
    if now not in names:
        names = names | {now: now}
    return st.selectbox(
        label, list(names), index=list(names).index(now), format_func=names.__getitem__,
        key=f"worklist-{key}-{now}", width=width, help=about,
    )  # fmt: skip


def _readers() -> dict[str, str]:
    return {account: ours(name) for account, name in worklist.readers().items()}


def _is_asking(asked: Asked) -> bool:
    return asked != Asked(sort=asked.sort, is_descending=asked.is_descending)


def _ask(changes: dict[str, Any]) -> None:
    worklist.ask(replace(worklist.asked_now(), **{"page": 0, **changes}))


def _turn(way: str) -> None:
    now = worklist.asked_now()
    step = {"before": -1, "after": 1}.get(way, 0)
    _ask({"page": max(now.page + step, 0)})


def _sort(by: str) -> None:
    now = worklist.asked_now()
    if by in map(str, worklist.sorts()):
        _ask({"sort": SortBy(by), "is_descending": now.sort == by and not now.is_descending})


def _open(digest: str) -> None:
    attempt(worklist.open_case, digest)


_EVENTS = {
    "open": _open,
    "priors": lambda digest: _ask({"like": digest, "words": "", "status": ""}),
    "sort": _sort,
    "turn": _turn,
}


def _act(label: str, key: str, action: Any, chosen: tuple[str, ...], *given: Any) -> None:
    st.button(label, key=f"worklist-{key}", on_click=_do, args=(action, chosen, *given))


def _do(action: Any, *given: Any) -> None:
    attempt(lambda one: action(*one), given)
