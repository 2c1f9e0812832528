"""The list of work between page and store: what is asked for, what may be shown, what is done.

No more of a model's answer leaves here than its reader may see: where the case is read first, it is
named only after it was revealed, and before that shown as the site has set (decision 0032).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dashboard import keeping, people, resuming, services, site, state, worklist_scoring
from dashboard.attention import Attention
from dashboard.language import say, word
from mmcore.errors import StoreError
from mmcore.language import from_plain
from mmcore.people import LOCAL_READER, Action
from mmcore.records import GateVerdict, ReadingMode
from mmcore.store import Store
from mmcore.store.work_records import (
    FLAGGED,
    ScoringState,
    SortBy,
    WorkPage,
    WorkQuery,
    WorkRow,
    WorkStatus,
    WorkView,
)

PAGE_ROWS = 50
_AT_ONCE = 500
PREFERENCE = "worklist"
"""What a reader asked for last, for their next day; no words, which may name a patient."""

_NOW, _OPENED, _SEEN = "worklist now", "worklist opened", "worklist seen"  # in this tab alone
TO_READ = "to read"
"""A choice of status: everything that is not signed."""

STATUS_WORDS = {
    WorkStatus.NEW: say("New"),
    WorkStatus.QUEUED: say("Waiting to be scored"),
    WorkStatus.SCORING: say("Being scored"),
    WorkStatus.FAILED: say("Not scored"),
    WorkStatus.SCORED: say("Scored"),
    WorkStatus.READING: say("Being read"),
    WorkStatus.SIGNED: say("Signed"),
}
SORT_WORDS = {
    SortBy.PRIORITY: say("Urgent first, then who waits longest"),
    SortBy.FLAGGED: say("Urgent first, then flagged"),
    SortBy.TRIAGE: say("Urgent first, then as the model suggests"),
    SortBy.RECEIVED: say("By arrival"),
    SortBy.STUDY: say("By date of the study"),
    SortBy.NAME: say("By name"),
    SortBy.STATUS: say("By status"),
    SortBy.MODALITY: say("By modality"),
    SortBy.READER: say("By reader"),
}
SINCE = {"": 0, "day": 1, "week": 7, "month": 31}
"""Days of each choice of arrival; 0 for any."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for on the page. like: a case whose patient's cases alone are listed.

    status: one of ``WorkStatus``, ``TO_READ`` or "" for any. since: one of ``SINCE``.
    """

    words: str = ""
    status: str = TO_READ
    modality: str = ""
    assigned_to: str = ""
    is_urgent: bool = False
    since: str = ""
    like: str = ""
    sort: SortBy = SortBy.PRIORITY
    is_descending: bool = False
    page: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """What may be shown of a row's answer: in words, as a flag, or nothing. tone: of a badge."""

    words: str = ""
    verdict: str = ""
    tone: str = ""
    is_flag: bool = False


def names_findings() -> bool:
    """Return whether readers of this site see answers at once."""
    return site.reading_mode() is ReadingMode.CONCURRENT


def names_are_sealed() -> bool:
    """Return whether names are encrypted, so that no list can be sorted by them."""
    store = keeping.store()
    return store is None or not store.work.sorts_by_name


def sorts() -> tuple[SortBy, ...]:
    """Return the orders that this site offers: one by the model's answer only where it may.

    Nor by name where names are encrypted.
    """
    hidden = {SortBy.FLAGGED, SortBy.TRIAGE}
    if names_are_sealed():
        hidden.add(SortBy.NAME)
    if names_findings() or site.triage() is site.Triage.ORDER:
        hidden.discard(SortBy.TRIAGE)
    if not names_findings() and site.triage() is site.Triage.FLAG:
        hidden.discard(SortBy.FLAGGED)
    return tuple(sort for sort in SortBy if sort not in hidden)


def shown_of(row: WorkRow) -> Shown:
    """Return what may be shown of a model's answer in a row of the list."""
    triage = row.triage
    if triage is None:
        return Shown()
    if names_findings() or row.is_revealed:
        return _named(triage.attention, word(triage.display), triage.verdict)
    is_flag = site.triage() is site.Triage.FLAG and triage.attention == FLAGGED
    return Shown(is_flag=is_flag)


def _named(attention: int, display: str, verdict: str) -> Shown:
    if attention == Attention.WITHHELD:
        return Shown(say("Withheld"), tone="caution")
    is_doubtful = verdict == GateVerdict.CAUTION
    trust = say("with caution") if is_doubtful else ""
    if attention == Attention.PRESENT:
        return Shown(display, trust, "caution" if is_doubtful else "present")
    if attention == Attention.BORDERLINE:
        return Shown(say("{finding}: borderline", finding=display), trust, "caution")
    return Shown(say("Nothing called"), trust, "")


