"""A case is one patient's: files are told apart by whom they name, and those of others refused."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from mmcore.errors import RefusalCode
from mmcore.intake.identity import may_be_same, name_parts, record_numbers, says_whose
from mmcore.intake.parts import Identity, ImagePart
from mmcore.intake.read_file import ReadFile
from mmcore.language import say

NOBODYS = say("the files are of several patients and this one does not say whose it is")


@dataclass(slots=True)
class Person:
    """What all files of one patient say together. digests: of these files."""

    identities: list[Identity] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)

    def may_be(self, identity: Identity) -> bool:
        """Whether a file with this identity can be about this patient."""
        return all(may_be_same(identity, other) for other in self.identities)

    def shares_number(self, identity: Identity) -> bool:
        """Whether a file gives a record number that this patient's files give."""
        numbers = record_numbers(identity)
        return any(numbers & record_numbers(other) for other in self.identities)

    def shares_name(self, identity: Identity) -> bool:
        """Whether a file gives a name that this patient's files give too, all of the shorter."""
        ours = name_parts(identity.name)
        others = [name_parts(other.name) for other in self.identities]
        return any(ours & theirs and (ours <= theirs or theirs <= ours) for theirs in others)


def tell_apart(files: Sequence[ReadFile]) -> tuple[list[Person], set[str]]:
    """Return the patients whom files name, and the digests of files that fit more than one.

    Files that say of nobody are neither. Between two patients whom a file fits a record number in
    common decides, else a name that only one of them bears: namesakes are not told apart by it.
    """
    people: list[Person] = []
    known = [f for f in files if f.part is not None and says_whose(f.part.identity)]
    # Those that say most first, so that a bare name joins whom it fits and founds no group.
    for file in sorted(known, key=_most_first):
        identity = _identity(file)
        fitting = [person for person in people if person.may_be(identity)]
        if fitting:
            person = max(fitting, key=lambda p: _closeness(p, identity))
        else:
            person = Person()
            people.append(person)
        if identity not in person.identities:
            person.identities.append(identity)
        person.digests.add(file.source.digest)
    unsure = {file.source.digest for file in known if _fits_several(_identity(file), people)}
    for person in people:
        person.digests -= unsure
    return [person for person in people if person.digests], unsure


def refuse_other_patients(files: Sequence[ReadFile]) -> tuple[list[ReadFile], Identity]:
    """Refuse the files of every patient but the one with most files."""
    people, unsure = tell_apart(files)
    if not people:
        return list(files), Identity()
    images = {file.source.digest for file in files if isinstance(file.part, ImagePart)}
    winner = min(people, key=lambda p: (-len(p.digests), not p.digests & images, min(p.digests)))
    others = {digest for person in people if person is not winner for digest in person.digests}
    return [
        _judge_patient(file, others=others, unsure=unsure, winner=winner) for file in files
    ], winner.identities[0]


def mark_nameless(files: Sequence[ReadFile]) -> list[ReadFile]:
    """Mark the used files that do not say whose they are, where there is more than one to use."""
    if sum(file.is_used for file in files) < 2:
        return list(files)
    return [
        dataclasses.replace(file, source=dataclasses.replace(file.source, is_nameless=True))
        if file.part is not None and file.is_used and not says_whose(file.part.identity)
        else file
        for file in files
    ]


def _judge_patient(
    file: ReadFile, *, others: set[str], unsure: set[str], winner: Person
) -> ReadFile:
    if file.part is None or file.source.digest in winner.digests:
        return file
    sexes = {i.sex for i in winner.identities if i.sex in ("F", "M")}
    if len(sexes) == 1 and file.part.identity.sex in {"F", "M"} - sexes:
        words = say("the file states another sex than the rest of the case")
        return file.refused(RefusalCode.PATIENT_MISMATCH, words)
    if file.source.digest in unsure:
        words = say("the file may be about more than one of the patients whom the files name")
        return file.refused(RefusalCode.PATIENT_MISMATCH, words)
    if not others:
        return file
    if file.source.digest in others:
        words = say("the file names another patient than the rest of the case")
    else:  # it may be the other patient's, and nobody would see
        words = NOBODYS
    return file.refused(RefusalCode.PATIENT_MISMATCH, words)


def _closeness(person: Person, identity: Identity) -> tuple[bool, bool, int]:
    return person.shares_number(identity), person.shares_name(identity), len(person.digests)


def _fits_several(identity: Identity, people: Sequence[Person]) -> bool:
    fitting = [person for person in people if person.may_be(identity)]
    by_number = [person for person in fitting if person.shares_number(identity)]
    by_name = [person for person in fitting if person.shares_name(identity)]
    return len(by_number or by_name or fitting) > 1


def _identity(file: ReadFile) -> Identity:
    return file.part.identity if file.part is not None else Identity()


def _most_first(file: ReadFile) -> tuple[int, int, str]:
    identity = _identity(file)
    words = name_parts(identity.name)
    said = 4 * bool(record_numbers(identity)) + 2 * bool(identity.birth_date) + bool(words)
    return -said, -len(words), file.source.digest
