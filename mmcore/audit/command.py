"""The commands ``audit verify``, ``audit export`` and ``audit head``.

Which audit: that of the store in the environment (``mmcore/store/place.py``), as for the server.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from mmcore.audit import anchors
from mmcore.audit.chain import Head
from mmcore.audit.checking import checked
from mmcore.errors import AuditError
from mmcore.terminal import refusing

audit = typer.Typer(no_args_is_help=True, help="What was done and seen, in a chain of hashes.")

_WORDS = {
    "changed": "entry {seq} was changed",
    "removed": "entries from number {seq} on are missing before the next one",
    "moved": "entry {seq} stood elsewhere, or the one before it was exchanged",
    "inserted": "number {seq} is there twice, or out of its order",
    "cut": "the end of the chain is missing from number {seq} on: a noted head was beyond it",
    "replaced": "entry {seq} is another one than when its hash was noted",
    "without key": "entry {seq} was made without the site's key, where the chain had one",
}


@audit.command("verify")
def verify_command(
    head: Annotated[
        list[str] | None, typer.Option("--head", help="NUMBER:HASH as `head` printed it.")
    ] = None,
    noted: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="File of noted heads.")
    ] = None,
) -> None:
    """Look for entries that were changed, removed, moved or cut off; exit code 1 if any was."""
    from mmcore.store.journal import journal_at
    from mmcore.store.place import place_of

    with refusing():
        place = place_of()
        heads = [*map(_head_of, head or ())]
        heads += [one.head for one in anchors.noted(noted or anchors.file_of(place.folder))]
        with journal_at(place) as journal:
            count, faults = checked(journal, heads)
    for fault in faults:
        typer.echo(_WORDS[fault.kind].format(seq=fault.seq))
    if faults:
        typer.echo(f"{count} entries, {len(faults)} faults: the audit was tampered with", err=True)
        raise typer.Exit(1)
    typer.echo(f"{count} entries, nothing changed; compared with {len(heads)} noted heads")


@audit.command()
def export(
    out: Annotated[Path, typer.Argument(file_okay=False, help="New folder of Bundles.")],
    since: Annotated[int, typer.Option(min=0, help="Only entries after this number.")] = 0,
    site: Annotated[str, typer.Option(help="What the site calls this installation.")] = "consilium",
) -> None:
    """Write the audit as FHIR R4 AuditEvents, 500 a Bundle, each checked."""
    from mmcore.audit.fhir import bundles, file_name, text_of
    from mmcore.store.journal import journal_at
    from mmcore.store.place import place_of

    with refusing(), journal_at(place_of()) as journal:
        out.mkdir(parents=True)
        number = 0
        for number, bundle in enumerate(bundles(journal.entries(since=since), site=site), 1):
            (out / file_name(number)).write_text(text_of(bundle), "utf-8")
    typer.echo(f"{number} Bundles in {out}")


@audit.command()
def head(
    note: Annotated[
        bool, typer.Option("--note", help="Add it to the file of noted heads too.")
    ] = False,
) -> None:
    """Print number and hash of the last entry, to be noted where the database is not."""
    from mmcore.store.journal import journal_at
    from mmcore.store.place import place_of

    with refusing():
        place = place_of()
        with journal_at(place) as journal:
            last = journal.head()
        if last is None:
            raise AuditError(problem="there is no entry yet")
        if note:
            anchors.note(anchors.file_of(place.folder), last, datetime.now(UTC))
        typer.echo(f"{last.seq}:{last.hash}")


def _head_of(words: str) -> Head:
    number, _, digest = words.partition(":")
    if not number.isdigit() or len(digest) != 64:
        raise typer.BadParameter(f"{words} is no NUMBER:HASH")
    return Head(int(number), digest)
