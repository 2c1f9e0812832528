"""What ``bench --shortcut`` and ``bench --randomised`` do: run, print, and write JSON if asked."""

from pathlib import Path

import typer
from tqdm import tqdm

from mmcore.bench import shortcut
from mmcore.bench.randomised import explain_randomly, refusals, simulated_pairs
from mmcore.bench.scorecard import write_scorecard
from mmcore.evaluate.rates import rates_markdown
from mmcore.terminal import pack_folder, refusing

SCHEMA = "consilium.randomised/1"


def taught_shortcut(*, work: Path, cases: int, seed: int, json_file: Path | None) -> None:
    """Teach the shortcut and its control, and say how often each explanation names a marker."""
    with refusing(), tqdm(total=2 * cases, desc="explaining", unit=" cases", leave=False) as bar:
        report = shortcut.shortcut_report(
            shortcut.Lessons(), work=work, seed=seed, cases=cases, on_patient=lambda: bar.update(1)
        )
    typer.echo(shortcut.as_markdown(report))
    if json_file is not None:
        write_scorecard(report, json_file)


def randomised_weights(
    pack: Path, *, weights: int, cases: int, seed: int, json_file: Path | None
) -> None:
    """Explain ``cases`` patients with random weights, and say how often the parts are refused."""
    from mmcore.engine import Engine

    with refusing():
        engine = Engine.load(pack_folder(pack))
    pairs = simulated_pairs(engine, seed=seed, cases=cases)
    what = "explaining with random weights"
    with tqdm(total=weights * cases, desc=what, unit=" cases", leave=False) as bar:
        judged = explain_randomly(engine, pairs, seeds=weights, on_case=lambda: bar.update(1))
    figures = refusals(judged)
    stores = engine.pack.reference.answers is not None
    typer.echo(
        f"# {engine.identity.name} {engine.identity.version} with random weights\n\n"
        f"{weights} sets of weights, {cases} patients each. The pack "
        f"{'stores' if stores else 'does not store'} its answers for reference patients.\n"
    )
    typer.echo("\n".join(rates_markdown(figures)))
    if json_file is not None:
        identity = engine.identity
        report = {
            "schema": SCHEMA,
            "pack": {"name": identity.name, "version": identity.version, "digest": identity.digest},
            "stores_answers": stores,
            "data": {"kind": "simulated", "seed": seed, "patients": cases, "weights": weights},
            "figures": figures,
        }
        write_scorecard(report, json_file)
