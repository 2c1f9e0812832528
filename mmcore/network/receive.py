"""A received study becomes a case of the store, as if somebody had dropped its files."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mmcore.errors import MMCoreError
from mmcore.network.spool import Spool
from mmcore.store import CaseState, KeptFile, Store
from mmcore.wording import person_name

LOOK_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 600.0
LABEL = "Received study"


def file_study(store: Store, files: Sequence[tuple[str, bytes]]) -> str:
    """Read a study and keep it as a case; return the case's digest.

    What can not be read is listed with its reason, as for dropped files. One that is there already
    stays as it is, with the model that was chosen for it. Raises ``StoreError``.
    """
    from mmcore.intake import RawFile, case_from_files
    from mmcore.worklist.facts import facts_of

    case = case_from_files([RawFile(name, data) for name, data in files])
    known = store.case(case.digest)
    if known is not None and known.state is not CaseState.REMOVED:
        return case.digest
    patient, study = case.patient, next(iter(case.studies), None)
    store.keep_case(
        case.digest,
        [KeptFile(name, data) for name, data in files],
        label=(study.description if study is not None else "") or LABEL,
        person=person_name(patient.name) or patient.patient_id or "",
        by="",  # nobody of this site: a sender did
        facts=facts_of(case),
    )
    return case.digest


class Filer:
    """A thread that files what has arrived completely.

    A study that can not be filed stays, holds up no other one, and is tried again after a second,
    then after twice as long each time, up to ten minutes.
    """

    def __init__(
        self, spool: Spool, store: Store, *, quiet_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._spool, self._store, self._quiet = spool, store, quiet_seconds
        self._clock = clock
        self._waits: dict[Path, tuple[float, float]] = {}  # until when, and how long the next time
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="filer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the study that is being filed."""
        self._stop.set()
        self._thread.join()

    def file_complete(self) -> int:
        """File every complete study whose time it is; return how many were filed."""
        filed = 0
        for folder in self._spool.complete(self._quiet):
            until, wait = self._waits.get(folder, (0.0, LOOK_SECONDS))
            if self._clock() < until:
                continue
            try:
                arrived = self._spool.load(folder)
                if arrived.files:
                    file_study(self._store, arrived.files)
                    filed += 1
                self._spool.remove(arrived)
            except Exception as error:  # noqa: BLE001 - the next study must not wait for this one
                # The words of ours hold nothing of a patient; those of others may.
                words = str(error) if isinstance(error, MMCoreError) else type(error).__name__
                logging.getLogger(__name__).warning("a study could not be filed: %s", words)
                self._waits[folder] = (self._clock() + wait, min(2 * wait, LONGEST_WAIT_SECONDS))
            else:
                self._waits.pop(folder, None)
        return filed

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                self.file_complete()
            except Exception as error:  # noqa: BLE001 - the thread must outlive what it meets
                kind = type(error).__name__
                logging.getLogger(__name__).warning("filing failed: %s", kind)
