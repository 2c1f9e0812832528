"""A whole store in one file, and back: rows, files and schema, each with its SHA-256.

The file is a zip: ``tables/NAME.jsonl``, ``blobs/DIGEST`` as they lie on the disk (sealed ones stay
sealed, so no key is needed), ``audit.anchors`` if heads of the audit were noted, ``manifest.json``
and ``manifest.sha256``. It is taken of one moment while servers go on, and put into any database
that the store knows.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, delete

from mmcore.audit import anchors
from mmcore.errors import BackupRefusedError, SchemaTooNewError, StoreUnavailableError
from mmcore.store.blobs import Blobs
from mmcore.store.database import Database
from mmcore.store.place import Place
from mmcore.store.portable import has_revision, is_empty, lines_of, tables_in, write_lines
from mmcore.store.schema import bring_up_to_date, revision_of, upgrade
from mmcore.store.sealing import Seal

FORMAT = "consilium.backup/1"
ANCHORS = "audit.anchors"
MANIFEST, MANIFEST_DIGEST = "manifest.json", "manifest.sha256"
_OWN_ROWS = ("facts", "audit_keys")  # written by opening a store, before it holds anything
_LINKS, _STRAY_SECONDS = "backup-", 86_400.0
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a backup holds. rows: by table. revision: of the schema. made_at: in UTC.

    heads: of the audit, as they were noted.
    """

    revision: str
    made_at: datetime
    rows: dict[str, int]
    blobs: int
    blob_bytes: int
    heads: int = 0


def back_up(place: Place, file: Path) -> Inventory:
    """Write the store at a place into a new file; servers may go on meanwhile.

    Raises ``BackupRefusedError`` if the file is there, ``StoreError`` as opening a store does.
    """
    if file.exists():
        raise BackupRefusedError(problem=f"{file} is there already; choose another name")
    with _opened(place) as database:
        bring_up_to_date(database)
        _remove_stray_links(place.folder)
        heads = _heads_at(place)  # before the rows, so that none is of a later entry
        with _as_refusal(), tempfile.TemporaryDirectory(dir=place.folder, prefix=_LINKS) as name:
            links = Path(name)
            with _moment(database, Blobs(place.folder / "blobs", Seal(None)), links) as connection:
                return _write_zip(connection, links, file, heads)


def restore(place: Place, file: Path) -> Inventory:
    """Put a backup into a place that holds nothing yet, then upgrade it to this version's schema.

    Everything is checked before anything is written; the rows come in one transaction, after their
    files. Noted heads of the audit come back unless the place has a file of them: that one lies
    where the site keeps it, and knows more. Raises ``BackupRefusedError`` for a damaged file or a
    place that is in use, and ``SchemaTooNewError`` for a backup of a newer version.
    """
    with _as_refusal(), _unpacked(file) as (archive, manifest):
        _check(archive, manifest)
        revision = str(manifest["revision"])
        with _opened(place) as database:
            blobs = Blobs(place.folder / "blobs", Seal(None))
            with database.starting(), database.writing(alone=True) as connection:
                _make_room(connection, revision)
                for digest in manifest["blobs"]:
                    blobs.put_stored(digest, archive.read(f"blobs/{digest}"))
                for table in _tables_of(connection, manifest["tables"]):
                    with archive.open(_member(table.name)) as lines:
                        write_lines(connection, table, (line.decode() for line in lines))
                upgrade(connection)
                if ANCHORS in manifest:
                    _put_heads(anchors.file_of(place.folder), archive.read(ANCHORS))
        return _inventory(manifest)


