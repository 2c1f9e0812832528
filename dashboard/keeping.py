"""Cases between the pages and the store: kept, put aside, removed; and what a reader prefers."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dashboard import people, state
from dashboard.jobs import Tell
from dashboard.state import CaseWork, Kept
from dashboard.stores import UNDO_MINUTES as UNDO_MINUTES
from dashboard.stores import close as close
from dashboard.stores import store as store
from mmcore.errors import StoreError
from mmcore.language import say
from mmcore.people import Action
from mmcore.records import Case
from mmcore.store import LOCAL, KeptFile
from mmcore.wording import person_name

if TYPE_CHECKING:
    from mmcore.intake import SortedFiles
    from mmcore.intake.columns import Mappings


def read_case(files: Sequence[tuple[str, bytes]], tell: Tell, mappings: "Mappings") -> Case:
    """Return the case that files make, dropped or stored; inside a job.

    mappings: of columns, as the reader said before.
    """
    from mmcore.intake import RawFile, case_from_files

    raw = [RawFile(name, data) for name, data in files]
    return case_from_files(raw, progress=_telling(tell), mappings=mappings)


def sort_files(
    files: Sequence[tuple[str, bytes]], tell: Tell, mappings: "Mappings"
) -> "SortedFiles":
    """Return the cases that dropped files make, one for each patient; inside a job."""
    from mmcore.intake import RawFile, cases_from_files

    raw = [RawFile(name, data) for name, data in files]
    return cases_from_files(raw, progress=_telling(tell), mappings=mappings)


def _telling(tell: Tell) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        number = min(done + 1, total)
        tell(done / max(total, 1), say("Reading file {n} of {all}", n=number, all=total))

    return progress


def keep_case(
    case: Case,
    files: Sequence[tuple[str, bytes]],
    *,
    label: str,
    pack_name: str | None,
    by: str = LOCAL,
) -> None:
    """Keep a case that has just been read, with its files; ``begin`` tells whether it worked.

    by: who opened it; inside a job nobody is at the page.
    """
    from mmcore.worklist.facts import facts_of

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
                by=by,
                facts=facts_of(case),
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
        kept.close_case(work.case.digest, by=people.reader())


def remove(digest: str) -> None:
    """Take a case off every list; it can be brought back for a while."""
    by = people.require(Action.REMOVE).id
    kept = store()
    state.close_case(digest)
    if kept is not None:
        kept.remove(digest, by=by)


def restore(digest: str) -> None:
    """Bring a removed case back on the lists."""
    by, kept = people.require(Action.REMOVE).id, store()
    if kept is not None:
        kept.restore(digest, by=by)


def delete(digest: str) -> None:
    """Delete a removed case for good, now."""
    by, kept = people.require(Action.REMOVE).id, store()
    if kept is not None:
        kept.delete(digest, by=by)


def preference(name: str) -> Any:
    """Return what this reader prefers, a JSON value, or None if they never said."""
    known = state.session().preferences
    if name not in known:
        kept = store()
        known[name] = None if kept is None else kept.preference(people.reader(), name)
    return known[name]


def prefer(name: str, value: Any) -> None:
    """Keep what this reader prefers, for this tab and, where the site keeps anything, for good."""
    state.session().preferences[name] = value
    kept = store()
    if kept is not None:
        kept.prefer(people.reader(), name, value)
