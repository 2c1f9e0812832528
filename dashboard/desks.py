"""A reader's desk between tab and store: saved as soon as anything changed, found again later.

Also what can be undone: entries and pictures until they are recorded.
"""

import copy
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dashboard import auditing, keeping, merging, people, state
from dashboard.desk_records import entry_json, entry_of, image_json
from dashboard.state import CaseWork, Desk, Entry, Session, Step
from dashboard.stored_words import of_store_error
from mmcore.errors import (
    MMCoreError,
    PeopleError,
    ReportSignedError,
    StaleVersionError,
    StoredFileDamagedError,
    StoreError,
    UnknownCaseError,
)
from mmcore.language import say
from mmcore.people import Action
from mmcore.records import (
    KeyImage,
    Modality,
    Reading,
    ReadingMode,
)
from mmcore.store import EventKind, Json, Progress, Store, StoredDesk

MOST_STEPS = 50
_TRIES = 5
_ANSWERS = (EventKind.SHOWN, EventKind.REVEALED)
Happened = tuple[EventKind, str, Mapping[str, Any]]


def desk(work: CaseWork, mode: ReadingMode) -> Desk:
    """Return the reader's desk for a case and the model that reads it, as it was left."""
    known = state.find_desk(work)
    if known is not None:
        return known
    kept = keeping.store() if work.kept is not None else None
    found = Desk(Reading(mode))
    found.saved_reading = found.reading
    if kept is not None:
        try:
            _take(kept, work, found, _stored(kept, work))
        except MMCoreError as error:
            state.session().unsaved = error
    found.history.last = _step(found)
    state.keep_desk(work, found)
    if kept is not None and found.reading.mode is ReadingMode.CONCURRENT:
        _tell_shown(kept, work)
    return found


def has_seen_an_answer(work: CaseWork) -> bool:
    """Return whether any model's answer on the case was ever shown to this reader."""
    if state.has_seen_an_answer(work):
        return True
    try:
        kept = keeping.store()
        return kept is not None and _has_seen(kept, work)
    except StoreError:  # not known, so it is not claimed
        return True


def save_changes(current: Session) -> None:
    """Save whatever changed since the last time, in every open case of a tab.

    Called after the callbacks of the page's widgets and again when the page has been drawn; asks
    nothing of Streamlit, which may have stopped the page.
    """
    for (digest, pack_name), found in current.desks.items():
        work = current.cases.get(digest)
        if work is None or (work.pack_name or "") != pack_name:
            continue
        note_step(found)
        if work.kept is not None:
            _save(current, work, found)


def save(work: CaseWork, *happened: Happened) -> bool:
    """Save a case's desk now, with what has just happened; return whether nothing is left unsaved.

    A case that is not kept has nothing to save.
    """
    found = state.find_desk(work)
    if found is None:
        return True
    note_step(found)
    if work.kept is None:
        auditing.tell(work, happened)
        return True
    _save(state.session(), work, found, happened)
    return state.session().unsaved is None


def _save(
    current: Session, work: CaseWork, found: Desk, happened: tuple[Happened, ...] = ()
) -> None:
    try:
        kept = keeping.store()
        if kept is None or work.kept is None:
            return
        people.require(Action.READ)
        if work.kept.pack_name != work.pack_name and work.pack_name is not None:
            kept.choose_pack(work.case.digest, work.pack_name)
            work.kept.pack_name = work.pack_name
        if work.document is not None and work.kept.document is not work.document:
            happened = (*happened, (EventKind.REPORTED, "", {}))
        _write(kept, current, work, found, happened)
        work.kept.document = work.document
    except UnknownCaseError as error:  # deleted in another window: it lives on in this tab alone
        work.kept, current.unsaved = None, error
    except (StoreError, PeopleError) as error:
        current.unsaved = error
    else:
        current.unsaved = None


