"""The door of a model server: who may ask, how much at once, and for which pack.

Speaks HTTP as ``mmcore/scale/calls.py`` says. Nothing of a message is read here: replicas do that.
"""

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mmcore.scale.answering import Answer
from mmcore.scale.calls import MAX_MESSAGE_BYTES, MESSAGE, VERSION, Call

Found = TypeVar("Found")
BUSY_SECONDS = 2
_CALLS = frozenset(call.value for call in Call)


class BusyError(Exception):
    """All replicas have as much to do as may wait."""


class LostError(Exception):
    """The replica that was asked is gone; another one may answer."""


class Replicas(Protocol):
    """The replicas of one pack."""

    async def answer(self, call: Call, message: bytes) -> Answer:
        """Return the answer of one of them. Raises ``BusyError`` and ``LostError``."""

    async def facts(self) -> Mapping[str, Any]:
        """Return what one of them says of the pack and itself. Raises as ``answer`` does."""


class Door:
    """Answers HTTP requests by asking replicas. token: that a caller shows, "" for none."""

    def __init__(
        self,
        packs: Mapping[str, Replicas],
        *,
        token: str = "",
        most_bytes: int = MAX_MESSAGE_BYTES,
        tries: int = 3,
    ) -> None:
        """Keep the replicas of each pack by its digest. tries: of one call, as replicas die."""
        self._packs, self._token = dict(packs), token.encode()
        self._most_bytes, self._tries = most_bytes, tries

    async def __call__(self, request: Request) -> Response:
        """Return the response to any request."""
        if not self._is_known(request):
            return JSONResponse({"error": "token"}, 401, {"WWW-Authenticate": "Bearer"})
        match request.method, request.url.path.strip("/").split("/"):
            case "GET", [version, "packs"] if version == VERSION:
                return await self._facts()
            case "POST", [version, "packs", digest, name] if version == VERSION:
                return await self._ask(digest, name, request)
        return JSONResponse({"error": "path", "version": VERSION}, 404)

    def _is_known(self, request: Request) -> bool:
        shown = request.headers.get("Authorization", "").encode()
        return not self._token or hmac.compare_digest(shown, b"Bearer " + self._token)

    async def _ask(self, digest: str, name: str, request: Request) -> Response:
        replicas = self._packs.get(digest)
        if replicas is None or name not in _CALLS:
            return JSONResponse({"error": "pack" if replicas is None else "call"}, 404)
        message = await self._body(request)
        if message is None:
            return JSONResponse({"error": "size", "most": self._most_bytes}, 413)
        found = await self._tried(lambda: replicas.answer(Call(name), message))
        if isinstance(found, Response):
            return found
        kind = MESSAGE if found.status == 200 else "application/json"
        return Response(found.body, found.status, media_type=kind)

    async def _facts(self) -> Response:
        packs = []
        for replicas in self._packs.values():
            found = await self._tried(replicas.facts)
            if isinstance(found, Response):
                return found
            packs.append(dict(found))
        return JSONResponse({"version": VERSION, "packs": packs})

    async def _tried(self, ask: Callable[[], Awaitable[Found]]) -> Found | Response:
        """Return what a replica answers, of another one if the first dies of something else."""
        for _ in range(self._tries):
            try:
                return await ask()
            except BusyError:
                break
            except LostError:
                logging.getLogger("consilium").warning("a replica is gone; asking another one")
        return JSONResponse({"error": "busy"}, 503, {"Retry-After": str(BUSY_SECONDS)})

    async def _body(self, request: Request) -> bytes | None:
        """Return the body, or None as soon as it is known to be too large."""
        told = request.headers.get("Content-Length", "")
        if told.isdigit() and int(told) > self._most_bytes:
            return None
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > self._most_bytes:
                return None
            parts.append(part)
        return b"".join(parts)
