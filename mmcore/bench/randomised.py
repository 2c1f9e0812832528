"""Whether an explanation is refused when the weights behind it are random.

All weights of a pack are drawn anew, seed after seed, and simulated patients are explained as ever.
None of these explanations says anything, so every part should fail its tests. The test of release
alone sees to that where a pack stores answers; what the others would have caught without it is
counted beside it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mmcore.bench.release import randomised
from mmcore.datasets.phantoms import phantom_case
from mmcore.engine import Engine
from mmcore.evaluate.rates import Rate, rate
from mmcore.explain.trials import LEAST
from mmcore.records import Case, Explanation
from mmcore.simulate import sample_patient

RELEASE = "release"  # name of the test, as of ``mmcore.explain.ledger``
TOO_SMALL = "moved the score too little"


@dataclass(frozen=True, slots=True)
class Judged:
    """One part of one explanation by random weights.

    case: number of the explanation. passed: whether the part would be shown. caught_by: which
    tests refuse it, that of release among them.
    """

    case: int
    modality: str
    passed: bool
    caught_by: tuple[str, ...]

    @property
    def passes_unaided(self) -> bool:
        """Whether it would be shown if nobody had stored what the released network answers."""
        return not set(self.caught_by) - {RELEASE}


def judge(explanation: Explanation, *, case: int) -> list[Judged]:
    """Return one entry per part, with everything that refuses it."""
    signed = {c.modality: c.signed for c in explanation.contributions}
    return [
        Judged(
            case,
            modality.value,
            parts.passed,
            (
                *(test.name for test in parts.tests if test.passed is False),
                *(() if abs(signed[modality]) >= LEAST else (TOO_SMALL,)),
            ),
        )
        for modality, parts in explanation.parts.items()
    ]


def explain_randomly(
    engine: Engine,
    pairs: Iterable[tuple[Case, str]],
    *,
    seeds: int,
    on_case: Callable[[], None] = lambda: None,
) -> list[Judged]:
    """Return what becomes of the parts of every (case, target) with each of ``seeds`` weights."""
    asked = list(pairs)
    found: list[Judged] = []
    count = 0
    for seed in range(seeds):
        other = Engine(randomised(engine.pack, "encoders", seed=seed), device=engine.device)
        for case, target in asked:
            found += judge(other.explain(case, target), case=count)
            count += 1
            on_case()
    return found


def simulated_pairs(engine: Engine, *, seed: int, cases: int) -> Iterator[tuple[Case, str]]:
    """Yield simulated patients, each with one finding, in turn."""
    findings = engine.pack.config.findings
    for index in range(cases):
        yield phantom_case(sample_patient(seed, index)), findings[index % len(findings)]


def refusals(judged: Iterable[Judged]) -> dict[str, Rate]:
    """Return how often random weights are refused, with the test of release and without it."""
    rows = list(judged)
    numbers = dict.fromkeys(row.case for row in rows)
    by_case = [[row for row in rows if row.case == number] for number in numbers]
    found = {
        "every part refused": rate(not any(r.passed for r in case) for case in by_case),
        "a part refused": rate(not row.passed for row in rows),
        "every part refused, without release": rate(
            not any(r.passes_unaided for r in case) for case in by_case
        ),
        "a part refused, without release": rate(not row.passes_unaided for row in rows),
    }
    for modality in dict.fromkeys(row.modality for row in rows):
        found[f"{modality} refused, without release"] = rate(
            not row.passes_unaided for row in rows if row.modality == modality
        )
    for name in dict.fromkeys(name for row in rows for name in row.caught_by):
        found[f"refused by: {name}"] = rate(name in row.caught_by for row in rows)
    return found
