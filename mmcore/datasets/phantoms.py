"""Patients with known truth to evaluate on: simulated on the fly, or folders of them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmcore.datasets.labelled import LabelledCase, age_band
from mmcore.errors import ConfigError
from mmcore.intake import case_from_paths
from mmcore.records import Case, Instance, Note, Patient, Series, Study
from mmcore.simulate import Finding, PhantomPatient, sample_patient
from mmcore.simulate.cohort import decode_mask
from mmcore.simulate.leading import leading_labels


def simulated(seed: int, patients: int) -> Iterator[LabelledCase]:
    """Yield simulated patients without a detour through files."""
    for index in range(patients):
        patient = sample_patient(seed, index)
        yield LabelledCase(
            case=phantom_case(patient),
            patient=f"phantom-{seed}-{index}",
            labels=_labels(patient.truth.findings, patient.truth.severity),
            masks={str(name): mask for name, mask in patient.truth.masks.items()},
            subgroups=_groups(patient.sex, patient.age_years),
        )


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
        case = case_from_paths(inputs)
        age = case.patient.age_years
        yield LabelledCase(
            case=case,
            patient=f"phantom-{truth['seed']}-{truth['index']}",
            labels=_labels(truth["findings"], float(truth["severity"])),
            masks={name: decode_mask(mask) for name, mask in truth["masks"].items()},
            subgroups=_groups(case.patient.sex or "", age),
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
        observations=(*patient.observations, *patient.earlier),
        recordings=(patient.recording,),
        variants=patient.variants,
    )


def _labels(findings: Mapping[Finding, bool], severity: float) -> dict[str, float]:
    named = {str(name): bool(is_there) for name, is_there in findings.items()}
    return {
        **{n: float(x) for n, x in named.items()},
        "severity": severity,
        **leading_labels(named),
    }


def _groups(sex: str, age: float | None) -> dict[str, str]:
    groups = {"sex": sex} if sex else {}
    return groups if age is None else {**groups, "age": age_band(age)}
