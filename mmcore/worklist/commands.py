"""The commands ``watch``, ``backup``, ``restore`` and ``move``: what a site keeps.

Which store: that of the environment (``mmcore/store/place.py``), as for the server.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmcore.terminal import refusing

if TYPE_CHECKING:
    from mmcore.store import EventKind, Place
    from mmcore.store.backup import Inventory


def backup(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="New file to write.")],
) -> None:
    """Write all cases, files and readings into one file, also while the server runs."""
    from mmcore.store import EventKind, place_of
    from mmcore.store.backup import back_up

    with refusing():
        place = place_of()
        made = back_up(place, file)
        typer.echo(_words(made))
        _note(place, EventKind.BACKED_UP, files=made.blobs)


def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Written by `backup`.")],
    check: Annotated[bool, typer.Option("--check", help="Only check every byte of it.")] = False,
) -> None:
    """Put a backup into a place that holds nothing yet; the server must not run there."""
    from mmcore.store import EventKind, place_of
    from mmcore.store.backup import look_into
    from mmcore.store.backup import restore as put_back

    with refusing():
        if check:
            typer.echo(_words(look_into(file)))
            return
        place = place_of()
        found = put_back(place, file)
        typer.echo(_words(found))
        _note(place, EventKind.PUT_BACK, files=found.blobs, made_at=found.made_at.isoformat())


def move(
    to: Annotated[
        str, typer.Option(help="URL of an empty database, such as postgresql+psycopg://...")
    ],
) -> None:
    """Copy all rows into another database; stop the server first. The old one is left as it is."""
    from mmcore.store import EventKind
    from mmcore.store.backup import move as copy_rows
    from mmcore.store.place import DATABASE, place_of

    with refusing():
        place = place_of()
        found = copy_rows(place, to)
        for one in (place, replace(place, url=to)):
            _note(one, EventKind.MOVED, database=to.partition(":")[0].partition("+")[0])
        typer.echo(f"{sum(found.rows.values())} rows, schema {found.revision}")
        typer.echo(f"From now on start the server with {DATABASE} set to that URL.")


def watch(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="To be watched.")],
    settle: Annotated[
        float, typer.Option(min=0, help="Seconds for which an entry must not have changed.")
    ] = 10.0,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 5.0,
    move: Annotated[
        bool, typer.Option(help="Move entries aside inside the folder when they are done with.")
    ] = False,
    pack: Annotated[str | None, typer.Option(help="Name of the model that reads them.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Take in what is there, then end.")] = False,
) -> None:
    """Keep what comes into a folder as cases of the site's list of work, until it is stopped."""
    from mmcore.errors import ConfigError
    from mmcore.store import Store
    from mmcore.store.place import KEEP_DAYS, place_of
    from mmcore.worklist.watching import Watcher

    with refusing():
        place = place_of()
        if place.keep_days == 0:
            raise ConfigError(key=KEEP_DAYS, problem="nothing is kept here, so nothing comes in")
    with refusing(), Store(place) as store:
        watcher = Watcher(folder, store, 0.0 if once else settle, moves=move, pack_name=pack)
        looks = 0
        while not once or looks < 2:  # the first look only sees how large everything is
            for entry in watcher.look():
                case = f" case {entry.case_digest[:16]}" if entry.case_digest else ""
                files = f"{entry.files} files, {entry.refused} refused"
                typer.echo(f"{entry.became}{case}: {files}")
            looks += 1
            if not once:
                time.sleep(every)


def _note(place: "Place", kind: "EventKind", **details: object) -> None:
    from mmcore.store.journal import note
    from mmcore.store.place import KEY

    if not note(place, kind, **details):
        typer.echo(f"Not in the audit: its chain needs the site's key, and {KEY} is not set.")


def _words(found: "Inventory") -> str:
    rows = ", ".join(f"{name} {count}" for name, count in sorted(found.rows.items()))
    return (
        f"schema {found.revision}, {found.made_at:%Y-%m-%d %H:%M:%S} UTC\nrows: {rows}\n"
        f"files: {found.blobs}, {found.blob_bytes} bytes\nnoted heads of the audit: {found.heads}"
    )
