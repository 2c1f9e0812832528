"""Explain patients whose truth is known with every method, and keep one row of figures of each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import isfinite

import numpy as np
import numpy.typing as npt

from mmcore.bench import controls
from mmcore.bench.elements import by_place, elements_of
from mmcore.bench.faithful import areas
from mmcore.bench.metrics import rank_correlation, relative_change
from mmcore.bench.score import Figures, figures_of, image_figures
from mmcore.bench.shares import Shares, shares_of
from mmcore.bench.subjects import Subject, with_noise, without
from mmcore.bench.truth import Truth
from mmcore.engine import Engine
from mmcore.explain.marginal import Ledger
from mmcore.explain.methods import apply_method, why_not
from mmcore.explain.shapley import shapley_values
from mmcore.modalities.image import PreparedImage
from mmcore.model.prepared import PreparedCase
from mmcore.records import Case, Modality, Parts

OWN = "ledger"
"""The engine's own method: what a reader is shown."""
_OWN_BY = ("blended", "integrated_gradients")  # the first that applies to a modality
CONTROLS = {
    "control_random": "The ledger's own values in random places",
    "control_centres": "A blob at the centre of each lung",
    "control_edges": "The edges of the image",
    "control_usual_place": "Where the truth of other patients lies",
}
_SHUFFLES = 8
WITHOUT = 2  # patients of whom one modality after the other is taken away

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one method on one modality of one target of one patient."""

    patient: str
    target: str
    method: str
    modality: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    methods: names of registered methods beside the ledger's own. deep: how many patients deletion,
    insertion and stability are measured on. usual: by target, where the truth of other patients
    lies, as a map.
    """

    methods: Sequence[str] = ()
    deep: int = 0
    usual: dict[str, FloatArray] = field(default_factory=dict)
    seed: int = 0


@dataclass(slots=True)
class Measured:
    """What a run found.

    patients: how many were looked at. explained: findings that were there and called. null: largest
    |contribution| of a modality that may not speak of a target, or that the case lacks, in logits,
    and how many were looked at.
    """

    rows: list[Row] = field(default_factory=list)
    shares: list[Shares] = field(default_factory=list)
    patients: set[str] = field(default_factory=set)
    explained: int = 0
    null: float = 0.0
    nulls: int = 0


def run(
    engine: Engine,
    subjects: Iterable[Subject],
    plan: Plan,
    *,
    on_subject: Callable[[], None] = lambda: None,
) -> Measured:
    """Explain every target that is truly there and is called, and measure what is said of it."""
    measured = Measured()
    for number, subject in enumerate(subjects):
        measured.patients.add(subject.patient)
        values = engine.coalition_values(subject.case)
        _count_null(measured, engine, subject.case, values)
        if number < WITHOUT:
            for modality in engine.predict(subject.case).present:
                bare = without(subject.case, modality)
                if bare is not None:
                    _count_null(measured, engine, bare, engine.coalition_values(bare))
        if subject.phantom is not None:
            measured.shares += shares_of(engine, subject.phantom, values, patient=subject.patient)
        is_deep = number < plan.deep
        for target, truth in called(engine, subject):
            measured.explained += 1
            measured.rows += _explain(engine, subject, target, truth, plan, is_deep=is_deep)
        on_subject()
    return measured


def called(engine: Engine, subject: Subject) -> Iterator[tuple[str, Truth]]:
    """Yield the targets that are truly there and that the model calls, with their truth."""
    prediction = engine.predict(subject.case)
    for target, truth in subject.truths.items():
        if prediction.target(target).is_positive is not False:
            yield target, truth


def own_parts(ledger: Ledger, prepared: PreparedCase, modality: Modality) -> Parts:
    """Return the parts of the engine's own method."""
    return apply_method(_name(OWN, ledger, modality), ledger, prepared, modality).parts


def called_pairs(
    engine: Engine, subjects: Iterable[Subject], count: int
) -> list[tuple[Subject, str]]:
    """Return the first ``count`` cases with their first target that is there and called."""
    firsts = ((s, next(called(engine, s), None)) for s in subjects)
    return list(islice(((s, found[0]) for s, found in firsts if found is not None), count))


