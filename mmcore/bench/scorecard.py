"""The scorecard of a pack: figures with intervals over patients, as plain values for JSON.

- schema: "consilium.bench/1"
- pack: name, version, digest, is_simulated
- data: what it was measured on; command: how to measure it again; seconds: how long it took
- patients: how many; explained: findings that were there and called
- rows: method, display, modality, figures {name: {value, low, high, patients, cases}}
- shares: modality shares against the causal model, figures by name; null without one
- release: what a pack must pass: randomised weights, a modality that may not speak
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from mmcore.bench import controls, release, subjects
from mmcore.bench.run import CONTROLS, OWN, Measured, Plan, Row, called_pairs, run
from mmcore.bench.shares import compare
from mmcore.bench.subjects import Subject
from mmcore.bench.truth import Box, Truth
from mmcore.engine import Engine
from mmcore.evaluate.resample import FloatArray, Resampled, ratio, resample
from mmcore.explain.methods import METHODS
from mmcore.modalities.image import PreparedImage
from mmcore.records import Modality

SCHEMA = "consilium.bench/1"
USUAL_SEED = 77_077  # of the patients that the control "usual place" is made of
USUAL_PATIENTS = 60
Scorecard = dict[str, Any]


def simulated_scorecard(
    engine: Engine, *, cases: int, seed: int, methods: Sequence[str], deep: int, released: int
) -> Scorecard:
    """Return the scorecard on ``cases`` fresh simulated patients of ``seed``.

    deep: of the first so many, deletion, insertion and stability too. released: patients on whom
    randomised weights are tried.
    """

    def drawn() -> Iterable[Subject]:
        return subjects.simulated(engine, seed, cases)

    others = subjects.simulated(engine, USUAL_SEED, USUAL_PATIENTS, rows=128)
    plan = Plan(methods, deep=deep, usual=usual_places(engine, others), seed=seed)
    return _scorecard(
        engine, drawn, plan, released=released, total=cases,
        data={"kind": "simulated", "seed": seed, "cases": cases},
    )  # fmt: skip


def folder_scorecard(
    engine: Engine, folder: Path, pack: Path, *, cases: int, methods: Sequence[str], deep: int,
    released: int, is_all: bool,
) -> Scorecard:  # fmt: skip
    """Return the scorecard on the first ``cases`` images of open radiographs that have boxes.

    is_all: those of patients that the pack was trained on too, in which case the figures flatter.
    """
    everyone = list(subjects.from_folder(engine, folder, pack, is_all=True))
    chosen = everyone if is_all else list(subjects.from_folder(engine, folder, pack, is_all=False))
    chosen = chosen[:cases]
    apart = {subject.patient for subject in chosen}
    usual = usual_places(engine, (s for s in everyone if s.patient not in apart))
    return _scorecard(
        engine, lambda: chosen, Plan(methods, deep=deep, usual=usual), released=released,
        total=len(chosen),
        data={"kind": "open radiographs", "images": len(chosen), "is_all": is_all},
    )  # fmt: skip


def usual_places(engine: Engine, others: Iterable[Subject]) -> dict[str, FloatArray]:
    """Return by target where the truth of other patients lies, over the model's square."""
    found: dict[str, list[tuple[Truth, Box]]] = {}
    for subject in others:
        image = engine.prepare(subject.case).inputs.get(Modality.IMAGE)
        if isinstance(image, PreparedImage):
            for target, truth in subject.truths.items():
                if truth.mask is not None:
                    found.setdefault(target, []).append((truth, image.box))
    return {target: controls.usual_place(pairs) for target, pairs in found.items()}


def add_permuted(scorecard: Scorecard, engine: Engine, other: Engine, pairs: int) -> Scorecard:
    """Return the scorecard with the maps compared to those of a pack of permuted labels."""
    data = scorecard["data"]
    if data["kind"] != "simulated":
        raise ValueError("a pack of permuted labels is compared on simulated patients")
    drawn = subjects.simulated(engine, data["seed"], data["cases"])
    rows = release.against(engine, other, called_pairs(engine, drawn, pairs))
    made = {**scorecard["release"], "permuted_labels": summarise(rows)}
    return {**scorecard, "release": made}


def summarise(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return one entry per method and modality, with a bootstrap over patients."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.method, row.modality), []).append(row)
    return [
        {
            "method": method,
            "display": display_of(method),
            "modality": modality,
            "figures": _figures(members),
        }
        for (method, modality), members in groups.items()
    ]


def display_of(method: str) -> str:
    """Return what a reader is shown for a method or control."""
    if method == OWN:
        return "The ledger's own"
    if method in METHODS:
        return METHODS[method].display
    return CONTROLS.get(method, method.replace("_", " ").capitalize())


def write_scorecard(scorecard: Mapping[str, Any], path: Path) -> None:
    """Write a scorecard as JSON; what is not a number is null."""
    text = json.dumps(scorecard, indent=1, allow_nan=False, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def _scorecard(
    engine: Engine, drawn: Callable[[], Iterable[Subject]], plan: Plan, *, released: int,
    total: int, data: Mapping[str, Any],
) -> Scorecard:  # fmt: skip
    started = time.perf_counter()
    with tqdm(total=total, desc="explaining", unit=" cases", leave=False) as bar:
        measured = run(engine, drawn(), plan, on_subject=lambda: bar.update(1))
    pairs = called_pairs(engine, drawn(), released)
    randomised = release.cascade(engine, pairs, seed=plan.seed) if pairs else []
    identity = engine.identity
    return {
        "schema": SCHEMA,
        "pack": {
            "name": identity.name,
            "version": identity.version,
            "digest": identity.digest,
            "is_simulated": identity.is_simulated,
        },
        "data": dict(data),
        "device": engine.device,
        "patients": len(measured.patients),
        "explained": measured.explained,
        "deep": min(plan.deep, len(measured.patients)),
        "rows": summarise(measured.rows),
        "shares": _shares(measured),
        "release": {
            "randomised": summarise(randomised),
            "pairs": len(pairs),
            "null": {"largest": measured.null, "checked": measured.nulls},
        },
        "seconds": round(time.perf_counter() - started, 1),
    }


def _shares(measured: Measured) -> dict[str, Any] | None:
    rows = measured.shares
    if not rows:
        return None
    patients = len({row.patient for row in rows})
    return {
        "modalities": [m.value for m in rows[0].modalities],
        "figures": {
            name: _entry(value, patients, len(rows)) for name, value in compare(rows).items()
        },
    }


def _figures(rows: Sequence[Row]) -> dict[str, Any]:
    names = dict.fromkeys(name for row in rows for name in row.figures)
    groups = np.array([row.patient for row in rows])
    columns = {name: np.array([row.figures.get(name, np.nan) for row in rows]) for name in names}

    def statistic(weights: FloatArray) -> dict[str, FloatArray]:
        return {
            name: ratio(weights @ np.nan_to_num(column), weights @ np.isfinite(column))
            for name, column in columns.items()
        }

    resampled = resample(statistic, rows=len(rows), groups=groups) if names else {}
    entries = {}
    for name, value in resampled.items():
        known = np.isfinite(columns[name])
        entries[name] = _entry(value, len(set(groups[known])), int(known.sum()))
    return entries


def _entry(resampled: Resampled, patients: int, cases: int) -> dict[str, Any]:
    figure = resampled.figure()
    return {
        "value": _number(figure.value),
        "low": _number(figure.low) if patients > 1 else None,
        "high": _number(figure.high) if patients > 1 else None,
        "patients": patients,
        "cases": cases,
    }


def _number(value: float) -> float | None:
    return round(value, 6) if isfinite(value) else None