def catch_up(work: CaseWork) -> None:
    """Take over what another window saved, and keep what was entered in this one beside it.

    Raises ``StoreError``.
    """
    kept, found = keeping.store(), state.find_desk(work)
    if kept is not None and found is not None:
        _join(kept, state.session(), work, found)


def _write(
    kept: Store, current: Session, work: CaseWork, found: Desk, happened: tuple[Happened, ...]
) -> None:
    """Write the desk if it changed; where another window wrote in between, join the two."""
    for _ in range(_TRIES):
        draft = draft_of(work, found)
        is_new_reading = found.reading != found.saved_reading
        is_new_draft = draft != (found.saved.draft or {})
        if not (is_new_reading or is_new_draft or happened):
            return
        wanted = StoredDesk(
            _document(found.reading) if is_new_reading else None,
            draft,
            found.saved.reading_version,
            found.saved.draft_version,
        )
        try:
            found.saved = kept.save_desk(
                work.case.digest,
                work.pack_name or "",
                wanted,
                progress=_progress(work, found),
                attached=[image.png for image in found.key_images],
                happened=happened,
                reader=people.reader(),
            )
        except StaleVersionError:
            if _join(kept, current, work, found):
                happened = ()  # it was not recorded after all
            continue
        except ReportSignedError as error:
            found.reading, happened = found.saved_reading or found.reading, ()
            current.told = of_store_error(error)
            continue
        found.saved_reading = found.reading
        return
    raise StaleVersionError(what="draft", expected=found.saved.draft_version)


def _join(kept: Store, current: Session, work: CaseWork, found: Desk) -> bool:
    """Take over what another window saved, and keep what was entered in this one beside it.

    Return whether what was just recorded here is an entry again, because the other window recorded
    first: a recorded reading is followed, never overwritten.
    """
    theirs = _stored(kept, work)
    base: Json = found.saved.draft or {}
    is_behind = theirs.reading_version != found.saved.reading_version
    is_refused = is_behind and found.reading != found.saved_reading
    mine = draft_of(work, found)
    if is_refused:  # what it was recorded from, as if it had been entered just now
        base, mine = {}, dict(base)
    if is_behind and theirs.reading is not None:
        found.reading = found.saved_reading = reading_of(theirs.reading)
        current.told = say(
            "Another window recorded something on this case meanwhile. It is shown now; what you "
            "entered here is not recorded yet."
        )
    found.saved = theirs
    _take_draft(kept, work, found, merging.merged(base, mine, theirs.draft or {}))
    found.history.round += 1
    forget_steps(found)
    work.forget_report()
    return is_refused


# --- As JSON


def draft_of(work: CaseWork, found: Desk) -> dict[str, Any]:
    """Return what was entered and not recorded, as JSON; what is blank is left out."""
    entries = {
        name: {key: value for key, value in entry_json(entry).items() if value}
        for name, entry in found.entries.items()
        if entry != Entry()
    }
    draft = {
        "entries": entries,
        "key_images": [image_json(image) for image in found.key_images],
        "viewer": found.viewer,
        "conclusion": found.conclusion,
        "addendum": found.addendum,
        "target": work.target,
        "left_out": sorted(work.left_out),
    }
    filled = {name: value for name, value in draft.items() if value}
    plain: dict[str, Any] = json.loads(json.dumps(filled))
    return plain


def _stored(kept: Store, work: CaseWork) -> StoredDesk:
    return kept.desk(work.case.digest, work.pack_name or "", reader=people.reader())


def _has_seen(kept: Store, work: CaseWork) -> bool:
    return kept.has_happened(_ANSWERS, work.case.digest, reader=people.reader())


def _take(kept: Store, work: CaseWork, found: Desk, stored: StoredDesk) -> None:
    """Put on a desk what was stored."""
    if stored.reading is not None:
        found.reading = reading_of(stored.reading)
    found.saved, found.saved_reading = stored, found.reading
    _take_draft(kept, work, found, stored.draft or {})


