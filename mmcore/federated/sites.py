"""What a site learns from and is measured on: its own folder, which no other process reads.

A folder holds labelled patients as ``simulate`` or open radiographs have them, of which one in
``PARTS`` is kept for measuring by a hash of who they are. Or it holds a part of a simulated cohort
(``train.npz``, ``held_out.npz``), as ``write_sites`` makes it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from mmcore.datasets.labelled import LabelledCase
from mmcore.datasets.thorax import is_validation
from mmcore.errors import ConfigError
from mmcore.federated.plan import FederationConfig, Plan, SimulatedSite
from mmcore.model.config import ModelConfig
from mmcore.records import Modality
from mmcore.simulate import FINDINGS
from mmcore.train.cohort import Cohort, build_cohort
from mmcore.train.dataset import TrainingSet, from_cases, from_cohort

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PARTS = 5
SPLIT_SEED = 0
HEAD = "site.json"
PARTS_OF_SITE = ("train", "held_out")
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """One site, prepared for one model: whom it learns from, and whom it is measured on."""

    name: str
    train: TrainingSet
    held_out: TrainingSet


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some patients of a cohort, and (N,) by modality in whom it was not taken."""

    cohort: Cohort
    absent: Mapping[str, Mask]


def read_site(folder: Path, model: ModelConfig, tokenizer: "Tokenizer | None") -> Site:
    """Prepare the patients of ``folder`` exactly as the model is to read them.

    Raises ``ConfigError`` if there are none to learn from, or none to be measured on.
    """
    if (folder / HEAD).is_file():
        name = str(json.loads((folder / HEAD).read_text("utf-8"))["name"])
        parts = [
            prepare_part(_load(folder / f"{which}.npz"), model, tokenizer)
            for which in PARTS_OF_SITE
        ]
        return Site(name, *parts)
    from mmcore.evaluate.measure import read_cases

    cases: tuple[list[LabelledCase], list[LabelledCase]] = ([], [])
    for labelled in read_cases(folder):
        cases[is_validation(labelled.patient, seed=SPLIT_SEED, parts=PARTS)].append(labelled)
    if not all(cases):
        problem = f"holds {len(cases[0])} patients to learn from and {len(cases[1])} to measure on"
        raise ConfigError(key="the site's folder", problem=problem)
    return Site(folder.name, *(from_cases(part, model, tokenizer) for part in cases))


def prepare_part(part: Part, model: ModelConfig, tokenizer: "Tokenizer | None") -> TrainingSet:
    """Return simulated patients as the model reads them, with what was not taken absent."""
    prepared = from_cohort(part.cohort, model, tokenizer)
    presence = prepared.presence.clone()
    for column, modality in enumerate(model.modalities):
        if modality.value in part.absent:
            presence[:, column] &= ~torch.from_numpy(part.absent[modality.value])
    return replace(prepared, presence=presence)


def write_sites(plan: Plan, out: Path, *, work: Path) -> list[Path]:
    """Deal simulated patients out to the sites of a plan, a folder each; return the folders.

    No patient is at two sites. ``work`` keeps simulated shards. Raises ``ConfigError`` if the plan
    names no sites, or its pool holds too few patients.
    """
    federation, image = plan.federation, plan.run.model.image
    if not federation.sites:
        raise ConfigError(key="federation.sites", problem="names no simulated site")
    cohort = build_cohort(
        work / "cohorts",
        seed=federation.seed,
        patients=federation.skip + federation.pool,
        size=image.size if image is not None else 224,
    )
    folders = {name: out / name for name in federation.sites}
    for name, parts in deal_patients(cohort, federation).items():
        folders[name].mkdir(parents=True, exist_ok=True)
        for which, part in zip(PARTS_OF_SITE, parts, strict=True):
            _save(part, folders[name] / f"{which}.npz")
    for name, site in federation.sites.items():
        head = {"name": name, "train": site.train, "held_out": site.held_out}
        (folders[name] / HEAD).write_text(json.dumps(head, indent=1) + "\n", "utf-8")
    return list(folders.values())


