"""The command ``explain``: the evidence of one case, by our own method or by another one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmcore.terminal import PackOption, pack_folder, refusing

if TYPE_CHECKING:
    from mmcore.engine import Engine
    from mmcore.records import Case, Explanation, Modality, Parts, Result

ITEMS = 6  # of each input, in the table


def explain_case(
    engine: "Engine",
    case: "Case",
    *,
    targets: Sequence[str] = (),
    method: str = "",
    baseline: str = "stored",
) -> "Result":
    """Return the case with the explanations of ``targets``, of every shown one by default.

    ``method``: by which the parts are found, "" for the ledger's own. A modality to which it does
    not apply keeps its contribution, and its parts say why they are missing. Raises
    ``UnknownTargetError`` and ``UnknownMethodError``.
    """
    from mmcore.errors import UnknownTargetError
    from mmcore.explain.methods import check_choice
    from mmcore.language import say, word
    from mmcore.serve.scoring import score_case

    for target in targets:
        if target not in engine.target_names:
            raise UnknownTargetError(target=target, known=tuple(engine.target_names))
    if method:
        display = check_choice(method, baseline).display
    result = score_case(engine, case, targets=targets or None)
    if not method:
        return result
    explanations = {
        name: replace(
            explanation,
            parts={
                m: _parts(engine, case, name, m, method=method, baseline=baseline)
                for m in explanation.parts
            },
        )
        for name, explanation in result.explanations.items()
    }
    notice = say(
        "The parts were found by {method} (baseline: {baseline}), for comparison with our own "
        "method; nothing about them was tested.",
        method=display,
        baseline=word(baseline),
    )
    prediction = replace(result.prediction, notices=(*result.prediction.notices, notice))
    return replace(result, prediction=prediction, explanations=explanations)


def _parts(
    engine: "Engine", case: "Case", target: str, modality: "Modality", *, method: str, baseline: str
) -> "Parts":
    from mmcore.errors import MethodNotApplicableError
    from mmcore.records import Parts

    try:
        return engine.explain_with(case, target, modality, method, baseline=baseline).parts
    except MethodNotApplicableError as error:
        return Parts(
            modality=modality, sum=0.0, completeness_error=0.0, passed=False,
            reason=error.words, items=(), n_steps=0,
        )  # fmt: skip


def as_lines(result: "Result", targets: Sequence[str] = ()) -> Iterator[str]:
    """Yield a readable table: every contribution with its strongest parts, or why there is none."""
    for file in result.case.files:
        if file.verdict == "refused":
            yield f"refused: {file.name}: {file.reason}"
    for notice in (*result.case.notices, *result.prediction.notices):
        yield f"note: {notice}"
    for gate in result.prediction.gate:
        if targets and gate.target not in targets:
            continue
        explanation = result.explanations.get(gate.target)
        if explanation is None:
            yield f"{gate.target}: {gate.verdict.value}. {gate.reason}"
        else:
            yield from _target_lines(explanation)


def _target_lines(explanation: "Explanation") -> Iterator[str]:
    yield f"{explanation.target}: base {explanation.base:+.2f}, total {explanation.logit:+.2f}"
    for contribution in explanation.contributions:
        parts = explanation.parts.get(contribution.modality)
        yield f"  {contribution.signed:+8.3f}  {contribution.modality.display}"
        if parts is None:
            continue
        if not parts.passed:
            yield f"            withheld: {parts.reason}"
        for item in parts.items[:ITEMS]:
            yield f"    {item.signed:+8.3f}  {' '.join(item.what.split())}"
        others = parts.items[ITEMS:]
        if others:
            rest = sum(item.signed for item in others)
            yield f"    {rest:+8.3f}  {len(others)} more, together"
        if parts.passed:
            yield f"            completeness error {parts.completeness_error:+.4f}"


def explain(
    case: Annotated[Path, typer.Argument(exists=True, help="A folder, file or zip: one case.")],
    pack: PackOption,
    target: Annotated[
        list[str] | None, typer.Option(help="Every shown one by default; may be given again.")
    ] = None,
    method: Annotated[
        str, typer.Option(help="Another method of attribution; our own by default.")
    ] = "",
    baseline: Annotated[
        str, typer.Option(help="With --method: stored, blur or reference.")
    ] = "stored",
    out: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder for a <case digest>.json.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write the result here.")
    ] = None,
) -> None:
    """Explain one case: print what moved each target, or write it as a result."""
    from mmcore.engine import Engine
    from mmcore.intake import case_from_paths
    from mmcore.report import result_document, write_result

    with refusing():
        engine = Engine.load(pack_folder(pack))
        targets = tuple(target or ())
        result = explain_case(
            engine, case_from_paths([case]), targets=targets, method=method, baseline=baseline
        )
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            json_file = out / f"{result.case.digest}.json"
        if json_file is None:
            for line in as_lines(result, targets):
                typer.echo(line)
            return
        write_result(result_document(result), json_file)
        typer.echo(str(json_file))
