"""Open chest radiographs with notes and outcomes, as a folder of tables and JPEG files.

    FOLDER/nih/studies.csv     image, patient_id, age_years, sex, view, labels; images/
    FOLDER/nih/boxes.csv       image, finding, x, y, width, height as fractions; optional
    FOLDER/covid/studies.csv   image, patient_id, ...; images/, lung_masks/
    FOLDER/reports/reports.csv texts alone, for the tokenizer and the note encoder; optional

Sources: NIH ChestX-ray14 (Wang et al. 2017) with the boxes of RSNA 2018, the COVID-19 Image Data
Collection (Cohen et al. 2020), Indiana University reports (Demner-Fushman et al. 2016). The two
image sources never share a target: which of them an image is from would give the answer away.
"""

import csv
import hashlib
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from mmcore.datasets.labelled import REGION_SIZE, LabelledCase, age_band
from mmcore.errors import ConfigError
from mmcore.loinc import OBSERVATION_TYPES
from mmcore.records import Case, Instance, Note, Observation, Patient, Series, Study

NIH_FINDINGS = {
    "infiltration": "Infiltration",
    "atelectasis": "Atelectasis",
    "effusion": "Effusion",
    "edema": "Edema",
    "consolidation": "Consolidation",
}
"""Targets that NIH's report-mined labels name beside pneumonia, and the label of each."""

COVID_OBSERVATIONS = {
    "temperature": "8310-5",
    "pO2_saturation": "59408-5",
    "leukocyte_count": "6690-2",
    "neutrophil_count": "751-8",
    "lymphocyte_count": "731-0",
}
OUTCOMES = {"icu_admission": "went_icu", "supplemental_oxygen": "needed_supplemental_O2"}
SEVERITIES = {
    "geographic_extent": "severity_geographic_mean",
    "opacity": "severity_opacity_mean",
}
OPACITIES = frozenset({"Lung Opacity", "Pneumonia", "Infiltrate"})
LUNGS, OPACITY = "lungs", "lung_opacity"
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)  # a stand-in: the collection gives no dates


def read_thorax(folder: Path) -> Iterator[LabelledCase]:
    """Yield one labelled case per image of both collections, in the order of their tables.

    Raises ``ConfigError`` if the folder holds neither table.
    """
    if not is_thorax(folder):
        raise ConfigError(key=folder.name, problem="holds neither nih nor covid studies.csv")
    if (folder / "nih" / "studies.csv").is_file():
        yield from _nih(folder / "nih")
    if (folder / "covid" / "studies.csv").is_file():
        yield from _covid(folder / "covid")


def is_thorax(folder: Path) -> bool:
    """Say whether a folder is shaped like this data."""
    return any((folder / part / "studies.csv").is_file() for part in ("nih", "covid"))


def read_texts(folder: Path) -> Iterator[str]:
    """Yield every report and note of the folder: words for a tokenizer, never labels."""
    reports = folder / "reports" / "reports.csv"
    for row in _rows(reports) if reports.is_file() else ():
        parts = ("indication", "findings", "impression")
        yield "\n".join(f"{part.title()}: {row[part]}" for part in parts if row[part])
    studies = folder / "covid" / "studies.csv"
    for row in _rows(studies) if studies.is_file() else ():
        if row["clinical_notes"]:
            yield row["clinical_notes"]


