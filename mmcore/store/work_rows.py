"""Rows of the list of work: filtered, sorted and counted by the database, a page at a time."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)

from mmcore.store.database import Database
from mmcore.store.records import LOCAL, CaseState, EventKind
from mmcore.store.sealing import Seal
from mmcore.store.searching import asked, indexed, token
from mmcore.store.tables import (
    accounts,
    audit,
    cases,
    drafts,
    readings,
    scorings,
    search_tokens,
    signatures,
    worklist,
)
from mmcore.store.work_records import (
    FLAGGED,
    NOBODY,
    CaseFacts,
    ScoringState,
    SortBy,
    Triage,
    WorkPage,
    WorkQuery,
    WorkRow,
    WorkStatus,
    WorkView,
)

_IN_USE = [str(state) for state in CaseState if state is not CaseState.REMOVED]
_OF_SCORING = {
    ScoringState.QUEUED: WorkStatus.QUEUED,
    ScoringState.RUNNING: WorkStatus.SCORING,
    ScoringState.FAILED: WorkStatus.FAILED,
    ScoringState.DONE: WorkStatus.SCORED,
}
_LAST = 99  # what was not scored comes after what was


def write_facts(connection: Connection, seal: Seal, digest: str, facts: CaseFacts) -> None:
    """Write what a case is about, anew or again; who reads it and how urgently stays."""
    shown = {
        "name": facts.name,
        "patient_id": facts.patient_id,
        "accession": facts.accession,
        "birth_date": facts.birth_date,
    }
    values = {
        "identity": seal.seal_json(shown, where=_where(digest)),
        "person_token": seal.fingerprint(facts.person, of="person").hex()[:32]
        if facts.person
        else None,
        "study_at": facts.study_at,
        "dicom_modality": facts.dicom_modality[:16],
        "body_part": facts.body_part[:64],
    }
    known = update(worklist).where(worklist.c.case_digest == digest).values(**values)
    if connection.execute(known).rowcount == 0:
        connection.execute(
            insert(worklist).values(case_digest=digest, is_urgent=False, assigned_to="", **values)
        )
    words = indexed((facts.name, facts.patient_id, facts.accession))
    connection.execute(delete(search_tokens).where(search_tokens.c.case_digest == digest))
    if words:
        connection.execute(
            insert(search_tokens),
            [{"token": t, "case_digest": digest} for t in sorted({token(seal, w) for w in words})],
        )


class WorkRows:
    """The list of work of one store."""

    def __init__(self, database: Database, seal: Seal, tell: Callable[..., None]) -> None:
        """Work inside the store's own database. tell: writes what happens into the journal."""
        self._database, self._seal, self._tell = database, seal, tell

    @property
    def sorts_by_name(self) -> bool:
        """Whether the list can be sorted by names: the database can not look into sealed ones."""
        return not self._seal.has_key

    def describe(self, digest: str, facts: CaseFacts) -> None:
        """Write down what a stored case is about; nothing for one that is gone."""
        with self._database.writing(alone=True) as connection:
            if connection.scalar(select(exists().where(cases.c.digest == digest))):
                write_facts(connection, self._seal, digest, facts)

    def describe_by_label(self) -> int:
        """Describe cases stored by a version without a list of work, by what it kept of them."""
        with self._database.writing(alone=True) as connection:
            known = select(worklist.c.case_digest)
            rows = connection.execute(
                select(cases.c.digest, cases.c.person).where(cases.c.digest.not_in(known))
            ).all()
            for row in rows:
                name = self._seal.open_json(row.person, where=f"person {row.digest}")
                write_facts(connection, self._seal, row.digest, CaseFacts(name=name))
        return len(rows)

    def page(self, query: WorkQuery, view: WorkView) -> WorkPage:
        """Return one page of the list, and how many cases match.

        Raises ``ValueError`` for an order by name where ``sorts_by_name`` is not so.
        """
        status = _status(view)
        wanted = self._wanted(query)
        with self._database.reading() as connection:
            if query.like:
                person = connection.scalar(
                    select(worklist.c.person_token).where(worklist.c.case_digest == query.like)
                )
                wanted.append(
                    worklist.c.person_token == person
                    if person is not None
                    else cases.c.digest == query.like
                )
            counted = select(status.label("status"), func.count().label("n"))
            found = connection.execute(_from(counted, view).where(*wanted).group_by("status"))
            counts = {WorkStatus(row.status): row.n for row in found}
            by_status = status.in_([str(s) for s in query.statuses]) if query.statuses else true()
            rows = connection.execute(
                _from(_columns(status, view), view)
                .where(*wanted, by_status)
                .order_by(*self._order(query, status), cases.c.digest)
                .offset(query.offset)
                .limit(query.most)
            ).all()
            priors = _priors(connection, rows)
        total = sum(n for s, n in counts.items() if not query.statuses or s in query.statuses)
        listed = tuple(self._row(row, priors[row.digest]) for row in rows)
        return WorkPage(listed, total, counts)

    def modalities(self) -> tuple[str, ...]:
        """Return the DICOM modalities that occur in the list."""
        wanted = select(worklist.c.dicom_modality).distinct().order_by(worklist.c.dicom_modality)
        with self._database.reading() as connection:
            return tuple(filter(None, connection.scalars(wanted)))

    def assign(self, digests: Sequence[str], to: str, *, by: str = LOCAL) -> int:
        """Let a reader read these cases; "" takes them from everybody. Return how many changed."""
        changed = worklist.c.assigned_to != to
        return self._change(digests, changed, EventKind.ASSIGNED, by, to, assigned_to=to)

    def mark_urgent(self, digests: Sequence[str], is_urgent: bool, *, by: str = LOCAL) -> int:
        """Mark cases as urgent, or no longer; return how many changed."""
        changed = worklist.c.is_urgent != is_urgent
        words = "urgent" if is_urgent else "not urgent"
        return self._change(digests, changed, EventKind.URGENCY, by, words, is_urgent=is_urgent)

    def note_shown(self, shown: Mapping[str, str], *, reader: str = LOCAL) -> int:
        """Note that something of an answer was shown in the list, unless the journal knows.

        shown: name of the model by case. From then on no reading of the case is blind. Return how
        many were new.
        """
        known = select(audit.c.case_digest).where(
            audit.c.case_digest.in_(shown),
            audit.c.actor == reader,
            audit.c.kind.in_([str(EventKind.SHOWN), str(EventKind.REVEALED)]),
        )
        with self._database.reading() as connection:  # almost always nothing is new
            new = sorted({*shown} - {*connection.scalars(known)})
        if new:
            with self._database.writing(alone=True) as connection:
                for digest in new:
                    self._tell(
                        connection, EventKind.SHOWN, digest, pack_name=shown[digest],
                        reader=reader, detail="worklist",
                    )  # fmt: skip
        return len(new)

    def _change(
        self,
        digests: Sequence[str],
        is_other: ColumnElement[bool],
        kind: EventKind,
        by: str,
        detail: str,
        **values: Any,
    ) -> int:
        chosen = and_(worklist.c.case_digest.in_(digests), is_other)
        with self._database.writing(alone=True) as connection:
            changing = connection.scalars(select(worklist.c.case_digest).where(chosen)).all()
            connection.execute(update(worklist).where(chosen).values(**values))
            for digest in sorted(changing):
                self._tell(connection, kind, digest, reader=by, detail=detail)
        return len(changing)

    def _wanted(self, query: WorkQuery) -> list[ColumnElement[bool]]:
        wanted: list[ColumnElement[bool]] = [cases.c.state.in_(_IN_USE)]
        for word in asked(query.words):
            having = select(search_tokens.c.case_digest).where(
                search_tokens.c.token.in_(self._tokens(word))
            )
            wanted.append(cases.c.digest.in_(having))
        if query.words.strip() and not asked(query.words):
            wanted.append(literal(False))
        if query.modalities:
            wanted.append(worklist.c.dicom_modality.in_(sorted(query.modalities)))
        if query.assigned_to:
            of = "" if query.assigned_to == NOBODY else query.assigned_to
            wanted.append(worklist.c.assigned_to == of)
        if query.is_urgent:
            wanted.append(worklist.c.is_urgent)
        if query.since is not None:
            wanted.append(cases.c.created_at >= query.since)
        return wanted

    def _order(self, query: WorkQuery, status: ColumnElement[str]) -> list[ColumnElement[Any]]:
        if query.sort is not SortBy.NAME:
            return _order(query, status)
        if not self.sorts_by_name:
            raise ValueError("names are sealed, so nothing is sorted by them")
        if self._database.is_sqlite:
            stated = func.json_extract(worklist.c.identity, "$.name")
        else:
            stated = func.json_extract_path_text(cast(worklist.c.identity, JSON), "name")
        name = func.lower(stated)
        chosen = name.desc() if query.is_descending else name.asc()
        return [name == "", chosen, cases.c.created_at]  # who is not named comes last

    def _tokens(self, word: str) -> list[int]:
        """Return the fingerprints of a word, also that of cases kept before there was a key."""
        return sorted({token(seal, word) for seal in (self._seal, Seal(None))})

    def _row(self, row: Any, priors: int) -> WorkRow:
        shown = self._seal.open_json(row.identity, where=_where(row.digest))
        summary = (
            self._seal.open_json(row.summary, where=where_summary(row.digest, row.pack_digest))
            if row.summary is not None
            else {}
        )
        facts = CaseFacts(
            **shown,
            study_at=row.study_at,
            dicom_modality=row.dicom_modality,
            body_part=row.body_part,
        )
        triage = (
            Triage(row.attention, row.likelihood, **summary["triage"])
            if row.attention is not None
            else None
        )
        return WorkRow(
            digest=row.digest,
            label=self._seal.open_json(row.label, where=f"label {row.digest}"),
            pack_name=row.pack_name or "",
            facts=facts,
            received_at=row.created_at,
            status=WorkStatus(row.status),
            is_urgent=bool(row.is_urgent),
            assigned_to=row.assigned_to,
            assigned_name=row.display or "",
            priors=priors,
            triage=triage,
            is_revealed=bool(row.is_revealed),
            failure=summary.get("failure"),
        )