def view() -> WorkView:
    """Return who looks at the list, and which models there are."""
    packs = services.packs()
    return WorkView(
        worklist_scoring.digests(packs), packs[0].name if packs else "", people.reader()
    )


def query_of(asked: Asked) -> WorkQuery:
    """Return what the store is asked, never by an order that this site does not offer."""
    statuses: frozenset[WorkStatus] = frozenset()
    if asked.status == TO_READ:
        statuses = frozenset(set(WorkStatus) - {WorkStatus.SIGNED})
    elif asked.status:
        statuses = frozenset({WorkStatus(asked.status)})
    days = SINCE.get(asked.since, 0)
    return WorkQuery(
        words=asked.words,
        statuses=statuses,
        modalities=frozenset({asked.modality} if asked.modality else ()),
        assigned_to=asked.assigned_to,
        is_urgent=asked.is_urgent,
        since=datetime.now(UTC) - timedelta(days=days) if days else None,
        like=asked.like,
        sort=asked.sort if asked.sort in sorts() else SortBy.PRIORITY,
        is_descending=asked.is_descending,
        offset=asked.page * PAGE_ROWS,
        most=PAGE_ROWS,
    )


def page_of(store: Store, asked: Asked) -> tuple[Asked, WorkPage]:
    """Return one page of the list; the last one where fewer are left than were asked for."""
    found = store.work.page(query_of(asked), view())
    last = max(found.total - 1, 0) // PAGE_ROWS
    if asked.page > last:
        asked = replace(asked, page=last)
        found = store.work.page(query_of(asked), view())
    _note_shown(store, query_of(asked).sort, found)
    return asked, found


def _note_shown(store: Store, sort: SortBy, page: WorkPage) -> None:
    """Write down whose answers are told by a row or its place: no reading of them is blind now."""
    is_ordered = sort in (SortBy.TRIAGE, SortBy.FLAGGED)
    told = {
        row.digest: row.pack_name
        for row in page.rows
        if row.triage is not None
        and not row.is_revealed
        and (is_ordered or names_findings() or site.triage() is site.Triage.FLAG)
    }
    if told:
        store.work.note_shown(told, reader=people.reader())


def asked_now() -> Asked:
    """Return what this tab asks for; at first what the reader asked for last."""
    now = state.session().preferences.get(_NOW)
    return _asked(keeping.preference(PREFERENCE) if now is None else now)


def ask(asked: Asked) -> None:
    """Ask for another part of the list from now on."""
    now = {name: getattr(asked, name) for name in Asked.__slots__}
    state.session().preferences[_NOW] = now
    kept = {name: now[name] for name in _KEPT}
    if keeping.preference(PREFERENCE) != kept:
        keeping.prefer(PREFERENCE, kept)


_KEPT = ("status", "modality", "assigned_to", "is_urgent", "since", "sort", "is_descending")


def _asked(kept: Any) -> Asked:
    """Return what was kept; what this version does not know counts nothing."""
    if not isinstance(kept, dict):
        return Asked()
    known = {name: value for name, value in kept.items() if name in Asked.__slots__}
    asked = Asked(**known)
    statuses = {"", TO_READ, *map(str, WorkStatus)}
    if asked.status not in statuses or asked.since not in SINCE or asked.sort not in list(SortBy):
        return Asked()
    return replace(asked, sort=SortBy(asked.sort))


def must_redraw(drawn: Asked) -> bool:
    """Return whether the whole page is another one than was drawn for ``drawn``, not rows alone."""
    current = state.session()
    is_going = current.resuming is not None or _OPENED in current.preferences
    return is_going or bool(current.told) or asked_now() != drawn


def is_empty(store: Store) -> bool:
    """Return whether nothing is stored at all."""
    return not store.cases(most=1)


def has_nothing_yet() -> bool:
    """Return whether this tab looks at an empty list for the first time: another page has more."""
    preferences = state.session().preferences
    is_first = _SEEN not in preferences
    preferences[_SEEN] = True
    try:
        store = keeping.store() if is_first else None
        return is_first and (store is None or is_empty(store))
    except StoreError:  # which the page says
        return False


def is_scoring(store: Store) -> bool:
    """Return whether anything waits to be scored in the background."""
    counts = scoring_counts(store)
    return any(counts.get(s, 0) for s in (ScoringState.QUEUED, ScoringState.RUNNING))


