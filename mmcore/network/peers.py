"""The systems that a site exchanges studies with, named in one YAML file.

    our_ae_title: CONSILIUM
    peers:
      - name: pacs
        dimse: {host: pacs.example.org, port: 104, ae_title: PACS}
        dicomweb: {url: "https://pacs.example.org/dicom-web", token_env: PACS_TOKEN}
      - name: records
        fhir: {url: "https://fhir.example.org/r4", token_env: RECORDS_TOKEN}

A key that is not known is an error: a misspelt option would silently not be used.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mmcore.errors import PeerConfigError

PEERS = "CONSILIUM_PEERS"
"""The environment variable that names the file."""
OUR_AE_TITLE = "CONSILIUM"
MAX_FILE_BYTES = 2**20
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_AE_TITLE = re.compile(r"[A-Za-z0-9_.-](?:[A-Za-z0-9_. -]{0,14}[A-Za-z0-9_.-])?")
_HERE = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")


@dataclass(frozen=True, slots=True)
class Tls:
    """How a connection is encrypted. ca: whose certificates are believed; "" for the system's.

    certificate, key: our own, where the other side wants one; "" for none.
    """

    ca: str = ""
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Dimse:
    """Where a peer speaks DIMSE. tls: None for none."""

    host: str
    port: int
    ae_title: str
    our_ae_title: str
    tls: Tls | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a password or token is: a variable of the environment or a file, never the YAML."""

    variable: str = ""
    file: str = ""

    def read(self, peer: str) -> str:
        """Return it. Raises ``PeerConfigError`` where it is not there."""
        if self.variable:
            found = os.environ.get(self.variable, "").strip()
            where = f"{self.variable} of the environment"
        else:
            where = "the file of the secret"
            try:
                found = Path(self.file).expanduser().read_text("utf-8").strip()
            except (OSError, ValueError) as error:
                raise PeerConfigError(where=peer, problem=f"{where} can not be read") from error
        if not found:
            raise PeerConfigError(where=peer, problem=f"{where} is empty")
        return found


@dataclass(frozen=True, slots=True)
class Web:
    """Where a peer speaks DICOMweb or FHIR. user: "" for a bearer token or no sign-in at all.

    url: base of the service, without a slash at its end. secret: the password of ``user``, or the
    token; None for neither. ca: as in ``Tls``.
    """

    url: str
    user: str = ""
    secret: Secret | None = field(default=None, repr=False)
    ca: str = ""


@dataclass(frozen=True, slots=True)
class Peer:
    """One system. At least one of ``dimse``, ``web`` and ``fhir`` is there; timeout in seconds.

    web: where it speaks DICOMweb. fhir: where it takes FHIR R4.
    """

    name: str
    dimse: Dimse | None
    web: Web | None
    timeout: float = 30.0
    fhir: Web | None = None

    @property
    def takes_dicom(self) -> bool:
        """Whether DICOM objects can be sent to it."""
        return self.dimse is not None or self.web is not None


def site_peers(environment: Mapping[str, str] | None = None) -> tuple[Peer, ...]:
    """Return the peers of this site; none where the environment names no file.

    Raises ``PeerConfigError``.
    """
    found = os.environ if environment is None else environment
    path = found.get(PEERS, "").strip()
    return read_peers(Path(path).expanduser()) if path else ()


def find_peer(peers: Sequence[Peer], name: str) -> Peer:
    """Return the peer of that name. Raises ``PeerConfigError`` with those there are."""
    for peer in peers:
        if peer.name == name:
            return peer
    known = ", ".join(peer.name for peer in peers) or f"none; {PEERS} names the file"
    raise PeerConfigError(where=name, problem=f"there is no such peer; known: {known}")


