"""A model server without Ray: door and engine in this process, asked over a transport of httpx."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import httpx
from starlette.requests import Request
from starlette.types import Message

from mmcore.scale.answering import Answer, Answering
from mmcore.scale.asking import ModelServer
from mmcore.scale.calls import Call
from mmcore.scale.door import Door
from mmcore.scale.place import ServerPlace
from mmcore.scale.remote import RemoteEngine
from tests import loops
from tests.tiny import tiny_engine, tiny_pack

URL = "http://127.0.0.1:9"


@cache
def answering() -> Answering:
    return Answering(tiny_engine())


@dataclass
class OneReplica:
    """A replica that first raises what is planned, and counts who asks."""

    plan: list[Exception] = field(default_factory=list)
    asked: list[Call] = field(default_factory=list)

    async def answer(self, call: Call, message: bytes) -> Answer:
        self.asked.append(call)
        if self.plan:
            raise self.plan.pop(0)
        return answering().answer(call, message)

    async def facts(self) -> Mapping[str, Any]:
        return {"digest": tiny_engine().identity.digest, "device": "cpu"}


def door(replica: OneReplica, *, token: str = "", most_bytes: int = 2**30) -> Door:
    packs = {tiny_engine().identity.digest: replica}
    return Door(packs, token=token, most_bytes=most_bytes)


def through(entrance: Door, request: httpx.Request) -> httpx.Response:
    """Return what the door answers to a request."""
    body = request.read()
    scope = {
        "type": "http",
        "method": request.method,
        "path": request.url.path,
        "query_string": b"",
        "headers": [(k.lower(), v) for k, v in request.headers.raw],
    }
    portions = [body[i : i + 2**16] for i in range(0, len(body), 2**16)] or [b""]

    async def receive() -> Message:
        portion = portions.pop(0)
        return {"type": "http.request", "body": portion, "more_body": bool(portions)}

    response = loops.run(partial(entrance, Request(scope, receive)))
    return httpx.Response(response.status_code, headers=response.headers, content=response.body)


def server(
    handle: Callable[[httpx.Request], httpx.Response], *urls: str, token: str = ""
) -> ModelServer:
    """Return a client of whatever answers, which waits for nothing."""
    place = ServerPlace(urls or (URL,), token)
    transport = httpx.MockTransport(handle)
    return ModelServer(place, patience=60.0, transport=transport, sleep=lambda _: None)


def remote(replica: OneReplica, *, has_fallback: bool = False) -> RemoteEngine:
    entrance = door(replica)
    asked = server(lambda request: through(entrance, request))
    return RemoteEngine(
        tiny_pack(), ServerPlace((URL,), has_fallback=has_fallback), server=asked,
        load=lambda _: tiny_engine(),
    )  # fmt: skip
