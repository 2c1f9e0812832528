"""The commands ``compress export``, ``prune``, ``distil`` and ``compare``."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmcore.terminal import pack_folder, refusing

if TYPE_CHECKING:
    from mmcore.compress.agreement import Agreement
    from mmcore.datasets.labelled import LabelledCase

compress = typer.Typer(no_args_is_help=True, help="Smaller and faster packs, and how they do.")

PackArgument = Annotated[
    Path, typer.Argument(help="A pack folder, or the name of an embedded pack.")
]
OutArgument = Annotated[Path, typer.Argument(file_okay=False, help="Pack folder to write.")]
DataOption = Annotated[
    Path | None,
    typer.Option(exists=True, file_okay=False, help="Labelled patients; else simulated ones."),
]
ValidationOption = Annotated[
    bool, typer.Option(help="Of --data, only patients that the (first) pack was not trained on.")
]
SeedOption = Annotated[int, typer.Option(help="Of simulated patients nobody has used.")]


@compress.command("export")
def export_command(
    pack: PackArgument,
    out: OutArgument,
    data: DataOption = None,
    validation: ValidationOption = False,
    patients: Annotated[int, typer.Option(min=2, help="Simulated patients to compare on.")] = 300,
    seed: SeedOption = 2031,
) -> None:
    """Write a pack whose encoders are graphs too, in 8 bits where that is faster, for screening."""
    from mmcore.compress.graphs import write_exported

    with refusing():
        held_out = pack_folder(pack) if validation else None
        cases, total = labelled_cases(data, patients=patients, seed=seed, held_out=held_out)
        choices, found = write_exported(pack_folder(pack), out, cases, total=total)
    for choice in choices:
        typer.echo(choice.words)
    typer.echo(f"graphs alone: {agreement_line(found.graphs)}")
    typer.echo(f"with the network near thresholds: {agreement_line(found.delivered)}")
    typer.echo(
        f"cases near a threshold: {found.again:.1%}; graphs alone are {found.faster:.2f} times as "
        f"fast as the network, with it near thresholds {found.faster_delivered:.2f} times"
    )


def labelled_cases(
    data: Path | None, *, patients: int, seed: int, held_out: Path | None = None
) -> tuple["Iterator[LabelledCase]", int | None]:
    """Return the cases of a labelled folder or simulated ones, and how many if that is known.

    held_out: the pack that was not trained on those of the folder that are wanted; None for all.
    """
    from mmcore.datasets.phantoms import simulated
    from mmcore.evaluate.measure import read_cases, validation_only

    if data is not None:
        cases = read_cases(data)
        return (cases if held_out is None else validation_only(held_out, cases)), None
    return simulated(seed, patients), patients


def agreement_line(found: "Agreement") -> str:
    """Return how two ways to score agree, in one line."""
    return (
        f"calls alike: {found.same:.2%} of {found.calls}; verdicts alike: {found.verdicts:.2%}; "
        f"probabilities differ by {found.mean:.4f} on average, {found.largest:.4f} at most; macro "
        f"AUROC {found.auroc.first:.4f} and {found.auroc.second:.4f}, difference "
        f"{found.auroc.value:+.4f} ({found.auroc.low:+.4f} to {found.auroc.high:+.4f})"
    )


@compress.command("prune")
def prune_command(
    pack: PackArgument,
    out: OutArgument,
    inner: Annotated[int, typer.Option(help="Keep one in so many inner channels.")] = 0,
    zero: Annotated[float, typer.Option(help="Set this share of the weights to zero instead.")] = (
        0.0
    ),
) -> None:
    """Take out inner channels (smaller and faster), or set weights to zero (neither)."""
    from mmcore.compress.prune import write_pruned, write_thinned

    if bool(inner) is bool(zero):
        raise typer.BadParameter("say either --inner or --zero")
    with refusing():
        if inner:
            write_pruned(pack_folder(pack), out, keep_one_in=inner)
        else:
            write_thinned(pack_folder(pack), out, share=zero)


@compress.command("distil")
def distil_command(
    teacher: PackArgument,
    student: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False,
            help="Student file, e.g. mmcore/model/presets/compress/phantom-small.yaml.",
        ),
    ],
    out: OutArgument,
    start: Annotated[
        Path | None, typer.Option(help="Begin with the weights of this pack, such as a pruned one.")
    ] = None,
    patients: Annotated[
        int, typer.Option(help="Learn from the first so many training patients; 0 for all.")
    ] = 0,
    work: Annotated[Path, typer.Option(help="Shards and checkpoints; the same folder resumes.")] = (
        Path("runs")
    ),
    data: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Folder of patients, if the file wants one."
        ),
    ] = None,
) -> None:  # fmt: skip
    """Train a smaller network on the answers of a pack."""
    from mmcore.compress.distil import distil

    with refusing():
        distil(
            pack_folder(teacher), student, out=out, work=work, data=data,
            start=None if start is None else pack_folder(start), patients=patients,
        )  # fmt: skip


@compress.command("compare")
def compare_command(
    packs: Annotated[
        list[Path], typer.Argument(help="Packs; the first is what the others are held against.")
    ],
    data: DataOption = None,
    validation: ValidationOption = False,
    patients: Annotated[int, typer.Option(min=2, help="Simulated patients.")] = 600,
    seed: SeedOption = 2032,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Page whose table is renewed.")
    ] = None,
) -> None:
    """Compare packs by size, speed and figures on the same cases, in one run."""
    from mmcore.compress.table import compare_packs, how_measured, table, write_page

    with refusing():
        held_out = pack_folder(packs[0]) if validation else None
        cases, total = labelled_cases(data, patients=patients, seed=seed, held_out=held_out)
        rows = compare_packs([pack_folder(pack) for pack in packs], cases, total=total)
    typer.echo(table(rows))
    if out is not None:
        seed_of = None if data is not None else seed
        write_page(out, rows, how_measured(rows[0].agreement.cases, seed=seed_of))
