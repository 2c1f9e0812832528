"""What the list of work says of a case: who it is about, which study, and when."""

import re
from datetime import UTC, datetime

from mmcore.deid.allowed import vocabulary
from mmcore.intake.identity import name_parts, record_numbers
from mmcore.intake.parts import Identity
from mmcore.records import Case, Patient
from mmcore.store.work_records import CaseFacts


def facts_of(case: Case) -> CaseFacts:
    """Return the facts of a case; its first study with an image speaks for it."""
    study = next((s for s in case.studies if any(one.instances for one in s.series)), None)
    image = next((i for one in study.series for i in one.instances), None) if study else None
    when = (study.started_at if study else None) or (image.acquired_at if image else None)
    patient = case.patient
    return CaseFacts(
        name=patient.name or "",
        patient_id=patient.patient_id or "",
        accession=(study.accession_number or "") if study else "",
        birth_date=patient.birth_date.isoformat() if patient.birth_date else "",
        person=person_of(patient),
        study_at=_as_written(when or case.as_of),
        dicom_modality=_term(image.dicom_modality) if image else "",
        body_part=_term(image.body_part or "") if image else "",
    )


def person_of(patient: Patient) -> str:
    """Return a text that is equal for cases of one patient, "" where the files say too little.

    Two of record number, birth date and name must be there, and the number must be somebody's: a
    number alone means different people at different hospitals, and a name alone anywhere. Cases
    that state different pairs are not linked: a prior that is missed can be searched for, one of
    another patient misleads.
    """
    given = Identity(frozenset({patient.patient_id} if patient.patient_id else ()), patient.name)
    number = "".join(re.findall(r"[^\W_]+", "".join(record_numbers(given)).upper()))
    name = " ".join(sorted(name_parts(patient.name)))
    born = patient.birth_date.isoformat() if patient.birth_date else ""
    if number and born:
        return f"number {number} born {born}"
    if number and name:
        return f"number {number} name {name}"
    return f"name {name} born {born}" if name and born else ""


def _term(words: str) -> str:
    """Return a coded string of known words alone, as it is kept in the clear."""
    known = all(word in vocabulary() for word in re.split(r"[\s_]+", words.upper()))
    return words if known else ""


def _as_written(moment: datetime | None) -> datetime | None:
    """Return a time with the hospital's clock as it stands, kept as if it were UTC."""
    return None if moment is None else moment.replace(tzinfo=UTC)
