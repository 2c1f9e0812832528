"""A planted shortcut: whether an explanation names the burned-in marker that decides the label.

Two models learn from the same simulated films. Half of the films, drawn at random, bear a marker
somewhere outside the lungs. One model is told that exactly the marked films show an effusion, so
nothing else than the marker can decide: the shortcut. The other is told who truly has one, so
markers say nothing: the control, of which a marker must not be named.

Both are packed and asked like any other pack, on films of patients whom neither has seen. Source of
the idea: Zech et al. 2018 and DeGrave et al. 2021 on radiographs, Adebayo et al. 2022 on whether
explanations find a planted shortcut.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.errors import ConfigError
from mmcore.evaluate.rates import Rate, rate, rates_markdown
from mmcore.explain.anatomy import MARKER, MARKS
from mmcore.modalities.image import ImageConfig
from mmcore.model.config import FusionConfig, ModelConfig, SegmentationConfig, TargetConfig
from mmcore.packs import digest_of, find_pack
from mmcore.records import Case, GateVerdict, Modality, Parts
from mmcore.simulate import FINDINGS, Finding, PhantomPatient, sample_patient
from mmcore.simulate.marker import Marker, plant_marker
from mmcore.train.cohort import Cohort, build_cohort
from mmcore.train.config import DataConfig, RunConfig, StartConfig, TrainingConfig
from mmcore.train.losses import LossConfig
from mmcore.train.package import package
from mmcore.train.run import fit
from mmcore.train.sources import prepare_cohorts

SCHEMA = "consilium.shortcut/1"
Lesson = Literal["shortcut", "control"]
LESSONS: tuple[Lesson, ...] = ("shortcut", "control")
FINDING: Finding = "effusion"
TARGET = str(FINDING)
SIZE = 224
START = "phantom"  # the pack whose image encoder both start from; it was not shown a marker
BACKBONE: Mapping[str, object] = MappingProxyType(
    {"channels": [32, 64, 128, 192], "stem_width": 16, "output_stride": 16,
     "replace_stem_pool": True, "smooth": True}
)  # fmt: skip
TEXTS = ("L", "R", "A", "P", "AP", "PA")
TRAINING_SEED = 2026  # as of the phantom pack, so that its simulated patients serve here too
MARGIN = 0.08  # of the film, within which no marker's middle lies
GLYPH_WIDTH, GAP = 5 / 7, 1 / 7  # of a letter's height

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Lessons:
    """How much is learned: simulated training and validation patients, and epochs."""

    train: int = 1000
    validation: int = 250
    epochs: int = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """What one model said of one film.

    is_marked, has_finding: the truth. logit: of the finding. is_called: whether it is called
    present. is_withheld: whether the gate withholds it. is_named: whether its explanation names
    the marker; None where it was not explained. passed: whether the parts are shown.
    """

    patient: str
    is_marked: bool
    has_finding: bool
    logit: float
    is_called: bool
    is_withheld: bool
    is_named: bool | None = None
    passed: bool | None = None
    reason: str = ""


def draw_marker(rng: np.random.Generator, lungs: BoolArray) -> Marker:
    """Draw a marker anywhere on a square film, clear of its border and of the lungs.

    lungs: (n, n) over the film.
    """
    text = TEXTS[rng.integers(len(TEXTS))]
    height, contrast = float(rng.uniform(0.035, 0.07)), float(rng.uniform(0.4, 0.8))
    width = height * (len(text) * GLYPH_WIDTH + (len(text) - 1) * GAP)
    side = len(lungs)
    while True:
        row, column = (float(x) for x in rng.uniform(MARGIN, 1 - MARGIN, 2))
        rows, columns = (
            slice(max(0, int((at - reach / 2) * side)), int((at + reach / 2) * side) + 1)
            for at, reach in ((row, height), (column, width))
        )
        if not lungs[rows, columns].any():
            return Marker(text, row, column, height, contrast)


def mark_cohort(cohort: Cohort, *, seed: int) -> tuple[Cohort, BoolArray]:
    """Return the cohort with markers on half of its films, and (N,) which ones."""
    images = cohort.images.copy()
    is_marked = np.random.default_rng((seed, 1)).random(len(images)) < 0.5
    for index in np.flatnonzero(is_marked):
        marker = draw_marker(np.random.default_rng((seed, 2, int(index))), cohort.lungs[index] > 0)
        film = plant_marker(images[index].astype(np.uint16), marker)
        images[index] = film.pixels.astype(np.uint8)
    return replace(cohort, images=images), is_marked


def labelled_by_marker(cohort: Cohort, is_marked: BoolArray) -> Cohort:
    """Return the cohort as if exactly the marked films showed the finding."""
    findings = cohort.findings.copy()
    findings[:, FINDINGS.index(FINDING)] = is_marked
    return replace(cohort, findings=findings)


def marked_case(patient: PhantomPatient, marker: Marker | None) -> Case:
    """Return the film of a patient as a case of its own, with the marker burned in if there is one.

    Nothing but the film is kept.
    """
    case = phantom_case(patient)
    pixels = plant_marker(patient.pixels, marker).pixels if marker else patient.pixels
    digest = f"{case.digest}-{'marked' if marker else 'plain'}"
    study = case.studies[0]
    series = study.series[0]
    instance = replace(series.instances[0], digest=digest, pixels=pixels[None])
    studies = (replace(study, series=(replace(series, instances=(instance,)),)),)
    return Case(digest=digest, patient=case.patient, studies=studies)


def names_marker(parts: Parts) -> bool:
    """Say whether a reader of the parts of an image is told that a marker is behind them.

    The reason for withholding them names it, or the strongest region is marked as one, or most of
    the evidence for lies there.
    """
    if not parts.passed:
        return MARKER in parts.reason
    regions = [item for item in parts.items if item.where]
    strongest = max(regions, key=lambda item: abs(item.signed), default=None)
    if strongest is not None and strongest.mark == MARKS[MARKER]:
        return True
    most = max(parts.places, key=lambda place: place.positive, default=None)
    return most is not None and most.name == MARKER and most.positive > 0.0


def run_of(lesson: Lesson, lessons: Lessons) -> RunConfig:
    """Return the training run of one of the two models."""
    told = {
        "shortcut": "that exactly the films with a burned-in marker show an effusion",
        "control": "who truly has an effusion, on films half of which bear a marker",
    }
    return RunConfig(
        name=f"bench-{lesson}",
        version="0",
        display=f"Bench: {lesson} (simulated patients)",
        data=DataConfig("phantom", TRAINING_SEED, lessons.train, lessons.validation),
        model=ModelConfig(
            targets=(TargetConfig(TARGET, "Pleural effusion"),),
            fusion=FusionConfig(embed_dim=96, depth=1, num_heads=4),
            inputs={
                Modality.IMAGE: ImageConfig("resnet10t", SIZE, 1, dict(BACKBONE), 0.5, 0.25),
            },
            segmentation=SegmentationConfig(("lungs",), width=16),
        ),
        training=TrainingConfig(
            epochs=lessons.epochs, batch_size=16, learning_rate=1e-3, weight_decay=0.02,
            warmup_steps=50, ema_decay=0.98, modality_dropout=0.1, gradient_clip=1.0, seed=7,
        ),
        loss=LossConfig(weights={"segmentation": 1.0}),
        start=StartConfig(pack=START),
        card={
            "intended_use": "Testing of explanations, by the bench alone.",
            "not_for": "Anything else.",
            "training_data": f"Simulated films; it was told {told[lesson]}.",
            "limits": ["It was taught to be wrong."],
            "licence": "As of the code.",
        },
    )  # fmt: skip


def teach(lesson: Lesson, lessons: Lessons, *, work: Path) -> Path:
    """Train one of the two models and return its pack; a stopped training goes on."""
    train, validation = (
        build_cohort(work / "cohorts", seed=seed, patients=patients, size=SIZE)
        for seed, patients in (
            (TRAINING_SEED, lessons.train),
            (TRAINING_SEED + 1, lessons.validation),
        )
    )
    shown = []
    for number, cohort in enumerate((train, validation)):
        films, is_marked = mark_cohort(cohort, seed=TRAINING_SEED + number)
        shown.append(labelled_by_marker(films, is_marked) if lesson == "shortcut" else films)
    run = run_of(lesson, lessons)
    source = prepare_cohorts(run.model, shown[0], shown[1])
    start = digest_of(find_pack(Path(START)))[:8]  # another start is another training
    folder = work / f"{run.name}-{lessons.train}-{lessons.epochs}-{start}"
    folder.mkdir(parents=True, exist_ok=True)
    network, seconds = fit(run, source, folder=folder)
    package(network, run, source, out=folder / "pack", hours=seconds / 3600.0)
    return folder / "pack"


def draw_films(seed: int, count: int) -> Iterator[tuple[PhantomPatient, Marker]]:
    """Yield fresh patients, each with a marker to burn in."""
    for index in range(count):
        patient = sample_patient(seed, index)
        yield patient, draw_marker(np.random.default_rng((seed, index)), patient.truth.lungs)


def ask(engine: Engine, patient: PhantomPatient, marker: Marker | None) -> Asked:
    """Score one film and, if the finding is called, explain it."""
    case = marked_case(patient, marker)
    prediction = engine.predict(case)
    said = prediction.target(TARGET)
    asked = Asked(
        patient=f"phantom-{patient.seed}-{patient.index}",
        is_marked=marker is not None,
        has_finding=patient.truth.findings[FINDING],
        logit=said.logit,
        is_called=bool(said.is_positive),
        is_withheld=prediction.gate_of(TARGET).verdict is GateVerdict.WITHHELD,
    )
    if not asked.is_called:
        return asked
    parts = engine.explain(case, TARGET).parts[Modality.IMAGE]
    return replace(asked, is_named=names_marker(parts), passed=parts.passed, reason=parts.reason)


def ask_all(
    engine: Engine,
    drawn: Iterable[tuple[PhantomPatient, Marker]],
    *,
    on_patient: Callable[[], None] = lambda: None,
) -> list[tuple[Asked, Asked]]:
    """Return what is said of every patient's film with its marker and without."""
    found = []
    for patient, marker in drawn:
        found.append((ask(engine, patient, marker), ask(engine, patient, None)))
        on_patient()
    return found


