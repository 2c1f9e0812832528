"""Pseudonyms, new UIDs and date offsets that only the holder of a key can make or test.

Each is HMAC-SHA256 (RFC 2104) of what it replaces, under a key of the site. The same key gives the
same answer in every case and year, so priors stay tied to their patient; without the key nobody can
try record numbers one after another until one fits, as a plain hash would allow.
"""

import base64
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from mmcore.errors import ConfigError

KEY_BYTES = 32
_PURPOSE = b"consilium deid 1"
_FIRST_DAY, _DAYS = 366, 3_287  # one to ten years back


@dataclass(frozen=True, slots=True)
class Secret:
    """The key of a site. Its value is in no message, log or repr."""

    _key: bytes

    def __post_init__(self) -> None:
        if len(self._key) < KEY_BYTES:
            raise ConfigError(key="key", problem=f"is shorter than {KEY_BYTES} bytes")

    def __repr__(self) -> str:
        return "Secret(...)"

    def uid(self, uid: str) -> str:
        """Return a UID under 2.25 (PS3.5 B.2) of 128 bits for ``uid``."""
        return f"2.25.{int.from_bytes(self._digest('uid', uid)[:16], 'big')}"

    def pseudonym(self, patient: str) -> str:
        """Return a name such as "P-3K7QXN2VBLMADREF" for one patient's record number."""
        return "P-" + base64.b32encode(self._digest("patient", patient)[:10]).decode("ascii")

    def days(self, patient: str) -> int:
        """Return by how many days this patient's dates are moved: whole, one to ten years back."""
        number = int.from_bytes(self._digest("days", patient)[:8], "big")
        return -(_FIRST_DAY + number % _DAYS)

    def _digest(self, kind: str, value: str) -> bytes:
        message = b"\0".join((_PURPOSE, kind.encode(), value.strip().encode()))
        return hmac.digest(self._key, message, "sha256")


def read_secret(path: Path) -> Secret:
    """Return the key in a file: 64 or more hexadecimal digits.

    Raises ``ConfigError``, which does not quote the file.
    """
    try:
        return Secret(bytes.fromhex(path.read_text("ascii").strip()))
    except (OSError, ValueError) as error:
        raise ConfigError(
            key="--key-file", problem=f"is not a file of {2 * KEY_BYTES} hexadecimal digits"
        ) from error


def write_secret(path: Path) -> Secret:
    """Make a new key, readable by its owner alone. Raises ``ConfigError`` if the file exists."""
    text = secrets.token_hex(KEY_BYTES)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(
            key="--new-key", problem="the key file exists or can not be made"
        ) from error
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    return Secret(bytes.fromhex(text))
