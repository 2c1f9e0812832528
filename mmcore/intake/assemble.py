"""Put the parts of a case together: one patient only, everything in order, every file accounted.

The order in which files were dropped in decides nothing, so the same files are the same case.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mmcore.errors import RefusalCode
from mmcore.intake.identity import (
    matches,
    may_be_same,
    name_parts,
    record_numbers,
    says_whose,
)
from mmcore.intake.parts import (
    AttachmentPart,
    Identity,
    ImagePart,
    NotePart,
    ObservationsPart,
    Part,
    RecordingPart,
    VariantsPart,
)
from mmcore.language import say
from mmcore.records import (
    Case,
    FileVerdict,
    Modality,
    Note,
    Observation,
    Patient,
    Recording,
    Series,
    SourceFile,
    Study,
    Variant,
)


@dataclass(frozen=True, slots=True, eq=False)
class ReadFile:
    """One file with its verdict so far, and what it holds if it may be used."""

    source: SourceFile
    part: Part | None = None


def assemble(files: Sequence[ReadFile], *, notices: Iterable[str] = ()) -> Case:
    """Return the case of the largest group of files that agree on the patient."""
    files = _refuse_second_instances(files)
    files, identity = _refuse_other_patients(files)
    used = [file for file in files if file.source.verdict is FileVerdict.USED]
    parts = [file.part for file in sorted(used, key=_digest) if file.part is not None]
    images = [part for part in parts if isinstance(part, ImagePart)]
    notes = [part for part in parts if isinstance(part, NotePart)]
    tables = [part for part in parts if isinstance(part, ObservationsPart)]
    sounds = [part for part in parts if isinstance(part, RecordingPart)]
    panels = [part for part in parts if isinstance(part, VariantsPart)]
    further = [part for part in parts if isinstance(part, AttachmentPart)]
    variants, n_contradicted = _variants(panels)
    said = _say(images, notes, tables, parts)
    said += _say_of_panels(panels, n_contradicted)
    said += [notice for part in sounds for notice in part.recording.notices]
    return Case(
        digest=_case_digest(files, used),
        patient=_patient([*images, *tables, *notes, *sounds, *panels, *further], identity),
        studies=_studies(images),
        notes=_newest_first([p.note for p in notes] + [n for p in tables for n in p.notes]),
        observations=_observations(tables),
        recordings=tuple(_newest_recordings(sounds)),
        variants=variants,
        attachments=_attachments(further),
        files=tuple(file.source for file in files),
        notices=tuple(dict.fromkeys([*notices, *said])),
    )


def _case_digest(files: Sequence[ReadFile], used: Sequence[ReadFile]) -> str:
    """Return the digest over the used files; without any, over all, so that no two cases share one.

    A file that was never read has the digest of nothing, and only its name tells it apart.
    """
    digests = sorted(file.source.digest for file in used)
    if not digests:
        every = (file.source for file in files)
        digests = sorted(s.digest if s.size_bytes else f"{s.digest} {s.name}" for s in every)
        digests.insert(0, "none used")
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _digest(file: ReadFile) -> str:
    return file.source.digest


def _newest_first(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Order notes by their time, undated ones after; the model reads the first."""
    dated = [note for note in notes if note.authored_at is not None]
    undated = [note for note in notes if note.authored_at is None]
    dated.sort(key=lambda note: note.authored_at or datetime.min, reverse=True)
    return (*dated, *undated)


def _refused(file: ReadFile, code: RefusalCode, reason: str) -> ReadFile:
    source = dataclasses.replace(file.source, verdict=FileVerdict.REFUSED, code=code, reason=reason)
    return ReadFile(source)


