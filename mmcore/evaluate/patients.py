"""Patients with known truth to evaluate on: simulated on the fly, or folders of them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmcore.errors import ConfigError
from mmcore.intake import case_from_paths
from mmcore.records import Case, Instance, Note, Patient, Series, Study
from mmcore.simulate import PhantomPatient, sample_patient


@dataclass(frozen=True, slots=True)
class LabelledCase:
    """A case and its true target values: 1 or 0 for a finding, a number for a regression."""

    case: Case
    labels: Mapping[str, float]


def simulated(seed: int, patients: int) -> Iterator[LabelledCase]:
    """Yield simulated patients without a detour through files."""
    for index in range(patients):
        patient = sample_patient(seed, index)
        yield LabelledCase(phantom_case(patient), _labels(patient))


def from_folder(folder: Path) -> Iterator[LabelledCase]:
    """Yield the patients of a folder that ``python -m mmcore simulate`` wrote.

    Raises ``ConfigError`` if no sub-folder holds a ``truth.json``.
    """
    truths = sorted(folder.glob("*/truth.json"))
    if not truths:
        raise ConfigError(key=folder.name, problem="holds no folder with a truth.json")
    for path in truths:
        truth = json.loads(path.read_text("utf-8"))
        inputs = [p for p in sorted(path.parent.iterdir()) if p != path]
        labels = {name: float(value) for name, value in truth["findings"].items()}
        yield LabelledCase(
            case_from_paths(inputs), {**labels, "severity": float(truth["severity"])}
        )


def phantom_case(patient: PhantomPatient) -> Case:
    """Return the case that intake would make of the patient's files."""
    digest = f"phantom-{patient.seed}-{patient.index}"
    instance = Instance(
        digest=digest,
        sop_instance_uid="",
        sop_class_uid="",
        dicom_modality="DX",
        pixels=patient.pixels[None],
        bits_stored=12,
        spacing_mm=(patient.spacing_mm, patient.spacing_mm),
        body_part="CHEST",
        view_position="PA",
        patient_orientation=("L", "F"),
    )
    series = Series(series_uid="", dicom_modality="DX", description="", instances=(instance,))
    study = Study("", "", None, None, (series,))
    return Case(
        digest=digest,
        patient=Patient(sex=patient.sex, age_years=patient.age_years),
        studies=(study,),
        notes=(Note(digest, patient.note),),
        observations=patient.observations,
        recordings=(patient.recording,),
        variants=patient.variants,
    )


def _labels(patient: PhantomPatient) -> dict[str, float]:
    labels: dict[str, float] = {name: float(v) for name, v in patient.truth.findings.items()}
    return {**labels, "severity": float(patient.truth.severity)}