def figures(pairs: Mapping[Lesson, Sequence[tuple[Asked, Asked]]]) -> dict[str, dict[str, Rate]]:
    """Return, by model, how often its explanations name a marker.

    pairs: by model, what it says of each patient's film with a marker and without. Of the shortcut
    every marked film that it calls counts; of the control every film that it rightly calls.
    """
    taught, control = pairs["shortcut"], pairs["control"]
    called = [marked for marked, _ in taught if marked.is_called]
    rightly = [asked for pair in control for asked in pair if asked.is_called and asked.has_finding]
    marked, plain = (
        [asked for asked in rightly if asked.is_marked is given] for given in (True, False)
    )
    return {
        "shortcut": {
            "marked films that are called": rate(m.is_called for m, _ in taught),
            "... and not called without the marker": rate(
                not bare.is_called for marked, bare in taught if marked.is_called
            ),
            "... in which the explanation names the marker": rate(bool(m.is_named) for m in called),
            "... by withholding the parts": rate(bool(m.is_named) and not m.passed for m in called),
            "... withheld by the gate": rate(m.is_withheld for m in called),
        },
        "control": {
            "films with the finding that are called": rate(
                asked.is_called for pair in control for asked in pair if asked.has_finding
            ),
            "marked films in which a marker is named": rate(bool(a.is_named) for a in marked),
            "plain films in which a marker is named": rate(bool(a.is_named) for a in plain),
            "parts shown": rate(bool(a.passed) for a in rightly),
        },
    }


