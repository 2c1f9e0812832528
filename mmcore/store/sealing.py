"""Encryption at rest: AES-256-GCM with a random nonce (NIST SP 800-38D), bound to its place.

Without a key everything is written as it is. The door of the library ``cryptography``.
"""

import base64
import hmac
import json
import os
from typing import Any

from mmcore.errors import StoreKeyError

_MAGIC = b"consilium-sealed-1\n"
_TEXT = "sealed-1:"
_NONCE_BYTES = 12
KEY_CHECK, KEY_CHANGE = "key check", "key change"
"""Facts of a site: sealed with its key; sealed with the next one while the key is being changed."""


def is_sealed_text(text: str) -> bool:
    """Whether the text of a column is encrypted."""
    return text.startswith(_TEXT)


class Seal:
    """Seals bytes and JSON values with one key, or passes them on without a key.

    ``where`` names the place of a value, such as the digest of its file: sealed with it, a value
    opens at no other place.
    """

    def __init__(self, key: bytes | None) -> None:
        self._cipher = None
        self._secret = b""  # another key than the cipher's, derived from it
        if key is not None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._cipher = AESGCM(key)
            self._secret = hmac.digest(key, b"consilium fingerprints 1", "sha256")

    @property
    def has_key(self) -> bool:
        """Whether what is written from now on is encrypted."""
        return self._cipher is not None

    def fingerprint(self, text: str, *, of: str) -> bytes:
        """Return 32 bytes that are equal for equal texts: HMAC-SHA256 under the site's key.

        ``of``: what kind of text, as equal texts of different kinds must not look equal. Without a
        key anybody can compute them, as anybody can read the text itself.
        """
        return hmac.digest(self._secret, f"{of}\0{text}".encode(), "sha256")

    def seal(self, data: bytes, *, where: str) -> bytes:
        """Return ``data`` as it is written to the disk."""
        if self._cipher is None:
            return data
        nonce = os.urandom(_NONCE_BYTES)
        return _MAGIC + nonce + self._cipher.encrypt(nonce, data, where.encode())

    def open(self, sealed: bytes, *, where: str) -> bytes:
        """Return what ``seal`` was given, whether it was sealed or not.

        Raises ``StoreKeyError`` without the key that it was sealed with.
        """
        if not sealed.startswith(_MAGIC):
            return sealed
        if self._cipher is None:
            raise StoreKeyError(problem="it is encrypted, and no key is given")
        from cryptography.exceptions import InvalidTag

        nonce, body = sealed[len(_MAGIC) :][:_NONCE_BYTES], sealed[len(_MAGIC) + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, body, where.encode())
        except InvalidTag as error:
            raise StoreKeyError(
                problem="the key is another one, or what was kept is damaged"
            ) from error

    def seal_json(self, value: Any, *, where: str) -> str:
        """Return a JSON value as the text of a database column."""
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        if self._cipher is None:
            return text
        return _TEXT + base64.b64encode(self.seal(text.encode(), where=where)).decode()

    def open_json(self, text: str, *, where: str) -> Any:
        """Return the JSON value of a column. Raises ``StoreKeyError`` as ``open`` does."""
        if text.startswith(_TEXT):
            text = self.open(base64.b64decode(text[len(_TEXT) :]), where=where).decode()
        return json.loads(text)