def _from(chosen: Any, view: WorkView) -> Any:
    """Join to cases what the list says of them."""
    default = literal(view.packs.get(view.default_pack, ""))
    names = [(cases.c.pack_name == name, digest) for name, digest in view.packs.items()]
    of_pack = case(*names, else_=default) if names else default
    joined = (
        cases.join(worklist, worklist.c.case_digest == cases.c.digest)
        .outerjoin(
            scorings,
            and_(scorings.c.case_digest == cases.c.digest, scorings.c.pack_digest == of_pack),
        )
        .outerjoin(accounts, accounts.c.id == worklist.c.assigned_to)
    )
    return chosen.select_from(joined)


def _columns(status: ColumnElement[str], view: WorkView) -> Select[Any]:
    of_pack = func.coalesce(cases.c.pack_name, view.default_pack)
    is_revealed = exists().where(
        readings.c.case_digest == cases.c.digest,
        readings.c.pack_name == of_pack,
        readings.c.reader == view.reader,
        readings.c.revealed_at.is_not(None),
    )
    return select(
        cases.c.digest, cases.c.label, of_pack.label("pack_name"), cases.c.created_at,
        worklist.c.identity, worklist.c.person_token, worklist.c.study_at,
        worklist.c.dicom_modality, worklist.c.body_part, worklist.c.is_urgent,
        worklist.c.assigned_to, accounts.c.display,
        scorings.c.pack_digest, scorings.c.attention, scorings.c.likelihood, scorings.c.summary,
        status.label("status"), is_revealed.label("is_revealed"),
    )  # fmt: skip