def move(place: Place, url: str) -> Inventory:
    """Copy all rows of the store at a place into another, empty database; files stay as they are.

    Nobody can write to the old database meanwhile; it is left as it was. Raises
    ``BackupRefusedError`` if the new database is in use.
    """
    target = replace(place, url=url)
    with _opened(place) as source, _opened(target) as database:
        if source.engine.url == database.engine.url:
            raise BackupRefusedError(problem="that is the database in use")
        bring_up_to_date(source)
        with (
            source.writing(alone=True),
            source.snapshot() as old,
            database.writing(alone=True) as new,
        ):
            revision = revision_of(old)
            assert revision is not None  # it was just brought up to date
            _make_room(new, revision)
            known = {table.name: table for table in tables_in(old)}
            rows = {
                table.name: write_lines(new, table, lines_of(old, known[table.name]))
                for table in _tables_of(new, known)
            }
        return Inventory(revision, datetime.now(UTC), rows, 0, 0)


def look_into(file: Path) -> Inventory:
    """Check every byte of a backup and return what it holds. Raises ``BackupRefusedError``."""
    with _as_refusal(), _unpacked(file) as (archive, manifest):
        _check(archive, manifest)
        return _inventory(manifest)


# --- Writing


@contextmanager
def _moment(database: Database, blobs: Blobs, links: Path) -> Iterator[Connection]:
    """Give the rows of one moment, with every file of that moment linked into a folder."""
    with database.writing(alone=True):  # no file is removed and no case written meanwhile
        snapshot = database.snapshot()
        connection = snapshot.__enter__()
        try:
            blobs.link_all(links)
        except BaseException:
            snapshot.__exit__(None, None, None)
            raise
    try:
        yield connection
    finally:
        snapshot.__exit__(None, None, None)


def _heads_at(place: Place) -> bytes:
    with _as_refusal(), suppress(FileNotFoundError):
        return anchors.file_of(place.folder).read_bytes()
    return b""


def _write_zip(connection: Connection, links: Path, file: Path, heads: bytes) -> Inventory:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as sink, zipfile.ZipFile(sink, "w") as archive:
            manifest = _fill(archive, connection, links)
            if heads:
                archive.writestr(ANCHORS, heads, zipfile.ZIP_DEFLATED)
                sha = hashlib.sha256(heads).hexdigest()
                manifest[ANCHORS] = {"heads": len(heads.splitlines()), "sha256": sha}
            text = json.dumps(manifest, indent=1, sort_keys=True).encode()
            archive.writestr(MANIFEST, text, zipfile.ZIP_DEFLATED)
            archive.writestr(MANIFEST_DIGEST, hashlib.sha256(text).hexdigest())
        _force(temporary)
        if file.exists():
            raise BackupRefusedError(problem=f"{file} was made meanwhile; choose another name")
        temporary.replace(file)
        _force(file.parent)
    finally:
        temporary.unlink(missing_ok=True)
    return _inventory(manifest)


def _fill(archive: zipfile.ZipFile, connection: Connection, links: Path) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for table in tables_in(connection):
        entry = zipfile.ZipInfo(_member(table.name), time.gmtime()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        sha, rows = hashlib.sha256(), 0
        with archive.open(entry, "w", force_zip64=True) as sink:
            for line in lines_of(connection, table):
                data = line.encode() + b"\n"
                sink.write(data)
                sha.update(data)
                rows += 1
        tables[table.name] = {"rows": rows, "sha256": sha.hexdigest()}
    blobs: dict[str, Any] = {}
    for link in sorted(links.iterdir()):
        archive.write(link, f"blobs/{link.name}", zipfile.ZIP_STORED)
        blobs[link.name] = {"bytes": link.stat().st_size, "sha256": _sha256_of(link)}
    return {
        "format": FORMAT,
        "made_at": datetime.now(UTC).isoformat(),
        "revision": revision_of(connection),
        "tables": tables,
        "blobs": blobs,
    }


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _force(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put_heads(file: Path, heads: bytes) -> None:
    """Write noted heads back, unless a file of them is there."""
    with suppress(FileExistsError):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as sink:
            sink.write(heads)
            sink.flush()
            os.fsync(sink.fileno())


def _remove_stray_links(folder: Path) -> None:
    """Remove what a backup that was killed left: links that keep removed files on the disk."""
    for stray in folder.glob(f"{_LINKS}*"):
        with suppress(FileNotFoundError):
            if time.time() - stray.stat().st_mtime > _STRAY_SECONDS:
                shutil.rmtree(stray, ignore_errors=True)


# --- Reading


@contextmanager
def _unpacked(file: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, Any]]]:
    with zipfile.ZipFile(file) as archive:
        text = archive.read(MANIFEST)
        if hashlib.sha256(text).hexdigest().encode() != archive.read(MANIFEST_DIGEST):
            raise BackupRefusedError(problem="its list of contents is damaged")
        manifest = json.loads(text)
        if manifest.get("format") != FORMAT:
            raise BackupRefusedError(problem=f"its format is not {FORMAT}")
        yield archive, manifest


