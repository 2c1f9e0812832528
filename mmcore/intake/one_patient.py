"""A case is one patient's: whoever does not fit the largest group of files is refused."""

from collections.abc import Sequence
from dataclasses import dataclass

from mmcore.errors import RefusalCode
from mmcore.intake.identity import may_be_same, name_parts, record_numbers, says_whose
from mmcore.intake.parts import Identity, ImagePart
from mmcore.intake.read_file import ReadFile
from mmcore.language import say


@dataclass(slots=True)
class _Person:
    """What all files of one group say together."""

    identities: list[Identity]
    digests: set[str]


def refuse_other_patients(files: Sequence[ReadFile]) -> tuple[list[ReadFile], Identity]:
    """Refuse the files of every patient but the one with most files."""
    people: list[_Person] = []
    known = [f for f in files if f.part is not None and says_whose(f.part.identity)]
    # Those that say most first, so that a bare name joins whom it fits and founds no group.
    for file in sorted(known, key=lambda file: (-_strength(file), file.source.digest)):
        identity = file.part.identity if file.part is not None else Identity()
        fitting = [p for p in people if all(may_be_same(identity, other) for other in p.identities)]
        if fitting:
            person = max(fitting, key=lambda p: len(p.digests))
            if identity not in person.identities:
                person.identities.append(identity)
            person.digests.add(file.source.digest)
        else:
            people.append(_Person([identity], {file.source.digest}))
    if not people:
        return list(files), Identity()
    images = {file.source.digest for file in files if isinstance(file.part, ImagePart)}
    winner = min(people, key=lambda p: (-len(p.digests), not p.digests & images, min(p.digests)))
    others = {digest for person in people if person is not winner for digest in person.digests}
    return [
        _judge_patient(file, others=others, winner=winner) for file in files
    ], winner.identities[0]


def _judge_patient(file: ReadFile, *, others: set[str], winner: _Person) -> ReadFile:
    if file.part is None or file.source.digest in winner.digests:
        return file
    sexes = {i.sex for i in winner.identities if i.sex in ("F", "M")}
    if len(sexes) == 1 and file.part.identity.sex in {"F", "M"} - sexes:
        words = say("the file states another sex than the rest of the case")
        return file.refused(RefusalCode.PATIENT_MISMATCH, words)
    if not others:
        return file
    if file.source.digest in others:
        words = say("the file names another patient than the rest of the case")
    else:  # it may be the other patient's, and nobody would see
        words = say("the files are of several patients and this one does not say whose it is")
    return file.refused(RefusalCode.PATIENT_MISMATCH, words)


def _strength(file: ReadFile) -> int:
    identity = file.part.identity if file.part is not None else Identity()
    named = bool(name_parts(identity.name))
    return 4 * bool(record_numbers(identity)) + 2 * bool(identity.birth_date) + named
