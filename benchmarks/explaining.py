"""What a whole explained case costs, beside the recipe that Captum's tutorials suggest.

In milliseconds, and in passes: the time of one forward and backward pass of the whole model for one
patient.

The recipe attributes each modality by 50 steps of Integrated Gradients of the whole model, and the
modalities by Captum's ShapleyValues, which runs the whole model again for each coalition. It is run
again with twice as many steps until it misses its sums by no more than the ledger does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch
from captum.attr import IntegratedGradients, ShapleyValues
from torch import Tensor

from benchmarks.harness import Clock, Row, ratio, single
from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.explain.marginal import Ledger
from mmcore.packs import find_pack
from mmcore.records import Case
from mmcore.simulate import sample_patient

GROUP = "explaining"
SEED = 606
STEPS = 50
MOST_STEPS = 400
BATCH = 25  # rows of the recipe that are computed at once


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds for one case, and how far attributions miss what they should add up to.

    first: of the whole explained case with one finding. further: of one more. misses: largest miss
    of a modality, as a part of its contribution. equal: seconds of the recipe with as many steps as
    it takes to miss by no more than the ledger, or with ``MOST_STEPS``.
    """

    one_pass: float
    predict: float
    first: float
    further: float
    misses: float
    recipe: float
    recipe_misses: float
    equal: float
    equal_steps: int


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds that ``work`` takes."""
    started = Clock.CPU.now()
    work()
    return Clock.CPU.now() - started


class WholeModel:
    """The calibrated logit of one target as one function of all embedded inputs."""

    def __init__(self, ledger: Ledger) -> None:
        network = ledger.network
        self.ledger, self.present = ledger, ledger.present
        self.own = tuple(ledger.embedded[m] for m in self.present)
        with torch.no_grad():
            self.baseline = tuple(network.embed(m, network.baseline(m)[None]) for m in self.present)

    def __call__(self, *embedded: Tensor) -> Tensor:
        """Return (n,) logits of (n, ...) embedded inputs, one for each modality present."""
        ledger, count = self.ledger, len(embedded[0])
        encoded = {m: x.expand(count, -1, -1) for m, x in ledger.baseline.items()}
        for modality, inputs in zip(self.present, embedded, strict=True):
            encoded[modality] = ledger.network.encode(modality, inputs)
        raw = ledger.network.decide(encoded, ledger.baseline)[:, ledger.column]
        return ledger.calibration.apply_tensor(raw)

    def forward_and_backward(self) -> None:
        """Run the whole model once there and back."""
        inputs = tuple(x.detach().clone().requires_grad_() for x in self.own)
        self(*inputs).sum().backward()

    def recipe(self, steps: int) -> float:
        """Attribute as the tutorials do; return the largest relative miss of a modality."""
        masks = tuple(
            torch.full((1, *(1,) * (x.ndim - 1)), number) for number, x in enumerate(self.own)
        )
        shares = ShapleyValues(self).attribute(
            self.own, self.baseline, feature_mask=masks, perturbations_per_eval=1
        )
        misses = []
        for place, share in enumerate(shares):
            others = list(self.own)

            def alone(inputs: Tensor, place: int = place, others: list[Tensor] = others) -> Tensor:
                rows = [x.expand(len(inputs), *x.shape[1:]) for x in others]
                rows[place] = inputs
                return self(*rows)

            found = IntegratedGradients(alone).attribute(
                self.own[place], self.baseline[place], n_steps=steps, internal_batch_size=BATCH
            )
            with torch.no_grad():
                change = float(alone(self.own[place]) - alone(self.baseline[place]))
            if abs(float(share.flatten()[0])) >= 0.05:
                misses.append(abs(float(found.sum()) - change) / max(abs(change), 1e-6))
        return max(misses, default=0.0)


def measure(engine: Engine, case: Case, targets: tuple[str, str]) -> Cost:
    """Measure one case from nothing cached."""

    def one_pass(ledger: Ledger, _: object) -> float:
        model = WholeModel(ledger)
        return median(seconds(model.forward_and_backward) for _ in range(5))

    def recipe(ledger: Ledger, _: object) -> list[tuple[int, float, float]]:
        """Return steps, seconds and miss of every try."""
        model, tries, steps = WholeModel(ledger), [], STEPS
        while True:
            started = Clock.CPU.now()
            missed = model.recipe(steps)
            tries.append((steps, Clock.CPU.now() - started, missed))
            steps *= 2
            if missed <= misses or steps > MOST_STEPS:
                return tries

    fresh = replace(case, digest=f"{case.digest}-again")
    predict = seconds(lambda: engine.predict(fresh))
    first = predict + seconds(lambda: engine.explain(fresh, targets[0]))
    further = seconds(lambda: engine.explain(fresh, targets[1]))
    explanation = engine.explain(fresh, targets[0])
    signed = {c.modality: c.signed for c in explanation.contributions}
    misses_of = [
        abs(part.completeness_error / signed[m])
        for m, part in explanation.parts.items()
        if abs(signed[m]) >= 0.05
    ]
    misses = max(misses_of, default=0.0)
    tries = engine.with_ledger(fresh, targets[0], recipe)
    return Cost(
        one_pass=engine.with_ledger(fresh, targets[0], one_pass),
        predict=predict,
        first=first,
        further=further,
        misses=misses,
        recipe=tries[0][1],
        recipe_misses=tries[0][2],
        equal=tries[-1][1],
        equal_steps=tries[-1][0],
    )


def rows(rounds: int) -> Iterator[Row]:
    """Measure as many simulated patients as ``rounds`` says, each from nothing cached."""
    engine = Engine.load(find_pack(Path("phantom")))
    engine.warm_up()
    costs = []
    for index in range(rounds + 1):  # the first one is for what the process loads on first use
        case = phantom_case(sample_patient(SEED, index))
        scored = sorted(
            (t for t in engine.predict(case).targets if t.probability is not None),
            key=lambda t: -(t.probability or 0.0),
        )
        costs.append(measure(engine, case, (scored[0].name, scored[1].name)))
    del costs[0]
    unit = [1000.0 * c.one_pass for c in costs]
    yield single(GROUP, "one pass of the whole model", unit, "ms")
    first, whole = [1000.0 * c.first for c in costs], "whole case: scored, explained, tested"
    yield single(GROUP, whole, first, "ms")
    others = {
        "one more finding": [1000.0 * c.further for c in costs],
        f"the recipe, {STEPS} steps": [1000.0 * c.recipe for c in costs],
        "the recipe, missing its sums as little": [1000.0 * c.equal for c in costs],
    }
    for name, values in others.items():
        yield ratio(GROUP, name, values, first, whole, "ms")
    yield single(GROUP, f"{whole}, in passes", _by(first, unit), "passes")
    yield single(GROUP, "score alone, in passes", [c.predict / c.one_pass for c in costs], "passes")
    yield single(GROUP, "largest miss of an input", [100.0 * c.misses for c in costs], "%")
    missed = [100.0 * c.recipe_misses for c in costs]
    yield single(GROUP, f"largest miss of the recipe, {STEPS} steps", missed, "%")


def _by(values: list[float], unit: list[float]) -> list[float]:
    return [value / one for value, one in zip(values, unit, strict=True)]
