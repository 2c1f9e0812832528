"""One case of the queue scored: whatever goes wrong is its own failure, and is said."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmcore.errors import (
    ModelServerError,
    NonFiniteResultError,
    NothingToScoreError,
    StoreUnavailableError,
)
from mmcore.language import from_plain, say
from mmcore.records import Case
from mmcore.store import KeptFile, Place, Store
from mmcore.store.work_records import (
    ScoringState,
    Triage,
    WorkQuery,
    WorkRow,
    WorkStatus,
    WorkView,
)
from mmcore.worklist.scoring import score_next

PACK, CASE = "e1" * 32, "a1" * 32
OURS = {PACK: "thorax"}
VIEW = WorkView({"thorax": PACK}, "thorax")
ANSWER = Triage(0, 0.75, "nodule", "Nodule", "scored")
NOTE = b"HISTORY\nCough for three days.\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Place(tmp_path)) as made:
        made.keep_case(CASE, [KeptFile("note.txt", NOTE)], label="note.txt")
        made.scorings.ask([CASE], pack_name="thorax", pack_digest=PACK)
        yield made


def run(store: Store, score: Callable[[Case, str], Triage]) -> bool:
    return score_next(store, "w", score, pack_digests=OURS)


def row(store: Store) -> WorkRow:
    (found,) = store.work.page(WorkQuery(), VIEW).rows
    return found


def raising(error: Exception) -> Callable[[Case, str], Triage]:
    def score(_: Case, __: str) -> Triage:
        raise error

    return score


def test_a_case_is_read_from_its_files_and_scored_by_its_model(store: Store) -> None:
    seen: list[tuple[str, str]] = []

    def score(case: Case, pack_name: str) -> Triage:
        seen.append((case.notes[0].text.strip().splitlines()[-1], pack_name))
        return ANSWER

    assert run(store, score)
    assert seen == [("Cough for three days.", "thorax")]
    assert (row(store).status, row(store).triage) == (WorkStatus.SCORED, ANSWER)
    assert not run(store, score), "nothing is left"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NothingToScoreError(needed=("image",)), "the case holds no input of this model"),
        (NonFiniteResultError(what="the logit"), "the logit is not a finite number"),
        (RuntimeError("Doe, Jane"), "The case could not be scored (RuntimeError)."),
    ],
)
def test_what_can_not_be_scored_says_why_without_a_word_of_the_patient(
    store: Store, error: Exception, words: str
) -> None:
    assert run(store, raising(error))
    assert row(store).status is WorkStatus.FAILED
    assert from_plain(row(store).failure) == words


def test_a_damaged_file_is_the_failure_of_its_case(store: Store, tmp_path: Path) -> None:
    for blob in (tmp_path / "blobs").glob("*/*"):
        blob.write_bytes(b"other")
    assert run(store, lambda *_: ANSWER)
    assert from_plain(row(store).failure) == "A stored file of the case is damaged or gone."


def test_a_store_that_fails_meanwhile_costs_the_case_no_attempt(store: Store) -> None:
    with pytest.raises(StoreUnavailableError):
        run(store, raising(StoreUnavailableError(problem="locked")))
    assert row(store).status is WorkStatus.QUEUED
    job = store.scorings.take("w", pack_digests=OURS)
    assert job is not None
    assert job.attempt == 1


def test_without_a_model_server_the_case_waits_on(store: Store) -> None:
    gone = ModelServerError(problem=say("can not be reached"), may_pass=True)
    with pytest.raises(ModelServerError):
        run(store, raising(gone))
    assert row(store).status is WorkStatus.QUEUED
    job = store.scorings.take("w", pack_digests=OURS)
    assert job is not None
    assert job.attempt == 1


def test_a_model_server_that_refuses_the_case_is_its_failure(store: Store) -> None:
    refused = ModelServerError(problem=say("does not have this model"), may_pass=False)
    assert run(store, raising(refused))
    assert row(store).status is WorkStatus.FAILED
    assert "does not have this model" in from_plain(row(store).failure)


def test_a_case_deleted_meanwhile_is_let_go(store: Store) -> None:
    def score(_: Case, __: str) -> Triage:
        store.delete(CASE)
        return ANSWER

    assert run(store, score)
    assert store.scorings.counts(pack_digests=OURS) == {}


def test_a_case_cancelled_before_it_is_scored_is_not_scored(store: Store) -> None:
    turns: list[int] = []

    def turn() -> None:
        turns.append(1)
        if len(turns) == 2:
            store.scorings.cancel()

    def score(_: Case, __: str) -> Triage:
        raise AssertionError

    assert score_next(store, "w", score, pack_digests=OURS, turn=turn)
    assert store.scorings.counts(pack_digests=OURS) == {ScoringState.CANCELLED: 1}
