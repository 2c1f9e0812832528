"""The command ``bench``."""

from pathlib import Path
from typing import Annotated

import typer

from mmcore.errors import ConfigError
from mmcore.terminal import pack_folder, refusing

ALL = 1_000_000


def bench(
    pack: Annotated[
        Path | None, typer.Option("--pack", help="A pack folder or an embedded name.")
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(help="Methods beside the ledger's own, or `all`; more may follow."),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(metavar="[METHOD]...")] = None,
    cases: Annotated[
        int | None, typer.Option(min=1, help="Patients; 40 simulated ones or all of --data.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of simulated patients nobody has used.")] = 4242,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the scorecard.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Open radiographs with boxes, in place of phantoms."
        ),
    ] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="Of --data, patients that were trained on too.")
    ] = False,
    deep: Annotated[
        int, typer.Option(min=0, help="Patients for deletion, insertion and stability.")
    ] = 12,
    released: Annotated[
        int, typer.Option(min=0, help="Patients on whom weights are randomised.")
    ] = 6,
    permuted: Annotated[
        Path | None, typer.Option(help="A pack trained on permuted labels, to compare maps with.")
    ] = None,
    shortcut: Annotated[
        bool, typer.Option("--shortcut", help="Teach a model a shortcut; is it named? No --pack.")
    ] = False,
    randomised: Annotated[
        int, typer.Option(min=0, help="Only: are the parts refused with so many random weights?")
    ] = 0,
    work: Annotated[Path, typer.Option(help="Keeps what --shortcut simulates and trains.")] = (
        Path("runs")
    ),
) -> None:
    """Measure explanations against what truly drove the output, for every method and input."""
    if shortcut or randomised:
        from mmcore.bench.experiments import randomised_weights, taught_shortcut

        if shortcut:
            taught_shortcut(work=work, cases=cases or 100, seed=seed, json_file=json_file)
        else:
            randomised_weights(
                _named(pack), weights=randomised, cases=cases or 6, seed=seed, json_file=json_file
            )
        return
    from mmcore.bench.scorecard import (
        add_permuted,
        folder_scorecard,
        simulated_scorecard,
        write_scorecard,
    )
    from mmcore.bench.text import as_markdown
    from mmcore.engine import Engine
    from mmcore.explain.methods import METHODS

    with refusing():
        chosen = [*(methods or []), *(more or [])]
        chosen = list(METHODS) if chosen == ["all"] else chosen
        for name in chosen:
            if name not in METHODS:
                known = ", ".join(METHODS)
                raise ConfigError(key="methods", problem=f"{name!r} is unknown; known: {known}")
        if permuted is not None and data is not None:
            raise typer.BadParameter("--permuted goes with simulated patients")
        folder = pack_folder(_named(pack))
        engine = Engine.load(folder)
        if data is None:
            made = simulated_scorecard(
                engine, cases=cases or 40, seed=seed, methods=chosen, deep=deep, released=released
            )
        else:
            made = folder_scorecard(
                engine, data, folder, cases=cases or ALL, methods=chosen, deep=deep,
                released=released, is_all=everyone,
            )  # fmt: skip
        if permuted is not None:
            made = add_permuted(made, engine, Engine.load(pack_folder(permuted)), released)
        wanted = f" --methods {' '.join(chosen)}" if chosen else ""
        patients = (
            f" --cases {cases or 40} --seed {seed}"
            if data is None
            else " --data FOLDER" + (f" --cases {cases}" if cases else "")
        )
        made["command"] = (
            f"python -m mmcore bench --pack {folder.name}{patients}"
            f"{' --all' if everyone else ''} --deep {deep} --released {released}{wanted} --json F"
        )
        typer.echo(as_markdown(made))
        if json_file is not None:
            write_scorecard(made, json_file)


def _named(pack: Path | None) -> Path:
    if pack is None:
        raise typer.BadParameter("is missing", param_hint="--pack")
    return pack
