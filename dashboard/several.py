"""Files of several patients that came in together: a case for each of them.

What does not say whose it is waits for a person, and nothing is opened or kept before they said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dashboard import columns, inputs, jobs, keeping, people, resuming, services, state, turns
from dashboard.jobs import Tell
from dashboard.language import say
from dashboard.several_records import Files, OnePatient, Question, Several
from mmcore.errors import StoreError
from mmcore.people import Action
from mmcore.records import Case, FileVerdict, Modality

if TYPE_CHECKING:
    from mmcore.intake.columns import Mappings
    from mmcore.intake.several import NobodysFile, PatientFiles, SortedFiles

_AS_NOBODY = None


def read(files: Sequence[tuple[str, bytes]]) -> None:
    """Start reading dropped files, of one patient or of several; ``take`` collects the outcome."""
    by, mappings = people.require(Action.OPEN).id, columns.remembered()
    label = label_of(files)

    @turns.first()
    def work(tell: Tell) -> Case | Several:
        found = keeping.sort_files(files, tell, mappings)
        if len(found.patients) == 1:
            case = found.patients[0].case
            services.keep_if_of_use(case, files, label=label, pack_name=None, by=by)
            return case
        several = _several(found)
        if several.is_waiting:
            return several
        return _opened(several, [one.case for one in found.patients], tell, by)

    services.begin_reading(jobs.start(work), files, label)


def answer(whose: Mapping[int, int | None]) -> None:
    """Start opening the cases of the several patients, each with the files that are theirs.

    whose: by number of a question, the number of a patient, or None to leave its files aside.
    """
    several = state.session().several
    if several is None:
        return
    by, mappings = people.require(Action.OPEN).id, columns.remembered()
    patients, aside = list(several.patients), []
    for number, question in enumerate(several.questions):
        at = whose.get(number)
        if at is None:
            aside += [source.name for source in question.sources]
        else:
            patients[at] = replace(patients[at], files=patients[at].files + question.files)
    asked = replace(several, patients=tuple(patients), questions=(), aside=tuple(aside))

    @turns.first()
    def work(tell: Tell) -> Several:
        return _opened(asked, None, tell, by, mappings)

    services.begin_reading(jobs.start(work), (), "")


def take() -> None:
    """Look at what was read, once it is: the case, or the first of several patients'."""
    current = state.session()
    several = current.intake.result if current.intake is not None else None
    if not isinstance(several, Several):
        services.take_read_case()
        return
    current.intake, current.intake_files = None, ()
    current.uploader_round += 1
    current.several = replace(several, first=None)
    if several.first is not None:
        one = next(one for one in several.patients if one.digest == several.first.digest)
        services.look_at(several.first, one.label, None, one.files)


def dismiss() -> None:
    """Let the list of the several patients go; cases that were opened stay where they are."""
    state.session().several = None


def look_at(one: OnePatient) -> None:
    """Look at the case of one of the several patients.

    Raises ``StoreError`` and ``PeopleError``.
    """
    current, kept = state.session(), keeping.store()
    if one.digest in current.cases:
        state.activate(one.digest)
    elif kept is not None and kept.case(one.digest) is not None:
        resuming.reopen(one.digest)
    elif one.files:
        services.read_files(one.files, one.label)
    else:
        current.told = say("The case is not stored here any more.")


def label_of(files: Sequence[tuple[str, bytes]]) -> str:
    """Return what a case of these files is called."""
    return files[0][0] if len(files) == 1 else say("{n} files", n=len(files))


def _opened(
    several: Several,
    cases: Sequence[Case] | None,
    tell: Tell,
    by: str,
    mappings: "Mappings | None" = None,
) -> Several:
    """Return the several patients with their cases kept; inside a job.

    cases: as they were read, or None to read them, one after the other.
    """
    patients: list[OnePatient] = []
    first: Case | None = None
    total = len(several.patients)
    for number, one in enumerate(several.patients):
        tell(number / total, say("Opening patient {n} of {all}", n=number + 1, all=total))
        case = cases[number] if cases is not None else _read_again(one, mappings or {})
        if case.has_used_files:
            keeping.keep_case(case, one.files, label=label_of(one.files), pack_name=None, by=by)
        patients.append(_one(case, one.files, is_kept=_is_kept(case)))
        if first is None and case.has_used_files:
            first = case
    return replace(several, patients=tuple(patients), first=first)


def _read_again(one: OnePatient, mappings: "Mappings") -> Case:
    return keeping.read_case(one.files, lambda *_: None, mappings)


def _is_kept(case: Case) -> bool:
    try:
        kept = keeping.store()
        return kept is not None and kept.case(case.digest) is not None
    except StoreError:  # the files stay in memory, and the page says so of the one in view
        return False


def _several(found: "SortedFiles") -> Several:
    patients = tuple(_of_files(one) for one in found.patients)
    open_tables = [one for one in found.unread if columns.may_be_named(one.source)]
    questions: dict[str, list[NobodysFile]] = {}
    for one in (*found.nobodys, *open_tables):
        questions.setdefault(one.series or one.source.digest, []).append(one)
    folders = [{_folder(name) for name, _ in one.files} for one in patients]
    return Several(
        patients,
        tuple(_question(files, folders) for files in questions.values()),
        tuple(one.source for one in found.unread if one not in open_tables),
    )


def _of_files(found: "PatientFiles") -> OnePatient:
    return _one(found.case, tuple((file.name, file.data) for file in found.files), is_kept=False)


def _one(case: Case, files: Files, *, is_kept: bool) -> OnePatient:
    unused = sum(file.verdict is FileVerdict.REFUSED for file in case.files)
    holds = tuple(modality for modality in Modality if inputs.held(case, modality))
    return OnePatient(
        case.digest, case.patient, label_of(files), len(files), holds, unused,
        () if is_kept else files,
    )  # fmt: skip


def _question(found: Sequence["NobodysFile"], folders: Sequence[set[str]]) -> Question:
    own = {_folder(one.source.name) for one in found}
    beside = [number for number, theirs in enumerate(folders) if own & theirs]
    is_theirs = len(beside) == 1 and "" not in own
    return Question(
        tuple(one.source for one in found),
        tuple((one.file.name, one.file.data) for one in found),
        beside[0] if is_theirs else None,
    )


def _folder(name: str) -> str:
    """Return the folder in which a file came, "" for none."""
    parent = str(PurePosixPath(name.replace("\\", "/")).parent)
    return "" if parent == "." else parent
