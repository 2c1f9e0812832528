"""What an admin sets and sees of the site: how long cases are kept, and the state of its keys."""

import os
import shlex
import sys
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from dashboard import people
from mmcore.people import Action
from mmcore.store import EventKind, Place
from mmcore.store.place import DATA, DATABASE, KEY, KEY_FILE


@dataclass(frozen=True, slots=True)
class Kept:
    """How long cases are kept. place: with the days in force. is_fixed: the environment says it."""

    place: Place
    is_fixed: bool


@dataclass(frozen=True, slots=True)
class Keys:
    """The state of the site's keys.

    has_key: what is stored is encrypted. from_entry: the first entry of the audit that is made with
    the chain's own key, or None. changed_at: of the last change, or None. command: what changes the
    key of this very site; start: what is set at the next start, after it.
    """

    has_key: bool
    from_entry: int | None
    changed_at: datetime | None
    command: str
    start: str


def kept() -> Kept | None:
    """Return how long cases are kept; None where nothing is. Raises ``NotAllowedError``."""
    people.require(Action.MANAGE_SITE)
    store = people.journal()
    if store is None:
        return None
    days = store.retention.days()
    return Kept(replace(store.place, keep_days=days), store.retention.is_fixed)


def expiring(days: int) -> int:
    """Return how many cases so many days would delete at once. Raises ``NotAllowedError``."""
    people.require(Action.MANAGE_SITE)
    store = people.journal()
    return 0 if store is None else store.retention.expiring(days)


def keep(days: int | None) -> None:
    """Keep cases so many days from now on, None for as long as nobody removes them.

    Raises ``NotAllowedError`` and ``StoreError``.
    """
    admin, store = people.require(Action.MANAGE_SITE), people.journal()
    if store is not None:
        store.retention.set_days(days, by=admin.id)


def keys() -> Keys | None:
    """Return the state of the site's keys; None where nothing is kept. Raises ``NotAllowedError``.

    The command quotes no secret: what holds one is taken over from the environment by its name.
    """
    people.require(Action.MANAGE_SITE)
    store = people.journal()
    if store is None:
        return None
    before = [f"{name}={shlex.quote(value)}" for name in (DATA, KEY_FILE)
              if (value := os.environ.get(name, "").strip())]  # fmt: skip
    before += [f'{name}="${name}"' for name in (DATABASE, KEY) if os.environ.get(name, "").strip()]
    new = shlex.quote(str(_new_key_file()))
    command = " ".join([*before, shlex.quote(sys.executable), "-m mmcore rekey", new, "--make"])
    changes = (
        entry.at
        for entry in store.journal.of_site(EventKind.SITE_CHANGED)
        if entry.details.get("what") == "another key"
    )
    return Keys(
        store.place.key is not None, store.journal.keyed_from, max(changes, default=None), command,
        f"{KEY_FILE}={new}",
    )  # fmt: skip


def _new_key_file() -> Path:
    """Return a file for a new key beside the one in use, that is not there yet."""
    named = os.environ.get(KEY_FILE, "").strip()
    file = Path(named).expanduser() if named else Path("consilium.key")
    if file.suffix[1:].isdigit():  # made so before
        file = file.with_suffix("")
    number = 2
    while (found := file.with_name(f"{file.name}.{number}")).exists():
        number += 1
    return found
