"""The command ``results``: DICOM and FHIR objects of a result, in files."""

from pathlib import Path
from typing import Annotated

import typer

from mmcore.results.records import Kind
from mmcore.terminal import refusing


def results(
    result: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A result written by `score`.")
    ],
    case: Annotated[
        Path,
        typer.Option(exists=True, help="The folder, file or zip that was scored."),
    ],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write into.")],
    kinds: Annotated[
        list[Kind] | None, typer.Option(help="Which objects; may repeat. All by default.")
    ] = None,
) -> None:
    """Write a result as objects of the patient's own study; of the case only headers are read."""
    from mmcore.report import read_result
    from mmcore.report.template import template_of
    from mmcore.results.heads import files_in
    from mmcore.results.make import make_results

    with refusing():
        made = make_results(
            read_result(result), files_in(case), kinds=kinds or tuple(Kind), template=template_of()
        )
        out.mkdir(parents=True, exist_ok=True)
        for one in made:
            (out / one.name).write_bytes(one.data)
            typer.echo(str(out / one.name))