def _explain(
    engine: Engine, subject: Subject, target: str, truth: Truth, plan: Plan, *, is_deep: bool
) -> list[Row]:
    noisy: dict[tuple[str, Modality], Parts] = {}
    methods = (OWN, *plan.methods)
    if is_deep:
        case = with_noise(subject.case, plan.seed)

        def again(ledger: Ledger, prepared: PreparedCase) -> dict[tuple[str, Modality], Parts]:
            return {
                (name, m): apply_method(real, ledger, prepared, m, seed=plan.seed).parts
                for name, m, real in _asked(methods, ledger)
                if m in (Modality.IMAGE, Modality.OBSERVATIONS, Modality.RECORDING)
            }

        noisy = engine.with_ledger(case, target, again)

    def work(ledger: Ledger, prepared: PreparedCase) -> list[tuple[str, Modality, Figures]]:
        found = []
        for name, modality, real in _asked(methods, ledger):
            result = apply_method(real, ledger, prepared, modality, seed=plan.seed)
            contribution = _contribution(ledger, modality)
            figures = figures_of(result.parts, truth, prepared, contribution=contribution)
            figures["milliseconds"] = 1000.0 * result.seconds
            figures["forwards"] = float(result.forwards)
            figures["backwards"] = float(result.backwards)
            elements = elements_of(result.parts, prepared, modality)
            if is_deep and elements is not None:
                measured = areas(ledger, modality, elements)
                figures |= {"deletion": measured.deletion, "insertion": measured.insertion}
                if (name, modality) in noisy:
                    other = elements_of(noisy[name, modality], prepared, modality)
                    if other is not None:
                        before, after = by_place(elements), by_place(other)
                        figures["stability"] = rank_correlation(before, after)
                        figures["change"] = relative_change(before, after)
            found.append((name, modality, figures))
            if name == OWN:
                found += _controls(ledger, prepared, result.parts, truth, plan, is_deep=is_deep)
        return found

    found = engine.with_ledger(subject.case, target, work)
    return [
        Row(subject.patient, target, method, modality.value,
            {k: v for k, v in figures.items() if isfinite(v)})
        for method, modality, figures in found
    ]  # fmt: skip


def _controls(
    ledger: Ledger, prepared: PreparedCase, own: Parts, truth: Truth, plan: Plan, *, is_deep: bool
) -> list[tuple[str, Modality, Figures]]:
    modality = own.modality
    rng = np.random.default_rng(plan.seed)
    drawn: list[Figures] = []
    for number in range(_SHUFFLES if own.passed else 0):
        parts = controls.shuffled(own, rng)
        figures = figures_of(parts, truth, prepared, contribution=_contribution(ledger, modality))
        if is_deep and number == 0:
            elements = elements_of(parts, prepared, modality)
            if elements is not None:
                measured = areas(ledger, modality, elements)
                figures |= {"deletion": measured.deletion, "insertion": measured.insertion}
        drawn.append(figures)
    names = dict.fromkeys(name for figures in drawn for name in figures)
    average = {
        name: float(np.mean([figures[name] for figures in drawn if name in figures]))
        for name in names
        if name not in ("completeness", "withheld")
    }
    found = [("control_random", modality, average)] if average else []
    image = prepared.inputs.get(modality)
    if isinstance(image, PreparedImage):
        maps = {
            "control_centres": controls.centres(image),
            "control_edges": controls.edges(image),
        }
        if ledger.target in plan.usual:
            maps["control_usual_place"] = plan.usual[ledger.target]
        for name, made in maps.items():
            found.append((name, modality, image_figures(made, image.box, truth)))
    return found


def _asked(methods: Sequence[str], ledger: Ledger) -> Iterator[tuple[str, Modality, str]]:
    """Yield the name in the scorecard, the modality and the registered method that does it."""
    for name in methods:
        for modality in ledger.present:
            real = _name(name, ledger, modality)
            if not why_not(real, ledger, modality):
                yield name, modality, real


def _name(name: str, ledger: Ledger, modality: Modality) -> str:
    if name != OWN:
        return name
    return next(own for own in _OWN_BY if not why_not(own, ledger, modality))


def _contribution(ledger: Ledger, modality: Modality) -> float:
    at = ledger.network.modalities.index(modality)
    return float(shapley_values(ledger.values)[at])


def _count_null(measured: Measured, engine: Engine, case: Case, values: FloatArray) -> None:
    """Look at the contributions of what may not speak of a target, or is not there."""
    signed = shapley_values(values)
    present = engine.predict(case).present
    for column, target in enumerate(engine.pack.config.targets):
        speakers = engine.pack.config.inputs_of(target)
        for row, modality in enumerate(engine.modalities):
            if modality not in speakers or modality not in present:
                measured.nulls += 1
                measured.null = float(np.maximum(measured.null, abs(signed[row, column])))
