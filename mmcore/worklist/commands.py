"""The commands ``backup``, ``restore`` and ``move``: a site's store as a whole.

Which store: that of the environment (``mmcore/store/place.py``), as for the server.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mmcore.store.backup import Inventory


def backup(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="New file to write.")],
) -> None:
    """Write all cases, files and readings into one file, also while the server runs."""
    from mmcore.cli import _refusals
    from mmcore.store.backup import back_up
    from mmcore.store.place import place_of

    with _refusals():
        typer.echo(_words(back_up(place_of(), file)))


def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Written by `backup`.")],
    check: Annotated[bool, typer.Option("--check", help="Only check every byte of it.")] = False,
) -> None:
    """Put a backup into a place that holds nothing yet; the server must not run there."""
    from mmcore.cli import _refusals
    from mmcore.store.backup import look_into
    from mmcore.store.backup import restore as put_back
    from mmcore.store.place import place_of

    with _refusals():
        typer.echo(_words(look_into(file) if check else put_back(place_of(), file)))


def move(
    to: Annotated[
        str, typer.Option(help="URL of an empty database, such as postgresql+psycopg://...")
    ],
) -> None:
    """Copy all rows into another database; stop the server first. The old one is left as it is."""
    from mmcore.cli import _refusals
    from mmcore.store.backup import move as copy_rows
    from mmcore.store.place import DATABASE, place_of

    with _refusals():
        found = copy_rows(place_of(), to)
        typer.echo(f"{sum(found.rows.values())} rows, schema {found.revision}")
        typer.echo(f"From now on start the server with {DATABASE} set to that URL.")


def _words(found: "Inventory") -> str:
    rows = ", ".join(f"{name} {count}" for name, count in sorted(found.rows.items()))
    return (
        f"schema {found.revision}, {found.made_at:%Y-%m-%d %H:%M:%S} UTC\nrows: {rows}\n"
        f"files: {found.blobs}, {found.blob_bytes} bytes"
    )
