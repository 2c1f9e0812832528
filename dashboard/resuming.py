"""A stored case opened again: from the address of the page, or from the list of cases.

The address names the case by the start of its digest and holds nothing of the patient.
"""

from dataclasses import replace

import streamlit as st

from dashboard import columns, completing, jobs, keeping, people, people_words, services, state
from dashboard.jobs import Tell
from dashboard.state import CaseWork, Kept, Resuming
from mmcore.errors import PeopleError, StoreError
from mmcore.language import say
from mmcore.people import Action
from mmcore.records import Case

ADDRESS = "case"
_LENGTH = 16  # hexadecimal digits of a digest in the address


def follow_address() -> None:
    """Look at the case that the address names, unless this tab has set the address itself."""
    current = state.session()
    named = st.query_params.get(ADDRESS, "")
    if not named or named == current.address or current.resuming is not None:
        return
    current.address = named
    here = next((digest for digest in current.cases if digest.startswith(named)), None)
    if here is not None:
        state.activate(here)
        return
    try:
        kept = keeping.store()
        digest = None if kept is None or len(named) < _LENGTH else kept.find(named)
        if digest is not None:
            reopen(digest)
        elif kept is not None:
            current.told = say("The address names a case that is not stored here, or no longer.")
    except PeopleError as error:
        current.told = people_words.of_people_error(error)
    except StoreError:
        current.told = say(
            "Stored cases can not be read just now. Nothing is lost: load the page again."
        )


def show_address() -> None:
    """Let the address name the case in view, so that a reload finds it."""
    current, work = state.session(), state.active()
    if current.resuming is not None:
        return
    wanted = "" if work is None or work.kept is None else work.case.digest[:_LENGTH]
    current.address = wanted
    if wanted:
        if st.query_params.get(ADDRESS) != wanted:
            st.query_params[ADDRESS] = wanted
    elif ADDRESS in st.query_params:
        del st.query_params[ADDRESS]


def reopen(digest: str) -> None:
    """Start reading a stored case again; look at it at once if it is open in this tab."""
    current = state.session()
    if digest in current.cases:
        state.activate(digest)
        return
    by, kept = people.require(Action.OPEN).id, keeping.store()
    stored = None if kept is None else kept.case(digest)
    if kept is None or stored is None:
        return

    n_files, mappings = len(kept.file_names(digest)), columns.remembered()

    def work(tell: Tell) -> Case:
        files = [(file.name, file.data) for file in kept.files(digest)]
        case = keeping.read_case(files, tell, mappings)
        if case.digest == digest:
            kept.open_case(digest, by=by)
        else:  # this version reads the same files otherwise
            keeping.keep_case(case, files, label=stored.label, pack_name=stored.pack_name, by=by)
        return case

    current.resuming = Resuming(digest, stored.label, n_files, stored.pack_name, jobs.start(work))


def take() -> CaseWork | None:
    """Open the stored case whose files have been read; None while they are, or after an error."""
    current = state.session()
    resuming = current.resuming
    if resuming is None or not isinstance(resuming.job.result, Case):
        return None
    case = resuming.job.result
    work = state.open_case(case, _label(resuming))
    work.pack_name = resuming.pack_name or work.pack_name
    if work.pack_name is None:
        chosen = services.pack()
        work.pack_name = chosen.name if chosen else None
    work.kept = Kept(resuming.pack_name)
    if case.digest != resuming.digest:
        keeping.begin(work)
        stored = replace(case, digest=resuming.digest)
        former = CaseWork(stored, work.label, work.pack_name, kept=Kept(resuming.pack_name))
        completing.take_place(former, work)
        current.told = say(
            "This version of the program reads the files of this case otherwise than the one that "
            "stored it. It is a case of its own now, with what you had entered; what was decided "
            "or signed stays with the former one."
        )
    current.resuming = None
    return work


def _label(resuming: Resuming) -> str:
    """Return the label of a stored case, as a sentence where it was one of ours."""
    counted = say("{n} files", n=resuming.n_files)
    titles = (demo.title for demo in services.demo_cases())
    return next((ours for ours in (counted, *titles) if ours == resuming.label), resuming.label)


def give_up() -> None:
    """Go on without the stored case that could not be read."""
    state.session().resuming = None
