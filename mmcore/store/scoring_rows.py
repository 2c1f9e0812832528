"""The queue of background scoring: one row per case and model, so that each is scored once.

A worker holds a job as long as it gives signs of life. A job whose worker fell silent is taken
again; what the silent one may still bring is refused. After ``MOST_ATTEMPTS`` it has failed: what
ends the process each time must not end it for ever.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select, update

from mmcore.language import say, to_plain
from mmcore.store.database import Database
from mmcore.store.records import CaseState
from mmcore.store.sealing import Seal
from mmcore.store.tables import cases, scorings, worklist
from mmcore.store.work_records import ScoringJob, ScoringState, Triage
from mmcore.store.work_rows import where_summary

SILENT = timedelta(seconds=30)
"""A worker that gave no sign of life for so long is taken for dead."""

MOST_ATTEMPTS = 3
_AGAIN = frozenset({str(ScoringState.FAILED), str(ScoringState.CANCELLED)})
_WAITING = (ScoringState.QUEUED, ScoringState.RUNNING)


class ScoringRows:
    """The queue of one store. May be used by any number of workers and processes at once."""

    def __init__(self, database: Database, seal: Seal, clock: Callable[[], datetime]) -> None:
        self._database, self._seal, self._clock = database, seal, clock

    def ask(self, digests: Collection[str], *, pack_name: str, pack_digest: str) -> int:
        """Queue cases for a model; return how many were added.

        A case that is queued, running or scored by it already stays as it is; one that failed or
        was cancelled is tried again.
        """
        now, added = self._clock(), 0
        with self._database.writing(alone=True) as connection:
            rows = connection.execute(
                select(scorings.c.case_digest, scorings.c.state).where(
                    scorings.c.pack_digest == pack_digest, scorings.c.case_digest.in_(digests)
                )
            )
            known = {row.case_digest: str(row.state) for row in rows}
            stored = set(connection.scalars(select(cases.c.digest).where(_is_there(digests))))
            fresh = [digest for digest in digests if digest in stored and digest not in known]
            if fresh:
                values = {"pack_name": pack_name, "pack_digest": pack_digest, **_queued(now)}
                connection.execute(
                    insert(scorings), [{"case_digest": digest, **values} for digest in fresh]
                )
                added += len(fresh)
            again = [digest for digest in digests if known.get(digest, "") in _AGAIN]
            added += self._again(connection, again, pack_digest, now)
        return added

    def retry(self, digests: Collection[str], *, pack_digests: Collection[str]) -> int:
        """Queue those of these cases again that failed; return how many."""
        failed = (
            scorings.c.case_digest.in_(digests),
            scorings.c.pack_digest.in_(pack_digests),
            scorings.c.state == str(ScoringState.FAILED),
        )
        with self._database.writing(alone=True) as connection:
            changed = update(scorings).where(*failed).values(**_queued(self._clock()))
            return connection.execute(changed).rowcount

    def cancel(self, digests: Collection[str] | None = None) -> int:
        """Take cases, or all, out of the queue; what a worker brings of them is refused."""
        waiting: list[ColumnElement[bool]] = [scorings.c.state.in_(map(str, _WAITING))]
        if digests is not None:
            waiting.append(scorings.c.case_digest.in_(digests))
        values = {"state": str(ScoringState.CANCELLED), "worker": None}
        with self._database.writing() as connection:
            changed = update(scorings).where(*waiting)
            return connection.execute(changed.values(**values)).rowcount

    def take(self, worker: str, *, pack_digests: Mapping[str, str]) -> ScoringJob | None:
        """Take the next case, urgent ones first, then the longest waiting; None if none waits.

        pack_digests: name of each model that this worker has, by its digest.
        """
        now = self._clock()
        silent = and_(
            scorings.c.state == str(ScoringState.RUNNING), scorings.c.seen_at < now - SILENT
        )
        joined = scorings.join(cases, cases.c.digest == scorings.c.case_digest).join(
            worklist, worklist.c.case_digest == scorings.c.case_digest
        )
        with self._database.writing(alone=True) as connection:
            self._give_up(connection, silent, now)
            row = connection.execute(
                select(scorings)
                .select_from(joined)
                .where(
                    scorings.c.pack_digest.in_(pack_digests),
                    or_(scorings.c.state == str(ScoringState.QUEUED), silent),
                    cases.c.state != str(CaseState.REMOVED),
                )
                .order_by(worklist.c.is_urgent.desc(), scorings.c.queued_at, scorings.c.case_digest)
                .limit(1)
            ).first()
            if row is None:
                return None
            job = ScoringJob(
                row.case_digest, row.pack_digest, row.pack_name, worker, row.attempt + 1
            )
            connection.execute(
                update(scorings)
                .where(*_is(job))
                .values(
                    state=str(ScoringState.RUNNING), worker=worker, attempt=job.attempt,
                    seen_at=now,
                )
            )  # fmt: skip
        return job

    def is_still_mine(self, job: ScoringJob) -> bool:
        """Give a sign of life; return whether the job was not cancelled or taken by another."""
        return self._write(job, seen_at=self._clock())

    def put_back(self, job: ScoringJob) -> bool:
        """Give a job back that could not be begun, as if it had not been taken."""
        return self._write(
            job, state=str(ScoringState.QUEUED), worker=None, attempt=job.attempt - 1
        )

    def finish(self, job: ScoringJob, triage: Triage) -> bool:
        """Write what came of a job, unless it is another's or cancelled; return whether it was."""
        summary = {
            "triage": {
                "target": triage.target,
                "display": triage.display,
                "verdict": triage.verdict,
            }
        }
        return self._write(
            job, state=str(ScoringState.DONE), worker=None, attention=triage.attention,
            likelihood=triage.likelihood, summary=self._sealed(job, summary),
        )  # fmt: skip

    def fail(self, job: ScoringJob, reason: str) -> bool:
        """Write why a job failed, in words without a patient; ``finish`` says what is returned."""
        summary = {"failure": to_plain(reason)}
        return self._write(
            job, state=str(ScoringState.FAILED), worker=None, summary=self._sealed(job, summary)
        )

    def counts(self, *, pack_digests: Collection[str]) -> dict[ScoringState, int]:
        """Return how many cases in use are in each state, of these models."""
        counted = (
            select(scorings.c.state, func.count())
            .join(cases, cases.c.digest == scorings.c.case_digest)
            .where(
                scorings.c.pack_digest.in_(pack_digests),
                cases.c.state != str(CaseState.REMOVED),
            )
            .group_by(scorings.c.state)
        )
        with self._database.reading() as connection:
            return {ScoringState(state): n for state, n in connection.execute(counted)}

    def unscored(self, *, pack_name: str, pack_digest: str, default_pack: str) -> list[str]:
        """Return the cases in use that are this model's to read, and that it was never asked about.

        default_pack: name of the model that reads cases which name none.
        """
        asked = select(scorings.c.case_digest).where(scorings.c.pack_digest == pack_digest)
        with self._database.reading() as connection:
            return list(
                connection.scalars(
                    select(cases.c.digest)
                    .where(cases.c.digest.not_in(asked))
                    .where(cases.c.state != str(CaseState.REMOVED))
                    .where(func.coalesce(cases.c.pack_name, default_pack) == pack_name)
                    .order_by(cases.c.created_at)
                )
            )

    def _write(self, job: ScoringJob, **values: Any) -> bool:
        held = (
            scorings.c.worker == job.worker,
            scorings.c.attempt == job.attempt,
            scorings.c.state == str(ScoringState.RUNNING),
        )
        with self._database.writing() as connection:
            changed = update(scorings).where(*_is(job), *held).values(**values)
            return connection.execute(changed).rowcount == 1

    def _again(
        self, connection: Connection, digests: Sequence[str], pack_digest: str, now: datetime
    ) -> int:
        if not digests:
            return 0
        known = (scorings.c.case_digest.in_(digests), scorings.c.pack_digest == pack_digest)
        changed = update(scorings).where(*known).values(**_queued(now))
        return connection.execute(changed).rowcount

    def _give_up(self, connection: Connection, silent: ColumnElement[bool], now: datetime) -> None:
        """Let jobs fail that ended their worker each time."""
        tried = select(scorings).where(silent, scorings.c.attempt >= MOST_ATTEMPTS)
        for row in connection.execute(tried).all():
            job = ScoringJob(
                row.case_digest, row.pack_digest, row.pack_name, row.worker, row.attempt
            )
            reason = say("The scoring was cut off {n} times.", n=MOST_ATTEMPTS)
            summary = self._sealed(job, {"failure": to_plain(reason)})
            values = {"state": str(ScoringState.FAILED), "worker": None, "summary": summary}
            connection.execute(update(scorings).where(*_is(job)).values(seen_at=now, **values))

    def _sealed(self, job: ScoringJob, summary: Mapping[str, Any]) -> str:
        where = where_summary(job.case_digest, job.pack_digest)
        return self._seal.seal_json(dict(summary), where=where)


def _queued(now: datetime) -> dict[str, Any]:
    return {
        "state": str(ScoringState.QUEUED), "queued_at": now, "attempt": 0, "worker": None,
        "seen_at": None, "attention": None, "likelihood": None, "summary": None,
    }  # fmt: skip


def _is(job: ScoringJob) -> tuple[ColumnElement[bool], ...]:
    return (
        scorings.c.case_digest == job.case_digest,
        scorings.c.pack_digest == job.pack_digest,
    )


def _is_there(digests: Collection[str]) -> ColumnElement[bool]:
    return and_(cases.c.digest.in_(digests), cases.c.state != str(CaseState.REMOVED))
