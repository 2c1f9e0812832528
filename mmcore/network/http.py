"""HTTP to a peer, and no further: one address, no redirection, no endless answer. RFC 9110.

The door to requests. A server may answer byte by byte for ever, or send without end; so an answer
has a size, and a pace at which it must come.
"""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from mmcore.errors import MMCoreError, PeerError
from mmcore.language import Text, say
from mmcore.network.peers import Peer, Web

MAX_ANSWER_BYTES = 64 * 2**20
LEAST_BYTES_A_SECOND = 16_384
MAY_PASS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same may succeed."""


class EndlessError(OSError):
    """An answer is larger or slower than allowed."""


@contextmanager
def session(
    peer: Peer,
    where: Web,
    *,
    standard: str,
    most: int = MAX_ANSWER_BYTES,
    may_pass: frozenset[int] = MAY_PASS,
) -> Iterator[requests.Session]:
    """Give a session with the sign-in that the peers file names.

    standard: what is spoken, for the words of an error. most: bytes of one answer. may_pass:
    statuses after which it is worth trying again. Whatever goes wrong inside is raised as
    ``PeerError``, in words without a patient.
    """
    made = requests.Session()
    made.trust_env = False  # no .netrc, no proxy: only what the peers file says
    made.max_redirects = 0
    made.headers["Accept-Encoding"] = "identity"  # what is unpacked has another size than what came
    made.hooks["response"].append(_refuse_packed)
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Adapter(most=most, patience=2 * peer.timeout))
    if where.ca:
        made.verify = where.ca
    try:
        _sign_in(made, peer, where)
        yield made
    except MMCoreError:
        raise
    except requests.HTTPError as error:
        raise _answered(
            peer, error, may_pass
        ) from None  # its text holds the address that was asked
    except requests.TooManyRedirects:
        problem = say("sends us to another address, which is not followed")
        raise PeerError(peer=peer.name, problem=problem, may_pass=False) from None
    except requests.exceptions.SSLError:
        problem = say("its certificate is not believed")
        raise PeerError(peer=peer.name, problem=problem, may_pass=False) from None
    except requests.exceptions.InvalidHeader:
        problem = say("has a password or token that can not be sent")
        raise PeerError(peer=peer.name, problem=problem, may_pass=False) from None
    except (EndlessError, requests.RequestException) as error:
        if isinstance(error, requests.JSONDecodeError):
            raise _nonsense(peer, standard, error) from None
        is_late = is_endless(error)
        problem = say("answers without coming to an end") if is_late else say("can not be reached")
        raise PeerError(peer=peer.name, problem=problem, may_pass=True) from None
    except Exception as error:  # noqa: BLE001 - what an answer of any shape makes libraries raise
        raise _nonsense(peer, standard, error) from None
    finally:
        made.close()


def is_endless(error: BaseException | None) -> bool:
    """Whether an answer that was larger or slower than allowed is behind an error."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, EndlessError):
            return True
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            waiting += [one.__cause__, one.__context__]
            waiting += [arg for arg in one.args if isinstance(arg, BaseException)]
    return False


def _nonsense(peer: Peer, standard: str, error: Exception) -> PeerError:
    kind = type(error).__name__
    problem = say("gave an answer that is not {standard} ({kind})", standard=standard, kind=kind)
    return PeerError(peer=peer.name, problem=problem, may_pass=False)


def _sign_in(made: requests.Session, peer: Peer, where: Web) -> None:
    if where.secret is None:
        return
    secret = where.secret.read(peer.name)
    if where.user:
        made.auth = HTTPBasicAuth(where.user.encode(), secret.encode())
    else:
        made.headers["Authorization"] = f"Bearer {secret}"


def _answered(peer: Peer, error: requests.HTTPError, may_pass: frozenset[int]) -> PeerError:
    code = 0 if error.response is None else error.response.status_code
    words: dict[int, Text] = {
        401: say("did not accept our sign-in"),
        403: say("does not allow what was asked"),
        404: say("does not have what was asked for"),
    }
    problem = words.get(code, say("answered with HTTP status {code}", code=code))
    return PeerError(peer=peer.name, problem=problem, may_pass=code in may_pass)


def _refuse_packed(response: requests.Response, **_: Any) -> None:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ValueError("an answer is packed, which was not asked for")


class _Pace(io.RawIOBase):
    """The bytes of one answer, as long as they come fast enough and are not too many."""

    def __init__(self, source: io.RawIOBase, most: int, patience: float) -> None:
        self._source, self._most, self._patience = source, most, patience
        self._began, self._read = time.monotonic(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count = self._source.readinto(buffer)
        self._read += count or 0
        allowed = self._patience + self._read / LEAST_BYTES_A_SECOND
        if self._read > self._most or time.monotonic() - self._began > allowed:
            raise EndlessError("an answer is larger or slower than allowed")
        return count

    def close(self) -> None:
        self._source.close()
        super().close()


class _Watched:
    """A connected socket of which answers are read through ``_Pace``."""

    def __init__(self, real: Any, most: int, patience: float) -> None:
        self._real, self._most, self._patience = real, most, patience

    def makefile(self, mode: str, *_: Any, **__: Any) -> Any:
        if mode != "rb":
            return self._real.makefile(mode)
        source = self._real.makefile("rb", buffering=0)
        return io.BufferedReader(_Pace(source, self._most, self._patience))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Adapter(HTTPAdapter):
    """Opens connections whose answers are watched."""

    def __init__(self, *, most: int, patience: float) -> None:
        self._most, self._patience = most, patience
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        most, patience = self._most, self._patience

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                self.sock = _Watched(self.sock, most, patience)

        class Encrypted(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                self.sock = _Watched(self.sock, most, patience)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class EncryptedPool(HTTPSConnectionPool):
            ConnectionCls = Encrypted

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}
