"""The queue of background scoring: each case once per model, whatever ends in between."""

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest

from mmcore.language import from_plain, say, translate
from mmcore.store import KeptFile, Place, Store
from mmcore.store.scoring_rows import MOST_ATTEMPTS, SILENT
from mmcore.store.work_records import (
    ScoringJob,
    ScoringState,
    Triage,
    WorkQuery,
    WorkStatus,
    WorkView,
)
from tests.unit.store.kept import Clock

PACK, NEWER = "e1" * 32, "e2" * 32
OURS = {PACK: "thorax"}
VIEW = WorkView({"thorax": PACK}, "thorax")
ANSWER = Triage(0, 0.75, "nodule", "Nodule", "caution")


def name(number: int) -> str:
    return f"{number:064x}"


def put(store: Store, numbers: Sequence[int]) -> list[str]:
    for number in numbers:
        store.keep_case(name(number), [KeptFile("f", b"x")], label="1 file")
    return [name(number) for number in numbers]


def ask(store: Store, digests: Sequence[str], pack: str = PACK) -> int:
    return store.scorings.ask(digests, pack_name="thorax", pack_digest=pack)


def take(store: Store, worker: str = "w") -> ScoringJob:
    job = store.scorings.take(worker, pack_digests=OURS)
    assert job is not None
    return job


def counts(store: Store) -> dict[ScoringState, int]:
    return store.scorings.counts(pack_digests=[PACK])


def test_a_case_is_queued_once_per_model_and_never_again_when_it_is_scored(store: Store) -> None:
    cases = put(store, [1, 2])
    assert ask(store, [*cases, "ff" * 32]) == 2, "a case that is not stored is not queued"
    assert ask(store, cases) == 0
    job = take(store)
    assert ask(store, cases) == 0
    assert store.scorings.finish(job, ANSWER)
    assert ask(store, cases) == 0
    assert ask(store, cases, NEWER) == 2, "a newer model has not scored it"
    assert counts(store) == {ScoringState.DONE: 1, ScoringState.QUEUED: 1}
    assert store.scorings.take("w", pack_digests={"e3" * 32: "other"}) is None


def test_urgent_cases_come_first_then_who_waits_longest(store: Store, clock: Clock) -> None:
    for number in (3, 1, 2, 4):
        ask(store, put(store, [number]))
        clock.wait(seconds=1)
    store.work.mark_urgent([name(2)], True)
    store.remove(name(4))
    assert [int(take(store).case_digest, 16) for _ in range(3)] == [2, 3, 1]
    assert store.scorings.take("w", pack_digests=OURS) is None, "a removed case is not scored"


def test_what_a_dead_process_held_is_taken_again_and_its_late_answer_refused(
    store: Store, clock: Clock
) -> None:
    ask(store, put(store, [1]))
    dead = take(store, "dead")
    clock.wait(seconds=SILENT.total_seconds())
    assert store.scorings.take("other", pack_digests=OURS) is None, "it may still be alive"
    clock.wait(seconds=1)
    heir = take(store, "heir")
    assert (heir.case_digest, heir.attempt) == (dead.case_digest, 2)
    assert not store.scorings.is_still_mine(dead)
    assert not store.scorings.finish(dead, ANSWER)
    assert store.scorings.finish(heir, ANSWER)
    assert not store.scorings.fail(heir, "late")


def test_signs_of_life_keep_a_job(store: Store, clock: Clock) -> None:
    ask(store, put(store, [1]))
    job = take(store)
    for _ in range(5):
        clock.wait(seconds=20)
        assert store.scorings.is_still_mine(job)
        assert store.scorings.take("other", pack_digests=OURS) is None


def test_what_ends_its_worker_each_time_fails_at_last(store: Store, clock: Clock) -> None:
    ask(store, put(store, [1]))
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert take(store).attempt == attempt
        clock.now += SILENT + timedelta(seconds=1)
    assert store.scorings.take("w", pack_digests=OURS) is None
    (row,) = store.work.page(WorkQuery(), VIEW).rows
    assert row.status is WorkStatus.FAILED
    words = from_plain(row.failure)
    assert words == "The scoring was cut off 3 times."
    assert translate(words, "zh-Hans") != words


def test_a_job_that_could_not_begin_goes_back_without_counting(store: Store) -> None:
    ask(store, put(store, [1]))
    for _ in range(MOST_ATTEMPTS + 2):
        assert store.scorings.put_back(take(store))
    assert take(store).attempt == 1


def test_a_cancelled_job_is_not_taken_and_what_a_worker_brings_of_it_is_refused(
    store: Store,
) -> None:
    cases = put(store, [1, 2, 3])
    ask(store, cases)
    running = take(store)
    assert store.scorings.cancel([running.case_digest]) == 1
    assert not store.scorings.is_still_mine(running)
    assert not store.scorings.finish(running, ANSWER)
    assert store.scorings.cancel() == 2
    assert store.scorings.take("w", pack_digests=OURS) is None
    assert counts(store) == {ScoringState.CANCELLED: 3}
    assert store.work.page(WorkQuery(), VIEW).counts == {WorkStatus.NEW: 3}
    assert ask(store, cases[:1]) == 1, "asked for again, it is scored after all"
    assert store.scorings.finish(take(store), ANSWER)


def test_what_failed_says_why_in_any_language_and_can_be_tried_again(store: Store) -> None:
    ask(store, put(store, [1, 2]))
    store.scorings.fail(take(store), say("Reading file {n} of {all}", n=1, all=2))
    store.scorings.finish(take(store), ANSWER)
    failed, done = store.work.page(WorkQuery(), VIEW).rows
    assert from_plain(failed.failure) == "Reading file 1 of 2"
    assert (done.triage, done.failure) == (ANSWER, None)
    assert store.scorings.retry([done.digest], pack_digests=[PACK]) == 0
    assert store.scorings.retry([failed.digest, done.digest], pack_digests=[PACK]) == 1
    store.scorings.finish(take(store), ANSWER)
    assert counts(store) == {ScoringState.DONE: 2}


def test_cases_that_nobody_asked_about_are_found(store: Store) -> None:
    cases = put(store, [1, 2, 3])
    store.keep_case(name(4), [KeptFile("f", b"x")], label="1 file", pack_name="phantom")
    ask(store, cases[:1])
    models = {"thorax": PACK, "phantom": NEWER}
    found = {
        pack: store.scorings.unscored(pack_name=pack, pack_digest=digest, default_pack="thorax")
        for pack, digest in models.items()
    }
    assert found == {"thorax": cases[1:], "phantom": [name(4)]}
    store.scorings.cancel()
    assert name(1) not in store.scorings.unscored(
        pack_name="thorax", pack_digest=PACK, default_pack="thorax"
    ), "what was cancelled is not asked for again by itself"


@pytest.mark.parametrize("workers", [4])
def test_many_workers_score_each_case_exactly_once(place: Place, workers: int) -> None:
    seen: list[str] = []
    faults: list[str] = []

    def work(worker: str) -> None:
        try:
            with Store(place) as own:
                while (job := own.scorings.take(worker, pack_digests=OURS)) is not None:
                    if own.scorings.finish(job, ANSWER):
                        seen.append(job.case_digest)
        except Exception as error:  # noqa: BLE001 - told by the test
            faults.append(repr(error))

    with Store(place) as store:
        cases = put(store, range(24))
        ask(store, cases)
        threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        assert Counter(seen) == dict.fromkeys(cases, 1)
        assert counts(store) == {ScoringState.DONE: len(cases)}
