"""A cohort of simulated patients as training arrays, made once and kept on disk in shards.

Patients are streamed from the simulator by several processes; every finished shard is a file, so an
interrupted build goes on where it stopped.
"""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from mmcore.errors import ConfigError
from mmcore.modalities.image import square_image
from mmcore.simulate import FINDINGS, sample_course, sample_extras, sample_patient
from mmcore.simulate.course import PLACES
from mmcore.simulate.genes import PANEL
from mmcore.simulate.labs import HEALTHY
from mmcore.simulate.leading import LEADING, leading_labels
from mmcore.simulate.sound import RATE_HZ

SHARD = 125
STORED_SIZE = 224  # shards of images are kept at this size; sizes that divide it are pooled from it
LOCATION_SIZE = 56  # lesion masks are kept at this resolution and pooled to the token grid later
CODES = tuple(HEALTHY)  # what the simulator draws, in its order: the columns of stored shards
LOCI = tuple(locus.variant_id for locus in PANEL)
SOUND_HZ = RATE_HZ
LUNGS = "lungs"  # the region that is no finding
MakeRow = Callable[[int, int, int], dict[str, object]]


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """N simulated patients, before anything that depends on a trained scale or tokenizer.

    images: (N, S, S) uint8, 0 to 255 over the range of ``square_image``. notes: N texts.
    values, observed: (N, J) over ``CODES``: value in canonical units, and whether there is one.
    findings: (N, F) bool over ``FINDINGS``. severity: (N,) float32 in [0, 10].
    location: (N, F, 56, 56) uint8, fraction of each cell that the lesion covers, times 255.
    sounds: (N, S) int16, full scale 32767, at ``SOUND_HZ``. copies: (N, L) int8 of the alternate
        allele at every locus of ``LOCI``, -1 where the laboratory could not say.
    earlier, earlier_observed: (N, J, P) as ``values`` and ``observed``, of the values before the
        latest, the later first. earlier_minutes: (N, J, P) int32 before the latest of the code.
    lungs: (N, 56, 56) uint8, fraction of each cell in the outlined lung fields, times 255.
    """

    images: npt.NDArray[np.uint8]
    notes: tuple[str, ...]
    values: npt.NDArray[np.float32]
    observed: npt.NDArray[np.bool_]
    findings: npt.NDArray[np.bool_]
    severity: npt.NDArray[np.float32]
    location: npt.NDArray[np.uint8]
    sounds: npt.NDArray[np.int16]
    copies: npt.NDArray[np.int8]
    earlier: npt.NDArray[np.float32]
    earlier_observed: npt.NDArray[np.bool_]
    earlier_minutes: npt.NDArray[np.int32]
    lungs: npt.NDArray[np.uint8]

    def label(self, target: str) -> npt.NDArray[np.float64]:
        """Return (N,) true values of a target. Raises ``ConfigError`` for an unknown one."""
        if target == "severity":
            return self.severity.astype(np.float64)
        if target in LEADING:
            names = [str(finding) for finding in FINDINGS]
            rows = [dict(zip(names, map(bool, row), strict=True)) for row in self.findings]
            return np.array([leading_labels(row)[target] for row in rows])
        if target not in FINDINGS:
            known = ", ".join((*FINDINGS, "severity", *LEADING))
            raise ConfigError(key="model.targets", problem=f"{target!r} is unknown; known: {known}")
        return self.findings[:, FINDINGS.index(target)].astype(np.float64)

    def outlines(self, region: str) -> npt.NDArray[np.uint8]:
        """Return (N, 56, 56) outlines of a finding's lesions or of the "lungs".

        Raises ``ConfigError`` for another region.
        """
        if region == LUNGS:
            return self.lungs
        if region not in FINDINGS:
            known = ", ".join((*FINDINGS, LUNGS))
            problem = f"{region!r} is not outlined in simulated patients; known: {known}"
            raise ConfigError(key="segmentation.regions", problem=problem)
        return self.location[:, FINDINGS.index(region)]


def build_cohort(
    folder: Path, *, seed: int, patients: int, size: int, workers: int | None = None
) -> Cohort:
    """Return the first ``patients`` patients of ``seed``, simulating the shards not yet there.

    ``size``: rows and columns of the images. Models of every size that divides ``STORED_SIZE``
    learn from the same shards: their images are area means of the stored ones, which differ from
    those of ``square_image`` at that size by rounding and a little sharpness.
    ``workers``: processes that simulate; one per core by default, 0 for this process itself.
    """
    stored = STORED_SIZE if STORED_SIZE % size == 0 else size
    kinds: dict[MakeRow, Path] = {
        _row: folder / f"seed-{seed}-size-{stored}",
        _extra_row: folder / f"seed-{seed}-extras",
        _course_row: folder / f"seed-{seed}-course",
    }
    arrays = build_rows(kinds, seed=seed, patients=patients, size=stored, workers=workers)
    arrays["images"] = area_means(arrays["images"].astype(np.uint8, copy=False), size)
    notes = tuple(json.loads(text) for text in arrays.pop("notes"))
    return Cohort(notes=notes, **arrays)


