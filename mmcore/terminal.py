"""What the commands share: refusals told in one line, and packs found by folder or name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from mmcore.errors import ConfigError, MMCoreError
from mmcore.packs import find_pack

PackOption = Annotated[
    Path, typer.Option("--pack", help="A pack folder, or the name of an embedded pack.")
]


@contextmanager
def refusing() -> Iterator[None]:
    """Turn a refusal of the core, or of the file system, into one line and exit code 1."""
    try:
        yield
    except MMCoreError as error:
        typer.echo(f"refused: {error}", err=True)
        raise typer.Exit(1) from error
    except OSError as error:
        if error.filename is None:
            raise
        typer.echo(f"refused: {error.filename}: {error.strerror}", err=True)
        raise typer.Exit(1) from error


def pack_folder(pack: Path) -> Path:
    """Return ``pack`` if it is a folder, else the embedded pack of that name."""
    try:
        return find_pack(pack)
    except ConfigError as error:
        raise typer.BadParameter(error.problem) from error
