"""Score, explain and write one case: what the command line and a batch do alike."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mmcore.engine import Engine
from mmcore.errors import NothingToScoreError
from mmcore.intake import case_from_paths
from mmcore.records import Case, Explanation, GateVerdict, Prediction, Result, TargetGate
from mmcore.report import result_document, write_result


def score_case(
    engine: Engine, case: Case, *, progress: Callable[[float, str], None] | None = None
) -> Result:
    """Return prediction and explanations of every target that the gate lets pass.

    A case with nothing to score gets a prediction without numbers, every target withheld.
    """
    try:
        prediction = engine.predict(case)
    except NothingToScoreError:
        return Result(case, _nothing(engine, case), {})
    started = time.perf_counter()
    explanations: dict[str, Explanation] = {}
    shown = [g.target for g in prediction.gate if g.verdict is not GateVerdict.WITHHELD]
    for done, target in enumerate(shown):
        if progress is not None:
            progress(done / len(shown), f"Explaining {target}")
        explanations[target] = engine.explain(case, target)
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


def _nothing(engine: Engine, case: Case) -> Prediction:
    reason = "the case holds no input that this model reads"
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
