"""The stores of this process: opened once for each setting, tidied while nobody looks."""

import os
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from mmcore.audit import anchors
from mmcore.errors import AuditError, StoreError
from mmcore.store import Place, Store, place_of
from mmcore.store.place import DATA, DATABASE, KEEP_DAYS, KEY, KEY_FILE

UNDO_MINUTES = 10
"""How long a removed case can be brought back before it is deleted for good."""

_SETTINGS = (DATA, DATABASE, KEEP_DAYS, KEY, KEY_FILE)
_TIDY_SECONDS = 60.0
_NOTE_EVERY = timedelta(hours=1)


@dataclass(slots=True)
class _Door:
    """The stores of this process by their settings, and the thread that tidies them up."""

    stores: dict[tuple[str | None, ...], Store] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_tidying: bool = False


_DOOR = _Door()


def store() -> Store | None:
    """Return the store of this site, opened by whoever asks first; None if nothing is kept.

    Raises ``ConfigError`` for a wrong setting and ``StoreError`` where it can not be opened.
    """
    return None if place_of().keep_days == 0 else site_store()


def site_store() -> Store:
    """Return the store of this site for people and what they do, also where no case is kept.

    Raises ``ConfigError`` for a wrong setting and ``StoreError`` where it can not be opened.
    """
    settings = tuple(os.environ.get(name) for name in _SETTINGS)
    with _DOOR.lock:
        if settings not in _DOOR.stores:
            _DOOR.stores[settings] = _opened(place_of())
        return _DOOR.stores[settings]


def close() -> None:
    """Close every store of this process, for tests."""
    with _DOOR.lock:
        for opened in _DOOR.stores.values():
            opened.close()
        _DOOR.stores.clear()


def _note_head(opened: Store) -> None:
    """Note the head of the audit now and then, where what is cut off its end will be missed."""
    head, file = opened.journal.head(), anchors.file_of(opened.place.folder)
    noted = anchors.noted(file)
    now = datetime.now(UTC)
    if head is None or (noted and noted[-1].head == head):
        return
    if not noted or now - noted[-1].at >= _NOTE_EVERY:
        anchors.note(file, head, now)


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
            try:
                opened.purge(older_than=timedelta(minutes=UNDO_MINUTES))
                opened.expire()
                _note_head(opened)
            except (StoreError, AuditError):  # a busy or closed store is tidied a minute later
                continue
