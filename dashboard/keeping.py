"""The store of cases behind the pages: one per process, or none where the site keeps nothing."""

import logging
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dashboard import state
from dashboard.jobs import Tell
from dashboard.state import CaseWork, Kept
from mmcore.errors import StoreError
from mmcore.language import say
from mmcore.records import Case
from mmcore.store import LOCAL, KeptFile, Place, Store, place_of
from mmcore.store.place import DATA, DATABASE, KEEP_DAYS, KEY, KEY_FILE
from mmcore.wording import person_name

if TYPE_CHECKING:
    from mmcore.intake.columns import Mappings

UNDO_MINUTES = 10
"""How long a removed case can be brought back before it is deleted for good."""

_SETTINGS = (DATA, DATABASE, KEEP_DAYS, KEY, KEY_FILE)
_TIDY_SECONDS = 60.0


@dataclass(slots=True)
class _Door:
    """The stores of this process by their settings, and the thread that tidies them up."""

    stores: dict[tuple[str | None, ...], Store | None] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_tidying: bool = False


_DOOR = _Door()


def store() -> Store | None:
    """Return the store of this site, opened by whoever asks first; None if nothing is kept.

    Raises ``ConfigError`` for a wrong setting and ``StoreError`` where it can not be opened.
    """
    settings = tuple(os.environ.get(name) for name in _SETTINGS)
    with _DOOR.lock:
        if settings not in _DOOR.stores:
            place = place_of()
            _DOOR.stores[settings] = None if place.keep_days == 0 else _opened(place)
        return _DOOR.stores[settings]


def close() -> None:
    """Close every store of this process, for tests."""
    with _DOOR.lock:
        for opened in _DOOR.stores.values():
            if opened is not None:
                opened.close()
        _DOOR.stores.clear()


def read_case(files: Sequence[tuple[str, bytes]], tell: Tell, mappings: "Mappings") -> Case:
    """Return the case that files make, dropped or stored; inside a job.

    mappings: of columns, as the reader said before.
    """
    from mmcore.intake import RawFile, case_from_files

    def progress(done: int, total: int) -> None:
        number = min(done + 1, total)
        tell(done / max(total, 1), say("Reading file {n} of {all}", n=number, all=total))

    raw = [RawFile(name, data) for name, data in files]
    return case_from_files(raw, progress=progress, mappings=mappings)


def keep_case(
    case: Case, files: Sequence[tuple[str, bytes]], *, label: str, pack_name: str | None
) -> None:
    """Keep a case that has just been read, with its files; ``begin`` tells whether it worked."""
    patient = case.patient
    try:
        kept = store()
        if kept is not None:
            kept.keep_case(
                case.digest,
                [KeptFile(name, data) for name, data in files],
                label=str(label),
                person=person_name(patient.name) or patient.patient_id or "",
                pack_name=pack_name,
            )
    except StoreError as error:  # its words hold nothing of a patient
        logging.getLogger(__name__).warning("a case could not be stored: %s", error)


def begin(work: CaseWork, files: Sequence[tuple[str, bytes]] = ()) -> None:
    """Note with an open case whether it is on the disk; say so where it should be and is not.

    Files that are not on the disk stay with the open case.
    """
    work.files = tuple(files) or work.files
    try:
        kept = store()
        found = None if kept is None else kept.case(work.case.digest)
    except StoreError as error:
        state.session().unsaved = error
        return
    if found is not None:
        work.kept, work.files = Kept(found.pack_name), ()


def has_files(work: CaseWork) -> bool:
    """Return whether the files that an open case was read from are still there.

    Raises ``StoreError``.
    """
    kept = store()
    if work.files or kept is None or work.kept is None:
        return bool(work.files)
    return bool(kept.case(work.case.digest)) and bool(kept.file_names(work.case.digest))


def files_of(work: CaseWork) -> tuple[tuple[str, bytes], ...]:
    """Return the files that an open case was read from; none if they are not kept any more.

    Raises ``StoreError``.
    """
    kept = store()
    if work.files or kept is None or work.kept is None:
        return work.files
    return tuple((file.name, file.data) for file in kept.files(work.case.digest))


def put_aside(work: CaseWork) -> None:
    """Let a case go in this tab; on the disk it stays."""
    state.close_case(work.case.digest)
    kept = store()
    if kept is not None and work.kept is not None:
        kept.close_case(work.case.digest)


def remove(digest: str) -> None:
    """Take a case off every list; it can be brought back for a while."""
    kept = store()
    state.close_case(digest)
    if kept is not None:
        kept.remove(digest)


def restore(digest: str) -> None:
    """Bring a removed case back on the lists."""
    kept = store()
    if kept is not None:
        kept.restore(digest)


def delete(digest: str) -> None:
    """Delete a removed case for good, now."""
    kept = store()
    if kept is not None:
        kept.delete(digest)


def preference(name: str) -> Any:
    """Return what this reader prefers, a JSON value, or None if they never said."""
    known = state.session().preferences
    if name not in known:
        kept = store()
        known[name] = None if kept is None else kept.preference(LOCAL, name)
    return known[name]


def prefer(name: str, value: Any) -> None:
    """Keep what this reader prefers, for this tab and, where the site keeps anything, for good."""
    state.session().preferences[name] = value
    kept = store()
    if kept is not None:
        kept.prefer(LOCAL, name, value)


def _opened(place: Place) -> Store:
    opened = Store(place)
    if not _DOOR.is_tidying:
        _DOOR.is_tidying = True
        threading.Thread(target=_tidy, name="consilium-tidy", daemon=True).start()
    return opened


def _tidy() -> None:
    """Delete in time what was removed or kept long enough, also while nobody opens a page."""
    while True:
        time.sleep(_TIDY_SECONDS)
        for opened in list(_DOOR.stores.values()):
            if opened is None:
                continue
            try:
                opened.purge(older_than=timedelta(minutes=UNDO_MINUTES))
                opened.expire()
            except StoreError:  # a busy or closed store is tidied a minute later
                continue
