"""Observations from FHIR R4 JSON: a Bundle or a single resource.

Each Observation is validated by fhir.resources' R4B models, the release of that library that
matches R4; what does not validate is not used and is asked about by entry number. Nothing is ever
fetched: a reference either resolves inside the file or is refused. HL7 FHIR R4: Bundle,
Observation, Patient, and the vital signs profile for blood pressure panels (LOINC 85354-9).
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from mmcore.errors import FileRefusedError, RefusalCode
from mmcore.intake.note import parse_date
from mmcore.intake.parts import Identity, ObservationsPart
from mmcore.intake.quantities import make_observation
from mmcore.intake.strict_json import parse_json
from mmcore.intake.text import decode_text
from mmcore.intake.units import Quantity, normalise_unit
from mmcore.loinc import OBSERVATION_TYPES, ObservationType
from mmcore.records import Observation, Patient

MAX_ENTRIES = 20_000

_LOINC = "http://loinc.org"
_UCUM = "http://unitsofmeasure.org"
_NOT_RESULTS = ("entered-in-error", "cancelled", "registered", "unknown")
_SEXES: dict[str, Literal["F", "M", "O"]] = {"female": "F", "male": "M", "other": "O"}
# Narrative and foreign content are neither read nor shown, so they are not parsed either.
_IGNORED_KEYS = frozenset({"text", "contained", "extension", "modifierExtension", "meta"})

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One resource of a bundle; number counts from 1 as in messages."""

    number: int
    full_url: str
    resource: Resource


def is_fhir(document: Any) -> bool:
    """Whether parsed JSON is a FHIR resource."""
    return isinstance(document, dict) and isinstance(document.get("resourceType"), str)


def read_json(data: bytes) -> tuple[Any, tuple[str, ...]]:
    """Return the document and notices on its encoding.

    Raises ``FileRefusedError`` as ``decode_text`` and ``parse_json`` do.
    """
    text, notices = decode_text(data)
    return parse_json(text), notices


def read_fhir(
    document: Resource, *, digest: str, notices: tuple[str, ...] = ()
) -> ObservationsPart:
    """Return the observations and the patient of a FHIR document.

    Raises ``FileRefusedError`` with BAD_FHIR, TOO_LARGE, BAD_REFERENCE or PATIENT_MISMATCH.
    """
    entries = list(_entries(document))
    patients = [entry for entry in entries if entry.resource["resourceType"] == "Patient"]
    subjects = _check_subjects(entries, patients)
    observations: list[Observation] = []
    questions: list[str] = []
    aside: Counter[str] = Counter()
    for entry in entries:
        kind = entry.resource["resourceType"]
        if kind == "Observation":
            for outcome in _read_observation(entry.resource, digest=digest):
                if isinstance(outcome, Observation):
                    observations.append(outcome)
                elif outcome is None:
                    aside["observations of other kinds"] += 1
                else:
                    questions.append(f"entry {entry.number}: {outcome}")
        elif kind != "Patient":
            aside["other resources"] += 1
    if aside:
        words = " and ".join(f"{count} {what}" for what, count in aside.items())
        notices += (f"{words} were kept aside.",)
    patient, identity = _read_patient(patients[0].resource if patients else {}, subjects)
    return ObservationsPart(tuple(observations), identity, patient, tuple(questions), notices)


def _bad(detail: str, *, attribute: str = "") -> FileRefusedError:
    return FileRefusedError(RefusalCode.BAD_FHIR, detail, attribute=attribute)


def _entries(document: Resource) -> Iterator[_Entry]:
    if document["resourceType"] != "Bundle":
        yield _Entry(1, "", document)
        return
    entries = document.get("entry", [])
    if not isinstance(entries, list):
        raise _bad("the entries of the bundle are not a list", attribute="Bundle.entry")
    if len(entries) > MAX_ENTRIES:
        raise FileRefusedError(
            RefusalCode.TOO_LARGE, f"the bundle has more than {MAX_ENTRIES:,} entries"
        )
    for number, entry in enumerate(entries, start=1):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or not is_fhir(resource):
            raise _bad(f"entry {number} holds no resource", attribute="Bundle.entry.resource")
        yield _Entry(number, str(entry.get("fullUrl", "")), resource)