def _status(view: WorkView) -> ColumnElement[str]:
    """Return how far a case is: worked out when it is asked, so that it is never out of date."""
    begun = exists().where(drafts.c.case_digest == cases.c.digest, drafts.c.begun > 0)
    recorded = exists().where(readings.c.case_digest == cases.c.digest)
    of_scoring = (
        (scorings.c.state == str(state), literal(str(status)))
        for state, status in _OF_SCORING.items()
    )
    signed = exists().where(signatures.c.case_digest == cases.c.digest)
    return case(
        (signed, literal(str(WorkStatus.SIGNED))),
        (or_(begun, recorded), literal(str(WorkStatus.READING))),
        *of_scoring,
        else_=literal(str(WorkStatus.NEW)),
    )


def _order(query: WorkQuery, status: ColumnElement[str]) -> list[ColumnElement[Any]]:
    urgent = worklist.c.is_urgent.desc()
    if query.sort is SortBy.PRIORITY:
        return [urgent, cases.c.created_at]
    if query.sort is SortBy.FLAGGED:
        is_flagged = func.coalesce(scorings.c.attention, _LAST) == FLAGGED
        return [urgent, is_flagged.desc(), cases.c.created_at]
    if query.sort is SortBy.TRIAGE:
        likelihood = func.coalesce(scorings.c.likelihood, -1.0)
        attention = func.coalesce(scorings.c.attention, _LAST)
        return [urgent, attention, likelihood.desc(), cases.c.created_at]
    place = case(*((status == str(s), n) for n, s in enumerate(WorkStatus)), else_=_LAST)
    by: dict[SortBy, ColumnElement[Any]] = {
        SortBy.RECEIVED: cases.c.created_at,
        SortBy.STUDY: func.coalesce(worklist.c.study_at, cases.c.created_at),
        SortBy.STATUS: place,
        SortBy.MODALITY: worklist.c.dicom_modality,
        SortBy.READER: func.coalesce(accounts.c.display, worklist.c.assigned_to),
    }
    chosen = by[query.sort]
    return [chosen.desc() if query.is_descending else chosen.asc(), cases.c.created_at]


def _priors(connection: Connection, rows: Sequence[Any]) -> Counter[str]:
    """Return by case how many earlier studies of the same patient there are.

    Cases of one time are one study, however often it was received.
    """
    people = {row.person_token for row in rows if row.person_token is not None}
    found: Counter[str] = Counter()
    if not people:
        return found
    when = func.coalesce(worklist.c.study_at, cases.c.created_at).label("at")
    others = connection.execute(
        select(worklist.c.person_token, cases.c.digest, when)
        .join(cases, cases.c.digest == worklist.c.case_digest)
        .where(worklist.c.person_token.in_(people), cases.c.state.in_(_IN_USE))
    ).all()
    at = {other.digest: other.at for other in others}
    for row in rows:
        if row.person_token is not None:
            earlier = {
                other.at
                for other in others
                if other.person_token == row.person_token and other.at < at[row.digest]
            }
            found[row.digest] = len(earlier)
    return found


def where_summary(case_digest: str, pack_digest: str) -> str:
    """Return the place that a scoring's summary is sealed for."""
    return f"scoring {case_digest} {pack_digest}"


def _where(digest: str) -> str:
    return f"worklist {digest}"