def build_rows(
    kinds: Mapping[MakeRow, Path],
    *,
    seed: int,
    patients: int,
    size: int,
    workers: int | None = None,
) -> dict[str, npt.NDArray[Any]]:
    """Return what ``kinds`` make of the first ``patients`` patients of ``seed``, (N, ...) by name.

    Every kind keeps its shards in its folder; those not yet there are made. ``size`` is handed to
    every kind; ``workers`` as of ``build_cohort``.
    """
    for kind_folder in kinds.values():
        kind_folder.mkdir(parents=True, exist_ok=True)
    shards = [range(start, min(start + SHARD, patients)) for start in range(0, patients, SHARD)]
    todo = [
        (row, kind_folder, seed, s, size)
        for row, kind_folder in kinds.items()
        for s in shards
        if not _shard(kind_folder, s).exists()
    ]
    if workers == 0:
        for job in todo:
            _build_shard(job)
    elif todo:
        context = multiprocessing.get_context("spawn")
        with context.Pool(workers or os.cpu_count()) as pool:
            built: Iterator[None] = pool.imap_unordered(_build_shard, todo)
            for _ in tqdm(built, total=len(todo), desc="simulating", unit="shard"):
                pass
    loaded = [
        {k: v for where in kinds.values() for k, v in _load_shard(_shard(where, s)).items()}
        for s in shards
    ]
    return {k: np.concatenate([s[k] for s in loaded]) for k in loaded[0]}


def area_means(images: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Return (N, size, size) uint8 means over equal squares of (N, S, S) uint8 images."""
    count, side = images.shape[:2]
    if side == size:
        return images
    factor = side // size
    sums = np.zeros((count, size, size), dtype=np.uint32)
    for row in range(factor):
        for column in range(factor):
            sums += images[:, row::factor, column::factor]
    means: npt.NDArray[np.uint8] = np.rint(sums / factor**2).astype(np.uint8)
    return means


def _shard(folder: Path, indices: range) -> Path:
    return folder / f"{indices.start:07d}-{indices.stop:07d}.npz"


def _load_shard(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    with np.load(path, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def _build_shard(job: tuple[MakeRow, Path, int, range, int]) -> None:
    make_row, folder, seed, indices, size = job
    rows: dict[str, list[object]] = {}
    for index in indices:
        for key, value in make_row(seed, index, size).items():
            rows.setdefault(key, []).append(value)
    path = _shard(folder, indices)
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, **{key: np.array(values) for key, values in rows.items()})  # type: ignore[arg-type] # numpy's stub takes no **arrays of unknown keys
    partial.rename(path)


def _row(seed: int, index: int, size: int) -> dict[str, object]:
    patient = sample_patient(seed, index)
    image = square_image(patient.pixels, size=size, is_inverted=False).values[0]
    known = {o.loinc: o.value for o in patient.observations}
    truth = patient.truth
    absent = np.zeros(patient.pixels.shape, dtype=bool)
    return {
        "images": np.rint(image * 255).astype(np.uint8),
        "notes": json.dumps(patient.note),
        "values": np.array([known.get(code, 0.0) for code in CODES], dtype=np.float32),
        "observed": np.array([code in known for code in CODES]),
        "findings": np.array([truth.findings[name] for name in FINDINGS]),
        "severity": np.float32(truth.severity),
        "location": np.stack([_coverage(truth.masks.get(name, absent)) for name in FINDINGS]),
    }


def _extra_row(seed: int, index: int, size: int) -> dict[str, object]:
    extras = sample_extras(seed, index)
    called = {v.variant_id: v.copies for v in extras.variants}
    return {
        "sounds": np.rint(extras.recording.samples * 32767.0).astype(np.int16),
        "copies": np.array([called.get(locus, -1) for locus in LOCI], dtype=np.int8),
    }


def _course_row(seed: int, index: int, size: int) -> dict[str, object]:
    course = sample_course(seed, index)
    latest = {o.loinc: o.time for o in course.observations}
    values = np.zeros((len(CODES), PLACES), dtype=np.float32)
    minutes = np.zeros((len(CODES), PLACES), dtype=np.int32)
    observed = np.zeros((len(CODES), PLACES), dtype=np.bool_)
    for observation in course.earlier:
        row, until = CODES.index(observation.loinc), latest[observation.loinc]
        assert until is not None  # every simulated observation is dated
        assert observation.time is not None
        place = int(observed[row].sum())
        values[row, place] = observation.value
        minutes[row, place] = round((until - observation.time).total_seconds() / 60)
        observed[row, place] = True
    return {
        "earlier": values,
        "earlier_observed": observed,
        "earlier_minutes": minutes,
        "lungs": _coverage(course.lungs),
    }


def _coverage(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Return (56, 56) covered fractions times 255 of a square mask."""
    cells = np.linspace(0, mask.shape[0], LOCATION_SIZE + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(mask.astype(np.float32), cells, 0), cells, 1)
    ones = np.add.reduceat(np.add.reduceat(np.ones(mask.shape, np.float32), cells, 0), cells, 1)
    return np.rint(sums / ones * 255).astype(np.uint8)