def is_validation(patient: str, *, seed: int, parts: int = 5) -> bool:
    """Say whether a patient is kept for validation: one in ``parts``, by a hash of who they are."""
    digest = hashlib.sha256(f"{seed}/{patient}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % parts == 0


def _nih(folder: Path) -> Iterator[LabelledCase]:
    boxes: dict[str, list[dict[str, str]]] = {}
    if (folder / "boxes.csv").is_file():
        for row in _rows(folder / "boxes.csv"):
            boxes.setdefault(row["image"], []).append(row)
    for row in _rows(folder / "studies.csv"):
        instance = _instance(folder / "images" / row["image"], row["view"])
        named = set(row["labels"].split("|"))
        labels = {"pneumonia": float("Pneumonia" in named)}
        labels |= {target: float(word in named) for target, word in NIH_FINDINGS.items()}
        if "Pneumonia" not in named and "No Finding" not in named:
            del labels["pneumonia"]
        rows, columns = instance.pixels.shape[1:3]
        drawn = tuple(
            (
                float(b["y"]) * rows,
                float(b["x"]) * columns,
                float(b["height"]) * rows,
                float(b["width"]) * columns,
            )
            for b in boxes.get(row["image"], ())
            if b["finding"] in OPACITIES
        )
        outlined = {}
        if drawn:
            outlined[OPACITY] = _coverage(_filled(drawn, (rows, columns)))
        elif "No Finding" in named:
            outlined[OPACITY] = np.zeros(REGION_SIZE, np.uint8)
        age = _number(row["age_years"])
        patient = Patient(row["patient_id"], sex=_sex(row["sex"]), age_years=age)
        yield LabelledCase(
            case=_case(patient, instance),
            patient=row["patient_id"],
            labels=labels,
            regions=outlined,
            boxes={"pneumonia": drawn} if drawn else {},
            subgroups={"source": "nih", **_groups(row["sex"], age, row["view"])},
        )


def _covid(folder: Path) -> Iterator[LabelledCase]:
    for row in _rows(folder / "studies.csv"):
        view = row["view"]
        instance = _instance(folder / "images" / row["image"], "LATERAL" if view == "L" else view)
        labels = {
            target: float(row[column] == "Y")
            for target, column in OUTCOMES.items()
            if row[column] in ("Y", "N")
        }
        for target, column in SEVERITIES.items():
            value = _number(row[column])
            if value is not None:
                labels[target] = value
        masks: dict[str, npt.NDArray[np.bool_]] = {}
        if row["lung_mask"]:
            mask = np.asarray(Image.open(folder / "lung_masks" / row["lung_mask"]))
            masks[LUNGS] = mask > 0
        age = _number(row["age"])
        patient = Patient(row["patient_id"], sex=_sex(row["sex"]), age_years=age)
        notes = tuple(
            Note(hashlib.sha256(text.encode()).hexdigest(), text)
            for text in (row["clinical_notes"],)
            if text.strip()
        )
        yield LabelledCase(
            case=_case(patient, instance, notes=notes, observations=_observations(row)),
            patient=row["patient_id"],
            labels=labels,
            regions={name: _coverage(mask) for name, mask in masks.items()},
            masks=masks,
            subgroups={"source": "covid", **_groups(row["sex"], age, view)},
        )


def _observations(row: dict[str, str]) -> tuple[Observation, ...]:
    found = []
    for column, code in COVID_OBSERVATIONS.items():
        kind, value = OBSERVATION_TYPES[code], _number(row[column])
        # Zero stands for unknown in this table, and what is implausible is a slip of it.
        if value and kind.plausible[0] <= value <= kind.plausible[1]:
            found.append(Observation(code, kind.display, value, kind.unit, EPOCH))
    return tuple(found)


def _instance(path: Path, view: str) -> Instance:
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    pixels = np.asarray(Image.open(path).convert("L"))
    return Instance(
        digest=digest,
        sop_instance_uid="",
        sop_class_uid="",
        dicom_modality="DX",
        pixels=pixels[None],
        bits_stored=8,
        body_part="CHEST",
        view_position=view.split()[0] if view else None,
    )


def _case(
    patient: Patient,
    instance: Instance,
    *,
    notes: tuple[Note, ...] = (),
    observations: tuple[Observation, ...] = (),
) -> Case:
    series = Series("", "DX", "", (instance,))
    return Case(
        digest=instance.digest,
        patient=patient,
        studies=(Study("", "", None, None, (series,)),),
        notes=notes,
        observations=observations,
    )


def _groups(sex: str, age: float | None, view: str) -> dict[str, str]:
    """Return the subgroups by which figures are reported, each only where it is known."""
    groups = {"view": view.split()[0]} if view else {}
    if sex in ("F", "M"):
        groups["sex"] = sex
    if age is not None:
        groups["age"] = age_band(age)
    return groups


def _filled(
    boxes: tuple[tuple[float, float, float, float], ...], shape: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    mask = np.zeros(shape, dtype=bool)
    for row, column, rows, columns in boxes:
        mask[round(row) : round(row + rows), round(column) : round(column + columns)] = True
    return mask


def _coverage(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Return covered fractions times 255 over the square that the model reads of the image."""
    rows, columns = mask.shape
    side = max(rows, columns)
    square = np.zeros((side, side), dtype=np.uint8)
    top, left = (side - rows) // 2, (side - columns) // 2
    square[top : top + rows, left : left + columns] = mask * np.uint8(255)
    return np.asarray(Image.fromarray(square).resize(REGION_SIZE[::-1], Image.Resampling.BOX))


def _sex(word: str) -> Literal["F", "M"] | None:
    return "F" if word == "F" else "M" if word == "M" else None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