def read_peers(path: Path) -> tuple[Peer, ...]:
    """Return the peers of a file. Raises ``PeerConfigError`` with the place at fault."""
    import yaml

    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise PeerConfigError(where="file", problem="larger than 1 MB")
        found = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise PeerConfigError(where="file", problem="it can not be read") from error
    except (ValueError, yaml.YAMLError) as error:
        raise PeerConfigError(where="file", problem="not YAML") from error
    root = _Place(found, "file")
    root.only("our_ae_title", "peers")
    ours = _ae_title(root, "our_ae_title", OUR_AE_TITLE)
    peers = tuple(_peer(place, ours) for place in root.items("peers"))
    names = [peer.name for peer in peers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PeerConfigError(where=twice[0], problem="two peers have this name")
    return peers


@dataclass(frozen=True, slots=True)
class _Place:
    """A value of the file that knows where it stands."""

    value: Any
    where: str

    def error(self, problem: str) -> PeerConfigError:
        return PeerConfigError(where=self.where, problem=problem)

    def only(self, *known: str) -> None:
        if not isinstance(self.value, dict):
            raise self.error("expected names and values")
        unknown = sorted(set(map(str, self.value)) - set(known))
        if unknown:
            raise self.error(f"{unknown[0]!r} is not known; known: {', '.join(known)}")

    def items(self, name: str) -> list["_Place"]:
        found = self.value.get(name)
        if not isinstance(found, list) or not found:
            raise self.error(f"{name} is a list of at least one")
        return [_Place(one, f"{name}[{i}]") for i, one in enumerate(found)]

    def text(self, name: str, default: str | None = None) -> str:
        found = self.value.get(name, default)
        if not isinstance(found, str) or (default is None and not found.strip()):
            raise self.error(f"{name} is a text")
        return found.strip()

    def inside(self, name: str) -> "_Place | None":
        found = self.value.get(name)
        return None if found is None else _Place(found, f"{self.where}, {name}")


def _peer(place: _Place, ours: str) -> Peer:
    place.only("name", "dimse", "dicomweb", "fhir", "timeout")
    name = place.text("name")
    if not _NAME.fullmatch(name):
        raise place.error("a name has lower-case letters, digits, - and _, at most 40")
    here = _Place(place.value, name)
    timeout = place.value.get("timeout", 30)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 1 <= timeout <= 600:
        raise here.error("timeout is a number of seconds from 1 to 600")
    dimse, web, fhir = (here.inside(kind) for kind in ("dimse", "dicomweb", "fhir"))
    if dimse is None and web is None and fhir is None:
        raise here.error("give at least one of dimse, dicomweb and fhir")
    return Peer(
        name=name,
        dimse=None if dimse is None else _dimse(dimse, ours),
        web=None if web is None else _web(web),
        timeout=float(timeout),
        fhir=None if fhir is None else _web(fhir),
    )


def _dimse(place: _Place, ours: str) -> Dimse:
    place.only("host", "port", "ae_title", "our_ae_title", "tls")
    host, port = place.text("host"), place.value.get("port")
    if not _HOST.fullmatch(host):
        raise place.error("host is a name or an address")
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        raise place.error("port is a number from 1 to 65535")
    tls = place.inside("tls")
    if tls is not None:
        tls.only("ca", "certificate", "key")
    return Dimse(
        host=host,
        port=port,
        ae_title=_ae_title(place, "ae_title", None),
        our_ae_title=_ae_title(place, "our_ae_title", ours),
        tls=None if tls is None else _tls(tls),
    )


def _tls(place: _Place) -> Tls:
    made = Tls(*(place.text(name, "") for name in ("ca", "certificate", "key")))
    if bool(made.certificate) is not bool(made.key):
        raise place.error("certificate and key come together")
    return made


def _web(place: _Place) -> Web:
    place.only("url", "user", "password_env", "password_file", "token_env", "token_file", "ca")
    url = place.text("url").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise place.error("url is http or https, with a host and without a query")
    if parts.username or parts.password:
        raise place.error("a url holds no password; use user with password_env or password_file")
    user = place.text("user", "")
    kind = "password" if user else "token"
    given = [name for name in place.value if str(name).endswith(("_env", "_file"))]
    if any(not name.startswith(kind) for name in given):
        raise place.error("a password goes with a user, a token without one")
    if len(given) > 1 or (user and not given):
        raise place.error(f"give one of {kind}_env and {kind}_file")
    if given and parts.scheme != "https" and parts.hostname not in _HERE:
        raise place.error("a password or token is sent over https alone")
    secret = Secret(place.text(f"{kind}_env", ""), place.text(f"{kind}_file", ""))
    return Web(url=url, user=user, secret=secret if given else None, ca=place.text("ca", ""))


def _ae_title(place: _Place, name: str, default: str | None) -> str:
    title = place.text(name, default)
    if not _AE_TITLE.fullmatch(title):
        raise place.error(f"{name} is an AE title of 1 to 16 characters")
    return title
