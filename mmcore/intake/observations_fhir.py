"""Observations and notes from FHIR JSON, R4 or R5: a Bundle or a single resource.

Each resource is validated by the models of its release; what does not validate is not used and is
asked about by entry number. Only final and corrected results are read (``result_status``), of
several versions the last. Nothing is ever fetched: a reference either resolves inside the file or
is refused. HL7 FHIR R4 and R5: Bundle, Observation, Patient, and the vital signs profile for blood
pressure panels (LOINC 85354-9). Notes: ``fhir_documents``.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.fhir_bundle import Entry, entries_of
from mmcore.intake.fhir_documents import read_fhir_notes
from mmcore.intake.fhir_models import Release, Resource, release_of, validate
from mmcore.intake.fhir_versions import VERSIONED, latest_versions
from mmcore.intake.identity import may_be_same, says_whose
from mmcore.intake.moments import Moment, parse_iso
from mmcore.intake.note import parse_date
from mmcore.intake.observations_cda import with_results
from mmcore.intake.parts import Identity, ObservationsPart
from mmcore.intake.quantities import make_observation
from mmcore.intake.result_status import ASIDE, REPLACED, Standing, of_fhir
from mmcore.intake.units import Quantity, normalise_unit
from mmcore.language import Text, filled, joined, say
from mmcore.loinc import OBSERVATION_TYPES, ObservationType
from mmcore.records import Observation, Patient

_LOINC = "http://loinc.org"
_UCUM = "http://unitsofmeasure.org"
_SEXES: dict[str, Literal["F", "M", "O"]] = {"female": "F", "male": "M", "other": "O"}
_OTHER_KINDS = say("{n} observations of other kinds")
_OTHERS = say("{n} other resources")
_ELSEWHERE = say("{n} attachments that lie elsewhere and are never fetched")
_WITHDRAWN = say("{n} documents that were withdrawn or replaced")
_PRELIMINARY_DOCUMENTS = say("{n} preliminary documents that may still change")
_OF_MODELS = say("{n} results that a model made")
_READ = frozenset({"Patient", "DocumentReference", "DiagnosticReport", "Binary"})


def read_fhir(
    document: Resource, *, digest: str, notices: tuple[str, ...] = ()
) -> ObservationsPart:
    """Return the observations and the patient of a FHIR document.

    Raises ``FileRefusedError`` with BAD_FHIR, TOO_LARGE, BAD_REFERENCE or PATIENT_MISMATCH.
    """
    entries = list(entries_of(document))
    release = release_of([document, *(entry.resource for entry in entries)])
    patients = [entry for entry in entries if entry.kind == "Patient"]
    subjects = _check_subjects(entries, patients, release)
    observations: list[_Read] = []
    questions: list[str] = []
    aside: Counter[Text] = Counter()
    entries, n_replaced = latest_versions(entries)
    aside[REPLACED] += n_replaced
    by_people = [entry for entry in entries if not _is_of_a_model(entry)]
    aside[_OF_MODELS] += len(entries) - len(by_people)
    entries = by_people
    for entry in entries:
        standing = of_fhir(entry.resource.get("status"))
        if entry.kind == "Observation" and "status" in entry.resource and standing in ASIDE:
            aside[ASIDE[standing]] += 1
        elif entry.kind == "Observation":
            for outcome in _read_observation(entry.resource, release, digest=digest):
                if isinstance(outcome, Observation):
                    observations.append(_Read(outcome, entry.resource, standing))
                elif outcome is None:
                    aside[_OTHER_KINDS] += 1
                else:
                    questions.append(
                        say("entry {number}: {problem}", number=entry.number, problem=outcome)
                    )
        elif entry.kind not in _READ:
            aside[_OTHERS] += 1
    patient, identity = _read_patient(patients[0].resource if patients else {}, subjects)
    found = read_fhir_notes(entries, release=release, digest=digest)
    if not says_whose(identity):  # then the first document that says whose it is speaks for all
        identity = next((p.identity for p in found.notes if says_whose(p.identity)), identity)
    notes = [part for part in found.notes if may_be_same(part.identity, identity)]
    n_strangers = len(found.notes) - len(notes)
    if n_strangers:
        questions.append(
            say("{n} attached documents name another patient and were not used", n=n_strangers)
        )
    coded = [part for note in notes if isinstance(part := with_results(note), ObservationsPart)]
    for part in coded:
        questions += part.questions
        observations += (_Read(one, {}, Standing.FINAL) for one in part.observations)
    aside[_ELSEWHERE] += found.elsewhere
    aside[_WITHDRAWN] += found.withdrawn
    aside[_PRELIMINARY_DOCUMENTS] += found.preliminary
    kept = _without_corrected(observations)
    aside[REPLACED] += len(observations) - len(kept)
    words = [filled(text, n=count) for text, count in aside.items() if count]
    if words:
        notices += (say("{what} were kept aside.", what=joined(words, " and ")),)
    return ObservationsPart(
        tuple(kept),
        identity,
        patient,
        (*questions, *found.questions),
        tuple(dict.fromkeys([*notices, *(said for part in notes for said in part.notices)])),
        notes=tuple(part.note for part in notes),
        aside=joined(words, " and ") if words else "",
        replaces=frozenset(_replaced(entries, release)),
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """One value with the resource that states it."""

    observation: Observation
    resource: Resource
    standing: Standing


def _replaced(entries: Sequence[Entry], release: Release) -> Iterator[tuple[str, Moment]]:
    """Yield code and time of what the document corrects or takes back."""
    for entry in entries:
        status = entry.resource.get("status")
        if entry.kind != "Observation" or not (
            status == "entered-in-error" or of_fhir(status) is Standing.CORRECTED
        ):
            continue
        try:
            validate(entry.resource, "Observation", release)
        except FileRefusedError:  # it is asked about by its number, or was no result anyway
            continue
        moment = _time(entry.resource)
        for holder in (entry.resource, *(entry.resource.get("component") or [])):
            kind = _code(holder)
            if kind is not None and moment is not None:
                yield kind.loinc, moment


def _is_of_a_model(entry: Entry) -> bool:
    """Whether a resource is labelled as asserted by artificial intelligence (v3 AIAST)."""
    meta = entry.resource.get("meta")
    labels = meta.get("security") if isinstance(meta, dict) else None
    return entry.kind in VERSIONED and any(
        isinstance(label, dict) and label.get("code") == "AIAST"
        for label in (labels if isinstance(labels, list) else ())
    )


def _without_corrected(read: Sequence[_Read]) -> list[Observation]:
    """Drop results that a correction of the same test, time and specimen replaces."""

    def place(one: _Read) -> tuple[object, ...]:
        told = (str(one.resource.get(key) or "") for key in ("specimen", "bodySite", "method"))
        return (one.observation.loinc, one.observation.time, *told)

    corrected = {place(one) for one in read if one.standing is Standing.CORRECTED}
    return [
        one.observation
        for one in read
        if one.standing is Standing.CORRECTED or place(one) not in corrected
    ]


def _check_subjects(
    entries: list[Entry], patients: list[Entry], release: Release
) -> frozenset[str]:
    """Return the record numbers that subjects name where the file holds no Patient resource."""
    known = {
        key
        for entry in patients
        for key in (entry.full_url, f"Patient/{entry.resource.get('id', '')}")
        if key
    }
    # Without an id, two Patient resources can not be known to be one person.
    people = {str(p.resource.get("id") or p.full_url or p.number) for p in patients}
    if len(people) > 1:
        raise FileRefusedError(
            RefusalCode.PATIENT_MISMATCH,
            say("the bundle is about {count} patients", count=len(patients)),
        )
    named: dict[str, int] = {}
    numbers: dict[str, int] = {}
    for entry in entries:
        subject = entry.resource.get("subject")
        if not isinstance(subject, dict):
            continue
        reference = subject.get("reference", "")
        if isinstance(reference, str) and reference:
            named.setdefault(reference, entry.number)
        identifier = subject.get("identifier")
        value = identifier.get("value") if isinstance(identifier, dict) else None
        if isinstance(value, str) and value.strip():
            numbers.setdefault(value.strip(), entry.number)
    _check_record_numbers(numbers, patients, release)
    if known:
        for reference, number in named.items():
            if reference not in known and not any(
                reference.endswith(f"/{key}") and key.startswith("Patient/") for key in known
            ):
                raise FileRefusedError(
                    RefusalCode.BAD_REFERENCE,
                    say(
                        "entry {number} is about someone whom the bundle does not hold",
                        number=number,
                    ),
                    attribute="subject",
                )
        return frozenset()
    if len(named) > 1:
        raise FileRefusedError(
            RefusalCode.PATIENT_MISMATCH,
            say("the bundle is about {count} patients", count=len(named)),
        )
    logical = (reference.rsplit("/", 1)[-1] for reference in named if "Patient/" in reference)
    return frozenset(numbers) or frozenset(logical)


def _check_record_numbers(
    numbers: Mapping[str, int], patients: list[Entry], release: Release
) -> None:
    """Refuse subjects that are named by the record number of somebody else. R4 Reference."""
    own = set()
    for entry in patients:
        validate(entry.resource, "Patient", release)
        values = (i.get("value") for i in entry.resource.get("identifier") or [])
        own |= {value.strip() for value in values if value and value.strip()}
    strangers = [number for value, number in numbers.items() if own and value not in own]
    if strangers:
        raise FileRefusedError(
            RefusalCode.PATIENT_MISMATCH,
            say(
                "entry {number} has a record number that is not the patient's", number=strangers[0]
            ),
        )
    if not patients and len(numbers) > 1:
        raise FileRefusedError(
            RefusalCode.PATIENT_MISMATCH,
            say("the bundle is about {count} patients", count=len(numbers)),
        )


def _read_patient(resource: Resource, subjects: frozenset[str]) -> tuple[Patient, Identity]:
    """Return whom the file is about; every identifier counts, since hospitals give several."""
    if not resource:
        return Patient(patient_id=min(subjects, default=None)), Identity(subjects)
    values = [
        identifier["value"].strip()
        for identifier in resource.get("identifier", [])
        if isinstance(identifier.get("value"), str) and identifier["value"].strip()
    ]
    logical = resource.get("id")
    ids = frozenset(values or ([logical] if logical else []))
    name = _person((resource.get("name") or [{}])[0])
    birth_date = parse_date(resource.get("birthDate") or "")
    sex = _SEXES.get(resource.get("gender") or "")
    patient_id = values[0] if values else logical
    return (
        Patient(patient_id=patient_id, name=name, birth_date=birth_date, sex=sex),
        Identity(ids, name, birth_date, sex),
    )


def _person(name: Mapping[str, Any]) -> str | None:
    """Return "Family, Given", as the name of an image is shown, or the text where that is all."""
    family = str(name.get("family") or "").strip()
    given = " ".join(str(part) for part in name.get("given") or [] if part).strip()
    text = str(name.get("text") or "").strip()
    if text and not (family and given):
        return text
    return ", ".join(part for part in (family, given) if part) or None


def _read_observation(
    resource: Resource, release: Release, *, digest: str
) -> Iterator[Observation | str | None]:
    """Yield observations, questions, or ``None`` for a kind that is not known here."""
    try:
        validate(resource, "Observation", release)
    except FileRefusedError as refusal:
        yield say("{problem} ({attribute})", problem=refusal.detail, attribute=refusal.attribute)
        return
    components = resource.get("component") or []
    if components and (_code(resource) is None or "valueQuantity" not in resource):
        for component in components:
            yield _read_value(component, resource, digest=digest)
        return
    yield _read_value(resource, resource, digest=digest)


def _code(resource: Mapping[str, Any]) -> ObservationType | None:
    codings = (resource.get("code") or {}).get("coding") or []
    for coding in codings:
        if coding.get("system") == _LOINC and coding.get("code") in OBSERVATION_TYPES:
            return OBSERVATION_TYPES[coding["code"]]
    return None


def _read_value(
    holder: Mapping[str, Any], resource: Resource, *, digest: str
) -> Observation | str | None:
    kind = _code(holder)
    if kind is None:
        return None
    quantity = holder.get("valueQuantity")
    if not isinstance(quantity, dict) or quantity.get("value") is None:
        return say("{display} has no value with a unit", display=kind.display)
    value = float(quantity["value"])
    if not math.isfinite(value):
        return say("{display} is not a finite number", display=kind.display)
    unit = _unit(quantity)
    if unit is None:
        return say("{display} has one unit in words and another as code", display=kind.display)
    sign = str(quantity.get("comparator") or "")[:1]
    comparator: Literal["<", ">"] | None = "<" if sign == "<" else ">" if sign == ">" else None
    ranges = holder.get("referenceRange") or [{}]
    return make_observation(
        kind,
        Quantity(value, comparator, unit),
        time=_time(resource),
        reference=(_bound(ranges[0], "low", unit), _bound(ranges[0], "high", unit)),
        digest=digest,
    )


def _unit(quantity: Mapping[str, Any]) -> str | None:
    """Return the unit, or ``None`` where text and UCUM code contradict each other."""
    text = str(quantity.get("unit") or "")
    code = str(quantity.get("code") or "") if quantity.get("system") == _UCUM else ""
    known = {normalise_unit(unit) for unit in (text, code) if unit and normalise_unit(unit)}
    return None if len(known) > 1 else code or text


def _bound(reference: Mapping[str, Any], end: str, unit: str) -> float | None:
    """Return one end of the reference range, if it is in the unit of the value."""
    quantity = reference.get(end)
    if not isinstance(quantity, dict) or quantity.get("value") is None:
        return None
    own = _unit(quantity)
    if own and normalise_unit(own) != normalise_unit(unit):
        return None
    return float(quantity["value"])


def _time(resource: Resource) -> Moment | None:
    """Return when the observation was made; of a period its end, when it was complete.

    Without either, when it was issued: before that nobody knew of it.
    """
    period = resource.get("effectivePeriod") or {}
    text = str(
        resource.get("effectiveDateTime")
        or resource.get("effectiveInstant")
        or period.get("end")
        or period.get("start")
        or resource.get("issued")
        or ""
    )
    return parse_iso(text)
