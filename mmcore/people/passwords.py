"""Passwords: what is refused, and how they are kept. The door of the library argon2.

Kept as Argon2id (RFC 9106, its second recommended setting: 64 MiB, 3 passes, 4 lanes). What is
refused follows NIST SP 800-63B, 3.1.1: length and blocklist, no rules about kinds of characters.
"""

import re
import secrets
import threading
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from mmcore.errors import PasswordRefusedError

LEAST, MOST = 12, 256  # characters
_AT_ONCE = 2  # of 64 MiB each: who guesses must not fill the memory
_RUNNING = threading.BoundedSemaphore(_AT_ONCE)
_COMMON = (
    "password", "passwort", "motdepasse", "contrasena", "welcome", "willkommen", "letmein",
    "admin", "administrator", "consilium", "hospital", "klinik", "clinic", "radiology",
    "radiologie", "doctor", "medizin", "medical", "qwerty", "qwertz", "azerty", "iloveyou",
    "monkey", "dragon", "football", "baseball", "sunshine", "princess", "superman", "batman",
    "trustno", "master", "login", "secret", "changeme", "default", "test", "user", "guest",
    "summer", "winter", "spring", "autumn", "sommer", "monday", "january", "michael", "jennifer",
    "correcthorsebatterystaple", "woaini", "mima", "yiyuan",
)  # fmt: skip
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm",
         "01234567890123456789", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p")  # fmt: skip
_LOOKS_LIKE = str.maketrans("@430$51!7", "aaeossiit")
_LEAST_OF_ITS_OWN = 5  # different letters and digits beside common words, the name and rows of keys
_WORD_LIST = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is mistaken for something else


def check(password: str, *, name: str = "", display: str = "") -> None:
    """Refuse a password that is short, long or easily guessed. Raises ``PasswordRefusedError``."""
    text = _plain(password)
    if len(text) < LEAST:
        raise PasswordRefusedError(reason="short")
    if len(text) > MOST:
        raise PasswordRefusedError(reason="long")
    own = {part for words in (name, display) for part in re.split(r"\W+", words.casefold())}
    if _of_its_own(text.casefold(), own) < _LEAST_OF_ITS_OWN:
        raise PasswordRefusedError(reason="common")


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    with _RUNNING:
        return _hasher().hash(_plain(password))


def is_right(kept: str | None, password: str) -> bool:
    """Return whether this is the password; as slow where there is none to compare with."""
    with _RUNNING:
        try:
            _hasher().verify(kept or _of_nobody(), _plain(password)[: MOST + 1])
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Return whether a kept password was made with a weaker setting than today's."""
    return _hasher().check_needs_rehash(kept)


def made_up() -> str:
    """Return a password for the first signing in: four groups of five, 99 bits."""
    return "-".join("".join(secrets.choice(_WORD_LIST) for _ in range(5)) for _ in range(4))


def _plain(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def _of_its_own(text: str, own: set[str]) -> int:
    """Return how many different letters and digits are left of what everybody would guess."""
    best = len(set(text))
    for form in (text, text.translate(_LOOKS_LIKE)):
        left = form
        for word in sorted({*_COMMON, *own}, key=len, reverse=True):
            if len(word) >= 3:
                left = left.replace(word, "")
        for row in _ROWS:
            left = _without_runs(_without_runs(left, row), row[::-1])
        best = min(best, len({character for character in left if character.isalnum()}))
    return best


def _without_runs(text: str, row: str) -> str:
    """Return a text without runs of four or more characters of a row of keys."""
    place, left = 0, []
    while place < len(text):
        length = 4
        while place + length <= len(text) and text[place : place + length] in row:
            length += 1
        if length > 4:
            place += length - 1
        else:
            left.append(text[place])
            place += 1
    return "".join(left)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)


@cache
def _of_nobody() -> str:
    return _hasher().hash(secrets.token_hex())