def deal_patients(cohort: Cohort, federation: FederationConfig) -> dict[str, tuple[Part, Part]]:
    """Return whom every site learns from and whom it is measured on, drawn without replacement."""
    left = np.arange(federation.skip, federation.skip + federation.pool)
    dealt: dict[str, tuple[Part, Part]] = {}
    for number, (name, site) in enumerate(federation.sites.items()):
        count = site.train + site.held_out
        if count > len(left):
            problem = f"{name} needs {count} patients, {len(left)} are left"
            raise ConfigError(key="federation.pool", problem=problem)
        rng = np.random.default_rng([federation.seed, federation.deal, number])
        rows = _come(cohort.findings[left], site, count, rng)
        taken = rng.permutation(left[rows])
        parts = taken[: site.train], taken[site.train :]
        train, held_out = (_as_taken(_subset(cohort, part), site, rng) for part in parts)
        dealt[name] = (train, held_out)
        left = np.delete(left, rows)
    return dealt


def _come(
    findings: Mask, site: SimulatedSite, count: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Return which of N patients come to a site, by the odds of their findings.

    Source: Efraimidis and Spirakis 2006 (weighted sampling without replacement).
    """
    odds = np.array([site.odds.get(name, 1.0) for name in FINDINGS])
    weight = np.where(findings, odds, 1.0).prod(axis=1)
    keys = rng.exponential(size=len(weight)) / weight
    rows: npt.NDArray[np.int64] = np.argsort(keys)[:count]
    return rows


def _as_taken(cohort: Cohort, site: SimulatedSite, rng: np.random.Generator) -> Part:
    """Return the cohort as the instruments of this site see it, and what it does not take."""
    taken = cohort
    if grain := site.noise.get(Modality.IMAGE):
        images = cohort.images + rng.normal(0.0, 255.0 * grain, cohort.images.shape)
        taken = replace(taken, images=np.rint(images.clip(0.0, 255.0)).astype(np.uint8))
    if hiss := site.noise.get(Modality.RECORDING):
        sounds = cohort.sounds + rng.normal(0.0, 32767.0 * hiss, cohort.sounds.shape)
        taken = replace(taken, sounds=np.rint(sounds.clip(-32767.0, 32767.0)).astype(np.int16))
    if error := site.noise.get(Modality.OBSERVATIONS):
        values = cohort.values * (1.0 + rng.normal(0.0, error, cohort.values.shape))
        taken = replace(taken, values=values.astype(np.float32))
    count = len(cohort.findings)
    absent = {name: rng.random(count) < share for name, share in site.absent.items()}
    return Part(taken, absent)


def _subset(cohort: Cohort, rows: npt.NDArray[np.int64]) -> Cohort:
    values: dict[str, Any] = {
        f.name: getattr(cohort, f.name)[rows] for f in fields(Cohort) if f.name != "notes"
    }
    return Cohort(notes=tuple(cohort.notes[row] for row in rows), **values)


def _save(part: Part, path: Path) -> None:
    arrays: dict[str, Any] = {f.name: getattr(part.cohort, f.name) for f in fields(Cohort)}
    arrays["notes"] = np.array(part.cohort.notes)
    arrays |= {f"absent_{name}": mask for name, mask in part.absent.items()}
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, **arrays)
    partial.rename(path)


def _load(path: Path) -> Part:
    with np.load(path, allow_pickle=False) as stored:
        arrays: dict[str, Any] = {key: stored[key] for key in stored.files}
    absent = {
        key.removeprefix("absent_"): arrays.pop(key)
        for key in list(arrays)
        if key.startswith("absent_")
    }
    notes = tuple(str(note) for note in arrays.pop("notes"))
    return Part(Cohort(notes=notes, **arrays), absent)