def _check(archive: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
    """Check that the file holds what its list says, byte by byte, and nothing else."""
    listed = {_member(name): facts["sha256"] for name, facts in manifest["tables"].items()}
    for digest, facts in manifest["blobs"].items():
        if not _DIGEST.fullmatch(digest):
            raise BackupRefusedError(problem="it names a file otherwise than by its digest")
        listed[f"blobs/{digest}"] = facts["sha256"]
    if ANCHORS in manifest:
        listed[ANCHORS] = manifest[ANCHORS]["sha256"]
    if {*archive.namelist()} != {*listed, MANIFEST, MANIFEST_DIGEST}:
        raise BackupRefusedError(problem="it does not hold what its list of contents says")
    for member, wanted in listed.items():
        sha = hashlib.sha256()
        with archive.open(member) as source:
            while chunk := source.read(_CHUNK):
                sha.update(chunk)
        if sha.hexdigest() != wanted:
            raise BackupRefusedError(problem=f"{member} is damaged")


def _make_room(connection: Connection, revision: str) -> None:
    """Make the tables of a revision, or take those that are there and hold nothing."""
    if not has_revision(connection):
        upgrade(connection, revision)
    if revision_of(connection) != revision:
        raise BackupRefusedError(
            problem="the database there has tables of another version; choose an empty one"
        )
    tables = tables_in(connection)
    if any(not is_empty(connection, t) for t in tables if t.name not in _OWN_ROWS):
        raise BackupRefusedError(problem="the database there is in use; choose an empty one")
    for table in tables:
        if table.name in _OWN_ROWS:
            connection.execute(delete(table))


def _tables_of(connection: Connection, wanted: Any) -> tuple[Table, ...]:
    """Return the tables to write, those first that others refer to."""
    tables = tables_in(connection)
    unknown = sorted({*wanted} - {table.name for table in tables})
    if unknown:
        raise BackupRefusedError(problem=f"it holds tables that its version lacks: {unknown}")
    return tuple(table for table in tables if table.name in wanted)


def _inventory(manifest: dict[str, Any]) -> Inventory:
    return Inventory(
        revision=str(manifest["revision"]),
        made_at=datetime.fromisoformat(manifest["made_at"]),
        rows={name: int(facts["rows"]) for name, facts in manifest["tables"].items()},
        blobs=len(manifest["blobs"]),
        blob_bytes=sum(int(facts["bytes"]) for facts in manifest["blobs"].values()),
        heads=int(manifest.get(ANCHORS, {}).get("heads", 0)),
    )


def _member(table: str) -> str:
    return f"tables/{table}.jsonl"


@contextmanager
def _opened(place: Place) -> Iterator[Database]:
    database = Database(place)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _as_refusal() -> Iterator[None]:
    """Turn what a damaged file or a full disk raises into words of ours."""
    try:
        yield
    except (BackupRefusedError, SchemaTooNewError):
        raise
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError) as error:
        problem = f"it is no backup, or damaged ({type(error).__name__})"
        raise BackupRefusedError(problem=problem) from error
    except NotImplementedError as error:  # of a zip that is written otherwise than ours
        raise BackupRefusedError(problem="it is no backup, or damaged") from error
    except FileNotFoundError as error:
        raise BackupRefusedError(problem="there is no such file") from error
    except OSError as error:
        problem = f"{type(error).__name__}: {error.strerror}"
        raise StoreUnavailableError(problem=problem) from error
