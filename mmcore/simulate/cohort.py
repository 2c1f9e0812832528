"""Simulated patients as folders of files.

image.dcm, note.txt, observations.json, recording.wav, variants.vcf and truth.json.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import numpy as np

from mmcore.simulate.lesions import Mask
from mmcore.simulate.patient import PhantomPatient, sample_patient
from mmcore.simulate.writers import variant_file, wave_file

_NAMESPACE = UUID("6f0a3f9e-5d0b-4c8e-9a67-2f6c0c0d5a11")  # of all phantom identifiers
CODE_SYSTEMS = {"loinc": "http://loinc.org", "ucum": "http://unitsofmeasure.org"}


def write_patient(patient: PhantomPatient, folder: Path) -> None:
    """Write one patient's files into ``folder``, which is made if need be."""
    from mmcore.simulate.dicom_writer import write_image  # pydicom only when files are wanted

    folder.mkdir(parents=True, exist_ok=True)
    write_image(patient, folder / "image.dcm")
    (folder / "note.txt").write_text(patient.note, encoding="utf-8", newline="\n")
    _write_json(folder / "observations.json", observation_bundle(patient))
    (folder / "recording.wav").write_bytes(wave_file(patient, patient_id=patient_id(patient)))
    (folder / "variants.vcf").write_text(
        variant_file(patient, patient_id=patient_id(patient)), encoding="utf-8", newline="\n"
    )
    _write_json(folder / "truth.json", truth_document(patient))


def write_cohort(
    out: Path,
    *,
    patients: int,
    seed: int,
    rows: int = 512,
    ct: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[Path, ...]:
    """Write ``patients`` folders named patient-000000 and up; return them in order.

    ct: a chest CT of each patient too, in ``ct`` within the folder. ``on_progress`` is called with
    (written, wanted) after each.
    """
    folders: list[Path] = []
    for index in range(patients):
        folder = out / f"patient-{index:06d}"
        write_patient(sample_patient(seed, index, rows=rows), folder)
        if ct:
            from mmcore.simulate.ct import sample_ct
            from mmcore.simulate.ct_writer import write_ct  # pydicom only when files are wanted

            write_ct(sample_ct(seed, index), folder / "ct")
        folders.append(folder)
        if on_progress is not None:
            on_progress(index + 1, patients)
    return tuple(folders)


def patient_id(patient: PhantomPatient) -> str:
    """Return the identifier that all files of the patient carry."""
    return f"PHANTOM-{patient.seed}-{patient.index}"


def observation_bundle(patient: PhantomPatient) -> dict[str, Any]:
    """Return all observations as a FHIR R4 Bundle of type collection, the latest of each first."""
    subject = f"urn:uuid:{_uuid(patient, 0)}"
    entries: list[dict[str, Any]] = [
        {
            "fullUrl": subject,
            "resource": {
                "resourceType": "Patient",
                "identifier": [{"system": "urn:consilium:phantom", "value": patient_id(patient)}],
                "name": [{"family": "Phantom", "given": [f"{patient.index:06d}"]}],
                "gender": "female" if patient.sex == "F" else "male",
            },
        }
    ]
    for number, observation in enumerate((*patient.observations, *patient.earlier), start=1):
        unit = {"unit": observation.unit, "system": CODE_SYSTEMS["ucum"], "code": observation.unit}
        coding = {
            "system": CODE_SYSTEMS["loinc"],
            "code": observation.loinc,
            "display": observation.display,
        }
        taken_at = observation.time or patient.taken_at
        entries.append(
            {
                "fullUrl": f"urn:uuid:{_uuid(patient, number)}",
                "resource": {
                    "resourceType": "Observation",
                    "status": "final",
                    "code": {"coding": [coding], "text": observation.display},
                    "subject": {"reference": subject},
                    "effectiveDateTime": taken_at.isoformat(),
                    "valueQuantity": {"value": observation.value, **unit},
                    "referenceRange": [
                        {
                            "low": {"value": observation.reference_low, **unit},
                            "high": {"value": observation.reference_high, **unit},
                        }
                    ],
                },
            }
        )
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def truth_document(patient: PhantomPatient) -> dict[str, Any]:
    """Return the truth as plain JSON; masks as runs [start, length] over the flattened rows."""
    truth = patient.truth
    return {
        "schema": "consilium.truth/1",
        "seed": patient.seed,
        "index": patient.index,
        "findings": dict(truth.findings),
        "strengths": {f: round(s, 4) for f, s in truth.strengths.items()},
        "visuals": {f: round(v, 4) for f, v in truth.visuals.items()},
        "severity": round(truth.severity, 4),
        "masks": {f: encode_mask(mask) for f, mask in truth.masks.items()},
        "mimic_masks": {f: encode_mask(mask) for f, mask in truth.mimic_masks.items()},
        "lungs": encode_mask(truth.lungs),
        "phrases": [
            {"start": p.start, "end": p.end, "finding": p.finding, "assertion": p.assertion}
            for p in truth.phrases
        ],
        "labs": [
            {"loinc": lab.loinc, "finding": lab.finding, "shift": round(lab.shift, 4)}
            for lab in truth.labs
        ],
        "trends": [
            {
                "loinc": trend.loinc,
                "finding": trend.finding,
                "hours": round(trend.hours, 4),
                "change": round(trend.change, 4),
            }
            for trend in truth.trends
        ],
        "latents": dict(truth.latents),
        "sounds": [
            {
                "kind": s.kind,
                "finding": s.finding,
                "start_s": s.start_s,
                "end_s": s.end_s,
                "low_hz": round(s.low_hz, 1),
                "high_hz": round(s.high_hz, 1),
                "is_mimic": s.is_mimic,
            }
            for s in truth.sounds
        ],
        "variants": [
            {
                "id": v.variant_id,
                "gene": v.gene,
                "finding": v.finding,
                "copies": v.copies,
                "is_direct": v.is_direct,
                "weight": round(v.weight, 4),
            }
            for v in truth.variants
        ],
    }


def encode_mask(mask: Mask) -> dict[str, Any]:
    """Return a mask as runs of set pixels: row-major flat start from 0, and length."""
    edges = np.flatnonzero(np.diff(mask.ravel(), prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    return {
        "rows": mask.shape[0],
        "columns": mask.shape[1],
        "runs": [[int(a), int(b - a)] for a, b in zip(starts, ends, strict=True)],
    }


def decode_mask(document: dict[str, Any]) -> Mask:
    """Return the mask that ``encode_mask`` wrote."""
    flat = np.zeros(document["rows"] * document["columns"], dtype=bool)
    for start, length in document["runs"]:
        flat[start : start + length] = True
    return flat.reshape(document["rows"], document["columns"])


def _uuid(patient: PhantomPatient, number: int) -> str:
    """Return a version 5 UUID that follows from who and what."""
    return str(uuid5(_NAMESPACE, f"{patient_id(patient)}/{number}"))


def _write_json(path: Path, document: dict[str, Any]) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
