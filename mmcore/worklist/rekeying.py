"""The command ``rekey``: a site's store sealed anew with another key.

Which store, and its key so far: those of the environment (``mmcore/store/place.py``).
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from mmcore.terminal import refusing


def rekey(
    new: Annotated[Path, typer.Argument(dir_okay=False, help="File with the new key.")],
    make: Annotated[bool, typer.Option("--make", help="Make the new key, and the file.")] = False,
) -> None:
    """Seal all that is stored with a new key; stop the server first. Run again after a break."""
    from mmcore.store.place import KEY_FILE, place_of, read_key, write_key
    from mmcore.store.rotation import rotate

    with refusing():
        place = place_of()
        key = write_key(new) if make else read_key(new)
        with typer.progressbar(length=1000, label="sealing") as bar:

            def progress(done: int, total: int) -> None:
                bar.update(1000 * done // total - bar.pos)

            sealed = rotate(place, key, person_of=_person_of, progress=progress)
    typer.echo(f"{sealed.files} files and {sealed.values} values are sealed with the new key")
    if sealed.damaged:
        typer.echo(f"{sealed.damaged} were damaged before, and stay so: no key opens them")
    typer.echo(f"From now on start the server with {KEY_FILE}={new}")


def _person_of(shown: Mapping[str, str]) -> str:
    """Return what links cases of one patient, of what the list of work says of one."""
    from mmcore.records import Patient
    from mmcore.worklist.facts import person_of

    born = shown.get("birth_date", "")
    return person_of(
        Patient(
            patient_id=shown.get("patient_id") or None,
            name=shown.get("name") or None,
            birth_date=date.fromisoformat(born) if born else None,
        )
    )
