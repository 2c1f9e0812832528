"""Cases scored in the background: taken from the queue one by one, by whoever has the model.

Knows neither engine nor page: what scores a case is handed in, and so is whose turn it is.
"""

import logging
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from mmcore.errors import (
    MMCoreError,
    ModelServerError,
    NothingToScoreError,
    StoredFileDamagedError,
    StoreError,
    UnknownCaseError,
)
from mmcore.language import say
from mmcore.records import Case
from mmcore.store import Store
from mmcore.store.scoring_rows import SILENT
from mmcore.store.work_records import ScoringJob, Triage
from mmcore.worklist.facts import facts_of

Score = Callable[[Case, str], Triage]
"""Scores a case with the model of that name. Raises ``MMCoreError`` where it can not be."""

_BEAT_SECONDS = SILENT.total_seconds() / 4


def score_next(
    store: Store,
    worker: str,
    score: Score,
    *,
    pack_digests: Mapping[str, str],
    turn: Callable[[], None] = lambda: None,
) -> bool:
    """Take one case from the queue and score it; return whether there was one.

    pack_digests: name of each model that ``score`` knows, by its digest. turn: returns when nobody
    at a page waits for the machine. Raises ``StoreError`` where the queue can not be used and
    ``ModelServerError`` where no model server answers, and the case waits on; whatever else goes
    wrong is the job's failure and is kept with it.
    """
    job = store.scorings.take(worker, pack_digests=pack_digests)
    if job is None:
        return False
    with _alive(store, job) as is_wanted:
        try:
            turn()
            case = read_again(store, job.case_digest)
            turn()
            if not is_wanted():
                return True
            triage = score(case, job.pack_name)
        except UnknownCaseError:
            return True  # deleted meanwhile, and its job with it
        except StoredFileDamagedError:
            store.scorings.fail(job, say("A stored file of the case is damaged or gone."))
        except StoreError:
            store.scorings.put_back(job)
            raise
        except ModelServerError as error:
            if error.may_pass:
                store.scorings.put_back(job)
                raise
            store.scorings.fail(job, error.words)
        except NothingToScoreError:
            store.scorings.fail(job, say("the case holds no input of this model"))
        except MMCoreError as error:
            store.scorings.fail(job, error.words)
        except Exception as error:  # noqa: BLE001 - one bad case must not end the queue
            _log(error)
            kind = type(error).__name__
            store.scorings.fail(job, say("The case could not be scored ({kind}).", kind=kind))
        else:
            store.scorings.finish(job, triage)
    return True


def read_again(store: Store, digest: str) -> Case:
    """Return a stored case from its files; note what the list of work says of it.

    Raises ``UnknownCaseError`` and ``StoredFileDamagedError``.
    """
    from mmcore.intake import RawFile, case_from_files

    files = store.files(digest)
    case = case_from_files([RawFile(file.name, file.data) for file in files])
    store.work.describe(digest, facts_of(case))
    return case


@contextmanager
def _alive(store: Store, job: ScoringJob) -> Iterator[Callable[[], bool]]:
    """Give signs of life for a job while the block runs; give whether it is still wanted."""
    ended, lost = threading.Event(), threading.Event()

    def beat() -> None:
        while not ended.wait(_BEAT_SECONDS):
            try:
                if not store.scorings.is_still_mine(job):
                    lost.set()
                    return
            except StoreError:  # busy: the next sign may come through
                continue

    thread = threading.Thread(target=beat, name="consilium-scoring-beat", daemon=True)
    thread.start()
    try:
        yield lambda: not lost.is_set() and store.scorings.is_still_mine(job)
    finally:
        ended.set()
        thread.join()


def _log(error: BaseException) -> None:
    """Log an unforeseen error by kind and place only: its message may name a patient."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown place"
    logging.getLogger("consilium").error("scoring: %s at %s", type(error).__name__, place)
