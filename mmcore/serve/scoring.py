"""Score, explain and write one case: what the command line and a batch do alike."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from mmcore.engine import Engine
from mmcore.errors import LedgerNotAdditiveError, NonFiniteResultError, NothingToScoreError
from mmcore.intake import case_from_paths
from mmcore.language import say, word
from mmcore.records import Case, Explanation, GateVerdict, Prediction, Result, TargetGate
from mmcore.report import result_document, write_result


def score_case(
    engine: Engine,
    case: Case,
    *,
    targets: Sequence[str] | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Result:
    """Return prediction and explanations of every target that the gate lets pass.

    ``targets``: only these are explained.

    A case that can not be scored gets a prediction without numbers, and a target whose ledger does
    not add up is withheld, each with its reason: one bad case never costs the others of a batch.
    """
    try:
        prediction = engine.predict(case)
    except NothingToScoreError:
        nothing = say("the case holds no input of this model")
        return Result(case, _nothing(engine, case, nothing), {})
    except NonFiniteResultError as error:
        return Result(case, _nothing(engine, case, error.words), {})
    started = time.perf_counter()
    explanations: dict[str, Explanation] = {}
    shown = [
        g.target
        for g in prediction.gate
        if g.verdict is not GateVerdict.WITHHELD and (targets is None or g.target in targets)
    ]
    for done, target in enumerate(shown):
        if progress is not None:
            doing = say("Explaining {target}", target=word(target))
            progress(done / len(shown), doing)
        try:
            explanations[target] = engine.explain(case, target)
        except LedgerNotAdditiveError as error:
            prediction = withhold(prediction, target, reason=error.words)
    timings = {**prediction.timings, "explain": time.perf_counter() - started}
    return Result(case, replace(prediction, timings=timings), explanations)


def score_path(engine: Engine, path: Path, out: Path) -> Path:
    """Score the case at ``path`` (folder, file or zip) and write its result into ``out``."""
    started = time.perf_counter()
    case = case_from_paths([path])
    intake = time.perf_counter() - started
    result = score_case(engine, case)
    timed = replace(
        result,
        prediction=replace(
            result.prediction, timings={"intake": intake, **result.prediction.timings}
        ),
    )
    written = out / f"{case.digest}.json"
    write_result(result_document(timed), written)
    return written


def withhold(prediction: Prediction, target: str, *, reason: str) -> Prediction:
    """Return the prediction with one target withheld."""
    gate = tuple(
        replace(g, verdict=GateVerdict.WITHHELD, reason=reason) if g.target == target else g
        for g in prediction.gate
    )
    return replace(prediction, gate=gate)


def _nothing(engine: Engine, case: Case, reason: str) -> Prediction:
    return Prediction(
        case_digest=case.digest,
        pack=engine.identity,
        device=engine.device,
        present=(),
        missing=engine.modalities,
        targets=(),
        gate=tuple(
            TargetGate(t.name, GateVerdict.WITHHELD, reason) for t in engine.pack.config.targets
        ),
        notices=engine.prepare(case).notices,
    )