def _refuse_second_instances(files: Sequence[ReadFile]) -> list[ReadFile]:
    """Refuse a second file that claims to be the same image and is not."""
    owners: dict[str, str] = {}
    for file in sorted(files, key=_digest):
        if isinstance(file.part, ImagePart):
            owners.setdefault(file.part.instance.sop_instance_uid, file.source.digest)
    return [
        _refused(
            file,
            RefusalCode.DUPLICATE_FILE,
            say("another file has the same SOP Instance UID and different content"),
        )
        if isinstance(file.part, ImagePart)
        and owners[file.part.instance.sop_instance_uid] != file.source.digest
        else file
        for file in files
    ]


# One patient


@dataclass(slots=True)
class _Person:
    """What all files of one group say together."""

    identities: list[Identity]
    digests: set[str]


def _refuse_other_patients(files: Sequence[ReadFile]) -> tuple[list[ReadFile], Identity]:
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
    if file.part is None or not others or file.source.digest in winner.digests:
        return file
    if file.source.digest in others:
        words = say("the file names another patient than the rest of the case")
    else:  # it may be the other patient's, and nobody would see
        words = say("the files are of several patients and this one does not say whose it is")
    return _refused(file, RefusalCode.PATIENT_MISMATCH, words)


def _strength(file: ReadFile) -> int:
    identity = file.part.identity if file.part is not None else Identity()
    named = bool(name_parts(identity.name))
    return 4 * bool(record_numbers(identity)) + 2 * bool(identity.birth_date) + named


def _patient(parts: Sequence[Part], identity: Identity) -> Patient:
    """Return the first statement of each fact, images before tables before notes."""
    people = [part.patient for part in parts]
    return Patient(
        patient_id=next((p.patient_id for p in people if p.patient_id), None),
        name=next((p.name for p in people if p.name), identity.name),
        birth_date=next((p.birth_date for p in people if p.birth_date), None),
        sex=next((p.sex for p in people if p.sex), None),
        age_years=next((p.age_years for p in people if p.age_years is not None), None),
    )


# Order


def _studies(images: Sequence[ImagePart]) -> tuple[Study, ...]:
    """Return studies newest first, series by number, slices along the body."""
    by_study: dict[str, list[ImagePart]] = {}
    for part in images:
        by_study.setdefault(part.study_uid, []).append(part)
    studies = [
        Study(
            study_uid=uid,
            description=next((p.study_description for p in parts if p.study_description), ""),
            started_at=min((p.study_started_at for p in parts if p.study_started_at), default=None),
            accession_number=next((p.accession_number for p in parts if p.accession_number), None),
            series=_series(parts),
        )
        for uid, parts in by_study.items()
    ]
    never = datetime.min
    studies.sort(key=lambda study: study.study_uid)
    return tuple(sorted(studies, key=lambda study: study.started_at or never, reverse=True))


def _series(images: Sequence[ImagePart]) -> tuple[Series, ...]:
    by_series: dict[str, list[ImagePart]] = {}
    for part in images:
        by_series.setdefault(part.series_uid, []).append(part)

    def order(item: tuple[str, list[ImagePart]]) -> tuple[float, str]:
        numbers = [p.series_number for p in item[1] if p.series_number is not None]
        return min(numbers, default=float("inf")), item[0]

    return tuple(
        Series(
            series_uid=uid,
            dicom_modality=parts[0].instance.dicom_modality,
            description=next((p.series_description for p in parts if p.series_description), ""),
            instances=tuple(p.instance for p in _slices(parts)),
        )
        for uid, parts in sorted(by_series.items(), key=order)
    )


def _slices(images: Sequence[ImagePart]) -> list[ImagePart]:
    """Order by position if every slice has its own, else by instance number."""
    positions = {round(p.position_mm, 3) for p in images if p.position_mm is not None}
    has_positions = len(positions) == len(images)

    def order(part: ImagePart) -> tuple[float, float, str]:
        number = part.instance.instance_number
        position = part.position_mm if has_positions and part.position_mm is not None else 0.0
        return position, float("inf") if number is None else number, part.instance.digest

    return sorted(images, key=order)