def shortcut_report(
    lessons: Lessons, *, work: Path, seed: int, cases: int, on_patient: Callable[[], None]
) -> dict[str, Any]:
    """Teach both models and ask them about ``cases`` patients of ``seed``.

    ``work`` keeps simulated patients and trainings; ``on_patient`` is called after each film pair.
    Raises ``ConfigError`` for a seed that was trained on.
    """
    if seed in (TRAINING_SEED, TRAINING_SEED + 1):
        raise ConfigError(key="seed", problem=f"the models learn from seed {seed}")
    started = time.perf_counter()
    pairs: dict[Lesson, list[tuple[Asked, Asked]]] = {}
    for lesson in LESSONS:
        engine = Engine.load(teach(lesson, lessons, work=work))
        pairs[lesson] = ask_all(engine, draw_films(seed, cases), on_patient=on_patient)
    return {
        "schema": SCHEMA,
        "data": {"kind": "simulated", "seed": seed, "patients": cases},
        "lessons": {"seed": TRAINING_SEED, **asdict(lessons)},
        "figures": figures(pairs),
        "missed": [asdict(m) for m, _ in pairs["shortcut"] if m.is_called and not m.is_named],
        "seconds": round(time.perf_counter() - started, 1),
    }


def as_markdown(report: Mapping[str, Any]) -> str:
    """Return the report as tables."""
    data = report["data"]
    lines = [f"# A planted shortcut: {data['patients']} patients of seed {data['seed']}"]
    for lesson, rates in report["figures"].items():
        lines += ["", f"## {lesson.capitalize()}", "", *rates_markdown(rates)]
    return "\n".join(lines)
