"""Where a site keeps its cases, for how long and under which key: read from the environment."""

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mmcore.errors import ConfigError

DATA, DATABASE = "CONSILIUM_DATA", "CONSILIUM_DATABASE"
KEEP_DAYS = "CONSILIUM_KEEP_DAYS"
KEY, KEY_FILE = "CONSILIUM_KEY", "CONSILIUM_KEY_FILE"
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Place:
    """What a store needs to be opened.

    folder: files and, unless ``url`` is given, the SQLite database. url: of any database that
    SQLAlchemy knows. keep_days: cases are deleted this long after their last change; None keeps
    them until they are removed, 0 means that nothing is kept. key: ``KEY_BYTES`` bytes, or None
    to store in the clear.
    """

    folder: Path
    url: str = field(default="", repr=False)
    keep_days: int | None = None
    key: bytes | None = field(default=None, repr=False)


def place_of(environment: Mapping[str, str] | None = None) -> Place:
    """Return the place that the environment names, by default the user's own data folder.

    Raises ``ConfigError`` for a number of days or a key that is none, and for two keys.
    """
    found = os.environ if environment is None else environment
    folder = found.get(DATA, "").strip()
    return Place(
        folder=Path(folder).expanduser().absolute() if folder else _own_folder(),
        url=found.get(DATABASE, "").strip(),
        keep_days=_days(found.get(KEEP_DAYS, "").strip()),
        key=_key(found.get(KEY, "").strip(), found.get(KEY_FILE, "").strip()),
    )


def _own_folder() -> Path:
    from platformdirs import user_data_path

    return user_data_path("consilium", appauthor=False)


def _days(words: str) -> int | None:
    if not words:
        return None
    if not (words.isascii() and words.isdigit()):
        raise ConfigError(key=KEEP_DAYS, problem="not a whole number of days, 0 or more")
    return int(words)


def read_key(file: Path) -> bytes:
    """Return the key in a file. Raises ``ConfigError`` where it holds none."""
    key = _key("", str(file))
    assert key is not None  # a file was named
    return key


def write_key(file: Path) -> bytes:
    """Write a new key into a new file that its owner alone may read; return the key.

    Raises ``ConfigError`` where the file is there or can not be written.
    """
    key = secrets.token_bytes(KEY_BYTES)
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(base64.b64encode(key).decode() + "\n")
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        problem = "the file is there already" if file.exists() else "the file can not be written"
        raise ConfigError(key=str(file), problem=problem) from error
    return key


def _key(words: str, file: str) -> bytes | None:
    if words and file:
        raise ConfigError(key=KEY, problem=f"given together with {KEY_FILE}; one of them is enough")
    name = KEY
    if file:
        name = KEY_FILE
        try:
            words = Path(file).expanduser().read_text("ascii").strip()
        except (OSError, ValueError) as error:
            raise ConfigError(key=name, problem="the file can not be read") from error
        if not words:
            raise ConfigError(key=name, problem="the file is empty")
    if not words:
        return None
    try:
        key = base64.b64decode(words.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error as error:
        raise ConfigError(key=name, problem="not Base64") from error
    if len(key) != KEY_BYTES:
        raise ConfigError(key=name, problem=f"{len(key)} bytes instead of {KEY_BYTES}")
    return key