def _check_subjects(entries: list[_Entry], patients: list[_Entry]) -> frozenset[str]:
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
            RefusalCode.PATIENT_MISMATCH, f"the bundle is about {len(patients)} patients"
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
    _check_record_numbers(numbers, patients)
    if known:
        for reference, number in named.items():
            if reference not in known and not any(
                reference.endswith(f"/{key}") and key.startswith("Patient/") for key in known
            ):
                raise FileRefusedError(
                    RefusalCode.BAD_REFERENCE,
                    f"entry {number} is about someone whom the bundle does not hold",
                    attribute="subject",
                )
        return frozenset()
    if len(named) > 1:
        raise FileRefusedError(
            RefusalCode.PATIENT_MISMATCH, f"the bundle is about {len(named)} patients"
        )
    logical = (reference.rsplit("/", 1)[-1] for reference in named if "Patient/" in reference)
    return frozenset(numbers) or frozenset(logical)


def _check_record_numbers(numbers: Mapping[str, int], patients: list[_Entry]) -> None:
    """Refuse subjects that are named by the record number of somebody else. R4 Reference."""
    own = set()
    for entry in patients:
        _validate(entry.resource, "Patient")
        values = (i.get("value") for i in entry.resource.get("identifier") or [])
        own |= {value.strip() for value in values if value and value.strip()}
    strangers = [number for value, number in numbers.items() if own and value not in own]
    if strangers:
        raise FileRefusedError(
            RefusalCode.PATIENT_MISMATCH,
            f"entry {strangers[0]} has a record number that is not the patient's",
        )
    if not patients and len(numbers) > 1:
        raise FileRefusedError(
            RefusalCode.PATIENT_MISMATCH, f"the bundle is about {len(numbers)} patients"
        )


def _read_patient(resource: Resource, subjects: frozenset[str]) -> tuple[Patient, Identity]:
    """Return whom the file is about; every identifier counts, since hospitals give several."""
    if not resource:
        return Patient(patient_id=min(subjects, default=None)), Identity(subjects)
    _validate(resource, "Patient")
    values = [
        identifier["value"].strip()
        for identifier in resource.get("identifier", [])
        if isinstance(identifier.get("value"), str) and identifier["value"].strip()
    ]
    logical = resource.get("id")
    ids = frozenset(values or ([logical] if logical else []))
    name = _person((resource.get("name") or [{}])[0])
    moment = parse_date(resource.get("birthDate") or "")
    birth_date = moment.date() if moment else None
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


def _validate(resource: Resource, kind: Literal["Observation", "Patient"]) -> None:
    """Check one resource against the R4 models. Raises ``FileRefusedError`` (BAD_FHIR)."""
    # Imported here: most cases hold no FHIR, and the models cost a quarter of a second.
    from fhir.resources.R4B.observation import Observation as ObservationModel
    from fhir.resources.R4B.patient import Patient as PatientModel

    model = ObservationModel if kind == "Observation" else PatientModel
    plain = {key: value for key, value in resource.items() if key not in _IGNORED_KEYS}
    try:
        model.model_validate(plain)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise _bad(f"a {kind} is not valid FHIR R4", attribute=_where(error, kind)) from error


def _where(error: Exception, kind: str) -> str:
    """Return the path of the first problem; pydantic's message itself would quote the value."""
    problems = error.errors() if hasattr(error, "errors") else []
    path = [part for part in problems[0]["loc"] if isinstance(part, str)] if problems else []
    return ".".join([kind, *path])


def _read_observation(resource: Resource, *, digest: str) -> Iterator[Observation | str | None]:
    """Yield observations, questions, or ``None`` for a kind that is not known here."""
    try:
        _validate(resource, "Observation")
    except FileRefusedError as refusal:
        yield f"{refusal.detail} ({refusal.attribute})"
        return
    if resource.get("status") in _NOT_RESULTS:
        yield None
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
        return f"{kind.display} has no value with a unit"
    value = float(quantity["value"])
    if not math.isfinite(value):
        return f"{kind.display} is not a finite number"
    unit = _unit(quantity)
    if unit is None:
        return f"{kind.display} has one unit in words and another as code"
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


def _time(resource: Resource) -> datetime | None:
    """Return the wall-clock time of the observation where the source wrote it."""
    period = resource.get("effectivePeriod") or {}
    text = str(
        resource.get("effectiveDateTime")
        or resource.get("effectiveInstant")
        or period.get("start")
        or ""
    )
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None
