"""Put the parts of a case together: one patient only, everything in order, every file accounted.

The order in which files were dropped in decides nothing, so the same files are the same case.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime

from mmcore.intake.corrections import apply_corrections
from mmcore.intake.crosscheck import contradictions_of, is_same_value
from mmcore.intake.identity import matches, name_parts, says_whose
from mmcore.intake.one_patient import mark_nameless, refuse_other_patients
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
from mmcore.intake.read_file import ReadFile, by_digest
from mmcore.intake.same_image import sort_out_second_instances
from mmcore.intake.time_order import last_of
from mmcore.intake.timing import has_later, image_time, latest_time, leave_out_later
from mmcore.intake.volumes import slices_of
from mmcore.language import Text, say
from mmcore.records import (
    Case,
    FileVerdict,
    Modality,
    Note,
    Observation,
    Patient,
    Recording,
    Series,
    Study,
    Variant,
)


def assemble(
    files: Sequence[ReadFile], *, take_later: bool = False, notices: Iterable[str] = ()
) -> Case:
    """Return the case of the largest group of files that agree on the patient.

    take_later: read items later than the image too, see ``timing``.
    """
    files, contradictions = sort_out_second_instances(files)
    files, identity = refuse_other_patients(files)
    files = apply_corrections(files)
    taken = image_time(files)
    as_of = taken or latest_time(files)
    has_taken_later = take_later and has_later(files, taken)
    timely = leave_out_later(files, taken, takes_later=take_later)
    files = timely.files
    contradictions += contradictions_of(files, identity)
    files = mark_nameless(files)
    used = [file for file in files if file.source.verdict is FileVerdict.USED]
    parts = [file.part for file in sorted(used, key=by_digest) if file.part is not None]
    images = [part for part in parts if isinstance(part, ImagePart)]
    notes = [part for part in parts if isinstance(part, NotePart)]
    tables = [part for part in parts if isinstance(part, ObservationsPart)]
    sounds = [part for part in parts if isinstance(part, RecordingPart)]
    panels = [part for part in parts if isinstance(part, VariantsPart)]
    further = [part for part in parts if isinstance(part, AttachmentPart)]
    variants, n_contradicted = _variants(panels)
    observations, twice = _observations(tables)
    said = _say(images, notes, tables, parts)
    said += _say_of_panels(panels, n_contradicted)
    said += [notice for part in sounds for notice in part.recording.notices]
    said += [*twice, *timely.notices]
    if has_taken_later:
        said.append(say("Items later than the image are read too, as the site has set."))
    return Case(
        digest=_case_digest(files, used, has_taken_later=has_taken_later, zone=timely.zone),
        patient=_patient([*images, *tables, *notes, *sounds, *panels, *further], identity),
        studies=_studies(images),
        notes=_newest_first([p.note for p in notes] + [n for p in tables for n in p.notes]),
        observations=observations,
        recordings=tuple(_newest_recordings(sounds)),
        variants=variants,
        attachments=_attachments(further),
        files=tuple(file.source for file in files),
        notices=tuple(dict.fromkeys([*notices, *said])),
        contradictions=contradictions,
        as_of=None if as_of is None else last_of(as_of),
    )


def _case_digest(
    files: Sequence[ReadFile], used: Sequence[ReadFile], *, has_taken_later: bool, zone: str
) -> str:
    """Return the digest over the used files; without any, over all, so that no two cases share one.

    A file that was never read has the digest of nothing, and only its name tells it apart. Items
    that the site's setting alone let in make another case, and so does the zone by which they were
    put in order, where one had to be assumed.
    """
    digests = sorted(file.source.digest for file in used)
    if not digests:
        every = (file.source for file in files)
        digests = sorted(s.digest if s.size_bytes else f"{s.digest} {s.name}" for s in every)
        digests.insert(0, "none used")
    if has_taken_later:
        digests.append("with later items")
    if zone:
        digests.append(f"by the clock of {zone}")
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _wall(at: datetime | None) -> datetime:
    """Return a time as others are compared with it; what has none comes before all that have."""
    return datetime.min if at is None else at.replace(tzinfo=None)


def _newest_first(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Order notes by their time, undated ones after; the model reads the first."""
    dated = [note for note in notes if note.authored_at is not None]
    undated = [note for note in notes if note.authored_at is None]
    dated.sort(key=lambda note: _wall(note.authored_at), reverse=True)
    return (*dated, *undated)


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
            started_at=min(
                (p.study_started_at.at for p in parts if p.study_started_at),
                key=_wall,
                default=None,
            ),
            accession_number=next((p.accession_number for p in parts if p.accession_number), None),
            series=_series(parts),
        )
        for uid, parts in by_study.items()
    ]
    studies.sort(key=lambda study: study.study_uid)
    return tuple(sorted(studies, key=lambda study: _wall(study.started_at), reverse=True))


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
            instances=tuple(
                p.instance for p in _slices([one for part in parts for one in slices_of(part)])
            ),
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


def _observations(
    tables: Sequence[ObservationsPart],
) -> tuple[tuple[Observation, ...], list[Text]]:
    """Return every observation once, by kind and time, and a notice where some came twice."""
    found: dict[tuple[object, ...], list[Observation]] = {}
    every: list[Observation] = []
    n_twice = 0
    for part in tables:
        for item in part.observations:
            same = found.setdefault(
                (item.loinc, item.time and _wall(item.time), item.comparator), []
            )
            at = bisect_left(same, item.value, key=lambda other: other.value)
            # Only its neighbours can be the same: a file may hold very many of one time.
            if any(is_same_value(item, other) for other in same[max(0, at - 1) : at + 1]):
                n_twice += 1
            else:
                same.insert(at, item)
                every.append(item)
    kept = tuple(sorted(every, key=lambda item: (item.loinc, _wall(item.time))))
    said = [say("Observations that came twice were counted once: {n}.", n=n_twice)]
    return kept, said if n_twice else []


def _newest_recordings(sounds: Sequence[RecordingPart]) -> list[Recording]:
    """Order recordings by their time, undated ones after; the model hears the first."""
    found = [part.recording for part in sounds]

    def order(sound: Recording) -> tuple[bool, datetime]:
        return sound.recorded_at is not None, _wall(sound.recorded_at)

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
