"""The command ``federated``: deal out, simulate, serve, join, compare."""

from pathlib import Path
from typing import Annotated

import typer

from mmcore.terminal import refusing

federated = typer.Typer(
    no_args_is_help=True,
    help="Training of one model at several sites, whose patients stay where they are.",
)

PlanArgument = Annotated[
    Path,
    typer.Argument(
        exists=True, dir_okay=False, help="E.g. mmcore/model/presets/federated/phantom-sites.yaml."
    ),
]
OutOption = Annotated[Path, typer.Option(help="Pack folder to write.")]
WorkOption = Annotated[
    Path, typer.Option(help="Shards, rounds and Flower's files; the same folder goes on.")
]
DataOption = Annotated[
    Path | None,
    typer.Option(exists=True, file_okay=False, help="The coordinator's own patients, if real."),
]
HostOption = Annotated[str, typer.Option(help="Where the server listens.")]
PortOption = Annotated[int, typer.Option(help="... and on which port.")]
PemOption = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="PEM file.")]
RUNS = Path("runs/federated")


@federated.command()
def sites(
    plan: PlanArgument,
    out: Annotated[Path, typer.Argument(file_okay=False, help="Folder for one folder per site.")],
    work: WorkOption = Path("runs"),
) -> None:
    """Deal simulated patients out to the sites of a plan."""
    from mmcore.federated.plan import read_plan
    from mmcore.federated.sites import write_sites

    with refusing():
        for folder in write_sites(read_plan(plan), out, work=work):
            typer.echo(str(folder))


@federated.command()
def simulate(
    plan: PlanArgument,
    folders: Annotated[list[Path], typer.Argument(help="One folder per site.")],
    out: OutOption,
    work: WorkOption = RUNS,
    data: DataOption = None,
) -> None:
    """Train with coordinator and sites on this machine, in one simulation."""
    from mmcore.federated.launch import Job
    from mmcore.federated.launch import simulate as run

    with refusing():
        run(Job(plan, out, work, data), folders)


@federated.command()
def serve(
    plan: PlanArgument,
    out: OutOption,
    work: WorkOption = RUNS,
    data: DataOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 9092,
    certificate: PemOption = None,
    key: PemOption = None,
    root: PemOption = None,
) -> None:
    """Coordinate a training until its pack is written; sites join it. Run again, it goes on."""
    from mmcore.federated.launch import Job, Transport
    from mmcore.federated.launch import serve as run

    with refusing():
        run(Job(plan, out, work, data), Transport(host, port, certificate, key, root))


@federated.command()
def join(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="The site's own patients.")
    ],
    host: HostOption = "127.0.0.1",
    port: PortOption = 9092,
    own_port: Annotated[
        int, typer.Option(help="Port of this machine that the site's processes talk on.")
    ] = 9094,
    work: WorkOption = RUNS,
    root: PemOption = None,
    secure: Annotated[
        bool, typer.Option(help="Take part only where nobody sees this site's own weights.")
    ] = False,
) -> None:
    """Take part in a training with the patients of one folder, until stopped."""
    from mmcore.federated.launch import Transport
    from mmcore.federated.launch import join as run

    with refusing():
        server = Transport(host, port, root=root)
        status = run(folder, server, port=own_port, work=work, secure=secure)
    raise typer.Exit(status)


@federated.command()
def compare(
    plan: PlanArgument,
    work: WorkOption = RUNS,
    deals: Annotated[int, typer.Option(min=1, help="Ways to deal patients out, from 0.")] = 2,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the lines here.")] = None,
) -> None:
    """Measure federated training against sites alone and against all patients in one place."""
    from mmcore.federated.launch import require_flower
    from mmcore.federated.plan import read_plan

    with refusing():
        require_flower()
        from mmcore.federated.study import as_json, as_markdown, compare_ways

        lines = compare_ways(plan, work=work, deals=range(deals))
        typer.echo(as_markdown(lines, read_plan(plan)))
        if json_file is not None:
            json_file.write_text(as_json(lines), "utf-8")