def _take_draft(kept: Store, work: CaseWork, found: Desk, draft: Json) -> None:
    """Put on a desk what was entered; what this version does not know is left out."""
    found.entries = {
        str(name): entry_of(value) for name, value in dict(draft.get("entries", {})).items()
    }
    known = {hashlib.sha256(image.png).hexdigest(): image.png for image in found.key_images}
    images = (_key_image(kept, known, image) for image in draft.get("key_images", []))
    found.key_images = tuple(image for image in images if image is not None)
    found.viewer = dict(draft.get("viewer", {}))
    found.conclusion = str(draft.get("conclusion", ""))
    found.addendum = str(draft.get("addendum", ""))
    work.target = draft.get("target") or work.target
    work.left_out = frozenset(m for m in Modality if m in draft.get("left_out", []))


def _key_image(
    kept: Store, known: Mapping[str, bytes], image: Mapping[str, Any]
) -> KeyImage | None:
    """Return a picture for the report; ``None``, which is told, where its file is damaged."""
    try:
        png = known.get(image["picture"]) or kept.picture(image["picture"])
    except StoredFileDamagedError:
        state.session().told = say(
            "A picture for the report can not be read any more and is left out: {caption}",
            caption=str(image["caption"]),
        )
        return None
    return KeyImage(
        png=png,
        digest=image["digest"],
        frame=image["frame"],
        caption=image["caption"],
        recorded_at=datetime.fromisoformat(image["recorded_at"]),
    )


def _document(reading: Reading) -> Json:
    from mmcore.report.impressions import reading_document

    return reading_document(reading)


def reading_of(document: Json) -> Reading:
    """Return a stored reading. Raises ``ResultFormatError`` where it is at odds with itself."""
    from mmcore.report import impressions
    from mmcore.report.node import Node

    said = (*document.get("impressions", ()), *document.get("decisions", ()))
    targets = {one["target"] for one in said}
    return impressions.reading_of(Node(dict(document), "stored reading"), targets)


def _progress(work: CaseWork, found: Desk) -> Progress:
    from dashboard.reading import asked

    prediction = work.prediction
    return Progress(
        begun=sum(entry != Entry() for entry in found.entries.values()),
        asked=len(asked(prediction)) if prediction is not None else None,
        decided=len({decision.target for decision in found.reading.decisions}),
        revealed_at=found.reading.revealed_at,
    )


def _tell_shown(kept: Store, work: CaseWork) -> None:
    try:
        if not _has_seen(kept, work):
            kept.tell(
                EventKind.SHOWN, work.case.digest, pack_name=work.pack_name or "",
                reader=people.reader(),
            )  # fmt: skip
    except StoreError as error:
        state.session().unsaved = error


# --- Undo


def _step(found: Desk) -> Step:
    entries = {n: copy.copy(e) for n, e in found.entries.items() if e != Entry()}
    return Step(entries, found.key_images)


def note_step(found: Desk) -> None:
    """Remember how the desk was before its last change, so that it can be undone."""
    history, now = found.history, _step(found)
    if now != history.last:
        history.past = [*history.past, history.last][-MOST_STEPS:]
        history.future = []
        history.last = now


def forget_steps(found: Desk) -> None:
    """Let nothing be undone from here back: what is recorded stays recorded."""
    found.history.past, found.history.future = [], []
    found.history.last = _step(found)


def undo(work: CaseWork) -> None:
    """Take the last entry back."""
    _go(work, is_back=True)


def redo(work: CaseWork) -> None:
    """Make the entry again that was taken back last."""
    _go(work, is_back=False)


def _go(work: CaseWork, *, is_back: bool) -> None:
    found = state.find_desk(work)
    if found is None:
        return
    note_step(found)
    history = found.history
    here, there = (history.past, history.future) if is_back else (history.future, history.past)
    if not here:
        return
    there.append(history.last)
    history.last = here.pop()
    found.entries = {name: copy.copy(entry) for name, entry in history.last.entries.items()}
    found.key_images, found.removed = history.last.key_images, None
    history.round += 1
    work.forget_report()
    save(work)