def readers() -> dict[str, str]:
    """Return whom cases may be assigned to by the person at the page: name by account."""
    me = people.person()
    found = {me.id: me.display}
    if me.may(Action.ASSIGN):
        store = keeping.store()
        for account in store.people.accounts() if store is not None else ():
            somebody = people.person_of(account)
            if account.disabled_at is None and somebody.may(Action.READ):
                found[account.id] = account.display
    return found


def reader_name(row: WorkRow) -> str:
    """Return who reads a case, "" for nobody."""
    if row.assigned_to == LOCAL_READER.id:
        return say("Local reader")
    return row.assigned_name or row.assigned_to


def failure_of(row: WorkRow) -> str:
    """Return why a case could not be scored, "" if it could."""
    try:
        return from_plain(row.failure) if row.failure is not None else ""
    except ValueError:  # written by a newer version
        return say("It could not be scored.")


# --- What is done to cases


def open_case(digest: str) -> None:
    """Open a case of the list; the page goes to its review as soon as it is there."""
    current = state.session()
    before = current.active_digest
    resuming.reopen(digest)
    current.preferences[_OPENED] = [digest, before]


def has_opened() -> bool:
    """Return whether the case that was opened from the list is there now; asked once.

    It may have another digest by now, where its files are read otherwise than when it was stored.
    """
    current = state.session()
    digest, before = current.preferences.pop(_OPENED, None) or (None, None)
    now = current.active_digest
    return digest is not None and now is not None and (now == digest or now != before)


def assign(digests: Sequence[str], to: str) -> None:
    """Let somebody read cases; "" takes them from everybody. Oneself needs no more than reading."""
    people.require(Action.READ if to == people.reader() else Action.ASSIGN)
    _store().work.assign(digests, to, by=people.reader())


def mark_urgent(digests: Sequence[str], is_urgent: bool) -> None:
    """Mark cases as urgent, or no longer."""
    people.require(Action.OPEN)
    _store().work.mark_urgent(digests, is_urgent, by=people.reader())


def score(digests: Sequence[str]) -> None:
    """Let cases be scored in the background, again if that failed or was cancelled."""
    people.require(Action.OPEN)
    store, packs = _store(), services.packs()
    by_name = worklist_scoring.digests(packs)
    wanted: dict[str, list[str]] = {}
    for digest in digests:
        case = store.case(digest)
        name = case.pack_name if case is not None and case.pack_name else None
        wanted.setdefault(name or (packs[0].name if packs else ""), []).append(digest)
    for name, some in wanted.items():
        if name in by_name:
            store.scorings.ask(some, pack_name=name, pack_digest=by_name[name])
    worklist_scoring.start(packs)


def cancel_scoring() -> None:
    """Take every case out of the queue of scoring."""
    people.require(Action.OPEN)
    _store().scorings.cancel()


def not_scored(store: Store, asked: Asked) -> int:
    """Return how many of the cases that are asked for could not be scored."""
    query = _not_scored(asked, most=1)
    return store.work.page(query, view()).total if query is not None else 0


def retry_scoring(asked: Asked) -> None:
    """Score again what failed among the cases that are asked for."""
    people.require(Action.OPEN)
    store, packs, query = _store(), services.packs(), _not_scored(asked, most=_AT_ONCE)
    if query is None:
        return
    failed: list[str] = []
    while rows := store.work.page(replace(query, offset=len(failed)), view()).rows:
        failed += [row.digest for row in rows]
    by_pack = list(worklist_scoring.digests(packs).values())
    for first in range(0, len(failed), _AT_ONCE):
        store.scorings.retry(failed[first : first + _AT_ONCE], pack_digests=by_pack)
    worklist_scoring.start(packs)


def _not_scored(asked: Asked, *, most: int) -> WorkQuery | None:
    """Return what asks for the cases that were not scored; None where none of them is listed."""
    query = query_of(asked)
    if query.statuses and WorkStatus.FAILED not in query.statuses:
        return None
    status = frozenset({WorkStatus.FAILED})
    return replace(query, statuses=status, sort=SortBy.RECEIVED, offset=0, most=most)


def remove(digests: Sequence[str]) -> None:
    """Take cases off every list; each can be brought back for a while."""
    for digest in digests:
        keeping.remove(digest)


def scoring_counts(store: Store) -> dict[ScoringState, int]:
    """Return how many cases are in each state of the scoring by the installed models."""
    packs = worklist_scoring.digests(services.packs())
    return store.scorings.counts(pack_digests=list(packs.values()))


def _store() -> Store:
    found = keeping.store()
    if found is None:
        raise StoreError("nothing is stored here")
    return found
