"""Where a site's model server is, from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from mmcore.errors import ConfigError

URL = "CONSILIUM_ENGINE_URL"
TOKEN_FILE = "CONSILIUM_ENGINE_TOKEN_FILE"
CA = "CONSILIUM_ENGINE_CA"
FALLBACK = "CONSILIUM_ENGINE_FALLBACK"
_HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """Where a model server is asked.

    urls: of its doors, tried in turn. token: what they want to be shown, "" for nothing. ca: file
    of the certificates that are believed, "" for the system's. has_fallback: whether the dashboard
    computes itself while no server answers.
    """

    urls: tuple[str, ...]
    token: str = field(default="", repr=False)
    ca: str = ""
    has_fallback: bool = False


def server_of_site(environment: Mapping[str, str] | None = None) -> ServerPlace | None:
    """Return where the site's model server is; None where the site names none.

    Raises ``ConfigError``.
    """
    found = os.environ if environment is None else environment
    urls = tuple(url.rstrip("/") for url in found.get(URL, "").replace(",", " ").split())
    if not urls:
        return None
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ConfigError(key=URL, problem="an address is http or https, with a host")
        if parts.username or parts.password:
            raise ConfigError(key=URL, problem=f"an address holds no password; use {TOKEN_FILE}")
        if parts.scheme != "https" and parts.hostname not in _HERE:
            raise ConfigError(key=URL, problem="a case leaves this machine over https alone")
    fallback = found.get(FALLBACK, "").strip()
    if fallback not in ("", "local"):
        raise ConfigError(key=FALLBACK, problem=f"{fallback!r} is not known; known: local")
    file = found.get(TOKEN_FILE, "").strip()
    token = read_token(Path(file).expanduser()) if file else ""
    return ServerPlace(urls, token, found.get(CA, "").strip(), fallback == "local")


def read_token(path: Path) -> str:
    """Return the access token in a file. Raises ``ConfigError``; the error never quotes it."""
    try:
        token = path.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise ConfigError(key=TOKEN_FILE, problem="the file can not be read") from error
    if len(token) < 16 or not token.isprintable() or " " in token:
        raise ConfigError(key=TOKEN_FILE, problem="a token has 16 or more visible characters")
    return token
