"""The command ``private``: what privacy costs, and what an attacker still tells."""

from pathlib import Path
from typing import Annotated

import typer

from mmcore.terminal import refusing

private = typer.Typer(
    no_args_is_help=True,
    help="Training with differential privacy: `train` does it where a run file has `privacy`.",
)

RunArgument = Annotated[
    Path,
    typer.Argument(
        exists=True, dir_okay=False, help="E.g. mmcore/model/presets/private/phantom-private.yaml."
    ),
]
EpsilonOption = Annotated[list[float], typer.Option("--epsilon", help="One or more of them.")]
WorkOption = Annotated[Path, typer.Option(help="Shards of simulated patients.")]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write the figures here.")]


@private.command()
def curve(
    run: RunArgument,
    epsilons: EpsilonOption,
    work: WorkOption = Path("runs"),
    json_file: JsonOption = None,
) -> None:
    """Train without privacy and with every epsilon, and measure all on other patients."""
    from mmcore.private.study import as_json, curve_markdown, measure_curve

    with refusing():
        points = measure_curve(run, epsilons=epsilons, work=work)
        typer.echo(curve_markdown(points))
        if json_file is not None:
            json_file.write_text(as_json(points), "utf-8")


@private.command()
def attack(
    run: RunArgument,
    epsilons: EpsilonOption,
    work: WorkOption = Path("runs"),
    patients: Annotated[int, typer.Option(min=16, help="Half of them in each model.")] = 160,
    epochs: Annotated[int, typer.Option(min=1, help="Many, so that models over-fit.")] = 60,
    models: Annotated[int, typer.Option(min=4, help="An even number per epsilon.")] = 16,
    json_file: JsonOption = None,
) -> None:
    """Try to tell who was trained on, without privacy and with every epsilon."""
    from mmcore.private.study import as_json, attack_markdown, measure_attack

    with refusing():
        found = measure_attack(
            run, epsilons=epsilons, work=work, patients=patients, epochs=epochs, models=models
        )
        typer.echo(attack_markdown(found))
        if json_file is not None:
            json_file.write_text(as_json(found), "utf-8")
