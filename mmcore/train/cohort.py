"""A cohort of simulated patients as training arrays, made once and kept on disk in shards.

Patients are streamed from the simulator by several processes; every finished shard is a file, so an
interrupted build goes on where it stopped.
"""

import json
import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from mmcore.loinc import OBSERVATION_TYPES
from mmcore.model.inputs import square_image
from mmcore.simulate import FINDINGS, sample_patient

SHARD = 125
LOCATION_SIZE = 56  # lesion masks are kept at this resolution and pooled to the token grid later
CODES = tuple(OBSERVATION_TYPES)


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """N simulated patients, before anything that depends on a trained scale or tokenizer.

    images: (N, S, S) uint8, 0 to 255 over the range of ``square_image``. notes: N texts.
    values, observed: (N, J) over ``CODES``: value in canonical units, and whether there is one.
    findings: (N, F) bool over ``FINDINGS``. severity: (N,) float32 in [0, 10].
    location: (N, F, 56, 56) uint8, fraction of each cell that the lesion covers, times 255.
    """

    images: npt.NDArray[np.uint8]
    notes: tuple[str, ...]
    values: npt.NDArray[np.float32]
    observed: npt.NDArray[np.bool_]
    findings: npt.NDArray[np.bool_]
    severity: npt.NDArray[np.float32]
    location: npt.NDArray[np.uint8]


def build_cohort(folder: Path, *, seed: int, patients: int, size: int) -> Cohort:
    """Return the first ``patients`` patients of ``seed``, simulating the shards not yet there."""
    folder = folder / f"seed-{seed}-size-{size}"
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, patients, SHARD)
    todo = [(folder, seed, start, size) for start in starts if not _shard(folder, start).exists()]
    if todo:
        context = multiprocessing.get_context("spawn")
        with context.Pool(max(1, os.cpu_count() or 1)) as pool:
            shards: Iterator[None] = pool.imap_unordered(_build_shard, todo)
            for _ in tqdm(shards, total=len(todo), desc="simulating", unit="shard"):
                pass
    loaded = [_load_shard(_shard(folder, start)) for start in starts]
    arrays = {k: np.concatenate([s[k] for s in loaded])[:patients] for k in loaded[0]}
    notes = tuple(json.loads(text) for text in arrays.pop("notes"))
    return Cohort(notes=notes, **arrays)


def _shard(folder: Path, start: int) -> Path:
    return folder / f"{start:07d}.npz"


def _load_shard(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    with np.load(path, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def _build_shard(job: tuple[Path, int, int, int]) -> None:
    folder, seed, start, size = job
    rows: dict[str, list[object]] = {}
    for index in range(start, start + SHARD):
        for key, value in _row(seed, index, size).items():
            rows.setdefault(key, []).append(value)
    path = _shard(folder, start)
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


def _coverage(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Return (56, 56) covered fractions times 255 of a square mask."""
    cells = np.linspace(0, mask.shape[0], LOCATION_SIZE + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(mask.astype(np.float32), cells, 0), cells, 1)
    ones = np.add.reduceat(np.add.reduceat(np.ones(mask.shape, np.float32), cells, 0), cells, 1)
    return np.rint(sums / ones * 255).astype(np.uint8)
