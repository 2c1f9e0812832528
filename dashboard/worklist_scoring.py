"""Cases scored in the background by the engines of this process, one thread for all of them."""

import logging
import os
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from dashboard import attention, services, site, stores, turns
from dashboard.services import PackFacts
from mmcore.errors import MMCoreError
from mmcore.packs import digest_of
from mmcore.records import Case, GateVerdict, Prediction
from mmcore.store import Store
from mmcore.store.work_records import Triage
from mmcore.worklist.scoring import score_next

_IDLE_SECONDS = 2.0
_BREATH_SECONDS = 0.05  # between two cases, so that pages get their share of the interpreter
_TURN_SECONDS = 20.0  # who waits for an answer is not interrupted, but not for ever


@dataclass(slots=True)
class _Bench:
    """The one thread of this process, what it has at hand, and what wakes it."""

    packs: tuple[PackFacts, ...] = ()
    thread: threading.Thread | None = None
    called: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)


_BENCH = _Bench()


def start(packs: tuple[PackFacts, ...]) -> None:
    """Begin to score in the background with these models, once per process; later calls wake it."""
    with _BENCH.lock:
        _BENCH.packs = packs
        if packs and _BENCH.thread is None:
            _BENCH.thread = threading.Thread(target=_work, name="consilium-scoring", daemon=True)
            _BENCH.thread.start()
    _BENCH.called.set()


def digests(packs: tuple[PackFacts, ...]) -> dict[str, str]:
    """Return the digest of each model by its name."""
    return {pack.name: _digest(pack.folder) for pack in packs}


@cache
def _digest(folder: Path) -> str:
    return digest_of(folder)


def _work() -> None:
    worker = f"{os.getpid()}-{os.urandom(6).hex()}"
    while True:
        try:
            is_busy = step(worker, _BENCH.packs)
        except MMCoreError:  # the store is busy, gone or set otherwise: another time
            is_busy = False
        except Exception as error:  # noqa: BLE001 - the thread must outlive what it meets
            # The message of a foreign error may quote a file.
            logging.getLogger("consilium").warning("scoring: %s", type(error).__name__)
            is_busy = False
        if is_busy:
            time.sleep(_BREATH_SECONDS)
        else:
            _BENCH.called.wait(_IDLE_SECONDS)
            _BENCH.called.clear()


def step(worker: str, packs: tuple[PackFacts, ...]) -> bool:
    """Queue what has come in, where the site wants that, and score one case; return if there was.

    Raises ``StoreError`` and ``ConfigError``.
    """
    store = stores.store()
    if store is None or not packs:
        return False
    by_name = digests(packs)
    if site.scores_by_itself():
        queue_new(store, packs)
    known = {pack.name: pack for pack in packs}

    def score(case: Case, pack_name: str) -> Triage:
        from mmcore.screening import screener_of  # heavy: only once there is something to score

        job = services.warm_up(known[pack_name])
        assert job is not None  # there is such a pack
        job.wait()
        if job.error is not None:
            raise job.error
        _stand_back()
        assert job.result is not None  # done without error
        return triage_of(screener_of(job.result).predict(case))

    return score_next(
        store, worker, score,
        pack_digests={digest: name for name, digest in by_name.items()},
        turn=_stand_back,
    )  # fmt: skip


def queue_new(store: Store, packs: tuple[PackFacts, ...]) -> int:
    """Queue every case that the model which reads it was never asked about; return how many."""
    added = 0
    for name, digest in digests(packs).items():
        new = store.scorings.unscored(
            pack_name=name, pack_digest=digest, default_pack=packs[0].name
        )
        for start_at in range(0, len(new), 500):
            portion = new[start_at : start_at + 500]
            added += store.scorings.ask(portion, pack_name=name, pack_digest=digest)
    return added


def triage_of(prediction: Prediction) -> Triage:
    """Return what an answer says about looking sooner: its finding that needs attention most."""
    findings = attention.ordered(prediction)
    first = attention.first_to_look_at(findings)
    if first is None:
        withheld = attention.Attention.WITHHELD
        return Triage(int(withheld), None, "", "", str(GateVerdict.WITHHELD))
    target = first.prediction
    return Triage(
        int(first.attention), target.probability, target.name, str(target.display),
        str(first.gate.verdict),
    )  # fmt: skip


def _stand_back() -> None:
    turns.wait(_TURN_SECONDS)
