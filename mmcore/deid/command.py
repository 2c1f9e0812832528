"""The command ``deid``: a case without its patient, after a person has looked."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmcore.deid.records import BurnedIn, Dates, Options, SafePrivate
from mmcore.language import say
from mmcore.terminal import refusing

if TYPE_CHECKING:
    from mmcore.deid.records import Approvals, Preview
    from mmcore.intake import RawFile

BOXES_FILE = "boxes.json"


def deid(
    case: Annotated[Path, typer.Argument(exists=True, help="A folder, file or zip: one case.")],
    key_file: Annotated[
        Path, typer.Option("--key-file", dir_okay=False, help="The site's key, 64 hex digits.")
    ],
    out: Annotated[
        Path | None, typer.Option(file_okay=False, help="New folder for the de-identified case.")
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="New folder for what a person must see first; it still names the patient.",
        ),
    ] = None,
    approved: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="boxes.json of a preview, corrected by who looked."
        ),
    ] = None,
    new_key: Annotated[bool, typer.Option(help="Make the key file; it must not exist.")] = False,
    keep_dates_shifted: Annotated[
        bool, typer.Option(help="Move dates by a secret offset of the patient; else remove them.")
    ] = False,
    mask_text: Annotated[
        BurnedIn, typer.Option(help="approve: look for burned-in text; none: do not.")
    ] = BurnedIn.APPROVE,
    drop_characteristics: Annotated[
        bool, typer.Option(help="Remove sex, age, size and weight too.")
    ] = False,
    drop_descriptions: Annotated[
        bool, typer.Option(help="Remove study and series descriptions.")
    ] = False,
    safe_private: Annotated[
        list[str] | None,
        typer.Option(help='Private number to keep, "CREATOR|group|element" in hex; may repeat.'),
    ] = None,
    locus: Annotated[
        list[str] | None, typer.Option(help="Variant id to keep; may be given again.")
    ] = None,
) -> None:
    """De-identify a case: preview it first, then write what may leave."""
    from mmcore.deid.case import deidentify, report
    from mmcore.deid.case import preview as look
    from mmcore.deid.secret import read_secret, write_secret

    if (out is None) == (preview is None):
        raise typer.BadParameter("give --out or --preview, one of them")
    options = Options(
        dates=Dates.SHIFT if keep_dates_shifted else Dates.REMOVE,
        keeps_characteristics=not drop_characteristics,
        keeps_descriptions=not drop_descriptions,
        safe_private=tuple(_private(text) for text in safe_private or ()),
        burned_in=mask_text,
        loci=frozenset(locus or ()),
    )
    folder = _new_folder(out or preview or Path())
    approvals = _approvals(approved) if approved is not None else {}
    with refusing():
        secret = write_secret(key_file) if new_key else read_secret(key_file)
        files = list(_files(case))
        folder.mkdir(parents=True, exist_ok=True)
        if out is None:
            _write_preview(look(files, options, secret), files, folder)
            return
        done = deidentify(files, options, secret, approvals=approvals)
        for file in done.files:
            (folder / file.name).write_bytes(file.data)
        (folder / "report.json").write_bytes(report(done))
    for file in done.files:
        typer.echo(f"{file.name}: {_counted(file.changes)}")
    for left in done.left_out:
        typer.echo(
            say(
                "file {n} left out, {code}: {why}", n=left.number, code=left.reason, why=left.detail
            )
        )


def _files(case: Path) -> Iterator["RawFile"]:
    """Yield the files of a case in order, without following links."""
    from mmcore.intake import RawFile

    if case.is_file():
        yield RawFile(case.name, case.read_bytes())
        return
    for folder, folders, names in os.walk(case, followlinks=False):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield RawFile(name, path.read_bytes())


def _new_folder(path: Path) -> Path:
    if path.exists() and any(path.iterdir()):
        raise typer.BadParameter("the folder to write to is not empty")
    return path


def _private(text: str) -> SafePrivate:
    try:
        return SafePrivate.from_text(text)
    except ValueError:
        raise typer.BadParameter("--safe-private is CREATOR|group|element, hexadecimal") from None


def _approvals(path: Path) -> "Approvals":
    """Read what a person approved: {digest: [[row, column, rows, columns], ...]}."""
    from mmcore.deid.records import Box

    try:
        document = json.loads(path.read_text("utf-8"))
        return {
            str(digest): tuple(Box(*(int(number) for number in box)) for box in boxes)
            for digest, boxes in document.items()
        }
    except (ValueError, TypeError, AttributeError, OSError):
        raise typer.BadParameter("--approved is not a boxes.json as --preview writes it") from None


def _write_preview(found: "Preview", files: list["RawFile"], folder: Path) -> None:
    """Write what would change, every image with its boxes framed, and the boxes to correct."""
    from mmcore.deid.case import report
    from mmcore.deid.pictures import Mark, drawn, picture_of
    from mmcore.intake import case_from_files

    (folder / "report.json").write_bytes(report(found.case))
    boxes = {
        one.digest: [[b.row, b.column, b.rows, b.columns] for b in one.boxes]
        for one in found.found_text
    }
    (folder / BOXES_FILE).write_text(json.dumps(boxes, indent=1) + "\n", "utf-8")
    by_digest = {one.digest: one for one in found.found_text}
    for instance in case_from_files(files).instances:
        one = by_digest.get(instance.digest)
        if one is not None:
            marked = [(box, Mark.PROPOSED) for box in one.boxes]
            picture = drawn(*picture_of(instance), marked)
            (folder / f"{one.digest}.png").write_bytes(picture)
            typer.echo(
                say("file {n}: {found} boxes in {name}.png", n=one.number, found=len(one.boxes),
                    name=one.digest)
            )  # fmt: skip
    typer.echo(
        say(
            "Look at every picture, correct {name}, leave out what you have not seen, and give it "
            "to --approved. This folder still names the patient.",
            name=BOXES_FILE,
        )
    )


def _counted(changes: object) -> str:
    counts = Counter(changes if isinstance(changes, dict) else {})
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items())) or "as it was"