def _observations(tables: Sequence[ObservationsPart]) -> tuple[Observation, ...]:
    """Return every observation once, by kind and time."""
    found: dict[tuple[object, ...], Observation] = {}
    for part in tables:
        for item in part.observations:
            key = (item.loinc, item.time, round(item.value, 6), item.comparator)
            found.setdefault(key, item)
    never = datetime.min
    return tuple(sorted(found.values(), key=lambda item: (item.loinc, item.time or never)))


def _newest_recordings(sounds: Sequence[RecordingPart]) -> list[Recording]:
    """Order recordings by their time, undated ones after; the model hears the first."""
    found = [part.recording for part in sounds]

    def order(sound: Recording) -> tuple[bool, datetime]:
        return sound.recorded_at is not None, sound.recorded_at or datetime.min

    return sorted(found, key=order, reverse=True)


def _variants(panels: Sequence[VariantsPart]) -> tuple[tuple[Variant, ...], int]:
    """Return every variant once, and on how many the panels disagree: these are left out."""
    found: dict[str, Variant] = {}
    contradicted = set()
    for part in panels:
        for item in part.variants:
            if found.setdefault(item.variant_id, item).copies != item.copies:
                contradicted.add(item.variant_id)
    kept = [item for key, item in found.items() if key not in contradicted]
    kept.sort(key=lambda item: (item.chromosome, item.position, item.gene, item.variant_id))
    return tuple(kept), len(contradicted)


def _attachments(parts: Sequence[AttachmentPart]) -> dict[Modality, tuple[object, ...]]:
    found: dict[Modality, list[object]] = {}
    for part in parts:
        found.setdefault(part.modality, []).append(part.content)
    return {modality: tuple(contents) for modality, contents in found.items()}


# Words


def _say_of_panels(panels: Sequence[VariantsPart], n_contradicted: int) -> list[str]:
    said = [notice for panel in panels for notice in panel.notices]
    n_rows = sum(len(panel.questions) for panel in panels)
    if n_rows == 1:
        said.append(say("1 row of the gene panel was not used; the files say why."))
    elif n_rows:
        said.append(say("{n} rows of the gene panel were not used; the files say why.", n=n_rows))
    if n_contradicted == 1:
        said.append(say("The gene panels disagree on a variant, which was left out."))
    elif n_contradicted:
        said.append(
            say("The gene panels disagree on {n} variants, which were left out.", n=n_contradicted)
        )
    return said


def _say(
    images: Sequence[ImagePart],
    notes: Sequence[NotePart],
    tables: Sequence[ObservationsPart],
    parts: Sequence[Part],
) -> list[str]:
    """Return what a clinician must know of the case as a whole."""
    said: list[str] = []
    nameless = sum(not says_whose(part.identity) for part in parts)
    if nameless == 1 and len(parts) > 1:
        said.append(
            say(
                "1 of {all} files does not say whose it is; it was taken to belong to this "
                "patient.",
                all=len(parts),
            )
        )
    elif nameless and len(parts) > 1:
        said.append(
            say(
                "{n} of {all} files do not say whose they are; they were taken to belong to this "
                "patient.",
                n=nameless,
                all=len(parts),
            )
        )
    sexes = {part.identity.sex for part in parts if part.identity.sex in ("F", "M")}
    if len(sexes) > 1:
        said.append(say("The files disagree on the patient's sex."))
    names = [name for part in parts if (name := name_parts(part.identity.name))]
    if any(not all(matches(word, max(names, key=len)) for word in name) for name in names):
        said.append(say("The files spell the patient's name in different ways."))
    said += [notice for note in notes for notice in note.notices]
    said += [notice for table in tables for notice in table.notices]
    questions = sum(len(part.questions) for part in tables)
    if questions == 1:
        said.append(say("1 observation was not used; the files say why."))
    elif questions:
        said.append(say("{n} observations were not used; the files say why.", n=questions))
    if len({part.study_uid for part in images}) > 1:
        said.append(say("The case holds more than one imaging study."))
    return said
