"""A case that is read again, and understood better, takes the place of what it was before.

The files are the same and the digest is another, since more of them is used. What the reader
entered goes along; what they recorded or signed stays with the case that it was said of, too.
"""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import replace

from dashboard import desks, keeping, people, site, state
from dashboard.desk_records import Desk, Entry
from dashboard.language import say
from dashboard.state import CaseWork, Kept
from mmcore.errors import PeopleError, StoreError
from mmcore.people import Action
from mmcore.records import Reading
from mmcore.store import Event, EventKind

_LASTING = frozenset({EventKind.DECIDED, EventKind.SIGNED, EventKind.ADDED, EventKind.EXPORTED})


def take_place(before: CaseWork, after: CaseWork) -> None:
    """Bring what was entered on ``before`` to ``after``, and let ``before`` go if that is saved."""
    if before.case.digest == after.case.digest:
        return
    after.target, after.left_out = before.target or after.target, before.left_out
    has_carried, is_saved, is_lasting = False, desks.save(before), False
    for pack_name in _packs(before):
        old = desks.desk(_of(before, pack_name), site.reading_mode())
        new = desks.desk(_of(after, pack_name), site.reading_mode())
        has_carried |= _carry(old, new)
        is_saved &= desks.save(_of(after, pack_name))
        is_lasting |= bool(old.reading.decisions)
    if has_carried:
        state.session().told = say("The case was read again. What you had entered is here.")
    if is_saved:
        _let_go(before, is_lasting=is_lasting or before.signed is not None)


def _of(work: CaseWork, pack_name: str) -> CaseWork:
    """Return the case as that model reads it; its choice of a model on the disk stays as it is."""
    if (work.pack_name or "") == pack_name:
        return work
    return replace(work, pack_name=pack_name, kept=work.kept and Kept(pack_name))


def _packs(work: CaseWork) -> Iterator[str]:
    """Yield the names of models about whose answers the reader may have entered something."""
    digest = work.case.digest
    names = {name for known, name in state.session().desks if known == digest}
    kept = keeping.store() if work.kept is not None else None
    stored = None if kept is None else kept.case(digest, reader=people.reader())
    names |= set(stored.progress) if stored is not None else set()
    yield from sorted(names | {work.pack_name or ""})


def _carry(old: Desk, new: Desk) -> bool:
    """Put on the new desk what it lacks of the old one; return whether that was anything."""
    before = copy.deepcopy((new.entries, new.key_images, new.reading, new.conclusion, new.addendum))
    for name, entry in old.entries.items():
        if new.entry(name) == Entry():
            new.entries[name] = copy.copy(entry)
    there = {(image.digest, image.frame, image.png) for image in new.key_images}
    new.key_images += tuple(
        image for image in old.key_images if (image.digest, image.frame, image.png) not in there
    )
    if new.reading.is_empty and new.reading.revealed_at is None:
        # Decisions speak of an answer that was given without what is read now.
        new.reading = Reading(old.reading.mode, old.reading.impressions, old.reading.revealed_at)
    new.viewer = new.viewer or copy.deepcopy(old.viewer)
    new.conclusion, new.addendum = new.conclusion or old.conclusion, new.addendum or old.addendum
    new.history.round += 1
    return before != (new.entries, new.key_images, new.reading, new.conclusion, new.addendum)


def _let_go(work: CaseWork, *, is_lasting: bool) -> None:
    """Close a case in this tab, and take it off the list unless somebody's word hangs on it."""
    kept = keeping.store() if work.kept is not None else None
    digest, reader = work.case.digest, people.reader()
    try:
        if kept is None or is_lasting or _is_of_others(kept.events(digest), reader):
            keeping.put_aside(work)
        else:
            people.require(Action.REMOVE)
            keeping.remove(digest)
    except PeopleError:
        keeping.put_aside(work)
    except StoreError as error:
        state.session().unsaved = error


def _is_of_others(events: Iterable[Event], reader: str) -> bool:
    return any(event.reader != reader or event.kind in _LASTING for event in events)
