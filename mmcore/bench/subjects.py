"""Whom the bench is run on: simulated patients, or open radiographs with boxes of readers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mmcore.bench.truth import Truth, truth_of_phantom, truth_of_readers
from mmcore.datasets.phantoms import phantom_case
from mmcore.datasets.thorax import LUNGS, read_thorax
from mmcore.engine import Engine
from mmcore.evaluate.measure import validation_only
from mmcore.records import Case, Modality
from mmcore.simulate import FINDINGS, PhantomPatient, sample_patient

NOISE = 0.01  # of the range of the input


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One case with what truly drives some of its targets.

    truths: by target, for targets that are truly there. phantom: the simulated patient, or None.
    """

    case: Case
    patient: str
    truths: Mapping[str, Truth]
    phantom: PhantomPatient | None = None


def simulated(engine: Engine, seed: int, count: int, *, rows: int = 512) -> Iterator[Subject]:
    """Yield simulated patients, with the truth of every finding that they have."""
    known = set(engine.target_names)
    for index in range(count):
        patient = sample_patient(seed, index, rows=rows)
        truths = {
            str(finding): truth_of_phantom(patient, finding)
            for finding in FINDINGS
            if finding in known and patient.truth.findings[finding]
        }
        yield Subject(phantom_case(patient), f"phantom-{seed}-{index}", truths, patient)


def from_folder(engine: Engine, folder: Path, pack: Path, *, is_all: bool) -> Iterator[Subject]:
    """Yield the images of a folder that have boxes or outlined lungs.

    is_all: patients that the pack was trained on too. Of an image without boxes the first value
    that the model gives of it is explained, if it can be read from the image.
    """
    values = [t.name for t in engine.pack.config.targets if t.kind == "regression"]
    cases = read_thorax(folder)
    for labelled in cases if is_all else validation_only(pack, cases):
        targets = [t for t in labelled.boxes if t in engine.target_names]
        if not targets and LUNGS in labelled.masks:
            targets = [t for t in values if t in labelled.labels][:1]
        truths = {t: truth_of_readers(labelled, t) for t in targets}
        if truths:
            yield Subject(labelled.case, labelled.patient, truths)


def with_noise(case: Case, seed: int) -> Case:
    """Return the case with a little noise on film, values and sound, as another case.

    Gaussian, with a standard deviation of 1 % of the film's own range, of the width of each
    reference range and of the loudest sample. Text and genotypes have no small change.
    """
    rng = np.random.default_rng(seed)
    studies = []
    for study in case.studies:
        series = []
        for one in study.series:
            instances = []
            for instance in one.instances:
                pixels = instance.pixels.astype(np.float64)
                low, high = float(pixels.min()), float(pixels.max())
                moved = pixels + rng.normal(0.0, NOISE * (high - low), pixels.shape)
                noisy = np.clip(np.rint(moved), low, high).astype(instance.pixels.dtype)
                instances.append(replace(instance, pixels=noisy))
            series.append(replace(one, instances=tuple(instances)))
        studies.append(replace(study, series=tuple(series)))
    observations = []
    for value in case.observations:
        limits = value.reference_low, value.reference_high
        width = limits[1] - limits[0] if limits[0] is not None and limits[1] is not None else 0.0
        moved_value = value.value + float(rng.normal(0.0, 1.0)) * NOISE * width
        observations.append(replace(value, value=moved_value))
    recordings = []
    for recording in case.recordings:
        loudest = float(np.abs(recording.samples).max())
        noise = rng.normal(0.0, NOISE * loudest, recording.samples.shape)
        recordings.append(
            replace(recording, samples=(recording.samples + noise).astype(np.float32))
        )
    return replace(
        case,
        digest=f"{case.digest}-noise-{seed}",
        studies=tuple(studies),
        observations=tuple(observations),
        recordings=tuple(recordings),
    )


def without(case: Case, modality: Modality) -> Case | None:
    """Return the case as if nothing of ``modality`` had been taken, or None if nothing is left."""
    fields = {
        Modality.IMAGE: "studies",
        Modality.NOTE: "notes",
        Modality.OBSERVATIONS: "observations",
        Modality.RECORDING: "recordings",
        Modality.VARIANTS: "variants",
    }
    if modality not in fields:
        return None
    left = [name for m, name in fields.items() if m is not modality and getattr(case, name)]
    digest = f"{case.digest}-without-{modality.value}"
    return replace(case, digest=digest, **{fields[modality]: ()}) if left else None  # type: ignore[arg-type] # every field is a tuple
