"""How far each quadrature rule misses a modality's contribution, by its number of points.

Run by hand: ``python benchmarks/quadrature.py --pack phantom``. Prints one table per path, as in
docs/decisions/0017. A rule only ever sees the slope of the explained function along its path. The
slope is smooth, so it is computed at ``NODES`` Chebyshev points once, and the rules read the
polynomial through them; how far that polynomial's own integral misses is printed with each table.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from numpy.polynomial import Chebyshev
from torch import Tensor

from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.explain.ledger import (
    ABSOLUTE_TOLERANCE,
    PASSING_ERROR,
    PASSING_FLOOR,
    RELATIVE_TOLERANCE,
)
from mmcore.explain.marginal import Ledger, weighted_marginal
from mmcore.explain.path import PIECE, integrate
from mmcore.explain.shapley import shapley_values
from mmcore.model.prepared import PreparedCase
from mmcore.packs import find_pack
from mmcore.simulate import sample_patient

Floats = npt.NDArray[np.float64]
COUNTS = (2, 3, 4, 5, 6, 8, 12, 16)
FIRST = (3, 4, 6, 9, 12, 15, 16)  # points that our own rule may start with
INTERVALS = 4  # of the adapted rule; their ends cost three forward passes more
SMALL = 0.02  # logits: a contribution below this has no meaningful relative error
NODES = 40  # where the slope of a path is computed
CHUNK = 16  # points of a path that are computed at once


@dataclass(frozen=True, slots=True)
class Walk:
    """One path of one case: the slope of g_m over t in [0, 1], and what it should integrate to."""

    slope: Chebyshev
    change: float

    def value(self, points: Floats) -> Floats:
        """Return g_m at every point, less its value at the start."""
        return np.asarray(self.slope.integ(lbnd=0.0)(points))

    def spent(self, first_steps: int) -> int:
        """Return how many points ``integrate`` takes of this path until it is close enough."""
        rises = self.slope.integ(lbnd=0.0).coef.tolist()

        def function(at: Tensor) -> Tensor:  # Clenshaw's recurrence
            t = 2.0 * at[:, 0] - 1.0
            one = two = torch.zeros_like(t)
            for coefficient in rises[:0:-1]:
                one, two = 2.0 * t * one - two + coefficient, one
            return rises[0] + t * one - two

        end = torch.ones(1, 1, dtype=torch.float64)
        return integrate(
            function, end, 0.0 * end, change=self.change, first_steps=first_steps,
            tolerance=RELATIVE_TOLERANCE * abs(self.change) + ABSOLUTE_TOLERANCE,
            internal_batch_size=64,
        ).n_steps  # fmt: skip


def walk(function: Callable[[Tensor], Tensor], start: Tensor, end: Tensor, change: float) -> Walk:
    """Compute the slope of ``function`` on the way from ``start`` to ``end``, both (1, ...)."""
    step = end - start
    nodes = (1 - np.cos((np.arange(NODES) + 0.5) * np.pi / NODES)) / 2
    slopes: list[float] = []
    for chunk in np.array_split(nodes, -(-NODES // CHUNK)):
        along = step.new_tensor(chunk).reshape(-1, *[1] * (step.ndim - 1))
        at = (start + along * step).requires_grad_()
        (gradient,) = torch.autograd.grad(function(at).sum(), at)
        slopes += (gradient.double() * step.double()).flatten(1).sum(1).tolist()
    return Walk(Chebyshev.fit(nodes, slopes, NODES - 1, domain=[0.0, 1.0]), change)


def gauss_legendre(count: int, path: Walk) -> tuple[Floats, Floats]:
    """Return points and weights that are exact for polynomials of degree 2 * count - 1."""
    points, weights = np.polynomial.legendre.leggauss(count)
    return (points + 1) / 2, weights / 2


def midpoint(count: int, path: Walk) -> tuple[Floats, Floats]:
    """Return the middles of equal intervals."""
    return (np.arange(count) + 0.5) / count, np.full(count, 1 / count)


def trapezoid(count: int, path: Walk) -> tuple[Floats, Floats]:
    """Return equal steps with both ends at half weight."""
    weights = np.full(count, 1 / (count - 1))
    weights[[0, -1]] /= 2
    return np.linspace(0, 1, count), weights


def adapted(count: int, path: Walk) -> tuple[Floats, Floats]:
    """Return Gauss-Legendre points that are dense where g changes much.

    Equal intervals get points in proportion to the root of g's change over them, after Bhat and
    Raychowdhury 2023 (non-uniform interpolation).
    """
    intervals = min(INTERVALS, count)
    edges = np.linspace(0, 1, intervals + 1)
    share = np.sqrt(np.abs(np.diff(path.value(edges)))) + 1e-12
    given = np.ones(intervals, dtype=int)
    for _ in range(count - intervals):
        given[np.argmax(share / given)] += 1
    rules = [gauss_legendre(int(n), path) for n in given]
    width = 1 / intervals
    points = [low + width * t for low, (t, _) in zip(edges, rules, strict=False)]
    return np.concatenate(points), np.concatenate([width * w for _, w in rules])


RULES = {"Gauss-Legendre": gauss_legendre, "midpoint": midpoint, "trapezoid": trapezoid,
         "adapted": adapted}  # fmt: skip


def walks(ledger: Ledger, prepared: PreparedCase) -> Iterator[tuple[str, Walk]]:
    """Yield every path of one ledger by its name."""
    network = ledger.network
    signed = shapley_values(ledger.values)
    for modality in ledger.present:
        change = float(signed[network.modalities.index(modality)])
        start = network.embed(modality, network.baseline(modality)[None]).detach()
        end = ledger.embedded[modality].detach()
        yield (
            modality.value,
            walk(weighted_marginal(ledger, modality, network.encode), start, end, change),
        )
        if network.encoder(modality).grid is not None:
            with torch.no_grad():
                first, last = network.tokenise(modality, start), network.tokenise(modality, end)
            yield (
                f"{modality.value} tokens",
                walk(weighted_marginal(ledger, modality, network.project), first, last, change),
            )


def misses(path: Walk) -> Floats:
    """Return an array (rules + 1, counts, 2) of error and contribution.

    The last row is the error of the polynomial itself.
    """
    errors = np.zeros((len(RULES) + 1, len(COUNTS), 2))
    errors[..., 1] = path.change
    for row, rule in enumerate(RULES.values()):
        for column, count in enumerate(COUNTS):
            points, weights = rule(count, path)
            errors[row, column, 0] = float(weights @ path.slope(points)) - path.change
    errors[-1, :, 0] = float(path.value(np.ones(1))[0]) - path.change
    return errors


def measure(engine: Engine, *, seed: int, patients: int, targets: int) -> dict[str, list[Walk]]:
    """Return the paths of all cases by name."""
    found: dict[str, list[Walk]] = {}

    def note(ledger: Ledger, prepared: PreparedCase) -> None:
        for name, path in walks(ledger, prepared):
            found.setdefault(name, []).append(path)

    for index in range(patients):
        case = phantom_case(sample_patient(seed, index))
        values = engine.coalition_values(case)
        moved = np.abs(shapley_values(values)).sum(0)
        names = [target.name for target in engine.pack.config.targets]
        for column in np.argsort(-moved)[:targets]:
            engine.with_ledger(case, names[column], note)
    return found


def table(name: str, paths: list[Walk]) -> str:
    """Return one path's tables: errors of every rule, and what ``integrate`` spends."""
    errors = np.stack([misses(path) for path in paths])  # (walks, rules + 1, counts, 2)
    miss, size = np.abs(errors[..., 0]), np.abs(errors[..., 1])
    counted = size[:, 0, 0] >= SMALL
    relative = 100 * miss[counted] / size[counted]
    again = 100 * (miss > RELATIVE_TOLERANCE * size + ABSOLUTE_TOLERANCE).mean(0)
    withheld = 100 * (miss > np.maximum(PASSING_ERROR * size, PASSING_FLOOR)).mean(0)
    lines = [
        f"\n{name}: {len(errors)} paths, {int(counted.sum())} with a contribution of {SMALL}+; the "
        f"polynomial misses by {np.percentile(relative[:, -1, 0], 95):.2f} % (95th percentile)",
        "median / 95th percentile of |error| over |contribution|, in %; second tries, in %; "
        "misses that would be withheld, in %\n",
        "| points | " + " | ".join(RULES) + " |",
        "|---|" + "---|" * len(RULES),
    ]
    for column, count in enumerate(COUNTS):
        cells = [
            f"{np.median(relative[:, row, column]):.2f} / "
            f"{np.percentile(relative[:, row, column], 95):.2f}; "
            f"{again[row, column]:.0f}; {withheld[row, column]:.0f}"
            for row in range(len(RULES))
        ]
        lines.append(f"| {count} | " + " | ".join(cells) + " |")
    lines += ["\n| first points | spent, mean | most | enough at once |", "|---|---|---|---|"]
    for count in FIRST:
        spent = np.array([path.spent(count) for path in paths])
        at_once = 100 * np.mean(
            spent == -(-count // max(count // PIECE, 1)) * max(count // PIECE, 1)
        )
        lines.append(f"| {count} | {spent.mean():.1f} | {spent.max()} | {at_once:.0f} % |")
    return "\n".join(lines)


def main() -> None:
    """Measure one pack and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, default=Path("phantom"))
    parser.add_argument("--patients", type=int, default=20)
    parser.add_argument("--targets", type=int, default=2, help="The ones that the case moved most.")
    parser.add_argument("--seed", type=int, default=9191)
    asked = parser.parse_args()
    engine = Engine.load(find_pack(asked.pack))
    found = measure(engine, seed=asked.seed, patients=asked.patients, targets=asked.targets)
    for name, paths in found.items():
        print(table(name, paths), flush=True)


if __name__ == "__main__":
    main()
