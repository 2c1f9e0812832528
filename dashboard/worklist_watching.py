"""A folder that the server watches itself, where the site has set one (``CONSILIUM_WATCH``)."""

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from dashboard import site, stores, turns
from mmcore.errors import MMCoreError, WatchError

_EVERY_SECONDS = 5.0
_TURN_SECONDS = 20.0


@dataclass(slots=True)
class _Post:
    """The one thread of this process that watches."""

    thread: threading.Thread | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_POST = _Post()


def start() -> None:
    """Begin to watch, once per process, if the site has set a folder and keeps anything."""
    folder = site.watched_folder()
    with _POST.lock:
        if folder is not None and _POST.thread is None:
            _POST.thread = threading.Thread(
                target=_watch, args=(folder,), name="consilium-watch", daemon=True
            )
            _POST.thread.start()


def _watch(folder: Path) -> None:
    from mmcore.worklist.watching import Watcher

    watcher: Watcher | None = None
    while True:
        try:
            store = stores.store()
            if store is not None:
                if watcher is None or watcher.store is not store:
                    watcher = Watcher(folder, store)
                turns.wait(_TURN_SECONDS)
                for _ in watcher.look():
                    turns.wait(_TURN_SECONDS)
        except WatchError as error:  # its words hold nothing of a patient
            logging.getLogger("consilium").warning("%s", error)
        except MMCoreError:  # the store is busy: the next look finds the same
            pass
        except Exception as error:  # noqa: BLE001 - the thread must outlive what it meets
            # The message of a foreign error may quote a file.
            logging.getLogger("consilium").warning("watching: %s", type(error).__name__)
        time.sleep(_EVERY_SECONDS)
